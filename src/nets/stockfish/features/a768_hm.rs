//! A768_hm, the 768 inputs of the small browser net of the Stockfish 19 era.

use super::meaning::{EAST, Impossible, Meaning, PlacedPiece};
use super::{ActiveFeatures, FeatureSet, half_ka_v2_hm::orientation, words};
use crate::chess::board::{Board, Color};

/// 12 planes x 64 squares, mirrored like HalfKAv2_hm, without king buckets.
///
/// Planes are own P N B R Q K, then the opponent's.
#[derive(Debug)]
pub struct A768Hm;

pub static A768_HM: A768Hm = A768Hm;

impl FeatureSet for A768Hm {
    fn name(&self) -> &'static str {
        "A768_hm"
    }

    fn short_name(&self) -> &'static str {
        "a768_hm"
    }

    fn hash(&self) -> u32 {
        0x6F23_4CB8
    }

    fn count(&self) -> usize {
        768
    }

    fn max_active(&self) -> usize {
        32
    }

    fn append_active(&self, board: &Board, lists: &mut ActiveFeatures) {
        let kings = board.king_squares();
        for perspective in Color::BOTH {
            let orient = orientation(kings[perspective as usize], perspective);
            let list = &mut lists[perspective as usize];
            list.extend(board.pieces().map(|(square, code)| {
                let relative = code ^ perspective as u8;
                let plane = u32::from(relative / 2 + 6 * (relative % 2));
                u32::from(square ^ orient) + 64 * plane
            }));
        }
    }

    fn meaning(&self, feature: u32) -> Result<Meaning, Impossible> {
        let plane = feature / 64;
        Ok(Meaning {
            first: PlacedPiece {
                code: 2 * (plane % 6) + plane / 6,
                square: feature % 64,
            },
            second: None,
            bucket: None,
            own_king: None,
            king_files: EAST,
        })
    }

    fn describe(&self, feature: u32) -> String {
        let plane = feature / 64;
        let code = 2 * (plane % 6) + plane / 6;
        format!("{} on {}", words::piece(code), words::square(feature % 64))
    }
}
