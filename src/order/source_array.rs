//! An array of numbers in an engine's source, by which its build moves the neurons once more.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::{BuildOrder, Permutation};
use crate::files::reading::{ReadError, read_file};

/// Largest source file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// What the build does with the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArrayKind {
    /// Neuron i of the engine is neuron `array[i]` of the file.
    Order,
    /// The neurons are sorted by these numbers, the largest first, and equal ones stay in the file's order.
    Counts,
}

/// Numbers in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceArray {
    pub numbers: Vec<u64>,
    /// Where they stand: the bytes between the brackets.
    pub place: Range<usize>,
    /// The line of the opening bracket, from 1.
    pub line: usize,
}

/// Why a source file has no array that can be used.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct SourceArrayError {
    pub path: PathBuf,
    pub problem: SourceArrayProblem,
}

/// What is wrong with a source file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceArrayProblem {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("there is no array of {len} numbers{}", named(.name))]
    Missing { len: usize, name: Option<String> },
    #[error("there are arrays of {len} numbers{} in the lines {}", named(.name), list(.lines))]
    Several {
        len: usize,
        name: Option<String>,
        lines: Vec<usize>,
    },
    #[error("the array in line {line} is no order: {why}")]
    NoOrder {
        line: usize,
        why: super::PermutationError,
    },
}

fn named(name: &Option<String>) -> String {
    name.as_ref()
        .map_or(String::new(), |name| format!(" with the name {name}"))
}

fn list(lines: &[usize]) -> String {
    let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
    lines.join(", ")
}

/// A source file with the array by which a build moves the neurons.
#[derive(Clone, Debug)]
pub struct BuildSource {
    bytes: Vec<u8>,
    pub array: SourceArray,
    pub kind: ArrayKind,
    /// What the array does now.
    pub order: BuildOrder,
}

impl BuildSource {
    /// Reads a source file. The array is the one of `neurons` numbers before which `name` stands, if a name is given.
    /// Without a kind the numbers tell it.
    ///
    /// # Errors
    /// The file cannot be read, has no such array or several, or the array should be an order and is none.
    pub fn read(
        path: &Path,
        name: Option<&str>,
        kind: Option<ArrayKind>,
        neurons: usize,
    ) -> Result<BuildSource, SourceArrayError> {
        let read = || {
            let bytes = read_file(path, MAX_BYTES)?.bytes;
            let array = SourceArray::find(&bytes, name, neurons)?;
            let kind = kind.unwrap_or_else(|| array.likely_kind());
            let order = BuildOrder::new(array.order(kind)?);
            Ok(BuildSource {
                bytes,
                array,
                kind,
                order,
            })
        };
        read().map_err(|problem| SourceArrayError {
            path: path.to_path_buf(),
            problem,
        })
    }

    /// The source with numbers that give the engine this order of the neurons that it has now.
    #[must_use]
    pub fn with_order(mut self, in_engine: &Permutation) -> Vec<u8> {
        let numbers = self.kind.listing(&self.order.then(in_engine));
        self.bytes.splice(self.array.place, numbers.into_bytes());
        self.bytes
    }
}

impl SourceArray {
    /// Finds the array of `len` numbers in the bytes of a source file: the one before which `name` stands, if a name is
    /// given.
    ///
    /// # Errors
    /// There is no such array, or several.
    pub fn find(
        bytes: &[u8],
        name: Option<&str>,
        len: usize,
    ) -> Result<SourceArray, SourceArrayProblem> {
        let mut found: Vec<SourceArray> = arrays(bytes, name, len);
        if found.len() > 1 {
            return Err(SourceArrayProblem::Several {
                len,
                name: name.map(str::to_string),
                lines: found.iter().map(|array| array.line).collect(),
            });
        }
        found.pop().ok_or_else(|| SourceArrayProblem::Missing {
            len,
            name: name.map(str::to_string),
        })
    }

