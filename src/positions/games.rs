//! Which positions belong to the same game, and splitting a set by game.

use std::ops::Range;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::Positions;
use super::irreversible::Irreversible;
use crate::chess::board::Color;

/// What of an entry tells whether the next one continues the same game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub ply: Option<u16>,
    pub result: Option<i8>,
    pub side_to_move: Color,
    pub occupied: u64,
    /// Occupied squares after the recorded move, if a move was recorded.
    pub occupied_after: Option<u64>,
    pub irreversible: Irreversible,
}

/// Most squares a single move empties or fills: castling changes two of each.
const MOST_CHANGED_SQUARES: u32 = 4;
/// Squares that the castling of both sides changes beyond the two of a usual move.
const CASTLING_CHANGES: u32 = 4;

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

impl Link {
    /// Can `next` be a later position of the same game, with positions between them left out of the data?
    ///
    /// Its ply is higher and fits the side to move, the result is that of the same game, and no more pieces stand on no
    /// more changed squares than the plies between allow.
    #[inline]
    pub fn continued_later_by(&self, next: &Link) -> bool {
        let (Some(ply), Some(next_ply)) = (self.ply, next.ply) else {
            return false;
        };
        let Some(plies) = next_ply.checked_sub(ply).filter(|&plies| plies > 0) else {
            return false;
        };
        let same_side = self.side_to_move == next.side_to_move;
        let changed = (self.occupied ^ next.occupied).count_ones();
        same_side == plies.is_multiple_of(2)
            && match (self.result, next.result) {
                (Some(result), Some(next_result)) if same_side => result == next_result,
                (Some(result), Some(next_result)) => result == -next_result,
                _ => true,
            }
            && next.occupied.count_ones() <= self.occupied.count_ones()
            && changed <= 2 * u32::from(plies) + CASTLING_CHANGES
    }
}

impl Link {
    /// Can `next` be a later position of the same game, as far as the boards tell?
    ///
    /// It cannot if the move number falls, if the game ended otherwise, or if a change would have to be undone that
    /// nothing undoes. What gives no ply, or the same for all, is judged by its boards.
    pub fn may_lead_to(&self, next: &Link) -> bool {
        let falls = matches!((self.ply, next.ply), (Some(ply), Some(next)) if next < ply);
        let result = |turned: bool| match (self.result, next.result) {
            (Some(result), Some(next)) => next == if turned { -result } else { result },
            _ => true,
        };
        let (before, after) = (&self.irreversible, &next.irreversible);
        let other_side = self.side_to_move != next.side_to_move;
        // Formats that turn the board with the side to move have White to move in every position.
        let turned = || {
            !other_side
                && self.side_to_move == Color::White
                && result(true)
                && before.turned().may_become(after)
        };
        !falls && (result(other_side) && before.may_become(after) || turned())
    }
}

/// What an entry is to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The next ply of its game.
    Next,
    /// Perhaps a later one, with positions left out between them.
    Later,
    /// Of another game, or nothing is known.
    None,
}

impl Relation {
    #[inline]
    pub fn of(last: &Link, next: &Link) -> Relation {
        if last.continued_by(next) {
            Relation::Next
        } else if last.continued_later_by(next) {
            Relation::Later
        } else {
            Relation::None
        }
    }
}

/// How the games of a block are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// By plies; every ply of a game is there. Where nothing is known, every position is a game.
    Whole,
    /// By plies; positions may have been left out.
    WithGaps,
    /// By what no move takes back: plies tell nothing.
    ByBoards,
}

/// Number of a game in its block, counted in all ways: which one is right is known when the whole block was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GameNumber {
    whole: u32,
    with_gaps: u32,
    by_boards: u32,
    /// Of groups of the smallest size and more that cut no game as boards tell them, and the size of the last.
    group: u32,
    grouped: u32,
}

impl GameNumber {
    /// Goes on to the next entry: what it is to the last one by its ply, and whether boards prove another game.
    #[inline]
    pub fn pass(&mut self, relation: Relation, other_game: bool) {
        self.whole += u32::from(relation != Relation::Next);
        self.with_gaps += u32::from(relation == Relation::None);
        self.by_boards += u32::from(other_game);
        self.grouped += 1;
        if other_game && self.grouped as usize >= SMALLEST_GROUP {
            self.group += 1;
            self.grouped = 0;
        }
    }

