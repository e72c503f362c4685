pub mod board;
pub mod compute;
pub mod features;
pub mod inference;
pub mod nnue;
pub mod permutation;
pub mod samples;
pub mod zeros;
