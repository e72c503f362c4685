//! Zero planes: for every neuron one bit a sample, set where its feature transformer output is zero.
//!
//! ```
//! use ftperm::zeros::ZeroPlanes;
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
pub mod record;
mod stored;
pub mod subsample;

pub use file::{MAGIC, PlanesFileError, PlanesProblem};
pub use stored::StoredPlanes;

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
    /// `order` lists neurons; its length is a multiple of four. This is the score of `facts/eras.md`, section 10.
    pub fn zero_blocks(&self, order: &[u32]) -> u64 {
        order
            .chunks_exact(4)
            .map(|block| {
                let [a, b, c, d] = [0, 1, 2, 3].map(|i| self.plane(block[i] as usize));
                let words = a.iter().zip(b).zip(c).zip(d);
                words
                    .map(|(((a, b), c), d)| u64::from((a & b & c & d).count_ones()))
                    .sum::<u64>()
            })
            .sum()
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
    fn strides_are_odd_numbers_of_cache_lines() {
        for samples in [1, 511, 512, 513, 1024, 100_000, 334_272] {
            let stride = ZeroPlanes::stride_for(samples);
            assert!(stride * 64 >= samples);
            assert_eq!(stride % 16, 8);
        }
    }
}
