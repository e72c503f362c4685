//! Stockfish's binpack: chunks of chains of moves, decoded by the `sfbinpack` crate.
//!
//! Chunk headers are read here, so that any stream will do and every error knows its byte. A chunk is "BINP", its size
//! as a little-endian u32, and chains: a stem of 32 bytes (position, move, score, ply and result), the number of moves
//! that follow, and these moves with their scores, bit by bit. The decoder checks nothing and panics on damaged data;
//! such panics become errors here, and what it would accept silently (moves to nowhere, lost kings) is checked.

use std::io;
use std::ops::ControlFlow;

use memchr::memmem;
use sfbinpack::chess::castling_rights::CastlingRights;
use sfbinpack::chess::color::Color as BinpackColor;
use sfbinpack::chess::coords::Square;
use sfbinpack::chess::r#move::MoveType;
use sfbinpack::chess::piece::Piece;
use sfbinpack::chess::piecetype::PieceType;
use sfbinpack::{ChunkReader, TrainingDataEntry};

use super::contain::contain_panic;
use super::entry::{Entry, MATERIAL, MoveKind, RecordedMove};
use super::error::{Problem, describe_bytes};
use super::filter::Sieve;
use super::format::{Format, Likeness, Located, NextBlock};
use super::games::Link;
use super::input::Input;
use super::irreversible::Irreversible;
use crate::chess::board::{Board, BoardBuilder, BoardError, Color};

/// Chunks are about 1 MiB; Stockfish's tools and the crate refuse those above this limit.
pub const MAX_CHUNK_SIZE: u32 = 100 << 20;

const MAGIC: &[u8; 4] = b"BINP";
const HEADER_SIZE: usize = 8;
/// A stem and the number of moves that follow it.
const SMALLEST_CHAIN: usize = 34;

/// The format.
#[derive(Debug)]
pub struct Binpack;

impl Format for Binpack {
    fn name(&self) -> &'static str {
        "binpack"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["binpack"]
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(MAGIC)
    }

    /// Is there the header of a chunk, at the start with one byte of damage, or further on?
    fn resembles(&self, head: &[u8]) -> Likeness {
        let plausible = |header: &[u8]| {
            header[MAGIC.len()..].first_chunk().is_some_and(|&size| {
                let size = u32::from_le_bytes(size);
                size as usize >= SMALLEST_CHAIN && size <= MAX_CHUNK_SIZE
            })
        };
        let differing = head.iter().zip(MAGIC).filter(|(a, b)| a != b).count();
        let first = differing <= 1 && head.len() > HEADER_SIZE && plausible(head);
        let further = memmem::find_iter(head, MAGIC).filter(|&at| plausible(&head[at..]));
        Likeness {
            sound: usize::from(first) + further.count(),
            damaged: 0,
        }
    }

    fn next_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock> {
        block_after_header(input, |input, size| read_chunk(input, size, block))
    }

    fn skip_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock> {
        block_after_header(input, |input, size| {
            // Where nobody knows what is ahead, a size that was damaged upwards must not swallow sound chunks.
            if input.remaining()?.is_some() {
                input.skip(size)
            } else {
                read_chunk(input, size, block)
            }
        })
    }

    /// Goes to the next "BINP".
    fn resynchronise(&self, input: &mut Input) -> io::Result<bool> {
        input.seek_to(MAGIC.len() - 1, |window| memmem::find(window, MAGIC))
    }

    fn decode(&self, block: &[u8], sieve: &mut Sieve<'_>) -> Result<(), Located> {
        let decoded = contain_panic(|| decode_chunk(block, sieve));
        let cause = match decoded {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(problem)) => problem.to_string(),
            Err(panic) => panic,
        };
        Err(Located {
            offset: 0,
            problem: Problem::Chunk {
                entry: sieve.entries(),
                cause,
            },
        })
    }
}

