//! Exchanges of two neurons of one block for two of another.

use std::collections::HashSet;

use rand_chacha::ChaCha8Rng;

use super::{Move, OF_HALVES, Round};
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
        let open: Vec<usize> = (0..blocks)
            .filter(|&block| !self.settled.contains(&partition.block(block)))
            .collect();
        // A gain in a part of the samples is compared with what the blocks have there.
        let (now, least) = state.blocks_and_least_gain(2.0 * OF_HALVES)?;
        // Blocks that are still to be compared with: two open ones are compared once.
        let mut others: Vec<usize> = (0..blocks).collect();
        let mut best: Vec<Best> = vec![Best::default(); blocks];
        let mut rest = open.as_slice();
        while !rest.is_empty() {
            let strip = state.rows_at_once(HALVES.len() * others.len()) / HALVES.len();
            let (open, later) = rest.split_at(strip.clamp(1, rest.len()));
            rest = later;
            let of = |blocks: &[usize]| -> Vec<[u32; 2]> {
                let blocks = blocks
                    .iter()
                    .flat_map(|&b| halves(state.table().partition(), b));
                blocks.collect()
            };
            let (left, right) = (of(open), of(&others));
            let counts = state.count_halves(&left, &right)?;
            let rows = counts.chunks_exact(HALVES.len() * right.len());
            for (&block, rows) in open.iter().zip(rows) {
                enter_crosses(block, &others, rows, &now, least, &mut best);
            }
            others.retain(|other| open.binary_search(other).is_err());
        }
        if state.is_screened() {
            best = exactly(state, &best)?;
        }
        let crosses = best.into_iter().filter_map(|best| best.crosses[0]);
        let mut crosses: Vec<Cross> = crosses.collect();
        self.settled = (0..blocks)
            .map(|b| state.table().partition().block(b))
            .collect();
        for cross in &crosses {
            for block in [cross.block, cross.other] {
                self.settled.remove(&state.table().partition().block(block));
            }
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

/// The best crosses of a block, the best one first. Of estimates several are kept, for the first may not be the best.
#[derive(Clone, Default)]
struct Best {
    crosses: [Option<Cross>; 4],
}

impl Best {
    fn enter(&mut self, cross: Cross) {
        let is_better = |other: &Option<Cross>| other.is_none_or(|other| cross.gain > other.gain);
        let Some(place) = self.crosses.iter().position(is_better) else {
            return;
        };
        self.crosses[place..].rotate_right(1);
        self.crosses[place] = Some(cross);
    }
}

/// Enters the crosses of `block` with each of `others` that gain at least `least` where they are the best of either
/// block so far. `counts` has one row for each half of `block`, with all halves of `others`; `now` are the scores of
/// all blocks in the same samples.
fn enter_crosses(
    block: usize,
    others: &[usize],
    counts: &[u32],
    now: &[i32],
    least: i32,
    best: &mut [Best],
) {
    let all = counts.len() / HALVES.len();
    for left in (0..HALVES.len()).step_by(2) {
        let rows = [left, left + 1].map(|half| &counts[half * all..][..all]);
        for (place, &other) in others
            .iter()
            .enumerate()
            .filter(|&(_, &other)| other != block)
        {
            let now = now[block] + now[other];
            for right in 0..HALVES.len() {
                let at = HALVES.len() * place + right;
                // The complement of half h is half h ^ 1.
                let after = [rows[0][at] as i32, rows[1][at ^ 1] as i32];
                let cross = Cross {
                    gain: after[0] + after[1] - now,
                    block,
                    left,
                    other,
                    right,
                    scores: after,
                };
                if cross.gain >= least {
                    best[block].enter(cross);
                    best[other].enter(cross);
                }
            }
        }
    }
}

/// Counts crosses on all samples: those that gain, for every block.
fn exactly(state: &mut State, estimated: &[Best]) -> Result<Vec<Best>, Halt> {
    let crosses = estimated.iter().flat_map(|best| best.crosses);
    let mut crosses: Vec<Cross> = crosses.flatten().collect();
    let key = |cross: &Cross| (cross.block, cross.left, cross.other, cross.right);
    crosses.sort_unstable_by_key(key);
    crosses.dedup_by_key(|cross| key(cross));
    let partition = state.table().partition();
    let joined = |cross: &Cross| {
        let (left, right) = (
            halves(partition, cross.block),
            halves(partition, cross.other),
        );
        [0, 1].map(|i| {
            let ([a, b], [c, d]) = (left[cross.left ^ i], right[cross.right ^ i]);
            [a, b, c, d]
        })
    };
    let blocks: Vec<[u32; BLOCK]> = crosses.iter().flat_map(joined).collect();
    let counts = state.count_blocks(&blocks)?;
    let table = state.table();
    let mut best = vec![Best::default(); table.partition().blocks()];
    for (cross, scores) in crosses.iter_mut().zip(counts.as_chunks::<2>().0) {
        cross.scores = scores.map(|score| score as i32);
        let now = table.block_score(cross.block) + table.block_score(cross.other);
        cross.gain = cross.scores.iter().sum::<i32>() - now;
        if cross.gain > 0 {
            best[cross.block].enter(*cross);
            best[cross.other].enter(*cross);
        }
    }
    Ok(best)
}
