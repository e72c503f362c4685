pub mod board;
pub mod compute;
pub mod features;
pub mod nnue;
pub mod permutation;
pub mod source;
pub mod zeros;
