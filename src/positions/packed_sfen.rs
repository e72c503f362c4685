//! The 40-byte records of Stockfish's older training data tools (`.bin`).
//!
//! A record is a position of 256 bits, the score (i16), the best move (u16), the game ply (u16), the result (i8) and a
//! byte of padding, all little-endian; score and result are the side to move's. The bits of the position, from the
//! lowest bit of the first byte on: side to move; the squares of the white and the black king, 6 bits each; the other
//! 62 squares from a8 to h8 down to h1: `0` empty, or a code of 4 bits (1, 3, 5, 7, 9 for pawn to queen, lowest bit
//! first) and the colour; castling rights K, Q, k, q; a bit, and 6 of en passant square if it is 1; 6 bits of the
//! halfmove clock; 16 bits of the move number; the highest bit of the halfmove clock. The rest is 0.

use super::entry::{BoardEntry, RecordedMove};
use super::error::Problem;
use super::records::Records;
use crate::chess::board::{Board, BoardBuilder, Color, PieceKind, piece_code};

const RECORD_SIZE: usize = 40;
const POSITION_SIZE: usize = 32;

/// The format.
pub static FORMAT: Records = Records {
    name: "packed sfen (.bin of 40-byte records)",
    extensions: &["bin"],
    size: RECORD_SIZE,
    tells_games: true,
    parse,
};

fn parse(record: &[u8]) -> Result<BoardEntry, Problem> {
    let Some((position, rest)) = record.split_first_chunk::<POSITION_SIZE>() else {
        return Err(truncated(record));
    };
    let &[s0, s1, m0, m1, p0, p1, result, _padding] = rest else {
        return Err(truncated(record));
    };
    let board = unpack(position)?;
    let result = result as i8;
    if !(-1..=1).contains(&result) {
        return Err(Problem::Record(format!("the result is {result}")));
    }
    // Target in the lowest 6 bits, then the origin; Stockfish's Move.
    let packed = u16::from_le_bytes([m0, m1]);
    let (to, from) = ((packed & 63) as u8, (packed >> 6 & 63) as u8);
    Ok(BoardEntry {
        board,
        score: Some(i16::from_le_bytes([s0, s1]).into()),
        result: Some(result),
        ply: Some(u16::from_le_bytes([p0, p1])),
        best_move: (from != to).then(|| RecordedMove::from_squares(&board, from, to)),
    })
}

fn truncated(record: &[u8]) -> Problem {
    Problem::Truncated {
        what: "record",
        needed: RECORD_SIZE as u64,
        found: record.len() as u64,
    }
}

fn unpack(position: &[u8; POSITION_SIZE]) -> Result<Board, Problem> {
    let mut bits = Bits {
        bytes: position,
        next: 0,
    };
    let damaged = |what: &str| Problem::Record(what.to_owned());
    let side_to_move = if bits.take(1)? == 1 {
        Color::Black
    } else {
        Color::White
    };
    let kings = [bits.take(6)? as u8, bits.take(6)? as u8];
    if kings[0] == kings[1] {
        return Err(damaged("both kings stand on the same square"));
    }
    let mut pieces = Vec::with_capacity(32);
    for rank in (0..8).rev() {
        for file in 0..8 {
            let square = 8 * rank + file;
            if let Some(side) = kings.iter().position(|&king| king == square) {
                pieces.push((square, piece_code(PieceKind::King, Color::BOTH[side])));
            } else if bits.take(1)? == 1 {
                let kind = bits.take(3)?;
                let color = bits.take(1)?;
                if kind > PieceKind::Queen as u32 {
                    return Err(damaged("a piece is of no known kind"));
                }
                if kind == PieceKind::Pawn as u32 && matches!(rank, 0 | 7) {
                    return Err(damaged("a pawn stands on the first or last rank"));
                }
                pieces.push((square, (2 * kind + color) as u8));
            }
        }
    }
    pieces.sort_unstable();
    let mut builder = BoardBuilder::new(side_to_move);
    for (square, code) in pieces {
        builder.push(square, code)?;
    }
    builder.castling(bits.take(4)? as u8);
    if bits.take(1)? == 1 {
        let square = bits.take(6)?;
        if !matches!(square, 16..24 | 40..48) {
            return Err(damaged(
                "the en passant square is on neither the third nor the sixth rank",
            ));
        }
        builder.en_passant(square as u8);
    }
    let rule50 = bits.take(6)?;
    let move_number = bits.take(8)? | bits.take(8)? << 8;
    let rule50 = rule50 | bits.take(1)? << 6;
    if bits.rest_is_set() {
        return Err(damaged("bits are set behind the end of the position"));
    }
    builder.rule50(rule50 as u8);
    let ply = move_number.saturating_sub(1) * 2 + side_to_move as u32;
    builder.ply(ply.min(u16::MAX.into()) as u16);
    Ok(builder.finish()?)
}

/// Reads bits, the lowest of a byte first.
struct Bits<'a> {
    bytes: &'a [u8; POSITION_SIZE],
    next: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u32, Problem> {
        let mut value = 0;
        for bit in 0..count {
            let Some(byte) = self.bytes.get(self.next / 8) else {
                let problem = "the position needs more than its 256 bits";
                return Err(Problem::Record(problem.to_owned()));
            };
            value |= u32::from(byte >> (self.next % 8) & 1) << bit;
            self.next += 1;
        }
        Ok(value)
    }

    fn rest_is_set(&self) -> bool {
        (self.next..8 * POSITION_SIZE).any(|bit| self.bytes[bit / 8] >> (bit % 8) & 1 == 1)
    }
}
