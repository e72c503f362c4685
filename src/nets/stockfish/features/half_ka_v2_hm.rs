//! HalfKAv2_hm, the piece-square inputs of SFNNv3 and later (`docs/notes/eras.md`, section 5.4).

use super::{ActiveFeatures, FeatureSet, Impossible, Meaning, flip_ranks, merged_plane, words};
use crate::chess::board::{Board, Color};

/// As HalfKAv2 with the board mirrored so that the own king stands on files e to h: 32 king buckets.
#[derive(Debug)]
pub struct HalfKaV2Hm;

pub static HALF_KA_V2_HM: HalfKaV2Hm = HalfKaV2Hm;

const PER_KING: u32 = 704;

/// XOR mask for squares that flips ranks for Black and mirrors files when the own king is on a to d.
pub(super) const fn orientation(king: u8, perspective: Color) -> u8 {
    let mirror = if king & 7 <= 3 { 7 } else { 0 };
    flip_ranks(perspective) ^ mirror
}

impl FeatureSet for HalfKaV2Hm {
    fn name(&self) -> &'static str {
        "HalfKAv2_hm"
    }

    fn short_name(&self) -> &'static str {
        "halfka_hm"
    }

    fn hash(&self) -> u32 {
        0x7F23_4CB8
    }

    fn count(&self) -> usize {
        32 * PER_KING as usize
    }

    fn max_active(&self) -> usize {
        32
    }

    fn append_active(&self, board: &Board, lists: &mut ActiveFeatures) {
        let kings = board.king_squares();
        for perspective in Color::BOTH {
            let own_king = kings[perspective as usize];
            let orient = orientation(own_king, perspective);
            let king = u32::from(own_king ^ orient);
            let bucket = (7 - king / 8) * 4 + (7 - king % 8);
            let base = PER_KING * bucket;
            let list = &mut lists[perspective as usize];
            list.extend(board.pieces().map(|(square, code)| {
                u32::from(square ^ orient) + 64 * merged_plane(code, perspective) + base
            }));
        }
    }

    fn meaning(&self, feature: u32) -> Result<Meaning, Impossible> {
        let (bucket, place) = (feature / PER_KING, feature % PER_KING);
        let king = 8 * (7 - bucket / 4) + 7 - bucket % 4;
        Ok(Meaning::of_merged_piece(
            place / 64,
            place % 64,
            bucket,
            king,
        ))
    }

    fn describe(&self, feature: u32) -> String {
        let (bucket, place) = (feature / PER_KING, feature % PER_KING);
        let king = 8 * (7 - bucket / 4) + 7 - bucket % 4;
        words::merged_piece_and_king(place / 64, place % 64, king)
    }
}
