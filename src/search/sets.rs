//! Sets of samples that are searched on together, wherever their planes are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use thiserror::Error;

use super::{Control, SearchError, SearchOptions, SearchResult, search_planes};
use crate::compute::subsample::{Share, Subsample};
use crate::compute::{Backend, ComputeError, HostPlanes, PlaneSet, WeightedPlanes};
use crate::order::Permutation;
use crate::planes::{PlaneSource, join};
use crate::planes::{PlanesFileError, ZeroPlanes};
use crate::positions::bucket_weights::{BUCKETS, BucketWeights, weight_of};

/// Something counted for each bucket; `None` stands for samples whose bucket is not known.
pub type ByBucket = BTreeMap<Option<usize>, u64>;

/// The numbers of known buckets.
#[must_use]
pub fn by_bucket(counts: &ByBucket) -> [u64; BUCKETS] {
    std::array::from_fn(|bucket| counts.get(&Some(bucket)).copied().unwrap_or(0))
}

/// The sum over all buckets of something counted, as often as the samples of each weigh.
#[must_use]
pub fn weighted_sum(counts: &ByBucket, weights: Option<&BucketWeights>) -> u64 {
    let weighted = |(bucket, count): (&Option<usize>, &u64)| {
        count.saturating_mul(u64::from(weight_of(*bucket, weights)))
    };
    counts.iter().map(weighted).fold(0, u64::saturating_add)
}

/// What there may be of planes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub bytes: u64,
    /// Samples, each as often as it weighs.
    pub samples: u64,
}

/// Why planes could not be brought into memory.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FitError {
    #[error(transparent)]
    Planes(#[from] PlanesFileError),
    #[error(
        "the files do not tell the buckets of all samples, so these cannot be weighed: gather them again"
    )]
    UnknownBuckets,
    #[error("the samples are too much alike to take a part of them")]
    Alike,
    #[error("there is room for no samples")]
    NoRoom,
    #[error("planes on an adapter cannot be searched on in part")]
    OnAdapter,
}

