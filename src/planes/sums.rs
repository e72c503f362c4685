//! Checksums of planes files: a CRC-32 for each piece that is read at a time, so that a part that is read is a part
//! that is checked.

use std::io::{self, Read, Write};

use flate2::Crc;

use super::file::{Group, PlanesProblem, fill};
use crate::files::reading::crc32;

/// Words of a plane that have a checksum together, and that are read at a time: 256 KiB.
pub(super) const PIECE: usize = 1 << 15;

/// Bytes of a checksum.
const SUM: usize = 4;

/// How many pieces a group's plane has.
fn pieces(group: &Group) -> usize {
    group.samples.div_ceil(64).div_ceil(PIECE)
}

/// Bytes that the checksums of planes take at the end of a file: one for each piece, one of the header, and one of all
/// these. `samples` are those of the groups.
pub(super) fn table_bytes(neurons: u32, samples: impl Iterator<Item = u64>) -> u128 {
    let pieces: u128 = samples
        .map(|samples| u128::from(samples.div_ceil(64 * PIECE as u64)))
        .sum();
    SUM as u128 * (u128::from(neurons) * pieces + 2)
}

/// The checksums of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    /// By group, neuron and piece.
    sums: Vec<u32>,
    /// Where those of each group begin.
    starts: Vec<usize>,
}

impl Sums {
    /// Reads what follows the planes at an offset. `header` is the checksum of what was read before them.
    pub(super) fn read(
        input: &mut impl Read,
        offset: u64,
        header: u32,
        neurons: usize,
        groups: &[Group],
    ) -> Result<Sums, PlanesProblem> {
        let mut starts = vec![0];
        for group in groups {
            let start = starts.last().copied().unwrap_or(0);
            starts.push(start + neurons * pieces(group));
        }
        // The file is as long as that: its length was compared.
        let count = starts.last().copied().unwrap_or(0);
        let mut bytes = vec![0; SUM * (count + 2)];
        fill(&mut bytes, input, "the checksums", offset)?;
        let (table, last) = bytes.split_at(SUM * (count + 1));
        let number = |bytes: &[u8; SUM]| u32::from_le_bytes(*bytes);
        let mut sums: Vec<u32> = table.as_chunks::<SUM>().0.iter().map(number).collect();
        if last.first_chunk().map(number) != Some(crc32(table)) {
            return Err(PlanesProblem::Table { offset });
        }
        if sums.pop() != Some(header) {
            return Err(PlanesProblem::HeaderSum);
        }
        Ok(Sums { sums, starts })
    }

    /// Compares those that were computed, in the same order.
    pub(super) fn compare(&self, found: &[u32], groups: &[Group]) -> Result<(), PlanesProblem> {
        let Some(at) = self.sums.iter().zip(found).position(|(a, b)| a != b) else {
            return Ok(());
        };
        let number = self.starts[1..]
            .iter()
            .filter(|&&start| start <= at)
            .count();
        let group = &groups[number];
        let (in_group, pieces) = (at - self.starts[number], pieces(group));
        Err(damaged(group, in_group / pieces, in_group % pieces * PIECE))
    }

    /// Compares a piece of a plane, as it stands in the file, with its checksum.
    pub(super) fn check(
        &self,
        number: usize,
        group: &Group,
        neuron: usize,
        first: usize,
        bytes: &[u8],
    ) -> Result<(), PlanesProblem> {
        let at = self.starts[number] + neuron * pieces(group) + first / PIECE;
        if self.sums[at] == crc32(bytes) {
            return Ok(());
        }
        Err(damaged(group, neuron, first))
    }
}

/// The error for the piece of a plane that begins with a word.
fn damaged(group: &Group, neuron: usize, first: usize) -> PlanesProblem {
    let words = group.samples.div_ceil(64);
    let begin = group.offset + 8 * (words as u64 * neuron as u64 + first as u64);
    PlanesProblem::Damaged {
        neuron,
        begin,
        end: begin + 8 * PIECE.min(words - first) as u64,
    }
}

/// Writes planes and remembers their checksums.
#[derive(Debug)]
pub(super) struct SumsWriter<W> {
    pub out: W,
    table: Vec<u8>,
    /// Of the current plane's piece.
    crc: Crc,
    in_piece: usize,
}

impl<W: Write> SumsWriter<W> {
    pub(super) fn new(out: W) -> SumsWriter<W> {
        SumsWriter {
            out,
            table: Vec::new(),
            crc: Crc::new(),
            in_piece: 0,
        }
    }

    /// Writes words of the current plane as they stand in the file.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        while !bytes.is_empty() {
            let room = 8 * PIECE - self.in_piece;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.crc.update(now);
            self.in_piece += now.len();
            bytes = later;
            if self.in_piece == 8 * PIECE {
                self.end_piece();
            }
        }
        Ok(())
    }

    fn end_piece(&mut self) {
        self.table.extend(self.crc.sum().to_le_bytes());
        self.crc.reset();
        self.in_piece = 0;
    }

    /// Ends a plane.
    pub(super) fn end_plane(&mut self) {
        if self.in_piece > 0 {
            self.end_piece();
        }
    }

    /// Writes the checksums behind the planes.
    pub(super) fn finish(mut self, header: u32) -> io::Result<W> {
        self.table.extend(header.to_le_bytes());
        self.out.write_all(&self.table)?;
        self.out.write_all(&crc32(&self.table).to_le_bytes())?;
        Ok(self.out)
    }
}
