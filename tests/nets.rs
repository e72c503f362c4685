//! Real networks: recognised, written back byte for byte, permuted and permuted back.

#[path = "common/material.rs"]
mod material;

use std::path::PathBuf;

use ftperm::nnue::{Network, ReadOptions};
use ftperm::permutation::Permutation;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Name, era, L1 of the real networks at hand.
fn real_nets() -> Vec<(PathBuf, &'static str, usize)> {
    let shared = [
        ("nets/nn-1a298aa575a0.nnue", "v16", 1024),
        ("nets/nn-37f18f62d772.nnue", "small127", 128),
        ("nets/nn-61e7af4bb97d.nnue", "lite768", 1024),
        ("nets/nn-9067e33176e8.nnue", "v5", 256),
    ];
    let mut nets: Vec<_> = shared
        .into_iter()
        .filter_map(|(path, era, l1)| Some((material::shared(path)?, era, l1)))
        .collect();
    nets.extend(material::stockfish_net().map(|path| (path, "v5", 1024)));
    nets.push((material::own("datasets/demo.nnue"), "small127", 128));
    nets
}

fn read(path: &PathBuf) -> (Vec<u8>, Network) {
    let bytes = std::fs::read(path).unwrap();
    let network = Network::parse(&bytes, &ReadOptions::default()).unwrap();
    (bytes, network)
}

#[test]
fn eras_are_recognised() {
    for (path, era, l1) in real_nets() {
        let (_, network) = read(&path);
        assert_eq!(network.recognition.era.id, era, "{}", path.display());
        assert_eq!(network.architecture.l1, l1, "{}", path.display());
    }
}

#[test]
fn reading_then_writing_gives_the_same_bytes() {
    for (path, ..) in real_nets() {
        let (bytes, network) = read(&path);
        assert!(network.to_bytes() == bytes, "{}", path.display());
    }
}

#[test]
fn a_permutation_keeps_the_size_and_its_inverse_gives_the_file_back() {
    for (path, ..) in real_nets() {
        let (bytes, mut network) = read(&path);
        let mut indices: Vec<u32> = (0..network.architecture.neurons() as u32).collect();
        indices.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
        let permutation = Permutation::new(indices).unwrap();
        network.permute(&permutation).unwrap();
        let permuted = network.to_bytes();
        assert!(
            permuted.len() == bytes.len() && permuted != bytes,
            "{}",
            path.display()
        );
        network.permute(&permutation.inverse()).unwrap();
        assert!(network.to_bytes() == bytes, "{}", path.display());
    }
}
