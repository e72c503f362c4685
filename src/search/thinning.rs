//! Parts of the samples, for the annealing of a search.

use crate::compute::subsample::Share;
use crate::compute::{ComputeError, PlaneSet};

/// The largest copy that is always made, in bytes. Beyond it a copy takes at most a tenth of the planes.
const SMALL_COPY: u64 = 16 << 20;

/// One sample out of at least so many, for the copy of planes of so many bytes not to be larger than that.
fn sparing(planes: u64) -> u64 {
    planes.div_ceil(SMALL_COPY.max(planes / 10))
}

/// Which part of a search counts on a part of the samples. As few as say enough: more take longer and find nothing
/// better. Of large planes both are the same tenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The coarse annealing: an eighth, more where that would be few.
    Coarse,
    /// The fine annealing: a fourth, or half.
    Fine,
}

impl Part {
    pub const ALL: [Part; 2] = [Part::Coarse, Part::Fine];

    /// One sample out of so many.
    const fn every(self) -> std::ops::RangeInclusive<u64> {
        match self {
            Part::Coarse => 4..=8,
            Part::Fine => 2..=4,
        }
    }

    /// Fewer samples than this say too little about a network.
    const fn fewest_samples(self) -> u64 {
        match self {
            Part::Coarse => 1 << 14,
            Part::Fine => 1 << 15,
        }
    }

    /// Memory that the copy of planes of so many bytes takes at most.
    pub fn copy_bytes(self, planes: u64) -> u64 {
        (planes / self.every().start()).min(SMALL_COPY.max(planes / 10))
    }

    /// Memory that copies of both parts of planes of so many bytes take at most.
    pub fn both_copies_bytes(planes: u64) -> u64 {
        let [coarse, fine] = Part::ALL.map(|part| part.copy_bytes(planes));
        if sparing(planes) >= *Part::Coarse.every().end() {
            return fine;
        }
        coarse.saturating_add(fine)
    }

    /// How large the part is. None if too few samples would be left.
    ///
    /// Which samples depends on nothing but the samples: a search finds the same in whatever files they come.
    pub fn share(self, planes: &dyn PlaneSet) -> Option<Share> {
        let samples = planes.samples();
        let bytes = samples.div_ceil(8) * planes.neurons() as u64;
        let (fewest, every) = (self.fewest_samples(), self.every());
        let wanted = (samples / fewest).clamp(*every.start(), *every.end());
        let every = wanted.max(sparing(bytes));
        (samples / every >= fewest).then(|| Share::at_most(1, every))
    }
}

/// Copies a part of the samples. None if too few would be left.
pub(crate) fn thin(
    planes: &dyn PlaneSet,
    part: Part,
) -> Result<Option<Box<dyn PlaneSet + '_>>, ComputeError> {
    let Some(share) = part.share(planes) else {
        return Ok(None);
    };
    let thinned = planes.part(share)?;
    // Samples that are all alike are all in or all out; then the whole is as good as any part.
    let most = (2.0 * share.fraction() * planes.samples() as f64) as u64;
    let expected = part.fewest_samples() / 2..most;
    Ok(expected.contains(&thinned.samples()).then_some(thinned))
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
        let fine = thin(&planes, Part::Fine).unwrap().unwrap();
        assert!((38_000..42_000).contains(&fine.samples()));
        let thinned = thin(&planes, Part::Coarse).unwrap().unwrap();
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
            for part in Part::ALL {
                assert!(thin(&planes, part).unwrap().is_none());
            }
        }
    }
}
