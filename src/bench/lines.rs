//! Lines of an engine's output, whatever it prints.

use std::io::{self, BufRead};

/// Most bytes that are kept of a line; the rest of it is read and dropped.
pub(super) const MAX_LINE: usize = 4096;

/// The next line without its end, or `None` at the end of the stream. Bytes that are not UTF-8 become U+FFFD.
pub(super) fn next_line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let chunk = match stream.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        if chunk.is_empty() {
            break;
        }
        any = true;
        let end = memchr::memchr(b'\n', chunk);
        let text = &chunk[..end.unwrap_or(chunk.len())];
        let room = MAX_LINE.saturating_sub(line.len()).min(text.len());
        line.extend_from_slice(&text[..room]);
        let used = end.map_or(chunk.len(), |end| end + 1);
        stream.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(any.then(|| String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read as _};

    use super::*;

    #[test]
    fn lines_end_and_are_cut() {
        let long = vec![b'x'; 3 * MAX_LINE];
        let bytes = [&b"a\r\n\n"[..], &long, b"\n\xFFend"].concat();
        // A small buffer, so that lines span reads.
        let mut stream = BufReader::with_capacity(7, bytes.as_slice());
        let mut next = || next_line(&mut stream).unwrap();
        assert_eq!(next().as_deref(), Some("a"));
        assert_eq!(next().as_deref(), Some(""));
        assert_eq!(next().map(|line| line.len()), Some(MAX_LINE));
        assert_eq!(next().as_deref(), Some("\u{FFFD}end"));
        assert_eq!(next(), None);
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut stream = BufReader::new(io::repeat(b'x').take(1 << 24));
        let line = next_line(&mut stream).unwrap().unwrap();
        assert_eq!(line.len(), MAX_LINE);
    }
}
