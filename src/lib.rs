pub mod board;
pub mod compute;
pub mod features;
pub mod permutation;
pub mod search;
pub mod zeros;
