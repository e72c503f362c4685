//! What is written, the era's engine reads: raw tensors before June 2023, LEB128 after.

use crate::common::material;

use std::path::Path;

use crate::common::program::{Case, ftperm, text};
use ftperm::nets::stockfish::{
    ERAS, Encoding, FtCompression, Network, ReadOptions, Storage, TensorRole,
};

/// Of the facts on file layouts: R1 and R2 until SFNNv6, whose first networks were raw, then L to TD.
#[test]
fn every_era_has_its_storage() {
    for era in ERAS {
        let expected = match era.id {
            "v1" | "v2" | "v3" | "v4" | "v5" => Storage::Raw,
            "v6" => Storage::Either,
            _ if era.engines.starts_with("none") => Storage::Either,
            _ => Storage::Leb128,
        };
        assert_eq!(era.storage, expected, "{}", era.id);
    }
}

fn encodings(path: &Path) -> Vec<Encoding> {
    let bytes = std::fs::read(path).unwrap();
    let options = ReadOptions {
        clamp: Some(127),
        era: None,
    };
    let network = Network::parse(&bytes, &options).unwrap();
    let layout = network.architecture.layout.iter();
    layout
        .zip(&network.ft.encodings)
        .filter(|(spec, _)| !matches!(spec.role, TensorRole::Narrow(..)))
        .map(|(_, encoding)| *encoding)
        .collect()
}

/// Final evaluation and whether the engine took the network, by Debian's Stockfish 15.1.
fn evaluated(net: &Path) -> Option<String> {
    let engine = material::stockfish()?;
    let commands = format!(
        "setoption name EvalFile value {}\nposition startpos\neval",
        net.display()
    );
    Some(material::uci(&engine, &commands))
}

#[test]
fn stockfish_15_1_reads_what_is_written_for_it() {
    let Some(net) = material::stockfish_net() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |arguments: &[&str]| {
        let output = ftperm(folder, arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        said
    };
    let reversed: Vec<String> = (0..512).rev().map(|it| it.to_string()).collect();
    std::fs::write(folder.join("order.txt"), reversed.join("\n")).unwrap();
    let said = run(&[
        "serialize",
        net.to_str().unwrap(),
        "leb.nnue",
        "--ft-compression=leb128",
    ]);
    assert!(said.contains("Stockfish 15.1 do not read LEB128"), "{said}");
    assert!(
        encodings(&folder.join("leb.nnue"))
            .iter()
            .all(|it| *it == Encoding::Leb128)
    );
    assert!(
        evaluated(&folder.join("leb.nnue"))
            .unwrap()
            .contains("ERROR")
    );
    // From a file that its engine cannot read come files that it can.
    run(&["serialize", "leb.nnue", "raw.nnue"]);
    run(&[
        "apply",
        "order.txt",
        "--net",
        "leb.nnue",
        "--out",
        "applied.nnue",
    ]);
    run(&["serialize", net.to_str().unwrap(), "a.pt"]);
    run(&["serialize", "a.pt", "from-pt.nnue"]);
    for name in ["raw.nnue", "applied.nnue", "from-pt.nnue"] {
        let path = folder.join(name);
        assert!(
            encodings(&path).iter().all(|it| *it == Encoding::Raw),
            "{name}"
        );
        let said = evaluated(&path).unwrap();
        assert!(
            !said.contains("ERROR") && said.contains("NNUE evaluation"),
            "{name}: {said}"
        );
    }
    assert!(std::fs::read(folder.join("raw.nnue")).unwrap() == std::fs::read(&net).unwrap());
}

/// Engines from SFNNv7 on read LEB128 only.
#[test]
fn small_networks_are_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let demo = material::own("datasets/demo.nnue");
    let run = |arguments: &[&str]| {
        let output = ftperm(folder, arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        said
    };
    let said = run(&[
        "serialize",
        demo.to_str().unwrap(),
        "raw.nnue",
        "--ft-compression=none",
    ]);
    assert!(said.contains("do not read raw tensors"), "{said}");
    let said = run(&["serialize", "raw.nnue", "again.nnue"]);
    assert!(said.contains("written as they read it"), "{said}");
    assert!(std::fs::read(folder.join("again.nnue")).unwrap() == std::fs::read(&demo).unwrap());
}

/// State dictionaries have no place for padding, so what is not zero of it is noted in them.
#[test]
fn padding_survives_a_state_dictionary() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let demo = material::own("datasets/demo.nnue");
    let mut network = Network::read(&demo, &ReadOptions::default()).unwrap();
    // Rows of the second layer have 30 inputs and two bytes of padding.
    network.stacks[7].layers[1].weights[31] = -61;
    network.stacks[0].layers[1].weights[32 * 31 + 30] = 7;
    let bytes = network.to_bytes();
    std::fs::write(folder.join("n.nnue"), &bytes).unwrap();
    for state in ["a.pt", "a.safetensors"] {
        Case::new("serialize")
            .args(["n.nnue", state, "--clamp", "127"])
            .folder(folder)
            .ok();
        Case::new("serialize")
            .args([state, "again.nnue"])
            .folder(folder)
            .ok();
        assert!(
            std::fs::read(folder.join("again.nnue")).unwrap() == bytes,
            "{state}"
        );
    }
}

/// A permutation file tells the weights that it was made for, in whatever file they are.
#[test]
fn apply_knows_weights_in_another_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    Case::new("optimize")
        .net("demo")
        .data("selfplay")
        .args([
            "--count", "500", "--effort", "quick", "--out", "o.nnue", "--perm", "p.txt",
        ])
        .folder(folder)
        .ok();
    let apply = |net: &str| {
        Case::new("apply")
            .args(["p.txt", "--net", net, "--out", "applied.nnue"])
            .args(["--ft-compression=leb128"])
            .folder(folder)
            .ok()
            .stderr
    };
    let demo = material::own("datasets/demo.nnue");
    let mut network = Network::read(&demo, &ReadOptions::default()).unwrap();
    network.set_compression(FtCompression::None);
    network.description = b"another".to_vec();
    std::fs::write(folder.join("raw.nnue"), network.to_bytes()).unwrap();
    let said = apply("raw.nnue");
    assert!(
        said.contains("these are the weights that the permutation was made for"),
        "{said}"
    );
    assert!(!said.contains("nobody knows"), "{said}");
    network.ft.bias[0] += 1;
    std::fs::write(folder.join("other.nnue"), network.to_bytes()).unwrap();
    let said = apply("other.nnue");
    assert!(said.contains("how good it is nobody knows"), "{said}");
    let said = apply(demo.to_str().unwrap());
    assert!(!said.contains("weights that the permutation"), "{said}");
}
