//! Trainers' checkpoints: reading them, turning them into networks, and writing networks as state dictionaries.
//!
//! A checkpoint is a `torch.save` archive (Lightning's `.ckpt`, the plain dictionary of today's trainer, a pickled
//! module in a `.pt`, a bare state dictionary) or a safetensors file. All become a list of named tensors; what their
//! names, shapes and order say about the network is found in one place, so that no option has to repeat it. The
//! arithmetic is that of the reference tool's two versions, to the last bit (`docs/notes/serialize.md`).
//!
//! Nothing in a file is ever executed: a pickle is read as data, and the few calls that make tensors are understood by
//! name.
//!
//! ```
//! use ftperm::nets::checkpoint::{Checkpoint, ConvertOptions, network_state, safetensors};
//! use ftperm::nets::stockfish::{Network, ReadOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let mut file = Vec::new();
//! safetensors::write(&network_state(&network, false), &mut file)?;
//!
//! let checkpoint = Checkpoint::from_bytes(file)?;
//! let options = ConvertOptions {
//!     target_era: Some(network.recognition.era),
//!     description: Some(network.description.clone()),
//!     ..ConvertOptions::default()
//! };
//! let (again, _) = checkpoint.to_network(&options)?;
//! assert!(again.ft.bias == network.ft.bias);
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use crate::files::reading::{
    ZipMember, first_bytes, inflate_member, is_archive, is_torch, single_member, zip_members,
};

mod archive;
mod bytes;
mod choose;
mod convert;
mod error;
mod export;
mod initial;
mod like;
mod names;
mod pickle;
mod provenance;
mod quantise;
mod ranges;
mod rows;
mod rules;
#[doc(hidden)]
pub mod safetensors;
mod sets;
mod state_dict;
mod statistics;
mod tensor;
mod torch;
mod weights;

#[doc(hidden)]
pub use choose::ChoiceError;
pub use convert::{Conversion, ConvertError, ConvertOptions};
#[doc(hidden)]
pub use convert::{DEFAULT_DESCRIPTION, same_features};
pub use error::{CheckpointError, CheckpointFileError};
pub use export::network_state;
#[doc(hidden)]
pub use initial::{InitialError, InitialSizes, initial_state};
#[doc(hidden)]
pub use like::LikeError;
#[doc(hidden)]
pub use names::known_features;
#[doc(hidden)]
pub use pickle::PickleError;
#[doc(hidden)]
pub use provenance::Provenance;
#[doc(hidden)]
pub use ranges::{Example, Ranges};
#[doc(hidden)]
pub use rules::RangeRule;
pub use sets::InputSets;
#[doc(hidden)]
pub use sets::{ActiveRow, ActiveRows, Block, Inputs, RowKind, SetsError, names};
pub use state_dict::{StateDict, StateTensor, write_torch};
#[doc(hidden)]
pub use statistics::{TensorStatistics, statistics};
#[doc(hidden)]
pub use tensor::{ElementType, Tensor};
#[doc(hidden)]
pub use weights::WeightsError;

use bytes::FileBytes;

/// In which kind of file the tensors were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
    /// A checkpoint of PyTorch Lightning.
    Lightning {
        version: String,
    },
    /// A dictionary with a state dictionary in it, as today's trainer writes.
    Checkpoint,
    /// A state dictionary alone.
    StateDict,
    /// A pickled module.
    Module,
    Safetensors,
}

impl fmt::Display for Container {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Container::Lightning { version } => write!(out, "Lightning {version} checkpoint"),
            Container::Checkpoint => write!(out, "checkpoint dictionary"),
            Container::StateDict => write!(out, "state dictionary"),
            Container::Module => write!(out, "pickled module"),
            Container::Safetensors => write!(out, "safetensors file"),
        }
    }
}

/// How far training had come, where the file says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub epoch: Option<i64>,
    pub global_step: Option<i64>,
}

/// An open checkpoint. Tensors are read from the file when they are needed.
#[derive(Debug)]
pub struct Checkpoint {
    bytes: FileBytes,
    container: Container,
    progress: Progress,
    tensors: Vec<Tensor>,
    provenance: Option<Provenance>,
}

/// Do these first bytes of a file (16 are enough) look like those of a checkpoint? A zip archive may hold something
/// else: [`is_checkpoint_file`] looks.
#[doc(hidden)]
pub fn is_checkpoint(bytes: &[u8]) -> bool {
    is_archive(bytes) || safetensors::is_safetensors(bytes)
}

