//! Stage `pick_samples`: the samples of a part, one beside the other.

use rayon::prelude::*;

use crate::planes::{PlaneSource, PlanesFileError, ZeroPlanes};

/// Appends the masked samples of a source to planes whose samples from `first` on are clear, and returns how many.
///
/// # Errors
/// The source cannot be read.
pub(crate) fn pick_samples(
    source: &dyn PlaneSource,
    mask: &[u64],
    planes: &mut ZeroPlanes,
    first: usize,
) -> Result<usize, PlanesFileError> {
    let stride = planes.stride();
    let mut offset = first;
    for (first, mask) in pieces(mask, source.piece()) {
        let packing = Packing::new(mask);
        planes
            .words_mut()
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
    Ok(offset - first)
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
    use rand::Rng as _;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;

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
}