    pub fn get(self, counted: Counted) -> u32 {
        match counted {
            Counted::Whole => self.whole,
            Counted::WithGaps => self.with_gaps,
            Counted::ByBoards => self.by_boards,
        }
    }

    /// What stays together in one part of the data where plies do not tell games.
    pub fn neighbours(self, counted: Counted) -> u32 {
        match counted {
            Counted::ByBoards => self.group,
            _ => self.whole / SMALLEST_GROUP as u32,
        }
    }
}

/// Positions of a group where formats do not tell games, at least: several searches' worth of a list recorded from an
/// engine's searches, whose positions are near-copies of one another (measured in `docs/positions.md`).
const GROUP: usize = 256;
/// The same in small sets, which would have too few groups of the usual size to tell how these differ.
const SMALLEST_GROUP: usize = 64;
/// Groups of a set, at least, if its groups need not be smaller than the smallest for that.
const GROUPS: usize = 100;

impl Positions {
    /// Puts neighbours of these stretches, whose formats do not tell games, together to groups, which are games from
    /// then on. What is known to be one game is not cut.
    pub(super) fn group_neighbours(&mut self, stretches: &[Range<usize>]) {
        let positions: usize = stretches.iter().map(ExactSizeIterator::len).sum();
        let least = (positions / GROUPS).clamp(SMALLEST_GROUP, GROUP);
        let mut stretches = stretches.iter().peekable();
        let (mut games, mut groups, mut size, mut last) = (0, 0, 0, None);
        for at in 0..self.games.len() {
            while stretches.next_if(|stretch| stretch.end <= at).is_some() {}
            let stretch = stretches.peek().filter(|stretch| stretch.start <= at);
            // What is left at the end is no group of its own.
            let full = stretch.is_none_or(|stretch| {
                stretch.start == at || (size >= least && stretch.end - at >= least)
            });
            if last.replace(self.games[at]) != Some(self.games[at]) && full {
                games += 1;
                groups += u64::from(stretch.is_some());
                size = 0;
            }
            size += 1;
            self.games[at] = games - 1;
        }
        self.statistics.games = u64::from(games);
        self.statistics.groups = groups;
    }

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
    fn neighbours_of_lists_stay_together() {
        let grouped = |sizes: &[usize], list: Range<usize>| {
            let mut all = games(sizes);
            all.group_neighbours(&[list]);
            let runs = all.games.chunk_by(|a, b| a == b);
            let runs: Vec<usize> = runs.map(<[u32]>::len).collect();
            assert_eq!(all.statistics.games, runs.len() as u64);
            (runs, all.statistics.groups)
        };
        // A line each, with nothing known of games: the last group takes what is left.
        let (runs, groups) = grouped(&[1; 30_000], 0..30_000);
        assert_eq!((runs.len(), groups), (117, 117));
        assert!(runs[..116].iter().all(|&run| run == 256));
        assert_eq!(runs[116], 256 + 48);
        // Smaller groups in smaller lists, but no smaller than 64.
        assert_eq!(grouped(&[1; 8000], 0..8000).0, [80; 100]);
        assert_eq!(grouped(&[1; 200], 0..200).0, [64, 64, 72]);
        assert_eq!(grouped(&[1; 20], 0..20).0, [20]);
        // What is known to be one game is not cut.
        assert_eq!(grouped(&[60, 60, 60, 70], 0..250).0, [120, 130]);
        // Games beside the list stay what they are.
        let mixed = [[5, 9].as_slice(), &[1; 130], &[7]].concat();
        assert_eq!(grouped(&mixed, 14..144), (vec![5, 9, 64, 66, 7], 2));
        assert_eq!(grouped(&[5, 9], 0..0), (vec![5, 9], 0));
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
            irreversible: Irreversible::default(),
        };
        let next = Link {
            ply: Some(9),
            result: Some(-1),
            side_to_move: Color::Black,
            occupied: 0b1100,
            occupied_after: None,
            irreversible: Irreversible::default(),
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
