//! Random networks of every era's layout at small widths: writing gives back what was read, the layout is recognised,
//! a permutation and its inverse cancel, and whatever is cut off or changed where it counts is an error.

use ftperm::nets::model::Activation;
use ftperm::nets::stockfish::{
    Architecture, ERAS, Encoding, Era, Network, ReadOptions, StackVariant, TensorRole, leb128,
};
use ftperm::order::Permutation;
use rand::RngExt as _;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// A file and the offsets at which its parts begin; the last is its length.
struct Sample {
    bytes: Vec<u8>,
    boundaries: Vec<usize>,
    /// Offsets of all hashes.
    hashes: Vec<usize>,
    encodings: Vec<Encoding>,
}

/// Writes a network file of an architecture, by the description of the format and not by the program's own writer.
fn sample(architecture: &Architecture, random: &mut ChaCha8Rng) -> Sample {
    let mut description = vec![0; random.random_range(0..200)];
    random.fill_bytes(&mut description);
    let mut bytes = Vec::new();
    for value in [
        architecture.version,
        architecture.header_hash(),
        description.len() as u32,
    ] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(&description);
    let mut boundaries = vec![4, 8, 12, bytes.len()];
    let mut hashes = vec![4, bytes.len()];
    bytes.extend(architecture.ft_hash().to_le_bytes());
    let mut encodings = Vec::new();
    for spec in architecture.layout {
        boundaries.push(bytes.len());
        let len = architecture.tensor_len(spec.role);
        let compressed = random.random_bool(0.5) && !matches!(spec.role, TensorRole::Narrow(..));
        encodings.push(if compressed {
            Encoding::Leb128
        } else {
            Encoding::Raw
        });
        match spec.role {
            TensorRole::Narrow(..) => {
                let start = bytes.len();
                bytes.resize(start + len, 0);
                random.fill_bytes(&mut bytes[start..]);
            }
            TensorRole::Bias | TensorRole::Wide(..) => {
                let values: Vec<i16> = (0..len).map(|_| small(random) as i16).collect();
                if compressed {
                    block(&leb128::encode(&values), &mut bytes);
                } else {
                    values.iter().for_each(|it| bytes.extend(it.to_le_bytes()));
                }
            }
            TensorRole::Psqt(..) => {
                let values: Vec<i32> = (0..len).map(|_| small(random)).collect();
                if compressed {
                    block(&leb128::encode(&values), &mut bytes);
                } else {
                    values.iter().for_each(|it| bytes.extend(it.to_le_bytes()));
                }
            }
        }
    }
    for _ in 0..architecture.stacks {
        boundaries.push(bytes.len());
        hashes.push(bytes.len());
        bytes.extend(architecture.stack_hash().to_le_bytes());
        for (number, (inputs, outputs)) in architecture.layer_sizes().layers.into_iter().enumerate()
        {
            for _ in 0..outputs {
                bytes.extend(small(random).to_le_bytes());
            }
            let padded = inputs.div_ceil(32) * 32;
            for _ in 0..outputs {
                let start = bytes.len();
                bytes.resize(start + padded, 0);
                random.fill_bytes(&mut bytes[start..]);
                // What tells SFNNv4 from SFNNv5 (the columns that only the latter feeds) has to be as its era has it.
                if number == 1 && architecture.stack == StackVariant::Skip {
                    bytes[start + inputs..].fill(0);
                }
            }
        }
    }
    boundaries.push(bytes.len());
    Sample {
        bytes,
        boundaries,
        hashes,
        encodings,
    }
}

/// Mostly small numbers, some of every encoded length.
fn small(random: &mut ChaCha8Rng) -> i32 {
    let value = random.next_u32() as i32;
    value >> (17 + random.next_u32() % 15)
}

fn block(payload: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend(b"COMPRESSED_LEB128");
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(payload);
}

/// The era at a width that none shipped, so that nothing prefers a shipped size.
fn narrow(era: &Era, l1: usize) -> Architecture {
    Architecture {
        l1,
        ..era.architecture
    }
}

/// Do files of both look alike? What no file says (the clamp) is left out.
fn alike(a: &Architecture, b: &Architecture) -> bool {
    let unsaid = |architecture: &Architecture| Architecture {
        activation: match architecture.activation {
            Activation::Pairwise { .. } => Activation::Pairwise {
                clamp: 127,
                shift: 7,
            },
            clipped => clipped,
        },
        ..*architecture
    };
    unsaid(a).same_as(&unsaid(b))
}

