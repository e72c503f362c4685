//! Which of two backends is the faster one for a job. It changes where things are computed, never the result.

use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::cpu::InstructionSet;
use super::{Backend, ComputeError, HostPlanes, NeuronGroup, PlaneSet, SampleSource, evaluate_all};
use crate::compute::subsample::Share;
use crate::nets::model::{Activation, FtWeights, RowLists, SampleBatch};
use crate::planes::ZeroPlanes;

/// How much there is to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Accumulator columns and samples of the feature transformer evaluation.
    pub evaluation: (usize, u64),
    /// Neurons and samples of the search.
    pub search: (usize, u64),
    /// How many times the work of a normal search.
    pub searches: f64,
}

/// How fast something computes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Seconds until it can compute at all.
    pub opening: f64,
    /// Accumulator columns of samples a second.
    pub columns: f64,
    /// Seconds that a call to count takes, however little there is to count.
    pub call: f64,
    /// Pairs of 64-bit words that are counted in a second.
    pub words: f64,
}

/// A normal search counts each pair of neurons about so many times, in so many calls: 8.4 and 9.6 times, and 2,500 and
/// 2,880 calls, in searches on 512 and 1,536 neurons and 324,094 samples.
const PAIR_COUNTS: f64 = 9.0;
const CALLS: f64 = 2700.0;

impl Work {
    /// About what evaluating and counting takes at such a speed. What a search does beside it, it does anywhere.
    pub fn time(&self, speed: &Speed) -> Duration {
        let (columns, samples) = self.evaluation;
        let evaluation = columns as f64 * samples as f64 / speed.columns;
        let (neurons, samples) = self.search;
        let words = (neurons as f64).powi(2) * (samples as f64 / 64.0);
        let search = match neurons {
            0 => 0.0,
            _ => self.searches * (CALLS * speed.call + PAIR_COUNTS * words / speed.words),
        };
        Duration::try_from_secs_f64(speed.opening + evaluation + search).unwrap_or(Duration::MAX)
    }
}

impl Speed {
    /// About that of a processor with such instructions, by what was measured on two of them
    /// (`docs/6-benchmarks.md`, the two kernels).
    pub fn of_cpu(set: InstructionSet, threads: usize) -> Speed {
        let columns = match set {
            InstructionSet::Portable => 0.9e9,
            InstructionSet::Neon => 1.2e9,
            InstructionSet::Avx2 => 1.6e9,
            InstructionSet::Avx512 => 2.0e9,
        };
        let words = match set.for_counts() {
            InstructionSet::Portable => 2.5e9,
            InstructionSet::Neon => 4e9,
            InstructionSet::Avx2 => 6e9,
            InstructionSet::Avx512 => 24e9,
        };
        Speed {
            opening: 0.0,
            columns: columns * threads as f64,
            call: 0.0,
            words: words * threads as f64,
        }
    }

    /// Can something be this fast? Not everything that answers tells the truth.
    pub fn is_possible(&self) -> bool {
        let is_rate = |rate: f64| rate.is_finite() && rate >= 1.0;
        let is_time = |seconds: f64| (0.0..3600.0).contains(&seconds);
        is_rate(self.columns) && is_rate(self.words) && is_time(self.opening) && is_time(self.call)
    }
}

/// Most samples that a trial evaluates, in how many batches, and rows that each is the sum of.
const EVALUATED: u64 = 1 << 15;
const BATCHES: usize = 2;
const ROWS: usize = 25;
/// Features of one place of the king, which neighbouring samples share.
const FEATURES: usize = 704;

/// Most bits of the planes that a trial counts on.
const BITS: u64 = 1 << 28;

/// How often each thing is done after a first time to warm up; the best time counts.
const TIMES: u32 = 3;

