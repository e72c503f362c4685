//! Full_Threats in its five revisions, SFNNv10 to SFNNv16 (`docs/notes/eras.md`, section 5.5).
//!
//! A feature is (attacker, from, victim, to) for every occupied square `to` that a piece on `from` attacks under
//! the real occupancy. Squares and colours are relative to the perspective.

use std::sync::OnceLock;

use shakmaty::{Bitboard, Square, attacks};

use super::meaning::{Impossible, Meaning, PlacedPiece, WEST};
use super::{ActiveFeatures, FeatureSet, flip_ranks, rays, words};
use crate::chess::board::{BLACK_KING, Board, Color, WHITE_KING};

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
const fn orientation(king: u8, perspective: Color) -> u8 {
    let mirror = if king & 7 <= 3 { 0 } else { 7 };
    flip_ranks(perspective) ^ mirror
}

/// [`orientation`] for both perspectives, from one bitboard per piece code.
pub(super) fn orientations(pieces: &[u64; 12]) -> [u8; 2] {
    [(WHITE_KING, Color::White), (BLACK_KING, Color::Black)].map(|(king, side)| {
        let square = pieces[usize::from(king)].trailing_zeros() as u8;
        orientation(square, side)
    })
}

/// Everything an index needs, by relative piece code (`2 * kind + (0 own, 1 opponent)`).
#[derive(Debug)]
struct Tables {
    /// First index of (attacker code, victim code), and [`MUTUAL`]; 0 where there is no feature.
    base: [[u32; 12]; 12],
    /// First index of a square inside an attacker's range, by row of [`geometry_row`].
    start: [[u16; 64]; 7],
    /// Of (from, to): how many squares before `to` a piece on `from` attacks on an empty board.
    rank: [[[u8; 64]; 64]; 7],
}

/// A feature, by relative piece codes and squares.
struct Threat {
    attacker: u32,
    from: u32,
    victim: u32,
    to: u32,
    is_mutual: bool,
}

impl Threat {
    /// Does a pawn look straight ahead? That is a feature before pawns only, though other pieces have rows for it.
    fn is_push(&self) -> bool {
        self.attacker < 2 && self.from % 8 == self.to % 8
    }
}

/// Pieces of one kind attack each other, except for pawns of one colour. Codes are relative.
fn is_mutual(attacker: u8, victim: u8) -> bool {
    attacker / 2 == victim / 2 && (attacker != victim || attacker / 2 != 0)
}

/// Flag of [`Tables::base`]: the victim attacks back, and only the copy with from > to is a feature.
const MUTUAL: u32 = 1 << 31;

