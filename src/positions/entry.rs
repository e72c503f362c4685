//! What every format knows about one of its entries; each fact is computed only when it is asked for.

use super::games::Link;
use super::irreversible::Irreversible;
use crate::chess::board::{Board, BoardError, Color, PieceKind, piece_code};

/// Score of entries that were never searched (Stockfish's VALUE_NONE).
#[doc(hidden)]
pub const PLACEHOLDER_SCORE: i32 = 32_002;

/// One entry of a data file: a position and what was recorded with it.
pub trait Entry {
    /// Score in Stockfish's internal units as the side to move sees it, if recorded.
    fn score(&self) -> Option<i32>;
    /// Result of the game for the side to move: 1 won, 0 drawn, -1 lost, if recorded.
    fn result(&self) -> Option<i8>;
    /// Plies since the start of the game, if recorded.
    fn ply(&self) -> Option<u16>;
    /// Does the recorded move go to a square with a piece of the other side? En passant does not.
    fn is_capture(&self) -> bool;
    /// Is the side to move in check?
    fn in_check(&self) -> bool;
    /// Material balance for the side to move, in the units of [`MATERIAL`].
    fn material(&self) -> i32;
    /// What tells whether the next entry continues the same game.
    fn link(&self) -> Link;
    /// The position itself.
    ///
    /// # Errors
    /// More than 32 pieces, or not exactly one king a side.
    fn board(&self) -> Result<Board, BoardError>;
}

/// Piece values of the reference loader's simple evaluation (`docs/notes/options.md`, section 4.2): P N B R Q.
#[doc(hidden)]
pub const MATERIAL: [i32; 5] = [208, 781, 825, 1276, 2538];

/// Kinds with a value in [`MATERIAL`].
#[doc(hidden)]
pub const MATERIAL_KINDS: [PieceKind; 5] = [
    PieceKind::Pawn,
    PieceKind::Knight,
    PieceKind::Bishop,
    PieceKind::Rook,
    PieceKind::Queen,
];

/// Recorded move, as far as filters and games need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct RecordedMove {
    pub from: u8,
    /// Target square; the own rook's square if the move is castling.
    pub to: u8,
    pub kind: MoveKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum MoveKind {
    /// Also captures and promotions.
    Normal,
    EnPassant,
    Castling,
}

impl RecordedMove {
    /// The move between two squares, as UCI or a 16-bit move names them. Castling may be given by the king's target or
    /// by the rook's square.
    pub fn from_squares(board: &Board, from: u8, to: u8) -> RecordedMove {
        let (from, to) = (from & 63, to & 63);
        let by_square = board.by_square();
        let (piece, target) = (by_square[usize::from(from)], by_square[usize::from(to)]);
        let normal = RecordedMove {
            from,
            to,
            kind: MoveKind::Normal,
        };
        // `by_square` marks empty squares with a code that is no piece's.
        match piece / 2 {
            kind if kind == PieceKind::King as u8 => {
                let own_rook = piece_code(PieceKind::Rook, board.side_to_move());
                if target == own_rook {
                    return RecordedMove {
                        kind: MoveKind::Castling,
                        ..normal
                    };
                }
                let rook = if to > from { from | 7 } else { from & 56 };
                if (from & 7).abs_diff(to & 7) == 2 && by_square[usize::from(rook)] == own_rook {
                    return RecordedMove {
                        to: rook,
                        kind: MoveKind::Castling,
                        ..normal
                    };
                }
                normal
            }
            kind if kind == PieceKind::Pawn as u8 && from & 7 != to & 7 && target == u8::MAX => {
                RecordedMove {
                    kind: MoveKind::EnPassant,
                    ..normal
                }
            }
            _ => normal,
        }
    }

    /// The move in UCI notation, without looking at what is on the board beyond the squares.
    pub fn from_uci(board: &Board, text: &str) -> Option<RecordedMove> {
        let square = |file: u8, rank: u8| match (file, rank) {
            (b'a'..=b'h', b'1'..=b'8') => Some(8 * (rank - b'1') + file - b'a'),
            _ => None,
        };
        match text.as_bytes() {
            [f1, r1, f2, r2] | [f1, r1, f2, r2, b'n' | b'b' | b'r' | b'q'] => Some(
                RecordedMove::from_squares(board, square(*f1, *r1)?, square(*f2, *r2)?),
            ),
            _ => None,
        }
    }

