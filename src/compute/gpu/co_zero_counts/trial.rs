//! How fast adapters count, before samples are shared out among them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{AdapterCounter, Asked};
use crate::compute::gpu::device::Context;
use crate::compute::gpu::planes::{AdapterPlanes, UNIT_SAMPLES, UNIT_WORDS};
use crate::compute::gpu::shares;
use crate::compute::{ComputeError, NeuronGroup};

/// A call that takes as long says enough.
const ENOUGH: Duration = Duration::from_millis(5);
/// Most neurons of a trial, and most bytes of their planes.
const MOST_NEURONS: usize = 512;
const MOST_BYTES: usize = 64 << 20;
/// Pairs of words of a table of counts for which even shares do, because a trial takes as long as the search.
const SHORT: u64 = 1 << 20;

/// Measures how fast each of several adapters counts, unless that is known or there is little to count: so many neurons
/// with each other, on so many units. All at the same time, as they will, because they may share a processor.
pub(in crate::compute::gpu) fn measure(
    contexts: &[Arc<Context>],
    neurons: usize,
    units: usize,
) -> Result<(), ComputeError> {
    let pairs = (neurons as u64).saturating_mul(neurons as u64);
    let table = pairs.saturating_mul((units * UNIT_WORDS) as u64);
    let is_known = contexts
        .iter()
        .all(|context| context.counting.get().is_some());
    if contexts.len() < 2 || is_known || table < SHORT {
        return Ok(());
    }
    let trials = contexts.iter();
    shares::at_once(trials.map(|context| || measure_one(context, neurons, units)))
}

/// Counts single neurons with each other on cleared planes, on more of them until it takes long enough.
fn measure_one(context: &Arc<Context>, neurons: usize, units: usize) -> Result<(), ComputeError> {
    let singles = NeuronGroup::singles(neurons.min(MOST_NEURONS));
    let pairs = (singles.len() * singles.len()) as u64;
    let unit_bytes = singles.len() * UNIT_WORDS * 4;
    let most = units.min((MOST_BYTES / unit_bytes).max(1));
    // A fourth of what a first dispatch holds.
    let first = context.co_zero_pace.budget() / 4 / (pairs * UNIT_WORDS as u64);
    let mut units = usize::try_from(first).unwrap_or(most).clamp(1, most);
    let mut counts = Vec::new();
    loop {
        let samples = units * UNIT_SAMPLES;
        let planes = AdapterPlanes::new(Arc::clone(context), singles.len(), samples)?;
        let mut counter = AdapterCounter::new(&planes)?;
        let mut time = || -> Result<Duration, ComputeError> {
            let started = Instant::now();
            counter.count(&mut [Asked {
                left: &singles,
                right: &singles,
                counts: &mut counts,
            }])?;
            Ok(started.elapsed())
        };
        // The first call makes its buffers.
        time()?;
        let took = time()?;
        if took >= ENOUGH || units == most {
            let work = pairs as f64 * units as f64;
            context.counting.measured(work, took);
            return Ok(());
        }
        units = units.saturating_mul(8).min(most);
    }
}
