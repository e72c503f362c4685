//! A chess position in 32 bytes: all that feature sets, filters and move walks need.

use std::str::FromStr;

use shakmaty::fen::Fen;
use shakmaty::{Bitboard, CastlingMode, EnPassantMode, FromSetup, Position as _, Setup};
use thiserror::Error;

/// A side: the owner of a piece, the side to move, or a network's perspective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Color {
    White = 0,
    Black = 1,
}

impl Color {
    pub const BOTH: [Color; 2] = [Color::White, Color::Black];

    /// The other side.
    #[must_use]
    pub const fn opponent(self) -> Color {
        match self {
            Color::White => Color::Black,
            Color::Black => Color::White,
        }
    }

    /// 1 for White, -1 for Black: turns what White sees into what this side sees, and back.
    #[must_use]
    pub(crate) const fn sign(self) -> i8 {
        match self {
            Color::White => 1,
            Color::Black => -1,
        }
    }
}

/// A kind of piece; the discriminants are the `P0 N1 B2 R3 Q4 K5` of `docs/notes/eras.md`, section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PieceKind {
    Pawn = 0,
    Knight = 1,
    Bishop = 2,
    Rook = 3,
    Queen = 4,
    King = 5,
}

impl PieceKind {
    pub const ALL: [PieceKind; 6] = [
        PieceKind::Pawn,
        PieceKind::Knight,
        PieceKind::Bishop,
        PieceKind::Rook,
        PieceKind::Queen,
        PieceKind::King,
    ];
}

/// Piece code: `2 * kind + colour`, so 0 is a white pawn and 11 the black king (the order of binpack files).
#[doc(hidden)]
pub const fn piece_code(kind: PieceKind, color: Color) -> u8 {
    2 * kind as u8 + color as u8
}

/// Code of the white king.
#[doc(hidden)]
pub const WHITE_KING: u8 = piece_code(PieceKind::King, Color::White);
/// Code of the black king.
#[doc(hidden)]
pub const BLACK_KING: u8 = piece_code(PieceKind::King, Color::Black);

/// Why a text or a set of pieces is not a [`Board`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoardError {
    #[error("not a FEN: {0}")]
    Fen(String),
    #[error("a board has at most 32 pieces, this one has {0}")]
    TooManyPieces(u32),
    #[error("each side needs exactly one king, {side:?} has {found}")]
    Kings { side: Color, found: usize },
}

/// A position: piece placement, side to move, castling rights, en passant square and clocks.
///
/// Squares are numbered a1 = 0, b1 = 1, ..., h8 = 63. There are at most 32 pieces and exactly one king a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Board {
    occupied: u64,
    /// Piece codes, four bits each, of the occupied squares in ascending order.
    codes: [u64; 2],
    /// Squares of rooks that may still castle.
    castling: u8,
    en_passant: u8,
    side_to_move: Color,
    rule50: u8,
    ply: u16,
}

const NO_EN_PASSANT: u8 = 64;

/// Corner squares in the order of the bits of a board's castling rights: K, Q, k, q of a FEN.
const CASTLING_ROOKS: [u8; 4] = [7, 0, 63, 56];

