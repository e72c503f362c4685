//! Zero planes spread over the memories of adapters.

use std::ops::Range;
use std::sync::Arc;

use super::co_zero_counts::{GpuCoZeroCounter, check_groups, trial};
use super::device::Context;
use super::group_counts::group_counts;
use super::pick_samples;
use super::planes::{AdapterPlanes, HostRun, PlaneChunk, Run, UNIT_SAMPLES};
use super::shares;
use crate::compute::subsample::Share;
use crate::compute::{CoZeroCounter, ComputeError, NeuronGroup, PlaneSet};
use crate::planes::ZeroPlanes;

/// Planes that stay on one or several adapters, each of which holds a share of the samples.
///
/// Made by [`GpuBackend::device_planes`](super::GpuBackend::device_planes), filled by
/// [`GpuFtEvaluator::ft_zeros_on_device`](super::GpuFtEvaluator::ft_zeros_on_device), counted without a copy.
#[derive(Debug)]
pub struct DevicePlanes {
    neurons: usize,
    /// One an adapter. Those of samples in a row hold consecutive parts of them.
    pub(super) shares: Vec<AdapterPlanes>,
}

/// Where a sample's bits are.
pub(super) struct Location<'p> {
    pub share: usize,
    pub chunk: &'p PlaneChunk,
    /// The 32-sample word of a plane.
    pub word: usize,
    /// Samples from there to the end of what holds consecutive ones.
    pub rest: usize,
}

impl DevicePlanes {
    pub(super) fn new(
        contexts: &[Arc<Context>],
        neurons: usize,
        samples: usize,
    ) -> Result<DevicePlanes, ComputeError> {
        let units = samples.div_ceil(UNIT_SAMPLES);
        let shares = share_out(contexts, neurons, units, |context, range| {
            let [first, last] =
                [range.start, range.end].map(|units| (units * UNIT_SAMPLES).min(samples));
            AdapterPlanes::new(context, neurons, last - first)
        });
        Ok(DevicePlanes {
            neurons,
            shares: shares?,
        })
    }

    /// Copies of host planes.
    pub(super) fn upload(
        contexts: &[Arc<Context>],
        chunks: &[ZeroPlanes],
    ) -> Result<DevicePlanes, ComputeError> {
        let neurons = chunks.first().map_or(0, ZeroPlanes::neurons);
        if let Some(other) = chunks.iter().find(|it| it.neurons() != neurons) {
            return Err(ComputeError::Unsupported(format!(
                "planes of {neurons} and of {} neurons cannot be counted together",
                other.neurons()
            )));
        }
        let units = |it: &ZeroPlanes| it.samples().div_ceil(UNIT_SAMPLES);
        let units = chunks.iter().map(units).sum();
        let shares = share_out(contexts, neurons, units, |context, range| {
            let runs = runs_between(chunks, range.start, range.end);
            AdapterPlanes::upload(context, neurons, &runs)
        });
        Ok(DevicePlanes {
            neurons,
            shares: shares?,
        })
    }

    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// Samples on all adapters.
    pub fn samples(&self) -> usize {
        self.shares.iter().map(AdapterPlanes::samples).sum()
    }

    /// Where a sample of consecutive ones is.
    pub(super) fn locate(&self, sample: usize) -> Option<Location<'_>> {
        let mut first = 0;
        for (share, planes) in self.shares.iter().enumerate() {
            if sample < first + planes.samples() {
                let (chunk, word, rest) = planes.locate(sample - first)?;
                return Some(Location {
                    share,
                    chunk,
                    word,
                    rest,
                });
            }
            first += planes.samples();
        }
        None
    }

    /// Copies the planes to the host, one set for every part of the samples that is kept in one piece.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    pub fn download(&self) -> Result<Vec<ZeroPlanes>, ComputeError> {
        let mut all = Vec::new();
        for share in &self.shares {
            all.extend(share.download()?);
        }
        Ok(all)
    }
}

/// What `make` makes on each adapter of its share of the units: as many as it counts in the time in which the others
/// count theirs.
fn share_out(
    contexts: &[Arc<Context>],
    neurons: usize,
    units: usize,
    make: impl Fn(Arc<Context>, Range<usize>) -> Result<AdapterPlanes, ComputeError>,
) -> Result<Vec<AdapterPlanes>, ComputeError> {
    trial::measure(contexts, neurons, units)?;
    let rates = contexts.iter().map(|context| context.counting.get());
    let rates: Vec<Option<f64>> = rates.collect();
    let shares = shares::divided(units, &rates, |share, range| {
        make(Arc::clone(&contexts[share]), range)
    })?;
    if shares.len() > 1 {
        for share in &shares {
            let (adapter, samples) = (share.context.adapter(), share.samples());
            tracing::info!(adapter, samples, "a share");
        }
    }
    Ok(shares)
}

/// The samples in units `first..last` of all chunks, each of which begins a unit.
fn runs_between(chunks: &[ZeroPlanes], first: usize, last: usize) -> Vec<HostRun<'_>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for planes in chunks {
        let units = planes.samples().div_ceil(UNIT_SAMPLES);
        let (from, to) = (first.max(start), last.min(start + units));
        if from < to {
            let first_unit = from - start;
            let end = ((to - start) * UNIT_SAMPLES).min(planes.samples());
            let samples = end - first_unit * UNIT_SAMPLES;
            let run = Run {
                first_unit,
                samples,
            };
            runs.push(HostRun { planes, run });
        }
        start += units;
    }
    runs
}

impl PlaneSet for DevicePlanes {
    fn neurons(&self) -> usize {
        self.neurons
    }

    fn samples(&self) -> u64 {
        self.samples() as u64
    }

    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        Ok(Box::new(GpuCoZeroCounter::new(self.neurons, &self.shares)?))
    }

    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        let parts = self.shares.iter().map(|it| pick_samples::part(it, share));
        Ok(Box::new(DevicePlanes {
            neurons: self.neurons,
            shares: parts.collect::<Result<_, _>>()?,
        }))
    }

    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        check_groups(groups, self.neurons)?;
        let mut sums = vec![0; groups.len()];
        for share in &self.shares {
            let counts = group_counts(&share.context, &share.buffers, groups)?;
            let pairs = sums.iter_mut().zip(counts);
            pairs.for_each(|(sum, count)| *sum += u64::from(count));
        }
        Ok(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_hold_every_sample_once() {
        let evenly = |units: usize, shares: usize| shares::bounds(units, &vec![None; shares]);
        assert_eq!(evenly(10, 3), [0, 3, 6, 10]);
        assert_eq!(evenly(1, 2), [0, 0, 1]);
        let chunks = [700, 0, 512, 5000].map(|samples| ZeroPlanes::new(4, samples));
        let units = 2 + 1 + 10;
        for shares in 1..15 {
            let mut samples = [0; 4];
            for ends in evenly(units, shares).windows(2) {
                let mut length = 0;
                for run in runs_between(&chunks, ends[0], ends[1]) {
                    let chunk = chunks.iter().position(|it| std::ptr::eq(it, run.planes));
                    let chunk = chunk.unwrap();
                    assert_eq!(run.run.first_unit * UNIT_SAMPLES, samples[chunk]);
                    samples[chunk] += run.run.samples;
                    length += run.run.samples.div_ceil(UNIT_SAMPLES);
                }
                assert_eq!(length, ends[1] - ends[0]);
            }
            assert_eq!(samples, [700, 0, 512, 5000]);
        }
    }
}
