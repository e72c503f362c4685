//! HalfKAv2, the inputs of SFNNv2 (`docs/notes/eras.md`, section 5.3).

use super::{ActiveFeatures, FeatureSet, Impossible, Meaning, flip_ranks, merged_plane, words};
use crate::chess::board::{Board, Color};

/// King square x 11 planes x 64 squares; both kings share plane 10.
#[derive(Debug)]
pub struct HalfKaV2;

pub static HALF_KA_V2: HalfKaV2 = HalfKaV2;

const PER_KING: u32 = 704;

impl FeatureSet for HalfKaV2 {
    fn name(&self) -> &'static str {
        "HalfKAv2"
    }

    fn short_name(&self) -> &'static str {
        "halfka"
    }

    fn hash(&self) -> u32 {
        0x5F23_4CB8
    }

    fn count(&self) -> usize {
        64 * PER_KING as usize
    }

    fn max_active(&self) -> usize {
        32
    }

    fn append_active(&self, board: &Board, lists: &mut ActiveFeatures) {
        let kings = board.king_squares();
        for perspective in Color::BOTH {
            let orient = flip_ranks(perspective);
            let base = PER_KING * u32::from(kings[perspective as usize] ^ orient);
            let list = &mut lists[perspective as usize];
            list.extend(board.pieces().map(|(square, code)| {
                u32::from(square ^ orient) + 64 * merged_plane(code, perspective) + base
            }));
        }
    }

    fn meaning(&self, feature: u32) -> Result<Meaning, Impossible> {
        let (king, place) = (feature / PER_KING, feature % PER_KING);
        Ok(Meaning::of_merged_piece(place / 64, place % 64, king, king))
    }

    fn describe(&self, feature: u32) -> String {
        let (king, place) = (feature / PER_KING, feature % PER_KING);
        words::merged_piece_and_king(place / 64, place % 64, king)
    }
}
