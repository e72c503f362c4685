//! Files that somebody else puts into a folder, each once it is whole.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Endings of networks and checkpoints.
const ENDINGS: [&str; 4] = ["nnue", "ckpt", "pt", "safetensors"];
/// Endings of compressed networks, after `.nnue`.
const COMPRESSED: [&str; 3] = ["gz", "zst", "xz"];

/// Is it, by its name, a network or a checkpoint? Hidden files are not: that is how unfinished ones are named.
pub fn is_network_name(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return false;
    };
    let lower = name.to_ascii_lowercase();
    let ends_with = |ending: &str| {
        lower
            .strip_suffix(ending)
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    };
    !name.starts_with('.')
        && (ENDINGS.iter().any(|it| ends_with(it))
            || COMPRESSED.iter().any(|it| ends_with(&format!("nnue.{it}"))))
}

/// Watches a folder by looking at it again and again, which also works on network file systems.
#[derive(Debug)]
pub struct Arrivals {
    folder: PathBuf,
    /// How long a file must stay as it is to count as whole.
    settle: Duration,
    seen: HashMap<PathBuf, Seen>,
}

#[derive(Debug)]
struct Seen {
    len: u64,
    modified: Option<SystemTime>,
    /// Since when it is as it is.
    since: Instant,
    handed_out: bool,
}

impl Seen {
    fn is_as(&self, metadata: &Metadata) -> bool {
        self.len == metadata.len() && self.modified == metadata.modified().ok()
    }
}

impl Arrivals {
    /// Files that are there already count as arriving now.
    pub fn new(folder: &Path, settle: Duration) -> Arrivals {
        Arrivals {
            folder: folder.to_path_buf(),
            settle,
            seen: HashMap::new(),
        }
    }

    /// The folder that is watched.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Looks at the folder. Returns the files, sorted by name, whose size and time of modification have not changed for
    /// the settling time, each once, and again if it changes later. Empty files are waited for.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn poll(&mut self, now: Instant) -> io::Result<Vec<PathBuf>> {
        let mut present = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            // It may be gone, or a link to nothing.
            let Ok(metadata) = std::fs::metadata(&path) else {
                continue;
            };
            if metadata.is_file() && is_network_name(&path) {
                present.push((path, metadata));
            }
        }
        self.seen
            .retain(|path, _| present.iter().any(|(it, _)| it == path));
        let mut whole = Vec::new();
        for (path, metadata) in present {
            let new = || Seen {
                len: metadata.len(),
                modified: metadata.modified().ok(),
                since: now,
                handed_out: false,
            };
            let seen = self.seen.entry(path.clone()).or_insert_with(new);
            if !seen.is_as(&metadata) {
                *seen = new();
            }
            let settled = now.duration_since(seen.since) >= self.settle;
            if settled && !seen.handed_out && seen.len > 0 {
                seen.handed_out = true;
                whole.push(path);
            }
        }
        whole.sort();
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_networks() {
        for name in [
            "a.nnue",
            "A.NNUE",
            "a.b.ckpt",
            "a.pt",
            "a.safetensors",
            "a.nnue.zst",
        ] {
            assert!(is_network_name(Path::new(name)), "{name}");
        }
        for name in [
            ".a.nnue",
            ".nnue",
            "nnue",
            "a.txt",
            "a.nnue.part",
            "a.zst",
            "a.opt",
            "",
        ] {
            assert!(!is_network_name(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn a_file_is_handed_out_once_it_is_whole_and_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.nnue");
        let start = Instant::now();
        let second = |n: u64| start + Duration::from_secs(n);
        let mut arrivals = Arrivals::new(folder.path(), Duration::from_secs(5));
        let mut poll = |n: u64| arrivals.poll(second(n)).unwrap().len();
        std::fs::write(&path, "").unwrap();
        assert_eq!((poll(0), poll(10)), (0, 0), "it is empty");
        std::fs::write(&path, "1").unwrap();
        assert_eq!((poll(11), poll(15)), (0, 0), "it has just been written");
        std::fs::write(&path, "12").unwrap();
        assert_eq!((poll(16), poll(20)), (0, 0), "it still grows");
        assert_eq!((poll(21), poll(22), poll(99)), (1, 0, 0));
        std::fs::write(&path, "123").unwrap();
        assert_eq!((poll(100), poll(105), poll(106)), (0, 1, 0));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(poll(107), 0);
        std::fs::write(&path, "123").unwrap();
        assert_eq!((poll(108), poll(113)), (0, 1));
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert!(arrivals.poll(second(114)).is_err());
    }
}
