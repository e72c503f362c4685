//! The `COMPRESSED_LEB128` blocks of network files (`docs/notes/eras.md`, section 2.3).
//!
//! Signed LEB128 of every element, one after the other. Decoding finds the ends of eight bytes' values at once and
//! decodes them independently of each other; blocks are cut at value boundaries so that all cores take part.

use rayon::prelude::*;
use thiserror::Error;

/// What stands in front of a compressed tensor.
pub const MAGIC: &[u8; 17] = b"COMPRESSED_LEB128";

/// Bytes in front of the payload: the magic and the payload's length.
pub const HEADER_LEN: usize = MAGIC.len() + 4;

/// Payload bytes that one task decodes.
const SEGMENT: usize = 1 << 18;

/// Why a payload does not hold the expected values. Offsets count from the payload's first byte.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leb128Error {
    #[error("the payload's last value has no end")]
    Unterminated,
    #[error("the payload holds {found} values, {expected} were expected")]
    Count { found: usize, expected: usize },
    #[error("value {index}, at payload offset {offset}, does not fit {bits} bits")]
    Range {
        index: usize,
        offset: usize,
        bits: u32,
    },
}

/// An element type of compressed tensors.
pub trait Leb128Value: Copy + Default + Send + Sync {
    /// Width of the type.
    const BITS: u32;
    /// Longest encoding in bytes.
    const MAX_LEN: usize;
    /// Narrows a decoded value; `None` if it does not fit.
    fn from_i64(value: i64) -> Option<Self>;
    fn to_i32(self) -> i32;
}

impl Leb128Value for i8 {
    const BITS: u32 = 8;
    const MAX_LEN: usize = 2;

    #[inline]
    fn from_i64(value: i64) -> Option<i8> {
        i8::try_from(value).ok()
    }

    #[inline]
    fn to_i32(self) -> i32 {
        i32::from(self)
    }
}

impl Leb128Value for i16 {
    const BITS: u32 = 16;
    const MAX_LEN: usize = 3;

    #[inline]
    fn from_i64(value: i64) -> Option<i16> {
        i16::try_from(value).ok()
    }

    #[inline]
    fn to_i32(self) -> i32 {
        i32::from(self)
    }
}

impl Leb128Value for i32 {
    const BITS: u32 = 32;
    const MAX_LEN: usize = 5;

    #[inline]
    fn from_i64(value: i64) -> Option<i32> {
        i32::try_from(value).ok()
    }

    #[inline]
    fn to_i32(self) -> i32 {
        self
    }
}

/// A decoded payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<T> {
    pub values: Vec<T>,
    /// Was every value in its shortest form, so that encoding gives back the same bytes?
    pub minimal: bool,
}

/// Number of values that end in a payload.
pub(crate) fn count(payload: &[u8]) -> usize {
    /// Bytes whose ends can be counted in a byte.
    const RUN: usize = 192;
    let ends = |run: &[u8]| run.iter().fold(0u8, |ends, byte| ends + (byte >> 7 ^ 1));
    payload.chunks(RUN).map(|run| usize::from(ends(run))).sum()
}

/// Decodes exactly `expected` values that fill the whole payload.
///
/// # Errors
/// Another number of values, a value that is cut off or does not fit the type.
pub fn decode<T: Leb128Value>(payload: &[u8], expected: usize) -> Result<Decoded<T>, Leb128Error> {
    if payload.last().is_some_and(|last| last & 0x80 != 0) {
        return Err(Leb128Error::Unterminated);
    }
    // Every value has one byte without continuation bit, so the count is known before anything is allocated.
    let segments = segments(payload);
    let counts: Vec<usize> = segments.par_iter().map(|segment| count(segment)).collect();
    let found = counts.iter().sum();
    if found != expected {
        return Err(Leb128Error::Count { found, expected });
    }
    let mut values = vec![T::default(); expected];
    let mut tasks = Vec::with_capacity(segments.len());
    let mut rest = values.as_mut_slice();
    for (segment, &count) in segments.iter().zip(&counts) {
        let (mine, others) = rest.split_at_mut(count);
        tasks.push((*segment, mine));
        rest = others;
    }
    let results: Vec<Result<(), (usize, usize)>> = tasks
        .into_par_iter()
        .map(|(segment, out)| decode_segment(segment, out))
        .collect();
    let mut first_index = 0;
    let mut first_offset = 0;
    for ((result, count), segment) in results.into_iter().zip(&counts).zip(&segments) {
        if let Err((index, offset)) = result {
            return Err(Leb128Error::Range {
                index: first_index + index,
                offset: first_offset + offset,
                bits: T::BITS,
            });
        }
        first_index += count;
        first_offset += segment.len();
    }
    let minimal = encoded_len(&values) == payload.len();
    Ok(Decoded { values, minimal })
}

