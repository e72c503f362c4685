//! Where a network comes from.
//!
//! A [`NetSource`] is what a user may give for a network: a file (possibly compressed), a directory, standard input, an
//! engine with networks inside, a network embedded in this program, or nothing at all, in which case the usual places
//! are searched. [`NetSource::load`] turns it into the bytes of one network file and says where they came from.
//!
//! Nothing is read or unpacked beyond [`MAX_BYTES`].
//!
//! ```
//! use ftperm::nets::source::NetSource;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let loaded = NetSource::parse(Some("datasets/demo.nnue".as_ref())).load()?;
//! assert_eq!(loaded.origin.to_string(), "datasets/demo.nnue");
//! assert_eq!(loaded.bytes.len(), 3_395_547);
//! # Ok(())
//! # }
//! ```

mod asm_js;
mod discovery;
mod embed;
mod engine;
mod error;
mod headers;
mod input;
mod kind;
mod parts;
mod release;
mod scan;
mod text;
mod wasm;
mod ways;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

#[doc(hidden)]
pub use crate::files::reading::Compression;
#[doc(hidden)]
pub use crate::nets::MAX_BYTES;
#[doc(hidden)]
pub use discovery::Place;
pub use discovery::{Candidate, SearchPlaces};
#[doc(hidden)]
pub use embed::{embed, embedded};
#[doc(hidden)]
pub use engine::{Engine, EngineNet, Extracted};
pub use error::SourceError;
#[doc(hidden)]
pub use kind::FileKind;
#[doc(hidden)]
pub use release::Release;

use crate::files::digest;
use crate::nets::stockfish::{VERSION_2020, VERSION_2021, VERSION_2026};
use input::Input;

/// What to say for discovery.
#[doc(hidden)]
pub const AUTODISCOVER: &str = "<autodiscover>";

/// What to say for the network embedded in this program.
#[doc(hidden)]
pub const EMBEDDED: &str = "<embed>";

/// What a user may give for a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetSource {
    /// The usual places, see [`SearchPlaces`].
    Discover,
    /// The network embedded in this program.
    Embedded,
    /// Standard input.
    Stdin,
    /// A network, an engine, or a directory whose newest network is meant.
    File {
        path: PathBuf,
        /// Which network of an engine, from 1. Without it the largest one is taken.
        number: Option<usize>,
    },
}

/// The bytes of a network file. They begin like one; whether they are one,
/// [`Network::parse`](crate::nets::stockfish::Network::parse) tells.
#[derive(Clone, Debug)]
pub struct LoadedBytes {
    pub bytes: Vec<u8>,
    pub origin: Origin,
}

impl LoadedBytes {
    /// SHA-256 of the bytes, computed anew.
    pub fn sha256(&self) -> [u8; 32] {
        digest::sha256(&self.bytes)
    }
}

/// Where bytes came from. Its `Display` is a phrase for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `None` for standard input.
    pub path: Option<PathBuf>,
    /// Files that were joined to one module; 1 for an ordinary file.
    pub parts: usize,
    pub compression: Option<Compression>,
    /// Where in an engine it was.
    pub inside: Option<Inside>,
    /// Was it embedded in the executable `path` by this program?
    pub appended: bool,
    /// Which engine it was in.
    pub engine: Option<Release>,
    /// Why this one, if the user did not name it.
    pub why: Option<String>,
}

/// A place inside an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct Inside {
    /// From 1.
    pub number: usize,
    /// Networks in the engine.
    pub count: usize,
    /// Offset of the first byte in the (unpacked, joined) file.
    pub offset: u64,
    /// Address of the first byte in a WebAssembly module's memory.
    pub address: Option<u64>,
}

