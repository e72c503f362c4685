//! Text that came from outside, as messages may hold it: short, on one line, and never a command to a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes of input that a message quotes.
pub const LONGEST: usize = 100;

/// Input between quotation marks: at most [`LONGEST`] bytes of it, everything that does not print escaped. What was cut
/// ends in `... (N bytes)`, with the length of all.
///
/// ```
/// use ftperm::files::quote::quoted;
///
/// assert_eq!(quoted(b"nn \x1b[2J\xFF"), r#""nn \u{1b}[2J\xff""#);
/// assert_eq!(quoted(&[b'x'; 5000]), format!("\"{}\"... (5000 bytes)", "x".repeat(100)));
/// ```
pub fn quoted(input: &[u8]) -> String {
    let (text, cut) = escaped(input, LONGEST, true);
    format!("\"{text}\"{}", ending(cut, input))
}

/// As [`quoted`], without the quotation marks: for a name that stands between others, or in a table.
pub fn excerpt(input: &[u8]) -> String {
    excerpt_of(input, LONGEST)
}

/// As [`excerpt`], with at most `longest` bytes of the input: for the message of another library, or an engine's line.
pub fn excerpt_of(input: &[u8], longest: usize) -> String {
    let (text, cut) = escaped(input, longest, false);
    format!("{text}{}", ending(cut, input))
}

/// The message of an error of another library, which may repeat input: a few hundred bytes of it.
pub fn message(error: &impl std::fmt::Display) -> String {
    excerpt_of(error.to_string().as_bytes(), 3 * LONGEST)
}

/// Text for a terminal: whole, with everything escaped that a terminal might obey. Line feeds and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    let harmless = |c| matches!(c, '\n' | '\t') || !is_escaped(c);
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmless(c) {
            printable.push(c);
        } else {
            printable.extend(c.escape_default());
        }
    }
    Cow::Owned(printable)
}

/// The first `longest` bytes, escaped, and whether there are more. Quotation marks and backslashes are escaped if the
/// text will stand between quotation marks.
fn escaped(input: &[u8], longest: usize, in_quotes: bool) -> (String, bool) {
    let mut end = input.len().min(longest);
    // Not within a character: its first byte is at most three bytes back.
    if end < input.len() {
        let is_start = |&at: &usize| input[at] & 0xC0 != 0x80;
        end = (end.saturating_sub(3)..=end)
            .rev()
            .find(is_start)
            .unwrap_or(end);
    }
    let mut text = String::with_capacity(end + 16);
    for chunk in input[..end].utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_escaped(c) || (in_quotes && matches!(c, '"' | '\\')) {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    (text, end < input.len())
}

fn ending(cut: bool, input: &[u8]) -> String {
    if cut {
        format!("... ({} bytes)", input.len())
    } else {
        String::new()
    }
}

/// Does a character move the cursor, hide, or turn the order of what is read? Controls of ASCII and Latin 1, marks of
/// direction, separators of lines, tags, and the byte order mark.
fn is_escaped(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_is_escaped() {
        assert_eq!(quoted(b""), r#""""#);
        assert_eq!(quoted(br#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(quoted("Bücher 象棋".as_bytes()), "\"Bücher 象棋\"");
        assert_eq!(
            quoted("a\u{202E}b\u{9B}31m\u{7F}\r\n".as_bytes()),
            r#""a\u{202e}b\u{9b}31m\u{7f}\r\n""#
        );
        assert_eq!(excerpt(b"a\"b\\c\0\xC3"), r#"a"b\c\u{0}\xc3"#);
        assert_eq!(
            printable("a\x1b]0;title\x07\tb\n"),
            "a\\u{1b}]0;title\\u{7}\tb\n"
        );
        assert!(matches!(printable("plain text"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_input_is_cut_between_characters() {
        let long = "ü".repeat(1000);
        let text = excerpt_of(long.as_bytes(), 101);
        assert_eq!(text, format!("{}... (2000 bytes)", "ü".repeat(50)));
        let whole = "x".repeat(LONGEST);
        assert_eq!(excerpt(whole.as_bytes()), whole);
        // No byte of these begins a character.
        assert_eq!(excerpt_of(&[0x80; 9], 4), r"\x80\x80\x80\x80... (9 bytes)");
        // Escapes are at most ten characters a byte.
        assert!(quoted(&[0x1B; 10_000_000]).len() < 1100);
    }
}
