//! Stage `and_groups`: the planes of a group of neurons, combined by AND.

use super::InstructionSet;
use crate::compute::NeuronGroup;
use crate::planes::ZeroPlanes;

/// Writes words `first..first + out.len()` of the AND of a group's planes.
///
/// # Panics
/// If the planes have no such words or no such neurons.
pub(super) fn and_group(
    set: InstructionSet,
    planes: &ZeroPlanes,
    group: &NeuronGroup,
    first: usize,
    out: &mut [u64],
) {
    let end = first + out.len();
    let rows = group
        .padded()
        .map(|neuron| &planes.plane(neuron as usize)[first..end]);
    match set {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `CpuBackend` has only instruction sets that the machine has.
        InstructionSet::Avx2 | InstructionSet::Avx512 => unsafe { and_avx2(rows, out) },
        _ => and(rows, out),
    }
}

/// As [`and`], compiled for AVX2. Wider registers gain nothing: memory is the limit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn and_avx2(rows: [&[u64]; 4], out: &mut [u64]) {
    and(rows, out);
}

#[inline(always)]
fn and([a, b, c, d]: [&[u64]; 4], out: &mut [u64]) {
    let words = a.iter().zip(b).zip(c).zip(d);
    for (out, (((a, b), c), d)) in out.iter_mut().zip(words) {
        *out = a & b & c & d;
    }
}
