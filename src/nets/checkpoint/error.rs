//! What can be wrong with a checkpoint.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::pickle::PickleError;
use crate::files::reading::{ReadError, ZipError};

/// Why a file is not a checkpoint that this program reads.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(
        "neither a PyTorch file (a zip archive) nor a safetensors file: it begins with {0:02X?}"
    )]
    Unknown(Vec<u8>),
    #[error(
        "a PyTorch file of before version 1.6, which is no zip archive: load it with a newer PyTorch and save it again"
    )]
    OldTorch,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Zip(#[from] ZipError),
    #[error("a zip archive without a member `.../data.pkl`: not written by torch.save")]
    NoPickle,
    #[error("`{name}` has {len} bytes, more than the {limit} that are read")]
    PickleTooLarge {
        name: String,
        len: usize,
        limit: usize,
    },
    #[error("{name}: {source}")]
    Pickle { name: String, source: PickleError },
    #[error("the byte order is `{0}`; only `little` and `big` are known")]
    ByteOrder(String),
    #[error(
        "neither a state dictionary, a checkpoint with one, nor a pickled module: the pickle holds {0}"
    )]
    NoState(String),
    #[error(
        "the pickled modules are nested more than {0} deep, name each other in a circle, or are thousands"
    )]
    ModuleDepth(usize),
    #[error("the pickled modules name more than {0} values")]
    TooManyEntries(usize),
    #[error("more than {0} tensors")]
    TooManyTensors(usize),
    #[error("tensor `{tensor}`: {problem}")]
    Tensor { tensor: String, problem: String },
    #[error("damaged safetensors header: {0}")]
    Safetensors(String),
    #[error("the note of ftperm in it (which network the tensors make) is damaged: {0}")]
    Provenance(String),
}

/// A [`CheckpointError`] with the file's name.
#[derive(Debug, Error)]
#[error("{}: {source}", path.display())]
pub struct CheckpointFileError {
    pub path: PathBuf,
    pub source: CheckpointError,
}
