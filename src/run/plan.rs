//! From planes to a plan: the search, and what its outcome is worth.

use std::time::{Duration, Instant};

use super::spill::{Spilled, ZeroCounts};
use super::{Footprint, OptimizeError, Plan, Share, SpilledSearch, Task, WeightedRates};
use crate::compute::{Backend, NeuronGroup, PlaneSet, WeightedPlanes};
use crate::order::Permutation;
use crate::planes::{ByBucket, Loaded, PlaneGroups, StoredGroup, ZeroPlanes};
use crate::positions::bucket_weights::{BucketWeights, weight_of};
use crate::run::holdout::{BucketCounts, Measured};
use crate::search::{
    CertifyOptions, Control, Rated, SearchedPlanes, certify_planes, room, search_and_rate,
    search_planes, weighted_sum,
};

/// What a plan is made of and how, but for the planes.
pub(crate) struct Making<'a> {
    pub task: &'a Task<'a>,
    pub footprint: Footprint,
    pub weights: Option<BucketWeights>,
}

/// Planes to search on.
pub(crate) enum Training<'a> {
    /// By bucket if there are weights.
    InMemory(Vec<(Option<usize>, Box<dyn PlaneSet + 'a>)>),
    Spilled(PlaneGroups, ZeroCounts),
}

/// Planes to measure on.
pub(crate) enum Held {
    InMemory(ZeroPlanes),
    Spilled(Vec<StoredGroup>),
}

impl Held {
    /// Planes in memory, in bytes.
    fn bytes(&self) -> u64 {
        match self {
            Held::InMemory(planes) => {
                ZeroPlanes::bytes_for(planes.neurons(), planes.samples() as u64)
            }
            Held::Spilled(_) => 0,
        }
    }

    fn measured(&self, order: &Permutation) -> Result<Measured, OptimizeError> {
        Ok(match self {
            Held::InMemory(planes) => Measured::new(planes, order),
            Held::Spilled(groups) => Measured::join(groups.iter().map(StoredGroup::load), order)?,
        })
    }
}

/// All that is evaluated: training positions, held-out ones, and each of the other sets.
pub(crate) struct Evaluated<'a> {
    pub training: Training<'a>,
    pub held: Vec<Held>,
}

impl From<Spilled> for Evaluated<'_> {
    fn from(it: Spilled) -> Self {
        Evaluated {
            training: Training::Spilled(it.training, it.zeros),
            held: it.held.into_iter().map(Held::Spilled).collect(),
        }
    }
}