fn for_every_era(seed: u64, mut test: impl FnMut(&'static Era, &Architecture, &mut ChaCha8Rng)) {
    for (number, era) in ERAS.iter().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(seed + 1000 * number as u64);
        let l1 = if number % 2 == 0 { 32 } else { 64 };
        test(era, &narrow(era, l1), &mut random);
    }
}

#[test]
fn reading_writing_recognising_permuting() {
    for_every_era(1, |era, architecture, random| {
        for _ in 0..2 {
            let sample = sample(architecture, random);
            assert_eq!(
                Network::extent(&sample.bytes),
                Some(sample.bytes.len()),
                "{}",
                era.id
            );
            assert!(Network::has_header(
                &sample.bytes[..sample.boundaries[3] + 4]
            ));
            let mut network = Network::parse(&sample.bytes, &ReadOptions::default())
                .unwrap_or_else(|error| panic!("{}: {error}", era.id));
            assert!(
                alike(&network.architecture, architecture),
                "{} read as {}",
                era.id,
                network.recognition.era.id
            );
            assert_eq!(network.ft.encodings, sample.encodings);
            assert!(network.to_bytes() == sample.bytes, "{}", era.id);
            let mut indices: Vec<u32> = (0..architecture.neurons() as u32).collect();
            indices.shuffle(random);
            let permutation = Permutation::new(indices).unwrap();
            network.permute(&permutation).unwrap();
            let permuted = network.to_bytes();
            assert!(permuted.len() == sample.bytes.len() && permuted != sample.bytes);
            network.permute(&permutation.inverse()).unwrap();
            assert!(network.to_bytes() == sample.bytes, "{}", era.id);
            // Read as the era that it is, it is that era.
            let options = ReadOptions {
                era: Some(era),
                clamp: None,
            };
            let network = Network::parse(&sample.bytes, &options).unwrap();
            assert_eq!(network.recognition.era.id, era.id);
            assert!(network.architecture.same_as(architecture), "{}", era.id);
        }
    });
}

#[test]
fn every_truncation_is_an_error() {
    for_every_era(2, |era, architecture, random| {
        let mut sample = sample(architecture, random);
        let lengths = sample
            .boundaries
            .iter()
            .flat_map(|&at| [at - 1, at, at + 1]);
        for len in (0..20).chain(lengths) {
            if len >= sample.bytes.len() {
                continue;
            }
            let cut = &sample.bytes[..len];
            assert!(
                Network::parse(cut, &ReadOptions::default()).is_err(),
                "{} {len}",
                era.id
            );
            assert_eq!(Network::extent(cut), None, "{} {len}", era.id);
        }
        // What follows a network is an error for the reader, and not part of the extent.
        let len = sample.bytes.len();
        sample.bytes.push(0);
        assert!(Network::parse(&sample.bytes, &ReadOptions::default()).is_err());
        assert_eq!(Network::extent(&sample.bytes), Some(len));
    });
}

#[test]
fn every_changed_hash_is_an_error() {
    for_every_era(3, |era, architecture, random| {
        let mut sample = sample(architecture, random);
        for start in sample.hashes.clone() {
            for at in start..start + 4 {
                let mask = 1 << random.random_range(0..8);
                sample.bytes[at] ^= mask;
                assert!(
                    Network::parse(&sample.bytes, &ReadOptions::default()).is_err(),
                    "{}: byte {at} of hash at {start}, mask {mask}",
                    era.id
                );
                assert_eq!(Network::extent(&sample.bytes), None, "{} {at}", era.id);
                sample.bytes[at] ^= mask;
            }
        }
    });
}

#[test]
fn a_changed_length_of_a_block_is_no_panic() {
    for_every_era(4, |_, architecture, random| {
        let mut sample = sample(architecture, random);
        let magic = b"COMPRESSED_LEB128";
        let blocks: Vec<usize> = sample.boundaries[4..]
            .iter()
            .copied()
            .filter(|&at| sample.bytes[at..].starts_with(magic))
            .collect();
        for at in blocks {
            let at = at + magic.len();
            let old: [u8; 4] = sample.bytes[at..at + 4].try_into().unwrap();
            let len = u32::from_le_bytes(old);
            for new in [0, 1, len - 1, len + 1, len.wrapping_mul(2), u32::MAX] {
                sample.bytes[at..at + 4].copy_from_slice(&new.to_le_bytes());
                assert!(Network::parse(&sample.bytes, &ReadOptions::default()).is_err());
            }
            sample.bytes[at..at + 4].copy_from_slice(&old);
        }
    });
}
