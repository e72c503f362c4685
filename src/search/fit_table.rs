//! Exact counts of what every change of a single place would do.

use super::bit_rows::{self, BitRows};
use super::partition::{BLOCK, Partition};

/// Stands in the table for neurons that share a block: no sum of it and two other entries is positive, and two of it
/// less two scores stay within 32 bits.
pub(crate) const FORBIDDEN: i32 = -(1 << 29);

/// Most samples a search can take, so that all sums of the moves stay within 32 bits.
pub const MAX_SAMPLES: u64 = 1 << 28;

/// The partition, the score of its blocks, and what other neurons would score in their places.
///
/// `fit(t, i)` is the score that the block of neuron t would have with neuron i in the place of t: the number of
/// samples in which i and the three companions of t are all zero. `fit(t, t)` is the block's score as it is.
/// An entry is filled in when first needed and forgotten when the companions change. It can be an estimate from a part
/// of the samples; an exchange needs exact ones.
#[derive(Clone, Debug)]
pub(crate) struct FitTable {
    partition: Partition,
    /// One a block.
    scores: Vec<i32>,
    /// `[t][i]`.
    entries: Vec<i32>,
    /// One bit an entry: is it filled in?
    known: BitRows,
    /// One bit an entry: is it counted on all samples?
    exact: BitRows,
    /// One a row: were entries filled in since it was forgotten?
    asked: Vec<bool>,
}

impl FitTable {
    /// A table without entries; the scores are filled in with [`set_score`](Self::set_score).
    pub fn new(partition: Partition) -> FitTable {
        let neurons = partition.neurons();
        let mut table = FitTable {
            scores: vec![0; partition.blocks()],
            entries: vec![0; neurons * neurons],
            known: BitRows::new(neurons),
            exact: BitRows::new(neurons),
            asked: vec![false; neurons],
            partition,
        };
        for block in 0..table.partition.blocks() {
            table.forget(block);
        }
        table
    }

    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    pub fn neurons(&self) -> usize {
        self.partition.neurons()
    }

    /// Number of (sample, block) cells that are all zero: the quantity to maximise.
    pub fn score(&self) -> u64 {
        self.scores.iter().map(|&score| score as u64).sum()
    }

    /// Score of one block.
    pub fn block_score(&self, block: usize) -> i32 {
        self.scores[block]
    }

    pub fn set_score(&mut self, block: usize, score: i32) {
        self.scores[block] = score;
    }

    /// Score of each neuron's block.
    pub fn scores_by_neuron(&self) -> Vec<i32> {
        (0..self.neurons() as u32)
            .map(|neuron| self.scores[self.partition.block_of(neuron)])
            .collect()
    }

    /// Score of the block of `place_of` with `neuron` in its place; [`FORBIDDEN`] for companions.
    pub fn fit(&self, place_of: u32, neuron: u32) -> i32 {
        debug_assert!(
            self.is_known(place_of, neuron),
            "an unknown entry of the fit table was read"
        );
        self.entries[place_of as usize * self.neurons() + neuron as usize]
    }

    /// Is `fit(place_of, neuron)` known?
    pub fn is_known(&self, place_of: u32, neuron: u32) -> bool {
        self.known.has(place_of, neuron)
    }

    /// Is `fit(place_of, neuron)` known, and no estimate?
    pub fn is_exact(&self, place_of: u32, neuron: u32) -> bool {
        self.exact.has(place_of, neuron)
    }

    /// Which entries are exact.
    pub fn exact(&self) -> &BitRows {
        &self.exact
    }

    /// `fit(place_of, i)` for all neurons i. What is not known is any number.
    pub fn row(&self, place_of: u32) -> &[i32] {
        &self.entries[place_of as usize * self.neurons()..][..self.neurons()]
    }

    /// `fit(t, neuron)` for all neurons t. The whole column must be known.
    pub fn column(&self, neuron: u32) -> Vec<i32> {
        let column = self.entries[neuron as usize..].iter();
        column.step_by(self.neurons()).copied().collect()
    }

    /// A set of neurons as bits.
    pub fn set_of(&self, neurons: &[u32]) -> Vec<u64> {
        let mut set = vec![0u64; self.neurons().div_ceil(64)];
        for &neuron in neurons {
            bit_rows::set(&mut set, neuron);
        }
        set
    }

