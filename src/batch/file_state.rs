//! What is in a file, by its hash, and how to know it again without reading it.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::files::digest::hex;

/// File systems that count coarsely let a file change twice within this time and keep its time of modification.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

/// Why a file's contents are not known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} changed while it was read", path.display())]
    Changed { path: PathBuf },
    #[error("{} is not a file", path.display())]
    NoFile { path: PathBuf },
}

/// A file's contents, size and time of modification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// For people: names that are no UTF-8 are not kept exactly.
    pub path: String,
    pub bytes: u64,
    /// In nanoseconds since 1970, if the file system knows.
    pub modified: Option<u64>,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// When the contents were read, in nanoseconds since 1970.
    pub read: u64,
}

/// What a look at a file without reading it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<u64>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            bytes: metadata.len(),
            modified: metadata.modified().ok().and_then(nanoseconds),
        }
    }
}

impl FileState {
    /// Does the stamp prove that the contents are the same? A file that was new when it was read may have changed
    /// since within the same tick of the file system's clock.
    fn vouches_for(&self, stamp: Stamp) -> bool {
        let settled =
            |modified: u64| modified.saturating_add(COARSEST_CLOCK.as_nanos() as u64) <= self.read;
        self.bytes == stamp.bytes
            && self.modified == stamp.modified
            && self.modified.is_some_and(settled)
    }
}

fn nanoseconds(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// Hashes files, each once.
#[derive(Debug, Default)]
pub struct Hasher {
    known: HashMap<PathBuf, FileState>,
    /// Read even what an earlier state vouches for.
    reread: bool,
}

impl Hasher {
    /// With `reread`, sizes and times are no proof: every file is read, once.
    pub fn new(reread: bool) -> Hasher {
        Hasher {
            known: HashMap::new(),
            reread,
        }
    }

    /// The state of a file. It is not read if `recorded`, or what was found before, has the same size and time of
    /// modification, and the file was not just being written when that was found.
    ///
    /// # Errors
    /// It cannot be read, or changes while it is read.
    pub fn state(
        &mut self,
        path: &Path,
        recorded: Option<&FileState>,
    ) -> Result<FileState, StateError> {
        let failed = |source| StateError::Io {
            path: path.to_path_buf(),
            source,
        };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(StateError::NoFile {
                path: path.to_path_buf(),
            });
        }
        let stamp = Stamp::of(&metadata);
        let recorded = recorded.filter(|_| !self.reread);
        let known = self.known.get(path);
        if let Some(state) = known
            .into_iter()
            .chain(recorded)
            .find(|it| it.vouches_for(stamp))
        {
            let mut state = state.clone();
            state.path = path.display().to_string();
            return Ok(state);
        }
        let read = nanoseconds(SystemTime::now()).unwrap_or(0);
        let sha256 = sha256(&mut file).map_err(failed)?;
        if Stamp::of(&file.metadata().map_err(failed)?) != stamp {
            return Err(StateError::Changed {
                path: path.to_path_buf(),
            });
        }
        let state = FileState {
            path: path.display().to_string(),
            bytes: stamp.bytes,
            modified: stamp.modified,
            sha256,
            read,
        };
        self.known.insert(path.to_path_buf(), state.clone());
        Ok(state)
    }
}

fn sha256(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(len) => hasher.update(&buffer[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-2, appendix B.1, and that of the empty message.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn set_age(path: &Path, seconds: u64) {
        let file = File::options().write(true).open(path).unwrap();
        let time = SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(time).unwrap();
    }

    #[test]
    fn size_and_time_vouch_for_files_that_had_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        set_age(&path, 10);
        let first = Hasher::new(false).state(&path, None).unwrap();
        assert_eq!(first.sha256, ABC);
        // Other contents under the same stamp show that the file is not read again.
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, "xyz").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        let state = |reread| {
            let mut hasher = Hasher::new(reread);
            hasher.state(&path, Some(&first)).unwrap().sha256
        };
        assert_eq!(state(false), ABC);
        assert_ne!(state(true), ABC);
    }

    #[test]
    fn a_file_that_was_new_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "").unwrap();
        let mut hasher = Hasher::new(false);
        let first = hasher.state(&path, None).unwrap();
        assert_eq!(first.sha256, EMPTY);
        let time = UNIX_EPOCH + Duration::from_nanos(first.modified.unwrap());
        // Same size, same time, other contents: only reading tells.
        std::fs::write(&path, "abc").unwrap();
        let wrong = FileState {
            bytes: 3,
            ..first.clone()
        };
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
        assert_eq!(hasher.state(&path, Some(&wrong)).unwrap().sha256, ABC);
        assert!(matches!(
            hasher.state(folder.path(), None),
            Err(StateError::NoFile { .. } | StateError::Io { .. })
        ));
    }
}
