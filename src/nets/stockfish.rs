//! Network files: reading, recognising the era, permuting, writing.
//!
//! The file formats and every constant are those of `docs/notes/eras.md`. A [`Network`] keeps all that is in the file,
//! padding bytes, description and per-tensor compression included, so that writing gives back what was read.
//!
//! ```
//! use ftperm::nets::stockfish::{Network, ReadOptions};
//! use ftperm::order::Permutation;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = std::fs::read("datasets/demo.nnue")?;
//! let mut network = Network::parse(&bytes, &ReadOptions::default())?;
//! assert_eq!(network.recognition.era.id, "small127");
//! assert_eq!(network.architecture.feature_names(), "HalfKAv2_hm");
//! // 128 columns in pairs: 64 outputs for each side.
//! assert_eq!((network.architecture.l1, network.architecture.neurons()), (128, 64));
//!
//! let order = Permutation::new((0..64).rev().collect())?;
//! network.permute(&order)?;
//! assert!(network.to_bytes() != bytes);
//! network.permute(&order.inverse())?;
//! assert!(network.to_bytes() == bytes);
//! # Ok(())
//! # }
//! ```

mod architecture;
mod clamp;
mod cost;
mod error;
pub mod features;
#[doc(hidden)]
pub mod hash;
pub mod inference;
mod known;
#[doc(hidden)]
pub mod leb128;
mod model;
mod network;
mod numbers;
mod overridden;
mod parts;
mod permute;
mod read;
mod recognise;
mod registry;
mod relayout;
#[cfg(test)]
mod sample;
#[doc(hidden)]
pub mod samples;
mod sections;
mod sizes;
mod storage;
mod unreachable;
pub mod verify;
mod weights;
mod write;

pub use architecture::Architecture;
#[doc(hidden)]
pub use architecture::{LayerSizes, StackVariant, Store, TensorRole, TensorSpec};
#[cfg(feature = "checkpoint")]
pub(crate) use clamp::{clamp_is_unsaid, eras_of, pairwise};
#[doc(hidden)]
pub use cost::Cost;
pub use error::{NetError, NetFileError};
#[doc(hidden)]
pub use hash::FeatureHash;
#[doc(hidden)]
pub use network::Row;
pub use network::{DenseLayer, Encoding, FeatureTransformer, FtRows, LayerStack, Network};
#[doc(hidden)]
pub use numbers::FileNumbers;
pub(crate) use parts::FileParts;
pub use permute::PermuteError;
#[doc(hidden)]
pub use permute::Permuted;
pub use read::ReadOptions;
pub(crate) use read::raw_values;
#[doc(hidden)]
pub use recognise::Reading;
pub use recognise::Recognition;
pub use registry::{ERAS, Era, era};
#[doc(hidden)]
pub use relayout::RelayoutError;
#[cfg(test)]
pub(crate) use sample::sample;
#[cfg(feature = "checkpoint")]
pub(crate) use sizes::{MAX_L1, MAX_OUTPUTS, MAX_STACKS};
#[doc(hidden)]
pub use storage::Storage;
#[doc(hidden)]
pub use unreachable::UnreachableRows;
pub use write::FtCompression;
pub(crate) use write::take;

/// Version constant of SFNNv1 files.
#[doc(hidden)]
pub const VERSION_2020: u32 = 0x7AF3_2F16;
/// Version constant of SFNNv2 to SFNNv14 files.
#[doc(hidden)]
pub const VERSION_2021: u32 = 0x7AF3_2F20;
/// Version constant of SFNNv14.1 and later files.
#[doc(hidden)]
pub const VERSION_2026: u32 = 0x6A44_8AFA;
/// All of them.
#[doc(hidden)]
pub const VERSIONS: [u32; 3] = [VERSION_2020, VERSION_2021, VERSION_2026];
