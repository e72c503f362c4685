//! Search for the order of neurons with the most zero blocks.
//!
//! The n neurons stand in n / 4 blocks of four; neither the order inside a block nor that of the blocks matters. The
//! *score* of a partition is the number of (sample, block) cells whose four neurons are all zero
//! (`docs/notes/eras.md`, section 10). [`search`] looks for the partition of the largest score with exact counts from
//! any [`Backend`]; the result depends on the planes, the options and nothing else.
//!
//! ```
//! use ftperm::compute::cpu::CpuBackend;
//! use ftperm::search::{Control, SearchOptions, search};
//! use ftperm::planes::ZeroPlanes;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Even neurons are zero in even samples, odd ones in odd samples: blocks of one kind are best.
//! let mut planes = ZeroPlanes::new(8, 64);
//! for neuron in 0..8 {
//!     (0..64).filter(|sample| sample % 2 == neuron % 2).for_each(|sample| planes.set(neuron, sample));
//! }
//! let backend = CpuBackend::new(None)?;
//! let found = search(&backend, &[planes], &SearchOptions::default(), &mut Control::default())?;
//! assert_eq!(found.score, 64);
//! assert_eq!(found.permutation.indices(), [0, 2, 4, 6, 1, 3, 5, 7]);
//! # Ok(())
//! # }
//! ```

use thiserror::Error;

use crate::compute::{Backend, ComputeError, HostPlanes, PlaneSet};
use crate::order::Permutation;
use crate::planes::ZeroPlanes;

mod assignment;
mod bit_rows;
mod bound;
mod certificate;
mod control;
mod fit_table;
mod memory;
mod moves;
mod partition;
mod saved;
mod schedule;
mod sets;
mod state;
mod thinning;
mod together;

pub use certificate::{Certificate, CertifyOptions, certify};
#[doc(hidden)]
pub use certificate::{Check, certify_planes};
#[doc(hidden)]
pub use control::MoveCount;
pub use control::{Control, Progress};
#[doc(hidden)]
pub use fit_table::MAX_SAMPLES;
#[doc(hidden)]
pub use memory::{room, search_bytes, table_bytes};
pub use partition::BLOCK;
#[doc(hidden)]
pub use saved::SearchSaver;
pub use saved::{SavedSearch, SavedSearchError};
#[doc(hidden)]
pub use sets::{ByBucket, FitError, Room, by_bucket, search_and_rate, weighted_sum};
pub use sets::{Rated, SampleSets};

/// How much work a search does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// One short annealing: a fraction of a second for some hundred neurons and 100,000 samples.
    Quick,
    /// One longer annealing.
    #[default]
    Normal,
    /// Many annealings, of which the best is kept.
    Max,
}

/// What to search with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchOptions {
    pub effort: Effort,
    /// Seed of the random choices.
    pub seed: u64,
    /// The order to begin with; the order as it is if there is none. The result is never worse.
    pub start: Option<Permutation>,
    /// So many times the same work at once, each with random choices of its own, and the best is kept: 1 to
    /// [`MOST_TRIES`]. The first one does what a search with one does.
    pub tries: usize,
}

impl Default for SearchOptions {
    fn default() -> SearchOptions {
        SearchOptions {
            effort: Effort::default(),
            seed: 0,
            start: None,
            tries: 1,
        }
    }
}

/// Most tries at once.
#[doc(hidden)]
pub const MOST_TRIES: usize = 64;

/// What a search found.
#[derive(Clone, Debug)]
pub struct SearchResult {
    /// The best order found: neurons ascend inside blocks, blocks by their first neuron.
    pub permutation: Permutation,
    /// Number of zero (sample, block) cells in this order, counted anew on all samples.
    pub score: u64,
    /// The same before the search.
    pub start_score: u64,
    /// Samples counted on.
    pub samples: u64,
    /// Did the search run to its end, i.e. was it not stopped?
    pub complete: bool,
    /// Rounds and exchanges by kind of move.
    pub moves: Vec<MoveCount>,
}

