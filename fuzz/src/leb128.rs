//! Compressed tensors, against a plain decoder.

use ftperm::nets::stockfish::leb128::{Decoded, Leb128Value, decode, encode, encoded_len};

use super::Recipe;

/// Values of one byte in front of the input's own, so that the payload is decoded in several pieces.
const LEAD: usize = (1 << 18) - 64;

pub fn leb128(data: &[u8]) {
    let mut recipe = Recipe::new(data);
    let flags = recipe.byte();
    let claimed = (flags & 4 != 0).then(|| recipe.number());
    let lead = if flags & 0xF0 == 0xF0 { LEAD } else { 0 };
    if flags & 1 == 0 {
        check::<i16>(lead, recipe.rest, claimed);
    } else {
        check::<i32>(lead, recipe.rest, claimed);
    }
    let (words, _) = recipe.rest.as_chunks::<4>();
    let words: Vec<i32> = words.iter().map(|&word| i32::from_le_bytes(word)).collect();
    round_trip(&words);
    let (words, _) = recipe.rest.as_chunks::<2>();
    let words: Vec<i16> = words.iter().map(|&word| i16::from_le_bytes(word)).collect();
    round_trip(&words);
}

/// Decodes `payload` behind `lead` values of one byte.
fn check<T: Leb128Value + PartialEq + std::fmt::Debug>(
    lead: usize,
    payload: &[u8],
    claimed: Option<usize>,
) {
    let ends = payload.iter().filter(|&&byte| byte & 0x80 == 0).count();
    let expected = claimed.unwrap_or(ends);
    let mut whole = vec![5; lead];
    whole.extend(payload);
    let found = decode::<T>(&whole, lead + expected);
    match (found, plain::<T>(payload, expected)) {
        (Ok(decoded), Some(values)) => {
            assert!(decoded.values[..lead].iter().all(|it| it.to_i32() == 5));
            assert_eq!(decoded.values[lead..], values);
            assert_eq!(decoded.minimal, encode(&values) == payload);
        }
        (Err(error), None) => assert!(!error.to_string().is_empty()),
        (found, expected) => panic!("{found:?}, by the plain decoder {expected:?}"),
    }
}

/// Value by value, as the definition of signed LEB128 has it.
fn plain<T: Leb128Value>(payload: &[u8], expected: usize) -> Option<Vec<T>> {
    let mut values = Vec::new();
    let (mut value, mut bits) = (0i128, 0);
    for &byte in payload {
        value |= i128::from(byte & 0x7F) << bits;
        bits += 7;
        if bits as usize > 7 * T::MAX_LEN {
            return None;
        }
        if byte & 0x80 == 0 {
            if byte & 0x40 != 0 {
                value -= 1 << bits;
            }
            values.push(T::from_i64(value as i64)?);
            (value, bits) = (0, 0);
        }
    }
    (bits == 0 && values.len() == expected).then_some(values)
}

fn round_trip<T: Leb128Value + PartialEq + std::fmt::Debug>(values: &[T]) {
    let bytes = encode(values);
    assert_eq!(bytes.len(), encoded_len(values));
    let decoded = decode::<T>(&bytes, values.len());
    let values = values.to_vec();
    assert_eq!(
        decoded,
        Ok(Decoded {
            values,
            minimal: true
        })
    );
}
