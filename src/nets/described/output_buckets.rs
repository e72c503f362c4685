//! Which of its output buckets an engine takes for a position.

use super::error::LayoutError;
use super::syntax::RawOutputBuckets;
use crate::chess::board::Board;

/// Numbers of pieces that a position can have: 2 to 32.
const COUNTS: usize = 31;

/// Buckets that weights and reports tell apart.
const MOST: u8 = 8;

/// A bucket for each number of pieces, whatever the engine's formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputBuckets {
    /// Of 2, 3, … 32 pieces.
    by_pieces: [u8; COUNTS],
}

impl OutputBuckets {
    pub(super) fn new(raw: &RawOutputBuckets) -> Result<OutputBuckets, LayoutError> {
        let wrong = |problem: String| LayoutError::OutputBuckets(problem);
        let by_pieces: [u8; COUNTS] = raw.by_pieces.as_slice().try_into().map_err(|_| {
            wrong(format!(
                "by_pieces has {} entries, the numbers of pieces from 2 to 32 are {COUNTS}",
                raw.by_pieces.len()
            ))
        })?;
        match by_pieces.iter().find(|&&bucket| bucket >= MOST) {
            Some(bucket) => Err(wrong(format!(
                "bucket {bucket} is not one of 0 to {}",
                MOST - 1
            ))),
            None => Ok(OutputBuckets { by_pieces }),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let most = self.by_pieces.iter().max();
        most.map_or(0, |&most| usize::from(most) + 1)
    }

    /// The bucket of a position.
    pub fn of(&self, board: &Board) -> usize {
        // More pieces than a game has are taken as the most that it has.
        let count = (board.piece_count() as usize).clamp(2, COUNTS + 1);
        usize::from(self.by_pieces[count - 2])
    }
}