/// Planes that a search can begin on.
enum Searched<'a> {
    InMemory(Vec<(Option<usize>, Box<dyn PlaneSet + 'a>)>),
    Loaded {
        loaded: Loaded,
        /// What the planes of all samples would take.
        bytes: u64,
        zeros: ZeroCounts,
    },
}

/// What was found, and counts on all training samples.
struct Outcome {
    rated: Rated,
    samples: ByBucket,
    zeros: ZeroCounts,
    /// Samples searched on, if they are in a temporary file.
    spilled: Option<SpilledSearch>,
}

/// A plan, and in how many training samples each neuron is zero.
pub(crate) fn make(
    making: &Making,
    evaluated: Evaluated,
    backend: &dyn Backend,
    control: &mut Control,
    ft_time: Duration,
) -> Result<(Plan, Vec<u64>), OptimizeError> {
    let task = making.task;
    let neurons = making.footprint.neurons;
    let weights = making.weights.as_ref();
    let limit = task.room.map_or(u64::MAX, |it| it.bytes);
    let limit = limit.saturating_sub(making.footprint.copied(task.training));
    let loading = Instant::now();
    let training = match evaluated.training {
        Training::InMemory(sets) => Searched::InMemory(sets),
        Training::Spilled(groups, zeros) => {
            let bytes = groups.bytes();
            Searched::Loaded {
                bytes,
                loaded: groups.load(room(limit, neurons), weights)?,
                zeros,
            }
        }
    };
    let ft_time = ft_time + loading.elapsed();
    let started = Instant::now();
    control.deadline = task.time_limit.map(|limit| started + limit);
    let mut plan_certificate = None;
    let mut search_time = Duration::ZERO;
    let mut certify_time = Duration::ZERO;
    let resident = match &training {
        Searched::InMemory(sets) => {
            let samples = sets.iter().map(|(_, planes)| planes.samples()).sum();
            let held: u64 = evaluated.held.iter().map(Held::bytes).sum();
            ZeroPlanes::bytes_for(neurons, samples) + held
        }
        Searched::Loaded { loaded, .. } => {
            ZeroPlanes::bytes_for(neurons, loaded.samples_searched())
        }
    };
    let mut certify = |planes: &dyn PlaneSet, order: &Permutation, control: &mut Control| {
        search_time = started.elapsed();
        if task.certify {
            // To its end, even if the search's time ran out.
            control.deadline = None;
            let options = CertifyOptions {
                bytes: limit.saturating_sub(resident),
                ..CertifyOptions::of_seed(task.search.seed)
            };
            plan_certificate = certify_planes(planes, order, options, control)?;
            certify_time = started.elapsed() - search_time;
        }
        Ok::<(), OptimizeError>(())
    };
    let outcome = match training {
        Searched::InMemory(sets) => {
            let weighted = sets
                .iter()
                .map(|(bucket, planes)| (weight_of(*bucket, weights), planes.as_ref()));
            let planes = WeightedPlanes::new(weighted)?;
            let search = search_planes(&planes, &task.search, control)?;
            certify(&planes, &search.permutation, control)?;
            rate(&sets, search)?
        }
        Searched::Loaded {
            loaded,
            bytes,
            zeros,
        } => {
            let rated = search_and_rate(&loaded, weights, backend, &task.search, control)?;
            let planes = SearchedPlanes::new(&loaded, backend);
            certify(&planes.weighted()?, &rated.search.permutation, control)?;
            Outcome {
                spilled: Some(SpilledSearch {
                    bytes,
                    samples_searched: loaded.samples_searched(),
                    start_is_better: rated.start_is_better,
                }),
                samples: loaded.samples(),
                rated,
                zeros,
            }
        }
    };
    let Outcome {
        rated:
            Rated {
                search,
                before,
                after,
                ..
            },
        samples,
        zeros,
        spilled,
    } = outcome;

    let held = evaluated.held.iter();
    let measured: Vec<Measured> = held
        .map(|it| it.measured(&search.permutation))
        .collect::<Result<_, _>>()?;
    let blocks = neurons as u64 / 4;
    let counted = |counts: &ByBucket| -> u64 {
        let counts = counts.iter();
        let weighing = counts.filter(|(bucket, _)| weight_of(**bucket, weights) > 0);
        weighing.map(|(_, count)| count).sum()
    };
    let all = counted(&samples);
    let share = |zero: &ByBucket| Share {
        zero: counted(zero),
        all: blocks * all,
    };
    let weighted_share = |zero: &ByBucket| Share {
        zero: weighted_sum(zero, weights),
        all: blocks * weighted_sum(&samples, weights),
    };
    let mut zeros_by_neuron = vec![0; neurons];
    for (_, zeros) in zeros
        .iter()
        .filter(|(bucket, _)| weight_of(**bucket, weights) > 0)
    {
        for (sum, zero) in zeros_by_neuron.iter_mut().zip(zeros) {
            *sum += zero;
        }
    }
    let (holdout, holdout_seed) = (task.holdout, task.holdout_seed);
    let compared = task.compared.iter().zip(&measured[1..]);
    let plan = Plan {
        samples: all as usize,
        zero_bytes: Share {
            zero: zeros_by_neuron.iter().sum(),
            all: neurons as u64 * all,
        },
        before: share(&before),
        after: share(&after),
        holdout: measured[0].rates(&holdout.games, |_| 1, holdout_seed),
        compared: compared
            .map(|(set, measured)| measured.rates(&set.games, |_| 1, holdout_seed))
            .collect(),
        weighted: weights.map(|weights| WeightedRates {
            before: weighted_share(&before),
            after: weighted_share(&after),
            holdout: {
                let weight = |k: usize| weights.of(holdout.boards[k].bucket());
                measured[0].rates(&holdout.games, weight, holdout_seed)
            },
        }),
        buckets: weights.map_or(Vec::new(), |_| {
            BucketCounts::of(&samples, [&before, &after])
        }),
        holdout_buckets: measured[0].by_bucket(&holdout.boards),
        certificate: plan_certificate,
        spilled,
        search,
        ft_time,
        search_time,
        certify_time,
    };
    Ok((plan, zeros_by_neuron))
}

/// Counts on planes that are all in memory.
fn rate(
    sets: &[(Option<usize>, Box<dyn PlaneSet + '_>)],
    search: crate::search::SearchResult,
) -> Result<Outcome, OptimizeError> {
    let neurons = search.permutation.len();
    let identity = Permutation::identity(neurons);
    let singles: Vec<NeuronGroup> = (0..neurons as u32)
        .map(|neuron| NeuronGroup::new(&[neuron]))
        .collect();
    let (mut samples, mut zeros) = (ByBucket::new(), ZeroCounts::new());
    let (mut before, mut after) = (ByBucket::new(), ByBucket::new());
    for (bucket, planes) in sets.iter().filter(|(_, planes)| planes.samples() > 0) {
        samples.insert(*bucket, planes.samples());
        zeros.insert(*bucket, planes.group_counts(&singles)?);
        before.insert(*bucket, planes.zero_blocks(identity.indices())?);
        after.insert(*bucket, planes.zero_blocks(search.permutation.indices())?);
    }
    Ok(Outcome {
        rated: Rated {
            search,
            start_is_better: false,
            before,
            after,
        },
        samples,
        zeros,
        spilled: None,
    })
}
