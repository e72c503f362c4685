//! The neurons in blocks of four: what the search changes.

use crate::order::Permutation;

/// Neurons of a block.
pub const BLOCK: usize = 4;

/// A partition of the neurons into blocks of four. A *place* is `4 * block + slot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Neuron at each place.
    neurons: Vec<u32>,
    /// Place of each neuron.
    places: Vec<u32>,
}

impl Partition {
    pub fn new(order: &[u32]) -> Partition {
        let mut partition = Partition {
            neurons: order.to_vec(),
            places: vec![0; order.len()],
        };
        for (place, &neuron) in order.iter().enumerate() {
            partition.places[neuron as usize] = place as u32;
        }
        partition
    }

    pub fn neurons(&self) -> usize {
        self.neurons.len()
    }

    pub fn blocks(&self) -> usize {
        self.neurons.len() / BLOCK
    }

    /// Neurons in the order of their places.
    pub fn order(&self) -> &[u32] {
        &self.neurons
    }

    pub fn block(&self, block: usize) -> [u32; BLOCK] {
        std::array::from_fn(|slot| self.neurons[BLOCK * block + slot])
    }

    pub fn block_of(&self, neuron: u32) -> usize {
        self.places[neuron as usize] as usize / BLOCK
    }

    pub fn place(&self, neuron: u32) -> usize {
        self.places[neuron as usize] as usize
    }

    /// The other three neurons of a neuron's block.
    pub fn companions(&self, neuron: u32) -> [u32; 3] {
        let place = self.place(neuron);
        let block = place / BLOCK * BLOCK;
        std::array::from_fn(|i| self.neurons[block + (place + 1 + i) % BLOCK])
    }

    /// Puts `neuron` at `place`. The caller moves whole sets, so that no place stays double or empty.
    pub fn put(&mut self, neuron: u32, place: usize) {
        self.neurons[place] = neuron;
        self.places[neuron as usize] = place as u32;
    }

    /// The partition as a permutation in normal form: neurons ascend inside blocks, blocks by their first neuron.
    pub fn permutation(&self) -> Permutation {
        let mut blocks: Vec<[u32; BLOCK]> = (0..self.blocks()).map(|b| self.block(b)).collect();
        for block in &mut blocks {
            block.sort_unstable();
        }
        blocks.sort_unstable();
        Permutation::new(blocks.into_flattened()).expect("a partition holds every neuron once")
    }
}
