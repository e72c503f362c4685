//! `ftperm verify`: what it proves, and what it says where it cannot.

use crate::common::material;

use std::path::Path;

use crate::common::program::{ftperm, text};
use ftperm::nets::stockfish::{FtCompression, Network, ReadOptions};
use ftperm::order::Permutation;
use serde_json::Value;

fn demo() -> Network {
    Network::read(
        &material::own("datasets/demo.nnue"),
        &ReadOptions::default(),
    )
    .unwrap()
}

fn verify(folder: &Path, more: &[&str]) -> (Option<i32>, Value, String) {
    let demo = material::own("datasets/demo.nnue");
    let arguments = ["verify", demo.to_str().unwrap(), "b.nnue", "--json"];
    let output = ftperm(folder, &[&arguments[..], more].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), json, text(&output.stderr))
}

#[test]
fn permuted_networks_are_proved_without_data() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut network = demo();
    let order = Permutation::new((0..64).map(|i| (i * 5 + 3) % 64).collect()).unwrap();
    network.permute(&order).unwrap();
    network.set_compression(FtCompression::None);
    std::fs::write(folder.join("b.nnue"), network.to_bytes()).unwrap();
    // The file of a small network does not say its clamp; that of the other network is taken.
    let (code, json, stderr) = verify(folder, &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(json["verified"]["proved"], true);
    assert_eq!(json["verified"]["positions"], 0);
    assert_eq!(json["differences"]["count"], 0);
    let data = material::own("datasets/selfplay.binpack");
    let more = ["--data", data.to_str().unwrap(), "--count", "30"];
    let (code, json, stderr) = verify(folder, &more);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(json["verified"]["positions"], 30);
}

#[test]
fn one_weight_that_positions_do_not_show_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut network = demo();
    let order = Permutation::new((0..64).rev().collect()).unwrap();
    // Nobody has a pawn on the eighth rank: own king on h8, own pawn on h8.
    network.ft.wide[128 * 63 + 5] += 1;
    network.permute(&order).unwrap();
    std::fs::write(folder.join("b.nnue"), network.to_bytes()).unwrap();
    let (code, json, stderr) = verify(folder, &["--count", "100"]);
    assert_eq!(code, Some(1), "{stderr}");
    let verified = &json["verified"];
    assert_eq!(
        (
            &verified["proved"],
            &verified["equal"],
            &verified["positions"]
        ),
        (&Value::from(false), &Value::from(true), &Value::from(100))
    );
    assert_eq!(json["differences"]["count"], 1);
    let place = json["differences"]["first"][0]["place"].as_str().unwrap();
    assert_eq!(
        place,
        "piece-square weights: feature 63 of HalfKAv2_hm (own pawn on h8, own king on h8), neuron 58 (was 5), first of \
         its pair"
    );
    assert!(stderr.contains("not proved: 1 weight differs"), "{stderr}");
    assert!(
        stderr.contains("equal in all buckets on 100 positions"),
        "{stderr}"
    );
}

#[test]
fn apply_and_optimize_say_what_was_proved() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let demo = material::own("datasets/demo.nnue");
    let demo = demo.to_str().unwrap();
    let order: String = (0..64).rev().map(|it| format!("{it}\n")).collect();
    std::fs::write(folder.join("order.txt"), order).unwrap();
    for compression in ["none", "leb128", "keep"] {
        let output = ftperm(
            folder,
            &[
                "apply",
                "order.txt",
                "--net",
                demo,
                "--out",
                "b.nnue",
                "--ft-compression",
                compression,
                "--description",
                "other",
                "--json",
            ],
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["verified"]["proved"], true);
        let digest = ftperm::files::digest::hex(&ftperm::files::digest::sha256(
            &std::fs::read(folder.join("b.nnue")).unwrap(),
        ));
        assert_eq!(json["out"]["sha256"], digest);
        assert!(
            text(&output.stderr).contains("proved: every weight is the input's, in the new order")
        );
        // What the writer that permutes writes is what the network permuted in memory writes.
        let mut network = self::demo();
        network
            .permute(&Permutation::new((0..64).rev().collect()).unwrap())
            .unwrap();
        network.description = b"other".to_vec();
        network.set_compression(match compression {
            "none" => FtCompression::None,
            "leb128" => FtCompression::Leb128,
            _ => FtCompression::Keep,
        });
        assert!(
            network.to_bytes() == std::fs::read(folder.join("b.nnue")).unwrap(),
            "{compression}"
        );
        assert_eq!(verify(folder, &[]).0, Some(0), "{compression}");
    }
}
