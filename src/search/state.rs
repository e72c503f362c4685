//! The fit table together with what fills it.
//!
//! In a descent most entries of the table only show that an exchange is far from a gain. Where a part of the samples is
//! at hand, entries are estimated from that, and counted on all samples where an exchange needs them or comes near a
//! gain: a tenth of them.

use crate::compute::{CoZeroCounter, NeuronGroup};

use super::Halt;
use super::fit_table::FitTable;
use super::partition::{BLOCK, Partition};

/// Counts at a time, at most: 1 MiB, so that the fit table stays the largest table of a search.
const COUNTS_AT_ONCE: usize = 1 << 18;

/// Standard deviations below a gain that an estimate may lie to be counted.
const DEVIATIONS: f64 = 3.0;

/// A search in progress.
pub(crate) struct State<'a> {
    counter: &'a mut dyn CoZeroCounter,
    /// A part of the samples to estimate from.
    screen: Option<&'a mut dyn CoZeroCounter>,
    stop: &'a dyn Fn() -> bool,
    table: FitTable,
    counts: Vec<u32>,
    whole_rows: bool,
}

impl<'a> State<'a> {
    pub fn new(
        counter: &'a mut dyn CoZeroCounter,
        partition: Partition,
        stop: &'a dyn Fn() -> bool,
    ) -> Result<State<'a>, Halt> {
        State::screened(counter, None, partition, stop)
    }

    /// As [`new`](Self::new), with a part of the samples to estimate from.
    pub fn screened(
        counter: &'a mut dyn CoZeroCounter,
        screen: Option<&'a mut dyn CoZeroCounter>,
        partition: Partition,
        stop: &'a dyn Fn() -> bool,
    ) -> Result<State<'a>, Halt> {
        let mut state = State {
            counter,
            // Whole rows of estimates are cheap.
            whole_rows: screen.is_some(),
            screen,
            stop,
            table: FitTable::new(partition),
            counts: Vec::new(),
        };
        let partition = state.table.partition();
        let blocks: Vec<_> = (0..partition.blocks())
            .map(|b| partition.block(b))
            .collect();
        for (block, score) in state.count_blocks(&blocks)?.into_iter().enumerate() {
            state.table.set_score(block, score as i32);
        }
        Ok(state)
    }

    /// What lies so far below a gain in an estimate from a part of the samples, in samples, is taken for none: three
    /// standard deviations of a difference that `share` of the samples make. 0 if nothing is estimated.
    pub fn margin(&self, share: f64) -> i32 {
        let Some(screen) = &self.screen else { return 0 };
        let (whole, part) = (self.counter.samples() as f64, screen.samples() as f64);
        // The part is drawn from the whole: the variance of `whole / part` times a sum of `part` terms.
        let variance = share * whole * (whole / part - 1.0).max(0.0);
        (DEVIATIONS * variance.sqrt()) as i32
    }

    /// Are entries estimated?
    pub fn is_screened(&self) -> bool {
        self.screen.is_some()
    }

    pub fn table(&self) -> &FitTable {
        &self.table
    }

    pub fn samples(&self) -> u64 {
        self.counter.samples()
    }

    /// From now on few blocks change in a round: rows are counted whole the first time.
    pub fn count_whole_rows(&mut self) {
        self.whole_rows = true;
    }

    /// Counts what is not known of `fit(t, i)` for t in `places_of` and i in `neurons`.
    ///
    /// A row is counted as far as is asked for the first time, and whole the second time: the companions of a place
    /// that were the same twice in a row will probably be asked for again, with other neurons.
    pub fn know(&mut self, places_of: &[u32], neurons: &[u32]) -> Result<(), Halt> {
        let set = self.table.set_of(neurons);
        let unknown = places_of.iter().copied();
        let unknown = unknown.filter(|&place_of| !self.table.knows(place_of, &set));
        let (again, first): (Vec<u32>, Vec<u32>) =
            unknown.partition(|&place_of| self.whole_rows || self.table.was_asked(place_of));
        self.count_fits(&first, neurons, &set)?;
        if again.is_empty() {
            return Ok(());
        }
        let all: Vec<u32> = (0..self.table.neurons() as u32).collect();
        self.count_fits(&again, &all, &self.table.set_of(&all))
    }

    /// Counts `fit(t, i)` for t in `places_of` and i in `neurons`, which are those of `set`. Where there is a part of
    /// the samples, these are all neurons, and their fits are estimated from it.
    fn count_fits(&mut self, places_of: &[u32], neurons: &[u32], set: &[u64]) -> Result<(), Halt> {
        let singles: Vec<NeuronGroup> = neurons.iter().map(|&n| NeuronGroup::new(&[n])).collect();
        let mut rest = places_of;
        while !rest.is_empty() {
            if (self.stop)() {
                return Err(Halt::Stopped);
            }
            // Asked every time, because adapters like more once they know their speed.
            let (rows, later) = rest.split_at(self.rows_at_once(neurons.len()).min(rest.len()));
            rest = later;
            let companions = |&place_of| self.table.partition().companions(place_of);
            let triples: Vec<NeuronGroup> = rows
                .iter()
                .map(|place_of| NeuronGroup::new(&companions(place_of)))
                .collect();
            let part = self.count_table(&triples, &singles)?;
            for (&place_of, counts) in rows.iter().zip(self.counts.chunks_exact(neurons.len())) {
                match part {
                    None => self.table.fill(place_of, neurons, set, counts),
                    Some(samples) => self.table.estimate(place_of, counts, samples),
                }
            }
        }
        Ok(())
    }

    /// Fills `counts`, in the part of the samples where there is one. Returns the samples of all and of that part.
    fn count_table(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
    ) -> Result<Option<(u64, u64)>, Halt> {
        let whole = self.counter.samples();
        match &mut self.screen {
            None => self.counter.co_zero_counts(left, right, &mut self.counts)?,
            Some(screen) => screen.co_zero_counts(left, right, &mut self.counts)?,
        }
        Ok(self.screen.as_ref().map(|screen| (whole, screen.samples())))
    }

    /// Counts on all samples what is not exact of `fit(t, i)` for some t and lists of i. Was there anything?
    pub fn count_exactly(&mut self, fits: Vec<(u32, Vec<u32>)>) -> Result<bool, Halt> {
        let mut wanted = fits;
        for (place_of, neurons) in &mut wanted {
            neurons.retain(|&neuron| !self.table.is_exact(*place_of, neuron));
        }
        wanted.retain(|(_, neurons)| !neurons.is_empty());
        let (places_of, lists): (Vec<u32>, Vec<Vec<u32>>) = wanted.into_iter().unzip();
        let companions = |&place_of| self.table.partition().companions(place_of);
        let triples = places_of
            .iter()
            .map(|place_of| NeuronGroup::new(&companions(place_of)));
        let triples: Vec<NeuronGroup> = triples.collect();
        let counts = count_lists(self.counter, self.stop, &triples, &lists)?;
        let rows = places_of.iter().zip(&lists);
        let fits = rows.flat_map(|(&place_of, list)| list.iter().map(move |&i| (place_of, i)));
        for ((place_of, neuron), count) in fits.zip(counts) {
            self.table.enter(place_of, neuron, count);
        }
        Ok(!places_of.is_empty())
    }

    /// Counts all that is not known of the fit table.
    pub fn know_everything(&mut self) -> Result<(), Halt> {
        let all: Vec<u32> = (0..self.table.neurons() as u32).collect();
        self.know(&all, &all)
    }

    /// `counts[l * right.len() + r]`: samples in which both neurons of `left[l]` and both of `right[r]` are zero; in
    /// the part of the samples where there is one.
    pub fn count_halves(&mut self, left: &[[u32; 2]], right: &[[u32; 2]]) -> Result<&[u32], Halt> {
        if (self.stop)() {
            return Err(Halt::Stopped);
        }
        let groups = |halves: &[[u32; 2]]| -> Vec<NeuronGroup> {
            halves.iter().map(|half| NeuronGroup::new(half)).collect()
        };
        self.count_table(&groups(left), &groups(right))?;
        Ok(&self.counts)
    }

    /// The scores of all blocks in the samples that halves are counted in, and the least gain in them that is worth a
    /// count on all samples: 1 where these are all samples.
    pub fn blocks_and_least_gain(&mut self, share: f64) -> Result<(Vec<i32>, i32), Halt> {
        let margin = i64::from(self.margin(share));
        let partition = self.table.partition();
        let all = 0..partition.blocks();
        let Some(screen) = &mut self.screen else {
            return Ok((all.map(|block| self.table.block_score(block)).collect(), 1));
        };
        let blocks: Vec<_> = all.map(|block| partition.block(block)).collect();
        let (triples, lists) = last_ones_listed(&blocks);
        let counts = count_lists(*screen, self.stop, &triples, &lists)?;
        let in_part = margin * screen.samples() as i64 / self.counter.samples() as i64;
        let scores = counts.into_iter().map(|count| count as i32);
        Ok((scores.collect(), -(in_part as i32)))
    }

    /// Samples of all in which all four neurons are zero.
    pub fn count_blocks(&mut self, blocks: &[[u32; BLOCK]]) -> Result<Vec<u32>, Halt> {
        let (triples, lists) = last_ones_listed(blocks);
        count_lists(self.counter, self.stop, &triples, &lists)
    }

    /// Rows to count against so many columns between two looks at the stop flag.
    pub fn rows_at_once(&self, columns: usize) -> usize {
        let most = (COUNTS_AT_ONCE / columns.max(1)).max(8);
        let counter = self.screen.as_deref().unwrap_or(&*self.counter);
        counter.rows_at_once(columns, most).max(1)
    }

    /// Goes back to a copy of the table made earlier.
    pub fn restore(&mut self, table: FitTable) {
        self.table = table;
    }

    /// As [`FitTable::relocate`].
    pub fn relocate(&mut self, moves: &[(u32, usize)], scores: &[(usize, i32)]) {
        self.table.relocate(moves, scores);
    }

    /// As [`FitTable::rotate`].
    pub fn rotate(&mut self, neurons: &[u32]) {
        self.table.rotate(neurons);
    }
}