impl Board {
    /// All that the position is, the same on every machine; different positions have different bytes.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let [low, high] = self.codes.map(u64::to_le_bytes);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.occupied.to_le_bytes());
        bytes[8..16].copy_from_slice(&low);
        bytes[16..24].copy_from_slice(&high);
        let small = [
            self.castling,
            self.en_passant,
            self.side_to_move as u8,
            self.rule50,
        ];
        bytes[24..28].copy_from_slice(&small);
        bytes[28..30].copy_from_slice(&self.ply.to_le_bytes());
        bytes
    }

    /// Bit s is set where a piece stands on square s.
    #[inline]
    pub fn occupied(&self) -> u64 {
        self.occupied
    }

    /// Number of pieces, kings and pawns included.
    #[inline]
    pub fn piece_count(&self) -> u32 {
        self.occupied.count_ones()
    }

    #[inline]
    pub fn side_to_move(&self) -> Color {
        self.side_to_move
    }

    /// Game ply (0 = before White's first move), if the source knew it.
    pub fn ply(&self) -> u16 {
        self.ply
    }

    /// Castling rights: bits 0 to 3 are K, Q, k, q of a FEN.
    pub fn castling_rights(&self) -> u8 {
        self.castling
    }

    /// All (square, piece code) in ascending order of squares.
    #[inline]
    pub fn pieces(&self) -> Pieces {
        Pieces {
            occupied: self.occupied,
            codes: self.codes,
        }
    }

    /// Piece code by square, [`u8::MAX`] where the square is empty.
    pub fn by_square(&self) -> [u8; 64] {
        let mut out = [u8::MAX; 64];
        for (square, code) in self.pieces() {
            out[usize::from(square)] = code;
        }
        out
    }

    /// One bitboard per piece code.
    #[inline]
    pub fn bitboards(&self) -> [u64; 12] {
        let mut out = [0; 12];
        for (square, code) in self.pieces() {
            out[usize::from(code)] |= 1 << square;
        }
        out
    }

    /// The squares of both kings: White's, Black's.
    #[inline]
    pub fn king_squares(&self) -> [u8; 2] {
        let mut out = [0; 2];
        for (square, code) in self.pieces() {
            if code >= WHITE_KING {
                out[usize::from(code - WHITE_KING)] = square;
            }
        }
        out
    }

    /// Layer stack and PSQT bucket: (pieces - 1) / 4 (`docs/notes/eras.md`, section 4).
    #[inline]
    pub fn bucket(&self) -> usize {
        (self.piece_count() as usize - 1) / 4
    }

    /// Is the side to move in check?
    pub fn in_check(&self) -> bool {
        let setup = self.setup();
        let us = setup.turn;
        let Some(king) = setup.board.king_of(us) else {
            return false;
        };
        setup
            .board
            .attacks_to(king, us.other(), setup.board.occupied())
            .any()
    }

    /// The position in the form of the `shakmaty` crate, unchecked.
    pub fn setup(&self) -> Setup {
        let mut setup = Setup::empty();
        for (square, code) in self.pieces() {
            setup
                .board
                .set_piece_at(shakmaty::Square::new(u32::from(square)), to_shakmaty(code));
        }
        setup.turn = match self.side_to_move {
            Color::White => shakmaty::Color::White,
            Color::Black => shakmaty::Color::Black,
        };
        let mut rights = Bitboard::EMPTY;
        for (bit, square) in CASTLING_ROOKS.into_iter().enumerate() {
            if self.castling >> bit & 1 == 1 {
                rights.add(shakmaty::Square::new(u32::from(square)));
            }
        }
        setup.castling_rights = rights;
        setup.ep_square = (self.en_passant < NO_EN_PASSANT)
            .then(|| shakmaty::Square::new(u32::from(self.en_passant)));
        setup.halfmoves = u32::from(self.rule50);
        setup.fullmoves = std::num::NonZeroU32::new(1 + u32::from(self.ply) / 2)
            .unwrap_or(std::num::NonZeroU32::MIN);
        setup
    }

    /// Converts from the `shakmaty` crate's form.
    ///
    /// # Errors
    /// More than 32 pieces, or not exactly one king a side.
    pub fn from_setup(setup: &Setup) -> Result<Board, BoardError> {
        let side_to_move = match setup.turn {
            shakmaty::Color::White => Color::White,
            shakmaty::Color::Black => Color::Black,
        };
        let mut builder = BoardBuilder::new(side_to_move);
        for square in setup.board.occupied() {
            if let Some(piece) = setup.board.piece_at(square) {
                builder.push(square.to_u32() as u8, from_shakmaty(piece))?;
            }
        }
        for (bit, square) in CASTLING_ROOKS.into_iter().enumerate() {
            if setup
                .castling_rights
                .contains(shakmaty::Square::new(u32::from(square)))
            {
                builder.castling(1 << bit);
            }
        }
        if let Some(square) = setup.ep_square {
            builder.en_passant(square.to_u32() as u8);
        }
        builder.rule50(setup.halfmoves.min(255) as u8);
        let ply = (setup.fullmoves.get() - 1)
            .saturating_mul(2)
            .saturating_add(side_to_move as u32);
        builder.ply(ply.min(u32::from(u16::MAX)) as u16);
        builder.finish()
    }

    /// The position as a FEN.
    pub fn fen(&self) -> String {
        Fen::try_from_setup(self.setup())
            .unwrap_or_else(|lossy| lossy.ignore())
            .to_string()
    }

    /// The legal chess position, if it is one: for walks by legal moves.
    pub fn to_chess(&self) -> Option<shakmaty::Chess> {
        let position = shakmaty::Chess::from_setup(self.setup(), CastlingMode::Standard);
        match position {
            Ok(position) => Some(position),
            // Data sets hold harmless oddities: rights without a rook, a square without a capture.
            Err(error) => error
                .ignore_too_much_material()
                .ok()
                .or_else(|| self.without_rights().to_chess_strictly()),
        }
    }

    fn to_chess_strictly(self) -> Option<shakmaty::Chess> {
        shakmaty::Chess::from_setup(self.setup(), CastlingMode::Standard).ok()
    }

    /// The same position with its clocks at their beginning.
    #[doc(hidden)]
    #[must_use]
    pub fn without_clocks(self) -> Board {
        Board {
            rule50: 0,
            ply: 0,
            ..self
        }
    }

    /// The same placement without castling rights and en passant square.
    fn without_rights(self) -> Board {
        Board {
            castling: 0,
            en_passant: NO_EN_PASSANT,
            ..self
        }
    }

    /// Back from a legal chess position.
    ///
    /// # Errors
    /// More than 32 pieces (never after legal moves).
    pub fn from_chess(position: &shakmaty::Chess) -> Result<Board, BoardError> {
        Board::from_setup(&position.to_setup(EnPassantMode::Legal))
    }
}