    /// The order of the file's neurons that the engine has them in.
    ///
    /// # Errors
    /// The numbers should be an order and are none.
    pub fn order(&self, kind: ArrayKind) -> Result<Permutation, SourceArrayProblem> {
        let order = match kind {
            // A number above 32 bits is no neuron either.
            ArrayKind::Order => self
                .numbers
                .iter()
                .map(|&number| u32::try_from(number).unwrap_or(u32::MAX))
                .collect(),
            ArrayKind::Counts => {
                let mut order: Vec<u32> = (0..self.numbers.len() as u32).collect();
                order.sort_by_key(|&neuron| std::cmp::Reverse(self.numbers[neuron as usize]));
                order
            }
        };
        Permutation::new(order).map_err(|why| SourceArrayProblem::NoOrder {
            line: self.line,
            why,
        })
    }

    /// An order, if the numbers are one; else they are counts.
    pub fn likely_kind(&self) -> ArrayKind {
        match self.order(ArrayKind::Order) {
            Ok(_) => ArrayKind::Order,
            Err(_) => ArrayKind::Counts,
        }
    }
}

impl ArrayKind {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            ArrayKind::Order => "an order",
            ArrayKind::Counts => "counts to sort by",
        }
    }

    /// The numbers with which a build gives its neurons this order, as they stand between brackets.
    pub fn listing(self, order: &Permutation) -> String {
        let mut text = "\n".to_string();
        for line in self.numbers(order).chunks(16) {
            let line: Vec<String> = line.iter().map(|number| format!("{number},")).collect();
            text.push_str(&format!("    {}\n", line.join(" ")));
        }
        text
    }

    /// The numbers with which a build gives its neurons this order.
    pub fn numbers(self, order: &Permutation) -> Vec<u32> {
        match self {
            ArrayKind::Order => order.indices().to_vec(),
            ArrayKind::Counts => {
                let len = order.len() as u32;
                let places = order.inverse();
                places.indices().iter().map(|place| len - place).collect()
            }
        }
    }
}

/// More arrays than this are not looked for: one is wanted.
const MOST: usize = 10;

/// Arrays of so many numbers, in brackets or braces; comments and strings aside.
fn arrays(bytes: &[u8], name: Option<&str>, len: usize) -> Vec<SourceArray> {
    let code = without_comments(bytes);
    let mut found = Vec::new();
    // Where the array before ended: a name stands after it.
    let mut free = 0;
    let mut at = 0;
    while let Some(open) = code[at..].iter().position(|byte| b"[{".contains(byte)) {
        let open = at + open;
        at = open + 1;
        let close = if code[open] == b'[' { b']' } else { b'}' };
        let Some((numbers, end)) = numbers(&code, at, close) else {
            continue;
        };
        let is_named = name.is_none_or(|name| has_word(&code[free..open], name.as_bytes()));
        if numbers.len() == len && is_named {
            found.push(SourceArray {
                numbers,
                place: at..end,
                line: 1 + code[..open].iter().filter(|&&byte| byte == b'\n').count(),
            });
            if found.len() == MOST {
                break;
            }
        }
        at = end + 1;
        free = at;
    }
    found
}

/// The numbers from here to the closing bracket, and where that is; `None` if anything else stands there.
fn numbers(code: &[u8], from: usize, close: u8) -> Option<(Vec<u64>, usize)> {
    let mut at = from;
    let mut numbers = Vec::new();
    loop {
        at += spaces(&code[at..]);
        if code.get(at) == Some(&close) && !numbers.is_empty() {
            return Some((numbers, at));
        }
        let word = code[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"_'".contains(byte));
        let word = &code[at..at + word.count()];
        numbers.push(number(word)?);
        at += word.len();
        at += spaces(&code[at..]);
        match code.get(at) {
            Some(b',') => at += 1,
            Some(byte) if *byte == close => {}
            _ => return None,
        }
    }
}

fn spaces(code: &[u8]) -> usize {
    code.iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}

/// A number as languages write it: with `_` or `'` between digits, and letters of a type after them.
fn number(word: &[u8]) -> Option<u64> {
    let digits = word
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || b"_'".contains(byte))
        .filter(|byte| byte.is_ascii_digit());
    let typed = word.iter().find(|byte| byte.is_ascii_alphabetic());
    if !word.first()?.is_ascii_digit() || typed.is_some_and(|letter| !b"iuIUlLzZ".contains(letter))
    {
        return None;
    }
    digits.clone().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

fn has_word(code: &[u8], word: &[u8]) -> bool {
    let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    code.split(|&byte| !is_part(byte)).any(|part| part == word)
}