/// Sets of samples of the same neurons, each of one bucket or of any.
///
/// Rates are always those of all samples. What the search counts on is all of them too, where they are, until
/// [`fit`](Self::fit) brings what is on a disk into memory, or a part.
pub struct SampleSets<'a> {
    backend: &'a dyn Backend,
    neurons: usize,
    sets: Vec<(Option<usize>, Place<'a>)>,
    /// What was brought into memory, and how much each sample of it weighs.
    loaded: Vec<(u32, HostPlanes<'a>)>,
    is_part: bool,
}

/// Where the samples of a set are.
enum Place<'a> {
    /// In a set of their own.
    Own(Box<dyn PlaneSet + 'a>),
    /// Among those that were loaded.
    Loaded {
        number: usize,
        samples: Range<usize>,
    },
}

impl<'a> SampleSets<'a> {
    /// Sets by their bucket. All have so many neurons, and `backend` counts what is brought into memory.
    pub fn new(
        backend: &'a dyn Backend,
        neurons: usize,
        sets: Vec<(Option<usize>, Box<dyn PlaneSet + 'a>)>,
    ) -> SampleSets<'a> {
        let sets = sets.into_iter();
        SampleSets {
            backend,
            neurons,
            sets: sets
                .map(|(bucket, planes)| (bucket, Place::Own(planes)))
                .collect(),
            loaded: Vec::new(),
            is_part: false,
        }
    }

    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// All samples.
    pub fn samples(&self) -> ByBucket {
        let mut sums = ByBucket::new();
        for (bucket, place) in &self.sets {
            *sums.entry(*bucket).or_default() += place.samples();
        }
        sums
    }

    /// Memory that the planes of all samples take, in bytes.
    pub fn bytes(&self) -> u64 {
        ZeroPlanes::bytes_for(self.neurons, self.samples().values().sum())
    }

    /// Number of (sample, block) cells whose four neurons are all zero, of all samples.
    ///
    /// # Errors
    /// The backend failed, or a file cannot be read.
    pub fn zero_blocks(&self, order: &[u32]) -> Result<ByBucket, ComputeError> {
        let mut sums = ByBucket::new();
        for (bucket, place) in &self.sets {
            let count = match place {
                Place::Own(planes) => planes.zero_blocks(order)?,
                Place::Loaded { number, samples } => {
                    let (_, planes) = &self.loaded[*number];
                    planes.zero_blocks_among(order, samples.clone())
                }
            };
            *sums.entry(*bucket).or_default() += count;
        }
        Ok(sums)
    }

    /// In how many samples that weigh something each neuron is zero. Before [`fit`](Self::fit).
    ///
    /// # Errors
    /// The backend failed, or a file cannot be read.
    pub fn zero_counts(&self, weights: Option<&BucketWeights>) -> Result<Vec<u64>, ComputeError> {
        let mut sums = vec![0; self.neurons];
        for (bucket, place) in &self.sets {
            let Place::Own(planes) = place else { continue };
            if weight_of(*bucket, weights) == 0 || planes.samples() == 0 {
                continue;
            }
            for (sum, count) in sums.iter_mut().zip(planes.zero_counts()?) {
                *sum += count;
            }
        }
        Ok(sums)
    }

    /// How many samples the search counts on, whatever they weigh.
    pub fn samples_searched(&self, weights: Option<&BucketWeights>) -> u64 {
        let loaded = self.loaded.iter().map(|(_, planes)| planes.samples());
        loaded.sum::<u64>()
            + self
                .in_place(weights)
                .map(|(_, set)| set.samples())
                .sum::<u64>()
    }

    /// Is only a part of the samples that weigh something searched on?
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    /// Sets that are searched on where they are.
    fn in_place(
        &self,
        weights: Option<&BucketWeights>,
    ) -> impl Iterator<Item = (u32, &dyn PlaneSet)> {
        let own = self.sets.iter().filter_map(move |(bucket, place)| {
            let Place::Own(planes) = place else {
                return None;
            };
            let weight = weight_of(*bucket, weights);
            let planes: &dyn PlaneSet = planes.as_ref();
            (weight > 0).then_some((weight, planes))
        });
        own.filter(|_| !self.is_part)
    }

    /// What the search counts on, each sample as often as it weighs.
    ///
    /// # Errors
    /// As [`WeightedPlanes::new`].
    pub fn weighted(
        &self,
        weights: Option<&BucketWeights>,
    ) -> Result<WeightedPlanes<'_>, ComputeError> {
        let loaded = self.loaded.iter();
        let loaded = loaded.map(|(weight, planes)| (*weight, planes as &dyn PlaneSet));
        WeightedPlanes::new(loaded.chain(self.in_place(weights)))
    }

    /// Brings what is on a disk into memory: all samples that weigh something, if there is room for them, and otherwise
    /// a part, chosen by what the samples are.
    ///
    /// # Errors
    /// A file cannot be read; there are weights, but not all buckets are known; no part fits.
    pub fn fit(
        mut self,
        room: Room,
        weights: Option<&BucketWeights>,
    ) -> Result<SampleSets<'a>, FitError> {
        let unknown =
            |(bucket, place): &(Option<usize>, Place)| bucket.is_none() && place.samples() > 0;
        if weights.is_some() && self.sets.iter().any(unknown) {
            return Err(FitError::UnknownBuckets);
        }
        let (mut searched, mut weighted) = (0, 0u64);
        for (bucket, place) in &self.sets {
            let (weight, samples) = (u64::from(weight_of(*bucket, weights)), place.samples());
            searched += samples * weight.min(1);
            weighted = weighted.saturating_add(weight.saturating_mul(samples));
        }
        let bytes = ZeroPlanes::bytes_for(self.neurons, searched);
        if bytes <= room.bytes && weighted <= room.samples {
            self.load(weights)?;
            return Ok(self);
        }
        // What is in memory already stays there, and the part is made beside it.
        let resident = self.sets.iter().filter_map(|(_, place)| match place {
            Place::Own(planes) if !planes.is_on_disk() => {
                Some(ZeroPlanes::bytes_for(self.neurons, planes.samples()))
            }
            _ => None,
        });
        let beside = Room {
            bytes: room.bytes.saturating_sub(resident.sum()),
            ..room
        };
        let of_memory = Share::at_most(beside.bytes, bytes);
        let of_samples = Share::at_most(room.samples, weighted);
        let mut share = if of_memory.fraction() < of_samples.fraction() {
            of_memory
        } else {
            of_samples
        };
        loop {
            if let Some(part) = self.part(share, beside, weights)? {
                self.loaded = part;
                self.is_part = true;
                return Ok(self);
            }
            share = share.halved().ok_or(FitError::Alike)?;
        }
    }

    /// The weights that sets have, in ascending order.
    fn used_weights(&self, weights: Option<&BucketWeights>) -> Vec<u32> {
        let all = self
            .sets
            .iter()
            .map(|(bucket, _)| weight_of(*bucket, weights));
        let used: BTreeSet<u32> = all.filter(|&weight| weight > 0).collect();
        used.into_iter().collect()
    }

    /// Brings all that is on a disk and weighs something into memory: one chunk for all sets of a weight, since
    /// counting is fastest on long planes.
    fn load(&mut self, weights: Option<&BucketWeights>) -> Result<(), FitError> {
        for used in self.used_weights(weights) {
            let is_meant = |(bucket, place): &(Option<usize>, Place)| {
                weight_of(*bucket, weights) == used && place.is_on_disk()
            };
            let meant = self.sets.iter().filter(|set| is_meant(set));
            let sources: Vec<Vec<&dyn PlaneSource>> = meant
                .map(|(_, place)| place.sources())
                .collect::<Result<_, _>>()?;
            if sources.is_empty() {
                continue;
            }
            let chunk = join(self.neurons, &sources.concat())?;
            let number = self.loaded.len();
            let mut first = 0;
            for (_, place) in self.sets.iter_mut().filter(|set| is_meant(set)) {
                let samples = first..first + place.samples() as usize;
                first = samples.end;
                *place = Place::Loaded { number, samples };
            }
            let planes = HostPlanes::new(self.backend, vec![chunk]);
            self.loaded.push((used, planes));
        }
        Ok(())
    }

    /// A part of all samples that weigh something, if it fits.
    fn part(
        &self,
        share: Share,
        room: Room,
        weights: Option<&BucketWeights>,
    ) -> Result<Option<Vec<(u32, HostPlanes<'a>)>>, FitError> {
        let mut chosen = Vec::new();
        for used in self.used_weights(weights) {
            let sets = self.sets.iter();
            let sets = sets.filter(|(bucket, _)| weight_of(*bucket, weights) == used);
            let sources: Vec<Vec<&dyn PlaneSource>> = sets
                .map(|(_, place)| place.sources())
                .collect::<Result<_, _>>()?;
            let sources = sources.concat();
            // The search takes a part of this part in its own way.
            let part = Subsample::choose_otherwise(&sources, share)?;
            chosen.push((used, sources, part));
        }
        let kept: u64 = chosen.iter().map(|(_, _, part)| part.kept() as u64).sum();
        let weighted = chosen.iter();
        let weighted: u64 = weighted
            .map(|(weight, _, part)| u64::from(*weight) * part.kept() as u64)
            .sum();
        if ZeroPlanes::bytes_for(self.neurons, kept) > room.bytes || weighted > room.samples {
            return Ok(None);
        }
        if kept == 0 {
            return Err(FitError::NoRoom);
        }
        let copied = chosen.into_iter().map(|(weight, sources, part)| {
            let planes = vec![part.copy(&sources)?];
            Ok((weight, HostPlanes::new(self.backend, planes)))
        });
        copied.collect::<Result<_, FitError>>().map(Some)
    }
}

