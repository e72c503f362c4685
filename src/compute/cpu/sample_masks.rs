//! Stage `sample_masks`: which samples belong to a part.

use rayon::prelude::*;

use crate::compute::subsample::{BITS, Share};
use crate::planes::{PlaneSource, PlanesFileError};

/// One bit a sample: does it belong to the part? `sets` has for every neuron one bit for each set that it belongs to.
///
/// # Errors
/// The source cannot be read.
pub(crate) fn sample_masks(
    source: &dyn PlaneSource,
    share: Share,
    sets: &[u32],
) -> Result<Vec<u64>, PlanesFileError> {
    let words = source.samples().div_ceil(64);
    let mut mask = vec![0u64; words];
    // Lower bits of the number cannot matter.
    let bits: Vec<u32> = (share.threshold().trailing_zeros()..BITS).rev().collect();
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
                let one = share.threshold() >> bit & 1 == 1;
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
