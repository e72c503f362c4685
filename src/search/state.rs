//! The fit table together with what fills it.
//!
//! In a descent most entries of the table only show that an exchange is far from a gain. Where a part of the samples is
//! at hand, entries are estimated from that, and counted on all samples where an exchange needs them or comes near a
//! gain: a tenth of them.

use crate::compute::{CoZeroCounter, NeuronGroup};

use super::Halt;
use super::fit_table::FitTable;
use super::partition::Partition;

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
            screen: screen.filter(|screen| screen.samples() > 0),
            stop,
            table: FitTable::new(partition),
            counts: Vec::new(),
            whole_rows: false,
        };
        let blocks = 0..state.table.partition().blocks();
        let firsts: Vec<u32> = blocks
            .map(|block| state.table.partition().block(block)[0])
            .collect();
        let fits: Vec<(u32, Vec<u32>)> = firsts.iter().map(|&first| (first, vec![first])).collect();
        state.count_exactly(fits)?;
        for (block, &first) in firsts.iter().enumerate() {
            let score = state.table.fit(first, first);
            state.table.set_score(block, score);
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
        if self.screen.is_some() {
            return self.estimate(&unknown.collect::<Vec<_>>());
        }
        let (again, first): (Vec<u32>, Vec<u32>) =
            unknown.partition(|&place_of| self.whole_rows || self.table.was_asked(place_of));
        self.count_fits(&first, neurons, &set)?;
        if again.is_empty() {
            return Ok(());
        }
        let all: Vec<u32> = (0..self.table.neurons() as u32).collect();
        self.count_fits(&again, &all, &self.table.set_of(&all))
    }

    /// Counts `fit(t, i)` for t in `places_of` and i in `neurons`, which are those of `set`.
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
            self.counter
                .co_zero_counts(&triples, &singles, &mut self.counts)?;
            for (&place_of, counts) in rows.iter().zip(self.counts.chunks_exact(neurons.len())) {
                self.table.fill(place_of, neurons, set, counts);
            }
        }
        Ok(())
    }

    /// Estimates rows from the part of the samples.
    fn estimate(&mut self, places_of: &[u32]) -> Result<(), Halt> {
        let Some(screen) = &mut self.screen else {
            return Ok(());
        };
        let singles = NeuronGroup::singles(self.table.neurons());
        let samples = (self.counter.samples(), screen.samples());
        let mut rest = places_of;
        while !rest.is_empty() {
            if (self.stop)() {
                return Err(Halt::Stopped);
            }
            let most = (COUNTS_AT_ONCE / singles.len()).max(8);
            let at_once = screen.rows_at_once(singles.len(), most).max(1);
            let (rows, later) = rest.split_at(at_once.min(rest.len()));
            rest = later;
            let triples: Vec<NeuronGroup> = rows
                .iter()
                .map(|&place_of| NeuronGroup::new(&self.table.partition().companions(place_of)))
                .collect();
            screen.co_zero_counts(&triples, &singles, &mut self.counts)?;
            for (&place_of, counts) in rows.iter().zip(self.counts.chunks_exact(singles.len())) {
                self.table.estimate(place_of, counts, samples);
            }
        }
        Ok(())
    }

    /// Counts on all samples what is not exact of `fit(t, i)` for some t and lists of i. Was there anything?
    pub fn count_exactly(&mut self, fits: Vec<(u32, Vec<u32>)>) -> Result<bool, Halt> {
        let mut wanted = fits;
        for (place_of, neurons) in &mut wanted {
            neurons.retain(|&neuron| !self.table.is_exact(*place_of, neuron));
        }
        wanted.retain(|(_, neurons)| !neurons.is_empty());
        let mut rest = wanted.as_slice();
        while !rest.is_empty() {
            if (self.stop)() {
                return Err(Halt::Stopped);
            }
            let at_once = self.rows_at_once(1 + wanted[0].1.len()).min(rest.len());
            let (rows, later) = rest.split_at(at_once);
            rest = later;
            let triple = |place_of| NeuronGroup::new(&self.table.partition().companions(place_of));
            let triples: Vec<NeuronGroup> = rows.iter().map(|row| triple(row.0)).collect();
            let lists: Vec<Vec<u32>> = rows.iter().map(|row| row.1.clone()).collect();
            self.counter
                .listed_counts(&triples, &lists, &mut self.counts)?;
            let listed = rows
                .iter()
                .flat_map(|(t, list)| list.iter().map(|&i| (*t, i)));
            for ((place_of, neuron), &count) in listed.zip(&self.counts) {
                self.table.enter(place_of, neuron, count);
            }
        }
        Ok(!wanted.is_empty())
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
        let (left, right) = (groups(left), groups(right));
        let counts = &mut self.counts;
        match &mut self.screen {
            Some(screen) => screen.co_zero_counts(&left, &right, counts)?,
            None => self.counter.co_zero_counts(&left, &right, counts)?,
        }
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
        let blocks = all.map(|block| partition.block(block));
        let (triples, lists): (Vec<_>, Vec<_>) = blocks
            .map(|[a, b, c, d]| (NeuronGroup::new(&[a, b, c]), vec![d]))
            .unzip();
        screen.listed_counts(&triples, &lists, &mut self.counts)?;
        let in_part = margin * screen.samples() as i64 / self.counter.samples() as i64;
        let counts = self.counts.iter();
        Ok((
            counts.map(|&count| count as i32).collect(),
            -(in_part as i32),
        ))
    }

    /// Samples in which all four neurons are zero.
    pub fn count_blocks(&mut self, blocks: &[[u32; 4]]) -> Result<Vec<u32>, Halt> {
        if (self.stop)() {
            return Err(Halt::Stopped);
        }
        let triples: Vec<NeuronGroup> = blocks.iter().map(|b| NeuronGroup::new(&b[..3])).collect();
        let lists: Vec<Vec<u32>> = blocks.iter().map(|block| vec![block[3]]).collect();
        self.counter
            .listed_counts(&triples, &lists, &mut self.counts)?;
        Ok(self.counts.clone())
    }

    /// Rows to count against so many columns between two looks at the stop flag.
    pub fn rows_at_once(&self, columns: usize) -> usize {
        let most = (COUNTS_AT_ONCE / columns.max(1)).max(8);
        self.counter.rows_at_once(columns, most).max(1)
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
