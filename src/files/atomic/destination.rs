//! Where an output really goes, and what it replaces there.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::{OutputError, folder_of, io_error};

/// Links that may follow one another; as many as Linux allows.
const MOST_LINKS: usize = 40;

/// The file at the end of a chain of links.
#[derive(Debug)]
pub(super) struct Destination {
    pub path: PathBuf,
    /// The file that is replaced.
    replaced: Option<Metadata>,
}

impl Destination {
    /// Follows links, so that they stay and what they lead to is replaced.
    ///
    /// # Errors
    /// The folder does not exist; there is something else than a file, such as `/dev/null` or `/dev/stdout`, in whose
    /// place a file would come; the file is write-protected; the name is too long.
    pub(super) fn of(target: &Path) -> Result<Destination, OutputError> {
        let (path, found) = follow(target)?;
        if found.as_ref().is_some_and(|found| !found.is_file()) {
            return Err(OutputError::NotAFile {
                path: target.to_path_buf(),
            });
        }
        if found
            .as_ref()
            .is_some_and(|found| is_write_protected(&path, found))
        {
            return Err(OutputError::WriteProtected {
                path: target.to_path_buf(),
            });
        }
        let folder = folder_of(&path);
        if !folder.is_dir() {
            let (target, folder) = (target.to_path_buf(), folder.to_path_buf());
            return Err(if folder.exists() {
                OutputError::NotAFolder {
                    path: target,
                    folder,
                }
            } else {
                OutputError::NoFolder {
                    path: target,
                    folder,
                }
            });
        }
        Ok(Destination {
            path,
            replaced: found,
        })
    }

    /// Is there a file already?
    pub(super) fn replaces(&self) -> bool {
        self.replaced.is_some()
    }

    /// Gives a new file the owner and the permissions of the one that it replaces. Only root may give files away, so
    /// an owner that cannot be kept is no error.
    pub(super) fn keep_attributes(&self, file: &File) -> io::Result<()> {
        let Some(replaced) = &self.replaced else {
            return Ok(());
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, fchown};
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != (replaced.uid(), replaced.gid())
                && fchown(file, Some(replaced.uid()), Some(replaced.gid())).is_err()
            {
                // The group alone may be one of ours.
                let _ = fchown(file, None, Some(replaced.gid()));
            }
        }
        file.set_permissions(replaced.permissions())
    }
}

/// The file that is written when `target` is written: `target`, or what it is a link to, also if that is not there yet.
pub fn end_of_links(target: &Path) -> PathBuf {
    follow(target).map_or_else(|_| target.to_path_buf(), |(path, _)| path)
}

/// The end of a chain of links, and what is there.
fn follow(target: &Path) -> Result<(PathBuf, Option<Metadata>), OutputError> {
    let mut path = target.to_path_buf();
    for _ in 0..MOST_LINKS {
        let found = match std::fs::symlink_metadata(&path) {
            Ok(found) => found,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok((path, None)),
                    _ => Err(io_error(target, error)),
                };
            }
        };
        if !found.is_symlink() {
            return Ok((path, Some(found)));
        }
        if is_of_system(&path) {
            return Err(OutputError::NotAFile {
                path: target.to_path_buf(),
            });
        }
        let link = std::fs::read_link(&path).map_err(|source| io_error(target, source))?;
        path = folder_of(&path).join(link);
    }
    let error = io::Error::other("its links go round in a circle");
    Err(io_error(target, error))
}

/// Is a link one of the system, such as `/dev/stdout`? Those lead to a file where output is redirected to one.
fn is_of_system(link: &Path) -> bool {
    let folder = folder_of(link).canonicalize();
    cfg!(unix)
        && folder.is_ok_and(|folder| folder.starts_with("/dev") || folder.starts_with("/proc"))
}

/// May its contents not be changed? A rename would replace it all the same, but people protect files to keep them.
fn is_write_protected(path: &Path, found: &Metadata) -> bool {
    let refused = || File::options().append(true).open(path).err();
    found.permissions().readonly()
        || refused().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
