//! A permutation as an array of source code, ready to paste into an engine.

use std::fmt::Write as _;

use serde_json::json;
use thiserror::Error;

use super::keywords::is_keyword;
use super::{Permutation, PermutationFile};

/// What a permutation can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Rust,
    C,
    Cpp,
    CSharp,
    Zig,
    Json,
    /// One-dimensional `int64`, as numpy saves it.
    Npy,
    /// One number a line.
    Text,
}

/// Which columns of the accumulator make an output of a pairwise feature transformer of `n` outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pairing {
    /// j and j + n.
    Halves,
    /// 2j and 2j + 1.
    Adjacent,
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<'a> {
    pub language: Language,
    /// Name of the array; `None` for one in the language's style.
    pub name: Option<&'a str>,
    /// Write the inverse too. Formats that hold one array ([`Language::Npy`], [`Language::Text`]) get the inverse
    /// alone.
    pub inverse: bool,
}

/// Why an array cannot be written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListingError {
    #[error("`{0}` cannot name an array: letters, digits and _ can, the first no digit")]
    Name(String),
    #[error("`{0}` cannot name an array: the language has another use for this word")]
    Keyword(String),
    #[error("`{0}` names nothing: npy and text have no names")]
    NoNames(String),
}

/// Numbers of a line.
const PER_LINE: usize = 16;

impl Permutation {
    /// The order of accumulator columns that this order of outputs means in a pairwise feature transformer: twice as
    /// many entries, `new_column[i] <- old_column[result[i]]`.
    #[must_use]
    pub fn columns(&self, pairing: Pairing) -> Permutation {
        let n = self.len() as u32;
        let outputs = || self.indices().iter().copied();
        let indices = match pairing {
            Pairing::Halves => outputs().chain(outputs().map(|it| it + n)).collect(),
            Pairing::Adjacent => outputs().flat_map(|it| [2 * it, 2 * it + 1]).collect(),
        };
        Permutation { indices }
    }
}

impl Language {
    /// Can an array have this name?
    ///
    /// # Errors
    /// It is no identifier, a keyword, or the format has no names.
    pub fn check_name(self, name: &str) -> Result<(), ListingError> {
        let starts_with_digit = name.starts_with(|it: char| it.is_ascii_digit());
        let is_identifier = !name.is_empty()
            && !starts_with_digit
            && name
                .bytes()
                .all(|it| it == b'_' || it.is_ascii_alphanumeric());
        let name = || name.to_string();
        match self {
            Language::Npy | Language::Text => Err(ListingError::NoNames(name())),
            _ if !is_identifier => Err(ListingError::Name(name())),
            _ if is_keyword(self, &name()) => Err(ListingError::Keyword(name())),
            _ => Ok(()),
        }
    }

    /// Name of the array if none is given, and what the inverse's name ends in.
    fn style(self) -> (&'static str, &'static str) {
        match self {
            Language::Rust | Language::C | Language::Cpp => ("FTPERM_ORDER", "_INVERSE"),
            Language::CSharp => ("FtpermOrder", "Inverse"),
            Language::Zig | Language::Json | Language::Npy | Language::Text => {
                ("ftperm_order", "_inverse")
            }
        }
    }
}

