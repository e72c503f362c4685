//! The bytes of a file, mapped where the system can.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::Mmap;

/// A file's bytes.
#[derive(Debug)]
pub(super) enum FileBytes {
    Mapped(Mmap),
    /// What cannot be mapped: pipes, empty files.
    Owned(Vec<u8>),
}

impl FileBytes {
    pub(super) fn open(path: &Path) -> io::Result<FileBytes> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() && metadata.len() > 0 {
            // SAFETY: the mapping is only read. Another program that shortens the file meanwhile would end this one
            // with a bus error; as everywhere where files are mapped, that is for the user to avoid. Other writes
            // change values only: every offset was checked against the length, and all values are valid numbers.
            if let Ok(map) = unsafe { Mmap::map(&file) } {
                return Ok(FileBytes::Mapped(map));
            }
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(FileBytes::Owned(bytes))
    }

    /// Says that these bytes are not needed for now, so that they stop counting as memory of this program. They may
    /// be read again.
    pub(super) fn release(&self, range: Range<usize>) {
        #[cfg(unix)]
        if let FileBytes::Mapped(map) = self {
            // SAFETY: the pages belong to a shared mapping of a file and were never written to, so that dropping
            // them loses nothing: the next access reads the file again.
            let advised = unsafe {
                map.unchecked_advise_range(
                    memmap2::UncheckedAdvice::DontNeed,
                    range.start,
                    range.len(),
                )
            };
            // It is advice: without it more memory is used, nothing else.
            drop(advised);
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            FileBytes::Mapped(map) => map,
            FileBytes::Owned(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_and_released_bytes_are_those_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let contents: Vec<u8> = (0..100_000u32).map(|i| (i * 7 % 251) as u8).collect();
        std::fs::write(&path, &contents).unwrap();
        let bytes = FileBytes::open(&path).unwrap();
        assert_eq!(*bytes, *contents);
        bytes.release(0..contents.len());
        bytes.release(5000..9000);
        assert_eq!(*bytes, *contents);
        assert_eq!(*FileBytes::Owned(contents.clone()), *contents);
        // Windows keeps files that are mapped as they are.
        drop(bytes);
        std::fs::write(&path, b"").unwrap();
        assert!(FileBytes::open(&path).unwrap().is_empty());
    }
}
