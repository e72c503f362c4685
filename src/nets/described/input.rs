//! Which rows of the feature transformer a position switches on.

use crate::chess::board::{Board, Color, WHITE_KING};

/// On which files the own king stands after mirroring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mirror {
    /// The board is not mirrored.
    #[default]
    None,
    /// A king on e to h is mirrored, as bullet does.
    Abcd,
    /// A king on a to d is mirrored, as Stockfish does.
    Efgh,
}

/// Piece-square inputs, possibly in king buckets: feature `(64 * planes) * bucket + 64 * plane + square`.
///
/// A perspective sees the board with its own side at the bottom: ranks are flipped for Black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Bucket by the own king's square, a1 = 0, as the perspective sees it after mirroring.
    pub(super) buckets: [u8; 64],
    pub(super) bucket_count: usize,
    pub(super) mirror: Mirror,
    /// Plane by `2 * kind + (0 own, 1 opponent)`.
    pub(super) planes: [u8; 12],
    pub(super) plane_count: usize,
    /// Is a8 square 0?
    pub(super) from_a8: bool,
    /// Are both perspectives evaluated, or only the side to move's?
    pub(super) perspectives: usize,
}

/// `2 * kind + (0 own, 1 opponent)` of a letter: own pieces are upper case.
pub(super) fn piece_of_letter(letter: char) -> Option<usize> {
    let kind = "PNBRQK".find(letter.to_ascii_uppercase())?;
    Some(2 * kind + usize::from(letter.is_ascii_lowercase()))
}

impl Input {
    /// Number of features.
    pub fn features(&self) -> usize {
        64 * self.plane_count * self.bucket_count
    }

    /// Samples that a position gives: 2, or 1 where only the side to move's perspective is evaluated.
    pub fn perspectives(&self) -> usize {
        self.perspectives
    }

    /// King buckets.
    pub fn buckets(&self) -> usize {
        self.bucket_count
    }

    /// Appends the active features of a perspective.
    pub fn append_active(&self, board: &Board, perspective: Color, list: &mut Vec<u32>) {
        let flip = 56 * perspective as u8;
        let king = board.king_squares()[perspective as usize] ^ flip;
        let mirror = self.mirroring(king);
        let bucket = u32::from(self.buckets[usize::from(king ^ mirror)]);
        let base = 64 * self.plane_count as u32 * bucket;
        let orient = flip ^ mirror ^ if self.from_a8 { 56 } else { 0 };
        list.extend(board.pieces().map(|(square, code)| {
            let relative = usize::from(code ^ perspective as u8);
            base + 64 * u32::from(self.planes[relative]) + u32::from(square ^ orient)
        }));
    }

    /// The own king's square as the perspective sees it: samples with equal ones share rows.
    pub(super) fn king_place(&self, board: &Board, perspective: Color) -> u8 {
        let king = board.king_squares()[perspective as usize] ^ (56 * perspective as u8);
        king ^ self.mirroring(king)
    }

    fn mirroring(&self, king: u8) -> u8 {
        let mirrored = match self.mirror {
            Mirror::None => false,
            Mirror::Abcd => king & 7 > 3,
            Mirror::Efgh => king & 7 <= 3,
        };
        if mirrored { 7 } else { 0 }
    }
}

/// The perspective of sample `number` of a position.
pub(super) fn side_of(board: &Board, number: usize) -> Color {
    if number == 0 {
        board.side_to_move()
    } else {
        board.side_to_move().opponent()
    }
}

const _: () = assert!(WHITE_KING == 10, "letters are numbered as piece codes are");
