//! What real engines compute, line by line: feature lists, FT bytes, first-layer sums, all outputs.

#[path = "common/material.rs"]
mod material;

use std::collections::BTreeMap;
use std::path::Path;

use ftperm::board::Board;
use ftperm::inference::evaluate;
use ftperm::nnue::{Network, ReadOptions};
use ftperm::source::NetSource;
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Line {
    i: usize,
    fen: String,
    bucket: usize,
    psqt: i32,
    pos: i32,
    psqt8: Vec<i32>,
    pos8: Vec<i32>,
    fc0: Vec<i32>,
    w: BTreeMap<String, Vec<u32>>,
    b: BTreeMap<String, Vec<u32>>,
    ft_len: usize,
    ft_sha256: String,
    ft_zero: usize,
    ft_zero4: usize,
}

fn lines(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Compares every field of every line. The network may be inside an engine.
fn check(name: &str) {
    let Some((net, vectors)) = material::with_vectors(name) else {
        return;
    };
    let loaded = NetSource::parse(Some(net.as_os_str())).load().unwrap();
    let network = Network::parse(&loaded.bytes, &ReadOptions::default()).unwrap();
    let lines = lines(&vectors);
    assert_eq!(lines.len(), 200);
    for line in lines {
        let board: Board = line.fen.parse().unwrap();
        let found = evaluate(&network, &board);
        let at = format!("{} line {}", vectors.display(), line.i);
        assert_eq!(found.bucket, line.bucket, "{at}");
        assert_eq!(found.psqt, line.psqt8, "{at}");
        assert_eq!(found.positional, line.pos8, "{at}");
        assert_eq!(found.selected(), (line.psqt, line.pos), "{at}");
        assert_eq!(found.first_layer, line.fc0, "{at}");
        for (side, expected) in [&line.w, &line.b].into_iter().enumerate() {
            for (set, lists) in network.architecture.sets.iter().zip(&found.features) {
                assert_eq!(
                    lists[side],
                    expected[set.short_name()],
                    "{at} {}",
                    set.name()
                );
            }
            assert_eq!(expected.len(), network.architecture.sets.len(), "{at}");
        }
        assert_eq!(found.ft_bytes.len(), line.ft_len, "{at}");
        let digest: String = Sha256::digest(&found.ft_bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(digest, line.ft_sha256, "{at}");
        assert_eq!(found.zero_bytes(), line.ft_zero, "{at}");
        assert_eq!(found.zero_blocks(), line.ft_zero4, "{at}");
    }
}

#[test]
fn demo_network() {
    check("demo");
}

#[test]
fn stockfish_14() {
    check("nn-76a8a7ffb820");
}

#[test]
fn stockfish_14_1() {
    check("nn-13406b1dcbe0");
}

#[test]
fn stockfish_15_1() {
    check("nn-ad9b42354671");
}

#[test]
fn stockfish_17_1_big() {
    check("nn-1c0000000000");
}

#[test]
fn stockfish_17_1_small() {
    check("nn-37f18f62d772");
}

#[test]
fn stockfish_17_1_lite() {
    check("nn-9067e33176e8");
}

#[test]
fn stockfish_18_big() {
    check("nn-c288c895ea92");
}

#[test]
fn stockfish_19_with_threats_and_pawn_pairs() {
    check("nn-1a298aa575a0");
}

#[test]
fn stockfish_19_lite() {
    check("nn-61e7af4bb97d");
}
