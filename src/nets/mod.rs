//! Networks: Stockfish's, those of other engines, trainers' checkpoints, and the places where they are found.

pub mod checkpoint;
pub mod deliver;
pub mod described;
pub mod lc0;
pub mod model;
pub mod source;
pub mod stockfish;
