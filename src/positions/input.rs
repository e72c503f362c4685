//! A stream of bytes that knows where it is.

use std::fmt;
use std::io::{self, Read};

use super::format::BLOCK_SIZE;

/// Position data as a stream, decompressed, with its name and offset.
pub struct Input {
    name: String,
    reader: Box<dyn Read + Send>,
    offset: u64,
    decompressed: bool,
    /// Bytes that were given back; the next one to read is the last one here.
    pushed_back: Vec<u8>,
    /// The failure that ended the stream. Some decoders would go on as if nothing had happened.
    failed: Option<(io::ErrorKind, String)>,
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
            failed: None,
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

    /// Replaces the block by about [`BLOCK_SIZE`] bytes, cut after the last record that `whole` finds in them: it
    /// returns how many bytes at the start are whole records. What follows comes with the next block. At the end of
    /// the data, and if not even one record is whole, the block is not cut. Returns `false` if there is no more data.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn read_block(
        &mut self,
        block: &mut Vec<u8>,
        whole: impl FnOnce(&[u8]) -> usize,
    ) -> io::Result<bool> {
        let read = self.read_to_vec(BLOCK_SIZE as u64, block)?;
        if read == BLOCK_SIZE as u64 {
            let cut = whole(block);
            if cut > 0 {
                self.unread(&block[cut..]);
                block.truncate(cut);
            }
        }
        Ok(read > 0)
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
            if let Some((kind, message)) = &self.failed {
                return Err(io::Error::new(*kind, message.clone()));
            }
            self.reader.read(buffer).inspect_err(|error| {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.failed = Some((error.kind(), error.to_string()));
                }
            })?
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
