//! How much memory evaluating and searching take.

use super::Task;
use crate::chess::board::Board;
use crate::nets::stockfish::Network;
use crate::planes::ZeroPlanes;
use crate::search::search_bytes;

/// Positions of a batch of the evaluators.
const BATCH: usize = 1 << 15;

/// Positions of the smallest batch that is worth beginning.
const SMALL_BATCH: usize = 1 << 12;

/// Planes of a piece that is evaluated and written at a time, in bytes, if there is room for more than a batch.
const PIECE: u64 = 32 << 20;

/// Samples that are worth a search.
const FEWEST_SAMPLES: u64 = 1 << 14;

/// Sizes of what is to be evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    pub(crate) neurons: usize,
    pub(crate) perspectives: usize,
    /// Memory that the evaluation takes beside planes, positions and batches.
    pub(crate) evaluator_bytes: u64,
    /// Rows of a sample, at most.
    pub(crate) rows: usize,
    /// Are the training positions copied, to be sorted by bucket?
    pub(crate) copies_positions: bool,
}

impl Footprint {
    /// That of a network of Stockfish's format.
    #[must_use]
    pub fn of(network: &Network) -> Footprint {
        let (it, ft) = (&network.architecture, &network.ft);
        Footprint {
            neurons: it.neurons(),
            perspectives: 2,
            // The kernels' own copy of the weights, 16 bits each and 8 bits each.
            evaluator_bytes: (2 * ft.wide.len() + ft.narrow.len()) as u64,
            rows: it.sets.iter().map(|set| set.max_active()).sum(),
            copies_positions: false,
        }
    }

    /// The least memory, beside network and positions, that evaluates and searches any number of positions.
    #[must_use]
    pub fn least(&self) -> u64 {
        let samples = ZeroPlanes::bytes_for(self.neurons, FEWEST_SAMPLES);
        let searching = search_bytes(self.neurons, samples);
        searching.max(self.evaluator_bytes + self.piece_of(SMALL_BATCH))
    }

    /// How many positions to evaluate at a time within so many bytes.
    pub(super) fn piece(&self, bytes: u64) -> usize {
        let left = bytes.saturating_sub(self.evaluator_bytes);
        let batch = self.piece_of(BATCH);
        if left < batch {
            let small = left / self.piece_of(SMALL_BATCH);
            return SMALL_BATCH * small.max(1) as usize;
        }
        let more = (left - batch).min(PIECE) / (self.planes_of(BATCH) + boards_of(BATCH));
        BATCH * (1 + more as usize)
    }

    /// Memory of a piece of so many positions: these, their row lists, and their planes.
    fn piece_of(&self, positions: usize) -> u64 {
        boards_of(positions) + self.row_bytes(positions) + self.planes_of(positions)
    }

    /// Memory that the row lists of a batch take. They are made in parts and then joined, but no position has nearly as
    /// many rows as there could be, so that counts for both.
    fn row_bytes(&self, positions: usize) -> u64 {
        (4 * self.rows * self.perspectives * positions) as u64
    }

    /// Memory that the planes of so many positions take.
    fn planes_of(&self, positions: usize) -> u64 {
        ZeroPlanes::bytes_for(self.neurons, (self.perspectives * positions) as u64)
    }

    /// Memory that the planes of these sets of positions take.
    pub(super) fn planes(&self, sets: &[&[Board]]) -> u64 {
        let planes = sets.iter().map(|boards| self.planes_of(boards.len()));
        planes.fold(0, u64::saturating_add)
    }

    /// Memory that evaluating into planes of so many bytes takes, with them.
    pub(super) fn evaluating(&self, planes: u64) -> u64 {
        planes.saturating_add(self.evaluator_bytes + self.row_bytes(BATCH))
    }

    /// Memory that is taken beside planes while they are searched on.
    pub(crate) fn copied(&self, training: &[Board]) -> u64 {
        if self.copies_positions {
            boards_of(training.len())
        } else {
            0
        }
    }

    /// Memory that the planes of all positions take, if these and what works on them is more than there is.
    pub(crate) fn excess(&self, task: &Task) -> Option<u64> {
        let training = self.planes(&[task.training]);
        let planes = self.planes(&task.sets());
        let searching = search_bytes(self.neurons, training) + (planes - training);
        let most = self.evaluating(planes).max(searching);
        let fits = most.saturating_add(self.copied(task.training)) <= task.room?.bytes;
        (!fits).then_some(planes)
    }
}

/// Memory of so many positions.
fn boards_of(positions: usize) -> u64 {
    (size_of::<Board>() * positions) as u64
}
