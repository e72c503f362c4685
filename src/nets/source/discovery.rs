//! Networks in the usual places, for when none is named.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::engine::{Engine, EngineNet};
use super::error::SourceError;
use super::ways::Ways;
use super::{LoadedBytes, MAX_BYTES, NetSource, embed};
use crate::files::digest;
use crate::files::reading::{Compression, first_bytes};
use crate::nets::stockfish::{Network, VERSION_2020, VERSION_2021, VERSION_2026};

/// Where networks are looked for, in this order.
#[derive(Clone, Debug, Default)]
pub struct SearchPlaces {
    /// Looked through itself, then its `nets` and `networks`.
    pub current: Option<PathBuf>,
    /// This program: its directory is looked through, then its `networks`; a network embedded in it is a candidate too,
    /// after the files.
    pub executable: Option<PathBuf>,
    /// The user's data directories, each with its `networks`.
    pub user_data: Vec<PathBuf>,
    /// Data directories of the system, each with its `networks`.
    pub system_data: Vec<PathBuf>,
    /// Directories of `PATH`, where an engine named `stockfish` is looked for.
    pub path: Vec<PathBuf>,
}

/// Which of the places a candidate is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    CurrentDirectory,
    Nets,
    Networks,
    ExecutableDirectory,
    UserData,
    SystemData,
    /// Appended to this program.
    Embedded,
    /// Inside an engine on `PATH`.
    Engine,
    /// A directory that was named.
    Named,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::CurrentDirectory => "the current directory",
            Place::Nets => "the directory nets",
            Place::Networks => "the directory networks",
            Place::ExecutableDirectory => "the directory of this program",
            Place::UserData => "the user's data directory",
            Place::SystemData => "a data directory of the system",
            Place::Embedded => "this program",
            Place::Engine => "an engine on PATH",
            Place::Named => "the directory",
        })
    }
}

/// A file that looks like a network by its size and its header, or a network inside an engine.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub path: PathBuf,
    pub place: Place,
    /// Length in bytes, as stored: a compressed file's is that of the file.
    pub len: u64,
    pub modified: Option<SystemTime>,
    pub compression: Option<Compression>,
    /// Which network of an engine.
    pub net: Option<EngineNet>,
    /// The permutation file beside it that says that ftperm wrote it. [`SearchPlaces::candidates`] looks for it.
    pub way: Option<PathBuf>,
}

impl Candidate {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, or is no whole network after all.
    pub fn load(&self) -> Result<LoadedBytes, SourceError> {
        if self.place == Place::Embedded {
            return embed::embedded(&self.path)?.ok_or_else(|| SourceError::NothingEmbedded {
                path: self.path.clone(),
            });
        }
        let source = NetSource::File {
            path: self.path.clone(),
            number: self.net.as_ref().map(|net| net.number),
        };
        let loaded = source.load()?;
        if Network::extent(&loaded.bytes) == Some(loaded.bytes.len()) {
            Ok(loaded)
        } else {
            Err(SourceError::NotOneWholeNetwork {
                path: self.path.clone(),
            })
        }
    }
}

/// Smallest file that is looked at: less than any network has.
const MIN_LEN: u64 = 4 << 10;

/// As much of a file as is looked at for its header; descriptions are a sentence or two.
const HEADER: usize = 64 << 10;