impl Origin {
    fn file(path: &Path) -> Origin {
        Origin {
            path: Some(path.to_path_buf()),
            parts: 1,
            ..Origin::default()
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.appended {
            f.write_str("embedded in ")?;
        }
        match &self.path {
            Some(path) => write!(f, "{}", path.display())?,
            None => f.write_str("standard input")?,
        }
        if self.parts > 1 {
            write!(f, " and its {} parts", self.parts)?;
        }
        if let Some(compression) = self.compression {
            write!(f, " ({compression})")?;
        }
        if let Some(inside) = self.inside {
            let Inside {
                number,
                count,
                offset,
                ..
            } = inside;
            write!(f, ", network #{number} of {count} at offset {offset}")?;
        }
        Ok(())
    }
}

impl NetSource {
    /// Reads a command-line value.
    ///
    /// `-` is standard input, [`AUTODISCOVER`] (or nothing) discovery, [`EMBEDDED`] the embedded network. All else is a
    /// path; if no file has that name and it ends in `#` and a number, the number chooses a network of an engine.
    pub fn parse(argument: Option<&OsStr>) -> NetSource {
        let Some(argument) = argument else {
            return NetSource::Discover;
        };
        match argument.to_str() {
            Some(AUTODISCOVER) => return NetSource::Discover,
            Some(EMBEDDED) => return NetSource::Embedded,
            Some("-") => return NetSource::Stdin,
            Some(text) if !Path::new(text).exists() => {
                if let Some((path, digits)) = text.rsplit_once('#')
                    && !path.is_empty()
                    && let Ok(number) = digits.parse()
                {
                    return NetSource::File {
                        path: path.into(),
                        number: Some(number),
                    };
                }
            }
            _ => {}
        }
        NetSource::File {
            path: argument.into(),
            number: None,
        }
    }

    /// Reads the network's bytes.
    ///
    /// # Errors
    /// There is no network, or it cannot be read; the error names the file and says what to try.
    pub fn load(&self) -> Result<LoadedBytes, SourceError> {
        self.load_with(false)
    }

    /// As [`load`](Self::load), for a user who knows which network a file is: one that is no engine is taken for a
    /// network whatever version it begins with.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_any_version(&self) -> Result<LoadedBytes, SourceError> {
        self.load_with(true)
    }

    fn load_with(&self, any_version: bool) -> Result<LoadedBytes, SourceError> {
        match self {
            NetSource::Discover => SearchPlaces::of_process().discover(),
            NetSource::Embedded => {
                let path = std::env::current_exe().map_err(|source| SourceError::Io {
                    file: "this program".to_string(),
                    source,
                })?;
                embedded(&path)?.ok_or(SourceError::NothingEmbedded { path })
            }
            NetSource::Stdin => {
                let stdin = std::io::stdin();
                from_input(
                    Input::read_stream("standard input", stdin, MAX_BYTES)?,
                    None,
                    any_version,
                )
            }
            NetSource::File { path, number } if path.is_dir() => match number {
                None => discovery::newest_in(path),
                Some(number) => Err(SourceError::IndexOfDirectory {
                    path: path.clone(),
                    index: *number,
                }),
            },
            NetSource::File { path, number } => from_input(
                Input::read(path, MAX_BYTES, any_version)?,
                *number,
                any_version,
            ),
        }
    }
}

/// The network that was read, or that an engine holds.
fn from_input(
    input: Input,
    number: Option<usize>,
    any_version: bool,
) -> Result<LoadedBytes, SourceError> {
    let mut origin = Origin {
        path: input.path.clone(),
        parts: input.parts,
        compression: input.compression,
        ..Origin::default()
    };
    let version = input.bytes.first_chunk().map(|it| u32::from_le_bytes(*it));
    let known = [VERSION_2020, VERSION_2021, VERSION_2026].map(Some);
    let of_a_fork = || {
        let kind = FileKind::of(&input.bytes);
        any_version && matches!(kind, FileKind::OtherNetwork(_) | FileKind::Other)
    };
    // What begins like a network is handed on as it is: whoever parses it can say best what is wrong with it.
    let bytes = if number.is_none() && (known.contains(&version) || of_a_fork()) {
        input.bytes
    } else {
        origin.engine = Release::find(&input.bytes, input.path.as_deref());
        let engine = Engine::search(input)?;
        let net = engine.choose(number)?.clone();
        let count = engine.nets().len();
        origin.inside = Some(Inside {
            number: net.number,
            count,
            offset: net.offset,
            address: net.address,
        });
        if number.is_none() && count > 1 {
            origin.why = Some(format!(
                "the largest of the engine's {count} networks (#1 to #{count} choose)"
            ));
        }
        engine.into_bytes(&net)
    };
    Ok(LoadedBytes { bytes, origin })
}
