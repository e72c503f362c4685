//! Which rows of the feature transformer a position switches on.

use std::sync::Arc;

use super::error::LayoutError;
use super::syntax::{FirstSquare, RawInput};
use super::threats::{PAWN_PAIRS, Threats, append_pawn_pairs};
use crate::chess::board::{Board, Color, WHITE_KING};

/// A kind of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    PieceSquare,
    Threats,
    PawnPairs,
}

impl Block {
    /// All kinds in the order in which features are numbered, whatever the order in the file.
    pub const ALL: [Block; 3] = [Block::PieceSquare, Block::Threats, Block::PawnPairs];

    /// As a layout names it.
    pub fn name(self) -> &'static str {
        match self {
            Block::PieceSquare => "piece_square",
            Block::Threats => "threats",
            Block::PawnPairs => "pawn_pairs",
        }
    }
}

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

/// Piece-square inputs, possibly in king buckets: feature `(64 * planes) * bucket + 64 * plane + square`. After them
/// threats and pairs of pawns are numbered, where there are any.
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
    pub(super) threats: Option<Arc<Threats>>,
    pub(super) pawn_pairs: bool,
}

/// `2 * kind + (0 own, 1 opponent)` of a letter: own pieces are upper case.
pub(super) fn piece_of_letter(letter: char) -> Option<usize> {
    let kind = "PNBRQK".find(letter.to_ascii_uppercase())?;
    Some(2 * kind + usize::from(letter.is_ascii_lowercase()))
}

impl Input {
    /// Number of features.
    pub fn features(&self) -> usize {
        Block::ALL.map(|block| self.block(block)).iter().sum()
    }

    /// Number of features of a kind.
    pub fn block(&self, block: Block) -> usize {
        match block {
            Block::PieceSquare => 64 * self.plane_count * self.bucket_count,
            Block::Threats => self.threats.as_ref().map_or(0, |threats| threats.count()),
            Block::PawnPairs if self.pawn_pairs => PAWN_PAIRS,
            Block::PawnPairs => 0,
        }
    }

    /// As people write it: "768x10 mirrored + 66864 threats".
    pub fn describe(&self) -> String {
        let mut text = (64 * self.plane_count).to_string();
        if self.bucket_count > 1 {
            text.push_str(&format!("x{}", self.bucket_count));
        }
        if self.mirror != Mirror::None {
            text.push_str(" mirrored");
        }
        for (block, name) in [
            (Block::Threats, "threats"),
            (Block::PawnPairs, "pawn pairs"),
        ] {
            let count = self.block(block);
            if count > 0 {
                text.push_str(&format!(" + {count} {name}"));
            }
        }
        text
    }

    /// More features than any usual position switches on, for estimates of memory.
    pub(crate) fn max_active(&self) -> usize {
        let of = |block, count| if self.block(block) > 0 { count } else { 0 };
        32 + of(Block::Threats, 128) + of(Block::PawnPairs, 120)
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
        let (side, orient) = (perspective as u8, flip ^ mirror);
        let mut first = self.block(Block::PieceSquare) as u32;
        if let Some(threats) = &self.threats {
            threats.append_active(board, side, orient, first, list);
            first += threats.count() as u32;
        }
        if self.pawn_pairs {
            append_pawn_pairs(board, side, orient, first, list);
        }
    }

    /// The own king's square as the perspective sees it: samples with equal ones share rows.
    pub(super) fn king_place(&self, board: &Board, perspective: Color) -> u8 {
        let king = board.king_squares()[perspective as usize] ^ (56 * perspective as u8);
        king ^ self.mirroring(king)
    }

    /// Can the own king stand on this square, a1 = 0, in this bucket?
    pub(super) fn holds_king(&self, bucket: usize, square: u8) -> bool {
        self.mirroring(square) == 0 && usize::from(self.buckets[usize::from(square)]) == bucket
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

/// Checks what a layout says of its inputs.
pub(super) fn input(raw: &RawInput) -> Result<Input, LayoutError> {
    let wrong = |text: String| Err(LayoutError::Input(text));
    if !(1..=2).contains(&raw.perspectives) {
        return wrong("perspectives is 1 or 2".into());
    }
    let mut planes = [u8::MAX; 12];
    for (plane, letter) in raw.planes.chars().enumerate() {
        match piece_of_letter(letter) {
            Some(piece) if planes[piece] == u8::MAX => planes[piece] = plane as u8,
            _ => {
                return wrong(format!(
                    "planes names each of PNBRQK (own) and pnbrqk (the opponent's) once, `{letter}` does not fit"
                ));
            }
        }
    }
    let (own_king, their_king) = (10, 11);
    if planes[their_king] == u8::MAX {
        // Both kings share a plane.
        planes[their_king] = planes[own_king];
    }
    if planes.contains(&u8::MAX) {
        return wrong(
            "planes leaves a piece out (only k may be: both kings then share the plane K)".into(),
        );
    }
    let (buckets, bucket_count) = king_buckets(raw)?;
    let threats = match &raw.threats {
        None => None,
        Some(table) => Some(Threats::new(table, raw.threat_order, raw.threat_pairs)?.into()),
    };
    if raw.first_square == FirstSquare::A8 && (threats.is_some() || raw.pawn_pairs) {
        return wrong("threats and pawn pairs count squares from a1, not with first_square".into());
    }
    Ok(Input {
        buckets,
        bucket_count,
        mirror: raw.mirror,
        planes,
        plane_count: raw.planes.chars().count(),
        from_a8: raw.first_square == FirstSquare::A8,
        perspectives: raw.perspectives,
        threats,
        pawn_pairs: raw.pawn_pairs,
    })
}

fn king_buckets(raw: &RawInput) -> Result<([u8; 64], usize), LayoutError> {
    let mut buckets = [0; 64];
    let Some(list) = &raw.king_buckets else {
        return Ok((buckets, 1));
    };
    match (list.len(), raw.mirror) {
        (64, _) => buckets.copy_from_slice(list),
        (32, Mirror::Abcd | Mirror::Efgh) => {
            let first = if raw.mirror == Mirror::Abcd { 0 } else { 4 };
            for (at, &bucket) in list.iter().enumerate() {
                buckets[at / 4 * 8 + first + at % 4] = bucket;
            }
        }
        (found, _) => {
            return Err(LayoutError::Input(format!(
                "king_buckets has 64 entries, or 32 with mirror (the four files that the king is on), not {found}"
            )));
        }
    }
    let count = list.iter().max().map_or(0, |&most| usize::from(most) + 1);
    if let Some(missing) =
        (0..count).find(|&at| !list.iter().any(|&bucket| usize::from(bucket) == at))
    {
        return Err(LayoutError::Input(format!(
            "king_buckets goes up to {}, but {missing} is not in it",
            count - 1
        )));
    }
    Ok((buckets, count))
}

const _: () = assert!(WHITE_KING == 10, "letters are numbered as piece codes are");
