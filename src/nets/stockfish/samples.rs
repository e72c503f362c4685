//! Positions to the row lists that the feature transformer kernels read.
//!
//! ```
//! use ftperm::nets::stockfish::{Network, ReadOptions};
//! use ftperm::nets::model::SampleOrder;
//! use ftperm::nets::stockfish::samples::sample_batch;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let board = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1".parse()?;
//! let batch = sample_batch(&network.architecture, &[board], SampleOrder::Positions);
//! // White's view and Black's, of three pieces each.
//! assert_eq!(batch.samples, 2);
//! assert_eq!((batch.wide.list(0).len(), batch.wide.list(1).len()), (3, 3));
//! # Ok(())
//! # }
//! ```

use rayon::prelude::*;

use crate::chess::board::{Board, Color};
use crate::nets::model::{RowLists, SampleBatch, SampleOrder};
use crate::nets::stockfish::features::ActiveFeatures;
use crate::nets::stockfish::{Architecture, Store};

/// Positions that one task turns into lists.
const TASK: usize = 2048;

/// The two samples of every position, in an order that is a function of the positions alone.
///
/// Memory grows with the positions: callers hand over batches of some ten thousand.
pub fn sample_batch(
    architecture: &Architecture,
    boards: &[Board],
    order: SampleOrder,
) -> SampleBatch {
    let pieces: Vec<[RowLists; 2]> = boards
        .par_chunks(TASK)
        .map(|boards| row_lists(architecture, boards))
        .collect();
    let samples = match order {
        SampleOrder::Positions => (0..2 * boards.len() as u32).collect(),
        SampleOrder::KingPlaces => by_king_place(boards),
    };
    let join = |store: Store| joined(&pieces, store, &samples);
    let sets = 0..architecture.sets.len();
    let has_narrow = sets
        .into_iter()
        .any(|set| architecture.rows_of(set).0 == Store::Narrow);
    SampleBatch {
        samples: samples.len(),
        wide: join(Store::Wide),
        narrow: if has_narrow {
            join(Store::Narrow)
        } else {
            RowLists::default()
        },
    }
}

/// The lists of one store in the order of `samples`.
fn joined(pieces: &[[RowLists; 2]], store: Store, samples: &[u32]) -> RowLists {
    let list = |sample: u32| {
        let piece = &pieces[sample as usize / (2 * TASK)][store as usize];
        piece.list(sample as usize % (2 * TASK))
    };
    let mut offsets = Vec::with_capacity(samples.len() + 1);
    offsets.push(0);
    let mut end = 0;
    offsets.extend(samples.iter().map(|&sample| {
        end += list(sample).len() as u32;
        end
    }));
    let mut rows = vec![0; end as usize];
    // Each task's samples, and where their rows go.
    let mut tasks = Vec::new();
    let mut rest = rows.as_mut_slice();
    let ends = offsets[1..].chunks(2 * TASK);
    let mut first = 0;
    for (samples, ends) in samples.chunks(2 * TASK).zip(ends) {
        let last = ends.last().copied().unwrap_or(first);
        let (part, tail) = std::mem::take(&mut rest).split_at_mut((last - first) as usize);
        tasks.push((samples, part));
        (rest, first) = (tail, last);
    }
    tasks.into_par_iter().for_each(|(samples, mut part)| {
        for &sample in samples {
            let list = list(sample);
            let (rows, tail) = std::mem::take(&mut part).split_at_mut(list.len());
            rows.copy_from_slice(list);
            part = tail;
        }
    });
    RowLists { offsets, rows }
}

/// Samples numbered by position, sorted by the king's place and then by side; otherwise positions keep their order.
fn by_king_place(boards: &[Board]) -> Vec<u32> {
    let mut keys: Vec<u8> = Vec::with_capacity(2 * boards.len());
    for board in boards {
        let kings = board.king_squares();
        keys.extend([0, 1].map(|sample| {
            let side = side_of(board, sample);
            2 * king_place(kings[side as usize], side) + side as u8
        }));
    }
    // Counting sort: where the samples of each key begin.
    let mut places = [0u32; 128];
    for &key in &keys {
        places[usize::from(key)] += 1;
    }
    let mut next = 0;
    for place in &mut places {
        next += std::mem::replace(place, next);
    }
    let mut samples = vec![0; keys.len()];
    for (sample, &key) in keys.iter().enumerate() {
        let place = &mut places[usize::from(key)];
        samples[*place as usize] = sample as u32;
        *place += 1;
    }
    samples
}

/// The perspective of a sample numbered by position: even ones are the side to move's.
fn side_of(board: &Board, sample: u32) -> Color {
    let us = board.side_to_move();
    if sample.is_multiple_of(2) {
        us
    } else {
        us.opponent()
    }
}

/// Lists of 16-bit and of 8-bit rows, in the order of positions.
fn row_lists(architecture: &Architecture, boards: &[Board]) -> [RowLists; 2] {
    let sets: Vec<_> = architecture
        .sets
        .iter()
        .enumerate()
        .map(|(number, set)| {
            let (store, first) = architecture.rows_of(number);
            (set, store as usize, first as u32)
        })
        .collect();
    let mut lists = [(); 2].map(|()| RowLists {
        offsets: vec![0],
        rows: Vec::new(),
    });
    let mut rows: [ActiveFeatures; 2] = Default::default();
    for board in boards {
        rows.iter_mut().flatten().for_each(Vec::clear);
        for &(set, store, first) in &sets {
            let rows = &mut rows[store];
            let before = rows.each_ref().map(Vec::len);
            set.append_active(board, rows);
            for (rows, before) in rows.iter_mut().zip(before) {
                rows[before..].iter_mut().for_each(|row| *row += first);
            }
        }
        for (list, rows) in lists.iter_mut().zip(&rows) {
            for sample in 0..2 {
                let side = side_of(board, sample) as usize;
                list.rows.extend_from_slice(&rows[side]);
                list.offsets.push(list.rows.len() as u32);
            }
        }
    }
    lists
}

/// The own king's square after flipping for Black and mirroring to one wing: equal squares share piece-square rows.
fn king_place(king: u8, side: Color) -> u8 {
    let flipped = king ^ (56 * side as u8);
    if flipped & 7 <= 3 {
        flipped ^ 7
    } else {
        flipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::random_games::random_positions;
    use crate::nets::stockfish::{Network, ReadOptions};

    /// More positions than several tasks take: each sample has the lists that its position has alone.
    #[test]
    fn lists_are_joined_in_order() {
        let network = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/demo.nnue");
        let network = Network::read(network.as_ref(), &ReadOptions::default()).unwrap();
        let architecture = &network.architecture;
        let boards = random_positions(1, 2 * TASK + 77);
        for order in [SampleOrder::Positions, SampleOrder::KingPlaces] {
            let batch = sample_batch(architecture, &boards, order);
            let samples: Vec<u32> = match order {
                SampleOrder::Positions => (0..2 * boards.len() as u32).collect(),
                SampleOrder::KingPlaces => by_king_place(&boards),
            };
            assert_eq!(batch.samples, samples.len());
            assert_eq!(batch.wide.offsets.len(), samples.len() + 1);
            for (place, &sample) in samples.iter().enumerate() {
                let board = &boards[sample as usize / 2..][..1];
                let [wide, _] = row_lists(architecture, board);
                let alone = wide.list(sample as usize % 2);
                assert_eq!(batch.wide.list(place), alone, "{order:?} {place}");
            }
        }
    }
}
