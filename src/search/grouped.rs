//! Searching on what is in memory of some planes, and rating on all of them.

use super::{Control, SearchError, SearchOptions, SearchResult, search_planes};
use crate::compute::{Backend, ComputeError, HostPlanes, WeightedPlanes};
use crate::order::Permutation;
use crate::planes::{ByBucket, Loaded};
use crate::positions::bucket_weights::{BucketWeights, weight_of};

/// Planes in memory and what counts them.
pub struct SearchedPlanes<'a>(Vec<(u32, HostPlanes<'a>)>);

impl<'a> SearchedPlanes<'a> {
    pub fn new(loaded: &'a Loaded, backend: &'a dyn Backend) -> SearchedPlanes<'a> {
        let sets = loaded.searched();
        SearchedPlanes(
            sets.map(|(weight, chunks)| (weight, HostPlanes::new(backend, chunks)))
                .collect(),
        )
    }

    /// All of them, each sample as often as it weighs.
    ///
    /// # Errors
    /// As [`WeightedPlanes::new`].
    pub fn weighted(&self) -> Result<WeightedPlanes<'_>, ComputeError> {
        WeightedPlanes::new(self.0.iter().map(|(weight, planes)| (*weight, planes as _)))
    }
}

/// What a search found, and what it is worth on all samples.
#[derive(Clone, Debug)]
pub struct Rated {
    /// The order that is best on all samples: what the search found or, rarely, what it began with.
    pub search: SearchResult,
    /// Was what the search began with better on all samples?
    pub start_is_better: bool,
    /// (sample, block) cells whose four neurons are all zero, as the network is and in the order found.
    pub before: ByBucket,
    pub after: ByBucket,
}

/// Searches on the samples in memory, by the weights they were loaded with, and counts on all.
///
/// # Errors
/// As [`search_planes`]; a file cannot be read.
pub fn search_and_rate(
    loaded: &Loaded,
    weights: Option<&BucketWeights>,
    backend: &dyn Backend,
    options: &SearchOptions,
    control: &mut Control,
) -> Result<Rated, SearchError> {
    let planes = SearchedPlanes::new(loaded, backend);
    let mut search = search_planes(&planes.weighted()?, options, control)?;
    let identity = Permutation::identity(loaded.neurons());
    let before = loaded.zero_blocks(identity.indices())?;
    let mut after = loaded.zero_blocks(search.permutation.indices())?;
    let mut start_is_better = false;
    if loaded.is_part() {
        // What is better on a part need not be on the whole.
        let start = options.start.clone().unwrap_or(identity);
        let of_start = loaded.zero_blocks(start.indices())?;
        start_is_better = weighted_sum(&of_start, weights) > weighted_sum(&after, weights);
        if start_is_better {
            (search.permutation, after) = (start, of_start);
        }
    }
    Ok(Rated {
        search,
        start_is_better,
        before,
        after,
    })
}

/// The sum over all buckets of something counted, as often as the samples of each weigh.
#[must_use]
pub fn weighted_sum(counts: &ByBucket, weights: Option<&BucketWeights>) -> u64 {
    let weighted = |(bucket, count): (&Option<usize>, &u64)| {
        count.saturating_mul(u64::from(weight_of(*bucket, weights)))
    };
    counts.iter().map(weighted).fold(0, u64::saturating_add)
}
