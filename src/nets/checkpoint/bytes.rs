//! The bytes of a checkpoint: in its file, which is read where it is needed, or in memory; and members that were
//! compressed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::files::reading::{Compression, ReadError, first_bytes, open, read_exact_at, read_file};

/// Most bytes that a compressed checkpoint may unpack to, or a pipe may give: 8 GiB.
pub(super) const MAX_UNPACKED: u64 = 8 << 30;

/// Bytes that are addressed as if they lay in one file. Behind those of the file follow what its compressed members
/// unpack to, each where [`add`](Self::add) put it.
#[derive(Debug)]
pub(super) struct FileBytes {
    base: Base,
    len: usize,
    added: BTreeMap<usize, Vec<u8>>,
    /// Stretches that are read in no order, and were read as a whole.
    cached: Mutex<BTreeMap<usize, Arc<Vec<u8>>>>,
    /// The first failure of [`read_or_zeros`](Self::read_or_zeros).
    failure: Mutex<Option<io::Error>>,
}

#[derive(Debug)]
enum Base {
    File(File),
    Memory(Vec<u8>),
}

impl FileBytes {
    /// Opens a file. What is compressed, or a pipe, is read as a whole.
    pub(super) fn open(path: &Path) -> Result<FileBytes, ReadError> {
        let metadata = std::fs::metadata(path)?;
        let is_plain = || {
            let (magic, _) = first_bytes(path, 6, false)?;
            io::Result::Ok(Compression::of(&magic).is_none())
        };
        if metadata.is_file() && is_plain()? {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            let len = usize::try_from(len).map_err(|_| ReadError::TooLarge {
                limit: usize::MAX as u64,
            })?;
            return Ok(FileBytes::new(Base::File(file), len));
        }
        if metadata.is_file() {
            return Ok(read_file(path, MAX_UNPACKED)?.bytes.into());
        }
        Self::from_pipe(path)
    }

    /// Reads a pipe, but no more than its beginning if that is not a checkpoint's: it may have no end.
    fn from_pipe(path: &Path) -> Result<FileBytes, ReadError> {
        let mut stream = open(path)?;
        let mut bytes = Vec::new();
        stream
            .by_ref()
            .take(super::HEAD as u64)
            .read_to_end(&mut bytes)?;
        if super::is_checkpoint(&bytes) {
            stream.take(MAX_UNPACKED).read_to_end(&mut bytes)?;
        }
        if bytes.len() as u64 > MAX_UNPACKED {
            let limit = MAX_UNPACKED;
            return Err(ReadError::TooLarge { limit });
        }
        Ok(bytes.into())
    }

