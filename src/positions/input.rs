//! A stream of bytes that knows where it is.

use std::fmt;
use std::io::{self, Read};

/// Position data as a stream, decompressed, with its name and offset.
pub struct Input {
    name: String,
    reader: Box<dyn Read + Send>,
    offset: u64,
    decompressed: bool,
    /// Bytes that were given back; the next one to read is the last one here.
    pushed_back: Vec<u8>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl Input {
    /// `reader` should be buffered: some formats read byte by byte.
    pub fn new(name: String, reader: Box<dyn Read + Send>, decompressed: bool) -> Input {
        Input {
            name,
            reader,
            offset: 0,
            decompressed,
            pushed_back: Vec::new(),
        }
    }

    /// What errors call this stream.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Is it the decompressed content of a compressed file?
    pub fn decompressed(&self) -> bool {
        self.decompressed
    }

    /// Offset of the next byte.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Fills the buffer as far as the data goes, and returns how many bytes it holds.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn read_up_to(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Replaces the buffer's content by the next `size` bytes, or fewer at the end of the data. Memory grows with the
    /// bytes that are there.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn read_to_vec(&mut self, size: u64, buffer: &mut Vec<u8>) -> io::Result<u64> {
        buffer.clear();
        self.append_to_vec(size, buffer)
    }

    /// Appends the next `size` bytes to the buffer, or fewer at the end of the data.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn append_to_vec(&mut self, size: u64, buffer: &mut Vec<u8>) -> io::Result<u64> {
        Ok(self.by_ref().take(size).read_to_end(buffer)? as u64)
    }

    /// Gives back the bytes that were read last.
    pub fn unread(&mut self, bytes: &[u8]) {
        self.offset -= bytes.len() as u64;
        self.pushed_back.extend(bytes.iter().rev());
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = if self.pushed_back.is_empty() {
            self.reader.read(buffer)?
        } else {
            let read = buffer.len().min(self.pushed_back.len());
            for byte in &mut buffer[..read] {
                *byte = self.pushed_back.pop().unwrap_or_default();
            }
            read
        };
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_given_back_come_again() {
        let data: &[u8] = b"abcdefgh";
        let mut input = Input::new("x".into(), Box::new(data), false);
        let mut buffer = [0; 5];
        assert_eq!(input.read_up_to(&mut buffer).unwrap(), 5);
        input.unread(b"cde");
        assert_eq!(input.offset(), 2);
        let mut rest = Vec::new();
        assert_eq!(input.read_to_vec(100, &mut rest).unwrap(), 6);
        assert_eq!(rest, b"cdefgh");
        assert_eq!(input.offset(), 8);
    }
}
