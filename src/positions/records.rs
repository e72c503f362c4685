//! Formats of records of one size.

use std::io;
use std::ops::ControlFlow;

use super::entry::BoardEntry;
use super::error::Problem;
use super::filter::Sieve;
use super::format::{Format, Likeness, Located, NextBlock};
use super::input::Input;

/// How many records have to make sense for a file to be of such a format.
const RECOGNISED_BY: usize = 64;

/// Reads one record; it may be cut off.
type Parse = fn(&[u8]) -> Result<BoardEntry, Problem>;

/// A format of records of one size.
#[derive(Debug)]
pub struct Records {
    pub(super) name: &'static str,
    pub(super) extensions: &'static [&'static str],
    pub(super) size: usize,
    pub(super) tells_games: bool,
    pub(super) parse: Parse,
}

impl Format for Records {
    fn name(&self) -> &'static str {
        self.name
    }

    fn extensions(&self) -> &'static [&'static str] {
        self.extensions
    }

    /// Do the first bytes of a file make sense as records?
    fn recognises(&self, head: &[u8]) -> bool {
        head.len() >= self.size
            && head
                .chunks_exact(self.size)
                .take(RECOGNISED_BY)
                .all(|record| (self.parse)(record).is_ok())
    }

    fn resembles(&self, head: &[u8]) -> Likeness {
        Likeness::of(head.chunks_exact(self.size).map(self.parse))
    }

    fn tells_games(&self) -> bool {
        self.tells_games
    }

    /// Cuts the next block of whole records off the input.
    fn next_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock> {
        input.read_block(block, "the record", |block| {
            block.len() - block.len() % self.size
        })
    }

    /// Offers every record of a block to the sieve.
    fn decode(&self, block: &[u8], sieve: &mut Sieve<'_>) -> Result<(), Located> {
        for (number, record) in block.chunks(self.size).enumerate() {
            let offer = sieve.offer_record(number * self.size, (self.parse)(record))?;
            if let ControlFlow::Break(()) = offer {
                break;
            }
        }
        Ok(())
    }
}
