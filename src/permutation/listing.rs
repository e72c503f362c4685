//! A permutation as an array of source code, ready to paste into an engine.

use std::fmt::Write as _;

use serde_json::json;
use thiserror::Error;

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
pub enum ListingError {
    #[error("`{0}` cannot name an array: letters, digits and _ can, the first no digit")]
    Name(String),
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
    /// The name is none.
    pub fn of(&self, permutation: &Permutation) -> Result<Vec<u8>, ListingError> {
        let (default, suffix) = self.language.style();
        let name = self.name.unwrap_or(default);
        check_name(name)?;
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

/// Is this an identifier in all of the languages, keywords aside?
fn check_name(name: &str) -> Result<(), ListingError> {
    let fits = name
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit());
    fits.then_some(())
        .ok_or_else(|| ListingError::Name(name.to_string()))
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
        let order = Permutation::identity(4);
        for (name, fits) in [
            ("x", true),
            ("_a9", true),
            ("", false),
            ("9a", false),
            ("a b", false),
            ("a;", false),
        ] {
            let listing = Listing {
                language: Language::Rust,
                name: Some(name),
                inverse: false,
            };
            assert_eq!(listing.of(&order).is_ok(), fits, "{name}");
        }
    }
}
