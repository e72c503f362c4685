//! Material, squares and exchanges: a cheap judgement of positions and moves, in centipawns.

use shakmaty::{Chess, Color, Move, Position as _, Role, Square};

/// Usual value of a piece; a king's is never won.
pub(super) fn value(role: Role) -> i32 {
    [100, 320, 330, 500, 950, 0][role as usize - 1]
}

/// What a piece's square adds: pieces like the centre, pawns go forward, kings hide while there are many pieces.
fn square_value(role: Role, square: Square, color: Color, few: bool) -> i32 {
    let square = if color.is_white() {
        square
    } else {
        square.flip_vertical()
    };
    let (file, rank) = (square.file() as i32, square.rank() as i32);
    let middle = 3 - (2 * file - 7).abs() / 2;
    let centre = middle + 3 - (2 * rank - 7).abs() / 2;
    match role {
        Role::Pawn => {
            let forward = [0, 0, 2, 8, 18, 40, 80, 0][rank as usize];
            forward + if rank >= 2 { 4 * middle } else { -3 * middle }
        }
        Role::Knight => 8 * centre - 28,
        Role::Bishop => 5 * centre - 12,
        Role::Rook => 2 * middle + if rank == 6 { 15 } else { 0 },
        Role::Queen => 2 * centre - 5,
        Role::King if few => 8 * centre - 20,
        Role::King => 10 - 10 * (middle + 2 * rank.min(3)),
    }
}

/// Are so few pieces left that kings come out?
pub(super) fn is_ending(position: &Chess) -> bool {
    position.board().occupied().count() < 14
}

/// The position as its side to move sees it.
pub(super) fn evaluate(position: &Chess, few: bool) -> i32 {
    let board = position.board();
    let mut score = 0;
    for square in board.occupied() {
        if let Some(piece) = board.piece_at(square) {
            let worth = value(piece.role) + square_value(piece.role, square, piece.color, few);
            score += if piece.color == position.turn() {
                worth
            } else {
                -worth
            };
        }
    }
    score
}

/// By how much a move changes [`evaluate`], as the mover sees it; castling counts as 45.
pub(super) fn gain(position: &Chess, m: Move, few: bool) -> i32 {
    /// Both king and rook get better squares.
    const CASTLING: i32 = 45;
    let us = position.turn();
    let Some(from) = m.from().filter(|_| !m.is_castle()) else {
        return CASTLING;
    };
    let after = m.promotion().unwrap_or(m.role());
    let taken = m.capture().map_or(0, |role| {
        value(role) + square_value(role, m.to(), us.other(), few)
    });
    taken + value(after) + square_value(after, m.to(), us, few)
        - value(m.role())
        - square_value(m.role(), from, us, few)
}

/// Static exchange evaluation: what the mover wins on the target square if both sides take with their least piece
/// for as long as it pays. Pins are not seen.
pub(super) fn exchange(position: &Chess, m: Move) -> i32 {
    let promoted = m.promotion().map_or(0, |role| value(role) - 100);
    let won = m.capture().map_or(0, value) + promoted;
    let Some(from) = m.from() else { return won };
    // Castling and the king's legal moves go to squares where nothing can take.
    if m.is_castle() || m.is_en_passant() || m.role() == Role::King {
        return won;
    }
    let (board, target) = (position.board(), m.to());
    let mut occupied = board.occupied();
    occupied.discard(from);
    let mut gains = [0; 33];
    gains[0] = won;
    let mut last = 0;
    let mut standing = value(m.promotion().unwrap_or(m.role()));
    let mut side = position.turn().other();
    while last + 1 < gains.len() {
        let attackers = board.attacks_to(target, side, occupied) & occupied;
        let least = Role::ALL
            .into_iter()
            .find_map(|role| Some((role, (attackers & board.by_role(role)).first()?)));
        let Some((role, square)) = least else { break };
        let defended = || (board.attacks_to(target, side.other(), occupied) & occupied).any();
        if role == Role::King && defended() {
            break;
        }
        last += 1;
        gains[last] = standing - gains[last - 1];
        occupied.discard(square);
        standing = value(role);
        side = side.other();
    }
    for step in (1..=last).rev() {
        gains[step - 1] = -(-gains[step - 1]).max(gains[step]);
    }
    gains[0]
}
