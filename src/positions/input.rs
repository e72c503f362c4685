//! A stream of bytes that knows where it is.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};

use super::format::BLOCK_SIZE;

/// A stream that may know a faster way forward than reading.
pub trait Source: Read + Send {
    /// Goes forward by so many bytes, or to the end of the data, and returns how many there were.
    ///
    /// # Errors
    /// Those of the stream.
    fn skip(&mut self, bytes: u64) -> io::Result<u64>;
}

impl Source for File {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let metadata = self.metadata()?;
        if !metadata.is_file() {
            return Unseekable(self).skip(bytes);
        }
        let here = self.stream_position()?;
        let target = here.saturating_add(bytes).min(metadata.len()).max(here);
        self.seek(SeekFrom::Start(target))?;
        Ok(target - here)
    }
}

impl<R: Source + ?Sized> Source for BufReader<Box<R>> {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let buffered = (self.buffer().len() as u64).min(bytes);
        self.consume(buffered as usize);
        Ok(buffered + self.get_mut().skip(bytes - buffered)?)
    }
}

/// A stream that can only be read.
#[derive(Debug)]
pub struct Unseekable<R>(pub R);

impl<R: Read> Read for Unseekable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read + Send> Source for Unseekable<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        io::copy(&mut self.0.by_ref().take(bytes), &mut io::sink())
    }
}

/// Position data as a stream, decompressed, with its name and offset.
pub struct Input {
    name: String,
    reader: Box<dyn Source>,
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
    pub fn new(name: String, reader: Box<dyn Source>, decompressed: bool) -> Input {
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

    /// Goes forward by so many bytes, or to the end of the data, and returns how many there were.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let back = (self.pushed_back.len() as u64).min(bytes);
        self.pushed_back
            .truncate(self.pushed_back.len() - back as usize);
        self.offset += back;
        let mut skipped = back;
        if bytes > back {
            if let Some((kind, message)) = &self.failed {
                return Err(io::Error::new(*kind, message.clone()));
            }
            let further = self.reader.skip(bytes - back);
            let further = further.inspect_err(|error| {
                self.failed = Some((error.kind(), error.to_string()));
            })?;
            self.offset += further;
            skipped += further;
        }
        Ok(skipped)
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
        let mut input = Input::new("x".into(), Box::new(Unseekable(data)), false);
        let mut buffer = [0; 5];
        assert_eq!(input.read_up_to(&mut buffer).unwrap(), 5);
        input.unread(b"cde");
        assert_eq!(input.offset(), 2);
        let mut rest = Vec::new();
        assert_eq!(input.read_to_vec(100, &mut rest).unwrap(), 6);
        assert_eq!(rest, b"cdefgh");
        assert_eq!(input.offset(), 8);
    }

    #[test]
    fn skipping_is_reading_without_looking() {
        let data: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &data).unwrap();
        file.rewind().unwrap();
        let file: Box<dyn Source> = Box::new(file);
        let plain = Unseekable(io::Cursor::new(data.clone()));
        let sources: [Box<dyn Source>; 2] = [
            Box::new(BufReader::with_capacity(1000, file)),
            Box::new(plain),
        ];
        for source in sources {
            let mut input = Input::new("x".into(), source, false);
            let mut buffer = [0; 300];
            input.read_exact(&mut buffer).unwrap();
            input.unread(&data[100..300]);
            for step in [50, 400, 100_000, 7] {
                assert_eq!(input.skip(step).unwrap(), step);
            }
            assert_eq!(input.offset(), 100_557);
            input.read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, data[100_557..100_857]);
            assert_eq!(input.skip(1 << 40).unwrap(), 200_000 - 100_857);
            assert_eq!(input.read(&mut buffer).unwrap(), 0);
        }
    }
}
