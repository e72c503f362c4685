//! What can be said about an order: which moves cannot improve it, and how far it may be from the best.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::bound::upper_bound;
use super::control::{Control, Progress, Watch, is_over};
use super::memory::table_bytes;
use super::moves::{HalfSwaps, Move, PairSwaps, ReassignSingles, ThreeCycles};
use super::partition::Partition;
use super::state::State;
use super::{Halt, SearchError, check, check_chunks};
use crate::compute::{Backend, CoZeroCounter, HostPlanes, PlaneSet};
use crate::order::Permutation;
use crate::planes::ZeroPlanes;

/// How much to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertifyOptions {
    /// Random sets of one neuron of each block for which the best assignment is computed.
    pub assignments: u64,
    /// Seed of these sets.
    pub seed: u64,
    /// Memory in bytes, beside the planes. The bound is less sharp where the counts that make it so do not fit.
    pub bytes: u64,
}

impl CertifyOptions {
    /// The default number of random sets, from this seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> CertifyOptions {
        CertifyOptions {
            assignments: 1000,
            seed,
            bytes: u64::MAX,
        }
    }
}

impl Default for CertifyOptions {
    fn default() -> CertifyOptions {
        CertifyOptions::of_seed(0)
    }
}

/// A neighbourhood that was looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Name of the move.
    pub name: &'static str,
    /// Was the whole neighbourhood looked through, or a random part of it?
    pub exhaustive: bool,
    /// How often: once if it was the whole, else the number of random sets that were tried.
    pub rounds: u64,
    /// Zero blocks that the first improvement found would add; 0 if there is none.
    pub gain: u64,
}

/// The standing of an order. All counts are exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Samples that all this is about. Nothing is said of others.
    pub samples: u64,
    /// Zero (sample, block) cells of the order.
    pub score: u64,
    /// All (sample, block) cells.
    pub cells: u64,
    /// Exchanges of two single neurons, exchanges of two halves of blocks, rotations of three neurons, random
    /// assignments. When the first two find nothing, none of the 35 repartitions of any two blocks is better.
    pub checks: Vec<Check>,
    /// No order of these neurons has more zero blocks in these samples; see the module `bound` for the derivation.
    pub upper_bound: u64,
}

impl Certificate {
    /// Did no check find an improvement?
    pub fn is_locally_optimal(&self) -> bool {
        self.checks.iter().all(|check| check.gain == 0)
    }

    /// Is no repartition of any two blocks better?
    pub fn is_optimal_for_two_blocks(&self) -> bool {
        let two = [PairSwaps.name(), HalfSwaps::default().name()];
        let mut checks = self.checks.iter().filter(|check| two.contains(&check.name));
        checks.all(|check| check.gain == 0)
    }

    /// How many zero blocks an order could have more, at most.
    pub fn gap(&self) -> u64 {
        self.upper_bound.saturating_sub(self.score)
    }
}

/// Shares of the time: the first counts, each exhaustive check, the random assignments together; the rest is the
/// bound's.
const COUNTING: f64 = 0.01;
const EXHAUSTIVE: f64 = 0.01;
const ASSIGNMENTS: f64 = 0.1;
const BEFORE_BOUND: f64 = COUNTING + 3.0 * EXHAUSTIVE + ASSIGNMENTS;

/// Checks an order on the samples of all chunks. Returns nothing if it was stopped.
///
/// # Errors
/// As [`search`](super::search).
pub fn certify(
    backend: &dyn Backend,
    chunks: &[ZeroPlanes],
    permutation: &Permutation,
    options: CertifyOptions,
    control: &mut Control,
) -> Result<Option<Certificate>, SearchError> {
    check_chunks(chunks)?;
    certify_planes(
        &HostPlanes::new(backend, chunks),
        permutation,
        options,
        control,
    )
}

/// As [`certify`], on planes wherever they are.
///
/// # Errors
/// As [`search`](super::search).
pub fn certify_planes(
    planes: &dyn PlaneSet,
    permutation: &Permutation,
    options: CertifyOptions,
    control: &mut Control,
) -> Result<Option<Certificate>, SearchError> {
    let samples = check(planes, Some(permutation))?;
    let order = permutation.indices();
    let score = planes.zero_blocks(order)?;
    let (stop, deadline) = (control.stop, control.deadline);
    let stop = move || is_over(stop, deadline);
    let mut steps = Steps {
        control,
        standing: Progress {
            certifying: true,
            phase: "first counts",
            rounds: 0,
            done: 0.0,
            samples,
            all_samples: samples,
            score,
            best: score,
            moves: Vec::new(),
        },
    };
    let outcome = (|| {
        let left = options.bytes.saturating_sub(table_bytes(order.len()));
        let mut counter = planes.counter()?;
        let checks = checks(counter.as_mut(), permutation, options, &stop, &mut steps)?;
        steps.standing.phase = "upper bound";
        let mut tell = |done| steps.tell(done);
        let bound = Watch::new(&stop, &mut tell).part(BEFORE_BOUND..1.0, |watch| {
            upper_bound(counter.as_mut(), left, watch)
        })?;
        Ok((checks, bound))
    })();
    match outcome {
        Ok((checks, upper_bound)) => Ok(Some(Certificate {
            samples,
            score,
            cells: samples * (order.len() / super::BLOCK) as u64,
            checks,
            upper_bound,
        })),
        Err(Halt::Stopped) => Ok(None),
        Err(Halt::Compute(error)) => Err(error.into()),
    }
}

/// Tells how far it is.
struct Steps<'s, 'c> {
    control: &'s mut Control<'c>,
    standing: Progress,
}

impl Steps<'_, '_> {
    fn tell(&mut self, done: f64) {
        self.standing.done = done;
        if let Some(report) = self.control.progress.as_mut() {
            report(&self.standing);
        }
    }
}

fn checks(
    counter: &mut dyn CoZeroCounter,
    permutation: &Permutation,
    options: CertifyOptions,
    stop: &dyn Fn() -> bool,
    steps: &mut Steps,
) -> Result<Vec<Check>, Halt> {
    steps.tell(0.0);
    let partition = Partition::new(permutation.indices());
    let mut state = State::new(counter, partition, stop)?;
    state.know_everything()?;
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let mut half_swaps = HalfSwaps::default();
    let kinds: [(&mut dyn Move, u64, f64); 4] = [
        (&mut PairSwaps, 1, EXHAUSTIVE),
        (&mut half_swaps, 1, EXHAUSTIVE),
        (&mut ThreeCycles::default(), 1, EXHAUSTIVE),
        (
            &mut ReassignSingles::default(),
            options.assignments,
            ASSIGNMENTS,
        ),
    ];
    let mut checks = Vec::new();
    let mut begin = COUNTING;
    for (kind, rounds, share) in kinds {
        let before = state.table().clone();
        let mut check = Check {
            name: kind.name(),
            exhaustive: kind.is_exhaustive(),
            rounds: 0,
            gain: 0,
        };
        steps.standing.phase = kind.name();
        for round in 0..rounds {
            if stop() {
                return Err(Halt::Stopped);
            }
            steps.tell(begin + share * round as f64 / rounds as f64);
            check.gain = kind.round(&mut state, &mut random)?.gain;
            check.rounds += 1;
            steps.standing.rounds += 1;
            if check.gain > 0 {
                state.restore(before);
                break;
            }
        }
        begin += share;
        tracing::debug!(
            neighbourhood = check.name,
            exhaustive = check.exhaustive,
            gain = check.gain,
            "looked through"
        );
        checks.push(check);
    }
    Ok(checks)
}
