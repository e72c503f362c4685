//! A part of the samples, for the coarse part of a search.

use crate::zeros::ZeroPlanes;
use crate::zeros::subsample::{PlaneSource, Share, Subsample};

/// The largest copy that is always made, in bytes. Beyond it a copy takes at most a tenth of the planes.
const SMALL_COPY: usize = 8 << 20;

/// Fewer samples than this say too little about a network.
const FEWEST_SAMPLES: u64 = 1 << 14;

/// One sample out of this many, by preference.
const EVERY: usize = 4;

/// Copies a fourth of the samples, or fewer where the copy would be large. None if too few would be left.
///
/// Which samples depends on nothing but the samples: a search finds the same in whatever files they come.
pub(crate) fn thin(chunks: &[ZeroPlanes]) -> Option<ZeroPlanes> {
    let samples: u64 = chunks.iter().map(|planes| planes.samples() as u64).sum();
    let bytes = chunks
        .iter()
        .map(|planes| planes.samples().div_ceil(8) * planes.neurons())
        .sum::<usize>();
    let every = EVERY.max(bytes.div_ceil(SMALL_COPY.max(bytes / 10))) as u64;
    if samples / every < FEWEST_SAMPLES {
        return None;
    }
    let sources: Vec<&dyn PlaneSource> = chunks.iter().map(|it| it as &dyn PlaneSource).collect();
    let part = Subsample::choose(&sources, Share::at_most(1, every)).ok()?;
    // Samples that are all alike are all in or all out; then the whole is as good as any part.
    let expected = FEWEST_SAMPLES / 2..2 * samples / every;
    if !expected.contains(&(part.kept() as u64)) {
        return None;
    }
    part.copy(&sources).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let thinned = thin(&chunks).unwrap();
        assert!((19_000..21_000).contains(&thinned.samples()));
        // The chosen ones are some of the 256 kinds of sample, each with all of its samples.
        let counts: u64 = thinned.zero_counts().iter().sum();
        assert!((76_000..84_000).contains(&counts), "{counts}");
    }

    #[test]
    fn too_few_samples() {
        assert!(thin(&[ZeroPlanes::new(8, 65_535)]).is_none());
        assert!(thin(&[]).is_none());
        // All alike.
        assert!(thin(&[ZeroPlanes::new(8, 1 << 20)]).is_none());
    }
}