    /// Occupied squares after the move.
    #[inline]
    pub fn occupied_after(&self, occupied: u64) -> u64 {
        let (from, to) = (1u64 << (self.from & 63), 1u64 << (self.to & 63));
        match self.kind {
            MoveKind::Normal => occupied & !from | to,
            MoveKind::EnPassant => occupied & !from & !(1 << ((self.to ^ 8) & 63)) | to,
            MoveKind::Castling => {
                let rank = self.from & 56;
                let (king, rook) = if self.to & 7 > self.from & 7 {
                    (6, 5)
                } else {
                    (2, 3)
                };
                occupied & !from & !to | 1 << (rank + king) | 1 << (rank + rook)
            }
        }
    }
}

/// An entry that is already a [`Board`], for formats that store whole positions.
#[derive(Clone, Copy, Debug)]
pub struct BoardEntry {
    pub board: Board,
    pub score: Option<i32>,
    pub result: Option<i8>,
    pub ply: Option<u16>,
    pub best_move: Option<RecordedMove>,
}

impl Entry for BoardEntry {
    fn score(&self) -> Option<i32> {
        self.score
    }

    fn result(&self) -> Option<i8> {
        self.result
    }

    fn ply(&self) -> Option<u16> {
        self.ply
    }

    fn is_capture(&self) -> bool {
        self.best_move.is_some_and(|best| {
            let target = self.board.by_square()[usize::from(best.to & 63)];
            best.kind == MoveKind::Normal
                && target != u8::MAX
                && target % 2 != self.board.side_to_move() as u8
        })
    }

    fn in_check(&self) -> bool {
        self.board.in_check()
    }

    fn material(&self) -> i32 {
        let boards = self.board.bitboards();
        let white: i32 = MATERIAL_KINDS
            .into_iter()
            .zip(MATERIAL)
            .map(|(kind, value)| {
                let count =
                    |color| boards[usize::from(piece_code(kind, color))].count_ones() as i32;
                value * (count(Color::White) - count(Color::Black))
            })
            .sum();
        match self.board.side_to_move() {
            Color::White => white,
            Color::Black => -white,
        }
    }

    fn link(&self) -> Link {
        let occupied = self.board.occupied();
        Link {
            ply: self.ply,
            result: self.result,
            side_to_move: self.board.side_to_move(),
            occupied,
            occupied_after: self.best_move.map(|best| best.occupied_after(occupied)),
            irreversible: Irreversible::of(&self.board),
        }
    }

    fn board(&self) -> Result<Board, BoardError> {
        Ok(self.board)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_by_their_squares() {
        let board: Board = "r3k2r/8/8/3pP3/8/8/8/R3K2R w KQkq d6 0 1".parse().unwrap();
        let by_uci = |text| RecordedMove::from_uci(&board, text).unwrap();
        for text in ["e1g1", "e1h1"] {
            let castling = by_uci(text);
            assert_eq!((castling.to, castling.kind), (7, MoveKind::Castling));
            // King and rook on g1 and f1.
            assert_eq!(
                castling.occupied_after(board.occupied()) & 0xff,
                0b0110_0001
            );
        }
        assert_eq!(by_uci("e1c1").to, 0);
        assert_eq!(
            by_uci("e1c1").occupied_after(board.occupied()) & 0xff,
            0b1000_1100
        );
        let en_passant = by_uci("e5d6");
        assert_eq!(en_passant.kind, MoveKind::EnPassant);
        let changed = en_passant.occupied_after(board.occupied()) ^ board.occupied();
        assert_eq!(changed, 1 << 36 | 1 << 35 | 1 << 43);
        assert_eq!(by_uci("a1a8").kind, MoveKind::Normal);
        assert_eq!(RecordedMove::from_uci(&board, "0000"), None);
        let entry = |text| BoardEntry {
            board,
            score: None,
            result: None,
            ply: None,
            best_move: Some(by_uci(text)),
        };
        assert!(entry("a1a8").is_capture());
        assert!(!entry("e5d6").is_capture());
        assert!(!entry("e1h1").is_capture());
    }
}
