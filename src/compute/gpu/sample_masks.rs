//! Stage `sample_masks`: which samples of a chunk belong to the part that a share chooses.

use std::sync::Arc;

use bytemuck::NoUninit;

use super::device::Context;
use super::planes::PlaneChunk;
use super::stage::{Binding, ParamsTable, Recorder, Stage};
use crate::compute::ComputeError;
use crate::compute::subsample::{self, Share};

const WORKGROUP: usize = 64;

/// As `Params` in `sample_masks.wgsl`.
#[derive(Clone, Copy, Debug, NoUninit)]
#[repr(C)]
struct MaskParams {
    words: u32,
    stride: u32,
    neurons: u32,
    threshold: u32,
}

/// The stage, made ready for a share.
pub(super) struct Masks<'c> {
    context: &'c Context,
    stage: Arc<Stage>,
    sets: wgpu::Buffer,
    neurons: usize,
    share: Share,
}

impl<'c> Masks<'c> {
    pub(super) fn new(
        context: &'c Context,
        neurons: usize,
        share: Share,
    ) -> Result<Masks<'c>, ComputeError> {
        use Binding::{Read, ReadWrite};
        let stage = Stage::get(
            context,
            "sample_masks",
            include_str!("../../../shaders/sample_masks.wgsl"),
            &[],
            size_of::<MaskParams>(),
            &[Read, Read, ReadWrite],
        )?;
        Ok(Masks {
            context,
            stage,
            sets: context.list("sets", &subsample::sets(neurons))?,
            neurons,
            share,
        })
    }

    /// One bit a sample of a chunk, padding included.
    pub(super) fn of(&self, chunk: &PlaneChunk) -> Result<Vec<u32>, ComputeError> {
        let words = chunk.words();
        let mut table = ParamsTable::default();
        let offset = table.push(&MaskParams {
            words: words as u32,
            stride: chunk.stride_words() as u32,
            neurons: self.neurons as u32,
            threshold: self.share.threshold(),
        });
        let params = table.write(self.context, &mut None)?;
        let bytes = words as u64 * 4;
        let masks = self.context.storage("masks", bytes)?;
        let bound = [&chunk.buffer, &self.sets, &masks];
        let bound = self.stage.bind(self.context, &params, &bound)?;
        let mut recorder = Recorder::new(self.context)?;
        // Beyond this there would be more workgroups in a row than WebGPU allows; chunks end before.
        let workgroups = [words.div_ceil(WORKGROUP) as u32, 1, 1];
        recorder.dispatch_heavy(&self.stage, &bound, offset, workgroups)?;
        let readback = recorder.read_back(&masks, bytes)?;
        readback.finish(recorder, bytemuck::pod_collect_to_vec)
    }
}
