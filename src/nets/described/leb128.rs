//! Files whose values are in LEB128, one after the other: integers signed, floats as the unsigned number of their bits.

use super::description::Layout;
use super::error::RawNetError;
use super::tensor::{ElementType, Tensor};

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

/// What [`decode`] read, each value in its shortest form.
pub(super) fn encode(bytes: &[u8], layout: &Layout) -> Vec<u8> {
    let mut file = bytes[..layout.header()].to_vec();
    for tensor in &layout.tensors {
        for index in 0..tensor.len() {
            match tensor.element {
                ElementType::F32 => {
                    let bits = tensor.value(bytes, index);
                    let bits = u32::from_le_bytes([0, 1, 2, 3].map(|at| bits[at]));
                    push_unsigned(u64::from(bits), &mut file);
                }
                ElementType::U8 => {
                    push_unsigned(tensor.integer(bytes, index) as u64, &mut file);
                }
                _ => push_signed(tensor.integer(bytes, index), &mut file),
            }
        }
    }
    file.extend_from_slice(&bytes[bytes.len() - layout.footer()..]);
    file
}

fn push_unsigned(mut number: u64, file: &mut Vec<u8>) {
    while number >= 0x80 {
        file.push(number as u8 | 0x80);
        number >>= 7;
    }
    file.push(number as u8);
}

fn push_signed(mut number: i32, file: &mut Vec<u8>) {
    while !(-64..64).contains(&number) {
        file.push(number as u8 & 0x7F | 0x80);
        number >>= 7;
    }
    file.push(number as u8 & 0x7F);
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
            let mut file = Vec::new();
            push_signed(number, &mut file);
            assert_eq!(file, bytes);
            let found = read(bytes, ElementType::I32).unwrap();
            assert_eq!(found, (number as u32, bytes.len()));
        }
        let mut file = Vec::new();
        push_unsigned(624_485, &mut file);
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
