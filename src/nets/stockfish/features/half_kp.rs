//! HalfKP, the inputs of SFNNv1 (`docs/notes/eras.md`, section 5.1).

use super::{ActiveFeatures, FeatureSet, Impossible, Meaning, separate_plane, words};
use crate::chess::board::{Board, Color, WHITE_KING};

/// King square x (dummy slot + 10 planes x 64 squares): 64 * 641 features. Kings themselves are not features.
#[derive(Debug)]
pub struct HalfKp;

pub static HALF_KP: HalfKp = HalfKp;

const PER_KING: u32 = 641;

impl FeatureSet for HalfKp {
    fn name(&self) -> &'static str {
        "HalfKP"
    }

    fn short_name(&self) -> &'static str {
        "halfkp"
    }

    fn hash(&self) -> u32 {
        0x5D69_D5B8
    }

    fn count(&self) -> usize {
        64 * PER_KING as usize
    }

    fn max_active(&self) -> usize {
        30
    }

    fn append_active(&self, board: &Board, lists: &mut ActiveFeatures) {
        let kings = board.king_squares();
        for perspective in Color::BOTH {
            // This set alone rotates the board by 180 degrees; all later ones flip it.
            let orient = 63 * perspective as u8;
            let king = u32::from(kings[perspective as usize] ^ orient);
            let list = &mut lists[perspective as usize];
            list.extend(board.pieces().filter(|&(_, code)| code < WHITE_KING).map(
                |(square, code)| {
                    // Slot 0 of each king's group exists in the file but is never active.
                    u32::from(square ^ orient)
                        + 1
                        + 64 * separate_plane(code, perspective)
                        + PER_KING * king
                },
            ));
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
