//! Material, squares and exchanges: a cheap judgement of positions and moves, in centipawns.

use shakmaty::{Chess, Color, Move, Position as _, Role, Square};

/// Usual value of a piece; a king's is never won.
pub(super) fn value(role: Role) -> i32 {
    [100, 320, 330, 500, 950, 0][role as usize - 1]
}

/// What a piece's square adds: pieces like the centre, pawns go forward, kings hide while there are many pieces.
fn square_value(role: Role, square: Square, color: Color, few: bool) -> i32 {
    static TABLES: [[[i32; 64]; 6]; 2] = [square_values(false), square_values(true)];
    let square = if color.is_white() {
        square
    } else {
        square.flip_vertical()
    };
    TABLES[usize::from(few)][role as usize - 1][square as usize]
}

/// By role, for White, from A1 to H8.
const fn square_values(few: bool) -> [[i32; 64]; 6] {
    let mut values = [[0; 64]; 6];
    let mut square = 0;
    while square < 64 {
        let (file, rank) = (square as i32 % 8, square as i32 / 8);
        let middle = 3 - (2 * file - 7).abs() / 2;
        let centre = middle + 3 - (2 * rank - 7).abs() / 2;
        let forward = [0, 0, 2, 8, 18, 40, 80, 0][rank as usize];
        let hidden = if rank < 3 { rank } else { 3 };
        values[0][square] = forward + if rank >= 2 { 4 * middle } else { -3 * middle };
        values[1][square] = 8 * centre - 28;
        values[2][square] = 5 * centre - 12;
        values[3][square] = 2 * middle + if rank == 6 { 15 } else { 0 };
        values[4][square] = 2 * centre - 5;
        values[5][square] = if few {
            8 * centre - 20
        } else {
            10 - 10 * (middle + 2 * hidden)
        };
        square += 1;
    }
    values
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
