//! What can go wrong while positions are read, always with the file and the byte it happened at.

use std::io;

use thiserror::Error;

use crate::chess::board::BoardError;

/// Why no positions could be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PositionsError {
    #[error("{file}: {source}")]
    Io { file: String, source: io::Error },
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error("{file}: at byte 0: the file is empty")]
    Empty { file: String },
    #[error(
        "{file}: at byte 0: this is no position data known here (it begins with {begin}); known: {known}"
    )]
    UnknownFormat {
        file: String,
        begin: String,
        known: String,
    },
    #[error("{file}: at byte 0: this is text in UTF-16; save it as UTF-8")]
    Utf16 { file: String },
    #[error("{pattern}: no such file")]
    NoFiles { pattern: String },
    #[error("{directory}: no file in this directory ends in one of {endings}")]
    EmptyDirectory { directory: String, endings: String },
    #[error("{pattern}: {message}")]
    Pattern { pattern: String, message: String },
    #[error("the sample rate must be above 0 and at most 1, not {0}")]
    SampleRate(f64),
    #[error("the number of positions to take must be at least 1")]
    CountZero,
    #[error("not one of the {read} positions read was taken{skipped}")]
    NothingTaken { read: u64, skipped: String },
    #[error("reading was interrupted")]
    Interrupted,
}

/// Data that cannot be what its format says.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{file}: at byte {offset}{}: {problem}{}",
    if *.decompressed { " of the decompressed data" } else { "" },
    .resembles.map_or(String::new(), |format| format!("; the file was taken for {format}"))
)]
pub struct Damage {
    pub file: String,
    /// Offset of the damaged chunk or record from the start of the (decompressed) data, in bytes.
    pub offset: u64,
    /// Is the offset one in the decompressed data?
    pub decompressed: bool,
    pub problem: Problem,
    /// The format that the file was taken for, though it does not begin as such a file does.
    pub resembles: Option<&'static str>,
}

/// What is wrong with a chunk or a record.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    #[error("expected a chunk, which begins with \"BINP\", found {found}")]
    Magic { found: String },
    #[error("the chunk claims {size} bytes, more than the {limit} that are allowed")]
    ChunkTooLarge { size: u32, limit: u32 },
    #[error("the {what} needs {needed} bytes, but the data ends after {found}")]
    Truncated {
        what: &'static str,
        needed: u64,
        found: u64,
    },
    #[error("the chunk is damaged in its entry {entry} (counted from 0): {cause}")]
    Chunk { entry: u64, cause: String },
    #[error("the chunk of {size} bytes is too small for a single entry")]
    EmptyChunk { size: u64 },
    #[error("{0}")]
    Record(String),
    #[error("the compressed data is damaged: {0}")]
    Compression(String),
}

impl From<BoardError> for Problem {
    fn from(error: BoardError) -> Problem {
        Problem::Record(error.to_string())
    }
}

/// Some bytes as people read them: as text if they are, and in hexadecimal.
pub(super) fn describe_bytes(bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if !bytes.is_empty() && bytes.iter().all(|&byte| (32..127).contains(&byte)) {
        format!("{:?}", String::from_utf8_lossy(bytes))
    } else if bytes.is_empty() {
        "nothing".to_owned()
    } else {
        format!("bytes {}", hex.join(" "))
    }
}
