//! Features in words: pieces and squares as a perspective sees them, its own side at the bottom.

const KINDS: [&str; 6] = ["pawn", "knight", "bishop", "rook", "queen", "king"];

/// The name of a square, counted from a1 along the ranks.
pub(crate) fn square(square: u32) -> String {
    let (file, rank) = (square % 8, square / 8 % 8);
    format!("{}{}", char::from(b'a' + file as u8), rank + 1)
}

/// A piece by its relative code: `2 * kind + (0 own, 1 opponent)`.
pub(crate) fn piece(code: u32) -> String {
    let side = ["own", "opponent's"][code as usize % 2];
    format!("{side} {}", KINDS[code as usize / 2 % 6])
}

/// A piece of a set with king buckets; `plane` is the piece's relative code.
pub(super) fn piece_and_king(plane: u32, at: u32, king: u32) -> String {
    format!(
        "{} on {}, own king on {}",
        piece(plane),
        square(at),
        square(king)
    )
}

/// As [`piece_and_king`], for sets in which both kings share plane 10.
pub(super) fn merged_piece_and_king(plane: u32, at: u32, king: u32) -> String {
    match plane {
        10 if at == king => format!("own king on {}", square(king)),
        10 => piece_and_king(11, at, king),
        _ => piece_and_king(plane, at, king),
    }
}
