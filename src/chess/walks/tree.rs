//! A small alpha-beta search, of which only the positions that it evaluates are of interest.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use shakmaty::{Bitboard, Chess, Move, Position as _, Rank, Role, Square};

use super::exchange::{evaluate, exchange, gain, is_ending, value};

/// Nodes of one search: some 10 microseconds. Twice as many find nothing better (`docs/positions.md`).
const NODES: u32 = 40;
/// At most so many moves are made before the search, which sees no further than two or three.
const FIRST_MOVES: u32 = 2;
const MATE: i32 = 30_000;
const INFINITE: i32 = 32_000;
/// What a capture may win beside the piece, in centipawns.
const MARGIN: i32 = 150;

/// One of the positions that a search evaluates, each alike likely, a move or two after `root` or there; `None` if it
/// evaluates none.
pub(super) fn evaluated_position(root: &Chess, rng: &mut ChaCha8Rng) -> Option<Chess> {
    let root = &after_fair_moves(root, rng);
    let mut tree = Tree {
        rng,
        nodes: 0,
        evaluated: 0,
        kept: None,
        few: is_ending(root),
        keys: Vec::with_capacity(256),
    };
    let score = evaluate(root, tree.few);
    // Deeper and deeper until the nodes are spent; the cap ends it where there is nothing to search.
    for depth in 1..=20 {
        if tree
            .moves(root, -INFINITE, INFINITE, depth, score, false)
            .is_none()
        {
            break;
        }
    }
    tree.kept
}

/// After none to [`FIRST_MOVES`] moves that lose nothing, the better the likelier.
fn after_fair_moves(root: &Chess, rng: &mut ChaCha8Rng) -> Chess {
    /// How much worse than another a move may be, in centipawns, and still be made.
    const FAIR: i32 = 200;
    let mut position = root.clone();
    for _ in 0..rng.random_range(0..=FIRST_MOVES) {
        let few = is_ending(&position);
        let moves = position.legal_moves();
        let mut keys = Vec::with_capacity(moves.len());
        for (place, &m) in moves.iter().enumerate() {
            keys.push(key(
                gain(&position, m, few) + rng.random_range(0..FAIR),
                place,
            ));
        }
        keys.sort_unstable();
        let mut moves = keys.into_iter().map(|key| moves[place(key)]);
        let Some(fair) = moves.find(|&m| exchange(&position, m) >= 0) else {
            break;
        };
        position.play_unchecked(fair);
    }
    position
}

/// Sorts a move at this place of a list: the best comes first, and of equal ones the first.
fn key(worth: i32, place: usize) -> i64 {
    i64::from(-worth) * 256 + place as i64
}

/// The place that [`key`] was given. There are never more than 218 legal moves.
fn place(key: i64) -> usize {
    (key & 255) as usize
}

struct Tree<'a> {
    rng: &'a mut ChaCha8Rng,
    nodes: u32,
    evaluated: u32,
    kept: Option<Chess>,
    few: bool,
    /// [`key`]s of the moves of all positions of the line, one after the other.
    keys: Vec<i64>,
}

