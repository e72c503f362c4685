//! Files whose values are in LEB128, one after the other: integers signed, floats as the unsigned number of their bits.

use super::description::Layout;
use super::error::RawNetError;
use super::tensor::{ElementType, Tensor};
use crate::nets::stockfish::leb128::{
    Leb128Value, count, decode_in_pieces, encode as encode_signed,
};
use crate::nets::stockfish::raw_values;

/// Bytes that 32 bits take at most.
const MOST: usize = 5;

/// The longest file of this layout, in bytes.
pub(super) fn most(layout: &Layout) -> usize {
    let values: usize = layout.tensors.iter().map(Tensor::len).sum();
    (layout.header() + layout.footer()).saturating_add(values.saturating_mul(MOST))
}

/// The file at fixed width. Memory is in proportion to the file: every value takes a byte of it at least.
///
/// # Errors
/// It ends too early or too late, or a value does not fit its tensor's type.
pub(super) fn decode(file: &[u8], layout: &Layout) -> Result<Vec<u8>, RawNetError> {
    let values: usize = layout.tensors.iter().map(Tensor::len).sum();
    let least = layout.header() + values + layout.footer();
    if file.len() < least {
        return Err(RawNetError::FewValues {
            expected: least as u64,
            found: file.len() as u64,
        });
    }
    let mut bytes = Vec::with_capacity(layout.len);
    bytes.extend_from_slice(&file[..layout.header()]);
    let mut at = layout.header();
    for tensor in &layout.tensors {
        let len = match of_shortest_values(&file[at..], tensor, &mut bytes) {
            Some(len) => len,
            None => one_by_one(file, at, tensor, &mut bytes)?,
        };
        at += len;
    }
    let rest = file.len() - at;
    if rest != layout.footer() {
        return Err(RawNetError::Rest {
            offset: at as u64,
            found: rest as u64,
            expected: layout.footer() as u64,
        });
    }
    bytes.extend_from_slice(&file[at..]);
    Ok(bytes)
}

/// Appends the values of a tensor of signed integers, on all cores, and says how many bytes of the file they take;
/// `None`, and nothing is appended, if one is longer than its type needs or wrong.
fn of_shortest_values(file: &[u8], tensor: &Tensor, bytes: &mut Vec<u8>) -> Option<usize> {
    let len = ends_of_values(file, tensor.len())?;
    let payload = &file[..len];
    match tensor.element {
        ElementType::I8 => append(payload, tensor.len(), i8::to_le_bytes, bytes),
        ElementType::I16 => append(payload, tensor.len(), i16::to_le_bytes, bytes),
        ElementType::I32 => append(payload, tensor.len(), i32::to_le_bytes, bytes),
        ElementType::U8 | ElementType::F32 => None,
    }?;
    Some(len)
}

fn append<T: Leb128Value, const N: usize>(
    payload: &[u8],
    values: usize,
    to_bytes: fn(T) -> [u8; N],
    bytes: &mut Vec<u8>,
) -> Option<()> {
    let before = bytes.len();
    let each = |_: usize, values: &[T]| {
        let start = bytes.len();
        bytes.resize(start + N * values.len(), 0);
        let (places, _) = bytes[start..].as_chunks_mut::<N>();
        for (place, &value) in places.iter_mut().zip(values) {
            *place = to_bytes(value);
        }
    };
    if decode_in_pieces(payload, values, each).is_err() {
        bytes.truncate(before);
        return None;
    }
    Some(())
}

/// How many bytes so many values take.
fn ends_of_values(file: &[u8], values: usize) -> Option<usize> {
    /// Bytes that are counted at a time.
    const PIECE: usize = 1 << 12;
    let mut left = values;
    let mut at = 0;
    for piece in file.chunks(PIECE) {
        let ends = count(piece);
        if ends >= left {
            let mut places = piece.iter().enumerate();
            let mut ends = places.by_ref().filter(|(_, byte)| **byte & 0x80 == 0);
            return ends
                .nth(left.checked_sub(1)?)
                .map(|(place, _)| at + place + 1);
        }
        left -= ends;
        at += piece.len();
    }
    None
}

