//! Stage `and_groups`: the planes of neuron groups, for a window of samples.

use std::sync::Arc;

use bytemuck::NoUninit;

use super::device::Context;
use super::planes::{PlaneChunk, UNIT_WORDS};
use super::stage::{Binding, Stage};
use crate::compute::ComputeError;

/// Vectors of four words in a unit.
const UNIT_VECTORS: usize = UNIT_WORDS / 4;
/// Vectors that a workgroup computes.
const WORKGROUP_VECTORS: usize = 64;
/// Largest window in units, so that a dispatch stays within 65535 workgroups.
pub(super) const MOST_UNITS: usize = 1 << 19;

/// As `Params` in `and_groups.wgsl`.
#[derive(Clone, Copy, Debug, NoUninit)]
#[repr(C)]
pub(super) struct Params {
    groups: u32,
    vectors: u32,
    stride: u32,
    first: u32,
    out_stride: u32,
}

impl Params {
    /// For `units` units from `first_unit` of a chunk on, written `out_stride_units` apart.
    pub fn new(
        groups: usize,
        chunk: &PlaneChunk,
        first_unit: usize,
        units: usize,
        out_stride_units: usize,
    ) -> Params {
        Params {
            groups: groups as u32,
            vectors: (units * UNIT_VECTORS) as u32,
            stride: (chunk.stride_units * UNIT_VECTORS) as u32,
            first: (first_unit * UNIT_VECTORS) as u32,
            out_stride: (out_stride_units * UNIT_VECTORS) as u32,
        }
    }

    pub fn workgroups(&self) -> [u32; 3] {
        let columns = (self.vectors as usize).div_ceil(WORKGROUP_VECTORS);
        [columns as u32, self.groups, 1]
    }
}

/// Bindings: planes, groups of four planes, results.
pub(super) fn stage(context: &Context) -> Result<Arc<Stage>, ComputeError> {
    use Binding::{Read, ReadWrite};
    Stage::get(
        context,
        "and_groups",
        include_str!("../../../shaders/and_groups.wgsl"),
        &[],
        size_of::<Params>(),
        &[Read, Read, ReadWrite],
    )
}
