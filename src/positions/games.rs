//! Which positions belong to the same game, and splitting a set by game.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::Positions;
use crate::board::Color;

/// What of an entry tells whether the next one continues the same game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub ply: Option<u16>,
    pub result: Option<i8>,
    pub side_to_move: Color,
    pub occupied: u64,
    /// Occupied squares after the recorded move, if a move was recorded.
    pub occupied_after: Option<u64>,
}

/// Most squares a single move empties or fills: castling changes two of each.
const MOST_CHANGED_SQUARES: u32 = 4;

impl Link {
    /// Does `next` come from the position after this entry's move?
    ///
    /// It does if it is one ply later, the other side's turn, with the result seen from the other side, and the
    /// occupied squares are those after the move (or, with no move recorded, differ by no more than a move can make
    /// them differ). An entry without a ply continues nothing.
    #[inline]
    pub fn continued_by(&self, next: &Link) -> bool {
        let (Some(ply), Some(next_ply)) = (self.ply, next.ply) else {
            return false;
        };
        ply.checked_add(1) == Some(next_ply)
            && self.side_to_move != next.side_to_move
            && match (self.result, next.result) {
                (Some(result), Some(next_result)) => result == -next_result,
                _ => true,
            }
            && match self.occupied_after {
                Some(after) => after == next.occupied,
                None => (self.occupied ^ next.occupied).count_ones() <= MOST_CHANGED_SQUARES,
            }
    }
}

impl Positions {
    /// Splits into (the rest, the hold-out). A game is never split, so no position of the hold-out has a neighbour
    /// of its own game in the rest.
    ///
    /// Games are drawn in an order that depends on the seed alone, and taken while the hold-out does not exceed
    /// `fraction` (0 to 1) of the positions. Both parts keep the order of the positions, and both carry the
    /// statistics of the whole. With a single game the hold-out is empty.
    #[must_use]
    pub fn split_holdout(self, fraction: f64, seed: u64) -> (Positions, Positions) {
        let target = (fraction.clamp(0.0, 1.0) * self.boards.len() as f64).round() as u64;
        let mut sizes: Vec<u64> = Vec::new();
        for &game in &self.games {
            let game = game as usize;
            // Games are numbered from 0 without gaps, so this grows by at most one element.
            if game >= sizes.len() {
                sizes.resize(game + 1, 0);
            }
            sizes[game] += 1;
        }
        let mut order: Vec<u32> = (0..sizes.len() as u32).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut held = vec![false; sizes.len()];
        let mut total = 0;
        for game in order {
            let size = sizes[game as usize];
            if total + size <= target {
                held[game as usize] = true;
                total += size;
            }
        }
        let mut holdout = Positions {
            boards: Vec::with_capacity(total as usize),
            games: Vec::with_capacity(total as usize),
            statistics: self.statistics.clone(),
        };
        let mut rest = self;
        // In place: large sets would not fit in memory twice.
        let mut kept = 0;
        for at in 0..rest.boards.len() {
            let (board, game) = (rest.boards[at], rest.games[at]);
            if held[game as usize] {
                holdout.boards.push(board);
                holdout.games.push(game);
            } else {
                (rest.boards[kept], rest.games[kept]) = (board, game);
                kept += 1;
            }
        }
        rest.boards.truncate(kept);
        rest.games.truncate(kept);
        (rest, holdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::positions::Statistics;

    fn games(sizes: &[usize]) -> Positions {
        let board = "4k3/8/8/8/8/8/8/4K3 w - - 0 1".parse().unwrap();
        let games: Vec<u32> = sizes
            .iter()
            .enumerate()
            .flat_map(|(game, &size)| std::iter::repeat_n(game as u32, size))
            .collect();
        Positions {
            boards: vec![board; games.len()],
            games,
            statistics: Statistics::default(),
        }
    }

    #[test]
    fn no_game_is_on_both_sides() {
        let sizes: Vec<usize> = (0..500).map(|game| 1 + game * 7 % 90).collect();
        let all = games(&sizes);
        let total = all.boards.len();
        let (rest, holdout) = all.clone().split_holdout(0.2, 7);
        assert_eq!(rest.boards.len() + holdout.boards.len(), total);
        assert!(holdout.games.iter().all(|game| !rest.games.contains(game)));
        let asked = total as f64 * 0.2;
        assert!((holdout.boards.len() as f64 - asked).abs() <= 2.0);
        let again = all.clone().split_holdout(0.2, 7);
        assert_eq!(again.1.games, holdout.games);
        assert_ne!(all.split_holdout(0.2, 8).1.games, holdout.games);
    }

    #[test]
    fn extremes() {
        assert_eq!(games(&[5, 5]).split_holdout(0.0, 1).1.boards.len(), 0);
        assert_eq!(games(&[5, 5]).split_holdout(1.0, 1).0.boards.len(), 0);
        assert_eq!(games(&[9]).split_holdout(0.5, 1).1.boards.len(), 0);
    }

    #[test]
    fn what_continues_a_game() {
        let first = Link {
            ply: Some(8),
            result: Some(1),
            side_to_move: Color::White,
            occupied: 0b0110,
            occupied_after: Some(0b1100),
        };
        let next = Link {
            ply: Some(9),
            result: Some(-1),
            side_to_move: Color::Black,
            occupied: 0b1100,
            occupied_after: None,
        };
        assert!(first.continued_by(&next));
        for other in [
            Link {
                ply: Some(10),
                ..next
            },
            Link { ply: None, ..next },
            Link {
                result: Some(1),
                ..next
            },
            Link {
                side_to_move: Color::White,
                ..next
            },
            Link {
                occupied: 0b0111,
                ..next
            },
        ] {
            assert!(!first.continued_by(&other), "{other:?}");
        }
        let moveless = Link {
            occupied_after: None,
            ..first
        };
        assert!(moveless.continued_by(&next));
        assert!(!moveless.continued_by(&Link {
            occupied: 0xff00,
            ..next
        }));
    }
}
