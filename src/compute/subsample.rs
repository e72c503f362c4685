//! A part of the samples, chosen by what the samples are and not by where they stand.
//!
//! Sixteen fixed pseudo-random sets of neurons give every sample a number of 16 bits: bit b is the parity of the
//! sample's zeros in set b. A part of share k / 65536 has the samples whose number is below k. So it is the same in
//! whatever order, files and shards the samples come, and equal samples are all in it or all out of it.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rayon::prelude::*;

use super::cpu::{pick_samples, sample_masks};
use crate::planes::{PlaneSource, PlanesFileError, ZeroPlanes};

/// Bits of a sample's number.
pub(crate) const BITS: u32 = 16;

/// Seed of the sets of neurons. Another one would choose other parts.
const SETS: u64 = 0x5a4d_504c;

/// Leading bits of a share that count; every further bit costs another set.
const SIGNIFICANT: u32 = 5;

/// How large a part is: so many 65536ths of the samples, a little more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u32);

impl Share {
    /// At most `part` of `all`, up to a sixteenth less than that; at least 1 / 65536.
    #[must_use]
    pub fn at_most(part: u64, all: u64) -> Share {
        let exact = (u128::from(part) << BITS) / u128::from(all.max(1));
        let exact = exact.clamp(1, (1 << BITS) - 1) as u32;
        let dropped = (u32::BITS - exact.leading_zeros()).saturating_sub(SIGNIFICANT);
        Share(exact >> dropped << dropped)
    }

    /// As a fraction.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(1u32 << BITS)
    }

    /// The numbers below this one belong to the part.
    #[must_use]
    pub fn threshold(self) -> u32 {
        self.0
    }

    /// Half of it, if there is such a share.
    #[must_use]
    pub fn halved(self) -> Option<Share> {
        (self.0 > 1).then_some(Share(self.0 / 2))
    }
}

/// A chosen part of the samples of some planes.
#[derive(Clone, Debug)]
pub struct Subsample {
    /// For every source one bit a sample.
    masks: Vec<Vec<u64>>,
    kept: usize,
}

impl Subsample {
    /// Chooses the part. All sources have the same number of neurons.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn choose(
        sources: &[&dyn PlaneSource],
        share: Share,
    ) -> Result<Subsample, PlanesFileError> {
        let neurons = sources.first().map_or(0, |source| source.neurons());
        Subsample::by_sets(sources, share, &sets(neurons))
    }

    /// As [`choose`](Self::choose), by sixteen other sets of neurons. A part of share p chosen in the one way has about
    /// a share q of the samples in a part of share q chosen in the other way; in the same way it would have all or
    /// p / q of them.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn choose_otherwise(
        sources: &[&dyn PlaneSource],
        share: Share,
    ) -> Result<Subsample, PlanesFileError> {
        let neurons = sources.first().map_or(0, |source| source.neurons());
        let others: Vec<u32> = sets(neurons).iter().map(|set| set >> BITS).collect();
        Subsample::by_sets(sources, share, &others)
    }

    fn by_sets(
        sources: &[&dyn PlaneSource],
        share: Share,
        sets: &[u32],
    ) -> Result<Subsample, PlanesFileError> {
        let masks: Vec<Vec<u64>> = sources
            .par_iter()
            .map(|source| sample_masks::sample_masks(*source, share, sets))
            .collect::<Result<_, PlanesFileError>>()?;
        let kept = masks
            .iter()
            .flatten()
            .map(|word| word.count_ones() as usize)
            .sum();
        Ok(Subsample { masks, kept })
    }

    /// Number of samples in the part.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Copies the part. The sources are those it was chosen from.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn copy(&self, sources: &[&dyn PlaneSource]) -> Result<ZeroPlanes, PlanesFileError> {
        let neurons = sources.first().map_or(0, |source| source.neurons());
        let mut planes = ZeroPlanes::new(neurons, self.kept);
        let mut first = 0;
        for (source, mask) in sources.iter().zip(&self.masks) {
            first += pick_samples::pick_samples(*source, mask, &mut planes, first)?;
        }
        Ok(planes)
    }
}