    /// Are `fit(place_of, i)` known for all i of the set?
    pub fn knows(&self, place_of: u32, set: &[u64]) -> bool {
        let mut words = self.known.row(place_of).iter().zip(set);
        words.all(|(have, want)| want & !have == 0)
    }

    /// Were entries `fit(place_of, i)` filled in since the companions changed?
    pub fn was_asked(&self, place_of: u32) -> bool {
        self.asked[place_of as usize]
    }

    /// Enters `fit(place_of, neurons[i]) = counts[i]`; `set` is the set of these neurons.
    pub fn fill(&mut self, place_of: u32, neurons: &[u32], set: &[u64], counts: &[u32]) {
        let size = self.neurons();
        self.asked[place_of as usize] = true;
        let row = &mut self.entries[place_of as usize * size..][..size];
        for (&neuron, &count) in neurons.iter().zip(counts) {
            row[neuron as usize] = count as i32;
        }
        for companion in self.partition.companions(place_of) {
            row[companion as usize] = FORBIDDEN;
        }
        for bits in [&mut self.known, &mut self.exact] {
            let row = bits.row_mut(place_of).iter_mut();
            row.zip(set).for_each(|(have, new)| *have |= new);
        }
    }

    /// Enters the count of a single place and neuron that are no companions.
    pub fn enter(&mut self, place_of: u32, neuron: u32, count: u32) {
        let size = self.neurons();
        self.entries[place_of as usize * size + neuron as usize] = count as i32;
        self.known.set(place_of, neuron);
        self.exact.set(place_of, neuron);
    }

    /// Estimates what is not exact of a row. `counts` are those of a part of the samples, one a neuron; there are
    /// `part` samples in it and `whole` in all.
    ///
    /// What the neuron in place has in the part is compared with what it has in all, so that only samples matter in
    /// which the two differ.
    pub fn estimate(&mut self, place_of: u32, counts: &[u32], (whole, part): (u64, u64)) {
        let own = self.scores[self.partition.block_of(place_of)];
        self.enter(place_of, place_of, own as u32);
        let size = self.neurons();
        let row = &mut self.entries[place_of as usize * size..][..size];
        let in_part = i64::from(counts[place_of as usize]);
        for ((neuron, entry), &count) in (0..).zip(row).zip(counts) {
            if !self.exact.has(place_of, neuron) {
                let more = i128::from(i64::from(count) - in_part) * i128::from(whole);
                let estimate = i128::from(own) + more / i128::from(part);
                *entry = estimate.clamp(0, i128::from(whole)) as i32;
            }
        }
        // Nobody asks for bits behind the last neuron.
        self.known.row_mut(place_of).fill(u64::MAX);
    }

    /// Puts neurons at new places, all at once, and takes over the new scores of the blocks that change.
    pub fn relocate(&mut self, moves: &[(u32, usize)], scores: &[(usize, i32)]) {
        for &(neuron, place) in moves {
            self.partition.put(neuron, place);
        }
        for &(block, score) in scores {
            self.scores[block] = score;
            self.forget(block);
        }
    }

    /// Moves each of the neurons, all of different blocks, to the place of the next, the last to that of the first.
    /// The entries that tell the new scores must be known.
    pub fn rotate(&mut self, neurons: &[u32]) {
        let targets = neurons[1..].iter().chain(&neurons[..1]);
        let (moves, scores): (Vec<_>, Vec<_>) = neurons
            .iter()
            .zip(targets)
            .map(|(&neuron, &target)| {
                let place = self.partition.place(target);
                ((neuron, place), (place / BLOCK, self.fit(target, neuron)))
            })
            .unzip();
        self.relocate(&moves, &scores);
    }

    /// Forgets all entries for the places of a block, but for those that need no counting.
    fn forget(&mut self, block: usize) {
        let size = self.neurons();
        for place_of in self.partition.block(block) {
            let companions = self.partition.companions(place_of);
            for bits in [&mut self.known, &mut self.exact] {
                bits.row_mut(place_of).fill(0);
                for companion in companions {
                    bits.set(place_of, companion);
                }
            }
            self.asked[place_of as usize] = false;
            for companion in companions {
                self.entries[place_of as usize * size + companion as usize] = FORBIDDEN;
            }
        }
    }
}