    fn new(base: Base, len: usize) -> FileBytes {
        FileBytes {
            base,
            len,
            added: BTreeMap::new(),
            cached: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// Bytes of the file, without those that were added.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts bytes where nothing is, behind those of the file.
    pub(super) fn add(&mut self, start: usize, bytes: Vec<u8>) {
        self.added.insert(start, bytes);
    }

    /// The bytes of a range.
    ///
    /// # Errors
    /// They are not there (any more), or cannot be read.
    pub(super) fn read(&self, range: Range<usize>) -> io::Result<Cow<'_, [u8]>> {
        if let Some((&start, bytes)) = self.added.range(..=range.start).next_back()
            && let Some(bytes) = bytes.get(range.start - start..range.end - start)
        {
            return Ok(Cow::Borrowed(bytes));
        }
        let cut = || {
            let (start, end) = (range.start, range.end);
            let text =
                format!("it ends before byte {end}, where a part ends that begins at {start}");
            io::Error::new(io::ErrorKind::UnexpectedEof, text)
        };
        if range.end > self.len {
            return Err(cut());
        }
        match &self.base {
            Base::Memory(bytes) => Ok(Cow::Borrowed(&bytes[range])),
            Base::File(file) => {
                let mut bytes = Vec::new();
                bytes
                    .try_reserve_exact(range.len())
                    .map_err(io::Error::other)?;
                bytes.resize(range.len(), 0);
                match read_exact_at(file, &mut bytes, range.start as u64) {
                    Ok(()) => Ok(Cow::Owned(bytes)),
                    // Another program has cut it.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(cut()),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// The first bytes of the file, as many as there are up to `len`.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn head(&self, len: usize) -> io::Result<Cow<'_, [u8]>> {
        self.read(0..self.len.min(len))
    }

    /// As [`read`](Self::read), but where nothing can be read there are zeros, and [`check`](Self::check) fails from
    /// then on: for those who read a tensor row by row.
    pub(super) fn read_or_zeros(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        let len = range.len();
        self.read(range).unwrap_or_else(|error| {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
            Cow::Owned(vec![0; len])
        })
    }

    /// As [`read_or_zeros`](Self::read_or_zeros), remembered: for those who need the bytes of a range in no order.
    pub(super) fn whole(&self, range: Range<usize>) -> Arc<Vec<u8>> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cached.get(&range.start);
        if let Some(bytes) = known.filter(|bytes| bytes.len() == range.len()) {
            return Arc::clone(bytes);
        }
        let bytes = Arc::new(self.read_or_zeros(range.clone()).into_owned());
        cached.insert(range.start, Arc::clone(&bytes));
        bytes
    }

    /// Could everything be read so far?
    ///
    /// # Errors
    /// Something could not.
    pub(super) fn check(&self) -> io::Result<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failure {
            None => Ok(()),
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }

    /// A reader of the file's bytes from an offset on.
    pub(super) fn reader(&self, at: usize) -> FileReader<'_> {
        FileReader {
            bytes: self,
            at: at as u64,
        }
    }
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> FileBytes {
        let len = bytes.len();
        FileBytes::new(Base::Memory(bytes), len)
    }
}

/// Reads the bytes of a file from anywhere, without those that were added.
#[derive(Debug)]
pub(super) struct FileReader<'a> {
    bytes: &'a FileBytes,
    at: u64,
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.bytes.len as u64;
        let left = len.saturating_sub(self.at);
        let read = (buffer.len() as u64).min(left) as usize;
        if read > 0 {
            let start = self.at as usize;
            buffer[..read].copy_from_slice(&self.bytes.read(start..start + read)?);
            self.at += read as u64;
        }
        Ok(read)
    }
}

impl Seek for FileReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.bytes.len as u64, by),
            SeekFrom::Current(by) => (self.at, by),
        };
        self.at = from
            .checked_add_signed(by)
            .ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_file_until_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let contents: Vec<u8> = (0..100_000u32).map(|i| (i * 7 % 251) as u8).collect();
        std::fs::write(&path, &contents).unwrap();
        let mut bytes = FileBytes::open(&path).unwrap();
        bytes.add(200_000, vec![1, 2, 3]);
        for range in [0..100_000, 5000..9000, 7..7] {
            assert_eq!(*bytes.read(range.clone()).unwrap(), contents[range]);
        }
        assert_eq!(*bytes.whole(10..20), contents[10..20]);
        assert_eq!(*bytes.read(200_001..200_003).unwrap(), [2, 3]);
        for range in [99_999..100_001, 200_002..200_004, 150_000..150_001] {
            assert!(bytes.read(range.clone()).is_err(), "{range:?}");
        }
        let mut tail = Vec::new();
        let mut reader = bytes.reader(0);
        reader.seek(SeekFrom::End(-5)).unwrap();
        reader.read_to_end(&mut tail).unwrap();
        assert_eq!(tail, contents[99_995..]);
        bytes.check().unwrap();

        // Another program cuts the file while it is open.
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(50).unwrap();
        assert_eq!(*bytes.whole(10..20), contents[10..20]);
        assert_eq!(*bytes.read_or_zeros(40..60), [0; 20]);
        let error = bytes.check().unwrap_err().to_string();
        assert!(error.contains("ends before byte 60"), "{error}");
    }
}
