//! A permuted network in a real engine: the same search, the same evaluations.

use std::path::{Path, PathBuf};

use crate::common::material;
use crate::common::program::Case;

/// Middle games, endings, promotions, both sides to move, none in check.
const POSITIONS: [&str; 20] = [
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
    "1k1r4/pp3p2/2n1b3/3qP3/2p2P2/2N1R3/PPQ3P1/1K6 b - - 0 1",
    "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R w KQkq - 2 3",
    "r1bq1rk1/pp2bppp/2n1pn2/2pp4/3P1B2/2PBPN2/PP1N1PPP/R2QK2R w KQ - 0 8",
    "2rq1rk1/pb1n1ppN/4p3/1pb5/3P1Pn1/P1N5/1PQ1B1PP/R1B2RK1 b - - 0 16",
    "8/8/1p1r1k2/p1pPN1p1/P3KnP1/1P6/8/3R4 b - - 0 1",
    "5rk1/q6p/2p3bR/1pPp1rP1/1P1Pp3/P3B1Q1/1K3P2/R7 w - - 93 90",
    "4rrk1/1p1nq3/p7/2p1P1pp/3P2bp/3Q1Bn1/PPPB4/1K2R1NR w - - 40 21",
    "r3k2r/3nnpbp/q2pp1p1/p7/Pp1PPPP1/4BNN1/1P5P/R2Q1RK1 w kq - 0 16",
    "6k1/6p1/6Pp/ppp5/3pn2P/1P3K2/1PP2P2/3N4 b - - 0 1",
    "3b4/5kp1/1p1p1p1p/pP1PpP1P/P1P1P3/3KN3/8/8 w - - 0 1",
    "8/6pk/1p6/8/PP3p1p/5P2/4KP1q/3Q4 w - - 0 1",
    "7k/3p2pp/4q3/8/4Q3/5Kp1/P6b/8 w - - 0 1",
    "8/2p5/8/2kPKp1p/2p4P/2P5/3P4/8 w - - 0 1",
    "8/1p3pp1/7p/5P1P/2k3P1/8/2K2P2/8 w - - 0 1",
    "8/pp2r1k1/2p1p3/3pP2p/1P1P1P1P/P5KR/8/8 w - - 0 1",
    "8/3p4/p1bk3p/Pp6/1Kp1PpPp/2P2P1P/2P5/5B2 b - - 0 1",
    "5k2/7R/4P2p/5K2/p1r2P1p/8/8/8 b - - 0 1",
    "r2qkb1r/pp2nppp/3p4/2pNN1B1/2BnP3/3P4/PPP2PPP/R2bK2R w KQkq - 1 10",
];

fn optimize(net: &Path, data: &Path, out: &Path) {
    let output = Case::new("optimize")
        .args(["--backend", "cpu", "--count", "50000", "--json"])
        .args(["--positions", "data"])
        .option("--net", net)
        .option("--data", data)
        .option("--out", out)
        .option("--perm", out.with_extension("perm.txt"))
        .output();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rate = |name: &str| report["zero_block_rate"][name].as_f64().unwrap();
    // As shipped, and what the reference tool's moves reach on the same kind of positions.
    assert!((0.49..0.52).contains(&rate("before")), "{report}");
    assert!(
        rate("after") > 0.65 && rate("holdout_after") > 0.64,
        "{report}"
    );
}

/// What the engine says with this network: nodes of `bench`, and its `eval` tables.
fn engine_says(engine: &Path, net: &Path) -> (String, Vec<String>) {
    let load = format!("setoption name EvalFile value {}\n", net.display());
    let bench = material::uci(engine, &format!("{load}bench 16 1 11"));
    let nodes = bench
        .lines()
        .find(|line| line.starts_with("Nodes searched"));
    let nodes = nodes
        .unwrap_or_else(|| panic!("no node count in {bench}"))
        .to_string();
    let mut commands = load;
    for fen in POSITIONS {
        commands.push_str(&format!("position fen {fen}\neval\n"));
    }
    let text = material::uci(engine, &commands);
    let loaded = format!("NNUE evaluation using {} enabled", net.display());
    assert!(text.contains(&loaded) && bench.contains(&loaded), "{text}");
    let tables: Vec<String> = text
        .lines()
        .filter(|line| {
            line.starts_with('|') || line.contains("evaluation") && !line.starts_with("info")
        })
        .map(str::to_string)
        .collect();
    let finals = tables
        .iter()
        .filter(|line| line.starts_with("Final evaluation"))
        .count();
    assert_eq!(finals, POSITIONS.len(), "{text}");
    (nodes, tables)
}

#[test]
fn stockfish_15_1_searches_and_evaluates_alike() {
    let data: Option<PathBuf> = material::shared("data/small.binpack");
    let (Some(engine), Some(net), Some(data)) =
        (material::stockfish(), material::stockfish_net(), data)
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let permuted = folder.path().join("permuted.nnue");
    optimize(&net, &data, &permuted);
    assert!(std::fs::read(&net).unwrap() != std::fs::read(&permuted).unwrap());
    assert_eq!(engine_says(&engine, &net), engine_says(&engine, &permuted));
}
