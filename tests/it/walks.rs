//! Walks end on legal positions without check and do not depend on threads.

use ftperm::chess::random_games::random_positions;
use ftperm::chess::walks::{Walk, walk};

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