/// As [`decode`], but hands the values on in pieces, each with the index of its first one, so that never all of them
/// are in memory.
///
/// # Errors
/// As [`decode`]; pieces before the damaged one were handed on.
pub fn decode_in_pieces<T: Leb128Value>(
    payload: &[u8],
    expected: usize,
    mut each: impl FnMut(usize, &[T]),
) -> Result<(), Leb128Error> {
    /// Enough for all cores, little beside a network.
    const PIECE: usize = 8 * SEGMENT;
    let found = payload.par_chunks(SEGMENT).map(count).sum();
    if found != expected {
        return Err(Leb128Error::Count { found, expected });
    }
    let (mut first, mut at) = (0, 0);
    for piece in cut(payload, PIECE) {
        let count = piece.par_chunks(SEGMENT).map(count).sum();
        let decoded = decode::<T>(piece, count).map_err(|error| match error {
            Leb128Error::Range {
                index,
                offset,
                bits,
            } => Leb128Error::Range {
                index: first + index,
                offset: at + offset,
                bits,
            },
            other => other,
        })?;
        each(first, &decoded.values);
        first += count;
        at += piece.len();
    }
    Ok(())
}

fn segments(payload: &[u8]) -> Vec<&[u8]> {
    cut(payload, SEGMENT)
}

/// Cuts a payload into pieces of so many bytes that end at value boundaries.
fn cut(payload: &[u8], len: usize) -> Vec<&[u8]> {
    let mut out = Vec::with_capacity(payload.len() / len + 1);
    let mut rest = payload;
    while rest.len() > len {
        let end = rest[len - 1..].iter().position(|byte| byte & 0x80 == 0);
        let (segment, others) = rest.split_at(end.map_or(rest.len(), |end| len + end));
        out.push(segment);
        rest = others;
    }
    if !rest.is_empty() {
        out.push(rest);
    }
    out
}

const CONTINUATION_BITS: u64 = 0x8080_8080_8080_8080;

/// Decodes whole values; on failure the index and offset of the value that does not fit.
fn decode_segment<T: Leb128Value>(bytes: &[u8], out: &mut [T]) -> Result<(), (usize, usize)> {
    let mut index = 0;
    let mut start = 0;
    let mut word_at = 0;
    // Wide loads reach up to 8 bytes past a value's start, so the last bytes are left to the careful loop.
    while word_at + 16 <= bytes.len() {
        let word = u64::from_le_bytes(bytes[word_at..word_at + 8].try_into().unwrap_or_default());
        if word & CONTINUATION_BITS == 0 && start == word_at {
            // Eight values of one byte.
            for (value, byte) in out[index..index + 8].iter_mut().zip(word.to_le_bytes()) {
                let signed = i64::from((byte << 1) as i8 >> 1);
                *value = T::from_i64(signed).unwrap_or_default();
            }
            index += 8;
            word_at += 8;
            start = word_at;
            continue;
        }
        let mut ends = !word & CONTINUATION_BITS;
        while ends != 0 {
            let end = word_at + (ends.trailing_zeros() / 8) as usize;
            ends &= ends - 1;
            let len = end + 1 - start;
            if len > T::MAX_LEN {
                return Err((index, start));
            }
            let raw = u64::from_le_bytes(bytes[start..start + 8].try_into().unwrap_or_default());
            let value = assemble(raw, len as u32);
            out[index] = T::from_i64(value).ok_or((index, start))?;
            index += 1;
            start = end + 1;
        }
        word_at += 8;
    }
    while start < bytes.len() {
        let len = 1 + bytes[start..]
            .iter()
            .take_while(|&&byte| byte & 0x80 != 0)
            .count();
        if len > T::MAX_LEN {
            return Err((index, start));
        }
        let mut raw = [0; 8];
        raw[..len].copy_from_slice(&bytes[start..start + len]);
        let value = assemble(u64::from_le_bytes(raw), len as u32);
        out[index] = T::from_i64(value).ok_or((index, start))?;
        index += 1;
        start += len;
    }
    Ok(())
}