impl SearchPlaces {
    /// The places of this process.
    pub fn of_process() -> SearchPlaces {
        let project = directories::ProjectDirs::from("", "", "ftperm");
        let mut system_data = Vec::new();
        if cfg!(windows) {
            let shared = std::env::var_os("ProgramData").map(PathBuf::from);
            system_data.extend(shared.map(|shared| shared.join("ftperm")));
        } else {
            let named = std::env::var_os("XDG_DATA_DIRS").filter(|dirs| !dirs.is_empty());
            let mut roots: Vec<PathBuf> = match named {
                Some(dirs) => std::env::split_paths(&dirs).collect(),
                None => vec!["/usr/local/share".into(), "/usr/share".into()],
            };
            if cfg!(target_os = "macos") {
                roots.push("/Library/Application Support".into());
                roots.push("/opt/homebrew/share".into());
            }
            for root in roots {
                system_data
                    .extend(["ftperm", "stockfish", "games/stockfish"].map(|it| root.join(it)));
            }
        }
        SearchPlaces {
            current: std::env::current_dir().ok(),
            executable: std::env::current_exe().ok(),
            user_data: project
                .map(|project| project.data_dir().to_path_buf())
                .into_iter()
                .collect(),
            system_data,
            path: std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
        }
    }

    /// Directories in order, each once.
    fn directories(&self) -> Vec<(Place, PathBuf)> {
        let mut all = Vec::new();
        if let Some(current) = &self.current {
            all.push((Place::CurrentDirectory, current.clone()));
            all.push((Place::Nets, current.join("nets")));
            all.push((Place::Networks, current.join("networks")));
        }
        let beside = self.executable.as_ref().and_then(|file| file.parent());
        let beside = beside.map(|folder| (Place::ExecutableDirectory, folder));
        let user = self
            .user_data
            .iter()
            .map(|folder| (Place::UserData, folder.as_path()));
        let system = self
            .system_data
            .iter()
            .map(|folder| (Place::SystemData, folder.as_path()));
        for (place, folder) in beside.into_iter().chain(user).chain(system) {
            all.push((place, folder.to_path_buf()));
            all.push((place, folder.join("networks")));
        }
        let mut seen = Vec::new();
        all.retain(|(_, directory)| {
            let Ok(canonical) = directory.canonicalize() else {
                return false;
            };
            let new = !seen.contains(&canonical);
            seen.push(canonical);
            new
        });
        all
    }

    /// The network embedded in this program. One that is damaged is no candidate.
    fn embedded(&self) -> Option<Candidate> {
        let path = self.executable.as_ref()?;
        let len = embed::embedded_len(path).ok()??;
        Some(Candidate {
            path: path.clone(),
            place: Place::Embedded,
            len,
            modified: None,
            compression: None,
            net: None,
            way: None,
        })
    }

    /// Engines on `PATH`, each once.
    fn engines(&self) -> Vec<PathBuf> {
        let name = format!("stockfish{}", std::env::consts::EXE_SUFFIX);
        let mut seen = Vec::new();
        let mut engines = Vec::new();
        for directory in &self.path {
            let file = directory.join(&name);
            let Ok(canonical) = file.canonicalize() else {
                continue;
            };
            if canonical.is_file() && !seen.contains(&canonical) {
                seen.push(canonical);
                engines.push(file);
            }
        }
        engines
    }

    /// Everything that [`discover`](Self::discover) considers, in its order: by place, and in each directory the newest
    /// first, files of the same time by name; after them those that ftperm wrote. Engines are opened and their networks
    /// listed one by one.
    pub fn candidates(&self) -> Vec<Candidate> {
        let mut all = self.by_place();
        for (_, directory) in self.directories() {
            let ways = Ways::in_folder(&directory);
            let here = |it: &&mut Candidate| it.path.parent() == Some(&directory);
            for candidate in all.iter_mut().filter(here) {
                let sha256 = || candidate.load().map_or([0; 32], |loaded| loaded.sha256());
                candidate.way = ways.to(sha256).map(Path::to_path_buf);
            }
        }
        all.sort_by_key(|candidate| candidate.way.is_some());
        all
    }

    fn by_place(&self) -> Vec<Candidate> {
        let mut all: Vec<Candidate> = self
            .directories()
            .iter()
            .flat_map(|(place, directory)| in_directory(*place, directory))
            .collect();
        all.extend(self.embedded());
        for path in self.engines() {
            all.extend(in_engine(&path).unwrap_or_default());
        }
        all
    }

