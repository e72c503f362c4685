//! The games of the viridithas engine's trainer (`viriformat`): a position of 32 bytes, and moves with their scores.
//!
//! The position: occupied squares (u64), a nibble for each piece (kind, 6 for a rook that may castle, plus 8 for
//! Black), side to move (highest bit) with the en passant square (64 for none), halfmove clock, move number (u16),
//! score (i16), result (0 Black, 1 drawn, 2 White) and a spare byte. Each move is a u16 (origin, target, promotion,
//! flags, from the lowest bit on; castling goes to the rook) and a score (i16, White's); four zero bytes end the game.
//! All little-endian. The `viriformat` crate trusts its data, so the games are read here and played by `shakmaty`,
//! which knows what is legal.

use std::io;
use std::ops::ControlFlow;

use shakmaty::{Bitboard, Chess, Position as _, Role, Setup, Square};

use super::entry::{BoardEntry, RecordedMove};
use super::error::Problem;
use super::filter::Sieve;
use super::first_position::first_position;
use super::format::{Format, Likeness, Located, NextBlock};
use super::input::Input;
use crate::chess::board::Board;

const POSITION_SIZE: usize = 32;
const MOVE_SIZE: usize = 4;
const END: [u8; MOVE_SIZE] = [0; MOVE_SIZE];
/// How many games have to make sense for a file to be of this format.
const RECOGNISED_BY: usize = 4;
/// The nibble of a rook that may castle.
const CASTLING_ROOK: u8 = 6;
const NO_EN_PASSANT: u8 = 64;

/// The format.
#[derive(Debug)]
pub struct Viri;

impl Format for Viri {
    fn name(&self) -> &'static str {
        "viriformat"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["vf", "viri"]
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let mut rest = head;
        for game in 0..RECOGNISED_BY {
            let Some((start, after)) = rest.split_first_chunk() else {
                // A file of fewer games, or one that is cut off: the first game decides.
                return game > 0;
            };
            let Ok((mut position, _)) = unpack(start) else {
                return false;
            };
            let moves = &after[..moves_length(after).unwrap_or(after.len())];
            for record in moves
                .chunks_exact(MOVE_SIZE)
                .filter(|record| *record != END)
            {
                if play(&mut position, record).is_err() {
                    return false;
                }
            }
            rest = &after[moves.len()..];
        }
        true
    }

    fn resembles(&self, head: &[u8]) -> Likeness {
        let mut rest = head;
        Likeness::of(std::iter::from_fn(|| {
            let game;
            (game, rest) = rest.split_at(game_length(rest)?);
            Some(check_game(game))
        }))
    }

    fn next_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock> {
        input.read_block(block, "the game", whole_games)
    }

    /// The next end of a game is looked for in the next block.
    fn resynchronise(&self, _: &mut Input) -> io::Result<bool> {
        Ok(true)
    }

    fn decode(&self, block: &[u8], sieve: &mut Sieve<'_>) -> Result<(), Located> {
        let mut offset = 0;
        while offset < block.len() {
            let rest = &block[offset..];
            let game = &rest[..game_length(rest).unwrap_or(rest.len())];
            match decode_game(game, sieve) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                Err(problem) => sieve.damaged(Located::new(offset, problem))?,
            }
            offset += game.len();
        }
        Ok(())
    }
}

/// Length of the moves at the start of the bytes with their end mark, if it is there.
fn moves_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .chunks_exact(MOVE_SIZE)
        .position(|record| record == END)
        .map(|moves| MOVE_SIZE * (moves + 1))
}

/// Length of the game at the start of the bytes, if it ends in them.
fn game_length(bytes: &[u8]) -> Option<usize> {
    Some(POSITION_SIZE + moves_length(bytes.get(POSITION_SIZE..)?)?)
}

/// Length of the whole games at the start of a block.
fn whole_games(block: &[u8]) -> usize {
    let mut end = 0;
    while let Some(length) = game_length(&block[end..]) {
        end += length;
    }
    end
}

/// Can every move of a whole game be played?
fn check_game(game: &[u8]) -> Result<(), Problem> {
    let Some((start, moves)) = game.split_first_chunk() else {
        return Err(Problem::Record("no first position".to_owned()));
    };
    let (mut position, _) = unpack(start)?;
    let moves = moves.chunks_exact(MOVE_SIZE);
    for record in moves.take_while(|record| *record != END) {
        play(&mut position, record)?;
    }
    Ok(())
}