/// Reads a chunk's header, and then its contents with `contents`, which returns how many bytes there were.
fn block_after_header(
    input: &mut Input,
    contents: impl FnOnce(&mut Input, u64) -> io::Result<u64>,
) -> io::Result<NextBlock> {
    let start = input.offset();
    let mut header = [0; HEADER_SIZE];
    let read = input.read_up_to(&mut header)?;
    if read == 0 {
        return Ok(NextBlock::End);
    }
    let damaged = |problem| {
        Ok(NextBlock::Damaged {
            offset: start,
            problem,
        })
    };
    let magic_end = read.min(MAGIC.len());
    if header[..magic_end] != MAGIC[..magic_end] {
        input.unread(&header[..read]);
        return damaged(Problem::Magic {
            found: describe_bytes(&header[..magic_end]),
        });
    }
    if read < HEADER_SIZE {
        return damaged(Problem::Truncated {
            what: "chunk header",
            needed: HEADER_SIZE as u64,
            found: read as u64,
        });
    }
    let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    if size > MAX_CHUNK_SIZE {
        return damaged(Problem::ChunkTooLarge {
            size,
            limit: MAX_CHUNK_SIZE,
        });
    }
    if (size as usize) < SMALLEST_CHAIN {
        return damaged(Problem::EmptyChunk { size: size.into() });
    }
    let found = match input.remaining()? {
        // Nothing is read in vain: where the end is known, every such header costs the same.
        Some(remaining) if remaining < u64::from(size) => remaining,
        _ => contents(input, u64::from(size))?,
    };
    if found < u64::from(size) {
        return damaged(Problem::Truncated {
            what: "chunk",
            needed: size.into(),
            found,
        });
    }
    Ok(NextBlock::Block { offset: start })
}

/// Reads a chunk's contents; gives them back if the data end before it does.
fn read_chunk(input: &mut Input, size: u64, block: &mut Vec<u8>) -> io::Result<u64> {
    // Grows with the data that arrives, not with the size that is claimed.
    let found = input.read_to_vec(size, block)?;
    if found < size {
        // A size that was damaged upwards has swallowed sound chunks.
        input.unread(block);
    }
    Ok(found)
}

fn decode_chunk(chunk: &[u8], sieve: &mut Sieve<'_>) -> Result<(), Problem> {
    let mut reader = ChunkReader::default();
    let mut last: Option<Link> = None;
    while reader.has_next(chunk) {
        let entry = BinpackEntry(reader.next(chunk));
        entry.check_move_and_kings()?;
        let link = entry.link();
        // Within a chain the move generator vouches for the position; where a chain begins, the file does.
        if !last.is_some_and(|last| last.continued_by(&link)) {
            entry.check_stem()?;
        }
        last = Some(link);
        if let ControlFlow::Break(()) = sieve.offer(&entry)? {
            break;
        }
    }
    Ok(())
}

/// An entry as the crate decodes it.
#[derive(Clone, Copy, Debug)]
struct BinpackEntry(TrainingDataEntry);

impl BinpackEntry {
    fn is_null_move(&self) -> bool {
        self.0.mv.from() == Square::NONE && self.0.mv.to() == Square::NONE
    }

    /// Bits 0 to 3 are K, Q, k, q.
    #[inline]
    fn castling_rights(&self) -> u8 {
        let rights = self.0.pos.castling_rights();
        let bits = [
            CastlingRights::WHITE_KING_SIDE,
            CastlingRights::WHITE_QUEEN_SIDE,
            CastlingRights::BLACK_KING_SIDE,
            CastlingRights::BLACK_QUEEN_SIDE,
        ];
        let bits = bits.into_iter().enumerate();
        bits.fold(0, |all, (bit, right)| {
            all | u8::from(rights.contains(right)) << bit
        })
    }

    #[inline]
    fn irreversible(&self) -> Irreversible {
        const OFFICERS: [PieceType; 4] = [
            PieceType::Knight,
            PieceType::Bishop,
            PieceType::Rook,
            PieceType::Queen,
        ];
        let squares = |color, kind| self.0.pos.pieces_bb_color(color, kind);
        let sides = [BinpackColor::White, BinpackColor::Black];
        Irreversible {
            pawns: sides.map(|side| squares(side, PieceType::Pawn).bits()),
            officers: sides.map(|side| OFFICERS.map(|kind| squares(side, kind).count() as u8)),
            castling: self.castling_rights(),
        }
    }

    #[inline]
    fn check_move_and_kings(&self) -> Result<(), Problem> {
        let TrainingDataEntry { pos, mv, .. } = &self.0;
        if (mv.from().index() >= 64 || mv.to().index() >= 64) && !self.is_null_move() {
            return Err(Problem::Record("its move leads off the board".to_owned()));
        }
        if pos.pieces_bb_type(PieceType::King).count() != 2 {
            return Err(Problem::Record(
                "its position does not have two kings".to_owned(),
            ));
        }
        Ok(())
    }

