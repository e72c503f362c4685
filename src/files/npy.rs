//! Guards the reader of `.npy` headers, another crate's, against what a header may ask of it.

use std::io::{self, Read};

/// Longest header that is read, in bytes; numpy itself refuses more than 10000.
const MAX_HEADER: usize = 1 << 16;

/// Opening brackets in a header; one of a matrix has two. The reader descends into every one of them, and where one
/// is not closed its time doubles with each.
const MAX_BRACKETS: usize = 8;

/// Digits in a header, all numbers together. The reader multiplies the sizes of a shape, and a product of numbers is
/// less than ten to the number of their digits, which with so many fits 64 bits.
const MAX_DIGITS: usize = 19;

/// Reads the bytes of a file up to the end of its header, and no further.
///
/// # Errors
/// Those of the stream, an end within the header, no `.npy` at all, a header that no writer makes.
pub(crate) fn header_bytes(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let damaged = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let mut bytes = vec![0; 10];
    fill(input, &mut bytes)?;
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(damaged("it does not begin as .npy files do".to_string()));
    }
    // Format 1 has a length of two bytes at offset 8, later ones have four.
    let len = if bytes[6] == 1 {
        usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))
    } else {
        let mut high = [0; 2];
        fill(input, &mut high)?;
        bytes.extend(high);
        u32::from_le_bytes([bytes[8], bytes[9], high[0], high[1]]) as usize
    };
    if len > MAX_HEADER {
        return Err(damaged(format!(
            "the header is {len} bytes long by its offset 8, more than the {MAX_HEADER} that are read"
        )));
    }
    let start = bytes.len();
    bytes.resize(start + len, 0);
    fill(input, &mut bytes[start..])?;
    let header = &bytes[start..];
    let brackets = header.iter().filter(|byte| b"([{".contains(byte)).count();
    if brackets > MAX_BRACKETS {
        return Err(damaged(format!(
            "the header has {brackets} opening brackets, more than the {MAX_BRACKETS} of any matrix"
        )));
    }
    if digits(header).is_none_or(|digits| digits > MAX_DIGITS) {
        return Err(damaged(
            "the shape in the .npy header is beyond all bounds".to_string(),
        ));
    }
    Ok(bytes)
}

fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<()> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "it ends within the .npy header")
        }
        _ => error,
    })
}

/// Digits of all words that begin with one; `None` if one of these is no decimal number.
fn digits(header: &[u8]) -> Option<usize> {
    header
        .split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        .filter(|word| word.first().is_some_and(u8::is_ascii_digit))
        .try_fold(0, |sum, word| {
            word.iter()
                .all(u8::is_ascii_digit)
                .then_some(sum + word.len())
        })
}