/// As [`of_shortest_values`], of any values, which begin `at` this byte of the file.
fn one_by_one(
    file: &[u8],
    start: usize,
    tensor: &Tensor,
    bytes: &mut Vec<u8>,
) -> Result<usize, RawNetError> {
    let mut at = start;
    for value in 0..tensor.len() {
        let wrong = |problem| RawNetError::Leb128 {
            tensor: tensor.name.clone(),
            value,
            offset: at as u64,
            problem,
        };
        let (number, len) = read(&file[at..], tensor.element).map_err(wrong)?;
        let width = tensor.element.bytes();
        bytes.extend_from_slice(&number.to_le_bytes()[..width]);
        at += len;
    }
    Ok(at - start)
}

/// A value's bits and its length.
fn read(bytes: &[u8], element: ElementType) -> Result<(u32, usize), &'static str> {
    let mut number: u64 = 0;
    let mut len = 0;
    loop {
        let Some(&byte) = bytes.get(len) else {
            return Err("the file ends within it");
        };
        if len == MOST {
            return Err("it has more than 5 bytes");
        }
        number |= u64::from(byte & 0x7F) << (7 * len);
        len += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let too_large = "it does not fit the tensor's type";
    if matches!(element, ElementType::F32 | ElementType::U8) {
        let most = if element == ElementType::U8 {
            u64::from(u8::MAX)
        } else {
            u64::from(u32::MAX)
        };
        return if number > most {
            Err(too_large)
        } else {
            Ok((number as u32, len))
        };
    }
    let unused = 64 - 7 * len;
    let signed = (number << unused) as i64 >> unused;
    let bits = 8 * element.bytes();
    let limit = 1i64 << (bits - 1);
    if signed < -limit || signed >= limit {
        return Err(too_large);
    }
    Ok((signed as u32, len))
}

/// Values at fixed width, each in its shortest form.
pub(super) fn encode(values: &[u8], element: ElementType) -> Vec<u8> {
    match element {
        ElementType::I8 => encode_signed(&raw_values(values, i8::from_le_bytes)),
        ElementType::I16 => encode_signed(&raw_values(values, i16::from_le_bytes)),
        ElementType::I32 => encode_signed(&raw_values(values, i32::from_le_bytes)),
        ElementType::U8 => encode_unsigned(values.iter().map(|&value| u32::from(value))),
        ElementType::F32 => encode_unsigned(raw_values(values, u32::from_le_bytes).into_iter()),
    }
}

fn encode_unsigned(values: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut file = Vec::new();
    for mut number in values {
        while number >= 0x80 {
            file.push(number as u8 | 0x80);
            number >>= 7;
        }
        file.push(number as u8);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the DWARF standard, and limits by hand.
    #[test]
    fn values_by_hand() {
        for (number, bytes) in [
            (2, &[2][..]),
            (-2, &[0x7E]),
            (127, &[0xFF, 0]),
            (-127, &[0x81, 0x7F]),
            (128, &[0x80, 1]),
            (-128, &[0x80, 0x7F]),
            (-129, &[0xFF, 0x7E]),
            (i32::MIN, &[0x80, 0x80, 0x80, 0x80, 0x78]),
        ] {
            assert_eq!(encode(&number.to_le_bytes(), ElementType::I32), bytes);
            let found = read(bytes, ElementType::I32).unwrap();
            assert_eq!(found, (number as u32, bytes.len()));
        }
        let file = encode(&624_485u32.to_le_bytes(), ElementType::F32);
        assert_eq!(file, [0xE5, 0x8E, 0x26]);
        assert_eq!(read(&file, ElementType::F32), Ok((624_485, 3)));
        assert!(read(&[0x80, 1], ElementType::I8).is_err());
        assert_eq!(
            read(&[0x80, 0x7F], ElementType::I8),
            Ok(((-128i32) as u32, 2))
        );
        assert!(read(&[0x80, 0x80], ElementType::I16).is_err());
        assert!(read(&[0x80; 6], ElementType::I32).is_err());
        assert!(read(&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F], ElementType::F32).is_err());
        assert!(read(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], ElementType::F32).is_ok());
    }
}
