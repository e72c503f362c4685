//! Lines of text with their offsets. A line ends in LF, CR or both; a byte order mark at its start is no part of it, as
//! files that were put together have them anywhere.

use std::io::{self, BufRead};

use thiserror::Error;

use super::error::Problem;
use super::input::Input;
use crate::files::quote::quoted;

/// No line of position data is longer, in bytes.
pub const LONGEST_LINE: usize = 1 << 16;

/// Start of a text: some editors mark UTF-8 with it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(line)
        .trim_ascii()
}

/// The lines of a block with their offsets, without line ends and surrounding spaces. CR LF ends a line, and then an
/// empty one.
pub(super) fn lines(block: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut offset = 0;
    block.split_inclusive(is_line_end).map(move |line| {
        let start = offset;
        offset += line.len();
        (start, trimmed(line))
    })
}

/// Length of the whole lines at the start of a block.
pub(super) fn whole_lines(block: &[u8]) -> usize {
    last_line_end(block).map_or(0, |end| end + 1)
}

/// Where the last line end before the end of a block stands.
pub(super) fn last_line_end(block: &[u8]) -> Option<usize> {
    block.iter().rposition(is_line_end)
}

/// Goes to the next start of a line. `false` if there is none.
pub(super) fn skip_line(input: &mut Input) -> io::Result<bool> {
    input.seek_to(0, |window| Some(window.iter().position(is_line_end)? + 1))
}

/// Why a line this long is no record.
pub(super) fn check_length(line: &[u8]) -> Result<(), Problem> {
    if line.len() <= LONGEST_LINE {
        return Ok(());
    }
    Err(Problem::Record(format!(
        "the line has more than {LONGEST_LINE} bytes: {}",
        quoted(line)
    )))
}

/// Is this the start of a text in UTF-16, with a byte order mark or without?
pub(super) fn is_utf16(head: &[u8]) -> bool {
    const LOOKED_AT: usize = 32;
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return true;
    }
    let pairs = head.as_chunks::<2>().0;
    let pairs = &pairs[..pairs.len().min(LOOKED_AT)];
    let all = |zero: usize| {
        let text = |pair: &[u8; 2]| pair[zero] == 0 && (9..127).contains(&pair[1 - zero]);
        pairs.iter().all(text)
    };
    pairs.len() >= 3 && (all(0) || all(1))
}

/// Why a text cannot be read line by line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LineError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("line {line} has more than {LONGEST_LINE} bytes: {begin}")]
    TooLong { line: u64, begin: String },
    #[error("the text is in UTF-16: save it as UTF-8")]
    Utf16,
}

/// The lines of a text that are not empty, with their numbers from 1 on, in bounded memory.
#[derive(Debug)]
pub struct TextLines<R> {
    reader: R,
    line: u64,
    /// The last line ended in CR: an LF belongs to it.
    after_cr: bool,
    ended: bool,
}

impl<R: BufRead> TextLines<R> {
    pub fn new(reader: R) -> TextLines<R> {
        TextLines {
            reader,
            line: 0,
            after_cr: false,
            ended: false,
        }
    }

    /// The next line without its end; `None` at the end of the text.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        let mut line = Vec::new();
        let mut begun = false;
        loop {
            let mut buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if buffer.is_empty() {
                self.line += u64::from(begun);
                return Ok(begun.then_some(line));
            }
            if std::mem::take(&mut self.after_cr) && buffer[0] == b'\n' {
                self.reader.consume(1);
                continue;
            }
            begun = true;
            // One byte more than a line may have is enough to see that it is too long.
            buffer = &buffer[..buffer.len().min(LONGEST_LINE + 1 - line.len())];
            let end = buffer.iter().position(is_line_end);
            line.extend_from_slice(&buffer[..end.unwrap_or(buffer.len())]);
            self.after_cr = end.is_some_and(|end| buffer[end] == b'\r');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(used);
            if self.line == 0 && is_utf16(&line) {
                return Err(LineError::Utf16);
            }
            if line.len() > LONGEST_LINE {
                let begin = quoted(&line);
                let line = self.line + 1;
                return Err(LineError::TooLong { line, begin });
            }
            if end.is_some() {
                self.line += 1;
                return Ok(Some(line));
            }
        }
    }
}

impl<R: BufRead> Iterator for TextLines<R> {
    type Item = Result<(u64, Vec<u8>), LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.next_line() {
                Ok(Some(line)) => {
                    let line = trimmed(&line);
                    if !line.is_empty() {
                        return Some(Ok((self.line, line.to_vec())));
                    }
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u64, String)> {
        // A small buffer: lines and their ends are cut anywhere.
        TextLines::new(io::BufReader::with_capacity(3, text))
            .map(|line| line.unwrap())
            .map(|(number, line)| (number, String::from_utf8(line).unwrap()))
            .collect()
    }

    #[test]
    fn lines_end_in_any_way() {
        let expected = vec![(1, "one".to_owned()), (3, "two 2".to_owned())];
        for text in [
            "one\n\ntwo 2\n",
            "one\r\n\r\ntwo 2",
            "one\r\rtwo 2\r",
            "\u{feff}one\n\n \u{feff} two 2",
        ] {
            let text = text.replace(" \u{feff} ", "\u{feff} ");
            assert_eq!(read(text.as_bytes()), expected, "{text:?}");
            let in_block: Vec<&[u8]> = lines(text.as_bytes())
                .map(|(_, line)| line)
                .filter(|line| !line.is_empty())
                .collect();
            assert_eq!(in_block, [&b"one"[..], b"two 2"], "{text:?}");
        }
    }

    #[test]
    fn what_is_no_line() {
        let endless = io::BufReader::new(io::repeat(0));
        let error = TextLines::new(endless).next().unwrap().unwrap_err();
        assert!(error.to_string().len() < 1000, "{error}");
        assert!(matches!(error, LineError::TooLong { line: 1, .. }));
        let whole = "x".repeat(LONGEST_LINE);
        assert_eq!(read(whole.as_bytes()), [(1, whole.clone())]);
        for text in [
            &b"\xff\xfeo\0n\0e\0"[..],
            b"\xfe\xff\0o\0n\0e",
            b"o\0n\0e\0\r\0\n\0",
            b"\0o\0n\0e\0\n",
        ] {
            let error = TextLines::new(text).next().unwrap().unwrap_err();
            assert!(matches!(error, LineError::Utf16), "{text:?}");
        }
    }
}