/// Measures how fast a backend does a small part of such work: as many columns and neurons, fewer samples, and calls to
/// count as searches make thousands of. Everything that the work takes is done once.
///
/// # Errors
/// Those of the backend.
pub fn trial(backend: &dyn Backend, work: &Work) -> Result<Speed, ComputeError> {
    let mut speed = Speed {
        opening: 0.0,
        columns: f64::MAX,
        call: 0.0,
        words: f64::MAX,
    };
    if work.evaluation.0 > 0 {
        speed.columns = trial_of_evaluation(backend, work)?;
    }
    if work.search.0 > 0 {
        (speed.call, speed.words) = trial_of_counts(backend, work.search)?;
    }
    Ok(speed)
}

/// Columns of samples that are evaluated in a second.
fn trial_of_evaluation(backend: &dyn Backend, work: &Work) -> Result<f64, ComputeError> {
    let (columns, samples) = work.evaluation;
    let samples = samples.clamp(1, EVALUATED) as usize;
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut weights = vec![0i16; (1 + FEATURES) * columns];
    random.fill(&mut weights[..]);
    let (bias, wide) = weights.split_at(columns);
    let activation = if work.search.0 == columns {
        Activation::Clipped { clamp: 127 }
    } else {
        Activation::Pairwise {
            clamp: 127,
            shift: 7,
        }
    };
    let weights = FtWeights {
        l1: columns,
        activation,
        bias,
        wide,
        narrow: &[],
    };
    let source = MadeUp::new(samples, &mut random);
    let mut evaluator = backend.ft_evaluator(weights)?;
    let mut evaluate = || -> Result<(), ComputeError> {
        if let Some(planes) = evaluator.planes_that_stay(&source, &mut |_| ())? {
            // What a search asks for beside counts, which its adapter is to get through, too.
            let part = planes.part(Share::at_most(1, 4))?;
            part.group_counts(&NeuronGroup::singles(part.neurons()))?;
            return Ok(());
        }
        evaluate_all(weights.neurons(), evaluator.as_mut(), &source, &mut |_| ())?;
        Ok(())
    };
    let seconds = best_time(&mut evaluate)?;
    Ok(columns as f64 * samples as f64 / seconds)
}

/// Seconds of a call that counts nothing, and pairs of words that are counted in a second.
fn trial_of_counts(
    backend: &dyn Backend,
    (neurons, samples): (usize, u64),
) -> Result<(f64, f64), ComputeError> {
    let words = (samples.min(BITS / neurons as u64) / 64).max(8) as usize;
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut planes = [words / 8, words].map(|words| {
        let mut planes = ZeroPlanes::new(neurons, 64 * words);
        for neuron in 0..neurons {
            random.fill(&mut planes.plane_mut(neuron)[..words]);
        }
        planes
    });
    // A reassignment: neurons, one of each block, against the others of these blocks.
    let firsts = (0..neurons as u32).step_by(4);
    let single: Vec<NeuronGroup> = firsts
        .clone()
        .map(|first| NeuronGroup::new(&[first]))
        .collect();
    let others: Vec<NeuronGroup> = firsts
        .map(|first| {
            let others: Vec<u32> = (first..neurons as u32).take(4).collect();
            NeuronGroup::new(&others[others.len().min(2) - 1..])
        })
        .collect();
    let mut times = [0.0; 2];
    for (planes, time) in planes.iter_mut().zip(&mut times) {
        let planes = HostPlanes::new(backend, std::slice::from_ref(planes));
        let mut counter = planes.counter()?;
        let mut counts = Vec::new();
        *time = best_time(&mut || counter.co_zero_counts(&others, &single, &mut counts))?;
    }
    let [short, long] = times;
    let pairs = (single.len() * others.len()) as f64;
    // An eighth of the words takes an eighth of the time, but for what every call takes.
    let call = ((8.0 * short - long) / 7.0).clamp(0.0, long / 2.0);
    Ok((call, pairs * words as f64 / (long - call)))
}

/// The shortest time of some runs in seconds, after one to warm up.
fn best_time(run: &mut dyn FnMut() -> Result<(), ComputeError>) -> Result<f64, ComputeError> {
    run()?;
    let mut best = Duration::MAX;
    for _ in 0..TIMES {
        let started = Instant::now();
        run()?;
        best = best.min(started.elapsed());
    }
    Ok(best.as_secs_f64().max(1e-9))
}

