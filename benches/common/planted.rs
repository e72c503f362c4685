//! Planes whose best order is known because it was planted.

use ftperm::planes::ZeroPlanes;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// `4 * blocks` neurons, dealt out into blocks at random, and the blocks, ascending.
///
/// The neurons of a block are zero together in half of the samples, which each block has for itself; then every bit is
/// made wrong in one of `noise` cases. So two neurons of one block are zero together more often than two of different
/// blocks, by far more than chance in 4,000 samples and more, and no other order has as many zero blocks.
pub fn planted(
    blocks: usize,
    samples: usize,
    noise: u32,
    seed: u64,
) -> (ZeroPlanes, Vec<[u32; 4]>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut neurons: Vec<u32> = (0..4 * blocks as u32).collect();
    for last in (1..neurons.len()).rev() {
        neurons.swap(last, random.next_u32() as usize % (last + 1));
    }
    let mut planes = ZeroPlanes::new(neurons.len(), samples);
    for sample in 0..samples {
        for block in neurons.chunks(4) {
            let zero = random.next_u32() % 2 == 0;
            for &neuron in block {
                if zero != (random.next_u32() % noise == 0) {
                    planes.set(neuron as usize, sample);
                }
            }
        }
    }
    let mut planted: Vec<[u32; 4]> = neurons.as_chunks::<4>().0.to_vec();
    planted.iter_mut().for_each(|block| block.sort_unstable());
    planted.sort_unstable();
    (planes, planted)
}
