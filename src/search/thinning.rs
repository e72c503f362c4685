//! A part of the samples, for the coarse part of a search.

use crate::compute::subsample::Share;
use crate::compute::{ComputeError, PlaneSet};

/// The largest copy that is always made, in bytes. Beyond it a copy takes at most a tenth of the planes.
pub(super) const SMALL_COPY: u64 = 4 << 20;

/// Fewer samples than this say too little about a network.
const FEWEST_SAMPLES: u64 = 1 << 14;

/// One sample out of so many: as few as say enough. More of them take longer and find nothing better.
const EVERY: std::ops::RangeInclusive<u64> = 4..=8;

/// Memory that the copy of planes of so many bytes takes at most.
pub(super) fn copy_bytes(planes: u64) -> u64 {
    (planes / EVERY.start()).min(SMALL_COPY.max(planes / 10))
}

/// Copies an eighth of the samples; more where that would be few, fewer where the copy would be large. None if too few
/// would be left.
///
/// Which samples depends on nothing but the samples: a search finds the same in whatever files they come.
pub(crate) fn thin(planes: &dyn PlaneSet) -> Result<Option<Box<dyn PlaneSet + '_>>, ComputeError> {
    let samples = planes.samples();
    let bytes = samples.div_ceil(8) * planes.neurons() as u64;
    let every = (samples / FEWEST_SAMPLES).clamp(*EVERY.start(), *EVERY.end());
    let every = every.max(bytes.div_ceil(SMALL_COPY.max(bytes / 10)));
    if samples / every < FEWEST_SAMPLES {
        return Ok(None);
    }
    let part = planes.part(Share::at_most(1, every))?;
    // Samples that are all alike are all in or all out; then the whole is as good as any part.
    let expected = FEWEST_SAMPLES / 2..2 * samples / every;
    Ok(expected.contains(&part.samples()).then_some(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::cpu::CpuBackend;
    use crate::compute::{HostPlanes, NeuronGroup};
    use crate::planes::ZeroPlanes;
    use rand::Rng as _;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    #[test]
    fn a_fourth_of_all_chunks() {
        let mut chunks = [ZeroPlanes::new(8, 60_000), ZeroPlanes::new(8, 20_003)];
        let mut random = ChaCha8Rng::seed_from_u64(0);
        for planes in &mut chunks {
            for sample in 0..planes.samples() {
                let bits = random.next_u32();
                let zero = (0..8).filter(|neuron| bits >> neuron & 1 == 1);
                zero.for_each(|neuron| planes.set(neuron, sample));
            }
        }
        let backend = CpuBackend::new(Some(1)).unwrap();
        let planes = HostPlanes::new(&backend, &chunks[..]);
        let thinned = thin(&planes).unwrap().unwrap();
        assert!((19_000..21_000).contains(&thinned.samples()));
        // The chosen ones are some of the 256 kinds of sample, each with all of its samples.
        let singles: Vec<NeuronGroup> = (0..8).map(|it| NeuronGroup::new(&[it])).collect();
        let counts: u64 = thinned.group_counts(&singles).unwrap().iter().sum();
        assert!((76_000..84_000).contains(&counts), "{counts}");
    }

    #[test]
    fn too_few_samples() {
        let backend = CpuBackend::new(Some(1)).unwrap();
        // The last ones are enough, but all alike.
        for samples in [0, 65_535, 1 << 20] {
            let chunks = vec![ZeroPlanes::new(8, samples)];
            let planes = HostPlanes::new(&backend, chunks);
            assert!(thin(&planes).unwrap().is_none());
        }
    }
}
