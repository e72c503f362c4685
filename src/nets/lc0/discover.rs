//! Which network lc0 takes if none is named.

use std::cmp::Reverse;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use flate2::read::MultiGzDecoder;
use serde::Serialize;

use super::MAGIC;

/// Files below this size are passed over.
const MIN_BYTES: u64 = 500_000;

/// The directories that lc0 searches, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lc0Places {
    pub directories: Vec<PathBuf>,
}

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lc0Candidate {
    pub path: PathBuf,
    /// Of [`Lc0Places::directories`].
    pub directory: PathBuf,
    pub bytes: u64,
    /// Whole seconds since 1970.
    pub modified_unix_seconds: i64,
    pub verdict: Verdict,
}

/// What lc0 does with a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// This one is loaded.
    Taken,
    /// Smaller than 500,000 bytes.
    TooSmall,
    /// The magic number is not there.
    NoNetwork,
    /// A network, but another one comes before it.
    Later,
    /// Cannot be opened or unpacked.
    Unreadable(String),
}

impl Lc0Places {
    /// For an lc0 that is started as `engine`, with the environment of this process.
    pub fn of_process(engine: Option<&Path>) -> Lc0Places {
        Lc0Places::of(engine, |name| std::env::var_os(name).map(PathBuf::from))
    }

    /// For an lc0 that is started as `engine`, with the environment `variable`.
    pub fn of(engine: Option<&Path>, variable: impl Fn(&str) -> Option<PathBuf>) -> Lc0Places {
        let beside = engine.and_then(Path::parent);
        let beside = match beside {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let mut directories = vec![beside];
        let home = variable("HOME");
        if cfg!(target_os = "macos") {
            directories.extend(home.map(|home| home.join("Library/lc0")));
        } else if cfg!(unix) {
            let data = [
                variable("XDG_DATA_HOME"),
                home.map(|home| home.join(".local/share")),
            ];
            let user = data.into_iter().flatten().find(|folder| folder.is_dir());
            directories.extend(user.map(|folder| folder.join("lc0")));
            let system = variable("XDG_DATA_DIRS").filter(|list| !list.as_os_str().is_empty());
            let system = system.unwrap_or_else(|| PathBuf::from("/usr/local/share/:/usr/share/"));
            let folders =
                std::env::split_paths(&system).filter(|path| !path.as_os_str().is_empty());
            directories.extend(folders.map(|folder| folder.join("lc0")));
        }
        Lc0Places { directories }
    }

    /// All files that lc0 would look at, in its order, and what becomes of each.
    pub fn candidates(&self) -> Vec<Lc0Candidate> {
        let mut all = Vec::new();
        let mut taken = false;
        for directory in &self.directories {
            let mut found = files_of(directory);
            found.extend(files_of(&directory.join("networks")));
            found.sort_by(|a, b| {
                let order = |file: &FoundFile| (Reverse(file.modified), Reverse(file.path.clone()));
                order(a).cmp(&order(b))
            });
            for file in found {
                let verdict = if file.bytes < MIN_BYTES {
                    Verdict::TooSmall
                } else {
                    match has_magic(&file.path) {
                        Ok(true) if taken => Verdict::Later,
                        Ok(true) => Verdict::Taken,
                        Ok(false) => Verdict::NoNetwork,
                        Err(error) => Verdict::Unreadable(error.to_string()),
                    }
                };
                taken |= verdict == Verdict::Taken;
                all.push(Lc0Candidate {
                    path: file.path,
                    directory: directory.clone(),
                    bytes: file.bytes,
                    modified_unix_seconds: file.modified,
                    verdict,
                });
            }
        }
        all
    }
}

struct FoundFile {
    path: PathBuf,
    bytes: u64,
    modified: i64,
}

/// Regular files of a directory; links to such count.
fn files_of(directory: &Path) -> Vec<FoundFile> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let files = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let metadata = std::fs::metadata(&path).ok()?;
        metadata.is_file().then(|| FoundFile {
            bytes: metadata.len(),
            modified: seconds(&metadata),
            path,
        })
    });
    files.collect()
}

fn seconds(metadata: &std::fs::Metadata) -> i64 {
    let Ok(time) = metadata.modified() else {
        return 0;
    };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

/// Are bytes 1 to 4 of the unpacked file the magic number? Byte 0 may be anything.
fn has_magic(path: &Path) -> std::io::Result<bool> {
    let mut begin = [0; 5];
    let file = std::io::BufReader::new(File::open(path)?);
    let mut peeked = file;
    let gzip = std::io::BufRead::fill_buf(&mut peeked)?.starts_with(&[0x1F, 0x8B]);
    let outcome = if gzip {
        MultiGzDecoder::new(peeked).read_exact(&mut begin)
    } else {
        peeked.read_exact(&mut begin)
    };
    match outcome {
        Ok(()) => Ok(begin[1..] == MAGIC.to_le_bytes()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)]) -> Lc0Places {
        Lc0Places::of(Some(Path::new("bin/lc0")), |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_directories_are_lc0s() {
        let expected = ["bin", "/usr/lc0", "/a/lc0", "/b/lc0"].map(PathBuf::from);
        let found = places(&[("XDG_DATA_HOME", "/usr"), ("XDG_DATA_DIRS", "/a:/b")]);
        assert_eq!(found.directories, expected);
        let system = ["/usr/local/share/lc0", "/usr/share/lc0"].map(PathBuf::from);
        let found = places(&[("HOME", "/does/not/exist")]);
        assert_eq!(found.directories[1..], system);
        let bare = Lc0Places::of(Some(Path::new("lc0")), |_| None);
        assert_eq!(bare.directories[0], Path::new("."));
    }
}