/// Is a regular file a checkpoint, perhaps compressed? Only the beginning of a file is looked at, and the names in an
/// archive.
///
/// # Errors
/// The file cannot be read.
#[doc(hidden)]
pub fn is_checkpoint_file(path: &Path) -> io::Result<bool> {
    if !path.is_file() {
        return Ok(false);
    }
    // What is damaged is reported by whoever reads it in earnest.
    let Ok((head, compression)) = first_bytes(path, HEAD, true) else {
        return Ok(is_checkpoint(&first_bytes(path, HEAD, false)?.0));
    };
    if compression.is_some() || !is_archive(&head) {
        return Ok(is_checkpoint(&head));
    }
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok(match zip_members(BufReader::new(file), len) {
        Ok(members) => {
            let extension = |member: &ZipMember| {
                let name = Path::new(&member.name).extension();
                name.is_some_and(|name| {
                    EXTENSIONS
                        .iter()
                        .any(|known| name.eq_ignore_ascii_case(known))
                })
            };
            is_torch(&members) || single_member(&members).is_ok_and(extension)
        }
        Err(_) => true,
    })
}

/// Bytes that are enough for [`is_checkpoint`].
const HEAD: usize = 16;

/// How checkpoints in archives are named.
const EXTENSIONS: [&str; 4] = ["ckpt", "pt", "pth", "safetensors"];

impl Checkpoint {
    /// Opens a file and finds its tensors; their data are not read yet.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged, or of another kind.
    pub fn open(path: &Path) -> Result<Checkpoint, CheckpointFileError> {
        FileBytes::open(path)
            .map_err(CheckpointError::from)
            .and_then(Self::unpack)
            .map_err(|source| CheckpointFileError {
                path: path.to_path_buf(),
                source,
            })
    }

    /// As [`open`](Self::open), for bytes in memory.
    ///
    /// # Errors
    /// The bytes are damaged or of another kind.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Checkpoint, CheckpointError> {
        Self::unpack(bytes.into())
    }

    /// A checkpoint, or an archive of a single file that is one.
    fn unpack(bytes: FileBytes) -> Result<Checkpoint, CheckpointError> {
        if is_archive(&bytes.head(HEAD)?) {
            let reader = BufReader::new(bytes.reader(0));
            let members = zip_members(reader, bytes.len() as u64)?;
            if !is_torch(&members) {
                let member = single_member(&members).map_err(|_| CheckpointError::NoPickle)?;
                // Not past the end, which was compared.
                let packed = BufReader::new(bytes.reader(member.start as usize));
                return Self::parse(inflate_member(member, packed, bytes::MAX_UNPACKED)?.into());
            }
        }
        Self::parse(bytes)
    }

    fn parse(mut bytes: FileBytes) -> Result<Checkpoint, CheckpointError> {
        let head = bytes.head(HEAD)?.into_owned();
        let (container, progress, tensors, note) = if is_archive(&head) {
            let members = archive::members(&bytes)?;
            let contents = torch::read(&mut bytes, &members)?;
            let noted = members.iter().find(|member| {
                let name = member.name.strip_suffix(provenance::MEMBER);
                name.is_some_and(|folder| folder.ends_with('/'))
            });
            let note = noted.map(|member| provenance::read(member, &mut bytes));
            (
                contents.container,
                contents.progress,
                contents.tensors,
                note.transpose()?,
            )
        } else if safetensors::is_safetensors(&head) {
            let tensors = safetensors::read(&bytes)?;
            let note = safetensors::metadata(&bytes, provenance::KEY)?.map(String::into_bytes);
            (Container::Safetensors, Progress::default(), tensors, note)
        } else if head.starts_with(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9") {
            return Err(CheckpointError::OldTorch);
        } else {
            return Err(CheckpointError::Unknown(head[..head.len().min(8)].to_vec()));
        };
        let provenance = note.map(|note| Provenance::parse(&note)).transpose();
        let provenance = provenance.map_err(CheckpointError::Provenance)?;
        tracing::info!(
            %container,
            tensors = tensors.len(),
            bytes = bytes.len(),
            "checkpoint opened"
        );
        for tensor in &tensors {
            tracing::debug!(name = tensor.name, shape = ?tensor.shape, "tensor");
        }
        Ok(Checkpoint {
            bytes,
            container,
            progress,
            tensors,
            provenance,
        })
    }

    /// What ftperm noted when it wrote the file.
    pub fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }

    /// The kind of file.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Epoch and step.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// All tensors of the state dictionary, in the file's order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Size of the file in bytes.
    pub fn file_len(&self) -> usize {
        self.bytes.len()
    }
}
