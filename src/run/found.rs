//! What a run found.

use std::time::Duration;

use crate::chess::board::Board;
use crate::run::holdout::{BucketCounts, HoldoutRates};
use crate::search::{Certificate, SearchResult};

/// A number of cells that are zero, of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub zero: u64,
    pub all: u64,
}

impl Share {
    /// As a fraction; 0 of nothing.
    pub fn fraction(self) -> f64 {
        if self.all == 0 {
            0.0
        } else {
            self.zero as f64 / self.all as f64
        }
    }
}

/// What a [`Job`](super::Job) found.
#[derive(Clone, Debug)]
pub struct Found {
    pub search: SearchResult,
    /// Samples of the training positions that weigh something. The search counted on all of them, or on the part that
    /// [`spilled`](Found::spilled) tells.
    pub samples: usize,
    /// Zero bytes in these samples; no permutation changes it.
    pub zero_bytes: Share,
    /// All-zero blocks before and after.
    pub before: Share,
    pub after: Share,
    /// On positions that the search did not see; `None` without any.
    pub holdout: Option<HoldoutRates>,
    /// On each of [`Job::compared`](super::Job::compared).
    pub compared: Vec<Option<HoldoutRates>>,
    /// The rates with every sample counted as often as it weighs, where there are weights.
    pub weighted: Option<WeightedRates>,
    /// Counts by bucket on the training positions, of all buckets that have some; known only where there are weights.
    pub buckets: Vec<BucketCounts>,
    /// The same on the held-out positions, always.
    pub holdout_buckets: Vec<BucketCounts>,
    /// What is known of how good the order is, if it was asked for.
    pub certificate: Option<Certificate>,
    /// Whether the planes were too large for memory.
    pub spilled: Option<SpilledSearch>,
    /// In how many of the samples each neuron is zero.
    pub zeros: Vec<u64>,
    /// Some of the positions, spread over all: what a network in the new order is compared on.
    pub verified_on: Vec<Board>,
    /// Time of the evaluation, the search and the certificate.
    pub ft_time: Duration,
    pub search_time: Duration,
    pub certify_time: Duration,
}

impl Found {
    /// Does the order have more zero blocks, weighted as the search weighs them: on positions that the search did not
    /// see, or, where there are none, on those that it saw?
    pub fn is_improvement(&self) -> bool {
        let (before, after, holdout) = match &self.weighted {
            Some(weighted) => (weighted.before, weighted.after, weighted.holdout),
            None => (self.before, self.after, self.holdout),
        };
        match holdout {
            Some(rates) => rates.after > rates.before,
            None => after.fraction() > before.fraction(),
        }
    }
}

/// Shares of all-zero blocks with every sample counted as often as it weighs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedRates {
    pub before: Share,
    pub after: Share,
    /// `None` if no held-out position weighs anything.
    pub holdout: Option<HoldoutRates>,
}

/// A search on planes in a temporary file, of which as much as fits was brought into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpilledSearch {
    /// Memory that the planes of all training samples would take.
    pub bytes: u64,
    /// Samples in memory, which the search counted on. All rates are those of all samples.
    pub samples_searched: u64,
    /// The order to begin with is kept, because it is better on all samples.
    pub start_is_better: bool,
}
