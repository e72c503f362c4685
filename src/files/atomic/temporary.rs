//! Temporary files by their names, for a process that ends without dropping them.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tempfile::NamedTempFile;

static TEMPORARY_PREFIX: OnceLock<String> = OnceLock::new();

/// What the temporary names of this process begin with, so that whoever started it can find what it left behind when it
/// was killed. Only the first call has an effect. Without one it is `.ftperm-`.
pub fn set_temporary_prefix(prefix: &str) {
    TEMPORARY_PREFIX.get_or_init(|| prefix.to_string());
}

/// Names for temporary files of this process.
pub(super) fn names() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX.get().map_or(".ftperm-", String::as_str));
    builder
}

/// The temporary files that there are, for a process that ends without dropping them.
pub(super) static TEMPORARY_FILES: TemporaryFiles = TemporaryFiles(Mutex::new(BTreeSet::new()));

/// Removes all temporary files, for a process that is about to end. Whoever begins or ends one from now on waits for
/// ever.
pub fn remove_temporary_files() {
    std::mem::forget(TEMPORARY_FILES.remove());
}

pub(super) struct TemporaryFiles(Mutex<BTreeSet<PathBuf>>);

impl TemporaryFiles {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a file, and knows it from then on.
    pub(super) fn begin<F>(
        &'static self,
        make: impl FnOnce() -> io::Result<NamedTempFile<F>>,
    ) -> io::Result<(NamedTempFile<F>, Listed)> {
        let mut files = self.lock();
        let file = make()?;
        files.insert(file.path().to_path_buf());
        let listed = Listed {
            path: file.path().to_path_buf(),
            among: self,
        };
        Ok((file, listed))
    }

    fn remove(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        let mut files = self.lock();
        for path in std::mem::take(&mut *files) {
            // The process ends in any case.
            let _ = std::fs::remove_file(path);
        }
        files
    }
}

/// A file that is known for as long as this lives.
pub(super) struct Listed {
    path: PathBuf,
    among: &'static TemporaryFiles,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.among.lock().remove(&self.path);
    }
}

impl std::fmt::Debug for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.fmt(f)
    }
}

/// A temporary file for another program to read. It is removed when this is dropped, and by
/// [`remove_temporary_files`].
#[derive(Debug)]
pub struct KnownTemporaryFile {
    // Dropped first, while it is known.
    file: NamedTempFile,
    _listed: Listed,
}

impl KnownTemporaryFile {
    /// Makes and fills a file.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn write(
        make: impl FnOnce() -> io::Result<NamedTempFile>,
        contents: &[u8],
    ) -> io::Result<KnownTemporaryFile> {
        let (mut file, listed) = TEMPORARY_FILES.begin(make)?;
        file.write_all(contents)?;
        file.flush()?;
        Ok(KnownTemporaryFile {
            file,
            _listed: listed,
        })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_are_known_until_they_are_dropped() {
        static FILES: TemporaryFiles = TemporaryFiles(Mutex::new(BTreeSet::new()));
        let folder = tempfile::tempdir().unwrap();
        let begin = || {
            let make = || NamedTempFile::new_in(folder.path());
            FILES.begin(make).unwrap()
        };
        let left = || std::fs::read_dir(folder.path()).unwrap().count();
        let (_first, _listed) = begin();
        let (second, listed) = begin();
        second.persist(folder.path().join("second")).unwrap();
        drop(listed);
        assert_eq!((FILES.lock().len(), left()), (1, 2));
        drop(FILES.remove());
        assert_eq!((FILES.lock().len(), left()), (0, 1));
    }
}