impl FromStr for Board {
    type Err = BoardError;

    /// Reads a FEN; clocks may be missing. Chess legality is not required, one king a side is.
    fn from_str(text: &str) -> Result<Board, BoardError> {
        let fen: Fen = text
            .trim()
            .parse()
            .map_err(|error| BoardError::Fen(format!("{error}")))?;
        Board::from_setup(fen.as_setup())
    }
}

/// Assembles a [`Board`] square by square, in ascending order of squares.
#[derive(Debug)]
pub struct BoardBuilder {
    board: Board,
    kings: [usize; 2],
}

impl BoardBuilder {
    pub fn new(side_to_move: Color) -> BoardBuilder {
        BoardBuilder {
            board: Board {
                occupied: 0,
                codes: [0; 2],
                castling: 0,
                en_passant: NO_EN_PASSANT,
                side_to_move,
                rule50: 0,
                ply: 0,
            },
            kings: [0; 2],
        }
    }

    /// Adds a piece; squares must come in ascending order.
    ///
    /// # Errors
    /// The board already has 32 pieces.
    #[inline]
    pub fn push(&mut self, square: u8, code: u8) -> Result<(), BoardError> {
        let count = self.board.occupied.count_ones();
        if count >= 32 {
            return Err(BoardError::TooManyPieces(count + 1));
        }
        debug_assert!(self.board.occupied >> square == 0);
        self.board.occupied |= 1 << square;
        self.board.codes[(count / 16) as usize] |= u64::from(code) << (4 * (count % 16));
        if code >= WHITE_KING {
            self.kings[usize::from(code - WHITE_KING)] += 1;
        }
        Ok(())
    }

    /// Adds castling rights: bits 0 to 3 are K, Q, k, q.
    pub fn castling(&mut self, bits: u8) {
        self.board.castling |= bits;
    }

