//! The networks inside the npm packages `stockfish`: plain files, WebAssembly modules for one thread (active segments)
//! and for several (passive segments), modules in parts. `tests/fetch-npm-nets.sh` fetches the packages.

use ftperm::files::digest::{hex, net_name, sha256};
use ftperm::nets::source::{Engine, NetSource};
use ftperm::nets::stockfish::{Network, ReadOptions};
use ftperm::order::Permutation;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::common::material;
use crate::common::program::Case;

const NN_13406B: &str = "13406b1dcbe0a36dfc5e07da51d8db38b7a45d7da43078ec25a7624c2b83236f";
const NN_76A8A7: &str = "76a8a7ffb8209a4c058b6aaae5802e980546a78e6ddea68b821ab4f81713db06";
const NN_1C0000: &str = "1c0000000000a67d629999d932d0c373f7450ce43cd12d0562868f4eaf9ae2ad";
const NN_37F18F: &str = "37f18f62d772f3107e1d6aaca3898c130c3c86f2ab63e6555fbbca20635a899d";
const NN_9067E3: &str = "9067e33176e8c5edb7aa8db6a3aedd012f84a1f39872e86357c6c2d0993f314d";
const NN_C288C8: &str = "c288c895ea924429ea9092e3f36b2b3c1f00f2a3a4c759ff7e57e79e3b43e4a7";
const NN_1A298A: &str = "1a298aa575a085434d29027978dc36867fe9c5bcea9376654b7a8eba1e52dfc2";
const NN_61E7AF: &str = "61e7af4bb97d51eeeb25d322916f86513b5cd3a827ce189c98c6e31946f99e5b";

/// Reads a network, writes it, permutes it and permutes it back.
fn check(bytes: &[u8], era: &str) {
    let mut network = Network::parse(bytes, &ReadOptions::default()).unwrap();
    assert_eq!(network.recognition.era.id, era);
    assert!(network.to_bytes() == bytes, "{era}");
    let mut indices: Vec<u32> = (0..network.architecture.neurons() as u32).collect();
    indices.shuffle(&mut ChaCha8Rng::seed_from_u64(2));
    let permutation = Permutation::new(indices).unwrap();
    network.permute(&permutation).unwrap();
    let permuted = network.to_bytes();
    assert!(permuted.len() == bytes.len() && permuted != bytes, "{era}");
    drop(network);
    let mut network = Network::parse(
        &permuted,
        &ReadOptions {
            era: ftperm::nets::stockfish::era(era),
            clamp: None,
        },
    )
    .unwrap();
    network.permute(&permutation.inverse()).unwrap();
    assert!(network.to_bytes() == bytes, "{era}");
}

fn plain(path: &str, sha256: &str, era: &str) {
    let Some(path) = material::npm(path) else {
        return;
    };
    let loaded = NetSource::parse(Some(path.as_os_str())).load().unwrap();
    assert_eq!(hex(&loaded.sha256()), sha256);
    assert_eq!(loaded.origin.inside, None);
    check(&loaded.bytes, era);
}

/// Its padding is not zero, and yet it survives a state dictionary.
#[test]
fn v17_1_0_through_a_state_dictionary() {
    let module = "17.1.0/src/stockfish-17.1-single-a496a04-part-0.wasm";
    let Some(module) = material::npm(module) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [
        (module.as_os_str(), "a.safetensors"),
        ("a.safetensors".as_ref(), "again.nnue"),
    ] {
        Case::new("serialize")
            .arg(from)
            .arg(to)
            .folder(&folder)
            .ok();
    }
    let again = std::fs::read(folder.path().join("again.nnue")).unwrap();
    assert_eq!(hex(&sha256(&again)), NN_1C0000);
}

/// `(file offset, SHA-256)` per network, and whether its file offset is that of a single-threaded module, for which
/// the memory address is known too.
fn module(path: &str, expected: &[(u64, Option<u64>, &str)]) -> Option<Engine> {
    let engine = Engine::open(&material::npm(path)?).unwrap();
    let found: Vec<_> = engine
        .nets()
        .iter()
        .map(|net| {
            let digest = hex(&sha256(engine.bytes(net)));
            (net.offset, net.address, digest)
        })
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((offset, address, digest), expected) in found.iter().zip(expected) {
        assert_eq!(
            (*offset, digest.as_str()),
            (expected.0, expected.2),
            "{path}"
        );
        if expected.1.is_some() {
            assert_eq!(*address, expected.1, "{path}");
        }
    }
    Some(engine)
}

#[test]
fn v14_1_0() {
    plain("14.1.0/src/nn-13406b1dcbe0.nnue", NN_13406B, "v3");
}

#[test]
fn v16_0_0() {
    let old = "16.0.0/src/emscripten/public/old-nn/nn-76a8a7ffb820.nnue";
    plain(old, NN_76A8A7, "v2");
    // The name of a network is the start of its SHA-256.
    let Some(path) = material::npm("16.0.0/src/nn-5af11540bbfe.nnue") else {
        return;
    };
    let loaded = NetSource::parse(Some(path.as_os_str())).load().unwrap();
    assert_eq!(net_name(&loaded.sha256()), "nn-5af11540bbfe");
    check(&loaded.bytes, "v6");
    // These engines fetch their network.
    let without = material::npm("16.0.0/src/stockfish-nnue-16.wasm").unwrap();
    let error = Engine::open(&without).unwrap_err().to_string();
    assert!(error.contains("a WebAssembly module"), "{error}");
}

