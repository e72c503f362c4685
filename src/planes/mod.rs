//! Zero planes: for every neuron one bit a sample, set where its feature transformer output is zero.
//!
//! ```
//! use ftperm::planes::ZeroPlanes;
//!
//! // Four neurons, three samples; the third neuron is zero in the last two, the others always.
//! let mut planes = ZeroPlanes::new(4, 3);
//! for (neuron, samples) in [(0, 0..3), (1, 0..3), (2, 1..3), (3, 0..3)] {
//!     samples.for_each(|sample| planes.set(neuron, sample));
//! }
//! assert_eq!(planes.zero_counts(), [3, 3, 2, 3]);
//! assert_eq!(planes.plane(2)[0], 0b110);
//! // One block of four: all zero in two samples.
//! assert_eq!(planes.zero_blocks(&[0, 1, 2, 3]), 2);
//! ```

mod file;
pub mod matrix;
pub mod record;
#[doc(hidden)]
pub mod recorded;
mod source;
mod spill;
mod stored;
mod sums;

#[doc(hidden)]
pub use file::{MAGIC, PlanesProblem};
pub use file::{PlanesFileError, PlanesWriter};
pub use source::PlaneSource;
#[doc(hidden)]
pub use source::join;
#[doc(hidden)]
pub use spill::{Spill, SpillError};
#[doc(hidden)]
pub use stored::StoredGroup;
pub use stored::StoredPlanes;

use std::ops::Range;

/// Words per 64-byte cache line.
const LINE: usize = 8;

/// The neuron-major bit matrix that every count and search works on.
///
/// A *neuron* is one output of the feature transformer per perspective (a pair of accumulator columns in pairwise
/// networks). A *sample* is one perspective of one position. Bit s of plane n is set where output n is zero in
/// sample s; bits past the last sample are clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZeroPlanes {
    neurons: usize,
    samples: usize,
    stride: usize,
    words: Vec<u64>,
}

impl ZeroPlanes {
    /// Planes of `neurons` x `samples` cleared bits.
    pub fn new(neurons: usize, samples: usize) -> ZeroPlanes {
        let stride = Self::stride_for(samples);
        ZeroPlanes {
            neurons,
            samples,
            stride,
            words: vec![0; neurons * stride],
        }
    }

    /// Words from one plane to the next: whole cache lines, an odd number of them, because strides of a power of
    /// two alias in the caches.
    pub fn stride_for(samples: usize) -> usize {
        (samples.div_ceil(64 * LINE) | 1) * LINE
    }

    /// Memory that planes take, in bytes.
    pub fn bytes_for(neurons: usize, samples: u64) -> u64 {
        let stride = usize::try_from(samples).map_or(usize::MAX / 64, Self::stride_for);
        (8 * neurons as u64).saturating_mul(stride as u64)
    }

    pub fn neurons(&self) -> usize {
        self.neurons
    }

    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Words of one plane, padding included.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// All planes one after the other, [`stride`](Self::stride) words each.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// As [`words`](Self::words). The caller keeps the bits past the last sample clear.
    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// The bits of one neuron, padding included.
    pub fn plane(&self, neuron: usize) -> &[u64] {
        &self.words[neuron * self.stride..][..self.stride]
    }

    /// As [`plane`](Self::plane). The caller keeps the bits past the last sample clear.
    pub fn plane_mut(&mut self, neuron: usize) -> &mut [u64] {
        &mut self.words[neuron * self.stride..][..self.stride]
    }

    /// Is output `neuron` zero in `sample`?
    pub fn get(&self, neuron: usize, sample: usize) -> bool {
        self.plane(neuron)[sample / 64] >> (sample % 64) & 1 == 1
    }

    /// Sets the bit of (`neuron`, `sample`).
    pub fn set(&mut self, neuron: usize, sample: usize) {
        self.plane_mut(neuron)[sample / 64] |= 1 << (sample % 64);
    }

    /// In how many samples each neuron's output is zero.
    pub fn zero_counts(&self) -> Vec<u64> {
        (0..self.neurons)
            .map(|neuron| {
                let plane = self.plane(neuron);
                plane.iter().map(|word| u64::from(word.count_ones())).sum()
            })
            .collect()
    }

