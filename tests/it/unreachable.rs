//! What a network costs, and networks without the rows that no legal position activates.

use std::io::Write as _;

use ftperm::nets::stockfish::{Network, ReadOptions};

use crate::common::material;
use crate::common::program::Case;

#[test]
fn what_tensors_cost_adds_up_to_the_file() {
    let path = material::own("datasets/demo.nnue");
    let bytes = std::fs::read(&path).unwrap();
    let size = Case::new("inspect")
        .arg(&path)
        .args(["--size", "--json"])
        .ok()
        .json();
    let network = Network::read(&path, &ReadOptions::default()).unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
    assert_eq!(number(&size["file"]["bytes"]), bytes.len());
    // Version, hash, length of the description, the description, the feature transformer's hash; then all tensors in
    // LEB128 as the file has them, and the layers.
    let parts = size["tensors"].as_array().unwrap().iter().map(|tensor| {
        let leb128 = &tensor["leb128"];
        number(if leb128.is_null() {
            &tensor["raw"]
        } else {
            leb128
        })
    });
    assert_eq!(
        16 + network.description.len() + parts.sum::<usize>(),
        bytes.len()
    );
    let raw: Vec<usize> = size["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tensor| number(&tensor["raw"]))
        .collect();
    assert_eq!(raw[..3], [2 * 128, 2 * 128 * 22528, 4 * 8 * 22528]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    gzip.write_all(&bytes).unwrap();
    let gzip = gzip.finish().unwrap().len();
    // The same bytes in other pieces may give blocks that begin elsewhere.
    assert!(number(&size["file"]["gzip"]).abs_diff(gzip) <= gzip / 1000);
    // As worked out by hand in the tests of feature sets.
    assert_eq!(size["features"][0]["unreachable"], 1024 + 304 + 210);
    let reasons = &size["features"][0]["reasons"];
    assert_eq!(reasons["adjacent_kings"], 210);
    let zeroed = number(&size["file_if_zeroed"]["gzip"]);
    assert!(zeroed < gzip, "{zeroed} {gzip}");
}

/// Two networks that differ in such rows alone are not one, but no game tells them apart.
#[test]
fn verify_says_what_legal_positions_see() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let demo = material::own("datasets/demo.nnue");
    let zeroed = folder.join("zeroed.nnue");
    Case::new("serialize")
        .args([&demo, &zeroed])
        .arg("--zero-unreachable")
        .ok();
    let verify = |b: &std::path::Path| {
        Case::new("verify")
            .args([demo.as_path(), b])
            .args(["--clamp", "127", "--json"])
            .ends_with(1)
    };
    let done = verify(&zeroed);
    let report = done.json();
    let differences = &report["differences"];
    assert!(differences["count"].as_u64().unwrap() > 100_000);
    assert_eq!(differences["count"], differences["unreachable"]);
    assert_eq!(report["verified"]["proved"], false);
    done.says("proved: equal on every legal position");

    // One weight more, of a bias.
    let options = ReadOptions {
        clamp: Some(127),
        ..ReadOptions::default()
    };
    let mut network = Network::read(&zeroed, &options).unwrap();
    network.ft.bias[0] ^= 1;
    let other = folder.join("other.nnue");
    network
        .write(&mut std::fs::File::create(&other).unwrap())
        .unwrap();
    let done = verify(&other);
    let differences = &done.json()["differences"];
    let number = |key: &str| differences[key].as_u64().unwrap();
    assert_eq!(number("count"), number("unreachable") + 1);
    done.says("of them are of features that no legal position activates, 1 are not");
}

#[test]
fn rows_of_no_legal_position_become_zero() {
    let folder = tempfile::tempdir().unwrap();
    let path = material::own("datasets/demo.nnue");
    let out = folder.path().join("out.nnue");
    let done = Case::new("serialize")
        .args([&path, &out])
        .args(["--zero-unreachable", "--json"])
        .ok();
    // The network is known by its contents, which are others now.
    let options = ReadOptions {
        clamp: Some(127),
        ..ReadOptions::default()
    };
    let read = |path: &std::path::Path| Network::read(path, &options).unwrap();
    let (before, after) = (read(&path), read(&out));
    let not_zero = |network: &Network| -> usize {
        let rows = network.unreachable_rows();
        rows.iter().map(|rows| rows.not_zero).sum()
    };
    assert_eq!(done.json()["zeroed_rows"], not_zero(&before));
    assert_eq!(not_zero(&after), 0);
    assert_eq!(before.reachable_digest(), after.reachable_digest());
    done.says("rows set to zero, each of a feature that no legal position activates")
        .says("equal on every legal position")
        .says("same outputs in all buckets on 500 positions");
    assert!(out.metadata().unwrap().len() < path.metadata().unwrap().len());
    // An own pawn on a1 has no weights any more, one on a2 keeps them.
    let l1 = before.architecture.l1;
    assert!(after.ft.wide[..l1].iter().all(|&weight| weight == 0));
    assert_eq!(
        before.ft.wide[8 * l1..9 * l1],
        after.ft.wide[8 * l1..9 * l1]
    );
    // Without the option nothing of it happens.
    let plain = folder.path().join("plain.nnue");
    let done = Case::new("serialize")
        .args([&path, &plain])
        .arg("--json")
        .ok();
    assert!(done.json()["zeroed_rows"].is_null());
    assert_eq!(
        std::fs::read(&plain).unwrap(),
        std::fs::read(&path).unwrap()
    );
    Case::new("serialize")
        .arg(&path)
        .arg(folder.path().join("a.pt"))
        .arg("--zero-unreachable")
        .ends_with(2)
        .says("--zero-unreachable is for .nnue targets");
}

/// A network of Stockfish and real positions.
#[test]
fn real_networks_compute_the_same_without_them() {
    let (Some(net), Some(data)) = (
        material::stockfish_net(),
        material::shared("data/small.binpack"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.nnue");
    Case::new("serialize")
        .args([&net, &out])
        .args(["--zero-unreachable", "--ft-compression", "none"])
        .ok()
        .says("equal on every legal position");
    let trace = |net: &std::path::Path| {
        let case = Case::new("trace").option("--net", net);
        case.option("--data", &data)
            .args(["--count", "300", "--json"])
            .ok()
            .stdout
    };
    assert!(trace(&net) == trace(&out));
}