/// Samples of random rows.
struct MadeUp(Vec<SampleBatch>);

impl MadeUp {
    fn new(samples: usize, random: &mut ChaCha8Rng) -> MadeUp {
        let size = samples.div_ceil(BATCHES).next_multiple_of(64);
        let batches = (0..samples).step_by(size).map(|first| {
            let samples = size.min(samples - first);
            let rows = (0..ROWS * samples).map(|_| random.random_range(0..FEATURES as u32));
            SampleBatch {
                samples,
                wide: RowLists {
                    offsets: (0..=samples).map(|sample| (ROWS * sample) as u32).collect(),
                    rows: rows.collect(),
                },
                narrow: RowLists::default(),
            }
        });
        MadeUp(batches.collect())
    }
}

impl SampleSource for MadeUp {
    fn samples(&self) -> usize {
        self.0.iter().map(|batch| batch.samples).sum()
    }

    fn batches(&self) -> usize {
        self.0.len()
    }

    fn first_sample(&self, number: usize) -> usize {
        self.0[..number].iter().map(|batch| batch.samples).sum()
    }

    fn batch(&self, number: usize) -> SampleBatch {
        self.0[number].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::cpu::CpuBackend;

    const SPEED: Speed = Speed {
        opening: 0.5,
        columns: 1e9,
        call: 1e-3,
        words: 1e10,
    };

    #[test]
    fn times_by_hand() {
        let mut work = Work {
            evaluation: (1024, 2_000_000),
            ..Work::default()
        };
        // 1,024 columns of two million samples.
        assert_eq!(work.time(&SPEED).as_millis(), 2548);
        // 2,700 calls, and 9 * 512 * 512 * 5,223 words.
        work = Work {
            search: (512, 334_272),
            searches: 1.0,
            ..Work::default()
        };
        assert_eq!(work.time(&SPEED).as_millis(), 500 + 2700 + 1232);
        work.searches = f64::INFINITY;
        assert_eq!(work.time(&SPEED), Duration::MAX);
    }

    /// `docs/6-benchmarks.md`: 0.47 s on two threads, of which assignments are a half, and a job of a second.
    #[test]
    fn a_usual_job_is_a_short_one() {
        let work = Work {
            evaluation: (1024, 100_000),
            search: (512, 90_000),
            searches: 1.0,
        };
        let time = |set, threads| work.time(&Speed::of_cpu(set, threads)).as_secs_f64();
        assert!((0.05..0.3).contains(&time(InstructionSet::Avx512, 2)));
        assert!(time(InstructionSet::Avx2, 2) < 1.0);
        assert!(time(InstructionSet::Avx512, 16) < 0.05);
    }

    #[test]
    fn impossible_speeds() {
        assert!(SPEED.is_possible());
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(
                !Speed {
                    words: wrong,
                    ..SPEED
                }
                .is_possible()
            );
            assert!(
                !Speed {
                    columns: wrong,
                    ..SPEED
                }
                .is_possible()
            );
        }
        assert!(
            !Speed {
                call: f64::NAN,
                ..SPEED
            }
            .is_possible()
        );
        assert!(
            !Speed {
                opening: -1.0,
                ..SPEED
            }
            .is_possible()
        );
    }

    #[test]
    fn a_trial_of_any_work() {
        let backend = CpuBackend::new(None).unwrap();
        for (evaluation, search) in [
            ((64, 1000), (32, 1000)),
            ((64, 1000), (64, 1000)),
            ((128, 70), (0, 0)),
            ((0, 0), (4, 1)),
            ((0, 0), (7, 300)),
        ] {
            let work = Work {
                evaluation,
                search,
                searches: 1.0,
            };
            let speed = trial(&backend, &work).unwrap();
            assert!(speed.is_possible(), "{speed:?}");
            assert!(work.time(&speed) < Duration::from_secs(10));
        }
    }
}
