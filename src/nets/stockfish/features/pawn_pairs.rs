//! PP_3Wide, the pawn pairs of SFNNv16 (`docs/notes/eras.md`, section 5.6).

use super::full_threats::{FILE_A, PAWN_RANKS, orientations};
use super::meaning::{Impossible, Meaning, PlacedPiece, WEST};
use super::{ActiveFeatures, FeatureSet, words};
use crate::chess::board::Board;

/// Every pair of pawns, of any colours, whose files differ by at most one.
#[derive(Debug)]
pub struct PawnPairs3Wide;

pub static PP_3WIDE: PawnPairs3Wide = PawnPairs3Wide;

/// Two colours on 48 squares.
const PAWN_IDS: usize = 96;

/// The squares of a file and of its neighbours.
const fn three_files(file: u8) -> u64 {
    let own = FILE_A << file;
    let west = if file > 0 { FILE_A << (file - 1) } else { 0 };
    let east = if file < 7 { FILE_A << (file + 1) } else { 0 };
    own | west | east
}

impl FeatureSet for PawnPairs3Wide {
    fn name(&self) -> &'static str {
        "PP_3Wide"
    }

    fn short_name(&self) -> &'static str {
        "pawnpair"
    }

    fn hash(&self) -> u32 {
        0x86F2_B1DD
    }

    fn count(&self) -> usize {
        PAWN_IDS * (PAWN_IDS - 1) / 2
    }

    fn max_active(&self) -> usize {
        120
    }

    fn append_active(&self, board: &Board, lists: &mut ActiveFeatures) {
        let bitboards = board.bitboards();
        // A pawn on the first or last rank has no id; only an impossible position has one.
        let pawns = [0, 1].map(|color| bitboards[color] & PAWN_RANKS);
        let both = pawns[0] | pawns[1];
        let orient = orientations(&bitboards);
        let mut ids = [[0; 2]; 64];
        let mut rest = both;
        while rest != 0 {
            let square = rest.trailing_zeros() as u8;
            rest &= rest - 1;
            for (side, id) in ids[usize::from(square)].iter_mut().enumerate() {
                let opponent = pawns[1 - side] >> square & 1;
                *id = u32::from(square ^ orient[side]) - 8 + 48 * opponent as u32;
            }
        }
        let [white, black] = lists;
        let mut rest = both;
        while rest != 0 {
            let first = rest.trailing_zeros() as u8;
            rest &= rest - 1;
            let mut partners = rest & three_files(first & 7);
            while partners != 0 {
                let [a, b] =
                    [first, partners.trailing_zeros() as u8].map(|it| ids[usize::from(it)]);
                partners &= partners - 1;
                white.push(index(a[0], b[0]));
                black.push(index(a[1], b[1]));
            }
        }
    }

    fn meaning(&self, feature: u32) -> Result<Meaning, Impossible> {
        let (high, low) = pair(feature);
        if (high % 8).abs_diff(low % 8) > 1 {
            return Err(Impossible::FilesApart);
        }
        let pawn = |id: u32| PlacedPiece {
            code: id / 48,
            square: id % 48 + 8,
        };
        Ok(Meaning {
            first: pawn(low),
            second: Some(pawn(high)),
            bucket: None,
            own_king: None,
            king_files: WEST,
        })
    }

    fn describe(&self, feature: u32) -> String {
        let pawn = |id: u32| {
            format!(
                "{} on {}",
                words::piece(id / 48),
                words::square(id % 48 + 8)
            )
        };
        let (high, low) = pair(feature);
        format!("{} and {}", pawn(low), pawn(high))
    }

    fn is_never_active(&self, feature: u32) -> bool {
        let (high, low) = pair(feature);
        high % 48 == low % 48 || (high % 8).abs_diff(low % 8) > 1
    }
}

/// Index of a pair of different pawns.
fn index(a: u32, b: u32) -> u32 {
    let (low, high) = (a.min(b), a.max(b));
    high * (high - 1) / 2 + low
}

/// The pawns of an index, the higher one first: undoes [`index`].
fn pair(index: u32) -> (u32, u32) {
    let high = (1..)
        .find(|high| high * (high + 1) / 2 > index)
        .unwrap_or(1);
    (high, index - high * (high - 1) / 2)
}
