//! Positions out of nothing: seeded random games, for verifying without data.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use shakmaty::{
    CastlingMode, Chess, Color, FromSetup as _, Piece, Position as _, Role, Setup, Square,
};

use crate::chess::board::Board;

/// Positions of random legal games in which the side to move is not in check: a function of the seed alone.
///
/// They are odd chess, but they have every number of pieces and kings on all wings.
pub fn random_positions(seed: u64, count: usize) -> Vec<Board> {
    random_positions_from(seed, count, |_| Chess::default())
}

/// As [`random_positions`], from the 960 starting positions of Chess960. Castling rights are not kept where rooks stand
/// elsewhere than in chess.
#[doc(hidden)]
pub fn random_positions_960(seed: u64, count: usize) -> Vec<Board> {
    random_positions_from(seed, count, |rng| {
        loop {
            let start = setup_960(rng);
            if let Ok(start) = Chess::from_setup(start, CastlingMode::Chess960) {
                break start;
            }
        }
    })
}

/// A starting position of Chess960: bishops on squares of both colours, the king between the rooks.
fn setup_960(rng: &mut ChaCha8Rng) -> Setup {
    let mut free: Vec<u32> = (0..8).collect();
    let mut take = |rng: &mut ChaCha8Rng, among: fn(u32) -> bool| {
        let places: Vec<usize> = (0..free.len()).filter(|&at| among(free[at])).collect();
        free.remove(places[rng.random_range(0..places.len())])
    };
    let mut files = [(Role::Bishop, 0); 8];
    files[0].1 = take(rng, |file| file % 2 == 0);
    files[1].1 = take(rng, |file| file % 2 == 1);
    files[2] = (Role::Queen, take(rng, |_| true));
    files[3] = (Role::Knight, take(rng, |_| true));
    files[4] = (Role::Knight, take(rng, |_| true));
    for (at, role) in [Role::Rook, Role::King, Role::Rook].into_iter().enumerate() {
        files[5 + at] = (role, free[at]);
    }
    let mut setup = Setup::initial();
    for (role, file) in files {
        for (color, first) in [(Color::White, 0), (Color::Black, 56)] {
            let square = Square::new(first + file);
            setup.board.set_piece_at(square, Piece { color, role });
        }
    }
    setup.castling_rights = setup.board.rooks();
    setup
}

fn random_positions_from(
    seed: u64,
    count: usize,
    mut start: impl FnMut(&mut ChaCha8Rng) -> Chess,
) -> Vec<Board> {
    /// Enough for most games to come down to few pieces.
    const LONGEST: usize = 300;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut boards = Vec::with_capacity(count);
    while boards.len() < count {
        let mut position = start(&mut rng);
        for _ in 0..LONGEST {
            let moves = position.legal_moves();
            if moves.is_empty() || boards.len() == count {
                break;
            }
            let chosen = &moves[rng.random_range(0..moves.len())];
            position.play_unchecked(*chosen);
            // Every eighth position on average, so that games give different ones.
            if !position.is_check() && rng.random_range(0..8) == 0 {
                boards.extend(Board::from_chess(&position));
            }
        }
    }
    boards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deterministic_and_varied() {
        let boards = random_positions(7, 400);
        assert_eq!(boards, random_positions(7, 400));
        assert_ne!(boards, random_positions(8, 400));
        assert!(boards.iter().all(|board| !board.in_check()));
        let mut buckets: Vec<usize> = boards.iter().map(Board::bucket).collect();
        buckets.sort_unstable();
        buckets.dedup();
        assert!(buckets.len() >= 7, "{buckets:?}");
    }

    #[test]
    fn starts_of_chess960() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let starts: std::collections::HashSet<String> = (0..20_000)
            .map(|_| {
                let setup = setup_960(&mut rng);
                assert!(Chess::from_setup(setup.clone(), CastlingMode::Chess960).is_ok());
                setup.board.to_string()
            })
            .collect();
        assert_eq!(starts.len(), 960);
        let boards = random_positions_960(7, 100);
        assert_eq!(boards, random_positions_960(7, 100));
        assert_ne!(boards, random_positions(7, 100));
    }
}