fn decode_game(game: &[u8], sieve: &mut Sieve<'_>) -> Result<ControlFlow<()>, Problem> {
    let Some((start, moves)) = game.split_first_chunk::<POSITION_SIZE>() else {
        return Err(Problem::Truncated {
            what: "first position of a game",
            needed: POSITION_SIZE as u64,
            found: game.len() as u64,
        });
    };
    let (mut position, white_result) = unpack(start)?;
    let mut ended = false;
    for (number, record) in moves.chunks(MOVE_SIZE).enumerate() {
        if record == END {
            ended = true;
            break;
        }
        let before = Board::from_chess(&position)?;
        let (from, to, white_score) = play(&mut position, record)
            .map_err(|problem| Problem::Record(format!("move {number} of the game: {problem}")))?;
        let sign = before.side_to_move().sign();
        let entry = BoardEntry {
            board: before,
            score: Some(i32::from(white_score) * i32::from(sign)),
            result: Some(white_result * sign),
            ply: Some(before.ply()),
            best_move: Some(RecordedMove::from_squares(&before, from, to)),
        };
        if let ControlFlow::Break(()) = sieve.offer(&entry)? {
            return Ok(ControlFlow::Break(()));
        }
    }
    if ended {
        Ok(ControlFlow::Continue(()))
    } else {
        Err(Problem::Record("the game has no end".to_owned()))
    }
}

/// Plays a recorded move. Returns its squares and score.
fn play(position: &mut Chess, record: &[u8]) -> Result<(u8, u8, i16), Problem> {
    let &[m0, m1, s0, s1] = record else {
        return Err(Problem::Truncated {
            what: "move",
            needed: MOVE_SIZE as u64,
            found: record.len() as u64,
        });
    };
    let packed = u16::from_le_bytes([m0, m1]);
    let (from, to) = (packed & 63, packed >> 6 & 63);
    let (origin, target) = (Square::new(from.into()), Square::new(to.into()));
    const PROMOTIONS: [Role; 4] = [Role::Knight, Role::Bishop, Role::Rook, Role::Queen];
    let promotion = (packed >> 14 == 3).then(|| PROMOTIONS[usize::from(packed >> 12 & 3)]);
    let played = match packed >> 14 {
        1 => shakmaty::Move::EnPassant {
            from: origin,
            to: target,
        },
        2 => shakmaty::Move::Castle {
            king: origin,
            rook: target,
        },
        _ => shakmaty::Move::Normal {
            role: position
                .board()
                .role_at(origin)
                .ok_or_else(|| Problem::Record(format!("no piece on {origin}")))?,
            from: origin,
            capture: position.board().role_at(target),
            to: target,
            promotion,
        },
    };
    if !position.is_legal(played) {
        let problem = format!("{origin}{target} is no legal move");
        return Err(Problem::Record(problem));
    }
    position.play_unchecked(played);
    Ok((from as u8, to as u8, i16::from_le_bytes([s0, s1])))
}

/// The first position of a game, and the result as White sees it.
fn unpack(bytes: &[u8; POSITION_SIZE]) -> Result<(Chess, i8), Problem> {
    let damaged = |what: &str| Problem::Record(what.to_owned());
    let mut occupied = [0; 8];
    occupied.copy_from_slice(&bytes[..8]);
    let occupied = Bitboard(u64::from_le_bytes(occupied));
    let nibble = |index: usize| bytes[8 + index / 2] >> (4 * (index % 2)) & 15;
    if occupied.count() > 32 {
        return Err(damaged("a board has at most 32 pieces"));
    }
    if (occupied.count()..32).any(|index| nibble(index) != 0) {
        return Err(damaged("it names more pieces than it has occupied squares"));
    }
    let mut setup = Setup::empty();
    for (index, square) in occupied.into_iter().enumerate() {
        let role = match nibble(index) & 7 {
            0 => Role::Pawn,
            1 => Role::Knight,
            2 => Role::Bishop,
            3 => Role::Rook,
            4 => Role::Queen,
            5 => Role::King,
            CASTLING_ROOK => {
                setup.castling_rights.add(square);
                Role::Rook
            }
            _ => return Err(damaged("a piece is of no known kind")),
        };
        let color = shakmaty::Color::from_white(nibble(index) < 8);
        setup
            .board
            .set_piece_at(square, shakmaty::Piece { color, role });
    }
    let side_and_en_passant = bytes[24];
    setup.turn = shakmaty::Color::from_white(side_and_en_passant < 128);
    setup.ep_square = match side_and_en_passant & 127 {
        NO_EN_PASSANT => None,
        square @ 0..64 => Some(Square::new(square.into())),
        _ => return Err(damaged("the en passant square is off the board")),
    };
    setup.halfmoves = bytes[25].into();
    let move_number = u16::from_le_bytes([bytes[26], bytes[27]]);
    setup.fullmoves =
        std::num::NonZeroU32::new(move_number.into()).unwrap_or(std::num::NonZeroU32::MIN);
    let result = bytes[30];
    if result > 2 {
        return Err(damaged("the result is none of 0, 1 and 2"));
    }
    let position = first_position(setup)
        .map_err(|error| Problem::Record(format!("the first position of the game: {error}")))?;
    Ok((position, result as i8 - 1))
}
