//! Checkpoints to networks and back, byte for byte as the reference tool does it.

#[path = "common/material.rs"]
mod material;

use std::io::Read as _;
use std::path::Path;

use ftperm::checkpoint::{
    Checkpoint, Container, ConvertOptions, StateDict, network_state, safetensors, write_torch,
};
use ftperm::nnue::{FtCompression, Network, ReadOptions};
use ftperm::permutation::PermutationFile;

/// Folder, era, features and epoch of the reference's conversions.
const TRIPLES: [(&str, &str, &str); 8] = [
    ("seed/HalfKAv2_hm_L32", "small255", "HalfKAv2_hm^"),
    ("seed/HalfKAv2_hm_L32_trained", "small255", "HalfKAv2_hm^"),
    ("seed/HalfKAv2_hm_L64", "small255", "HalfKAv2_hm^"),
    ("seed/HalfKA_L32", "halfka", "HalfKA^"),
    ("seed/HalfKAv2_L32", "halfkav2", "HalfKAv2^"),
    ("seed/Full_Threats_L32", "v10b", "Full_Threats+HalfKAv2_hm^"),
    (
        "head/Composite_L32",
        "v16",
        "Full_Threats+PP_3Wide+HalfKAv2_hm^",
    ),
    ("head/HalfKAv2_hm_L64_trained", "hm", "HalfKAv2_hm^"),
];

fn gunzip(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

struct Triple {
    folder: std::path::PathBuf,
    name: &'static str,
    era: &'static str,
    features: &'static str,
}

impl Triple {
    fn file(&self, name: &str) -> Vec<u8> {
        gunzip(&self.folder.join(format!("{name}.gz")))
    }

    fn permuted(&self, mut network: Network) -> Vec<u8> {
        let file = PermutationFile::read(&self.folder.join("perm.npy")).unwrap();
        network.permute(&file.permutation).unwrap();
        encoded(network, FtCompression::Leb128)
    }
}

/// The triples whose files are at hand; not all were kept.
fn triples() -> Vec<Triple> {
    let Some(root) = material::shared("reference/triples") else {
        return Vec::new();
    };
    let found: Vec<Triple> = TRIPLES
        .into_iter()
        .map(|(name, era, features)| Triple {
            folder: root.join(name),
            name,
            era,
            features,
        })
        .filter(|triple| triple.folder.exists())
        .collect();
    assert!(found.len() >= 6);
    found
}

fn encoded(mut network: Network, compression: FtCompression) -> Vec<u8> {
    network.set_compression(compression);
    network.to_bytes()
}

fn same(found: &[u8], expected: &[u8], what: &str) {
    if found != expected {
        let first = found.iter().zip(expected).position(|(a, b)| a != b);
        panic!(
            "{what}: {} bytes, {} expected; first difference at {first:?}",
            found.len(),
            expected.len()
        );
    }
}

/// Converts and compares all three targets.
fn check(triple: &Triple, checkpoint: &Checkpoint, source: &str) {
    let what = |target: &str| format!("{} from {source} to {target}", triple.name);
    let (network, conversion) = checkpoint.to_network(&ConvertOptions::default()).unwrap();
    assert_eq!(network.recognition.era.id, triple.era, "{}", triple.name);
    assert_eq!(conversion.features, triple.features, "{}", triple.name);
    same(
        &encoded(network.clone(), FtCompression::None),
        &triple.file("none.nnue"),
        &what("none.nnue"),
    );
    same(
        &encoded(network.clone(), FtCompression::Leb128),
        &triple.file("leb128.nnue"),
        &what("leb128.nnue"),
    );
    let expected = triple.file("perm_leb128.nnue");
    let options = ConvertOptions {
        compat: true,
        permuted: true,
        ..ConvertOptions::default()
    };
    let (compatible, _) = checkpoint.to_network(&options).unwrap();
    same(
        &triple.permuted(compatible),
        &expected,
        &what("perm_leb128.nnue"),
    );
    if triple.era != "halfka" {
        same(
            &triple.permuted(network),
            &expected,
            &what("perm_leb128.nnue, plain conversion"),
        );
    }
}

#[test]
fn every_source_gives_the_reference_bytes() {
    for triple in triples() {
        for source in ["model.ckpt", "model.pt"] {
            let checkpoint = Checkpoint::from_bytes(triple.file(source)).unwrap();
            check(&triple, &checkpoint, source);
            let state = checkpoint.state_dict().unwrap();
            let mut bytes = Vec::new();
            safetensors::write(&state, &mut bytes).unwrap();
            let again = Checkpoint::from_bytes(bytes).unwrap();
            assert_eq!(*again.container(), Container::Safetensors);
            check(&triple, &again, "safetensors");
            let mut bytes = Vec::new();
            write_torch(&state, &mut bytes).unwrap();
            let again = Checkpoint::from_bytes(bytes).unwrap();
            assert_eq!(*again.container(), Container::StateDict);
            check(&triple, &again, "state dictionary");
        }
    }
}