    /// What holds for every position that Stockfish's tools write.
    #[cold]
    fn check_stem(&self) -> Result<(), Problem> {
        const BACK_RANKS: u64 = 0xff00_0000_0000_00ff;
        let TrainingDataEntry { pos, mv, .. } = &self.0;
        for (side, color) in [
            (Color::White, BinpackColor::White),
            (Color::Black, BinpackColor::Black),
        ] {
            let found = pos.pieces_bb_color(color, PieceType::King).count() as usize;
            if found != 1 {
                return Err(BoardError::Kings { side, found }.into());
            }
        }
        let bad = |text: &str| Err(Problem::Record(text.to_owned()));
        if pos.pieces_bb_type(PieceType::Pawn).bits() & BACK_RANKS != 0 {
            return bad("its position has a pawn on the first or last rank");
        }
        let en_passant = pos.ep_square();
        if en_passant != Square::NONE && !matches!(en_passant.index(), 16..24 | 40..48) {
            return bad("its en passant square is on neither the third nor the sixth rank");
        }
        if self.is_null_move() {
            return Ok(());
        }
        let own = |square| {
            let piece = pos.piece_at(square);
            piece != Piece::NONE && piece.color() == pos.side_to_move()
        };
        if !own(mv.from()) {
            return bad("its move moves no piece of the side to move");
        }
        if own(mv.to()) != (mv.mtype() == MoveType::Castle) {
            return bad("its move goes to a piece of its own side");
        }
        Ok(())
    }
}

fn color(color: BinpackColor) -> Color {
    match color {
        BinpackColor::White => Color::White,
        BinpackColor::Black => Color::Black,
    }
}

impl Entry for BinpackEntry {
    #[inline]
    fn score(&self) -> Option<i32> {
        Some(self.0.score.into())
    }

    #[inline]
    fn result(&self) -> Option<i8> {
        Some(self.0.result as i8)
    }

    #[inline]
    fn ply(&self) -> Option<u16> {
        Some(self.0.ply)
    }

    #[inline]
    fn is_capture(&self) -> bool {
        if self.is_null_move() {
            return false;
        }
        let target = self.0.pos.piece_at(self.0.mv.to());
        target != Piece::NONE && target.color() != self.0.pos.side_to_move()
    }

    #[inline]
    fn in_check(&self) -> bool {
        self.0.pos.is_checked(self.0.pos.side_to_move())
    }

    fn material(&self) -> i32 {
        const KINDS: [PieceType; 5] = [
            PieceType::Pawn,
            PieceType::Knight,
            PieceType::Bishop,
            PieceType::Rook,
            PieceType::Queen,
        ];
        let pos = &self.0.pos;
        let side = pos.side_to_move();
        let count = |color, kind| pos.pieces_bb_color(color, kind).count() as i32;
        KINDS
            .into_iter()
            .zip(MATERIAL)
            .map(|(kind, value)| value * (count(side, kind) - count(!side, kind)))
            .sum()
    }

    #[inline]
    fn link(&self) -> Link {
        let TrainingDataEntry {
            pos,
            mv,
            ply,
            result,
            ..
        } = &self.0;
        let occupied = pos.occupied().bits();
        let recorded = RecordedMove {
            from: mv.from().index() as u8,
            to: mv.to().index() as u8,
            kind: match mv.mtype() {
                MoveType::Normal | MoveType::Promotion => MoveKind::Normal,
                MoveType::EnPassant => MoveKind::EnPassant,
                MoveType::Castle => MoveKind::Castling,
            },
        };
        Link {
            ply: Some(*ply),
            result: Some(*result as i8),
            side_to_move: color(pos.side_to_move()),
            occupied,
            occupied_after: (!self.is_null_move()).then(|| recorded.occupied_after(occupied)),
            irreversible: self.irreversible(),
        }
    }

    fn board(&self) -> Result<Board, BoardError> {
        let pos = &self.0.pos;
        let mut builder = BoardBuilder::new(color(pos.side_to_move()));
        let mut occupied = pos.occupied().bits();
        while occupied != 0 {
            let square = occupied.trailing_zeros();
            occupied &= occupied - 1;
            // The crate numbers pieces like the board does: 2 * kind + colour.
            builder.push(square as u8, pos.piece_at(Square::new(square)).id())?;
        }
        builder.castling(self.castling_rights());
        builder.en_passant(pos.ep_square().index() as u8);
        builder.rule50(pos.rule50_counter() as u8);
        builder.ply(self.0.ply);
        builder.finish()
    }
}
