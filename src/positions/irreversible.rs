//! What no move takes back: where plies do not tell games, it proves that a position begins another one.
//!
//! Pieces do not come back, pawns do not step back or change files without capturing, and castling rights are lost for
//! good. Within a game neighbours pass all these tests, whatever was left out between them. The first position of the
//! next game fails at least one of them, as it has the pieces back that the last game lost.

use crate::chess::board::{Board, Color, PieceKind, piece_code};

/// The facts of a position that only change in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Irreversible {
    /// Squares of White's and Black's pawns.
    pub pawns: [u64; 2],
    /// Knights, bishops, rooks and queens of each side.
    pub officers: [[u8; 4]; 2],
    /// Castling rights: bits 0 to 3 are K, Q, k, q.
    pub castling: u8,
}

/// Kinds a pawn may become.
const OFFICERS: [PieceKind; 4] = [
    PieceKind::Knight,
    PieceKind::Bishop,
    PieceKind::Rook,
    PieceKind::Queen,
];
const FIRST_FILE: u64 = 0x0101_0101_0101_0101;

impl Irreversible {
    /// Those of a board.
    pub fn of(board: &Board) -> Irreversible {
        let boards = board.bitboards();
        let squares = |kind, side| boards[usize::from(piece_code(kind, side))];
        Irreversible {
            pawns: Color::BOTH.map(|side| squares(PieceKind::Pawn, side)),
            officers: Color::BOTH
                .map(|side| OFFICERS.map(|kind| squares(kind, side).count_ones() as u8)),
            castling: board.castling_rights(),
        }
    }

    /// The same position seen from the other side, as formats have it that turn the board with the side to move.
    #[must_use]
    pub fn turned(self) -> Irreversible {
        let [white, black] = self.pawns.map(u64::swap_bytes);
        let [first, second] = self.officers;
        Irreversible {
            pawns: [black, white],
            officers: [second, first],
            castling: self.castling >> 2 | (self.castling & 3) << 2,
        }
    }

    /// Can moves lead from here to `next`? `false` is a proof that they cannot, `true` is none that they can.
    #[inline]
    pub fn may_become(&self, next: &Irreversible) -> bool {
        if next.castling & !self.castling != 0 {
            return false;
        }
        let lost = [0, 1].map(|side| self.pieces(side).checked_sub(next.pieces(side)));
        let [Some(white), Some(black)] = lost else {
            return false;
        };
        self.officers_may_become(next, 0)
            && self.officers_may_become(next, 1)
            && pawns_may_become(self.pawns[0], next.pawns[0], black)
            && pawns_may_become(
                self.pawns[1].swap_bytes(),
                next.pawns[1].swap_bytes(),
                white,
            )
    }

    /// Pieces of a side without its king.
    fn pieces(&self, side: usize) -> u32 {
        let officers = self.officers[side].iter().map(|&count| u32::from(count));
        self.pawns[side].count_ones() + officers.sum::<u32>()
    }

    /// New pieces were pawns.
    fn officers_may_become(&self, next: &Irreversible, side: usize) -> bool {
        let pawns = self.pawns[side].count_ones();
        let kinds = self.officers[side].iter().zip(next.officers[side]);
        let new: u32 = kinds
            .map(|(&before, after)| u32::from(after.saturating_sub(before)))
            .sum();
        // What was no promotion or capture is still there.
        next.pawns[side].count_ones() + new <= pawns
    }
}

/// Can pawns that move up have come from one set of squares to another, with so many captures?
fn pawns_may_become(before: u64, after: u64, captures: u32) -> bool {
    // No pawn comes to lower ranks: up to each there were as many before.
    let climbed = (1..8).all(|ranks| {
        let lower = u64::MAX >> (64 - 8 * ranks);
        (after & lower).count_ones() <= (before & lower).count_ones()
    });
    // A pawn changes to the file beside it by a capture.
    let came: u32 = (0..8)
        .map(|file| {
            let on = |pawns: u64| (pawns >> file & FIRST_FILE).count_ones();
            on(after).saturating_sub(on(before))
        })
        .sum();
    climbed && came <= captures
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;
    use shakmaty::{Chess, Position as _};

    use super::*;

    fn facts(fen: &str) -> Irreversible {
        Irreversible::of(&fen.parse().unwrap())
    }

    #[test]
    fn by_hand() {
        let start = facts("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1");
        let open = facts("rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2");
        let moved_king = facts("rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPPKPPP/RNBQ1BNR b kq - 1 2");
        for (before, after) in [(start, open), (open, moved_king), (start, moved_king)] {
            assert!(before.may_become(&after));
            assert!(before.turned().may_become(&after.turned()));
            assert!(!after.may_become(&before));
            assert!(!after.turned().may_become(&before.turned()));
        }
        let queen = facts("4k3/8/8/8/8/8/8/3QK3 w - - 0 1");
        let pawn = facts("4k3/8/8/8/8/3P4/8/4K3 w - - 0 1");
        let other_file = facts("4k3/8/8/8/4P3/8/8/4K3 w - - 0 1");
        // A pawn becomes a queen, and no queen a pawn; without a capture no pawn comes to another file.
        assert!(pawn.may_become(&queen));
        assert!(!queen.may_become(&pawn));
        assert!(!pawn.may_become(&other_file));
        let with_rook = facts("4k3/8/8/8/4r3/3P4/8/4K3 w - - 0 1");
        assert!(with_rook.may_become(&other_file));
        // A second queen needs a pawn.
        assert!(!queen.may_become(&facts("4k3/8/8/8/8/8/8/2QQK3 w - - 0 1")));
    }

    /// No two positions of a game are proved to be of different games.
    #[test]
    fn games_are_never_cut() {
        for seed in 0..20 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut position = Chess::default();
            let mut boards: Vec<Board> = Vec::new();
            while boards.len() < 300 {
                boards.extend(Board::from_chess(&position));
                let moves = position.legal_moves();
                if moves.is_empty() {
                    break;
                }
                position.play_unchecked(moves[random.random_range(0..moves.len())]);
            }
            for (at, before) in boards.iter().enumerate() {
                for after in &boards[at..] {
                    let (before, after) = (Irreversible::of(before), Irreversible::of(after));
                    assert!(before.may_become(&after));
                    assert!(before.turned().may_become(&after.turned()));
                }
            }
        }
    }
}
