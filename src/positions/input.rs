//! A stream of bytes that knows where it is.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};

use super::error::Problem;
use super::format::{BLOCK_SIZE, NextBlock};

/// A stream that may know a faster way forward than reading.
pub trait Source: Read + Send {
    /// Goes forward by so many bytes, or to the end of the data, and returns how many there were.
    ///
    /// # Errors
    /// Those of the stream.
    fn skip(&mut self, bytes: u64) -> io::Result<u64>;

    /// Bytes up to the end of the data, if that is known without reading them.
    ///
    /// # Errors
    /// Those of the stream.
    fn remaining(&mut self) -> io::Result<Option<u64>>;
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

    fn remaining(&mut self) -> io::Result<Option<u64>> {
        let metadata = self.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        Ok(Some(metadata.len().saturating_sub(self.stream_position()?)))
    }
}

impl<R: Source + ?Sized> Source for BufReader<Box<R>> {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let buffered = (self.buffer().len() as u64).min(bytes);
        self.consume(buffered as usize);
        Ok(buffered + self.get_mut().skip(bytes - buffered)?)
    }

    fn remaining(&mut self) -> io::Result<Option<u64>> {
        let buffered = self.buffer().len() as u64;
        let further = self.get_mut().remaining()?;
        Ok(further.map(|further| buffered + further))
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

    fn remaining(&mut self) -> io::Result<Option<u64>> {
        Ok(None)
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
    /// The stream has no more bytes than those given back.
    ended: bool,
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
            ended: false,
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
    /// the data the block is not cut. A block that does not hold one whole record, called `record` in the message, is
    /// damaged.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn read_block(
        &mut self,
        block: &mut Vec<u8>,
        record: &str,
        whole: impl FnOnce(&[u8]) -> usize,
    ) -> io::Result<NextBlock> {
        let offset = self.offset;
        let read = self.read_to_vec(BLOCK_SIZE as u64, block)?;
        if read == 0 {
            return Ok(NextBlock::End);
        }
        if read == BLOCK_SIZE as u64 {
            let cut = whole(block);
            if cut == 0 {
                let problem = format!("{record} has no end within {BLOCK_SIZE} bytes");
                let problem = Problem::Record(problem);
                return Ok(NextBlock::Damaged { offset, problem });
            }
            self.unread(&block[cut..]);
            block.truncate(cut);
        }
        Ok(NextBlock::Block { offset })
    }

    /// Bytes up to the end of the data, if that is known without reading them.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn remaining(&mut self) -> io::Result<Option<u64>> {
        let further = if self.ended {
            Some(0)
        } else {
            self.reader.remaining()?
        };
        Ok(further.map(|further| further + self.pushed_back.len() as u64))
    }

    /// Goes to the first place that `find` finds in the bytes ahead; `overlap` bytes are too few for it to find
    /// anything. `false` if the data end before. Takes time in proportion to the way it goes.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn seek_to(
        &mut self,
        overlap: usize,
        find: impl Fn(&[u8]) -> Option<usize>,
    ) -> io::Result<bool> {
        const FIRST_WINDOW: u64 = 64;
        const LARGEST_WINDOW: u64 = 1 << 16;
        let mut window = Vec::new();
        let mut size = FIRST_WINDOW;
        loop {
            let read = self.read_to_vec(size, &mut window);
            // What was read before a failure counts.
            if let Some(found) = find(&window) {
                self.unread(&window[found..]);
                return Ok(true);
            }
            if read? < size {
                return Ok(false);
            }
            self.unread(&window[window.len() - overlap..]);
            // Windows grow with the way that was gone, so that what is given back is in proportion to it.
            size = (2 * size).min(LARGEST_WINDOW);
        }
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
            self.ended |= further < bytes - back;
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
            let read = self.reader.read(buffer).inspect_err(|error| {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.failed = Some((error.kind(), error.to_string()));
                }
            })?;
            self.ended |= read == 0 && !buffer.is_empty();
            read
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
