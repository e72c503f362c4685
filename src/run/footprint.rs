//! How much memory evaluating and searching take.

use super::Job;
use super::gather::BATCH;
use crate::chess::board::Board;
use crate::nets::model::{Demand, Model};
use crate::planes::ZeroPlanes;
use crate::search::search_bytes;

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
    demand: Demand,
    /// Of the search at once.
    tries: usize,
    /// Are the training positions copied, to be sorted by bucket?
    copies_positions: bool,
}

impl Footprint {
    /// That of a model, and a search of so many tries at once. `weighs` says whether positions count by their bucket.
    #[must_use]
    pub fn of(model: &dyn Model, weighs: bool, tries: usize) -> Footprint {
        let shape = model.shape();
        Footprint {
            neurons: shape.neurons,
            perspectives: shape.perspectives,
            demand: model.demand(),
            tries,
            copies_positions: weighs,
        }
    }

    /// The least memory, beside network and positions, that evaluates and searches any number of positions.
    #[must_use]
    pub fn least(&self) -> u64 {
        let samples = ZeroPlanes::bytes_for(self.neurons, FEWEST_SAMPLES);
        let searching = search_bytes(self.neurons, samples, self.tries);
        searching.max(self.demand.evaluator_bytes + self.piece_of(SMALL_BATCH))
    }

    /// How many positions to evaluate at a time within so many bytes.
    pub(super) fn piece(&self, bytes: u64) -> usize {
        let left = bytes.saturating_sub(self.demand.evaluator_bytes);
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
        (4 * self.demand.rows * self.perspectives * positions) as u64
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
        planes.saturating_add(self.demand.evaluator_bytes + self.row_bytes(BATCH))
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
    pub(crate) fn excess(&self, job: &Job) -> Option<u64> {
        let training = self.planes(&[&job.training]);
        let planes = self.planes(&job.sets());
        let searching = search_bytes(self.neurons, training, self.tries) + (planes - training);
        let most = self.evaluating(planes).max(searching);
        let fits = most.saturating_add(self.copied(&job.training)) <= job.room?.bytes;
        (!fits).then_some(planes)
    }
}

/// Memory of so many positions.
fn boards_of(positions: usize) -> u64 {
    (size_of::<Board>() * positions) as u64
}