    /// The first candidate that is a whole network and was not written by ftperm, or else the first that was; its
    /// origin says why it was chosen.
    ///
    /// # Errors
    /// There is none.
    pub fn discover(&self) -> Result<LoadedBytes, SourceError> {
        let mut passed = PassedOver::default();
        for (place, directory) in self.directories() {
            let candidates = in_directory(place, &directory);
            let ways = Ways::in_folder(&directory);
            if let Some(loaded) = first_whole(&candidates, &ways, &mut passed) {
                return Ok(loaded);
            }
        }
        let none = Ways::default();
        if let Some(loaded) = first_whole(self.embedded().as_slice(), &none, &mut passed) {
            return Ok(loaded);
        }
        for path in self.engines() {
            // Of an engine's networks the largest is the one that decides.
            let mut nets = match in_engine(&path) {
                Ok(nets) => nets,
                Err(error) => {
                    passed.damaged.push(error.to_string());
                    continue;
                }
            };
            nets.sort_by_key(|net| std::cmp::Reverse(net.len));
            if let Some(loaded) = first_whole(&nets, &none, &mut passed) {
                return Ok(loaded);
            }
        }
        if let Some(loaded) = passed.own() {
            return Ok(loaded);
        }
        let mut searched: Vec<String> = self
            .directories()
            .iter()
            .map(|(_, directory)| directory.display().to_string())
            .collect();
        searched.push("an engine `stockfish` on PATH".to_string());
        Err(SourceError::NothingDiscovered {
            searched: searched.join(", "),
            skipped: passed.damaged,
        })
    }

    /// The candidate with this SHA-256 (of the network, not of a file around it). Files that are named after it are
    /// read first.
    ///
    /// # Errors
    /// There is none.
    pub fn find_by_sha256(&self, wanted: &[u8; 32]) -> Result<LoadedBytes, SourceError> {
        let digits = digest::hex(&wanted[..6]);
        let mut candidates = self.by_place();
        let count = candidates.len();
        candidates.sort_by_key(|candidate| {
            let name = candidate.path.file_name().unwrap_or_default();
            !name.to_string_lossy().contains(&digits)
        });
        for candidate in &candidates {
            if let Ok(mut loaded) = candidate.load()
                && loaded.sha256() == *wanted
            {
                loaded.origin.why = Some(format!(
                    "it has the SHA-256 that was asked for, found in {}",
                    candidate.place
                ));
                return Ok(loaded);
            }
        }
        Err(SourceError::NoSuchHash {
            sha256: digest::hex(wanted),
            count,
        })
    }
}

/// The newest whole network of a directory that ftperm did not write, or else the newest that it did.
pub(super) fn newest_in(directory: &Path) -> Result<LoadedBytes, SourceError> {
    std::fs::read_dir(directory).map_err(SourceError::io(directory))?;
    let mut passed = PassedOver::default();
    let candidates = in_directory(Place::Named, directory);
    first_whole(&candidates, &Ways::in_folder(directory), &mut passed)
        .or_else(|| passed.own())
        .ok_or_else(|| SourceError::NoNetInDirectory {
            path: directory.to_path_buf(),
            skipped: passed.damaged,
        })
}

/// Candidates that were not taken.
#[derive(Default)]
struct PassedOver {
    /// Why, of those that cannot be read.
    damaged: Vec<String>,
    /// Those that ftperm wrote, with the permutation files that say so.
    own: Vec<(Candidate, PathBuf)>,
}

impl PassedOver {
    /// For people; empty if there are none.
    fn text(&self) -> String {
        let own = self.own.iter().map(|(candidate, way)| {
            let name = way.file_name().unwrap_or_default().to_string_lossy();
            format!("{}, which ftperm wrote ({name})", candidate.path.display())
        });
        let all: Vec<String> = self.damaged.iter().cloned().chain(own).collect();
        if all.is_empty() {
            String::new()
        } else {
            format!(" (passed over: {})", all.join("; "))
        }
    }

