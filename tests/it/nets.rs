//! Real networks: recognised, written back byte for byte, permuted and permuted back.

use std::path::PathBuf;

use ftperm::nets::stockfish::{Network, ReadOptions};
use ftperm::order::Permutation;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::common::material;
use crate::common::program::Case;

/// Name, era, L1 of the real networks at hand.
fn real_nets() -> Vec<(PathBuf, &'static str, usize)> {
    let shared = [
        ("nets/nn-1a298aa575a0.nnue", "v16", 1024),
        ("nets/nn-37f18f62d772.nnue", "small127", 128),
        ("nets/nn-61e7af4bb97d.nnue", "lite768", 1024),
        ("nets/nn-9067e33176e8.nnue", "small127", 256),
    ];
    let mut nets: Vec<_> = shared
        .into_iter()
        .filter_map(|(path, era, l1)| Some((material::shared(path)?, era, l1)))
        .collect();
    nets.extend(material::stockfish_net().map(|path| (path, "v5", 1024)));
    nets.push((material::own("datasets/demo.nnue"), "small127", 128));
    nets
}

/// A network whose LEB128 is longer than need be is read, that is said, and it is written in the shortest form.
#[test]
fn longer_leb128_is_told() {
    let pristine = std::fs::read(material::own("datasets/demo.nnue")).unwrap();
    let magic = b"COMPRESSED_LEB128";
    let mut blocks = pristine.windows(magic.len()).enumerate();
    let block = blocks.find(|(_, window)| window == magic).unwrap().0;
    let length_at = block + magic.len();
    let mut bytes = pristine.clone();
    let length = u32::from_le_bytes(bytes[length_at..length_at + 4].try_into().unwrap());
    bytes[length_at..length_at + 4].copy_from_slice(&(length + 1).to_le_bytes());
    // The end of the first value goes on in a byte of its sign.
    let first = length_at + 4;
    let end = first
        + bytes[first..]
            .iter()
            .position(|byte| byte & 0x80 == 0)
            .unwrap();
    let sign = if bytes[end] & 0x40 == 0 { 0 } else { 0x7F };
    bytes[end] |= 0x80;
    bytes.insert(end + 1, sign);
    let network = Network::parse(&bytes, &ReadOptions::default()).unwrap();
    assert_eq!(network.longer_leb128, ["feature transformer biases"]);
    assert!(network.to_bytes() == pristine);
    let network = Network::parse(&pristine, &ReadOptions::default()).unwrap();
    assert!(network.longer_leb128.is_empty());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.nnue");
    std::fs::write(&path, &bytes).unwrap();
    let run = |arguments: &[&std::ffi::OsStr]| {
        let done = Case::new(arguments[0]).args(&arguments[1..]).ok();
        (done.stdout, done.stderr)
    };
    let (shown, _) = run(&["inspect".as_ref(), path.as_os_str()]);
    assert!(
        shown.contains("not in its shortest form in feature transformer biases"),
        "{shown}"
    );
    let out = folder.path().join("short.nnue");
    let (_, said) = run(&["serialize".as_ref(), path.as_os_str(), out.as_os_str()]);
    assert!(
        said.contains("LEB128 values of feature transformer biases"),
        "{said}"
    );
    assert!(said.contains("same outputs in all buckets"), "{said}");
    assert!(std::fs::read(&out).unwrap() == pristine);
    // Compression is changed only if asked for.
    let raw = folder.path().join("raw.nnue");
    let how = "--ft-compression=none";
    run(&[
        "serialize".as_ref(),
        out.as_os_str(),
        raw.as_os_str(),
        how.as_ref(),
    ]);
    let network = Network::parse(&std::fs::read(&raw).unwrap(), &ReadOptions::default()).unwrap();
    assert!(
        network
            .ft
            .encodings
            .iter()
            .all(|&it| it == ftperm::nets::stockfish::Encoding::Raw)
    );
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