    pub fn en_passant(&mut self, square: u8) {
        self.board.en_passant = square;
    }

    pub fn rule50(&mut self, plies: u8) {
        self.board.rule50 = plies;
    }

    pub fn ply(&mut self, ply: u16) {
        self.board.ply = ply;
    }

    /// # Errors
    /// Not exactly one king a side.
    #[inline]
    pub fn finish(self) -> Result<Board, BoardError> {
        for side in Color::BOTH {
            let found = self.kings[side as usize];
            if found != 1 {
                return Err(BoardError::Kings { side, found });
            }
        }
        Ok(self.board)
    }
}

/// Iterator over (square, piece code) in ascending order of squares.
#[derive(Clone, Debug)]
pub struct Pieces {
    occupied: u64,
    codes: [u64; 2],
}

impl Iterator for Pieces {
    type Item = (u8, u8);

    #[inline]
    fn next(&mut self) -> Option<(u8, u8)> {
        if self.occupied == 0 {
            return None;
        }
        let square = self.occupied.trailing_zeros() as u8;
        self.occupied &= self.occupied - 1;
        let code = (self.codes[0] & 15) as u8;
        self.codes[0] = self.codes[0] >> 4 | self.codes[1] << 60;
        self.codes[1] >>= 4;
        Some((square, code))
    }
}

/// A piece by its code in the form of the `shakmaty` crate.
pub(crate) fn to_shakmaty(code: u8) -> shakmaty::Piece {
    const ROLES: [shakmaty::Role; 6] = [
        shakmaty::Role::Pawn,
        shakmaty::Role::Knight,
        shakmaty::Role::Bishop,
        shakmaty::Role::Rook,
        shakmaty::Role::Queen,
        shakmaty::Role::King,
    ];
    shakmaty::Piece {
        color: shakmaty::Color::from_white(code.is_multiple_of(2)),
        role: ROLES[usize::from(code / 2)],
    }
}

fn from_shakmaty(piece: shakmaty::Piece) -> u8 {
    let kind = u32::from(piece.role) as u8 - 1;
    2 * kind + u8::from(piece.color.is_black())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_number_beyond_all_plies() {
        let board: Board = "4k3/8/8/8/8/8/8/4K3 b - - 0 4294967295".parse().unwrap();
        assert_eq!(board.ply(), u16::MAX);
    }

    const KIWIPETE: &str = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1";

    #[test]
    fn fen_round_trip() {
        for fen in [
            KIWIPETE,
            "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq e6 0 2",
            "1k1r4/pp3p2/2n1b3/3qP3/2p2P2/2N1R3/PPQ3P1/1K6 b - - 7 31",
        ] {
            assert_eq!(fen.parse::<Board>().unwrap().fen(), fen);
        }
    }

    #[test]
    fn pieces_and_kings() {
        let board: Board = KIWIPETE.parse().unwrap();
        assert_eq!(board.piece_count(), 32);
        assert_eq!(board.bucket(), 7);
        assert_eq!(board.king_squares(), [4, 60]);
        assert_eq!(
            board.pieces().next(),
            Some((0, piece_code(PieceKind::Rook, Color::White)))
        );
        assert_eq!(board.pieces().count(), 32);
        assert_eq!(board.bitboards()[usize::from(BLACK_KING)], 1 << 60);
        assert!(!board.in_check());
        assert!(
            "4k3/8/8/8/8/8/8/K3R3 b - - 0 1"
                .parse::<Board>()
                .unwrap()
                .in_check()
        );
    }

    #[test]
    fn bad_boards_are_errors() {
        assert!(matches!("hello".parse::<Board>(), Err(BoardError::Fen(_))));
        assert_eq!(
            "8/8/8/8/8/8/8/K7 w - - 0 1".parse::<Board>(),
            Err(BoardError::Kings {
                side: Color::Black,
                found: 0
            })
        );
    }

    #[test]
    fn a_board_is_32_bytes() {
        assert_eq!(std::mem::size_of::<Board>(), 32);
    }
}
