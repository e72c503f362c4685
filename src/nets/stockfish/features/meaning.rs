//! What features stand for, as data, and which of them no legal position activates.

use thiserror::Error;

use super::words;

/// A piece on a square, as a perspective sees both: its own side at the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedPiece {
    /// `2 * kind + (0 own, 1 opponent)`.
    pub code: u32,
    pub square: u32,
}

impl PlacedPiece {
    /// "own pawn".
    pub fn piece(&self) -> String {
        words::piece(self.code)
    }

    /// "e4".
    pub fn square_name(&self) -> String {
        words::square(self.square)
    }

    /// Its kind in the order P N B R Q K, and is it the perspective's own?
    pub fn kind_and_side(&self) -> (usize, bool) {
        (self.code as usize / 2, self.code.is_multiple_of(2))
    }
}

/// What stands on the board when a feature is active, seen from the perspective and mirrored as its set does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The piece, the attacker, or the first pawn of a pair.
    pub first: PlacedPiece,
    /// The piece that is attacked, or the second pawn of a pair.
    pub second: Option<PlacedPiece>,
    /// Number of the king bucket, in sets that have them.
    pub bucket: Option<u32>,
    /// The own king's square, where the bucket tells it.
    pub own_king: Option<u32>,
    /// Files on which the set's mirroring lets the own king stand: bit 0 is file a.
    pub king_files: u8,
}

/// Why no legal position activates a feature.
///
/// The rules are those that every chess position keeps, however it came about: one king a side, kings not on
/// neighbouring squares, one piece a square, no pawns on the first and last rank.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Impossible {
    #[error("a slot of the file that stands for nothing")]
    NoMeaning,
    #[error("pieces that attack each other are counted from the other square")]
    CountedFromTheOther,
    #[error("pawns do not attack straight ahead; only other pawns count there")]
    NoThreat,
    #[error("the set has no pawns so far apart")]
    FilesApart,
    #[error("no pawn stands on the first or last rank")]
    PawnRank,
    #[error("two pieces on one square")]
    SameSquare,
    #[error("the own king stands elsewhere")]
    OwnKingElsewhere,
    #[error("the own king is mirrored to the other files")]
    Mirrored,
    #[error("the kings are neighbours")]
    AdjacentKings,
}

impl Impossible {
    /// All of them, in the order in which they are asked for.
    pub const ALL: [Impossible; 9] = [
        Impossible::NoMeaning,
        Impossible::CountedFromTheOther,
        Impossible::NoThreat,
        Impossible::FilesApart,
        Impossible::PawnRank,
        Impossible::SameSquare,
        Impossible::OwnKingElsewhere,
        Impossible::Mirrored,
        Impossible::AdjacentKings,
    ];

    /// In one word, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Impossible::NoMeaning => "no_meaning",
            Impossible::CountedFromTheOther => "counted_from_the_other",
            Impossible::NoThreat => "no_threat",
            Impossible::FilesApart => "files_apart",
            Impossible::PawnRank => "pawn_rank",
            Impossible::SameSquare => "same_square",
            Impossible::OwnKingElsewhere => "own_king_elsewhere",
            Impossible::Mirrored => "mirrored",
            Impossible::AdjacentKings => "adjacent_kings",
        }
    }
}

/// All files.
pub(super) const ANY_FILE: u8 = 0xFF;
/// Files a to d.
pub(super) const WEST: u8 = 0x0F;
/// Files e to h.
pub(super) const EAST: u8 = 0xF0;

const OWN_KING: u32 = 10;
const OTHER_KING: u32 = 11;

impl Meaning {
    /// Of a piece, and the own king on its square.
    pub(super) fn of_piece(code: u32, square: u32, bucket: u32, own_king: u32) -> Meaning {
        Meaning {
            first: PlacedPiece { code, square },
            second: None,
            bucket: Some(bucket),
            own_king: Some(own_king),
            king_files: ANY_FILE,
        }
    }

    /// As [`Meaning::of_piece`] for sets in which both kings share plane 10.
    pub(super) fn of_merged_piece(plane: u32, square: u32, bucket: u32, own_king: u32) -> Meaning {
        let other = plane == OWN_KING && square != own_king;
        Meaning::of_piece(plane + u32::from(other), square, bucket, own_king)
    }

    /// The pieces: one or two.
    pub fn pieces(&self) -> impl Iterator<Item = PlacedPiece> {
        std::iter::once(self.first).chain(self.second)
    }

    /// Squares of the own king and of the opponent's, as far as they follow.
    pub(super) fn kings(&self) -> [Option<u32>; 2] {
        let named = |code| self.pieces().find(|placed| placed.code == code);
        let square = |code| named(code).map(|placed| placed.square);
        [square(OWN_KING).or(self.own_king), square(OTHER_KING)]
    }

    /// Why no legal position has all this, if none has.
    pub fn impossible(&self) -> Option<Impossible> {
        let pawn_ranks = 8..56;
        if self
            .pieces()
            .any(|placed| placed.code < 2 && !pawn_ranks.contains(&placed.square))
        {
            return Some(Impossible::PawnRank);
        }
        if self
            .second
            .is_some_and(|second| second.square == self.first.square)
        {
            return Some(Impossible::SameSquare);
        }
        if let Some(king) = self.own_king {
            for placed in self.pieces() {
                match (placed.code == OWN_KING, placed.square == king) {
                    (true, false) => return Some(Impossible::OwnKingElsewhere),
                    (false, true) => return Some(Impossible::SameSquare),
                    _ => {}
                }
            }
        }
        let [own, other] = self.kings();
        if own.is_some_and(|own| self.king_files >> (own % 8) & 1 == 0) {
            return Some(Impossible::Mirrored);
        }
        match (own, other) {
            (Some(own), Some(other)) if are_neighbours(own, other) => {
                Some(Impossible::AdjacentKings)
            }
            _ => None,
        }
    }
}

/// Are two different squares a king's step apart?
fn are_neighbours(a: u32, b: u32) -> bool {
    (a % 8).abs_diff(b % 8) <= 1 && (a / 8).abs_diff(b / 8) <= 1
}