/// The value of the first `len` (1 to 5) bytes of `raw`, sign-extended; the other bytes may hold anything.
#[inline]
fn assemble(raw: u64, len: u32) -> i64 {
    let bits = (raw & 0x7F)
        | (raw >> 1 & 0x7F << 7)
        | (raw >> 2 & 0x7F << 14)
        | (raw >> 3 & 0x7F << 21)
        | (raw >> 4 & 0x7F << 28);
    let unused = 64 - 7 * len;
    (bits << unused) as i64 >> unused
}

/// Bytes of the shortest encoding of one value.
#[inline]
fn value_len<T: Leb128Value>(value: i32) -> u32 {
    // 6 bits in the first byte, 7 more in each further one, and the sign.
    let magnitude = value ^ (value >> 31);
    let long = |bits: u32| u32::from(magnitude >= 1 << bits);
    let short_type = 1 + long(6) + long(13);
    if T::MAX_LEN > 3 {
        short_type + long(20) + long(27)
    } else {
        short_type
    }
}

/// Bytes of the shortest encoding of all values.
pub fn encoded_len<T: Leb128Value>(values: &[T]) -> usize {
    values.par_chunks(SEGMENT).map(segment_len).sum()
}

/// As [`encoded_len`], of no more values than a task takes.
fn segment_len<T: Leb128Value>(values: &[T]) -> usize {
    let lens = values.iter().map(|value| value_len::<T>(value.to_i32()));
    lens.sum::<u32>() as usize
}

/// Encodes all values in their shortest form.
pub fn encode<T: Leb128Value>(values: &[T]) -> Vec<u8> {
    let lens: Vec<usize> = values.par_chunks(SEGMENT).map(segment_len).collect();
    let mut out = vec![0; lens.iter().sum()];
    let mut tasks = Vec::with_capacity(lens.len());
    let mut rest = out.as_mut_slice();
    for (chunk, &len) in values.chunks(SEGMENT).zip(&lens) {
        let (mine, others) = rest.split_at_mut(len);
        tasks.push((chunk, mine));
        rest = others;
    }
    tasks
        .into_par_iter()
        .for_each(|(chunk, out)| encode_segment(chunk, out));
    out
}

/// Fills `out`, whose length is that of the encoding.
fn encode_segment<T: Leb128Value>(values: &[T], out: &mut [u8]) {
    let mut at = 0;
    let mut values = values.iter();
    // What an eight-byte store writes past its value is overwritten by the next one, as long as there is room.
    while at + 8 <= out.len() {
        let Some(value) = values.next() else { return };
        let (word, len) = spread::<T>(value.to_i32());
        out[at..at + 8].copy_from_slice(&word.to_le_bytes());
        at += len;
    }
    for value in values {
        let (word, len) = spread::<T>(value.to_i32());
        out[at..at + len].copy_from_slice(&word.to_le_bytes()[..len]);
        at += len;
    }
}

/// Continuation bits of an encoding of so many bytes.
const CONTINUATIONS: [u64; 6] = [0, 0, 0x80, 0x8080, 0x80_8080, 0x8080_8080];

