//! Stage `group_counts`: in how many samples are all neurons of a group zero?

use bytemuck::NoUninit;

use super::device::Context;
use super::planes::{PlaneBuffers, UNIT_WORDS};
use super::stage::{Binding, ParamsTable, Recorder, Stage};
use crate::compute::{ComputeError, NeuronGroup};

/// Vectors of a plane that a workgroup counts.
const WORKGROUP_VECTORS: usize = 4096;
/// Most groups of a dispatch.
const MOST_GROUPS: usize = 1 << 15;

/// As `Params` in `group_counts.wgsl`.
#[derive(Clone, Copy, Debug, NoUninit)]
#[repr(C)]
struct Params {
    vectors: u32,
    stride: u32,
    vectors_per_workgroup: u32,
}

/// Counts on one adapter; the neurons exist.
pub(super) fn group_counts(
    context: &Context,
    planes: &PlaneBuffers,
    groups: &[NeuronGroup],
) -> Result<Vec<u32>, ComputeError> {
    if groups.is_empty() || planes.chunks.is_empty() {
        return Ok(vec![0; groups.len()]);
    }
    use Binding::{Read, ReadWrite};
    let stage = Stage::get(
        context,
        "group_counts",
        include_str!("../../../shaders/group_counts.wgsl"),
        &[],
        size_of::<Params>(),
        &[Read, Read, ReadWrite],
    )?;
    let mut all = Vec::with_capacity(groups.len());
    // Strips whose list fits in the smallest buffers.
    let strip = (context.limits.buffer_bytes as usize / 16).min(MOST_GROUPS);
    for groups in groups.chunks(strip) {
        let padded: Vec<[u32; 4]> = groups.iter().map(NeuronGroup::padded).collect();
        let list = context.list("groups", padded.as_flattened())?;
        let bytes = groups.len() as u64 * 4;
        let counts = context.storage("counts", bytes)?;
        let mut table = ParamsTable::default();
        let mut dispatches = Vec::new();
        for chunk in &planes.chunks {
            let vectors = chunk.words() / 4;
            let offset = table.push(&Params {
                vectors: vectors as u32,
                stride: (chunk.stride_units * UNIT_WORDS / 4) as u32,
                vectors_per_workgroup: WORKGROUP_VECTORS as u32,
            });
            let columns = vectors.div_ceil(WORKGROUP_VECTORS);
            dispatches.push((chunk, offset, [columns as u32, groups.len() as u32, 1]));
        }
        let params = table.write(context, &mut None)?;
        let mut recorder = Recorder::new(context)?;
        for (chunk, offset, workgroups) in dispatches {
            let bound = stage.bind(context, &params, &[&chunk.buffer, &list, &counts])?;
            recorder.dispatch_heavy(&stage, &bound, offset, workgroups)?;
        }
        let readback = recorder.read_back(&counts, bytes)?;
        let found: Vec<u32> = readback.finish(recorder, bytemuck::pod_collect_to_vec)?;
        all.extend(found);
    }
    Ok(all)
}
