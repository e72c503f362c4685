//! PP_3Wide, the pawn pairs of SFNNv16 (`facts/eras.md`, section 5.6).

use super::{ActiveFeatures, FeatureSet, full_threats::orientation};
use crate::board::{Board, Color};

/// Every pair of pawns, of any colours, whose files differ by at most one.
#[derive(Debug)]
pub struct PawnPairs3Wide;

pub static PP_3WIDE: PawnPairs3Wide = PawnPairs3Wide;

/// Two colours on 48 squares.
const PAWN_IDS: usize = 96;

const FILE_A: u64 = 0x0101_0101_0101_0101;

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
        let kings = board.king_squares();
        let bitboards = board.bitboards();
        // A pawn on the first or last rank has no id; only an impossible position has one.
        let pawns = [0, 1].map(|color| bitboards[color] & 0x00FF_FFFF_FFFF_FF00);
        let both = pawns[0] | pawns[1];
        for perspective in Color::BOTH {
            let orient = orientation(kings[perspective as usize], perspective);
            let opponent = pawns[perspective.opponent() as usize];
            let id =
                |square: u8| u32::from(square ^ orient) - 8 + 48 * (opponent >> square & 1) as u32;
            let list = &mut lists[perspective as usize];
            let mut rest = both;
            while rest != 0 {
                let first = rest.trailing_zeros() as u8;
                rest &= rest - 1;
                let first_id = id(first);
                let mut partners = rest & three_files(first & 7);
                while partners != 0 {
                    let second_id = id(partners.trailing_zeros() as u8);
                    partners &= partners - 1;
                    let (low, high) = (first_id.min(second_id), first_id.max(second_id));
                    list.push(high * (high - 1) / 2 + low);
                }
            }
        }
    }
}
