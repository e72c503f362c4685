//! Words that cannot name an array in a language.

use super::listing::Language;

/// The keywords of the 2024 edition, reserved ones too (The Rust Reference, "Keywords"), and `_`.
const RUST: &str = "
    Self _ abstract as async await become box break const continue crate do dyn else enum extern false final fn
    for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct super
    trait true try type typeof unsafe unsized use virtual where while yield
";

/// C23, section 6.4.1, with alternate spellings and the `asm` of all compilers.
const C: &str = "
    _Alignas _Alignof _Atomic _BitInt _Bool _Complex _Decimal128 _Decimal32 _Decimal64 _Generic _Imaginary
    _Noreturn _Static_assert _Thread_local alignas alignof asm auto bool break case char const constexpr continue
    default do double else enum extern false float for goto if inline int long nullptr register restrict return
    short signed sizeof static static_assert struct switch thread_local true typedef typeof typeof_unqual union
    unsigned void volatile while
";

/// C++23, section 5.11, with the alternative tokens.
const CPP: &str = "
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class
    co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype
    default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline
    int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template
    this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t
    while xor xor_eq
";

/// C# 13; words that are keywords only in some places can be names.
const C_SHARP: &str = "
    abstract as base bool break byte case catch char checked class const continue decimal default delegate do
    double else enum event explicit extern false finally fixed float for foreach goto if implicit in int interface
    internal is lock long namespace new null object operator out override params private protected public readonly
    ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint
    ulong unchecked unsafe ushort using virtual void volatile while
";

/// Zig 0.15: keywords, `_`, and primitive types and values, which no name may shadow.
const ZIG: &str = "
    _ addrspace align allowzero and anyerror anyframe anyopaque anytype asm async await bool break c_char c_int
    c_long c_longdouble c_longlong c_short c_uint c_ulong c_ulonglong c_ushort callconv catch comptime
    comptime_float comptime_int const continue defer else enum errdefer error export extern f128 f16 f32 f64 f80
    false fn for if inline isize linksection noalias noinline noreturn nosuspend null opaque or orelse packed pub
    resume return struct suspend switch test threadlocal true try type undefined union unreachable usingnamespace
    usize var void volatile while
";

/// Does the word mean something else in the language?
pub fn is_keyword(language: Language, word: &str) -> bool {
    let words = match language {
        Language::Rust => RUST,
        Language::C => C,
        Language::Cpp => CPP,
        Language::CSharp => C_SHARP,
        Language::Zig => ZIG,
        Language::Json | Language::Npy | Language::Text => "",
    };
    // Zig has integers of any number of bits.
    let digits = word.strip_prefix(['i', 'u']).unwrap_or("");
    let is_integer = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    words.split_whitespace().any(|it| it == word) || language == Language::Zig && is_integer
}
