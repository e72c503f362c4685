//! Exchanges of two neurons of one block for two of another.

use std::collections::HashSet;

use rand_chacha::ChaCha8Rng;

use super::{Move, Round};
use crate::search::Halt;
use crate::search::partition::{BLOCK, Partition};
use crate::search::state::State;

/// The halves of a block as slots; neighbours 2k and 2k + 1 complement each other.
const HALVES: [[usize; 2]; 6] = [[0, 1], [2, 3], [0, 2], [1, 3], [0, 3], [1, 2]];

/// For every block the best way to split it and another block into halves and join them crosswise; of these the best
/// that do not disturb one another.
///
/// Eight neurons can be split into two blocks in 35 ways: as they are, the 16 exchanges of single neurons that
/// `PairSwaps` looks at, and the 18 of this move. When both moves find nothing, no repartition of two blocks helps.
///
/// Halves are counted in strips and not kept. Blocks that were compared with all others to no avail are remembered, so
/// later rounds look only at what changed.
#[derive(Default)]
pub(crate) struct HalfSwaps {
    /// These blocks.
    pub settled: HashSet<[u32; BLOCK]>,
}

/// A cross of two blocks: half `left` of `block` joins half `right` of `other`, and so do the two that remain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cross {
    gain: i32,
    block: usize,
    left: usize,
    other: usize,
    right: usize,
    scores: [i32; 2],
}

impl Move for HalfSwaps {
    fn name(&self) -> &'static str {
        "half swaps"
    }

    fn is_exhaustive(&self) -> bool {
        true
    }

    fn round(&mut self, state: &mut State, _: &mut ChaCha8Rng) -> Result<Round, Halt> {
        let partition = state.table().partition();
        let blocks = partition.blocks();
        let all: Vec<[u32; 2]> = (0..blocks).flat_map(|b| halves(partition, b)).collect();
        let open: Vec<usize> = (0..blocks)
            .filter(|&block| !self.settled.contains(&partition.block(block)))
            .collect();
        let mut crosses: Vec<Cross> = Vec::new();
        let mut rest = open.as_slice();
        while !rest.is_empty() {
            let strip = (state.rows_at_once(all.len()) / HALVES.len()).max(1);
            let (open, later) = rest.split_at(strip.min(rest.len()));
            rest = later;
            let left: Vec<[u32; 2]> = open
                .iter()
                .flat_map(|&block| halves(state.table().partition(), block))
                .collect();
            let scores: Vec<i32> = (0..blocks).map(|b| state.table().block_score(b)).collect();
            let counts = state.count_halves(&left, &all)?;
            let rows = counts.chunks_exact(HALVES.len() * all.len());
            let best = open
                .iter()
                .zip(rows)
                .map(|(&b, rows)| best_cross(b, rows, &scores));
            crosses.extend(best.flatten());
        }
        self.settled = (0..blocks)
            .map(|b| state.table().partition().block(b))
            .collect();
        for cross in &crosses {
            self.settled
                .remove(&state.table().partition().block(cross.block));
        }
        crosses.sort_unstable_by_key(|cross| (-cross.gain, cross.block, cross.other));
        let mut touched = vec![false; blocks];
        let mut round = Round::default();
        for cross in crosses {
            if touched[cross.block] || touched[cross.other] {
                continue;
            }
            touched[cross.block] = true;
            touched[cross.other] = true;
            // The half that leaves `block` is the complement of `left`; `right` comes in for it.
            let place = |block, slot| BLOCK * block + slot;
            let partition = state.table().partition();
            self.settled.remove(&partition.block(cross.block));
            self.settled.remove(&partition.block(cross.other));
            let (leaves, comes) = (HALVES[cross.left ^ 1], HALVES[cross.right]);
            let moves = [0, 1].map(|i| {
                let (from, into) = (place(cross.block, leaves[i]), place(cross.other, comes[i]));
                let at = |place: usize| partition.block(place / BLOCK)[place % BLOCK];
                [(at(from), into), (at(into), from)]
            });
            let scores = [
                (cross.block, cross.scores[0]),
                (cross.other, cross.scores[1]),
            ];
            state.relocate(moves.as_flattened(), &scores);
            round.gain += cross.gain as u64;
            round.applied += 1;
        }
        Ok(round)
    }
}

/// The neurons of the six halves of a block.
fn halves(partition: &Partition, block: usize) -> [[u32; 2]; 6] {
    let neurons = partition.block(block);
    HALVES.map(|half| half.map(|slot| neurons[slot]))
}

/// The best gainful cross of `block`; `counts` has one row for each of its halves, with all halves of all blocks.
fn best_cross(block: usize, counts: &[u32], scores: &[i32]) -> Option<Cross> {
    let all = counts.len() / HALVES.len();
    let mut best: Option<Cross> = None;
    for left in (0..HALVES.len()).step_by(2) {
        let rows = [left, left + 1].map(|half| &counts[half * all..][..all]);
        for (other, &score) in scores
            .iter()
            .enumerate()
            .filter(|&(other, _)| other != block)
        {
            for right in 0..HALVES.len() {
                let at = HALVES.len() * other + right;
                // The complement of half h is half h ^ 1.
                let scores_now = [rows[0][at] as i32, rows[1][at ^ 1] as i32];
                let gain = scores_now[0] + scores_now[1] - scores[block] - score;
                if gain > best.map_or(0, |best| best.gain) {
                    best = Some(Cross {
                        gain,
                        block,
                        left,
                        other,
                        right,
                        scores: scores_now,
                    });
                }
            }
        }
    }
    best
}
