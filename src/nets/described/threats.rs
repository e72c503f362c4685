//! Threat inputs by a table of who attacks whom, and pairs of pawns.
//!
//! A threat is (attacker, from, victim, to) for every occupied square `to` that a piece on `from` attacks under the
//! real occupancy; pieces of its own side count as victims, too. Squares and sides are relative to the perspective.

use shakmaty::{Bitboard, Square, attacks};

use super::error::LayoutError;
use super::input::piece_of_letter;
use super::syntax::RawThreats;
use crate::chess::board::Board;

/// How the indices of threats are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThreatOrder {
    /// Attacker's side and kind, victim's side and kind, from, to: Stockfish's.
    #[default]
    Victim,
    /// Attacker's kind and side, from, victim's kind and side, to.
    Square,
}

/// Two pieces of one kind, unless they are pawns of one side, attack each other: which of both threats are inputs?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThreatPairs {
    /// The one from the higher square to the lower.
    #[default]
    Once,
    /// Both.
    Both,
}

/// Where pawns can stand.
const PAWN_RANKS: u64 = 0x00FF_FFFF_FFFF_FF00;

/// No input.
const NONE: u32 = u32::MAX;

/// Numbers of threats by relative piece codes, `2 * kind + (0 own, 1 opponent)`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Threats {
    /// First index by attacker, square and victim; [`NONE`] where there is no input.
    base: Vec<[u32; 12]>,
    /// Kinds that an attacker's kind has inputs for, as a set of bits.
    victims: [u8; 6],
    pairs: ThreatPairs,
    count: usize,
}

impl std::fmt::Debug for Threats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Threats({})", self.count)
    }
}

impl Threats {
    /// Numbers the threats of a table.
    ///
    /// # Errors
    /// A letter that is no kind of piece, or one that stands twice; no threats at all.
    pub fn new(
        raw: &RawThreats,
        order: ThreatOrder,
        pairs: ThreatPairs,
    ) -> Result<Threats, LayoutError> {
        let rows = [&raw.p, &raw.n, &raw.b, &raw.r, &raw.q, &raw.k];
        let mut kinds: Vec<Vec<usize>> = Vec::with_capacity(6);
        for (attacker, row) in "PNBRQK".chars().zip(rows) {
            let mut list = Vec::new();
            for letter in row.chars() {
                match piece_of_letter(letter).filter(|_| letter.is_ascii_uppercase()) {
                    Some(code) if !list.contains(&(code / 2)) => list.push(code / 2),
                    _ => {
                        return Err(LayoutError::Input(format!(
                            "threats of {attacker} names each of PNBRQK at most once, `{letter}` does not fit"
                        )));
                    }
                }
            }
            kinds.push(list);
        }
        let mut threats = Threats {
            base: vec![[NONE; 12]; 12 * 64],
            victims: [0, 1, 2, 3, 4, 5]
                .map(|kind: usize| kinds[kind].iter().fold(0, |set, victim| set | 1 << victim)),
            pairs,
            count: 0,
        };
        threats.count = threats.number(&kinds, order) as usize;
        if threats.count == 0 {
            return Err(LayoutError::Input("threats has no threat at all".into()));
        }
        Ok(threats)
    }

    /// Numbers all threats and returns how many there are. `kinds` has the victims' kinds of each attacker's.
    fn number(&mut self, kinds: &[Vec<usize>], order: ThreatOrder) -> u32 {
        // Side and kind of the attacker, side of the victim and its place among those of the attacker, square.
        let mut all = Vec::new();
        for (kind, victims) in kinds.iter().enumerate() {
            for side in 0..2 {
                for (place, victim) in victims.iter().enumerate() {
                    for victim_side in 0..2 {
                        for from in 0..64 {
                            let key = match order {
                                ThreatOrder::Victim => [side, kind, victim_side, place, from],
                                ThreatOrder::Square => [kind, side, from, place, victim_side],
                            };
                            all.push((key, 2 * kind + side, from, 2 * victim + victim_side));
                        }
                    }
                }
            }
        }
        all.sort_unstable();
        let mut next = 0;
        for (_, attacker, from, victim) in all {
            self.base[64 * attacker + from][victim] = next;
            next += empty_board_attacks(attacker, from as u8).count_ones();
        }
        next
    }

    /// Number of inputs.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Appends the active threats, each plus `first`. `side` is 1 for Black's perspective, squares are mirrored by
    /// `orient`.
    pub fn append_active(
        &self,
        board: &Board,
        side: u8,
        orient: u8,
        first: u32,
        list: &mut Vec<u32>,
    ) {
        let by_square = board.by_square();
        let occupied = Bitboard(board.occupied());
        for (from, code) in board.pieces() {
            let kind = usize::from(code / 2);
            let seen = usize::from(code ^ side);
            if self.victims[kind] == 0 || kind == 0 && PAWN_RANKS >> from & 1 == 0 {
                continue;
            }
            let turned = from ^ orient;
            let base = &self.base[64 * seen + usize::from(turned)];
            let empty = empty_board_attacks(seen, turned);
            for square in attacked(usize::from(code), from, occupied) & occupied {
                let square = u8::from(square);
                let to = square ^ orient;
                let victim = by_square[usize::from(square)] ^ side;
                let index = base[usize::from(victim)];
                let mutual = usize::from(victim / 2) == kind
                    && (kind != 0 || usize::from(victim) != seen)
                    && self.pairs == ThreatPairs::Once;
                if index != NONE && !(mutual && turned < to) {
                    let below = empty & ((1 << to) - 1);
                    list.push(first + index + below.count_ones());
                }
            }
        }
    }
}