/// The first three neurons of blocks, and for each a list of the last one.
fn last_ones_listed(blocks: &[[u32; BLOCK]]) -> (Vec<NeuronGroup>, Vec<Vec<u32>>) {
    let split = |&[a, b, c, d]: &[u32; BLOCK]| (NeuronGroup::new(&[a, b, c]), vec![d]);
    blocks.iter().map(split).unzip()
}

/// As [`CoZeroCounter::listed_counts`], with looks at the stop flag in between.
fn count_lists(
    counter: &mut dyn CoZeroCounter,
    stop: &dyn Fn() -> bool,
    left: &[NeuronGroup],
    lists: &[Vec<u32>],
) -> Result<Vec<u32>, Halt> {
    let (mut all, mut counts) = (Vec::new(), Vec::new());
    let mut first = 0;
    while first < lists.len() {
        if stop() {
            return Err(Halt::Stopped);
        }
        let mut left_over = counter.rows_at_once(1, COUNTS_AT_ONCE);
        let fits = |list: &&Vec<u32>| {
            let fits = list.len() <= left_over;
            left_over = left_over.saturating_sub(list.len());
            fits
        };
        let rows = lists[first..].iter().take_while(fits).count().max(1);
        let strip = first..first + rows;
        counter.listed_counts(&left[strip.clone()], &lists[strip], &mut counts)?;
        all.append(&mut counts);
        first += rows;
    }
    Ok(all)
}
