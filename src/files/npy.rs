//! The headers of `.npy` files: what the values behind them are, and in which shape (NumPy's format 1 to 3).

use std::io::{self, Read};

use super::quote::excerpt;

/// What every file begins with.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read, in bytes; NumPy itself refuses more than 10000.
const MAX_HEADER: usize = 1 << 16;

/// Opening brackets in a header; one of a matrix has two.
const MAX_BRACKETS: usize = 8;

/// How values follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those of the last dimension side by side.
    C,
    /// Those of the first dimension side by side.
    Fortran,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int,
    Uint,
    Float,
}

/// A value as the file holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    pub kind: Kind,
    /// In bytes: 1, 2, 4 or 8.
    pub width: usize,
    pub big_endian: bool,
}

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// As it stands there, with its quotes or brackets.
    pub dtype: String,
    pub shape: Vec<u64>,
    pub order: Order,
}

impl Header {
    /// Reads to the end of the header, and no further.
    ///
    /// # Errors
    /// Those of the stream, an end within the header, no `.npy` at all, a header that no writer makes.
    pub fn read(input: &mut impl Read) -> io::Result<Header> {
        let text = header_text(input)?;
        let brackets = text.iter().filter(|byte| b"([{".contains(byte)).count();
        if brackets > MAX_BRACKETS {
            return Err(damaged(format!(
                "the header has {brackets} opening brackets, more than the {MAX_BRACKETS} of any matrix"
            )));
        }
        let syntax = || {
            let text = excerpt(&text);
            damaged(format!("`{text}` is no header of a .npy file"))
        };
        let read = std::str::from_utf8(&text).map_err(|_| syntax())?;
        let header = Text(read).header().ok_or_else(syntax)?;
        let values = header.shape.iter().copied();
        match values.reduce(|a, b| a.saturating_mul(b)) {
            Some(u64::MAX) => Err(damaged(
                "the shape in the .npy header is beyond all bounds".to_string(),
            )),
            _ => Ok(header),
        }
    }

    /// What a value is; `None` for what is neither a truth value nor a number of up to 64 bits.
    #[must_use]
    pub fn scalar(&self) -> Option<Scalar> {
        let inner = self.dtype.strip_prefix(['\'', '"'])?;
        let mut letters = inner.strip_suffix(['\'', '"'])?.chars();
        let (order, kind) = (letters.next()?, letters.next()?);
        let kind = match kind {
            'b' => Kind::Bool,
            'i' => Kind::Int,
            'u' => Kind::Uint,
            'f' => Kind::Float,
            _ => return None,
        };
        let width = match letters.as_str() {
            "1" if kind != Kind::Float => 1,
            "2" if kind != Kind::Bool => 2,
            "4" if kind != Kind::Bool => 4,
            "8" if kind != Kind::Bool => 8,
            _ => return None,
        };
        let big_endian = match order {
            '<' => false,
            '>' => width > 1,
            '|' if width == 1 => false,
            _ => return None,
        };
        Some(Scalar {
            kind,
            width,
            big_endian,
        })
    }
}

/// The header as `numpy.save` writes it, up to a multiple of 64 bytes, with room for the first dimension to grow.
/// `dtype` has no quotes.
#[must_use]
pub fn header_bytes(dtype: &str, shape: &[usize]) -> Vec<u8> {
    const PREFIX: usize = 10;
    const DIGITS: usize = 21;
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let shape = match sizes.as_slice() {
        [size] => format!("({size},)"),
        sizes => format!("({})", sizes.join(", ")),
    };
    let mut text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}");
    let first = sizes.first().map_or(DIGITS, String::len);
    text.push_str(&" ".repeat(DIGITS.saturating_sub(first)));
    let len = (PREFIX + text.len() + 1).next_multiple_of(64) - PREFIX;
    let mut header = [MAGIC, &[1, 0]].concat();
    header.extend((len as u16).to_le_bytes());
    header.extend(format!("{text:<width$}\n", width = len - 1).bytes());
    header
}

