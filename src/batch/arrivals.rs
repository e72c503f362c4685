//! Files that somebody else puts into a folder, each once it is whole.

use std::collections::{BTreeMap, HashMap};
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

/// Folders inside each other that are looked into. Trainers' checkpoints are four below what they are told to use.
const MAX_DEPTH: usize = 8;

/// Watches a folder, and those in it, by looking at it again and again, which also works on network file systems.
#[derive(Debug)]
pub struct Arrivals {
    folder: PathBuf,
    /// A folder that is not looked into.
    passed_over: Option<PathBuf>,
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
            passed_over: None,
            settle,
            seen: HashMap::new(),
        }
    }

    /// Does not look into a folder, which need not be there yet.
    #[must_use]
    pub fn passing_over(self, folder: &Path) -> Arrivals {
        Arrivals {
            passed_over: Some(folder.to_path_buf()),
            ..self
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
        let present = self.present()?;
        self.seen.retain(|path, _| present.contains_key(path));
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
        Ok(whole)
    }

    /// The networks and checkpoints in the folder and those below it.
    fn present(&self) -> io::Result<BTreeMap<PathBuf, Metadata>> {
        let passed_over = self.passed_over.as_ref();
        let passed_over = passed_over.and_then(|folder| folder.canonicalize().ok());
        let mut present = BTreeMap::new();
        let mut folders = Vec::new();
        list(&self.folder, &mut present, &mut folders)?;
        for _ in 0..MAX_DEPTH {
            for folder in std::mem::take(&mut folders) {
                if passed_over.is_none() || folder.canonicalize().ok() != passed_over {
                    // It may be gone, or somebody else's.
                    let _ = list(&folder, &mut present, &mut folders);
                }
            }
        }
        Ok(present)
    }
}

/// Adds what is in a folder: networks and checkpoints, and folders. Links to folders are not followed, as they may lead
/// back; hidden folders are passed over as hidden files are.
fn list(
    folder: &Path,
    present: &mut BTreeMap<PathBuf, Metadata>,
    folders: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                folders.push(path);
            }
        } else if is_network_name(&path)
            // It may be gone, or a link to nothing.
            && let Ok(metadata) = std::fs::metadata(&path)
            && metadata.is_file()
        {
            present.insert(path, metadata);
        }
    }
    Ok(())
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

    #[test]
    fn files_arrive_in_folders_below_too() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for inside in ["v0/checkpoints", "v1", "made", ".hidden"] {
            std::fs::create_dir_all(at(inside)).unwrap();
        }
        let deepest = ["d"; MAX_DEPTH].join("/");
        std::fs::create_dir_all(at(&format!("{deepest}/d"))).unwrap();
        let deepest = format!("{deepest}/a.nnue");
        let found = [
            "a.nnue",
            &deepest,
            "v0/checkpoints/last.ckpt",
            "v1/last.ckpt",
        ];
        let others = ["made/b.nnue", ".hidden/a.nnue", "v1/a.txt"];
        let too_deep = format!("{}/a.nnue", ["d"; MAX_DEPTH + 1].join("/"));
        for file in found.iter().chain(&others).chain([&too_deep.as_str()]) {
            std::fs::write(at(file), "x").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("..", at("v1/back")).unwrap();
        let arrivals = Arrivals::new(folder.path(), Duration::ZERO);
        let mut arrivals = arrivals.passing_over(&at("v1/../made"));
        let whole = arrivals.poll(Instant::now()).unwrap();
        assert_eq!(whole, found.map(at));
    }
}
