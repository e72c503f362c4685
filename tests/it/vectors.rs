//! What real engines compute, line by line: feature lists, FT bytes, first-layer sums, all outputs.

use std::collections::BTreeMap;

use ftperm::chess::board::Board;
use ftperm::nets::stockfish::inference::evaluate;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::common::vectors;

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

/// Compares every field of every line.
fn check(name: &str) {
    let Some((network, lines, file)) = vectors::load::<Line>(name) else {
        return;
    };
    assert_eq!(lines.len(), 200);
    for line in lines {
        let board: Board = line.fen.parse().unwrap();
        let found = evaluate(&network, &board);
        let at = format!("{file} line {}", line.i);
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

vectors::test_each_network!(check);
