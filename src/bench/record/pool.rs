//! Positions of one root, of which some are kept: each once, as many as there may be, all alike likely.

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use shakmaty::{Chess, Position as _};

use crate::chess::board::Board;

/// Positions that were reached from a root. Which are kept depends on the root, the seed and what was reached, not on
/// the order or how often.
pub(super) struct Pool {
    key: [u8; 32],
    /// By their lots, lowest first.
    kept: BTreeMap<(u64, [u8; 32]), Board>,
    most: usize,
}

impl Pool {
    /// For at most so many positions.
    pub(super) fn new(root: &Board, seed: u64, most: usize) -> Pool {
        let mut rng = ChaCha8Rng::from_seed(root.to_bytes());
        rng.set_stream(seed);
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Pool {
            key,
            kept: BTreeMap::new(),
            most,
        }
    }

    /// A position that was reached. One with its side to move in check is left out: no network evaluates it.
    pub(super) fn add(&mut self, position: &Chess) {
        if position.is_check() {
            return;
        }
        let Ok(board) = Board::from_chess(position) else {
            return;
        };
        let identity = board.without_clocks().to_bytes();
        let lot = (self.lot(identity), identity);
        self.kept.entry(lot).or_insert(board);
        if self.kept.len() > self.most {
            self.kept.pop_last();
        }
    }

    /// A number that looks random, always the same for a position of this root.
    fn lot(&self, identity: [u8; 32]) -> u64 {
        let mut seed = self.key;
        seed.iter_mut()
            .zip(identity)
            .for_each(|(byte, other)| *byte ^= other);
        ChaCha8Rng::from_seed(seed).next_u64()
    }

    /// The kept ones, in the order of their lots.
    pub(super) fn into_boards(self) -> Vec<Board> {
        self.kept.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::chess::random_games::random_positions;

    #[test]
    fn the_same_few_in_any_order_each_once() {
        let boards = random_positions(5, 200);
        let legal: Vec<Chess> = boards.iter().filter_map(Board::to_chess).collect();
        let kept = |seed: u64, most: usize, positions: &mut dyn Iterator<Item = &Chess>| {
            let mut pool = Pool::new(&boards[0], seed, most);
            positions.for_each(|position| pool.add(position));
            pool.into_boards()
        };
        let ten = kept(1, 10, &mut legal.iter());
        assert_eq!(ten.len(), 10);
        assert_eq!(ten, kept(1, 10, &mut legal.iter().rev()));
        assert_eq!(ten, kept(1, 10, &mut legal.iter().chain(&legal)));
        assert_eq!(ten[..4], kept(1, 4, &mut legal.iter()));
        assert_ne!(ten, kept(2, 10, &mut legal.iter()));
        let all = kept(1, 1000, &mut legal.iter());
        let quiet = boards.iter().filter(|board| !board.in_check());
        let distinct: BTreeSet<[u8; 32]> = quiet
            .map(|board| board.without_clocks().to_bytes())
            .collect();
        assert_eq!(all.len(), distinct.len());
        assert!(all.iter().all(|board| !board.in_check()));
    }
}
