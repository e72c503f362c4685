//! From positions of games to positions as an engine meets them while it searches.
//!
//! An engine evaluates positions inside its search tree: after odd moves, in the middle of exchanges, after null
//! moves. [`walk`] replaces every position by one of that kind; `docs/positions.md` says what that is worth.
//!
//! ```
//! use ftperm::chess::board::Board;
//! use ftperm::chess::walks::{Walk, walk};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let start: Board = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1".parse()?;
//! let walked = walk(&[start], Walk::Search, 7);
//! assert_eq!(walked, walk(&[start], Walk::Search, 7));
//! # Ok(())
//! # }
//! ```

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use shakmaty::{Chess, Position as _};

use crate::chess::board::Board;

mod exchange;
mod tree;

/// How a walk goes from a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Walk {
    /// None to two fair moves, then a small alpha-beta search by material and squares: one of the positions that it
    /// evaluates.
    #[default]
    Search,
    /// One or two random legal moves.
    Random,
}

impl Walk {
    /// In one word, as options and records have it.
    pub fn name(self) -> &'static str {
        match self {
            Walk::Search => "search",
            Walk::Random => "random",
        }
    }
}

/// Walks from each board, in parallel on rayon's current pool.
///
/// There is one board out for each board in, in the same order, a function of that board and the seed alone, so that
/// parts of a set walk as the whole does. Equal positions, clocks included, walk to equal ones; others may, too, and a
/// walk may end where it began. No board that
/// comes out has its side to move in check, except where the one that came in had and no walk left it. A board that
/// is not a legal chess position comes out as it is.
pub fn walk(boards: &[Board], kind: Walk, seed: u64) -> Vec<Board> {
    let step = |board: &Board| {
        let mut rng = ChaCha8Rng::from_seed(board.to_bytes());
        rng.set_stream(seed);
        let root = board.to_chess()?;
        let end = match kind {
            Walk::Search => tree::evaluated_position(&root, &mut rng)?,
            Walk::Random => random_moves(root, &mut rng)?,
        };
        Board::from_chess(&end).ok()
    };
    boards
        .par_iter()
        .map(|board| step(board).unwrap_or(*board))
        .collect()
}

/// The last position without check on a line of one or two random moves.
fn random_moves(mut position: Chess, rng: &mut ChaCha8Rng) -> Option<Chess> {
    let mut last = (!position.is_check()).then(|| position.clone());
    for _ in 0..rng.random_range(1..=2) {
        let moves = position.legal_moves();
        if moves.is_empty() {
            break;
        }
        position.play_unchecked(moves[rng.random_range(0..moves.len())]);
        if !position.is_check() {
            last = Some(position.clone());
        }
    }
    last
}