/// The encoding of a value as the first bytes of a word, and their number.
#[inline]
fn spread<T: Leb128Value>(value: i32) -> (u64, usize) {
    let len = value_len::<T>(value) as usize;
    let bits = i64::from(value) as u64;
    let mut word = (bits & 0x7F) | (bits & 0x7F << 7) << 1 | (bits & 0x7F << 14) << 2;
    if T::MAX_LEN > 3 {
        word |= (bits & 0x7F << 21) << 3 | (bits & 0x7F << 28) << 4;
    }
    (word | CONTINUATIONS[len], len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hand_worked_values() {
        // The examples of the DWARF 4 standard, figure 23.
        let cases: [(i32, &[u8]); 8] = [
            (2, &[2]),
            (-2, &[0x7E]),
            (127, &[0xFF, 0x00]),
            (-127, &[0x81, 0x7F]),
            (128, &[0x80, 0x01]),
            (-128, &[0x80, 0x7F]),
            (129, &[0x81, 0x01]),
            (-129, &[0xFF, 0x7E]),
        ];
        for (value, bytes) in cases {
            assert_eq!(encode(&[value]), bytes);
            assert_eq!(
                decode(bytes, 1),
                Ok(Decoded {
                    values: vec![value],
                    minimal: true
                })
            );
        }
    }

    #[test]
    fn bad_payloads() {
        assert_eq!(decode::<i16>(&[0x80], 1), Err(Leb128Error::Unterminated));
        assert_eq!(
            decode::<i16>(&[1, 2], 3),
            Err(Leb128Error::Count {
                found: 2,
                expected: 3
            })
        );
        assert_eq!(
            decode::<i16>(&[], 1),
            Err(Leb128Error::Count {
                found: 0,
                expected: 1
            })
        );
        // 32768 needs three bytes and 17 bits.
        let too_big = encode(&[5i32, 32768]);
        assert_eq!(
            decode::<i16>(&too_big, 2),
            Err(Leb128Error::Range {
                index: 1,
                offset: 1,
                bits: 16
            })
        );
        let mut long = vec![1u8; 40];
        long.extend([0x80, 0x80, 0x80, 0x80, 0x80, 0x00]);
        long.extend([1u8; 40]);
        assert_eq!(
            decode::<i32>(&long, 81),
            Err(Leb128Error::Range {
                index: 40,
                offset: 40,
                bits: 32
            })
        );
    }

    #[test]
    fn ends_are_counted() {
        for len in [0, 1, 191, 192, 193, 5000] {
            assert_eq!(count(&vec![0x7F; len]), len);
            assert_eq!(count(&vec![0xFF; len]), 0);
            let mixed: Vec<u8> = (0..len).map(|at| 0x80 * (at % 3 != 0) as u8).collect();
            assert_eq!(count(&mixed), len.div_ceil(3));
        }
    }

    #[test]
    fn a_long_form_is_noticed() {
        let decoded = decode::<i16>(&[0x80, 0x00, 0x05], 2).unwrap();
        assert_eq!(
            decoded,
            Decoded {
                values: vec![0, 5],
                minimal: false
            }
        );
    }

    proptest! {
        #[test]
        fn i16_round_trip(values in prop::collection::vec(any::<i16>(), 0..300)) {
            let bytes = encode(&values);
            prop_assert_eq!(decode(&bytes, values.len()), Ok(Decoded { values, minimal: true }));
        }

        #[test]
        fn i32_round_trip(values in prop::collection::vec(prop_oneof![any::<i32>(), -70..70], 0..300)) {
            let bytes = encode(&values);
            prop_assert_eq!(decode(&bytes, values.len()), Ok(Decoded { values, minimal: true }));
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0usize..200) {
            let _ = decode::<i16>(&bytes, count);
            let _ = decode::<i32>(&bytes, count);
        }
    }

    #[test]
    fn long_payloads_are_cut_between_values() {
        let values: Vec<i16> = (0..400_000i32)
            .map(|i| (i.wrapping_mul(7919) % 9000) as i16)
            .collect();
        let bytes = encode(&values);
        assert!(bytes.len() > 2 * SEGMENT);
        assert_eq!(
            decode(&bytes, values.len()),
            Ok(Decoded {
                values,
                minimal: true
            })
        );
    }
}