/// As long as the source, with spaces for what is in comments and strings.
fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let len = if rest.starts_with(b"//") {
            rest.iter()
                .position(|&byte| byte == b'\n')
                .unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            memchr::memmem::find(&rest[2..], b"*/").map_or(rest.len(), |end| end + 4)
        } else if rest.starts_with(b"\"") {
            string(rest)
        } else {
            // `'"'` is no beginning of a string.
            at += if rest.starts_with(b"'\"'") { 3 } else { 1 };
            continue;
        };
        for byte in &mut code[at..at + len] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += len;
    }
    code
}

/// Length of the string that begins here.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        at += match byte {
            b'\\' => 2,
            b'"' => return at + 1,
            _ => 1,
        };
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
// const ORDER: [usize; N] = [3, 2, 1, 0];
const OTHER: [usize; 4] = [7, 7, 7, 7];
static TEXT: &str = "ORDER = [0, 0, 0, 0]"; /* [9, 9, 9, 9] */
const ORDER: [usize; N] = [
    2, 0u16, // the first two
    1_u64, 3,
];
fn main() { println!("{}", ORDER[3]); let x = [1, 2, 3]; }
"#;

    fn find(name: Option<&str>, len: usize) -> Result<SourceArray, SourceArrayProblem> {
        SourceArray::find(SOURCE.as_bytes(), name, len)
    }

    #[test]
    fn arrays_by_hand() {
        let array = find(Some("ORDER"), 4).unwrap();
        assert_eq!(
            (array.numbers.as_slice(), array.line),
            (&[2, 0, 1, 3][..], 5)
        );
        let inside = &SOURCE[array.place.clone()];
        assert!(inside.starts_with("\n    2, 0u16") && inside.ends_with("3,\n"));
        assert_eq!(array.likely_kind(), ArrayKind::Order);
        assert_eq!(
            array.order(ArrayKind::Order).unwrap().indices(),
            [2, 0, 1, 3]
        );
        // The largest number first; of equal ones the first.
        assert_eq!(
            array.order(ArrayKind::Counts).unwrap().indices(),
            [3, 0, 2, 1]
        );
        let equal = find(Some("OTHER"), 4).unwrap();
        assert_eq!(equal.likely_kind(), ArrayKind::Counts);
        assert!(equal.order(ArrayKind::Counts).unwrap().is_identity());
        assert_eq!(find(None, 3).unwrap().numbers, [1, 2, 3]);
    }

    #[test]
    fn what_is_not_there_or_there_twice_is_said() {
        let said = |name, len| find(name, len).unwrap_err().to_string();
        assert_eq!(
            said(None, 4),
            "there are arrays of 4 numbers in the lines 3, 5"
        );
        assert_eq!(said(None, 5), "there is no array of 5 numbers");
        assert_eq!(
            said(Some("ORDE"), 4),
            "there is no array of 4 numbers with the name ORDE"
        );
        let wrong = find(Some("OTHER"), 4).unwrap().order(ArrayKind::Order);
        assert_eq!(
            wrong.unwrap_err().to_string(),
            "the array in line 3 is no order: entry 0 is 7, but a permutation of 4 has only 0 to 3"
        );
    }

    #[test]
    fn whatever_stands_there_ends() {
        for text in [
            "",
            "[",
            "{{{[1,",
            "[1 2]",
            "\"",
            "'\"'[1,2]",
            "/*",
            "[18446744073709551616]",
            "[-1]",
            "[1.5]",
            "[,]",
            "[0x10]",
        ] {
            let found = SourceArray::find(text.as_bytes(), None, 2);
            assert_eq!(found.is_ok(), text == "'\"'[1,2]", "{text}");
        }
    }

    #[test]
    fn counts_give_the_order_that_they_are_made_for() {
        let order = Permutation::new(vec![2, 0, 3, 1]).unwrap();
        // Neuron 2 first, then 0, 3 and 1.
        assert_eq!(ArrayKind::Counts.numbers(&order), [3, 1, 4, 2]);
        assert_eq!(ArrayKind::Order.numbers(&order), [2, 0, 3, 1]);
        let array = SourceArray {
            numbers: vec![3, 1, 4, 2],
            place: 0..0,
            line: 1,
        };
        assert_eq!(array.order(ArrayKind::Counts).unwrap(), order);
    }
}
