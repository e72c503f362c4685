//! Networks: Stockfish's, those of other engines, trainers' checkpoints, and the places where they are found.

#[cfg(feature = "checkpoint")]
pub mod checkpoint;
pub mod deliver;
pub mod described;
#[cfg(feature = "lc0")]
pub mod lc0;
pub mod model;
#[cfg(feature = "engines")]
pub mod source;
pub mod stockfish;

/// Most bytes of a network's file, and of what a compressed one unpacks to: 1 GiB. The largest network that Stockfish
/// shipped has 0.1 GiB.
#[doc(hidden)]
pub const MAX_BYTES: u64 = 1 << 30;
