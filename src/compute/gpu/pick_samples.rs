//! Stage `pick_samples`: the part of the samples that a share chooses, as planes of their own.
//!
//! Its twin in the host's memory is [`Subsample`](crate::compute::subsample::Subsample).

use std::sync::Arc;

use bytemuck::NoUninit;

use super::device::Context;
use super::planes::{AdapterPlanes, PlaneChunk, Run, UNIT_SAMPLES, UNIT_WORDS};
use super::sample_masks::Masks;
use super::stage::{Binding, ParamsTable, Recorder, Stage};
use crate::compute::ComputeError;
use crate::compute::subsample::Share;

const WORKGROUP: usize = 64;
/// Bits that a dispatch of `pick_samples` picks: a tenth of a second where a billion of them take a second.
const MOST_BITS: usize = 1 << 27;
/// Stands for no sample in lists of samples.
const NONE: u32 = u32::MAX;

/// As `Params` in `pick_samples.wgsl`.
#[derive(Clone, Copy, Debug, NoUninit)]
#[repr(C)]
struct PickParams {
    words: u32,
    stride: u32,
    out_first: u32,
    out_stride: u32,
}

/// The part of an adapter's samples, on the same adapter.
pub(super) fn part(planes: &AdapterPlanes, share: Share) -> Result<AdapterPlanes, ComputeError> {
    let context = &planes.context;
    let neurons = planes.buffers.neurons;
    let mut chosen = Vec::new();
    let mut sources = Vec::new();
    let masks = Masks::new(context, neurons, share)?;
    for chunk in &planes.buffers.chunks {
        let samples = chosen_samples(&masks.of(chunk)?, chunk, &planes.runs);
        if !samples.is_empty() {
            chosen.push(samples);
            sources.push(chunk);
        }
    }
    let counts: Vec<usize> = chosen.iter().map(Vec::len).collect();
    let picked = AdapterPlanes::with_chunks(Arc::clone(context), neurons, &counts)?;
    let pick = Pick::new(context, neurons)?;
    for ((source, samples), target) in sources.iter().zip(chosen).zip(&picked.buffers.chunks) {
        pick.copy(source, samples, target)?;
    }
    Ok(picked)
}

/// Which samples of a chunk are chosen: those of the mask that are samples at all.
fn chosen_samples(mask: &[u32], chunk: &PlaneChunk, runs: &[Run]) -> Vec<u32> {
    let first = chunk.first_unit * UNIT_SAMPLES;
    let last = first + chunk.units * UNIT_SAMPLES;
    let mut chosen = Vec::new();
    for run in runs {
        let start = run.first_unit * UNIT_SAMPLES;
        let end = (start + run.samples).min(last);
        let samples = start.max(first)..end;
        chosen.extend(samples.filter_map(|sample| {
            let sample = sample - first;
            (mask[sample / 32] >> (sample % 32) & 1 == 1).then_some(sample as u32)
        }));
    }
    chosen
}

struct Pick<'c> {
    context: &'c Context,
    stage: Arc<Stage>,
    neurons: usize,
}

impl<'c> Pick<'c> {
    fn new(context: &'c Context, neurons: usize) -> Result<Pick<'c>, ComputeError> {
        use Binding::{Read, ReadWrite};
        let stage = Stage::get(
            context,
            "pick_samples",
            include_str!("../../../shaders/pick_samples.wgsl"),
            &[],
            size_of::<PickParams>(),
            &[Read, Read, ReadWrite],
        )?;
        Ok(Pick {
            context,
            stage,
            neurons,
        })
    }

    /// Copies samples of one chunk to the beginning of another.
    fn copy(
        &self,
        source: &PlaneChunk,
        mut samples: Vec<u32>,
        target: &PlaneChunk,
    ) -> Result<(), ComputeError> {
        samples.resize(target.units * UNIT_SAMPLES, NONE);
        let fitting = self.context.limits.buffer_bytes as usize / 4;
        let units = fitting.min(MOST_BITS / self.neurons) / UNIT_SAMPLES;
        let units = units.clamp(1, WORKGROUP * 65_535 / UNIT_WORDS);
        for (place, samples) in samples.chunks(units * UNIT_SAMPLES).enumerate() {
            let words = samples.len() / 32;
            let list = self.context.list("samples", samples)?;
            let mut table = ParamsTable::default();
            let offset = table.push(&PickParams {
                words: words as u32,
                stride: source.stride_words() as u32,
                out_first: (place * units * UNIT_WORDS) as u32,
                out_stride: target.stride_words() as u32,
            });
            let params = table.write(self.context, &mut None)?;
            let bound = [&source.buffer, &list, &target.buffer];
            let bound = self.stage.bind(self.context, &params, &bound)?;
            let mut recorder = Recorder::new(self.context)?;
            let workgroups = [words.div_ceil(WORKGROUP) as u32, self.neurons as u32, 1];
            recorder.dispatch_heavy(&self.stage, &bound, offset, workgroups)?;
            // One after the other, so that lists do not pile up.
            let submission = recorder.submit()?;
            self.context.wait(&submission)?;
        }
        Ok(())
    }
}
