//! One file, from its first byte to its name.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::destination::Destination;
use super::sync::{begin_sync, sync_file};
use super::temporary::{Listed, TEMPORARY_FILES, names};
use super::{OutputError, commit_all, folder_of, io_error};

/// Bytes that are worth two cores.
const LARGE: usize = 1 << 20;

/// A file being written. Dropped before [`commit`](OutputFile::commit), it leaves nothing.
#[derive(Debug)]
pub struct OutputFile {
    target: PathBuf,
    destination: Destination,
    file: BufWriter<NamedTempFile>,
    hasher: Sha256,
    listed: Listed,
}

impl OutputFile {
    /// Starts a file in the folder of `target`, or of the file that `target` is a link to.
    ///
    /// # Errors
    /// The folder does not exist or cannot be written to, `target` is something else than a file, such as `/dev/null`
    /// or `/dev/stdout`, in whose place a file would come, or it is write-protected.
    pub fn create(target: &Path) -> Result<OutputFile, OutputError> {
        let destination = Destination::of(target)?;
        let mut names = names();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any program's files: what the user's mask leaves of read and write for all.
            names.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let failed = |source| io_error(target, source);
        let (file, listed) = TEMPORARY_FILES
            .begin(|| names.tempfile_in(folder_of(&destination.path)))
            .map_err(failed)?;
        destination
            .keep_attributes(file.as_file())
            .map_err(failed)?;
        Ok(OutputFile {
            target: target.to_path_buf(),
            destination,
            file: BufWriter::with_capacity(LARGE, file),
            hasher: Sha256::new(),
            listed,
        })
    }

    /// Gives the file these permissions instead of those of any new file, or of the file that it replaces.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn set_permissions(&mut self, permissions: std::fs::Permissions) -> io::Result<()> {
        self.file.get_ref().as_file().set_permissions(permissions)
    }

    /// Ends writing: everything is on the disk, under the temporary name.
    ///
    /// # Errors
    /// The disk is full, or another I/O error.
    pub fn finish(self) -> Result<FinishedFile, OutputError> {
        let OutputFile {
            target,
            destination,
            file,
            hasher,
            listed,
        } = self;
        let file = file
            .into_inner()
            .map_err(|error| io_error(&target, error.into_error()))?;
        sync_file(file.as_file(), &target).map_err(|source| io_error(&target, source))?;
        Ok(FinishedFile {
            target,
            destination: Some(destination),
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

    /// Writes and hashes on two cores, and the disk begins to write.
    fn write_large(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        let hasher = &mut self.hasher;
        let write = || {
            file.write_all(bytes)?;
            begin_sync(file.as_file());
            Ok(())
        };
        let (written, ()) = rayon::join(write, || hasher.update(bytes));
        written
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() >= LARGE {
            self.write_large(bytes)?;
            return Ok(bytes.len());
        }
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that is whole and on the disk, but still has its temporary name. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct FinishedFile {
    target: PathBuf,
    /// None once it was given another name than it was begun for.
    destination: Option<Destination>,
    file: NamedTempFile,
    sha256: [u8; 32],
    listed: Listed,
}

/// A file and the place where it goes.
pub(super) struct Placed {
    pub target: PathBuf,
    pub destination: Destination,
    pub file: NamedTempFile,
    pub listed: Listed,
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
        self.destination = None;
    }

    /// Finds the place that its name means now.
    pub(super) fn place(self) -> Result<Placed, OutputError> {
        let destination = match self.destination {
            Some(destination) => destination,
            None => {
                let destination = Destination::of(&self.target)?;
                let kept = destination.keep_attributes(self.file.as_file());
                kept.map_err(|source| io_error(&self.target, source))?;
                destination
            }
        };
        Ok(Placed {
            target: self.target,
            destination,
            file: self.file,
            listed: self.listed,
        })
    }

    /// Gives the file its name, replacing what had it. When this returns, file and name are on the disk.
    ///
    /// # Errors
    /// An I/O error.
    pub fn commit(self) -> Result<(), OutputError> {
        commit_all(vec![self])
    }
}