/// Row of [`Tables::rank`]: the two pawn directions, then N B R Q K, which attack alike for both colours.
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
            base: [[0; 12]; 12],
            start: [[0; 64]; 7],
            rank: [[[0; 64]; 64]; 7],
        };
        let mut next = 0;
        for color in 0..2u8 {
            for kind in 0..6u8 {
                let code = 2 * kind + color;
                let row = geometry_row(code);
                let mut pairs = 0u32;
                for from in 0..64u8 {
                    let set = self.empty_board_attacks(code, from);
                    tables.start[row][usize::from(from)] = pairs as u16;
                    for to in 0..64u8 {
                        let before = set & ((1u64 << to) - 1);
                        tables.rank[row][usize::from(from)][usize::from(to)] =
                            before.count_ones() as u8;
                    }
                    pairs += set.count_ones();
                }
                let victims = self.victims[usize::from(kind)];
                for victim in 0..12u8 {
                    let slot = self.slots[usize::from(kind)][usize::from(victim / 2)];
                    if slot != NONE {
                        let slot = u32::from(victim % 2) * (victims / 2) + u32::from(slot);
                        let mutual = is_mutual(code, victim);
                        tables.base[usize::from(code)][usize::from(victim)] =
                            (next + slot * pairs) | if mutual { MUTUAL } else { 0 };
                    }
                }
                next += victims * pairs;
            }
        }
        debug_assert_eq!(next as usize, self.count);
        tables
    }

    /// The threat that an index stands for; `None` where the file has rows for none. Undoes the index formula.
    fn threat(&self, feature: u32) -> Option<Threat> {
        let tables = self.tables();
        let mut first = 0;
        for code in (0..2u8).flat_map(|color| (0..6u8).map(move |kind| 2 * kind + color)) {
            let kind = usize::from(code / 2);
            let row = geometry_row(code);
            let last = self.empty_board_attacks(code, 63).count_ones();
            let pairs = u32::from(tables.start[row][63]) + last;
            let victims = self.victims[kind];
            if feature >= first + victims * pairs {
                first += victims * pairs;
                continue;
            }
            let (slot, pair) = ((feature - first) / pairs, (feature - first) % pairs);
            let (color, slot) = (slot / (victims / 2), slot % (victims / 2));
            let victim = self.slots[kind]
                .iter()
                .position(|&it| u32::from(it) == slot)?;
            let victim = 2 * victim as u32 + color;
            let begins = |from: usize| u32::from(tables.start[row][from]);
            let from = (0..64).rev().find(|&from| begins(from) <= pair)?;
            let mut targets = self.empty_board_attacks(code, from as u8);
            for _ in begins(from)..pair {
                targets &= targets.wrapping_sub(1);
            }
            return (targets != 0).then(|| Threat {
                attacker: u32::from(code),
                from: from as u32,
                victim,
                to: targets.trailing_zeros(),
                is_mutual: is_mutual(code, victim as u8),
            });
        }
        None
    }

    /// What a piece on `from` can attack on an empty board; nothing for pawns on the first and last rank.
    fn empty_board_attacks(&self, code: u8, from: u8) -> u64 {
        let square = Square::new(u32::from(from));
        let set = match code / 2 {
            0 => attacks::pawn_attacks(shakmaty::Color::from_white(code == 0), square),
            1 => attacks::knight_attacks(square),
            2 => attacks::bishop_attacks(square, Bitboard::EMPTY),
            3 => attacks::rook_attacks(square, Bitboard::EMPTY),
            4 => attacks::queen_attacks(square, Bitboard::EMPTY),
            _ => attacks::king_attacks(square),
        };
        match code {
            0 | 1 if PAWN_RANKS >> from & 1 == 0 => 0,
            0 if self.pawn_push => set.0 | 1 << (from + 8),
            1 if self.pawn_push => set.0 | 1 << (from - 8),
            _ => set.0,
        }
    }

    /// Appends what pawns of one colour attack: captures of `victims`, and pawns straight ahead if those are features.
    fn append_pawn_attacks(&self, color: u8, pieces: &[u64; 12], victims: u64, pairs: &mut Pairs) {
        let pawns = pieces[usize::from(color)] & PAWN_RANKS;
        let west = pawns & !FILE_A;
        let east = pawns & !(FILE_A << 7);
        let blocked = if self.pawn_push {
            (pieces[0] | pieces[1]) & victims
        } else {
            0
        };
        // From a pawn to its target, White's and Black's.
        for (from, steps, targets) in [
            (west, [7, -9], victims),
            (east, [9, -7], victims),
            (pawns, [8, -8], blocked),
        ] {
            let step: i8 = steps[usize::from(color)];
            let mut hit = from.rotate_left(step as u32 & 63) & targets;
            while hit != 0 {
                let to = hit.trailing_zeros() as u8;
                hit &= hit - 1;
                pairs.push(color, to.wrapping_add_signed(-step), 1 << to);
            }
        }
    }
}

pub(super) const FILE_A: u64 = 0x0101_0101_0101_0101;

/// Where pawns can stand.
pub(super) const PAWN_RANKS: u64 = 0x00FF_FFFF_FFFF_FF00;

/// What a piece that is no pawn attacks of `occupied`.
#[inline]
fn attacked(kind: usize, from: u8, occupied: u64) -> u64 {
    let square = Square::new(u32::from(from));
    match kind {
        1 => attacks::knight_attacks(square).0 & occupied,
        2 => rays::diagonal(from, occupied),
        3 => rays::straight(from, occupied),
        4 => rays::diagonal(from, occupied) | rays::straight(from, occupied),
        _ => attacks::king_attacks(square).0 & occupied,
    }
}

/// Writes the features of attacks into both lists.
struct Pairs<'a> {
    tables: &'a Tables,
    by_square: &'a [u8; 64],
    orient: [u8; 2],
    lists: [&'a mut [u32]; 2],
    /// Written so far.
    ends: [usize; 2],
}