    /// The first of those that ftperm wrote.
    fn own(&self) -> Option<LoadedBytes> {
        let (candidate, way) = self.own.first()?;
        let mut loaded = candidate.load().ok()?;
        loaded.origin.why = Some(format!(
            "ftperm wrote it ({}), and there is no other whole network{}",
            way.display(),
            match self.own.len() {
                1 => String::new(),
                count => format!(" than the {count} that it wrote"),
            }
        ));
        Some(loaded)
    }
}

/// Loads the first candidate that is whole and that ftperm did not write, and says why it was taken.
fn first_whole(
    candidates: &[Candidate],
    ways: &Ways,
    passed: &mut PassedOver,
) -> Option<LoadedBytes> {
    for candidate in candidates {
        match candidate.load() {
            Ok(mut loaded) => {
                if let Some(way) = ways.to(|| loaded.sha256()) {
                    passed.own.push((candidate.clone(), way.to_path_buf()));
                    continue;
                }
                let place = match candidate.place {
                    Place::Named | Place::Engine => {
                        let named = match candidate.place {
                            Place::Engine => Some(candidate.path.as_path()),
                            _ => candidate.path.parent(),
                        };
                        let named = named.unwrap_or(Path::new("."));
                        format!("{} {}", candidate.place, named.display())
                    }
                    place => place.to_string(),
                };
                let rank = match (candidates.len(), candidate.place) {
                    (1, _) => "the only network".to_string(),
                    (count, Place::Engine) => format!("the largest of {count} networks"),
                    (count, _) if passed.damaged.is_empty() && passed.own.is_empty() => {
                        format!("the newest of {count} networks")
                    }
                    (count, _) if passed.own.is_empty() => {
                        format!("the newest whole one of {count} networks")
                    }
                    (count, _) => {
                        format!("of {count} networks the newest that ftperm did not write")
                    }
                };
                loaded.origin.why = Some(format!("{rank} in {place}{}", passed.text()));
                return Some(loaded);
            }
            Err(error) => passed.damaged.push(error.to_string()),
        }
    }
    None
}

/// Candidates among a directory's files, in order; none if it cannot be read.
fn in_directory(place: Place, directory: &Path) -> Vec<Candidate> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut candidates: Vec<Candidate> = entries
        .filter_map(|entry| candidate(place, &entry.ok()?.path()))
        .collect();
    candidates.sort_by(|a, b| {
        b.modified
            .cmp(&a.modified)
            .then_with(|| a.path.file_name().cmp(&b.path.file_name()))
    });
    candidates
}

/// The file as a candidate, if its size and its header speak for it. Compressed files are looked into if their names
/// say that they are networks; the names of others do not matter.
fn candidate(place: Place, path: &Path) -> Option<Candidate> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || !(MIN_LEN..=MAX_BYTES).contains(&metadata.len()) {
        return None;
    }
    let (start, compression) = first_bytes(path, 4, named_net(path)).ok()?;
    let version = u32::from_le_bytes(start.try_into().ok()?);
    if ![VERSION_2020, VERSION_2021, VERSION_2026].contains(&version) {
        return None;
    }
    let (start, _) = first_bytes(path, HEADER, true).ok()?;
    Network::has_header(&start).then(|| Candidate {
        path: path.to_path_buf(),
        place,
        len: metadata.len(),
        modified: metadata.modified().ok(),
        compression,
        net: None,
        way: None,
    })
}

fn named_net(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.to_lowercase().contains(".nnue")
}

/// Networks inside an engine, in file order.
fn in_engine(path: &Path) -> Result<Vec<Candidate>, SourceError> {
    let modified = std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok();
    let engine = Engine::open(path)?;
    let candidates = engine.nets().iter().map(|net| Candidate {
        path: path.to_path_buf(),
        place: Place::Engine,
        len: net.len as u64,
        modified,
        compression: None,
        net: Some(net.clone()),
        way: None,
    });
    Ok(candidates.collect())
}
