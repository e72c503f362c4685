//! Why no network came from where it should.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::kind::FileKind;
use crate::files::atomic::OutputError;
use crate::files::reading::{Compression, ReadError, ZipError};

/// One sentence each: the file, what was found, what to try.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    #[error("{file}: {source}")]
    Io { file: String, source: io::Error },
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("{}: there is no such file or directory", path.display())]
    NotFound { path: PathBuf },
    #[error("{}: neither a regular file nor a directory", path.display())]
    NotAFile { path: PathBuf },
    #[error("{file}: empty; was its download cut off?")]
    Empty { file: String },
    #[error("{file}: larger than {limit} bytes; no network or engine is as large as that")]
    TooLarge { file: String, limit: u64 },
    #[error(
        "{file}: unpacks to more than {limit} bytes ({compression}); no network or engine is as large as that"
    )]
    UnpacksTooLarge {
        file: String,
        compression: Compression,
        limit: u64,
    },
    #[error("{file}: damaged {compression} file: {source}")]
    Damaged {
        file: String,
        compression: Compression,
        source: io::Error,
    },
    #[error("{file}: {source}")]
    Zip { file: String, source: ZipError },
    #[error(
        "{}: part {missing} of the module is missing ({}); all its parts belong in one directory",
        path.display(), expected.display()
    )]
    MissingPart {
        path: PathBuf,
        missing: usize,
        expected: PathBuf,
    },
    #[error(
        "{file}: damaged WebAssembly module: {reason} at offset {offset}; a part of it may be missing"
    )]
    Module {
        file: String,
        reason: String,
        offset: u64,
    },
    #[error("{file}: no network in it, it is {kind}; {}", kind.advice())]
    NoNet { file: String, kind: FileKind },
    #[error(
        "{file}: a network begins at offset {offset}, but it is damaged or cut off: {kind}; get the file anew"
    )]
    BrokenNet {
        file: String,
        kind: FileKind,
        offset: u64,
    },
    #[error("{file}: there is no network #{index} in it, it holds {count}: {list}")]
    NoSuchNet {
        file: String,
        index: usize,
        count: usize,
        list: String,
    },
    #[error("{}: it is a directory; #{index} chooses a network inside an engine", path.display())]
    IndexOfDirectory { path: PathBuf, index: usize },
    #[error(
        "{}: no whole network in this directory{}; give a .nnue file or another directory",
        path.display(),
        in_brackets(skipped)
    )]
    NoNetInDirectory { path: PathBuf, skipped: Vec<String> },
    #[error(
        "no network found in {searched}{}; say where it is with --net (a .nnue file, a directory, an engine)",
        in_brackets(skipped)
    )]
    NothingDiscovered {
        searched: String,
        skipped: Vec<String>,
    },
    #[error(
        "no network with SHA-256 {sha256} among {count} candidates; say where it is with --net"
    )]
    NoSuchHash { sha256: String, count: usize },
    #[error("{}: no network was embedded in this executable", path.display())]
    NothingEmbedded { path: PathBuf },
    #[error("{}: the embedded network is damaged: {reason}", path.display())]
    EmbeddedDamaged { path: PathBuf, reason: String },
    #[error("{}: begins like a network, but is not one whole network", path.display())]
    NotOneWholeNetwork { path: PathBuf },
    #[error("{}: not embedded, because the bytes are not one whole network", path.display())]
    NotWhole { path: PathBuf },
}

/// ` (a; b)`, or nothing.
fn in_brackets(parts: &[String]) -> String {
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join("; "))
    }
}

impl SourceError {
    /// What was wrong with the bytes of a file.
    pub(super) fn reading(file: &str, error: ReadError) -> SourceError {
        let file = file.to_string();
        match error {
            ReadError::Io(source) => SourceError::Io { file, source },
            ReadError::TooLarge { limit } => SourceError::TooLarge { file, limit },
            ReadError::UnpacksTooLarge { compression, limit } => SourceError::UnpacksTooLarge {
                file,
                compression,
                limit,
            },
            ReadError::Damaged {
                compression,
                source,
            } => SourceError::Damaged {
                file,
                compression,
                source,
            },
            ReadError::Zip(source) => SourceError::Zip { file, source },
            ReadError::Folder | ReadError::Device | ReadError::Pipe => {
                SourceError::NotAFile { path: file.into() }
            }
        }
    }

    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> SourceError + '_ {
        move |source| {
            if source.kind() == io::ErrorKind::NotFound {
                SourceError::NotFound {
                    path: path.to_path_buf(),
                }
            } else {
                SourceError::Io {
                    file: path.display().to_string(),
                    source,
                }
            }
        }
    }
}
