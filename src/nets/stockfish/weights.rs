//! What tells a network by its weights, whatever file they are in.

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::architecture::Store;
use super::network::Network;

/// Values whose digest a task makes.
const PIECE: usize = 1 << 18;

impl Network {
    /// SHA-256 of sizes, feature sets and weights, the neurons in their order: the same for every compression,
    /// description, version, layout and order of the sets in a file.
    ///
    /// It is made of the digests of pieces, so that threads share the work. Padding does not count.
    pub fn weights_sha256(&self) -> [u8; 32] {
        let architecture = &self.architecture;
        let mut all = Sha256::new();
        let sizes = [
            architecture.l1,
            architecture.outputs0,
            architecture.outputs1,
            architecture.stacks,
            architecture.psqt_buckets,
        ];
        for size in sizes {
            all.update((size as u64).to_le_bytes());
        }
        all.update(digest(&self.ft.bias, i16::to_le_bytes));
        let mut sets: Vec<usize> = (0..architecture.sets.len()).collect();
        sets.sort_by_key(|&set| architecture.sets[set].name());
        for set in sets {
            let name = architecture.sets[set].name();
            all.update((name.len() as u64).to_le_bytes());
            all.update(name);
            all.update(match self.rows(set) {
                (Store::Wide, rows) => digest(&self.ft.wide[rows], i16::to_le_bytes),
                (Store::Narrow, rows) => digest(&self.ft.narrow[rows], |value| {
                    i16::from(value).to_le_bytes()
                }),
            });
            all.update(digest(&self.ft.psqt[self.psqt_rows(set)], i32::to_le_bytes));
        }
        for layer in self.stacks.iter().flat_map(|stack| &stack.layers) {
            all.update(digest(&layer.bias, i32::to_le_bytes));
            for row in layer.weights.chunks_exact(layer.padded_inputs) {
                all.update(bytemuck::cast_slice(&row[..layer.inputs]));
            }
        }
        all.finalize().into()
    }
}

/// SHA-256 of the digests of pieces.
fn digest<T: Copy + Sync, const BYTES: usize>(
    values: &[T],
    to_bytes: impl Fn(T) -> [u8; BYTES] + Sync,
) -> [u8; 32] {
    let of_piece = |piece: &[T]| -> [u8; 32] {
        let bytes: Vec<u8> = piece.iter().flat_map(|&value| to_bytes(value)).collect();
        Sha256::digest(bytes).into()
    };
    let pieces: Vec<[u8; 32]> = values.par_chunks(PIECE).map(of_piece).collect();
    Sha256::digest(pieces.concat()).into()
}

#[cfg(test)]
mod tests {
    use crate::nets::stockfish::{Encoding, Network, era, sample};
    use crate::order::Permutation;

    #[test]
    fn only_weights_and_their_order_count() {
        let network = sample("v10b", 64);
        let expected = network.weights_sha256();
        let mut same = network.clone();
        same.description = b"another".to_vec();
        same.ft.encodings.fill(Encoding::Leb128);
        same.relayout(era("v10a").unwrap()).unwrap();
        assert_eq!(same.weights_sha256(), expected);
        let order = Permutation::new((0..32).rev().collect()).unwrap();
        same.permute(&order).unwrap();
        assert_ne!(same.weights_sha256(), expected);
        same.permute(&order.inverse()).unwrap();
        assert_eq!(same.weights_sha256(), expected);
        let changes: [fn(&mut Network); 5] = [
            |network| network.ft.bias[3] ^= 1,
            |network| *network.ft.wide.last_mut().unwrap() ^= 1,
            |network| network.ft.psqt[7] ^= 1,
            |network| network.stacks[7].layers[2].bias[0] ^= 1,
            |network| network.stacks[7].layers[2].weights[31] ^= 1,
        ];
        for change in changes {
            let mut other = same.clone();
            change(&mut other);
            assert_ne!(other.weights_sha256(), expected);
        }
    }

    #[test]
    fn the_order_of_the_sets_does_not_count() {
        let network = sample("hm+threats", 64);
        let mut other = network.clone();
        other.relayout(era("threats+hm").unwrap()).unwrap();
        assert_ne!(other.to_bytes(), network.to_bytes());
        assert_eq!(other.weights_sha256(), network.weights_sha256());
    }
}
