//! What formats of records of one size have in common.

use std::io;
use std::ops::ControlFlow;

use super::entry::BoardEntry;
use super::error::Problem;
use super::filter::Sieve;
use super::format::{Located, NextBlock};
use super::input::Input;

/// How many records have to make sense for a file to be of such a format.
const RECOGNISED_BY: usize = 64;

/// Reads one record; it may be cut off.
type Parse = fn(&[u8]) -> Result<BoardEntry, Problem>;

/// Do the first bytes of a file make sense as records?
pub(super) fn recognises(head: &[u8], size: usize, parse: Parse) -> bool {
    head.len() >= size
        && head
            .chunks_exact(size)
            .take(RECOGNISED_BY)
            .all(|record| parse(record).is_ok())
}

/// Cuts the next block of whole records off the input.
pub(super) fn next_block(
    input: &mut Input,
    block: &mut Vec<u8>,
    size: usize,
) -> io::Result<NextBlock> {
    let offset = input.offset();
    let more = input.read_block(block, |block| block.len() - block.len() % size)?;
    Ok(NextBlock::of(offset, more))
}

/// Offers every record of a block to the sieve.
pub(super) fn decode(
    block: &[u8],
    size: usize,
    parse: Parse,
    sieve: &mut Sieve<'_>,
) -> Result<(), Located> {
    for (number, record) in block.chunks(size).enumerate() {
        let offer = sieve.offer_record(number * size, parse(record))?;
        if let ControlFlow::Break(()) = offer {
            break;
        }
    }
    Ok(())
}
