//! Which of two backends is the faster one for a job. It changes where things are computed, never the result.

use std::time::{Duration, Instant};

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::{Backend, ComputeError, NeuronGroup};
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

/// Row columns that two cores with AVX-512 add up in a second, and pairs of 64-bit words that they count.
const COLUMNS_PER_SECOND: f64 = 2.8e9;
const WORDS_PER_SECOND: f64 = 3e10;

/// A normal search counts each pair of neurons about so many times.
const PAIR_COUNTS: f64 = 60.0;

impl Work {
    /// About what two cores need. Opening an adapter takes up to a second.
    pub fn estimate(&self) -> Duration {
        let (columns, samples) = self.evaluation;
        let evaluation = columns as f64 * samples as f64 / 2.0 / COLUMNS_PER_SECOND;
        let (neurons, samples) = self.search;
        let words = (neurons as f64).powi(2) * (samples as f64 / 64.0);
        let search = self.searches * PAIR_COUNTS * words / WORDS_PER_SECOND;
        Duration::try_from_secs_f64(evaluation + search).unwrap_or(Duration::MAX)
    }
}

/// Neurons and samples of a trial, and groups on either side: a call as searches make thousands of.
const NEURONS: usize = 512;
const SAMPLES: usize = 1 << 18;
const GROUPS: usize = 128;

/// The time of one call of [`co_zero_counts`](super::CoZeroCounter::co_zero_counts) on made-up planes, the shortest of
/// three after one to warm up.
///
/// # Errors
/// Those of the backend.
pub fn trial(backend: &dyn Backend) -> Result<Duration, ComputeError> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut planes = ZeroPlanes::new(NEURONS, SAMPLES);
    for neuron in 0..NEURONS {
        for word in &mut planes.plane_mut(neuron)[..SAMPLES / 64] {
            *word = random.next_u64();
        }
    }
    let blocks = (0..NEURONS as u32).step_by(4).take(GROUPS);
    let (left, right): (Vec<NeuronGroup>, Vec<NeuronGroup>) = blocks
        .map(|first| {
            let others = [first + 1, first + 2, first + 3];
            (NeuronGroup::new(&others), NeuronGroup::new(&[first]))
        })
        .unzip();
    let chunks = [planes];
    let mut counter = backend.co_zero_counter(&chunks)?;
    let mut counts = Vec::new();
    counter.co_zero_counts(&left, &right, &mut counts)?;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let started = Instant::now();
        counter.co_zero_counts(&left, &right, &mut counts)?;
        best = best.min(started.elapsed());
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::cpu::CpuBackend;

    #[test]
    fn estimates_by_hand() {
        let mut work = Work {
            evaluation: (1024, 2_000_000),
            ..Work::default()
        };
        // 1,024 columns of a million positions.
        assert_eq!(work.estimate().as_millis(), 365);
        // 60 * 512 * 512 * 5,223 words.
        work = Work {
            search: (512, 334_272),
            searches: 1.0,
            ..Work::default()
        };
        assert_eq!(work.estimate().as_millis(), 2738);
        work.searches = f64::INFINITY;
        assert_eq!(work.estimate(), Duration::MAX);
    }

    #[test]
    fn a_trial_takes_some_time() {
        let backend = CpuBackend::new(None).unwrap();
        assert!(trial(&backend).unwrap() > Duration::ZERO);
    }
}