impl Tree<'_> {
    /// Counts a node; `None` when the nodes are spent.
    fn enter(&mut self) -> Option<()> {
        self.nodes += 1;
        (self.nodes < NODES).then_some(())
    }

    /// Keeps one of all evaluated positions, each with the same probability (reservoir sampling).
    fn evaluated(&mut self, position: &Chess) {
        self.evaluated += 1;
        if self.rng.random_range(0..self.evaluated) == 0 {
            self.kept = Some(position.clone());
        }
    }

    #[inline]
    fn after(&self, position: &Chess, m: Move, score: i32) -> (Chess, i32) {
        let score = -(score + gain(position, m, self.few));
        let mut next = position.clone();
        next.play_unchecked(m);
        (next, score)
    }

    /// The key of move `number` of the position whose keys begin at `first`: the least that was not asked for yet. Few
    /// positions are left after more than some moves, so that sorting all would be in vain.
    fn next_key(&mut self, first: usize, number: usize) -> i64 {
        /// So many are looked for one by one, then the others are sorted.
        const FEW: usize = 3;
        let left = &mut self.keys[first + number..];
        if number < FEW {
            let least = (0..left.len())
                .min_by_key(|&at| left[at])
                .unwrap_or_default();
            left.swap(0, least);
        } else if number == FEW {
            left.sort_unstable();
        }
        left[0]
    }

    /// Searches all moves. `score` is the position's own evaluation.
    fn moves(
        &mut self,
        position: &Chess,
        mut alpha: i32,
        beta: i32,
        depth: i32,
        score: i32,
        null: bool,
    ) -> Option<i32> {
        self.enter()?;
        let check = position.is_check();
        if depth <= 0 && !check {
            return self.captures_without_check(position, alpha, beta, score);
        }
        if !check {
            self.evaluated(position);
            let officers = position.us() & !position.board().pawns() & !position.board().kings();
            // Reverse futility and null move, as engines do: so good that even passing holds beta.
            if null && beta - alpha == 1 && score - 90 * depth >= beta {
                return Some(score);
            }
            if null
                && depth >= 2
                && score >= beta
                && officers.any()
                && let Ok(passed) = position.clone().swap_turn()
            {
                let found = -self.moves(&passed, -beta, 1 - beta, depth - 3, -score, false)?;
                if found >= beta {
                    return Some(found);
                }
            }
        }
        let moves = position.legal_moves();
        let first = self.keys.len();
        for (place, &m) in moves.iter().enumerate() {
            self.keys.push(key(self.rank(position, m), place));
        }
        if moves.is_empty() {
            return Some(if check { -MATE } else { 0 });
        }
        let mut best = -INFINITE;
        for number in 0..moves.len() {
            let m = moves[place(self.next_key(first, number))];
            let (next, score) = self.after(position, m, score);
            let late = number >= 3 && depth >= 2 && !m.is_capture() && !check;
            let reduced = depth - 1 - i32::from(late);
            let mut found = if number == 0 {
                -self.moves(&next, -beta, -alpha, depth - 1, score, true)?
            } else {
                -self.moves(&next, -alpha - 1, -alpha, reduced, score, true)?
            };
            if number > 0 && found > alpha && (late || found < beta) {
                found = -self.moves(&next, -beta, -alpha, depth - 1, score, true)?;
            }
            best = best.max(found);
            alpha = alpha.max(best);
            if alpha >= beta {
                break;
            }
        }
        self.keys.truncate(first);
        Some(best)
    }

    /// Captures that lose nothing first, the most valuable victim first, then quiet moves, then losing captures.
    fn rank(&self, position: &Chess, m: Move) -> i32 {
        if !m.is_capture() && !m.is_promotion() {
            return gain(position, m, self.few);
        }
        match exchange(position, m) {
            lost if lost < 0 => lost - 1_000_000,
            _ => 1_000_000 + 10 * m.capture().map_or(0, value) - value(m.role()),
        }
    }

    /// Searches captures that lose nothing.
    fn captures(&mut self, position: &Chess, alpha: i32, beta: i32, score: i32) -> Option<i32> {
        self.enter()?;
        if position.is_check() {
            return Some(score);
        }
        self.captures_without_check(position, alpha, beta, score)
    }

    /// As [`captures`](Self::captures), where the side to move is known not to be in check.
    fn captures_without_check(
        &mut self,
        position: &Chess,
        mut alpha: i32,
        beta: i32,
        score: i32,
    ) -> Option<i32> {
        self.evaluated(position);
        let mut best = score;
        alpha = alpha.max(best);
        if alpha >= beta {
            return Some(best);
        }
        // The most valuable victim first, taken by the least piece; en passant is left out.
        const VICTIMS: [Role; 5] = [
            Role::Queen,
            Role::Rook,
            Role::Bishop,
            Role::Knight,
            Role::Pawn,
        ];
        let board = position.board();
        let seventh = position.turn().fold_wb(Rank::Seventh, Rank::Second);
        let promoted = match position.our(Role::Pawn) & Bitboard::from_rank(seventh) {
            Bitboard::EMPTY => 0,
            _ => value(Role::Queen),
        };
        for victim in VICTIMS {
            if score + value(victim) + promoted + MARGIN <= alpha {
                continue;
            }
            for to in board.by_role(victim) & position.them() {
                let takers = board.attacks_to(to, position.turn(), board.occupied());
                for role in Role::ALL {
                    for from in takers & board.by_role(role) {
                        let found =
                            self.capture(position, [from, to], victim, [alpha, beta], score)?;
                        best = best.max(found);
                        alpha = alpha.max(best);
                        if alpha >= beta {
                            return Some(best);
                        }
                    }
                }
            }
        }
        Some(best)
    }

    /// Searches a capture, unless it is illegal, loses something or cannot win enough for `alpha`.
    fn capture(
        &mut self,
        position: &Chess,
        [from, to]: [Square; 2],
        victim: Role,
        [alpha, beta]: [i32; 2],
        score: i32,
    ) -> Option<i32> {
        let Some(role) = position.board().role_at(from) else {
            return Some(-INFINITE);
        };
        let promotes = role == Role::Pawn && matches!(to.rank(), Rank::First | Rank::Eighth);
        let promotion = promotes.then_some(Role::Queen);
        let m = Move::Normal {
            role,
            from,
            capture: Some(victim),
            to,
            promotion,
        };
        let hoped = value(victim) + promotion.map_or(0, value);
        if score + hoped + MARGIN <= alpha || exchange(position, m) < 0 {
            return Some(-INFINITE);
        }
        let (next, score) = self.after(position, m, score);
        let king = next.board().king_of(position.turn());
        let occupied = next.board().occupied();
        let taken =
            king.is_none_or(|king| next.board().attacks_to(king, next.turn(), occupied).any());
        if taken {
            return Some(-INFINITE);
        }
        Some(-self.captures(&next, -beta, -alpha, score)?)
    }
}
