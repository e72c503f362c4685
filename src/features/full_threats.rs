//! Full_Threats in its five revisions, SFNNv10 to SFNNv16 (`facts/eras.md`, section 5.5).
//!
//! A feature is (attacker, from, victim, to) for every occupied square `to` that a piece on `from` attacks under
//! the real occupancy. Squares and colours are relative to the perspective.

use std::sync::OnceLock;

use shakmaty::{Bitboard, Square, attacks};

use super::{ActiveFeatures, FeatureSet, flip_ranks};
use crate::board::{Board, Color, PieceKind};

/// One revision of the threat inputs.
#[derive(Debug)]
pub struct FullThreats {
    hash: u32,
    count: usize,
    /// Valid (victim kind, victim colour) combinations per attacker kind.
    victims: [u32; 6],
    /// Slot of a victim kind for an attacker kind: `slots[attacker][victim]`, [`NONE`] where there is no feature.
    slots: [[u8; 6]; 6],
    /// Do pawns also "attack" a pawn straight ahead?
    pawn_push: bool,
    tables: OnceLock<Box<Tables>>,
}

/// No feature.
const NONE: u8 = u8::MAX;

const KNIGHT_OR_QUEEN: [u8; 6] = [0, 1, 2, 3, 4, NONE];
const BISHOP_OR_ROOK: [u8; 6] = [0, 1, 2, 3, NONE, NONE];
const PAWN: [u8; 6] = [0, 1, NONE, 2, NONE, NONE];
const NOTHING: [u8; 6] = [NONE; 6];
const WITHOUT_KINGS: [[u8; 6]; 6] = [
    PAWN,
    KNIGHT_OR_QUEEN,
    BISHOP_OR_ROOK,
    BISHOP_OR_ROOK,
    KNIGHT_OR_QUEEN,
    NOTHING,
];

/// SFNNv10.
pub static FULL_THREATS_79856: FullThreats = FullThreats {
    hash: 0x8F23_4CB8,
    count: 79856,
    victims: [6, 12, 10, 10, 12, 8],
    slots: [
        PAWN,
        [0, 1, 2, 3, 4, 5],
        [0, 1, 2, 3, NONE, 4],
        [0, 1, 2, 3, NONE, 4],
        [0, 1, 2, 3, 4, 5],
        BISHOP_OR_ROOK,
    ],
    pawn_push: false,
    tables: OnceLock::new(),
};

/// SFNNv11.
pub static FULL_THREATS_66864: FullThreats = FullThreats {
    hash: 0x8F23_4CB8,
    count: 66864,
    victims: [6, 10, 8, 8, 10, 8],
    slots: [
        PAWN,
        KNIGHT_OR_QUEEN,
        BISHOP_OR_ROOK,
        BISHOP_OR_ROOK,
        KNIGHT_OR_QUEEN,
        BISHOP_OR_ROOK,
    ],
    pawn_push: false,
    tables: OnceLock::new(),
};

/// SFNNv12 and SFNNv13.
pub static FULL_THREATS_60144: FullThreats = FullThreats {
    hash: 0x8F23_4CB8,
    count: 60144,
    victims: [6, 10, 8, 8, 10, 0],
    slots: WITHOUT_KINGS,
    pawn_push: false,
    tables: OnceLock::new(),
};

/// SFNNv14 and SFNNv15.
pub static FULL_THREATS_60720: FullThreats = FullThreats {
    hash: 0x8F23_4CB8,
    count: 60720,
    victims: [6, 10, 8, 8, 10, 0],
    slots: WITHOUT_KINGS,
    pawn_push: true,
    tables: OnceLock::new(),
};

/// SFNNv16.
pub static FULL_THREATS_59808: FullThreats = FullThreats {
    hash: 0x2E6B_9D04,
    count: 59808,
    victims: [4, 10, 8, 8, 10, 0],
    slots: [
        [NONE, 0, NONE, 1, NONE, NONE],
        KNIGHT_OR_QUEEN,
        BISHOP_OR_ROOK,
        BISHOP_OR_ROOK,
        KNIGHT_OR_QUEEN,
        NOTHING,
    ],
    pawn_push: false,
    tables: OnceLock::new(),
};

/// XOR mask that flips ranks for Black and mirrors files so that the own king stands on a to d: the opposite of
/// HalfKAv2_hm.
pub(super) const fn orientation(king: u8, perspective: Color) -> u8 {
    let mirror = if king & 7 <= 3 { 0 } else { 7 };
    flip_ranks(perspective) ^ mirror
}

/// Marks a pair of pieces without a feature.
const NO_FEATURE: u32 = u32::MAX;

/// Everything an index needs, by relative piece code (`2 * kind + (0 own, 1 opponent)`).
#[derive(Debug)]
struct Tables {
    /// First index of (attacker code, victim code), or [`NO_FEATURE`].
    base: [[u32; 12]; 12],
    /// Index of (from, to) inside an attacker's range, by row of [`geometry_row`].
    pair: [[[u16; 64]; 64]; 7],
}

