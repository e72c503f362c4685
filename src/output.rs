//! Files that appear whole or not at all: a temporary file beside the target, renamed at the end.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use thiserror::Error;

/// Why a file could not be written.
#[derive(Debug, Error)]
pub enum OutputError {
    #[error("cannot write {}: the folder {} does not exist", path.display(), folder.display())]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("cannot write {}: {} is no folder", path.display(), folder.display())]
    NotAFolder { path: PathBuf, folder: PathBuf },
    #[error("cannot write {}: it is no file but a folder, a device or a pipe", path.display())]
    NotAFile { path: PathBuf },
    #[error("cannot write {}: {source}; nothing was left behind", path.display())]
    Io { path: PathBuf, source: io::Error },
}

static TEMPORARY_PREFIX: OnceLock<String> = OnceLock::new();

/// What the temporary names of this process begin with, so that whoever started it can find what it left behind when it
/// was killed. Only the first call has an effect. Without one it is `.ftperm-`.
pub fn set_temporary_prefix(prefix: &str) {
    TEMPORARY_PREFIX.get_or_init(|| prefix.to_string());
}

/// The temporary files that there are, for a process that ends without dropping them.
static TEMPORARY_FILES: TemporaryFiles = TemporaryFiles(Mutex::new(BTreeSet::new()));

/// Removes all temporary files, for a process that is about to end. Whoever begins or ends one from now on waits for
/// ever.
pub fn remove_temporary_files() {
    std::mem::forget(TEMPORARY_FILES.remove());
}

struct TemporaryFiles(Mutex<BTreeSet<PathBuf>>);

