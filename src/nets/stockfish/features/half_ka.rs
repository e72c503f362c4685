//! HalfKA, a set of the reference trainer that no engine shipped (`docs/notes/eras.md`, section 5.2).

use super::{ActiveFeatures, FeatureSet, Impossible, Meaning, flip_ranks, separate_plane, words};
use crate::chess::board::{Board, Color};

/// King square x (dummy slot + 12 planes x 64 squares): 64 * 769 features.
#[derive(Debug)]
pub struct HalfKa;

pub static HALF_KA: HalfKa = HalfKa;

const PER_KING: u32 = 769;

impl FeatureSet for HalfKa {
    fn name(&self) -> &'static str {
        "HalfKA"
    }

    fn short_name(&self) -> &'static str {
        "halfka_v1"
    }

    fn hash(&self) -> u32 {
        0x5F13_4CB8
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
            let king = u32::from(kings[perspective as usize] ^ orient);
            let list = &mut lists[perspective as usize];
            list.extend(board.pieces().map(|(square, code)| {
                u32::from(square ^ orient)
                    + 1
                    + 64 * separate_plane(code, perspective)
                    + PER_KING * king
            }));
        }
    }

    fn meaning(&self, feature: u32) -> Result<Meaning, Impossible> {
        let (king, slot) = (feature / PER_KING, feature % PER_KING);
        let place = slot.checked_sub(1).ok_or(Impossible::NoMeaning)?;
        Ok(Meaning::of_piece(place / 64, place % 64, king, king))
    }

    fn describe(&self, feature: u32) -> String {
        let (king, slot) = (feature / PER_KING, feature % PER_KING);
        match slot.checked_sub(1) {
            Some(place) => words::piece_and_king(place / 64, place % 64, king),
            None => format!(
                "a slot without a meaning, own king on {}",
                words::square(king)
            ),
        }
    }

    fn is_never_active(&self, feature: u32) -> bool {
        feature.is_multiple_of(PER_KING)
    }
}
