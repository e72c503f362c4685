//! Planes of several files, or of a temporary one, that count as one set of samples.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rayon::prelude::*;
use thiserror::Error;

use super::subsample::{PlaneSource, Share, Subsample};
use super::{PlanesFileError, StoredGroup, ZeroPlanes};
use crate::positions::bucket_weights::{BUCKETS, BucketWeights, weight_of};

/// Something counted for each bucket; `None` stands for samples whose bucket is not known.
pub type ByBucket = BTreeMap<Option<usize>, u64>;

/// The numbers of known buckets.
#[must_use]
pub fn by_bucket(counts: &ByBucket) -> [u64; BUCKETS] {
    std::array::from_fn(|bucket| counts.get(&Some(bucket)).copied().unwrap_or(0))
}

/// Samples of one bucket.
#[derive(Debug)]
pub enum SampleGroup {
    Stored(StoredGroup),
    /// Matrices and recorded outputs, which do not tell buckets.
    InMemory(ZeroPlanes),
}

impl SampleGroup {
    fn bucket(&self) -> Option<usize> {
        match self {
            SampleGroup::Stored(group) => group.bucket(),
            SampleGroup::InMemory(_) => None,
        }
    }

    fn source(&self) -> &dyn PlaneSource {
        match self {
            SampleGroup::Stored(group) => group,
            SampleGroup::InMemory(planes) => planes,
        }
    }

    fn samples(&self) -> usize {
        self.source().samples()
    }

    fn zero_blocks(&self, order: &[u32]) -> Result<u64, PlanesFileError> {
        match self {
            SampleGroup::Stored(group) => group.zero_blocks(order),
            SampleGroup::InMemory(planes) => {
                let samples = 0..planes.samples();
                Ok(zero_blocks_among(planes, order, samples))
            }
        }
    }
}

/// Why planes could not be brought into memory.
#[derive(Debug, Error)]
pub enum LoadError {
    #[error(transparent)]
    File(#[from] PlanesFileError),
    #[error("reading the planes: {0}")]
    Io(#[from] std::io::Error),
    #[error(
        "the files do not tell the buckets of all samples, so these cannot be weighed: gather them again"
    )]
    UnknownBuckets,
    #[error("the samples are too much alike to take a part of them")]
    Alike,
    #[error("there is room for no samples")]
    NoRoom,
}

/// What there may be of planes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub bytes: u64,
    /// Samples, each as often as it weighs.
    pub samples: u64,
}

/// Groups of samples of the same neurons.
#[derive(Debug)]
pub struct PlaneGroups {
    neurons: usize,
    groups: Vec<SampleGroup>,
}

impl PlaneGroups {
    /// All groups have so many neurons.
    pub fn new(neurons: usize, groups: Vec<SampleGroup>) -> PlaneGroups {
        PlaneGroups { neurons, groups }
    }

    pub fn neurons(&self) -> usize {
        self.neurons
    }

    pub fn samples(&self) -> ByBucket {
        sums(
            self.groups
                .iter()
                .map(|it| (it.bucket(), it.samples() as u64)),
        )
    }

    /// Memory that the planes of all samples take, in bytes.
    pub fn bytes(&self) -> u64 {
        ZeroPlanes::bytes_for(self.neurons, self.samples().values().sum())
    }

    /// (sample, block) cells whose four neurons are all zero, without reading more than pieces at a time.
    ///
    /// # Errors
    /// A file cannot be read, or its bits are wrong.
    pub fn zero_blocks(&self, order: &[u32]) -> Result<ByBucket, PlanesFileError> {
        let count = |it: &SampleGroup| Ok((it.bucket(), it.zero_blocks(order)?));
        let counts = self.groups.iter().map(count);
        Ok(sums(counts.collect::<Result<Vec<_>, PlanesFileError>>()?))
    }

