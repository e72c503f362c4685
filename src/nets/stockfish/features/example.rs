//! A legal position for a feature: the proof that there is one.

use shakmaty::{CastlingMode, Chess, FromSetup as _, Setup, Square};

use super::{ActiveFeatures, FeatureSet};
use crate::chess::board::{Board, to_shakmaty};

const WHITE_KING: u8 = 10;
const BLACK_KING: u8 = 11;

/// A legal position in which White's perspective has a feature active, with as few pieces as it takes; `None` if there
/// is none with so few. `feature` is below [`FeatureSet::count`].
pub fn example(set: &dyn FeatureSet, feature: u32) -> Option<Board> {
    let meaning = set.meaning(feature).ok()?;
    if meaning.impossible().is_some() {
        return None;
    }
    // White is the own side, and its king stands where the set leaves the board as it is.
    let mut setup = Setup::empty();
    for placed in meaning.pieces() {
        setup
            .board
            .set_piece_at(Square::new(placed.square), to_shakmaty(placed.code as u8));
    }
    let squares = |named: Option<u32>| named.map_or(0..64, |square| square..square + 1);
    let [own, other] = meaning.kings();
    for king in squares(own).filter(|king| meaning.king_files >> (king % 8) & 1 == 1) {
        for opponent in squares(other) {
            let mut with_kings = setup.clone();
            if !put_king(&mut with_kings, king, WHITE_KING)
                || !put_king(&mut with_kings, opponent, BLACK_KING)
            {
                continue;
            }
            for turn in shakmaty::Color::ALL {
                with_kings.turn = turn;
                if let Some(board) = legal(&with_kings)
                    && is_active(set, feature, &board)
                {
                    return Some(board);
                }
            }
        }
    }
    None
}

/// Puts a king on a square that is empty or holds it already.
fn put_king(setup: &mut Setup, square: u32, code: u8) -> bool {
    let (square, king) = (Square::new(square), to_shakmaty(code));
    match setup.board.piece_at(square) {
        Some(piece) => piece == king,
        None => {
            setup.board.set_piece_at(square, king);
            true
        }
    }
}

fn legal(setup: &Setup) -> Option<Board> {
    Chess::from_setup(setup.clone(), CastlingMode::Standard).ok()?;
    Board::from_setup(setup).ok()
}

fn is_active(set: &dyn FeatureSet, feature: u32, board: &Board) -> bool {
    let mut lists = ActiveFeatures::default();
    set.append_active(board, &mut lists);
    lists[0].contains(&feature)
}