#[test]
fn v17_1_0_single() {
    let path = "17.1.0/src/stockfish-17.1-single-a496a04-part-0.wasm";
    let nets = [
        (668_695, Some(35_568), NN_1C0000),
        (75_518_630, Some(74_910_048), NN_37F18F),
    ];
    let Some(engine) = module(path, &nets) else {
        return;
    };
    check(engine.bytes(&engine.nets()[0]), "v9");
    check(engine.bytes(&engine.nets()[1]), "small127");
    drop(engine);
    // Any part and the stem name the same module; the number chooses.
    for (name, sha256) in [
        ("-part-5.wasm#1", NN_1C0000),
        (".wasm#2", NN_37F18F),
        ("", NN_1C0000),
    ] {
        let stem = material::npm("17.1.0/src/stockfish-17.1-single-a496a04").unwrap();
        let argument = format!("{}{name}", stem.display());
        let loaded = NetSource::parse(Some(argument.as_ref())).load().unwrap();
        assert_eq!(hex(&loaded.sha256()), sha256);
        assert_eq!(loaded.origin.parts, 6);
        assert_eq!(loaded.origin.inside.unwrap().count, 2);
    }
}

#[test]
fn v17_1_0_multi() {
    let path = "17.1.0/src/stockfish-17.1-8e4d048-part-0.wasm";
    let nets = [(458_526, None, NN_1C0000), (75_332_964, None, NN_37F18F)];
    module(path, &nets);
}

#[test]
fn v17_1_0_lite() {
    let nets = [(649_438, Some(35_552), NN_9067E3)];
    let path = "17.1.0/src/stockfish-17.1-lite-single-03e3232.wasm";
    if let Some(engine) = module(path, &nets) {
        // SFNNv5 to v9 are one at these sizes; the engine is of the small networks' time.
        check(engine.bytes(&engine.nets()[0]), "small127");
    }
    let nets = [(441_010, None, NN_9067E3)];
    module("17.1.0/src/stockfish-17.1-lite-51f59da.wasm", &nets);
}

#[test]
fn v18_0_8_single() {
    let nets = [
        (678_538, Some(34_640), NN_C288C8),
        (109_375_202, Some(108_954_240), NN_37F18F),
    ];
    let Some(engine) = module("18.0.8/bin/stockfish-18-single.wasm", &nets) else {
        return;
    };
    check(engine.bytes(&engine.nets()[0]), "v10b");
}

#[test]
fn v18_0_8_multi() {
    let nets = [(471_865, None, NN_C288C8), (109_390_125, None, NN_37F18F)];
    let Some(engine) = module("18.0.8/bin/stockfish-18.wasm", &nets) else {
        return;
    };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let written = engine.extract(&directory.path().join("new")).unwrap();
    let names: Vec<_> = written
        .iter()
        .map(|it| it.path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["nn-c288c895ea92.nnue", "nn-37f18f62d772.nnue"]);
    for (file, net) in written.iter().zip(engine.nets()) {
        assert!(std::fs::read(&file.path).unwrap() == engine.bytes(net));
    }
}

#[test]
fn v18_0_8_lite() {
    module(
        "18.0.8/bin/stockfish-18-lite-single.wasm",
        &[(658_697, Some(34_640), NN_9067E3)],
    );
    module(
        "18.0.8/bin/stockfish-18-lite.wasm",
        &[(453_434, None, NN_9067E3)],
    );
}

#[test]
fn v19_0_0_single() {
    let nets = [(614_646, Some(36_144), NN_1A298A)];
    if let Some(engine) = module("19.0.0/bin/stockfish-19-single.wasm", &nets) {
        check(engine.bytes(&engine.nets()[0]), "v16");
    }
}

#[test]
fn v19_0_0_multi() {
    module(
        "19.0.0/bin/stockfish-19.wasm",
        &[(463_329, None, NN_1A298A)],
    );
}

/// Engines that became JavaScript hold the lite networks of the same packages' modules as base64.
#[test]
fn asm_js() {
    // The places of the headers' base64, by a program of another language.
    for (path, sha256, era, offset) in [
        (
            "17.1.0/src/stockfish-17.1-asm-341ff22.js",
            NN_9067E3,
            "small127",
            745_204,
        ),
        (
            "18.0.8/bin/stockfish-18-asm.js",
            NN_9067E3,
            "small127",
            764_167,
        ),
        (
            "19.0.0/bin/stockfish-19-asm.js",
            NN_61E7AF,
            "lite768",
            56_098,
        ),
    ] {
        let Some(path) = material::npm(path) else {
            return;
        };
        let engine = Engine::open(&path).unwrap();
        let [net] = engine.nets() else {
            panic!("{}: {:?}", path.display(), engine.nets());
        };
        let bytes = engine.bytes(net);
        assert_eq!(
            hex(&ftperm::files::digest::sha256(bytes)),
            sha256,
            "{}",
            path.display()
        );
        check(bytes, era);
        assert_eq!(net.offset, offset, "{}", path.display());
        assert!(net.address.is_some(), "{net:?}");
    }
}

#[test]
fn v19_0_0_lite() {
    let nets = [(607_348, Some(40_240), NN_61E7AF)];
    if let Some(engine) = module("19.0.0/bin/stockfish-19-lite-single.wasm", &nets) {
        check(engine.bytes(&engine.nets()[0]), "lite768");
    }
    module(
        "19.0.0/bin/stockfish-19-lite.wasm",
        &[(456_008, None, NN_61E7AF)],
    );
}
