//! Planes in the host's memory, which any backend counts.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;

use rayon::prelude::*;

use super::cpu::group_counts::group_counts;
use super::subsample::{Share, Subsample};
use super::{
    Backend, CoZeroCounter, ComputeError, FtEvaluator, NeuronGroup, PlaneSet, SampleSource,
};
use crate::planes::{PlaneSource, ZeroPlanes};

/// Chunks of samples of the same neurons in the host's memory, and the backend that counts them.
pub struct HostPlanes<'a> {
    backend: &'a dyn Backend,
    chunks: Cow<'a, [ZeroPlanes]>,
}

impl<'a> HostPlanes<'a> {
    /// `chunks` are borrowed or owned; all have the same neurons.
    pub fn new(backend: &'a dyn Backend, chunks: impl Into<Cow<'a, [ZeroPlanes]>>) -> Self {
        HostPlanes {
            backend,
            chunks: chunks.into(),
        }
    }

    /// Number of (sample, block) cells of some samples of the first chunk whose four outputs are all zero.
    pub(crate) fn zero_blocks_among(&self, order: &[u32], samples: Range<usize>) -> u64 {
        let Some(planes) = self.chunks.first() else {
            return 0;
        };
        let count = |block: &[u32; 4]| planes.zero_blocks_among(block, samples.clone());
        order.as_chunks::<4>().0.par_iter().map(count).sum()
    }
}

impl PlaneSet for HostPlanes<'_> {
    fn neurons(&self) -> usize {
        self.chunks.first().map_or(0, ZeroPlanes::neurons)
    }

    fn samples(&self) -> u64 {
        self.chunks.iter().map(|it| it.samples() as u64).sum()
    }

    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        self.backend.co_zero_counter(&self.chunks)
    }

    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        Ok(Box::new(HostPart::choose(
            self.backend,
            &self.chunks,
            share,
        )?))
    }

    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        Ok(group_counts(&self.chunks, groups))
    }

    fn sources(&self) -> Option<Vec<&dyn PlaneSource>> {
        Some(sources(&self.chunks))
    }
}

/// Evaluates all batches of a source into the host's memory. `progress` is told how many samples more were evaluated.
pub(crate) fn evaluate_all(
    neurons: usize,
    evaluator: &mut dyn FtEvaluator,
    source: &dyn SampleSource,
    progress: &mut dyn FnMut(usize),
) -> Result<ZeroPlanes, ComputeError> {
    let mut planes = ZeroPlanes::new(neurons, source.samples());
    for number in 0..source.batches() {
        let batch = source.batch(number);
        evaluator.ft_zeros(&batch, &mut planes, source.first_sample(number))?;
        tracing::debug!(batch = number, samples = batch.samples, "evaluated");
        progress(batch.samples);
    }
    tracing::info!(
        samples = planes.samples(),
        neurons = planes.neurons(),
        "feature transformer evaluated"
    );
    Ok(planes)
}

/// A part of planes in the host's memory. It is copied when it is first counted on: a part that turns out too large is
/// dropped before it takes memory.
struct HostPart<'a> {
    backend: &'a dyn Backend,
    chunks: &'a [ZeroPlanes],
    chosen: Subsample,
    copy: OnceCell<[ZeroPlanes; 1]>,
}

impl<'a> HostPart<'a> {
    fn choose(
        backend: &'a dyn Backend,
        chunks: &'a [ZeroPlanes],
        share: Share,
    ) -> Result<HostPart<'a>, ComputeError> {
        let chosen = Subsample::choose(&sources(chunks), share)?;
        Ok(HostPart {
            backend,
            chunks,
            chosen,
            copy: OnceCell::new(),
        })
    }

    fn planes(&self) -> Result<&[ZeroPlanes], ComputeError> {
        if self.copy.get().is_none() {
            let copy = self.chosen.copy(&sources(self.chunks))?;
            // Nobody else has set it.
            let _ = self.copy.set([copy]);
        }
        Ok(self.copy.get().map_or(&[], |copy| &copy[..]))
    }
}

fn sources(chunks: &[ZeroPlanes]) -> Vec<&dyn PlaneSource> {
    chunks.iter().map(|it| it as &dyn PlaneSource).collect()
}

impl PlaneSet for HostPart<'_> {
    fn neurons(&self) -> usize {
        self.chunks.first().map_or(0, ZeroPlanes::neurons)
    }

    fn samples(&self) -> u64 {
        self.chosen.kept() as u64
    }

    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        self.backend.co_zero_counter(self.planes()?)
    }

    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        Ok(Box::new(HostPart::choose(
            self.backend,
            self.planes()?,
            share,
        )?))
    }

    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        Ok(group_counts(self.planes()?, groups))
    }
}
