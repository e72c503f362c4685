//! Training data, one target a format.

use std::io::Cursor;
use std::num::NonZeroUsize;

use ftperm::chess::board::Board;
use ftperm::positions::{Filters, Options, PositionsError, read_stream};

use super::Recipe;

/// The position after 1. e4, as the formats of fixed size write it.
const SFEN_RECORD: &[u8] = include_bytes!("../heads/packed_sfen");
const BULLET_RECORD: &[u8] = include_bytes!("../heads/bullet");
/// A short game.
const VIRI_GAME: &[u8] = include_bytes!("../heads/viri");

const PGN_GAME: &[u8] = b"[Event \"x\"]\n\n1. e4 {+0.31/12} e5 *\n\n";

/// Records by which the formats without a magic number are recognised; more than any of them looks at.
const HEAD: usize = 64;

pub fn binpack(data: &[u8]) {
    check(data, b"");
}

pub fn plain(data: &[u8]) {
    check(data, b"");
}

pub fn fens(data: &[u8]) {
    check(data, b"");
}

pub fn packed_sfen(data: &[u8]) {
    check(data, SFEN_RECORD);
}

pub fn bullet(data: &[u8]) {
    check(data, BULLET_RECORD);
}

pub fn viri(data: &[u8]) {
    check(data, VIRI_GAME);
}

pub fn pgn(data: &[u8]) {
    check(data, PGN_GAME);
}

/// Reads a file that is the input without its first byte, which holds options. One of them puts so many sound records
/// in front that the format is recognised by them, whatever the input is.
fn check(data: &[u8], record: &[u8]) {
    let mut recipe = Recipe::new(data);
    let flags = recipe.byte();
    let mut bytes = if flags & 1 != 0 {
        record.repeat(HEAD)
    } else {
        Vec::new()
    };
    bytes.extend(recipe.rest);
    let filters = if flags & 2 != 0 {
        Filters::default()
    } else {
        Filters {
            checks: false,
            ..Filters::checks_only()
        }
    };
    let options = Options {
        filters,
        skip_damaged: flags & 4 != 0,
        threads: NonZeroUsize::new(1),
        ..Options::default()
    };
    match read_stream("fuzz", Box::new(Cursor::new(bytes)), &options) {
        Ok(positions) => {
            assert_eq!(positions.boards.len(), positions.games.len());
            for board in &positions.boards {
                let text = board.fen();
                let again: Board = text.parse().expect("our own FEN");
                // Data may hold a ply that contradicts the side to move; a FEN cannot say it.
                assert_eq!(again.fen(), text);
                assert_eq!(again.by_square(), board.by_square(), "{text}");
            }
        }
        Err(PositionsError::NothingTaken { .. }) => {}
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("fuzz: at byte "), "{text}");
        }
    }
}