/// Row of [`Tables::pair`]: the two pawn directions, then N B R Q K, which attack alike for both colours.
const fn geometry_row(code: u8) -> usize {
    if code < 2 {
        code as usize
    } else {
        code as usize / 2 + 1
    }
}

impl FullThreats {
    fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| Box::new(self.build_tables()))
    }

    fn build_tables(&self) -> Tables {
        let mut tables = Tables {
            base: [[NO_FEATURE; 12]; 12],
            pair: [[[0; 64]; 64]; 7],
        };
        let mut next = 0;
        for color in 0..2u8 {
            for kind in 0..6u8 {
                let code = 2 * kind + color;
                let row = &mut tables.pair[geometry_row(code)];
                let mut pairs = 0u32;
                for from in 0..64u8 {
                    let set = self.empty_board_attacks(code, from);
                    for to in 0..64u8 {
                        let before = set & ((1u64 << to) - 1);
                        row[usize::from(from)][usize::from(to)] =
                            (pairs + before.count_ones()) as u16;
                    }
                    pairs += set.count_ones();
                }
                let victims = self.victims[usize::from(kind)];
                for victim in 0..12u8 {
                    let slot = self.slots[usize::from(kind)][usize::from(victim / 2)];
                    if slot != NONE {
                        let slot = u32::from(victim % 2) * (victims / 2) + u32::from(slot);
                        tables.base[usize::from(code)][usize::from(victim)] = next + slot * pairs;
                    }
                }
                next += victims * pairs;
            }
        }
        debug_assert_eq!(next as usize, self.count);
        tables
    }

    /// What a piece on `from` can attack on an empty board; nothing for pawns on the first and last rank.
    fn empty_board_attacks(&self, code: u8, from: u8) -> u64 {
        if code >= 2 {
            return occupied_attacks(code, from, 0);
        }
        if !(8..56).contains(&from) {
            return 0;
        }
        let push = if self.pawn_push { front(code, from) } else { 0 };
        occupied_attacks(code, from, 0) | push
    }
}

/// The square in front of a pawn, as a bitboard; code 0 moves up.
const fn front(code: u8, from: u8) -> u64 {
    if code == 0 {
        1u64 << from << 8
    } else {
        1u64 << from >> 8
    }
}

/// Attacks of a piece under an occupancy; for pawns only captures.
#[inline]
fn occupied_attacks(code: u8, from: u8, occupied: u64) -> u64 {
    let square = Square::new(u32::from(from));
    let occupied = Bitboard(occupied);
    let set = match code / 2 {
        0 => attacks::pawn_attacks(shakmaty::Color::from_white(code == 0), square),
        1 => attacks::knight_attacks(square),
        2 => attacks::bishop_attacks(square, occupied),
        3 => attacks::rook_attacks(square, occupied),
        4 => attacks::queen_attacks(square, occupied),
        _ => attacks::king_attacks(square),
    };
    set.0
}

impl FeatureSet for FullThreats {
    fn name(&self) -> &'static str {
        "Full_Threats"
    }

    fn short_name(&self) -> &'static str {
        "threat"
    }

    fn hash(&self) -> u32 {
        self.hash
    }

    fn count(&self) -> usize {
        self.count
    }

    fn max_active(&self) -> usize {
        128
    }

    fn append_active(&self, board: &Board, lists: &mut ActiveFeatures) {
        let tables = self.tables();
        let kings = board.king_squares();
        let orient = Color::BOTH.map(|side| orientation(kings[side as usize], side));
        let occupied = board.occupied();
        let by_square = board.by_square();
        let pawns = {
            let bitboards = board.bitboards();
            bitboards[0] | bitboards[1]
        };
        for (from, attacker) in board.pieces() {
            let kind = usize::from(attacker / 2);
            if self.victims[kind] == 0 {
                continue;
            }
            let mut targets = if attacker >= 2 {
                occupied_attacks(attacker, from, occupied)
            } else if (8..56).contains(&from) {
                let push = if self.pawn_push {
                    front(attacker, from) & pawns
                } else {
                    0
                };
                occupied_attacks(attacker, from, occupied) | push
            } else {
                continue;
            } & occupied;
            while targets != 0 {
                let to = targets.trailing_zeros() as u8;
                targets &= targets - 1;
                let victim = by_square[usize::from(to)];
                // Pairs of one kind attack each other: only the copy with from > to counts, except for
                // pawns of one colour, which do not attack back.
                let mutual = victim / 2 == attacker / 2
                    && (victim != attacker || kind != PieceKind::Pawn as usize);
                for side in 0..2u8 {
                    let relative_from = from ^ orient[usize::from(side)];
                    let relative_to = to ^ orient[usize::from(side)];
                    if mutual && relative_from < relative_to {
                        continue;
                    }
                    let attacker = attacker ^ side;
                    let base = tables.base[usize::from(attacker)][usize::from(victim ^ side)];
                    if base != NO_FEATURE {
                        let pair = tables.pair[geometry_row(attacker)][usize::from(relative_from)]
                            [usize::from(relative_to)];
                        lists[usize::from(side)].push(base + u32::from(pair));
                    }
                }
            }
        }
    }
}