    /// Brings the planes into memory: of all samples that weigh something, if there is room for them, and otherwise of
    /// a part of them, chosen by what the samples are.
    ///
    /// # Errors
    /// A file cannot be read; there are weights, but not all buckets are known; no part fits.
    pub fn load(self, room: Room, weights: Option<&BucketWeights>) -> Result<Loaded, LoadError> {
        if weights.is_some()
            && self
                .groups
                .iter()
                .any(|it| it.bucket().is_none() && it.samples() > 0)
        {
            return Err(LoadError::UnknownBuckets);
        }
        let weight = |it: &SampleGroup| weight_of(it.bucket(), weights);
        let used: BTreeSet<u32> = self
            .groups
            .iter()
            .map(weight)
            .filter(|&it| it > 0)
            .collect();
        let used: Vec<u32> = used.into_iter().collect();
        let (mut searched, mut weighted) = (0, 0u64);
        for it in &self.groups {
            let (weight, samples) = (u64::from(weight(it)), it.samples() as u64);
            searched += samples * weight.min(1);
            weighted = weighted.saturating_add(weight.saturating_mul(samples));
        }
        if ZeroPlanes::bytes_for(self.neurons, searched) <= room.bytes && weighted <= room.samples {
            return self.load_whole(&used, weights);
        }
        // What is in memory already stays there, and the part is made beside it.
        let in_memory = self
            .groups
            .iter()
            .filter(|it| matches!(it, SampleGroup::InMemory(_)));
        let resident: u64 = in_memory
            .map(|it| ZeroPlanes::bytes_for(self.neurons, it.samples() as u64))
            .sum();
        let room_beside = room.bytes.saturating_sub(resident);
        let of_memory = Share::at_most(room_beside, ZeroPlanes::bytes_for(self.neurons, searched));
        let of_samples = Share::at_most(room.samples, weighted);
        let mut share = if of_memory.fraction() < of_samples.fraction() {
            of_memory
        } else {
            of_samples
        };
        loop {
            let mut chosen = Vec::new();
            for &used in &used {
                let groups = self.groups.iter().filter(|it| weight(it) == used);
                let sources: Vec<&dyn PlaneSource> = groups.map(SampleGroup::source).collect();
                // The search takes a part of this part in its own way.
                let part = Subsample::choose_otherwise(&sources, share)?;
                chosen.push((used, sources, part));
            }
            let kept = chosen.iter().map(|(_, _, part)| part.kept() as u64).sum();
            let weighted: u64 = chosen
                .iter()
                .map(|(weight, _, part)| u64::from(*weight) * part.kept() as u64)
                .sum();
            if ZeroPlanes::bytes_for(self.neurons, kept) <= room_beside && weighted <= room.samples
            {
                if kept == 0 {
                    return Err(LoadError::NoRoom);
                }
                let copied = chosen
                    .into_iter()
                    .map(|(weight, sources, part)| Ok((weight, vec![part.copy(&sources)?])));
                return Ok(Loaded {
                    neurons: self.neurons,
                    searched: copied.collect::<Result<_, LoadError>>()?,
                    whole: self.groups.into_iter().map(Whole::Apart).collect(),
                    is_part: true,
                });
            }
            share = share.halved().ok_or(LoadError::Alike)?;
        }
    }

