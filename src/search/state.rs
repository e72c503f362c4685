//! The fit table together with what fills it.

use crate::compute::{CoZeroCounter, NeuronGroup};

use super::Halt;
use super::fit_table::FitTable;
use super::partition::Partition;

/// Counts at a time, at most: 1 MiB, so that the fit table stays the largest table of a search.
const COUNTS_AT_ONCE: usize = 1 << 18;

/// A search in progress.
pub(crate) struct State<'a> {
    counter: &'a mut dyn CoZeroCounter,
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
        let mut state = State {
            counter,
            stop,
            table: FitTable::new(partition),
            counts: Vec::new(),
            whole_rows: false,
        };
        let blocks = 0..state.table.partition().blocks();
        let firsts: Vec<u32> = blocks
            .map(|block| state.table.partition().block(block)[0])
            .collect();
        state.know(&firsts, &firsts)?;
        for (block, &first) in firsts.iter().enumerate() {
            let score = state.table.fit(first, first);
            state.table.set_score(block, score);
        }
        Ok(state)
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

    /// Counts all that is not known of the fit table.
    pub fn know_everything(&mut self) -> Result<(), Halt> {
        let all: Vec<u32> = (0..self.table.neurons() as u32).collect();
        self.know(&all, &all)
    }

    /// `counts[l * right.len() + r]`: samples in which both neurons of `left[l]` and both of `right[r]` are zero.
    pub fn count_halves(&mut self, left: &[[u32; 2]], right: &[[u32; 2]]) -> Result<&[u32], Halt> {
        if (self.stop)() {
            return Err(Halt::Stopped);
        }
        let groups = |halves: &[[u32; 2]]| -> Vec<NeuronGroup> {
            halves.iter().map(|half| NeuronGroup::new(half)).collect()
        };
        self.counter
            .co_zero_counts(&groups(left), &groups(right), &mut self.counts)?;
        Ok(&self.counts)
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