impl Listing<'_> {
    /// The bytes to paste or save. In all of them position i takes the old neuron `array[i]`, and the inverse says
    /// where old neuron j went.
    ///
    /// # Errors
    /// The name cannot be one; see [`Language::check_name`].
    pub fn of(&self, permutation: &Permutation) -> Result<Vec<u8>, ListingError> {
        let (default, suffix) = self.language.style();
        if let Some(name) = self.name {
            self.language.check_name(name)?;
        }
        let name = self.name.unwrap_or(default);
        let inverse = self.inverse.then(|| permutation.inverse());
        let alone = |file: &dyn Fn(&PermutationFile) -> Vec<u8>| {
            file(&PermutationFile {
                permutation: inverse.clone().unwrap_or_else(|| permutation.clone()),
                notes: Vec::new(),
            })
        };
        match self.language {
            Language::Npy => return Ok(alone(&PermutationFile::to_npy)),
            Language::Text => return Ok(alone(&|file| file.to_text().into_bytes())),
            Language::Json => {
                let mut object = serde_json::Map::new();
                object.insert(name.to_string(), json!(permutation.indices()));
                if let Some(inverse) = &inverse {
                    object.insert(format!("{name}{suffix}"), json!(inverse.indices()));
                }
                return Ok(format!("{}\n", serde_json::Value::Object(object)).into_bytes());
            }
            _ => {}
        }
        let mut text = self.head().to_string();
        let len = permutation.len();
        let _ = writeln!(
            text,
            "// The order of {len} neurons: position i takes the old neuron {name}[i]."
        );
        self.array(&mut text, name, permutation);
        if let Some(inverse) = &inverse {
            let name = format!("{name}{suffix}");
            let _ = writeln!(text, "// Its inverse: old neuron j went to {name}[j].");
            self.array(&mut text, &name, inverse);
        }
        Ok(text.into_bytes())
    }

    /// What the array's types need.
    fn head(&self) -> &'static str {
        match self.language {
            Language::C => "#include <stdint.h>\n\n",
            Language::Cpp => "#include <array>\n#include <cstdint>\n\n",
            _ => "",
        }
    }

    fn array(&self, text: &mut String, name: &str, permutation: &Permutation) {
        let len = permutation.len();
        let wide = len > 1 << 16;
        let bits = if wide { 32 } else { 16 };
        let (open, close) = match self.language {
            Language::Rust => (format!("pub static {name}: [u{bits}; {len}] = ["), "];"),
            Language::C => (
                format!("static const uint{bits}_t {name}[{len}] = {{"),
                "};",
            ),
            Language::Cpp => (
                format!("inline constexpr std::array<std::uint{bits}_t, {len}> {name} = {{"),
                "};",
            ),
            Language::CSharp => {
                let kind = if wide { "uint" } else { "ushort" };
                (format!("public static readonly {kind}[] {name} = {{"), "};")
            }
            Language::Zig => (format!("pub const {name} = [{len}]u{bits}{{"), "};"),
            Language::Json | Language::Npy | Language::Text => return,
        };
        text.push_str(&open);
        text.push('\n');
        for line in permutation.indices().chunks(PER_LINE) {
            text.push_str("   ");
            for index in line {
                let _ = write!(text, " {index},");
            }
            text.push('\n');
        }
        text.push_str(close);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(language: Language, inverse: bool) -> String {
        let order = Permutation::new(vec![2, 0, 1]).unwrap();
        let listing = Listing {
            language,
            name: None,
            inverse,
        };
        String::from_utf8(listing.of(&order).unwrap()).unwrap()
    }

    #[test]
    fn arrays_by_hand() {
        assert_eq!(
            text(Language::CSharp, true),
            "// The order of 3 neurons: position i takes the old neuron FtpermOrder[i].\n\
             public static readonly ushort[] FtpermOrder = {\n    2, 0, 1,\n};\n\
             // Its inverse: old neuron j went to FtpermOrderInverse[j].\n\
             public static readonly ushort[] FtpermOrderInverse = {\n    1, 2, 0,\n};\n"
        );
        assert!(
            text(Language::Zig, false)
                .ends_with("pub const ftperm_order = [3]u16{\n    2, 0, 1,\n};\n")
        );
        assert_eq!(text(Language::Json, false), "{\"ftperm_order\":[2,0,1]}\n");
        assert_eq!(text(Language::Text, false), "2\n0\n1\n");
        assert_eq!(text(Language::Text, true), "1\n2\n0\n");
    }

    #[test]
    fn columns_of_pairs_by_hand() {
        let order = Permutation::new(vec![2, 0, 1]).unwrap();
        assert_eq!(order.columns(Pairing::Halves).indices(), [2, 0, 1, 5, 3, 4]);
        assert_eq!(
            order.columns(Pairing::Adjacent).indices(),
            [4, 5, 0, 1, 2, 3]
        );
    }

    #[test]
    fn names_are_checked() {
        use Language::{C, CSharp, Cpp, Json, Npy, Rust, Text, Zig};
        let all = [Rust, C, Cpp, CSharp, Zig, Json, Npy, Text];
        let named = [Rust, C, Cpp, CSharp, Zig, Json];
        let fits = |name: &str| -> Vec<Language> {
            let fits = |it: &Language| it.check_name(name).is_ok();
            all.into_iter().filter(fits).collect()
        };
        for name in ["x", "_a9", "ORDER", "ifs", "For"] {
            assert_eq!(fits(name), named, "{name}");
        }
        for name in ["", "9a", "a b", "a;", "ä", "r#fn"] {
            assert_eq!(fits(name), [], "{name}");
        }
        // What the languages' own compilers refuse.
        for (name, others) in [
            ("fn", &[C, Cpp, CSharp, Json][..]),
            ("int", &[Rust, Zig, Json]),
            ("restrict", &[Rust, Cpp, CSharp, Zig, Json]),
            ("co_await", &[Rust, C, CSharp, Zig, Json]),
            ("foreach", &[Rust, C, Cpp, Zig, Json]),
            ("u16", &[Rust, C, Cpp, CSharp, Json]),
            ("u", &[Rust, C, Cpp, CSharp, Zig, Json]),
            ("_", &[C, Cpp, CSharp, Json]),
            ("while", &[Json]),
        ] {
            assert_eq!(fits(name), others, "{name}");
        }
    }
}