    fn load_whole(
        self,
        used: &[u32],
        weights: Option<&BucketWeights>,
    ) -> Result<Loaded, LoadError> {
        let mut loaded = Loaded {
            neurons: self.neurons,
            searched: used.iter().map(|&weight| (weight, Vec::new())).collect(),
            whole: Vec::new(),
            is_part: false,
        };
        let mut stored: Vec<Vec<StoredGroup>> = vec![Vec::new(); used.len()];
        for group in self.groups {
            let weight = weight_of(group.bucket(), weights);
            let part = used.iter().position(|&it| it == weight);
            match (part, group) {
                (None, group) => loaded.whole.push(Whole::Apart(group)),
                (Some(part), SampleGroup::Stored(group)) => stored[part].push(group),
                (Some(part), SampleGroup::InMemory(planes)) => {
                    let chunks = &mut loaded.searched[part].1;
                    loaded.whole.push(Whole::Searched {
                        bucket: None,
                        part,
                        chunk: chunks.len(),
                        samples: 0..planes.samples(),
                    });
                    chunks.push(planes);
                }
            }
        }
        // One chunk for all groups of a weight: counting is fastest on long planes.
        for (part, groups) in stored
            .into_iter()
            .enumerate()
            .filter(|(_, groups)| !groups.is_empty())
        {
            let samples = groups.iter().map(|it| it.samples()).sum();
            let mut planes = ZeroPlanes::new(self.neurons, samples);
            let chunks = &mut loaded.searched[part].1;
            let mut first = 0;
            for group in groups {
                group.copy_into(&mut planes, first)?;
                loaded.whole.push(Whole::Searched {
                    bucket: group.bucket(),
                    part,
                    chunk: chunks.len(),
                    samples: first..first + group.samples(),
                });
                first += group.samples();
            }
            chunks.push(planes);
        }
        Ok(loaded)
    }
}

/// What a search counts on, and all samples that its outcome is rated on.
#[derive(Debug)]
pub struct Loaded {
    neurons: usize,
    /// By weight, in ascending order.
    searched: Vec<(u32, Vec<ZeroPlanes>)>,
    whole: Vec<Whole>,
    is_part: bool,
}

/// Samples to rate on.
#[derive(Debug)]
enum Whole {
    /// Not, or not all, among those searched on.
    Apart(SampleGroup),
    Searched {
        bucket: Option<usize>,
        part: usize,
        chunk: usize,
        samples: Range<usize>,
    },
}

impl Loaded {
    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// Chunks of the samples to search on, with what each of these counts.
    pub fn searched(&self) -> impl Iterator<Item = (u32, &[ZeroPlanes])> {
        self.searched
            .iter()
            .map(|(weight, chunks)| (*weight, chunks.as_slice()))
    }

    /// How many samples there are to search on, whatever they weigh.
    pub fn samples_searched(&self) -> u64 {
        let chunks = self.searched.iter().flat_map(|(_, chunks)| chunks);
        chunks.map(|it| it.samples() as u64).sum()
    }

    /// Is only a part of the samples that weigh something in memory?
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    /// As [`PlaneGroups::samples`].
    pub fn samples(&self) -> ByBucket {
        sums(self.whole.iter().map(|it| match it {
            Whole::Apart(group) => (group.bucket(), group.samples() as u64),
            Whole::Searched {
                bucket, samples, ..
            } => (*bucket, samples.len() as u64),
        }))
    }

    /// As [`PlaneGroups::zero_blocks`], on all samples.
    ///
    /// # Errors
    /// As there.
    pub fn zero_blocks(&self, order: &[u32]) -> Result<ByBucket, PlanesFileError> {
        let count = |it: &Whole| match it {
            Whole::Apart(group) => Ok((group.bucket(), group.zero_blocks(order)?)),
            Whole::Searched {
                bucket,
                part,
                chunk,
                samples,
            } => {
                let planes = &self.searched[*part].1[*chunk];
                Ok((*bucket, zero_blocks_among(planes, order, samples.clone())))
            }
        };
        let counts = self.whole.iter().map(count);
        Ok(sums(counts.collect::<Result<Vec<_>, PlanesFileError>>()?))
    }
}

fn sums(counts: impl IntoIterator<Item = (Option<usize>, u64)>) -> ByBucket {
    let mut sums = ByBucket::new();
    for (bucket, count) in counts {
        *sums.entry(bucket).or_default() += count;
    }
    sums
}

/// As [`ZeroPlanes::zero_blocks_among`], on all threads.
fn zero_blocks_among(planes: &ZeroPlanes, order: &[u32], samples: Range<usize>) -> u64 {
    let blocks = order.as_chunks::<4>().0;
    let count = |block: &[u32; 4]| planes.zero_blocks_among(block, samples.clone());
    blocks.par_iter().map(count).sum()
}
