//! Chess positions, those of random games, and walks from them as an engine's search takes.

pub mod board;
pub mod random_games;
pub mod walks;
