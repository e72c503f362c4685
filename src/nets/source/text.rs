//! Text that holds no network, told without having it in memory.

use std::io::{self, Read};
use std::path::Path;

use super::kind::{FileKind, SAMPLE, is_text};
use crate::files::reading::{first_bytes, open};

/// Files up to this size are read whole without asking, in bytes.
const SMALL: u64 = 1 << 20;

/// May a network be in this file? False only of text that is text to its end, without a call that could be one with
/// data of a module (see [`asm_js`](super::asm_js)). A file that cannot be read may hold anything, and small ones, by
/// their size in bytes, are not looked at.
pub(super) fn may_hold_network(path: &Path, size: u64) -> bool {
    let Ok((head, compression)) = first_bytes(path, SAMPLE, true) else {
        return true;
    };
    // How much a compressed file unpacks to its size does not tell.
    let is_small = size <= SMALL && compression.is_none();
    if is_small || FileKind::of(&head) != FileKind::Text {
        return true;
    }
    let text = open(path).map_err(io::Error::from);
    text.and_then(is_plain).map_or(true, |plain| !plain)
}

/// Is it text to its end, without anything that looks like `, 1024, "`?
fn is_plain(mut text: impl Read) -> io::Result<bool> {
    let mut buffer = vec![0; 1 << 16];
    let mut before = Before::Other;
    loop {
        let read = match text.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(true);
        }
        for &byte in &buffer[..read] {
            if !is_text(byte) || byte == b'"' && before == Before::Argument {
                return Ok(false);
            }
            before = before.then(byte);
        }
    }
}

/// What stands before a byte, white space aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Other,
    Comma,
    /// A comma and digits; may more digits follow?
    Digits {
        ended: bool,
    },
    /// A comma, digits and a comma.
    Argument,
}

impl Before {
    fn then(self, byte: u8) -> Before {
        match (self, byte) {
            (Before::Digits { .. }, b',') => Before::Argument,
            (_, b',') => Before::Comma,
            (Before::Digits { ended: true }, b'0'..=b'9') => Before::Other,
            (Before::Comma | Before::Argument | Before::Digits { .. }, b'0'..=b'9') => {
                Before::Digits { ended: false }
            }
            (Before::Digits { .. }, byte) if byte.is_ascii_whitespace() => {
                Before::Digits { ended: true }
            }
            (before, byte) if byte.is_ascii_whitespace() => before,
            _ => Before::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_data() {
        let plain = |text: &str| {
            // However the text is cut.
            let cut = text
                .as_bytes()
                .chunks(1)
                .fold(Box::new(io::empty()) as Box<dyn Read>, |read, part| {
                    Box::new(read.chain(part))
                });
            let plain = is_plain(text.as_bytes()).unwrap();
            assert_eq!(is_plain(cut).unwrap(), plain, "{text}");
            plain
        };
        for text in [
            "",
            "aaaa",
            "{\"a\": 1, \"b\": \"c\"}",
            "f(a, 1 2, \"b\")",
            "f(a, 12x, \"b\")",
            "f(a, \"b\")",
        ] {
            assert!(plain(text), "{text}");
        }
        for text in [
            "A(f,5,\"TWFu\")",
            "A(f, 1, 24 ,\n\"\")",
            "a\0",
            "#!/bin/sh\n\x7FELF",
        ] {
            assert!(!plain(text), "{text}");
        }
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let may = |bytes: &[u8], size| {
            std::fs::write(&path, bytes).unwrap();
            may_hold_network(&path, size)
        };
        let line = "a".repeat(SAMPLE);
        assert!(!may(line.as_bytes(), SMALL + 1));
        assert!(may(line.as_bytes(), SMALL));
        // A network may stand behind a script.
        assert!(may((line + "\0").as_bytes(), SMALL + 1));
        assert!(may(b"\x7FELF", SMALL + 1));
        let packed = zstd::encode_all("a".repeat(1 << 17).as_bytes(), 1).unwrap();
        assert!(!may(&packed, packed.len() as u64));
        assert!(may_hold_network(&folder.path().join("none"), SMALL + 1));
    }
}
