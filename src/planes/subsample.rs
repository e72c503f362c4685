//! A part of the samples, chosen by what the samples are and not by where they stand.
//!
//! Sixteen fixed pseudo-random sets of neurons give every sample a number of 16 bits: bit b is the parity of the
//! sample's zeros in set b. A part of share k / 65536 has the samples whose number is below k. So it is the same in
//! whatever order, files and shards the samples come, and equal samples are all in it or all out of it.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rayon::prelude::*;

use super::{PlanesFileError, ZeroPlanes, put_words};

/// Bits of a sample's number.
const BITS: u32 = 16;

/// Seed of the sets of neurons. Another one would choose other parts.
const SETS: u64 = 0x5a4d_504c;

/// Leading bits of a share that count; every further bit costs another set.
const SIGNIFICANT: u32 = 5;

/// Words of a piece of a plane in memory: all that belongs to it stays in the caches.
const PIECE: usize = 1 << 12;

/// Planes that can be read piece by piece: in memory, or on a disk.
pub trait PlaneSource: Sync {
    fn neurons(&self) -> usize;

    fn samples(&self) -> usize;

    /// Words to ask for at a time.
    fn piece(&self) -> usize {
        PIECE
    }

    /// The words `first..first + scratch.len()` of a plane, in `scratch` or where they are. Not more than the
    /// samples take.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    fn words<'a>(
        &'a self,
        neuron: usize,
        first: usize,
        scratch: &'a mut [u64],
    ) -> Result<&'a [u64], PlanesFileError>;

    /// Calls `visit` with the AND of the planes of a group's neurons, piece by piece, and the first word of each piece.
    /// Smaller groups repeat a neuron.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    fn for_each_and(
        &self,
        group: &[u32; 4],
        visit: &mut dyn FnMut(usize, &[u64]),
    ) -> Result<(), PlanesFileError> {
        let words = self.samples().div_ceil(64);
        let size = self.piece().min(words);
        let (mut all, mut scratch) = (vec![0; size], vec![0; size]);
        for first in (0..words).step_by(self.piece()) {
            let len = size.min(words - first);
            let all = &mut all[..len];
            all.fill(u64::MAX);
            for (place, &neuron) in group.iter().enumerate() {
                if group[..place].contains(&neuron) {
                    continue;
                }
                let plane = self.words(neuron as usize, first, &mut scratch[..len])?;
                all.iter_mut()
                    .zip(plane)
                    .for_each(|(all, &word)| *all &= word);
            }
            visit(first, all);
        }
        Ok(())
    }

    /// Copies all planes into others, as samples `first..`, which are clear there.
    ///
    /// # Errors
    /// The file cannot be read, or its bits are wrong.
    fn copy_into(&self, planes: &mut ZeroPlanes, first: usize) -> Result<(), PlanesFileError> {
        let (words, size) = (self.samples().div_ceil(64), self.piece());
        let mut scratch = vec![0; size.min(words)];
        for neuron in 0..self.neurons() {
            for word in (0..words).step_by(size) {
                let piece = &mut scratch[..size.min(words - word)];
                let piece = self.words(neuron, word, piece)?;
                put_words(planes.plane_mut(neuron), first + 64 * word, piece);
            }
        }
        Ok(())
    }
}

impl PlaneSource for ZeroPlanes {
    fn neurons(&self) -> usize {
        self.neurons
    }

    fn samples(&self) -> usize {
        self.samples
    }

    fn words<'a>(
        &'a self,
        neuron: usize,
        first: usize,
        scratch: &'a mut [u64],
    ) -> Result<&'a [u64], PlanesFileError> {
        Ok(&self.plane(neuron)[first..][..scratch.len()])
    }
}

/// All samples of several sources of so many neurons, one source after the other.
///
/// # Errors
/// Those of the sources.
#[doc(hidden)]
pub fn join(neurons: usize, sources: &[&dyn PlaneSource]) -> Result<ZeroPlanes, PlanesFileError> {
    let samples = sources.iter().map(|source| source.samples()).sum();
    let mut planes = ZeroPlanes::new(neurons, samples);
    let mut first = 0;
    for source in sources {
        source.copy_into(&mut planes, first)?;
        first += source.samples();
    }
    Ok(planes)
}

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
            .map(|source| mask(*source, share, sets))
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
        let mut offset = 0;
        for (source, mask) in sources.iter().zip(&self.masks) {
            for (first, mask) in pieces(mask, source.piece()) {
                let packing = Packing::new(mask);
                let stride = planes.stride;
                planes
                    .words
                    .par_chunks_mut(stride)
                    .enumerate()
                    .try_for_each_init(
                        || vec![0; source.piece()],
                        |scratch, (neuron, plane)| {
                            let words = source.words(neuron, first, &mut scratch[..mask.len()])?;
                            packing.pack(words, plane, offset);
                            Ok::<_, PlanesFileError>(())
                        },
                    )?;
                offset += packing.kept();
            }
        }
        Ok(planes)
    }
}

/// For every neuron one bit for each set that it belongs to.
pub(crate) fn sets(neurons: usize) -> Vec<u32> {
    let mut random = ChaCha8Rng::seed_from_u64(SETS);
    (0..neurons).map(|_| random.next_u32()).collect()
}