/// What a piece attacks.
fn attacked(code: usize, from: u8, occupied: Bitboard) -> Bitboard {
    let square = Square::new(u32::from(from));
    match code / 2 {
        0 => attacks::pawn_attacks(shakmaty::Color::from_white(code == 0), square),
        1 => attacks::knight_attacks(square),
        2 => attacks::bishop_attacks(square, occupied),
        3 => attacks::rook_attacks(square, occupied),
        4 => attacks::queen_attacks(square, occupied),
        _ => attacks::king_attacks(square),
    }
}

/// What a piece attacks on an empty board; nothing for pawns on the first and last rank. Own pawns go up.
fn empty_board_attacks(code: usize, from: u8) -> u64 {
    if code / 2 == 0 && PAWN_RANKS >> from & 1 == 0 {
        return 0;
    }
    attacked(code, from, Bitboard::EMPTY).0
}

/// Two sides' pawns on 48 squares.
const PAWN_IDS: usize = 96;

/// Number of inputs of pairs of pawns.
pub(super) const PAWN_PAIRS: usize = PAWN_IDS * (PAWN_IDS - 1) / 2;

/// Appends, each plus `first`, the pairs of pawns of any sides on the same file or neighbouring files: of ids
/// `square - 8`, and 48 more for the opponent's, `high * (high - 1) / 2 + low`.
pub(super) fn append_pawn_pairs(
    board: &Board,
    side: u8,
    orient: u8,
    first: u32,
    list: &mut Vec<u32>,
) {
    let pawns: Vec<(u32, u8)> = board
        .pieces()
        .filter(|&(square, code)| code < 2 && PAWN_RANKS >> square & 1 == 1)
        .map(|(square, code)| {
            let id = u32::from(square ^ orient) - 8 + 48 * u32::from(code ^ side);
            (id, square & 7)
        })
        .collect();
    for (at, &(a, file)) in pawns.iter().enumerate() {
        for &(b, other) in &pawns[..at] {
            if file.abs_diff(other) <= 1 {
                let (low, high) = (a.min(b), a.max(b));
                list.push(first + high * (high - 1) / 2 + low);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::board::Color;
    use crate::chess::random_games::random_positions;
    use crate::nets::stockfish::features::{
        FULL_THREATS_59808, FULL_THREATS_60144, FULL_THREATS_66864, FULL_THREATS_79856, FeatureSet,
        PP_3WIDE,
    };

    fn table(rows: [&str; 6]) -> RawThreats {
        let [p, n, b, r, q, k] = rows.map(str::to_string);
        RawThreats { p, n, b, r, q, k }
    }

    /// As Stockfish has them: the own king on the files a to d.
    fn orientation(board: &Board, side: Color) -> u8 {
        let king = board.king_squares()[side as usize];
        (56 * side as u8) ^ if king & 7 > 3 { 7 } else { 0 }
    }

    /// The tables of Stockfish's revisions give Stockfish's inputs.
    #[test]
    fn stockfish_has_the_same() {
        let boards = random_positions(8, 60);
        let sets: [(&dyn FeatureSet, [&str; 6]); 4] = [
            (
                &FULL_THREATS_79856,
                ["PNR", "PNBRQK", "PNBRK", "PNBRK", "PNBRQK", "PNBR"],
            ),
            (
                &FULL_THREATS_66864,
                ["PNR", "PNBRQ", "PNBR", "PNBR", "PNBRQ", "PNBR"],
            ),
            (
                &FULL_THREATS_60144,
                ["PNR", "PNBRQ", "PNBR", "PNBR", "PNBRQ", ""],
            ),
            (
                &FULL_THREATS_59808,
                ["NR", "PNBRQ", "PNBR", "PNBR", "PNBRQ", ""],
            ),
        ];
        for (set, rows) in sets {
            let threats =
                Threats::new(&table(rows), ThreatOrder::Victim, ThreatPairs::Once).unwrap();
            assert_eq!(threats.count(), set.count());
            for board in &boards {
                let mut expected = [Vec::new(), Vec::new()];
                set.append_active(board, &mut expected);
                for (side, mut expected) in [Color::White, Color::Black].into_iter().zip(expected) {
                    let mut found = Vec::new();
                    let orient = orientation(board, side);
                    threats.append_active(board, side as u8, orient, 0, &mut found);
                    found.sort_unstable();
                    expected.sort_unstable();
                    assert_eq!(found, expected, "{}", board.fen());
                }
            }
        }
        for board in &boards {
            let mut expected = [Vec::new(), Vec::new()];
            PP_3WIDE.append_active(board, &mut expected);
            for (side, mut expected) in [Color::White, Color::Black].into_iter().zip(expected) {
                let mut found = Vec::new();
                append_pawn_pairs(board, side as u8, orientation(board, side), 0, &mut found);
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found, expected, "{}", board.fen());
            }
        }
    }
}
