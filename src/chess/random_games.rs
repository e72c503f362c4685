//! Positions out of nothing: seeded random games, for verifying without data.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use shakmaty::{Chess, Position as _};

use crate::chess::board::Board;

/// Positions of random legal games in which the side to move is not in check: a function of the seed alone.
///
/// They are odd chess, but they have every number of pieces and kings on all wings.
pub fn random_positions(seed: u64, count: usize) -> Vec<Board> {
    /// Enough for most games to come down to few pieces.
    const LONGEST: usize = 300;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut boards = Vec::with_capacity(count);
    while boards.len() < count {
        let mut position = Chess::default();
        for _ in 0..LONGEST {
            let moves = position.legal_moves();
            if moves.is_empty() || boards.len() == count {
                break;
            }
            let chosen = &moves[rng.random_range(0..moves.len())];
            position.play_unchecked(*chosen);
            // Every eighth position on average, so that games give different ones.
            if !position.is_check() && rng.random_range(0..8) == 0 {
                boards.extend(Board::from_chess(&position));
            }
        }
    }
    boards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deterministic_and_varied() {
        let boards = random_positions(7, 400);
        assert_eq!(boards, random_positions(7, 400));
        assert_ne!(boards, random_positions(8, 400));
        assert!(boards.iter().all(|board| !board.in_check()));
        let mut buckets: Vec<usize> = boards.iter().map(Board::bucket).collect();
        buckets.sort_unstable();
        buckets.dedup();
        assert!(buckets.len() >= 7, "{buckets:?}");
    }
}
