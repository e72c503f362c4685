//! The same function at every seam: a checkpoint and its network, a network and its state dictionary.

use crate::common::material;

use std::path::{Path, PathBuf};

use crate::common::program::{ftperm, text};
use ftperm::nets::checkpoint::{
    Checkpoint, ConvertOptions, network_state, safetensors, write_torch,
};
use ftperm::nets::stockfish::{Architecture, Network, ReadOptions, era};

fn triples() -> Vec<PathBuf> {
    let Some(root) = material::shared("reference/triples") else {
        return Vec::new();
    };
    let folders = ["seed", "head"].map(|it| root.join(it));
    let mut found: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    assert!(found.len() >= 6, "{found:?}");
    found
}

fn unpacked(triple: &Path, name: &str, folder: &Path) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, material::gunzip(&triple.join(format!("{name}.gz")))).unwrap();
    path
}

#[test]
fn the_trainers_own_pairs_are_equal() {
    let data = material::own("datasets/selfplay.binpack");
    let data = data.to_str().unwrap();
    for triple in triples() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["model.ckpt", "model.pt", "none.nnue", "leb128.nnue"] {
            unpacked(&triple, name, folder.path());
        }
        for pair in [
            ["model.ckpt", "leb128.nnue"],
            ["none.nnue", "model.ckpt"],
            ["model.pt", "none.nnue"],
        ] {
            let output = ftperm(
                folder.path(),
                &["verify", pair[0], pair[1], "--data", data, "--count", "300"],
            );
            let said = text(&output.stderr);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{} {pair:?}: {said}",
                triple.display()
            );
        }
        // And both alone are read as the same.
        let eras = ["model.ckpt", "leb128.nnue"].map(|name| {
            let output = ftperm(folder.path(), &["inspect", name, "--json"]);
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            json["era"].as_str().unwrap().to_string()
        });
        assert_eq!(eras[0], eras[1], "{}", triple.display());
    }
}

/// There and back, with nothing else asked for.
fn returns(bytes: &[u8], what: &str) {
    let network = Network::parse(bytes, &ReadOptions::default())
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    for factorised in [false, true] {
        // Adding a row to the 64 unused ones of HalfKA^ is not undone by dividing.
        if factorised && network.architecture.feature_names() == "HalfKA" {
            continue;
        }
        let state = network_state(&network, factorised);
        let (mut torch, mut tensors) = (Vec::new(), Vec::new());
        write_torch(&state, &mut torch).unwrap();
        safetensors::write(&state, &mut tensors).unwrap();
        drop(state);
        for file in [torch, tensors] {
            let checkpoint = Checkpoint::from_bytes(file).unwrap();
            let (again, conversion) = checkpoint.to_network(&ConvertOptions::default()).unwrap();
            assert!(
                conversion.ranges.is_empty(),
                "{what}: {:?}",
                conversion.ranges
            );
            let (a, b) = (&again.architecture, &network.architecture);
            assert_eq!(a.activation, b.activation, "{what}");
            assert_eq!(
                again.recognition.era.id, network.recognition.era.id,
                "{what}"
            );
            assert!(again.to_bytes() == bytes, "{what}");
        }
    }
}

#[test]
fn small_networks_return_from_state_dictionaries() {
    for triple in triples() {
        for name in ["none.nnue", "leb128.nnue"] {
            let bytes = material::gunzip(&triple.join(format!("{name}.gz")));
            returns(&bytes, &format!("{} {name}", triple.display()));
        }
    }
    returns(
        &std::fs::read(material::own("datasets/demo.nnue")).unwrap(),
        "demo",
    );
    for name in ["nn-37f18f62d772", "nn-9067e33176e8", "nn-61e7af4bb97d"] {
        if let Some(path) = material::shared(&format!("nets/{name}.nnue")) {
            returns(&std::fs::read(path).unwrap(), name);
        }
    }
    if let Some(path) = material::shared("cases/L3-16.nnue") {
        returns(&std::fs::read(path).unwrap(), "L3-16");
    }
}

/// One network of each way to count one: SFNNv5 by the command, as files.
#[test]
fn a_network_of_an_engine_returns_through_the_command() {
    let Some(net) = material::stockfish_net() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for state in ["a.pt", "a.safetensors"] {
        let run = |arguments: &[&str]| {
            let output = ftperm(folder.path(), arguments);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
            said
        };
        run(&["serialize", net.to_str().unwrap(), state]);
        let said = run(&["serialize", state, "back.nnue"]);
        assert!(!said.contains("assumed"), "{said}");
        let back = std::fs::read(folder.path().join("back.nnue")).unwrap();
        assert!(back == std::fs::read(&net).unwrap(), "{state}");
    }
}

/// The oldest era has neither PSQT nor buckets.
#[test]
fn networks_without_psqt_return() {
    let architecture = Architecture {
        l1: 32,
        ..era("v1").unwrap().architecture
    };
    let mut bytes = Vec::new();
    for value in [
        architecture.version,
        architecture.header_hash(),
        0,
        architecture.ft_hash(),
    ] {
        bytes.extend(value.to_le_bytes());
    }
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as i16 - 128
    };
    for _ in 0..32 + 41024 * 32 {
        bytes.extend(next().to_le_bytes());
    }
    bytes.extend(architecture.stack_hash().to_le_bytes());
    for (inputs, outputs) in architecture.layer_sizes().layers {
        for _ in 0..outputs {
            bytes.extend(i32::from(next()).to_le_bytes());
        }
        for _ in 0..inputs * outputs {
            bytes.push(next().clamp(-127, 127) as u8);
        }
    }
    returns(&bytes, "v1");
}

/// What nothing tells is said, and it is the same from both sides.
#[test]
fn an_assumed_clamp_is_said_and_can_be_changed() {
    let Some(triple) = triples()
        .into_iter()
        .find(|it| it.ends_with("HalfKAv2_hm_L32_trained"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    unpacked(&triple, "model.ckpt", folder);
    unpacked(&triple, "none.nnue", folder);
    let inspect = |arguments: &[&str]| -> serde_json::Value {
        let output = ftperm(folder, &[&["inspect", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let network = inspect(&["none.nnue"]);
    assert_eq!(network["clamp"], 255);
    assert_eq!(network["clamp_assumed"], true);
    assert_eq!(network["assumptions"].as_array().unwrap().len(), 1);
    let checkpoint = inspect(&["model.ckpt"]);
    assert_eq!(checkpoint["assumptions"].as_array().unwrap().len(), 1);
    // The other way for both.
    assert_eq!(inspect(&["none.nnue", "--clamp", "127"])["era"], "small127");
    assert_eq!(
        inspect(&["model.ckpt", "--clamp", "127"])["era"],
        "small127"
    );
    // What was assumed on the way to a state dictionary is told again on the way back.
    let output = ftperm(folder, &["serialize", "none.nnue", "a.safetensors"]);
    assert_eq!(output.status.code(), Some(0));
    let again = inspect(&["a.safetensors"]);
    assert!(
        again["assumptions"][0]
            .as_str()
            .unwrap()
            .contains("as was assumed"),
        "{again}"
    );
    // A checkpoint that was told keeps what it was told.
    let output = ftperm(
        folder,
        &["serialize", "model.ckpt", "b.pt", "--clamp", "127"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let again = inspect(&["b.pt"]);
    assert_eq!(
        (
            &again["era"],
            again["assumptions"].as_array().unwrap().len()
        ),
        (&"small127".into(), 0)
    );
}