    /// Number of (sample, block) cells whose four outputs are all zero, for neurons placed in this order.
    ///
    /// `order` lists neurons; its length is a multiple of four. This is the score of `docs/notes/eras.md`, section 10.
    pub fn zero_blocks(&self, order: &[u32]) -> u64 {
        self.zero_blocks_among(order, 0..self.samples)
    }

    /// As [`zero_blocks`](Self::zero_blocks), in some of the samples.
    pub fn zero_blocks_among(&self, order: &[u32], samples: Range<usize>) -> u64 {
        let words = samples.start / 64..samples.end.div_ceil(64);
        // Bits of the first and the last word that are other samples.
        let before = !(u64::MAX << (samples.start % 64));
        let behind = match samples.end % 64 {
            0 => 0,
            rest => u64::MAX << rest,
        };
        order
            .chunks_exact(4)
            .filter(|_| !samples.is_empty())
            .map(|block| {
                let [a, b, c, d] =
                    [0, 1, 2, 3].map(|i| &self.plane(block[i] as usize)[words.clone()]);
                let zero = |word: usize| a[word] & b[word] & c[word] & d[word];
                let words = a.iter().zip(b).zip(c).zip(d);
                let all: u64 = words
                    .map(|(((a, b), c), d)| u64::from((a & b & c & d).count_ones()))
                    .sum();
                let others =
                    (zero(0) & before).count_ones() + (zero(a.len() - 1) & behind).count_ones();
                all - u64::from(others)
            })
            .sum()
    }
}

/// Puts bits into a plane, from sample `first` on. There and behind the plane is clear.
fn put_words(plane: &mut [u64], first: usize, words: &[u64]) {
    let (at, shift) = (first / 64, first % 64);
    if shift == 0 {
        plane[at..][..words.len()].copy_from_slice(words);
        return;
    }
    for (at, &word) in (at..).zip(words) {
        plane[at] |= word << shift;
        let rest = word >> (64 - shift);
        // Behind the last sample there need not be a word.
        if rest != 0 {
            plane[at + 1] |= rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        let mut planes = ZeroPlanes::new(8, 3);
        for neuron in [0, 1, 2, 3] {
            planes.set(neuron, 0);
        }
        for neuron in [0, 5, 6, 7] {
            planes.set(neuron, 2);
        }
        assert_eq!(planes.zero_counts(), [2, 1, 1, 1, 0, 1, 1, 1]);
        assert_eq!(planes.zero_blocks(&[0, 1, 2, 3, 4, 5, 6, 7]), 1);
        assert_eq!(planes.zero_blocks(&[4, 1, 2, 3, 0, 5, 6, 7]), 1);
        assert_eq!(planes.zero_blocks(&[0, 1, 4, 3, 2, 5, 6, 7]), 0);
        assert!(planes.get(7, 2) && !planes.get(7, 1));
    }

    #[test]
    fn some_of_the_samples() {
        let mut planes = ZeroPlanes::new(4, 200);
        let zero = [0, 3, 63, 64, 65, 130, 199];
        for neuron in 0..4 {
            zero.iter().for_each(|&sample| planes.set(neuron, sample));
        }
        for (start, end) in [
            (0, 200),
            (0, 0),
            (1, 64),
            (63, 65),
            (64, 128),
            (3, 4),
            (66, 200),
            (200, 200),
        ] {
            let expected = zero
                .iter()
                .filter(|&&it| (start..end).contains(&it))
                .count();
            let found = planes.zero_blocks_among(&[0, 1, 2, 3], start..end);
            assert_eq!(found, expected as u64, "{start}..{end}");
        }
    }

    #[test]
    fn strides_are_odd_numbers_of_cache_lines() {
        for samples in [1, 511, 512, 513, 1024, 100_000, 334_272] {
            let stride = ZeroPlanes::stride_for(samples);
            assert!(stride * 64 >= samples);
            assert_eq!(stride % 16, 8);
        }
    }
}