/// For every neuron one bit for each set that it belongs to.
pub(crate) fn sets(neurons: usize) -> Vec<u32> {
    let mut random = ChaCha8Rng::seed_from_u64(SETS);
    (0..neurons).map(|_| random.next_u32()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planes::StoredPlanes;
    use proptest::prelude::*;

    fn random_planes(neurons: usize, samples: usize, seed: u64) -> ZeroPlanes {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut planes = ZeroPlanes::new(neurons, samples);
        for neuron in 0..neurons {
            for sample in 0..samples {
                if random.next_u32().is_multiple_of(3) {
                    planes.set(neuron, sample);
                }
            }
        }
        planes
    }

    /// The samples as lists of their zeros, sorted.
    fn sample_set(planes: &ZeroPlanes) -> Vec<Vec<bool>> {
        let mut samples: Vec<Vec<bool>> = (0..planes.samples())
            .map(|sample| {
                (0..planes.neurons())
                    .map(|n| planes.get(n, sample))
                    .collect()
            })
            .collect();
        samples.sort();
        samples
    }

    fn part(sources: &[&dyn PlaneSource], share: Share) -> ZeroPlanes {
        let chosen = Subsample::choose(sources, share).unwrap();
        let part = chosen.copy(sources).unwrap();
        assert_eq!(part.samples(), chosen.kept());
        part
    }

    #[test]
    fn shares() {
        assert_eq!(Share::at_most(1, 4), Share(1 << 14));
        assert_eq!(Share::at_most(1, 3).0, 0b10101 << 10);
        assert_eq!(Share::at_most(0, 9), Share(1));
        assert_eq!(Share::at_most(9, 9).0, 0b11111 << 11);
        assert_eq!(Share(1).halved(), None);
    }

    #[test]
    fn a_part_has_its_share_and_copies_whole_samples() {
        let planes = random_planes(24, 20_000, 2);
        let all = sample_set(&planes);
        let mut larger = 0;
        for share in [Share::at_most(1, 64), Share::at_most(1, 3), Share(50_000)] {
            let part = part(&[&planes], share);
            let expected = 20_000.0 * share.fraction();
            let kept = part.samples() as f64;
            // Five standard deviations.
            assert!(
                (kept - expected).abs() < 5.0 * expected.sqrt(),
                "{kept} of {expected}"
            );
            assert!(part.samples() > larger);
            larger = part.samples();
            let set = sample_set(&part);
            assert!(set.iter().all(|sample| all.binary_search(sample).is_ok()));
        }
    }

    #[test]
    fn a_part_of_planes_in_a_file_is_that_of_planes_in_memory() {
        // More than one piece of each.
        let planes = random_planes(8, 70_001, 3);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.planes");
        let mut file = std::fs::File::create(&path).unwrap();
        planes.write(&mut file).unwrap();
        let stored = StoredPlanes::open(&path).unwrap().into_groups();
        let share = Share::at_most(1, 2);
        assert_eq!(part(&[&stored[0]], share), part(&[&planes], share));
    }

    #[test]
    fn a_part_of_a_part_chosen_otherwise_has_its_share() {
        let planes = random_planes(24, 20_000, 2);
        let share = Share::at_most(1, 4);
        let first = Subsample::choose_otherwise(&[&planes], share).unwrap();
        let first = first.copy(&[&planes]).unwrap();
        let kept = part(&[&first], share).samples();
        // 1250 and five standard deviations.
        assert!((1080..1420).contains(&kept), "{kept}");
    }

    proptest! {
        #[test]
        fn order_and_files_do_not_matter(samples in 1usize..400, cut in 0usize..400, seed in 0u64..50) {
            let whole = random_planes(16, samples, seed);
            let cut = cut.min(samples);
            // The samples from the last to the first, in two files.
            let mut parts = [ZeroPlanes::new(16, cut), ZeroPlanes::new(16, samples - cut)];
            for neuron in 0..16 {
                for sample in (0..samples).filter(|&sample| whole.get(neuron, sample)) {
                    let turned = samples - 1 - sample;
                    if turned < cut {
                        parts[0].set(neuron, turned);
                    } else {
                        parts[1].set(neuron, turned - cut);
                    }
                }
            }
            let share = Share::at_most(1, 3);
            let of_parts = part(&[&parts[0], &parts[1]], share);
            prop_assert_eq!(sample_set(&part(&[&whole], share)), sample_set(&of_parts));
        }
    }
}
