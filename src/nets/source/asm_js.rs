//! The memory of an engine that was translated from WebAssembly to JavaScript.
//!
//! `wasm2js` turns each data segment into a call `copy(memory, address, "base64")`. As in a module, runs of zeros are
//! left out, so a network lies in many of them.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wasm::{Region, join_active};

/// The data of a script's calls.
#[derive(Debug)]
pub(super) struct Script {
    /// Decoded segments, one after the other.
    pub data: Vec<u8>,
    pub regions: Vec<Region>,
    /// Where segments begin in `data`, and their text in the script.
    places: Vec<(usize, usize)>,
}

impl Script {
    /// `None` if no call of that form is in the text.
    pub(super) fn parse(text: &[u8]) -> Option<Script> {
        let calls = calls(text);
        // Other calls may have the form by accident; the one with the longest data is the one that is looked for.
        let function = &calls.iter().max_by_key(|call| call.base64.len())?.function;
        let mut data = Vec::new();
        let mut pieces = Vec::new();
        let mut places = Vec::new();
        for call in calls.iter().filter(|call| call.function == *function) {
            let start = data.len();
            if STANDARD
                .decode_vec(&text[call.base64.clone()], &mut data)
                .is_err()
            {
                data.truncate(start);
                continue;
            }
            places.push((start, call.base64.start));
            pieces.push((call.address, start..data.len()));
        }
        let regions = join_active(pieces, data.len());
        Some(Script {
            data,
            regions,
            places,
        })
    }

    /// Offset in the script of the character in which the byte at `place` of the data begins.
    pub(super) fn text_offset(&self, place: usize) -> usize {
        let number = self.places.partition_point(|&(start, _)| start <= place);
        match number.checked_sub(1).and_then(|it| self.places.get(it)) {
            Some(&(start, text)) => text + (place - start) * 4 / 3,
            None => 0,
        }
    }
}

/// `function(anything, address, "base64")`.
struct Call<'a> {
    function: &'a [u8],
    address: u64,
    base64: Range<usize>,
}

fn calls(text: &[u8]) -> Vec<Call<'_>> {
    let mut calls = Vec::new();
    let mut from = 0;
    while let Some(open) = memchr::memchr(b'"', &text[from..]).map(|at| from + at) {
        let Some(close) = memchr::memchr(b'"', &text[open + 1..]).map(|at| open + 1 + at) else {
            break;
        };
        match arguments(text, open) {
            Some((function, address)) if text.get(close + 1) == Some(&b')') => {
                calls.push(Call {
                    function,
                    address,
                    base64: open + 1..close,
                });
                from = close + 1;
            }
            // The next quote may open a string as well as close one.
            _ => from = open + 1,
        }
    }
    calls
}

/// Longest first argument, such as `bufferView` or `f=new Uint8Array(memory)`.
const FIRST_ARGUMENT: usize = 64;

/// Function and address of the call whose third argument begins at `quote`.
fn arguments(text: &[u8], quote: usize) -> Option<(&[u8], u64)> {
    let before = text[..quote].trim_ascii_end().strip_suffix(b",")?;
    let before = before.trim_ascii_end();
    let digits = before
        .iter()
        .rev()
        .take(20)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (before, address) = before.split_at(before.len() - digits);
    let address = std::str::from_utf8(address).ok()?.parse().ok()?;
    let before = before.trim_ascii_end().strip_suffix(b",")?;
    let start = before.len().saturating_sub(FIRST_ARGUMENT);
    let bracket = start + memchr::memrchr(b'(', &before[start..])?;
    let name = before[..bracket]
        .iter()
        .rev()
        .take(FIRST_ARGUMENT)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))
        .count();
    (name > 0).then(|| (&before[bracket - name..bracket], address))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `TWFu` is "Man" (RFC 4648 has its like); calls of other functions and damaged data are left out.
    #[test]
    fn calls_with_data() {
        let long = "QUFB".repeat(400);
        let text = format!(
            "var a=\"no\";X(f,5,\"TWFu\");A(f=zA,1024,\"{long}\"),\
             A(f,2300,\"TWFu\");A( f , 2400 , \"TWE=\");A(f,9,\"*\")"
        );
        let script = Script::parse(text.as_bytes()).unwrap();
        assert_eq!(script.data.len(), 1200 + 3 + 2);
        let [region] = script.regions.as_slice() else {
            panic!("{:?}", script.regions);
        };
        assert_eq!(region.address, 1024);
        let bytes = region.bytes(&script.data);
        assert_eq!(&bytes[..1200], [b'A'; 1200]);
        assert_eq!(&bytes[2300 - 1024..][..4], b"Man\0");
        assert_eq!(&bytes[2400 - 1024..][..3], b"Ma\0");
        let place = region.file_offset(2300 - 1024).unwrap();
        assert_eq!(&text[script.text_offset(place)..][..4], "TWFu");
        assert!(Script::parse(b"just a text, \"quoted\"").is_none());
    }
}
