//! What can be wrong with a network file.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::leb128::Leb128Error;

/// Why bytes are not a network. Offsets count from the start of the network.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetError {
    #[error("not an NNUE network: {0} bytes are too few for a header")]
    TooShort(usize),
    #[error(
        "not an NNUE network, or one newer than this program: version {found:#010X} at offset 0, \
         known are 0x7AF32F16, 0x7AF32F20 and 0x6A448AFA (--era reads a fork's network as a known era)"
    )]
    Version { found: u32 },
    #[error("the description is {len} bytes long by the header (offset 8), but only {left} follow")]
    Description { len: u32, left: usize },
    #[error(
        "feature transformer hash {found:#010X} at offset {offset} belongs to no known feature set \
         (header hash {header:#010X}, version {version:#010X}; --era reads a fork's network as a known era)"
    )]
    UnknownFeatures {
        found: u32,
        offset: usize,
        header: u32,
        version: u32,
    },
    #[error(
        "feature transformer hash {found:#010X} at offset {offset} does not belong to header hash \
         {header:#010X}; {expected:#010X} does ({era}; --era reads a fork's network as a known era)"
    )]
    FtHash {
        found: u32,
        offset: usize,
        header: u32,
        expected: u32,
        era: &'static str,
    },
    #[error(
        "header hash {header:#010X} at offset 4 does not belong to feature transformer hash \
         {ft:#010X} with any layer sizes (--era reads a fork's network as a known era)"
    )]
    HeaderHash { header: u32, ft: u32 },
    #[error(
        "header hash {header:#010X} at offset 4 does not belong to the hashes of the feature transformer and the \
         layer stacks, which make {expected:#010X} (read as {era}; --era reads a fork's network as a known era)"
    )]
    HeaderMismatch {
        header: u32,
        expected: u32,
        era: &'static str,
    },
    #[error("{tensor}: ends at offset {end}, the file at {len} (read as {era})")]
    Truncated {
        tensor: String,
        end: u64,
        len: usize,
        era: &'static str,
    },
    #[error(
        "{tensor}: compressed block at offset {offset} says {payload} bytes, {values} values need {min} to {max} \
         (read as {era})"
    )]
    PayloadLength {
        tensor: String,
        offset: usize,
        payload: u32,
        values: usize,
        min: usize,
        max: usize,
        era: &'static str,
    },
    #[error(
        "hash of layer stack {stack} at offset {offset} is {found:#010X}, expected {expected:#010X} \
         (read as {era}; --era reads a fork's network as a known era)"
    )]
    StackHash {
        stack: usize,
        offset: usize,
        found: u32,
        expected: u32,
        era: &'static str,
    },
    #[error("{count} bytes follow the end of the network at offset {offset} (read as {era})")]
    TrailingBytes {
        offset: usize,
        count: usize,
        era: &'static str,
    },
    #[error("{tensor}: compressed block at offset {offset}: {source}")]
    Leb128 {
        tensor: String,
        offset: usize,
        source: Leb128Error,
    },
    #[error("the file is not of era {era}: {reason}")]
    NotOfEra { era: &'static str, reason: String },
    #[error(
        "the file does not say whether activations are clamped to 127 or 255 (L1 = {l1}), and the network is \
         not a known one: say --clamp 127 (Stockfish 16.1 to 18) or --clamp 255 (March 2026 and later)"
    )]
    ClampUnknown { l1: usize },
    #[error("clamp {0} is not known, only 127 and 255 are")]
    Clamp(i16),
    #[error("a clamp applies to networks with pairwise activation only, this is era {0}")]
    ClampWithoutPairs(&'static str),
}

/// A [`NetError`] or an I/O error, with the file's name.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetFileError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Net { path: PathBuf, source: NetError },
}