/// One bit a sample: does it belong to the part?
fn mask(source: &dyn PlaneSource, share: Share, sets: &[u32]) -> Result<Vec<u64>, PlanesFileError> {
    let words = source.samples().div_ceil(64);
    let mut mask = vec![0u64; words];
    // Lower bits of the number cannot matter.
    let bits: Vec<u32> = (share.0.trailing_zeros()..BITS).rev().collect();
    let size = source.piece();
    mask.par_chunks_mut(size)
        .enumerate()
        .try_for_each(|(piece, mask)| {
            let mut scratch = vec![0; mask.len()];
            let mut parities = vec![vec![0u64; mask.len()]; bits.len()];
            for (neuron, &set) in sets.iter().enumerate() {
                let words = source.words(neuron, piece * size, &mut scratch)?;
                for (parity, _) in members(&mut parities, &bits, set) {
                    parity
                        .iter_mut()
                        .zip(words)
                        .for_each(|(p, &word)| *p ^= word);
                }
            }
            // Compares from the highest bit on: below already, or equal so far.
            let mut equal = vec![u64::MAX; mask.len()];
            for (parity, &bit) in parities.iter().zip(&bits) {
                let one = share.0 >> bit & 1 == 1;
                for ((below, equal), &parity) in mask.iter_mut().zip(&mut equal).zip(parity) {
                    if one {
                        *below |= *equal & !parity;
                        *equal &= parity;
                    } else {
                        *equal &= !parity;
                    }
                }
            }
            Ok::<_, PlanesFileError>(())
        })?;
    if let (Some(last), rest @ 1..) = (mask.last_mut(), source.samples() % 64) {
        *last &= !(u64::MAX << rest);
    }
    Ok(mask)
}

/// The parities that a neuron with these sets counts for.
fn members<'p>(
    parities: &'p mut [Vec<u64>],
    bits: &'p [u32],
    set: u32,
) -> impl Iterator<Item = (&'p mut Vec<u64>, u32)> {
    parities
        .iter_mut()
        .zip(bits.iter().copied())
        .filter(move |&(_, bit)| set >> bit & 1 == 1)
}

/// A mask in pieces, with the first word of each.
fn pieces(mask: &[u64], size: usize) -> impl Iterator<Item = (usize, &[u64])> {
    mask.chunks(size)
        .enumerate()
        .map(move |(piece, mask)| (piece * size, mask))
}

/// How to move the masked bits of words together: the "compress" of Henry S. Warren, "Hacker's Delight", second
/// edition, section 7-4. What depends on the mask alone is worked out once for all planes.
struct Packing<'m> {
    mask: &'m [u64],
    /// For each of six steps, which bits move by 2^step.
    moves: [Vec<u64>; 6],
    /// Number of masked bits in the words before each, and in all.
    before: Vec<usize>,
}

impl<'m> Packing<'m> {
    fn new(mask: &'m [u64]) -> Packing<'m> {
        let mut moves: [Vec<u64>; 6] = std::array::from_fn(|_| Vec::with_capacity(mask.len()));
        let mut before = vec![0];
        let mut kept = 0;
        for &word in mask {
            kept += word.count_ones() as usize;
            before.push(kept);
            let mut left = word;
            let mut zeros_right = !word << 1;
            for (step, moves) in moves.iter_mut().enumerate() {
                let odd = (0..6).fold(zeros_right, |prefix, by| prefix ^ prefix << (1 << by));
                let moved = odd & left;
                moves.push(moved);
                left = (left ^ moved) | moved >> (1 << step);
                zeros_right &= !odd;
            }
        }
        Packing {
            mask,
            moves,
            before,
        }
    }

    fn kept(&self) -> usize {
        self.before[self.mask.len()]
    }

    /// Appends the masked bits of `words` to a plane whose bits from `offset` on are clear.
    fn pack(&self, words: &[u64], plane: &mut [u64], offset: usize) {
        let mut packed: Vec<u64> = words.iter().zip(self.mask).map(|(w, m)| w & m).collect();
        for (step, moves) in self.moves.iter().enumerate() {
            for (word, &moved) in packed.iter_mut().zip(moves) {
                let bits = *word & moved;
                *word = (*word ^ bits) | bits >> (1 << step);
            }
        }
        for (&bits, &before) in packed.iter().zip(&self.before) {
            if bits == 0 {
                continue;
            }
            let (at, shift) = ((offset + before) / 64, (offset + before) % 64);
            plane[at] |= bits << shift;
            if shift > 0 && bits >> (64 - shift) != 0 {
                plane[at + 1] |= bits >> (64 - shift);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn packing_is_what_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for density in 0..5 {
            let mask: Vec<u64> = (0..40)
                .map(|_| (0..density).fold(u64::MAX, |mask, _| mask & random.next_u64()))
                .collect();
            let words: Vec<u64> = (0..40).map(|_| random.next_u64()).collect();
            let packing = Packing::new(&mask);
            let mut plane = vec![0; 42];
            packing.pack(&words, &mut plane, 13);
            let mut at = 13;
            for (word, mask) in words.iter().zip(&mask) {
                for bit in (0..64).filter(|bit| mask >> bit & 1 == 1) {
                    assert_eq!(plane[at / 64] >> (at % 64) & 1, word >> bit & 1);
                    at += 1;
                }
            }
            assert_eq!(at, 13 + packing.kept());
        }
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
