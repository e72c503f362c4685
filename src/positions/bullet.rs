//! The 32-byte records of the bullet trainer (`bulletformat`): positions with score and result, seen from the side to
//! move.
//!
//! The side to move is always White here, as the format turns the board around for Black; castling rights, en passant
//! squares and plies are not recorded, so nothing tells games.

use bulletformat::ChessBoard;

use super::entry::BoardEntry;
use super::error::Problem;
use super::records::Records;
use crate::chess::board::{BoardBuilder, Color};

const RECORD_SIZE: usize = 32;
/// The format's white and black king: colour << 3 | kind.
const KINGS: [u8; 2] = [5, 13];

/// The format.
pub static FORMAT: Records = Records {
    name: "bulletformat",
    extensions: &["data", "bullet"],
    size: RECORD_SIZE,
    tells_games: false,
    parse,
};

fn parse(record: &[u8]) -> Result<BoardEntry, Problem> {
    let Ok(record) = <&[u8; RECORD_SIZE]>::try_from(record) else {
        return Err(Problem::Truncated {
            what: "record",
            needed: RECORD_SIZE as u64,
            found: record.len() as u64,
        });
    };
    let damaged = |what: &str| Err(Problem::Record(what.to_owned()));
    let packed = chess_board(record);
    let count = packed.occ().count_ones() as usize;
    if count > 32 {
        return damaged("a board has at most 32 pieces");
    }
    if packed.result > 2 {
        return damaged("the result is none of 0, 1 and 2");
    }
    if packed.extra() != [0; 3] {
        return damaged("the three bytes at the end are not 0");
    }
    let unused = (count..32).any(|index| packed.pcs[index / 2] >> (4 * (index % 2)) & 15 != 0);
    if unused {
        return damaged("it names more pieces than it has occupied squares");
    }
    let mut builder = BoardBuilder::new(Color::White);
    for (piece, square) in packed {
        let (color, kind) = (piece >> 3, piece & 7);
        if kind > 5 {
            return damaged("a piece is of no known kind");
        }
        if kind == 0 && matches!(square / 8, 0 | 7) {
            return damaged("a pawn stands on the first or last rank");
        }
        if piece == KINGS[0] && square != packed.our_ksq()
            || piece == KINGS[1] && square ^ 56 != packed.opp_ksq()
        {
            return damaged("a king is not on the square that is recorded for it");
        }
        builder.push(square, 2 * kind + color)?;
    }
    Ok(BoardEntry {
        board: builder.finish()?,
        score: Some(packed.score.into()),
        result: Some(packed.result as i8 - 1),
        ply: None,
        best_move: None,
    })
}

/// The crate's record; its fields follow one another without gaps, little-endian.
fn chess_board(record: &[u8; RECORD_SIZE]) -> ChessBoard {
    let mut occupied = [0; 8];
    occupied.copy_from_slice(&record[..8]);
    let mut pieces = [0; 16];
    pieces.copy_from_slice(&record[8..24]);
    ChessBoard {
        occ: u64::from_le_bytes(occupied),
        pcs: pieces,
        score: i16::from_le_bytes([record[24], record[25]]),
        result: record[26],
        ksq: record[27],
        opp_ksq: record[28],
        extra: [record[29], record[30], record[31]],
    }
}