impl Place<'_> {
    fn samples(&self) -> u64 {
        match self {
            Place::Own(planes) => planes.samples(),
            Place::Loaded { samples, .. } => samples.len() as u64,
        }
    }

    fn is_on_disk(&self) -> bool {
        matches!(self, Place::Own(planes) if planes.is_on_disk())
    }

    fn sources(&self) -> Result<Vec<&dyn PlaneSource>, FitError> {
        match self {
            Place::Own(planes) => planes.sources().ok_or(FitError::OnAdapter),
            Place::Loaded { .. } => Ok(Vec::new()),
        }
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

/// Searches on what [`weighted`](SampleSets::weighted) gives, and counts on all samples.
///
/// # Errors
/// As [`search_planes`]; a file cannot be read.
pub fn search_and_rate(
    sets: &SampleSets,
    weights: Option<&BucketWeights>,
    options: &SearchOptions,
    control: &mut Control,
) -> Result<Rated, SearchError> {
    let mut search = search_planes(&sets.weighted(weights)?, options, control)?;
    let identity = Permutation::identity(sets.neurons());
    let before = sets.zero_blocks(identity.indices())?;
    let mut after = sets.zero_blocks(search.permutation.indices())?;
    let mut start_is_better = false;
    if sets.is_part() {
        // What is better on a part need not be on the whole.
        let start = options.start.clone().unwrap_or(identity);
        let of_start = sets.zero_blocks(start.indices())?;
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
