//! A small alpha-beta search, of which only the positions that it evaluates are of interest.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use shakmaty::{Chess, Move, Position as _};

use super::exchange::{evaluate, exchange, gain, is_ending, value};

/// Nodes of one search: some 20 microseconds.
const NODES: u32 = 80;
const MATE: i32 = 30_000;
const INFINITE: i32 = 32_000;

/// One of the positions that a search from `root` evaluates, each alike likely; `None` if it evaluates none.
pub(super) fn evaluated_position(root: &Chess, rng: &mut ChaCha8Rng) -> Option<Chess> {
    let mut tree = Tree {
        rng,
        nodes: 0,
        evaluated: 0,
        kept: None,
        few: is_ending(root),
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

struct Tree<'a> {
    rng: &'a mut ChaCha8Rng,
    nodes: u32,
    evaluated: u32,
    kept: Option<Chess>,
    few: bool,
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

    fn after(&self, position: &Chess, m: Move, score: i32) -> (Chess, i32) {
        let score = -(score + gain(position, m, self.few));
        let mut next = position.clone();
        next.play_unchecked(m);
        (next, score)
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
        let check = position.is_check();
        if depth <= 0 && !check {
            return self.captures(position, alpha, beta, score);
        }
        self.enter()?;
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
        let mut moves: Vec<(i32, Move)> = position
            .legal_moves()
            .iter()
            .map(|&m| (self.rank(position, m), m))
            .collect();
        if moves.is_empty() {
            return Some(if check { -MATE } else { 0 });
        }
        moves.sort_by_key(|&(rank, _)| -rank);
        let mut best = -INFINITE;
        for (number, (_, m)) in moves.into_iter().enumerate() {
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
    fn captures(&mut self, position: &Chess, mut alpha: i32, beta: i32, score: i32) -> Option<i32> {
        self.enter()?;
        if position.is_check() {
            return Some(score);
        }
        self.evaluated(position);
        let mut best = score;
        alpha = alpha.max(best);
        if alpha >= beta {
            return Some(best);
        }
        let mut moves = position.capture_moves();
        moves.sort_by_key(|m| value(m.role()) - 10 * m.capture().map_or(0, value));
        for &m in &moves {
            /// What a capture may win beside the piece.
            const MARGIN: i32 = 150;
            let hoped = m.capture().map_or(0, value) + m.promotion().map_or(0, value);
            if score + hoped + MARGIN <= alpha || exchange(position, m) < 0 {
                continue;
            }
            let (next, score) = self.after(position, m, score);
            best = best.max(-self.captures(&next, -beta, -alpha, score)?);
            alpha = alpha.max(best);
            if alpha >= beta {
                break;
            }
        }
        Some(best)
    }
}
