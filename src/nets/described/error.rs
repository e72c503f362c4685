//! What can be wrong with a layout, and with a file that is said to have it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a file gives no layout.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct LayoutFileError {
    pub path: PathBuf,
    pub problem: LayoutError,
}

/// What is wrong with a layout.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LayoutError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{len} bytes are more than the {most} of any layout")]
    TooLong { len: u64, most: u64 },
    #[error("line {line}: {message}")]
    Toml { line: usize, message: String },
    #[error("format {0} is not known, only 1 is")]
    Format(u32),
    #[error("first_layer: added is {0}, the number of products is 1 to 32")]
    Added(usize),
    #[error("tensor {tensor}: {problem}")]
    Tensor { tensor: String, problem: String },
    #[error("[file]: {0}")]
    File(String),
    #[error("[input]: {0}")]
    Input(String),
    #[error("[output_buckets]: {0}")]
    OutputBuckets(String),
    #[error("[activation]: {0}")]
    Activation(String),
    #[error("[trained]: {0}")]
    Trained(String),
    #[error("{0}")]
    Tensors(String),
}

/// Why a network file does not have a layout.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct RawNetFileError {
    pub path: PathBuf,
    pub problem: RawNetError,
}

/// What is wrong with a network file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RawNetError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(
        "the layout describes {expected} bytes{}, the file has {found}{hint}",
        unpacked(*.packed)
    )]
    Length {
        expected: u64,
        found: u64,
        packed: bool,
        hint: &'static str,
    },
    #[error("damaged zstd: {0}")]
    Zstd(io::Error),
    #[error("the layout says zstd, but the file does not begin as zstd files do")]
    NotZstd,
    #[error("the header does not begin with \"{expected}\"")]
    Magic { expected: String },
    #[error("{tensor} is {found} at byte {offset}{}, the layout expects {expected}", unpacked(*.packed))]
    Value {
        tensor: String,
        offset: u64,
        packed: bool,
        found: i32,
        expected: String,
    },
    #[error("the layout describes {expected} bytes or more, the file has {found}")]
    FewValues { expected: u64, found: u64 },
    #[error("value {value} of tensor {tensor} at byte {offset}: {problem}")]
    Leb128 {
        tensor: String,
        value: usize,
        offset: u64,
        problem: &'static str,
    },
    #[error(
        "the last tensor ends at byte {offset}, {found} bytes follow and {expected} are described"
    )]
    Rest {
        offset: u64,
        found: u64,
        expected: u64,
    },
    #[error("the permutation has {found} entries, the layout {expected} neurons")]
    Permutation { found: usize, expected: usize },
}

/// Why no network was made of a trainer's file.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct QuantiseFileError {
    pub path: PathBuf,
    pub problem: QuantiseError,
}

/// What is wrong with a trainer's file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QuantiseError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(
        "the layout does not say how its file is made of what the trainer writes: it has no table [trained]"
    )]
    Unknown,
    #[error(
        "the trainer's tensors have {plain} bytes{}, the file has {found}",
        with_names(*.named)
    )]
    Length {
        plain: u64,
        named: Option<u64>,
        found: u64,
    },
    #[error(
        "the file has no {0}, which is added to other weights: give the trainer's file in which tensors have names \
         (bullet: optimiser_state/weights.bin)"
    )]
    OnlyNamed(String),
    #[error("at byte {offset} is {problem}")]
    Named { offset: u64, problem: &'static str },
    #[error("value {number} of {tensor}, at byte {offset}, is {value}")]
    NotFinite {
        tensor: String,
        number: usize,
        offset: u64,
        value: f32,
    },
    #[error(
        "value {number} of {tensor} would be {value}, which times {scale} is more than {held} holds"
    )]
    TooLarge {
        tensor: String,
        number: usize,
        value: f64,
        scale: f64,
        held: &'static str,
    },
}

/// Words for the length of a file in which tensors have names.
fn with_names(named: Option<u64>) -> String {
    named.map_or(String::new(), |bytes| format!(", {bytes} with their names"))
}

/// Words for a place or a length in a file that is compressed.
fn unpacked(packed: bool) -> &'static str {
    if packed { " when unpacked" } else { "" }
}