/// Why a search could not be done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SearchError {
    #[error("there are no samples to search on")]
    NoSamples,
    #[error(
        "{0} samples, each counted as often as it weighs: a search takes at most {MAX_SAMPLES}"
    )]
    TooManySamples(u64),
    #[error("{0} tries at once: it is 1 to {MOST_TRIES}")]
    Tries(usize),
    #[error("{0} neurons do not make blocks of four")]
    Neurons(usize),
    #[error("chunk {chunk} of the samples has {found} neurons, the first has {expected}")]
    Chunks {
        chunk: usize,
        found: usize,
        expected: usize,
    },
    #[error("the permutation has {found} entries, but there are {expected} neurons")]
    Permutation { found: usize, expected: usize },
    #[error("the search cannot go on from what was saved: {0}")]
    Saved(#[from] SavedSearchError),
    #[error(transparent)]
    Compute(#[from] ComputeError),
}

/// Why a step of the search ended early.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The stop flag or the deadline.
    Stopped,
    Compute(ComputeError),
}

impl From<ComputeError> for Halt {
    fn from(error: ComputeError) -> Halt {
        Halt::Compute(error)
    }
}

/// Searches for the best order of the neurons on the samples of all chunks.
///
/// # Errors
/// Chunks or a start that do not fit together, no samples or more than [`MAX_SAMPLES`], a failing backend.
pub fn search(
    backend: &dyn Backend,
    chunks: &[ZeroPlanes],
    options: &SearchOptions,
    control: &mut Control,
) -> Result<SearchResult, SearchError> {
    check_chunks(chunks)?;
    search_planes(&HostPlanes::new(backend, chunks), options, control)
}

/// As [`search`], on planes wherever they are.
///
/// # Errors
/// As [`search`].
pub fn search_planes(
    planes: &dyn PlaneSet,
    options: &SearchOptions,
    control: &mut Control,
) -> Result<SearchResult, SearchError> {
    let samples = check(planes, options.start.as_ref())?;
    let start = options
        .start
        .clone()
        .unwrap_or_else(|| Permutation::identity(planes.neurons()));
    let found = match options.tries {
        1 => schedule::run(planes, options, &start, control, 0)?,
        2..=MOST_TRIES => together::run(planes, options, &start, control)?,
        tries => return Err(SearchError::Tries(tries)),
    };
    let score = planes.zero_blocks(found.permutation.indices())?;
    let start_score = planes.zero_blocks(start.indices())?;
    debug_assert!(score >= start_score);
    Ok(SearchResult {
        permutation: found.permutation,
        score,
        start_score,
        samples,
        complete: found.complete,
        moves: found.moves,
    })
}

/// Checks that all chunks have the same neurons.
fn check_chunks(chunks: &[ZeroPlanes]) -> Result<(), SearchError> {
    let expected = chunks.first().map_or(0, ZeroPlanes::neurons);
    let odd = chunks.iter().position(|it| it.neurons() != expected);
    odd.map_or(Ok(()), |chunk| {
        Err(SearchError::Chunks {
            chunk,
            found: chunks[chunk].neurons(),
            expected,
        })
    })
}

/// Checks that planes and a permutation fit together and returns the number of samples.
fn check(planes: &dyn PlaneSet, permutation: Option<&Permutation>) -> Result<u64, SearchError> {
    let samples = planes.samples();
    if samples == 0 {
        return Err(SearchError::NoSamples);
    }
    if samples > MAX_SAMPLES {
        return Err(SearchError::TooManySamples(samples));
    }
    let neurons = planes.neurons();
    if neurons == 0 || !neurons.is_multiple_of(BLOCK) {
        return Err(SearchError::Neurons(neurons));
    }
    match permutation {
        Some(permutation) if permutation.len() != neurons => Err(SearchError::Permutation {
            found: permutation.len(),
            expected: neurons,
        }),
        _ => Ok(samples),
    }
}
