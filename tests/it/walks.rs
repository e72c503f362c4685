//! Walks end on legal positions without check and do not depend on threads.

use ftperm::chess::random_games::random_positions;
use ftperm::chess::walks::{Walk, walk};

use crate::common::material::own;
use crate::common::program::Case;

#[test]
fn legal_quiet_and_independent_of_threads() {
    let boards = random_positions(3, 300);
    for kind in [Walk::Search, Walk::Random] {
        let one = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        let four = rayon::ThreadPoolBuilder::new()
            .num_threads(4)
            .build()
            .unwrap();
        let walked = one.install(|| walk(&boards, kind, 5));
        assert_eq!(walked, four.install(|| walk(&boards, kind, 5)));
        assert_ne!(walked, walk(&boards, kind, 6));
        assert_eq!(walked.len(), boards.len());
        let moved = walked.iter().zip(&boards).filter(|(a, b)| a != b).count();
        assert!(moved > 200, "{kind:?}: {moved}");
        for (end, start) in walked.iter().zip(&boards) {
            assert!(!end.in_check(), "{}", end.fen());
            assert!(end.to_chess().is_some(), "{}", end.fen());
            assert!(end.piece_count() <= start.piece_count());
        }
    }
}

/// Positions of games are walked from unless that is refused; lists may hold any positions, and nothing is known of
/// standard input.
#[test]
fn games_are_walked_from_and_lists_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.fens");
    let boards = random_positions(1, 600);
    let fens: Vec<String> = boards.iter().map(|board| board.fen()).collect();
    std::fs::write(&list, fens.join("\n")).unwrap();
    let games = own("datasets/selfplay.binpack");
    let kind = |data: &[&std::path::Path], more: &[&str], input: &str| {
        let mut case = Case::new("optimize")
            .args(["--json", "--count", "300", "--effort", "quick", "--force"])
            .option("--net", own("datasets/demo.nnue"))
            .option("--out", folder.path().join("o.nnue"))
            .arg("--data");
        for file in data {
            case = case.arg(file);
        }
        let run = case.args(more).stdin(input).folder(&folder).ok();
        let report = run.json();
        report["positions_kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(&[&games], &[], ""), "search");
    assert_eq!(kind(&[&games], &["--positions", "data"], ""), "data");
    assert_eq!(kind(&[&list], &[], ""), "data");
    assert_eq!(kind(&[&list], &["--positions", "search"], ""), "search");
    assert_eq!(kind(&[&games, &list], &[], ""), "data");
    let piped = std::fs::read_to_string(&list).unwrap();
    assert_eq!(kind(&["-".as_ref()], &[], &piped), "data");
}