impl Pairs<'_> {
    /// Takes a piece's attacks. Every victim is one of those that it has features for.
    #[inline]
    fn push(&mut self, attacker: u8, from: u8, mut targets: u64) {
        let from = self.orient.map(|orient| from ^ orient);
        let rows = [0, 1].map(|side| {
            let code = attacker ^ side as u8;
            let row = geometry_row(code);
            let from = usize::from(from[side]);
            (
                &self.tables.base[usize::from(code)],
                u32::from(self.tables.start[row][from]),
                &self.tables.rank[row][from],
            )
        });
        while targets != 0 {
            let to = targets.trailing_zeros() as u8;
            targets &= targets - 1;
            let victim = self.by_square[usize::from(to)];
            for (side, (base, start, rank)) in rows.into_iter().enumerate() {
                let to = to ^ self.orient[side];
                let base = base[usize::from(victim) ^ side];
                // Written in any case, and written over by the next one if it is no feature.
                self.lists[side][self.ends[side]] =
                    (base & !MUTUAL) + start + u32::from(rank[usize::from(to)]);
                self.ends[side] += usize::from(base & MUTUAL == 0 || from[side] > to);
            }
        }
    }
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
        /// A piece attacks at most eight others, and one place more is written over.
        const MOST: usize = 8 * 32 + 1;
        let mut pieces = [0u64; 12];
        let mut by_square = [0; 64];
        for (square, code) in board.pieces() {
            pieces[usize::from(code)] |= 1 << square;
            by_square[usize::from(square)] = code;
        }
        let begin = lists.each_ref().map(Vec::len);
        for list in &mut *lists {
            list.resize(list.len() + MOST, 0);
        }
        let [white, black] = lists.each_mut();
        let mut pairs = Pairs {
            tables: self.tables(),
            by_square: &by_square,
            orient: orientations(&pieces),
            lists: [&mut white[begin[0]..], &mut black[begin[1]..]],
            ends: [0; 2],
        };
        let occupied = board.occupied();
        for (kind, slots) in self.slots.iter().enumerate() {
            let mut victims = 0;
            for (pieces, &slot) in pieces.chunks_exact(2).zip(slots) {
                if slot != NONE {
                    victims |= pieces[0] | pieces[1];
                }
            }
            for color in 0..2 {
                if kind == 0 {
                    self.append_pawn_attacks(color, &pieces, victims, &mut pairs);
                    continue;
                }
                let code = 2 * kind as u8 + color;
                let mut attackers = pieces[usize::from(code)];
                while attackers != 0 && victims != 0 {
                    let from = attackers.trailing_zeros() as u8;
                    attackers &= attackers - 1;
                    pairs.push(code, from, attacked(kind, from, occupied) & victims);
                }
            }
        }
        let ends = pairs.ends;
        for ((list, begin), end) in lists.iter_mut().zip(begin).zip(ends) {
            list.truncate(begin + end);
        }
    }

    fn meaning(&self, feature: u32) -> Result<Meaning, Impossible> {
        let threat = self.threat(feature).ok_or(Impossible::NoMeaning)?;
        if threat.is_mutual && threat.from < threat.to {
            return Err(Impossible::CountedFromTheOther);
        }
        if threat.is_push() && threat.victim >= 2 {
            return Err(Impossible::NoThreat);
        }
        let placed = |code, square| PlacedPiece { code, square };
        Ok(Meaning {
            first: placed(threat.attacker, threat.from),
            second: Some(placed(threat.victim, threat.to)),
            bucket: None,
            own_king: None,
            king_files: WEST,
        })
    }

    fn describe(&self, feature: u32) -> String {
        let Some(threat) = self.threat(feature) else {
            return "a slot without a meaning".to_string();
        };
        format!(
            "{} on {} attacks {} on {}",
            words::piece(threat.attacker),
            words::square(threat.from),
            words::piece(threat.victim),
            words::square(threat.to)
        )
    }

    fn is_never_active(&self, feature: u32) -> bool {
        self.threat(feature).is_none_or(|threat| {
            threat.is_mutual && threat.from < threat.to || threat.is_push() && threat.victim >= 2
        })
    }
}
