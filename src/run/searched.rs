//! From planes to what is found: the search, and what its outcome is worth.

use std::time::{Duration, Instant};

use super::holdout::{BucketCounts, Measured};
use super::{Found, Job, RunError, Share, SpilledSearch, WeightedRates};
use crate::planes::PlaneSource;
use crate::planes::{PlanesFileError, ZeroPlanes};
use crate::positions::bucket_weights::{BucketWeights, weight_of};
use crate::search::{
    ByBucket, Certificate, CertifyOptions, Control, Rated, SampleSets, SearchOptions,
    certify_planes, search_and_rate, weighted_sum,
};

/// Planes of a held-out set, which follow one another in the order of its positions.
pub(crate) type HeldOut = Vec<Box<dyn PlaneSource>>;

/// A search on planes that are there already.
pub struct PlanesJob<'a> {
    pub sets: SampleSets<'a>,
    pub weights: Option<BucketWeights>,
    pub search: SearchOptions,
    /// Ends the search after this time; the outcome then depends on the machine's speed.
    pub time_limit: Option<Duration>,
    /// Check the result for local optimality and bound it from above.
    pub certify: bool,
    /// Memory for the certificate and the planes that are searched on, in bytes.
    pub memory: u64,
}

/// What a [`PlanesJob`] found.
#[derive(Clone, Debug)]
pub struct Searched {
    pub rated: Rated,
    /// All samples.
    pub samples: ByBucket,
    /// Those that the search counted on.
    pub samples_searched: u64,
    pub certificate: Option<Certificate>,
    pub search_time: Duration,
    pub certify_time: Duration,
}

impl PlanesJob<'_> {
    /// Searches, rates on all samples, and certifies.
    ///
    /// # Errors
    /// There are no samples, the backend failed, or a file cannot be read.
    pub fn run(&self, control: &mut Control) -> Result<Searched, RunError> {
        let started = Instant::now();
        control.deadline = self.time_limit.map(|limit| started + limit);
        let weights = self.weights.as_ref();
        let rated = search_and_rate(&self.sets, weights, &self.search, control)?;
        let search_time = started.elapsed();
        let mut certificate = None;
        let samples_searched = self.sets.samples_searched(weights);
        if self.certify {
            let planes = ZeroPlanes::bytes_for(self.sets.neurons(), samples_searched);
            // To its end, even if the search's time ran out.
            control.deadline = None;
            let options = CertifyOptions {
                bytes: self.memory.saturating_sub(planes),
                ..CertifyOptions::of_seed(self.search.seed)
            };
            let planes = self.sets.weighted(weights)?;
            certificate = certify_planes(&planes, &rated.search.permutation, options, control)?;
        }
        Ok(Searched {
            samples: self.sets.samples(),
            samples_searched,
            rated,
            certificate,
            search_time,
            certify_time: started.elapsed() - search_time,
        })
    }
}

/// What a job found, from what the search found on its planes and from the held-out ones.
pub(super) fn found(
    job: &Job,
    weights: Option<&BucketWeights>,
    searched: Searched,
    held: &[HeldOut],
    zeros: Vec<u64>,
    spilled: Option<SpilledSearch>,
    ft_time: Duration,
) -> Result<Found, PlanesFileError> {
    let Searched {
        rated:
            Rated {
                search,
                before,
                after,
                ..
            },
        samples,
        ..
    } = &searched;
    let held = held.iter();
    let measured: Vec<Measured> = held
        .map(|planes| Measured::join(planes.iter().map(AsRef::as_ref), &search.permutation))
        .collect::<Result<_, _>>()?;
    let neurons = search.permutation.len() as u64;
    let counted = |counts: &ByBucket| -> u64 {
        let counts = counts.iter();
        let weighing = counts.filter(|(bucket, _)| weight_of(**bucket, weights) > 0);
        weighing.map(|(_, count)| count).sum()
    };
    let all = counted(samples);
    let share = |zero: &ByBucket| Share {
        zero: counted(zero),
        all: neurons / 4 * all,
    };
    let weighted_share = |zero: &ByBucket| Share {
        zero: weighted_sum(zero, weights),
        all: neurons / 4 * weighted_sum(samples, weights),
    };
    let (holdout, holdout_seed) = (&job.holdout, job.holdout_seed);
    let compared = job.compared.iter().zip(&measured[1..]);
    Ok(Found {
        samples: all as usize,
        zero_bytes: Share {
            zero: zeros.iter().sum(),
            all: neurons * all,
        },
        before: share(before),
        after: share(after),
        holdout: measured[0].rates(&holdout.games, |_| 1, holdout_seed),
        compared: compared
            .map(|(set, measured)| measured.rates(&set.games, |_| 1, holdout_seed))
            .collect(),
        weighted: weights.map(|weights| WeightedRates {
            before: weighted_share(before),
            after: weighted_share(after),
            holdout: {
                let weight = |k: usize| weights.of(job.model.bucket(&holdout.boards[k]));
                measured[0].rates(&holdout.games, weight, holdout_seed)
            },
        }),
        buckets: weights.map_or(Vec::new(), |_| BucketCounts::of(samples, [before, after])),
        holdout_buckets: measured[0].by_bucket(&holdout.boards, |board| job.model.bucket(board)),
        spilled,
        ft_time,
        search_time: searched.search_time,
        certify_time: searched.certify_time,
        zeros,
        verified_on: job.verified_on(),
        certificate: searched.certificate,
        search: searched.rated.search,
    })
}

impl SpilledSearch {
    pub(super) fn of(bytes: u64, searched: &Searched) -> SpilledSearch {
        SpilledSearch {
            bytes,
            samples_searched: searched.samples_searched,
            start_is_better: searched.rated.start_is_better,
        }
    }
}