fn damaged(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// The text between magic and values.
fn header_text(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = [0; 10];
    fill(input, &mut start)?;
    if !start.starts_with(MAGIC) {
        return Err(damaged("it does not begin as .npy files do".to_string()));
    }
    // Format 1 has a length of two bytes at offset 8, later ones have four.
    let len = if start[6] == 1 {
        usize::from(u16::from_le_bytes([start[8], start[9]]))
    } else {
        let mut high = [0; 2];
        fill(input, &mut high)?;
        u32::from_le_bytes([start[8], start[9], high[0], high[1]]) as usize
    };
    if len > MAX_HEADER {
        return Err(damaged(format!(
            "the header is {len} bytes long by its offset 8, more than the {MAX_HEADER} that are read"
        )));
    }
    let mut text = vec![0; len];
    fill(input, &mut text)?;
    Ok(text)
}

fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<()> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "it ends within the .npy header")
        }
        _ => error,
    })
}

/// What is left of a dictionary in Python's notation.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The whole dictionary: `descr`, `fortran_order` and `shape`, each once, in any order.
    fn header(mut self) -> Option<Header> {
        let (mut dtype, mut order, mut shape) = (None, None, None);
        self.sign('{')?;
        while self.sign('}').is_none() {
            let key = self.quoted()?;
            self.sign(':')?;
            let again = match &key[1..key.len() - 1] {
                "descr" => dtype.replace(self.dtype()?).is_some(),
                "fortran_order" => order.replace(self.order()?).is_some(),
                "shape" => shape.replace(self.shape()?).is_some(),
                _ => return None,
            };
            if again || self.sign(',').is_none() && !self.0.trim_start().starts_with('}') {
                return None;
            }
        }
        self.0.trim().is_empty().then_some(Header {
            dtype: dtype?,
            shape: shape?,
            order: order?,
        })
    }

    /// Passes over blanks and this sign.
    fn sign(&mut self, sign: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(sign)?;
        Some(())
    }

    /// A string with its quotes. None that a header has need escapes.
    fn quoted(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_start();
        let quote = self.0.chars().next().filter(|c| ['\'', '"'].contains(c))?;
        let end = 1 + self.0[1..].find([quote, '\\'])?;
        let (all, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        all.ends_with(quote).then_some(all)
    }

    /// A string, or the list of a structured type, whose contents do not matter.
    fn dtype(&mut self) -> Option<String> {
        self.0 = self.0.trim_start();
        let start = self.0;
        let mut open = 0;
        loop {
            match self.0.trim_start().chars().next()? {
                '\'' | '"' => drop(self.quoted()?),
                sign @ ('[' | '(') => {
                    self.sign(sign)?;
                    open += 1;
                }
                sign @ (']' | ')') if open > 0 => {
                    self.sign(sign)?;
                    open -= 1;
                }
                other if open > 0 && other != '{' && other != '}' => self.sign(other)?,
                _ => return None,
            }
            if open == 0 {
                return Some(start[..start.len() - self.0.len()].to_string());
            }
        }
    }

    fn order(&mut self) -> Option<Order> {
        let text = self.0.trim_start();
        let orders = [("False", Order::C), ("True", Order::Fortran)];
        let found = orders.map(|(word, order)| Some((text.strip_prefix(word)?, order)));
        let (rest, order) = found.into_iter().flatten().next()?;
        self.0 = rest;
        Some(order)
    }

    /// A tuple of numbers. Those that have no room are as large as can be.
    fn shape(&mut self) -> Option<Vec<u64>> {
        let mut sizes = Vec::new();
        self.sign('(')?;
        loop {
            if self.sign(')').is_some() {
                return Some(sizes);
            }
            self.0 = self.0.trim_start();
            let end = self.0.find(|c: char| !c.is_ascii_digit())?;
            let (digits, rest) = self.0.split_at(end);
            if digits.is_empty() {
                return None;
            }
            sizes.push(digits.parse().unwrap_or(u64::MAX));
            self.0 = rest;
            let more = self.sign(',').is_some();
            let closed = self.0.trim_start().starts_with(')');
            // A single number needs its comma: without it is no tuple.
            if !more && (!closed || sizes.len() == 1) {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> io::Result<Header> {
        let mut bytes = [MAGIC, &[1, 0]].concat();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.bytes());
        Header::read(&mut bytes.as_slice())
    }

    #[test]
    fn what_numpy_writes() {
        // numpy.save of arrays of these types and shapes, by NumPy 1.24.
        for (text, dtype, shape, order) in [
            (
                "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }  \n",
                "'<i8'",
                &[3][..],
                Order::C,
            ),
            (
                "{'descr': '|b1', 'fortran_order': True, 'shape': (2, 4), }\n",
                "'|b1'",
                &[2, 4],
                Order::Fortran,
            ),
            (
                "{'descr': '>f4', 'fortran_order': False, 'shape': (), }\n",
                "'>f4'",
                &[],
                Order::C,
            ),
            (
                "{'descr': [('a', '<i4'), ('b', '<f8', (2,))], 'fortran_order': False, 'shape': (1, 0, 5), }\n",
                "[('a', '<i4'), ('b', '<f8', (2,))]",
                &[1, 0, 5],
                Order::C,
            ),
        ] {
            let header = read(text).expect(text);
            assert_eq!((header.dtype.as_str(), header.order), (dtype, order));
            assert_eq!(header.shape, shape);
        }
        // Other writers order and space as they like.
        let other = "{\"shape\":(2,4),'fortran_order' : False,\n'descr':\"<u2\"}";
        assert_eq!(read(other).expect(other).shape, [2, 4]);
    }

    #[test]
    fn what_no_writer_makes() {
        for text in [
            "",
            "{}",
            "{'descr': '<i8', 'fortran_order': False}",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (3)}",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (3,",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (-3,)}",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (0x3,)}",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (3 4)}",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (3,)} x",
            "{'descr': '<i8', 'fortran_order': Falsely, 'shape': (3,)}",
            "{'descr': '<i8', 'descr': '<i8', 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '<i8' 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '<i8\\'', 'fortran_order': False, 'shape': (3,)}",
            "{'descr': [('a', '<i8'), 'fortran_order': False, 'shape': (3,)}",
            "{'descr': <i8, 'fortran_order': False, 'shape': (3,)}",
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.ends_with("is no header of a .npy file"), "{error}");
        }
        for shape in ["(18446744073709551616,)", "(4294967296, 4294967296)"] {
            let text = format!("{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}}}");
            let error = read(&text).expect_err(shape).to_string();
            assert!(error.ends_with("beyond all bounds"), "{error}");
        }
    }

    #[test]
    fn types() {
        let scalar = |dtype: &str| {
            let header = Header {
                dtype: format!("'{dtype}'"),
                shape: Vec::new(),
                order: Order::C,
            };
            let found = header.scalar()?;
            Some((found.kind, found.width, found.big_endian))
        };
        assert_eq!(scalar("|b1"), Some((Kind::Bool, 1, false)));
        assert_eq!(scalar("<i8"), Some((Kind::Int, 8, false)));
        assert_eq!(scalar(">u2"), Some((Kind::Uint, 2, true)));
        assert_eq!(scalar("<f2"), Some((Kind::Float, 2, false)));
        for other in [
            "<c8", "|i8", "<f16", "<b2", "<f1", "<M8[ns]", "|O", "<U4", "i8", "<", "",
        ] {
            assert_eq!(scalar(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(shape in prop::collection::vec(0usize..100_000, 0..4)) {
            let bytes = header_bytes("<f4", &shape);
            prop_assert!(bytes.len().is_multiple_of(64));
            let mut rest = bytes.as_slice();
            let header = Header::read(&mut rest).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(header.dtype, "'<f4'");
            prop_assert!(header.shape.iter().eq(shape.iter().map(|&size| size as u64).collect::<Vec<_>>().iter()));
        }

        #[test]
        fn any_text_is_an_error_at_most(text in "[{}()\\[\\]'\":, a-z0-9<|]{0,80}") {
            let _ = read(&text);
        }
    }
}
