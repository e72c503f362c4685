pub mod board;
pub mod compute;
pub mod features;
pub mod permutation;
pub mod positions;
pub mod zeros;