impl TemporaryFiles {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a file, and knows it from then on.
    fn begin(
        &'static self,
        make: impl FnOnce() -> io::Result<NamedTempFile>,
    ) -> io::Result<(NamedTempFile, Listed)> {
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
struct Listed {
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

/// A file being written. Dropped before [`commit`](OutputFile::commit), it leaves nothing.
#[derive(Debug)]
pub struct OutputFile {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
    hasher: Sha256,
    listed: Listed,
}

impl OutputFile {
    /// Starts a file in the folder of `target`.
    ///
    /// # Errors
    /// The folder does not exist or cannot be written to, or `target` is something else than a file, such as
    /// `/dev/null` or `/dev/stdout`, in whose place a file would come.
    pub fn create(target: &Path) -> Result<OutputFile, OutputError> {
        if std::fs::metadata(target).is_ok_and(|it| !it.is_file()) || is_system_link(target) {
            return Err(OutputError::NotAFile {
                path: target.to_path_buf(),
            });
        }
        let folder = folder_of(target);
        if !folder.is_dir() {
            let (path, folder) = (target.to_path_buf(), folder.to_path_buf());
            return Err(if folder.exists() {
                OutputError::NotAFolder { path, folder }
            } else {
                OutputError::NoFolder { path, folder }
            });
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX.get().map_or(".ftperm-", String::as_str));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any program's files: what the user's mask leaves of read and write for all.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let (file, listed) = TEMPORARY_FILES
            .begin(|| builder.tempfile_in(folder))
            .map_err(|source| io_error(target, source))?;
        Ok(OutputFile {
            target: target.to_path_buf(),
            file: BufWriter::with_capacity(1 << 20, file),
            hasher: Sha256::new(),
            listed,
        })
    }

    /// Gives the file these permissions instead of those of any new file.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn set_permissions(&mut self, permissions: std::fs::Permissions) -> io::Result<()> {
        self.file.get_ref().as_file().set_permissions(permissions)
    }

    /// Ends writing: everything is on its way to the disk, under the temporary name.
    ///
    /// # Errors
    /// The disk is full, or another I/O error.
    pub fn finish(self) -> Result<FinishedFile, OutputError> {
        let OutputFile {
            target,
            file,
            hasher,
            listed,
        } = self;
        let file = file
            .into_inner()
            .map_err(|error| io_error(&target, error.into_error()))?;
        Ok(FinishedFile {
            target,
            file,
            sha256: hasher.finalize().into(),
            listed,
        })
    }

    /// Ends writing and gives the file its name.
    ///
    /// # Errors
    /// The disk is full, or another I/O error.
    pub fn commit(self) -> Result<(), OutputError> {
        self.finish()?.commit()
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that is whole, but still has its temporary name.
#[derive(Debug)]
pub struct FinishedFile {
    target: PathBuf,
    file: NamedTempFile,
    sha256: [u8; 32],
    listed: Listed,
}

impl FinishedFile {
    /// SHA-256 of the contents.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Where the contents are now, for reading them back.
    pub fn temporary_path(&self) -> &Path {
        self.file.path()
    }

    /// The name it will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Chooses another name in the same folder, e.g. one made from the contents.
    pub fn rename(&mut self, name: &str) {
        self.target.set_file_name(name);
    }

    /// Gives the file its name, replacing what had it.
    ///
    /// # Errors
    /// An I/O error.
    pub fn commit(self) -> Result<(), OutputError> {
        let FinishedFile {
            target,
            file,
            listed,
            ..
        } = self;
        file.persist(&target)
            .map_err(|error| io_error(&target, error.error))?;
        drop(listed);
        Ok(())
    }
}

/// Writes a whole file at once.
///
/// # Errors
/// As [`OutputFile`].
pub fn write_file(target: &Path, contents: &[u8]) -> Result<(), OutputError> {
    let mut file = OutputFile::create(target)?;
    file.write_all(contents)
        .map_err(|source| io_error(target, source))?;
    file.commit()
}

/// The folder of a path; the current one where it has none.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Is it a link of the system, such as `/dev/stdout`? Those lead to a file where output is redirected to one.
fn is_system_link(path: &Path) -> bool {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
    let folder = || folder_of(path).canonicalize();
    cfg!(unix)
        && is_link
        && folder().is_ok_and(|it| it.starts_with("/dev") || it.starts_with("/proc"))
}

/// Wraps an error of writing to `path`.
pub fn io_error(path: &Path, source: io::Error) -> OutputError {
    OutputError::Io {
        path: path.to_path_buf(),
        source: without_temporary_name(source),
    }
}

/// Errors of temporary files end in their names, which mean nothing to anybody.
fn without_temporary_name(source: io::Error) -> io::Error {
    let text = source.to_string();
    match text.split_once(" at path ") {
        Some((what, _)) if source.raw_os_error().is_none() => io::Error::new(source.kind(), what),
        _ => source,
    }
}

/// Does the file system let us create files where `path` is to go? Asked before long work.
///
/// # Errors
/// The folder does not exist or cannot be written to.
pub fn check_writable(path: &Path) -> Result<(), OutputError> {
    OutputFile::create(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{hex, net_name};

    #[test]
    fn only_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        std::fs::create_dir(&target).unwrap();
        let is_refused =
            |path: &Path| matches!(check_writable(path), Err(OutputError::NotAFile { .. }));
        assert!(is_refused(&target));
        #[cfg(unix)]
        {
            // A device by another name, which nobody may replace either.
            let link = folder.path().join("null");
            std::os::unix::fs::symlink("/dev/null", &link).unwrap();
            assert!(is_refused(&link));
            // Whatever the output of tests is redirected to.
            for link in ["/dev/stdout", "/dev/fd/1"].map(Path::new) {
                assert!(!link.is_symlink() || is_refused(link), "{link:?}");
            }
            let file = tempfile::tempfile().unwrap();
            let link = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
            assert!(!Path::new(&link).is_symlink() || is_refused(link.as_ref()));
            let socket = folder.path().join("socket");
            let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            assert!(is_refused(&socket));
        }
        assert!(std::fs::remove_dir(&target).is_ok());
        assert!(!is_refused(&target));
    }

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

    #[test]
    fn nothing_is_left_without_commit() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        let mut file = OutputFile::create(&target).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        let finished = OutputFile::create(&target).unwrap().finish().unwrap();
        drop(finished);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_commit_replaces_and_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        std::fs::write(&target, b"old").unwrap();
        let mut file = OutputFile::create(&target).unwrap();
        file.write_all(b"abc").unwrap();
        let finished = file.finish().unwrap();
        // The example of FIPS 180-2, appendix B.1.
        assert_eq!(
            hex(&finished.sha256()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(net_name(&finished.sha256()), "nn-ba7816bf8f01");
        finished.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = OutputFile::create(Path::new("/nowhere/at/all.nnue")).unwrap_err();
        assert!(
            error.to_string().contains("/nowhere/at does not exist"),
            "{error}"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = OutputFile::create(&file.path().join("a.nnue")).unwrap_err();
        let expected = format!("{} is no folder", file.path().display());
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
}
