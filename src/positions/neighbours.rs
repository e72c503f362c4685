//! What neighbouring entries of a block have to do with one another: whether plies tell games, and whether the data are
//! shuffled.
//!
//! A block is judged by its own entries alone, so parts of the data judge as the whole does.

use super::games::{Link, Relation};

/// Every so many entries one is compared with the one before it, and with one far away.
const STRIDE: u32 = 16;
/// How many compared entries lie between the two that are far from one another.
const FAR: usize = 32;
/// Fewer comparisons do not say whether neighbours are related.
const LEAST_COMPARED: u64 = 64;

/// Counts of a block, entry by entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Neighbours {
    /// Entries right behind another one; how many of them are the next ply of its game, and how many a later one.
    pairs: u64,
    next: u64,
    later: u64,
    /// Squares in which neighbours differ, and those in which entries far from one another differ.
    near: u64,
    far: u64,
    /// Occupied squares of the last compared entries, and how many there were.
    recent: [u64; FAR],
    noted: u64,
}

impl Neighbours {
    /// Notes entry `number` of the block, and what it is to the one right before it.
    #[inline]
    pub fn note(&mut self, number: u32, last: &Link, link: &Link, relation: Relation) {
        self.pairs += 1;
        match relation {
            Relation::Next => self.next += 1,
            Relation::Later => self.later += 1,
            Relation::None => {}
        }
        if number.is_multiple_of(STRIDE) {
            self.compare(last.occupied, link.occupied);
        }
    }

    fn compare(&mut self, last: u64, occupied: u64) {
        let slot = (self.noted % FAR as u64) as usize;
        let far = std::mem::replace(&mut self.recent[slot], occupied);
        if self.noted >= FAR as u64 {
            self.near += u64::from(difference(last, occupied));
            self.far += u64::from(difference(far, occupied));
        }
        self.noted += 1;
    }

    /// Do plies tell games? They do if at least a third of the entries continue the game of the one before. Where plies
    /// are missing or all the same, none does; in shuffled data few seem to. A single entry tells nothing against it.
    pub fn tell_games(&self) -> bool {
        3 * (self.next + self.later) >= self.pairs
    }

    /// Have positions been left out of games, so that games go on across gaps? In whole games nine of ten entries are
    /// the next ply of the one before.
    pub fn have_gaps(&self) -> bool {
        10 * self.next < 9 * self.pairs
    }

    /// Are neighbours as different as entries that are far from one another? So are those of shuffled data, and of data
    /// with one position a game.
    pub fn unrelated(&self) -> bool {
        self.noted >= FAR as u64 + LEAST_COMPARED && 20 * self.near >= 17 * self.far
    }
}

/// Squares in which two positions differ; some formats turn the board with the side to move.
fn difference(one: u64, other: u64) -> u32 {
    let straight = (one ^ other).count_ones();
    straight.min((one ^ other.swap_bytes()).count_ones())
}
