//! What a data format has to provide.

use std::fmt::Debug;
use std::io;

use super::error::Problem;
use super::filter::Sieve;
use super::input::Input;

/// A data format: how to cut a stream into blocks, and how to decode a block on its own.
///
/// Blocks are read one after the other and decoded in parallel.
pub trait Format: Debug + Sync {
    /// For people.
    fn name(&self) -> &'static str;

    /// Usual endings of file names, to pick files out of a directory. The content decides what a file is.
    fn extensions(&self) -> &'static [&'static str];

    /// Can a file that begins so be of this format? `head` is the whole file if it is shorter than
    /// [`HEAD_SIZE`].
    fn recognises(&self, head: &[u8]) -> bool;

    /// How much of what a file begins with makes sense, for files that [`recognises`](Self::recognises) refuses because
    /// of damage near their start.
    fn resembles(&self, head: &[u8]) -> Likeness;

    /// Does an entry tell whether the one before it is of the same game? Entries of formats that do not are grouped by
    /// their place.
    fn tells_games(&self) -> bool {
        true
    }

    /// Are its positions those of games, as training data's are? A list may hold any.
    fn of_games(&self) -> bool {
        true
    }

    /// Replaces `block` by the next block.
    ///
    /// # Errors
    /// Those of the stream; damaged framing is no error but a [`NextBlock::Damaged`].
    fn next_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock>;

    /// Goes past the next block, which nobody wants. `block` may be overwritten.
    ///
    /// # Errors
    /// As [`next_block`](Self::next_block).
    fn skip_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock> {
        self.next_block(input, block)
    }

    /// After damaged framing: goes to the next place where a block may begin. `false` if there is none.
    ///
    /// # Errors
    /// Those of the stream.
    fn resynchronise(&self, input: &mut Input) -> io::Result<bool> {
        let _ = input;
        Ok(false)
    }

    /// Offers every entry of the block to the sieve, in order, until the sieve wants no more.
    ///
    /// # Errors
    /// Damage that makes the rest of the block unreadable.
    fn decode(&self, block: &[u8], sieve: &mut Sieve<'_>) -> Result<(), Located>;
}

/// How many records at the start of a file make sense, and how many do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Likeness {
    pub sound: usize,
    pub damaged: usize,
}

impl Likeness {
    /// Counts records.
    pub(super) fn of<T, E>(records: impl IntoIterator<Item = Result<T, E>>) -> Likeness {
        let mut likeness = Likeness::default();
        for record in records {
            match record {
                Ok(_) => likeness.sound += 1,
                Err(_) => likeness.damaged += 1,
            }
        }
        likeness
    }

    /// Is the file more likely a damaged one of the format than something else? Other data hardly ever make sense as a
    /// record of any format.
    pub fn is_likely(self) -> bool {
        self.sound > 0 && self.sound >= self.damaged
    }
}

/// How much of a file [`Format::recognises`] sees, in bytes.
pub const HEAD_SIZE: usize = 1 << 16;

/// Size that formats without blocks of their own aim at, in bytes. Which entries a sample takes depends on it.
pub const BLOCK_SIZE: usize = 1 << 20;

/// Outcome of reading a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextBlock {
    /// A block that begins at this offset.
    Block { offset: u64 },
    /// The data ends here, as it should.
    End,
    /// What begins at this offset cannot be a block.
    Damaged { offset: u64, problem: Problem },
}

/// A problem at an offset of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub offset: u64,
    pub problem: Problem,
}

impl Located {
    pub(super) fn new(offset: usize, problem: Problem) -> Located {
        Located {
            offset: offset as u64,
            problem,
        }
    }
}
