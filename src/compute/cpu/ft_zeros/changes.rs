//! What changes from one sample to the next.
//!
//! Neighbours often share most of their rows. Then it costs less to add and subtract the rows in which they differ than
//! to add all of them, as engines do from move to move. Sums wrap, so they come out the same to the bit.

use std::ops::Range;

use super::{Lists, SAMPLES, WordLists};
use crate::compute::{RowLists, SampleBatch};

/// After so many samples a run goes on without chaining if that did not save a quarter of the rows.
const TRIED: usize = 128;

/// Consecutive samples, each computed from the one before it where that costs less than all of its rows.
#[derive(Debug)]
pub(super) struct Run {
    samples: usize,
    /// Bit s % 64 of word s / 64: sample s starts from the biases.
    fresh: Vec<u64>,
    wide: Changes,
    narrow: Changes,
}

impl Run {
    /// Some samples of a batch whose rows are below `rows`: the numbers of 16-bit and of 8-bit rows.
    ///
    /// Without `chained` all samples start from the biases.
    pub(super) fn new(
        batch: &SampleBatch,
        samples: Range<usize>,
        rows: [usize; 2],
        mut chained: bool,
    ) -> Run {
        let mut wide = Writer::new(&batch.wide, &samples, rows[0], chained);
        let mut narrow = Writer::new(&batch.narrow, &samples, rows[1], chained);
        let mut fresh = vec![0; samples.len().div_ceil(SAMPLES)];

        let [mut all, mut used] = [0; 2];
        for (number, sample) in samples.clone().enumerate() {
            let length = wide.length(sample) + narrow.length(sample);
            let mut changes = length;
            if chained
                && let (Some(wide), Some(narrow)) = (wide.differ(sample), narrow.differ(sample))
            {
                changes = length.min(wide + narrow);
            }
            if changes == length {
                fresh[number / SAMPLES] |= 1 << (number % SAMPLES);
                wide.take_all(sample);
                narrow.take_all(sample);
            }
            wide.finish();
            narrow.finish();
            all += length;
            used += changes;
            chained &= number != TRIED || 4 * used <= 3 * all;
        }
        Run {
            samples: samples.len(),
            fresh,
            wide: wide.changes,
            narrow: narrow.changes,
        }
    }

    /// The samples of a word.
    pub(super) fn word(&self, word: usize) -> WordLists<'_> {
        let first = SAMPLES * word;
        WordLists {
            samples: SAMPLES.min(self.samples - first),
            fresh: self.fresh[word],
            wide: self.wide.from(first),
            narrow: self.narrow.from(first),
        }
    }
}

/// Rows of one store that are added and subtracted.
#[derive(Debug)]
struct Changes {
    /// Of sample s `rows[ends[2 * s]..ends[2 * s + 1]]` are added and `rows[ends[2 * s + 1]..ends[2 * s + 2]]`
    /// subtracted. Only the 0 at the beginning where the network has no such rows.
    ends: Vec<usize>,
    rows: Vec<u32>,
}

impl Changes {
    fn from(&self, sample: usize) -> Lists<'_> {
        Lists {
            ends: self.ends.get(2 * sample..).unwrap_or(&[]),
            rows: &self.rows,
        }
    }
}

/// Writes the changes of one store, sample by sample.
struct Writer<'a> {
    lists: &'a RowLists,
    first: usize,
    changes: Changes,
    /// Of the sample under way: where its rows begin and where its subtracted rows begin.
    begin: usize,
    middle: usize,
    /// Of every row: the mark of the last sample that has it.
    marks: Vec<u8>,
    /// Of the sample under way.
    mark: u8,
    /// Has the sample under way no row twice?
    distinct: bool,
}

impl<'a> Writer<'a> {
    fn new(lists: &'a RowLists, samples: &Range<usize>, rows: usize, chained: bool) -> Writer<'a> {
        let mut ends = Vec::with_capacity(2 * samples.len() + 1);
        ends.push(0);
        Writer {
            lists,
            first: samples.start,
            changes: Changes {
                ends,
                rows: Vec::new(),
            },
            begin: 0,
            middle: 0,
            marks: vec![0; if chained { rows } else { 0 }],
            mark: 0,
            distinct: false,
        }
    }

    /// Nothing where the network has no such rows.
    fn list(&self, sample: usize) -> &'a [u32] {
        if self.lists.offsets.is_empty() {
            return &[];
        }
        self.lists.list(sample)
    }

    fn length(&self, sample: usize) -> usize {
        self.list(sample).len()
    }

    /// Writes how the sample differs from the one before. Says how many rows that are, or `None` if marks cannot tell.
    fn differ(&mut self, sample: usize) -> Option<usize> {
        let before = if sample == self.first {
            &[]
        } else {
            self.list(sample - 1)
        };
        let now = self.list(sample);
        let countable = self.distinct;
        let last = self.next_mark();
        let rows = &mut self.changes.rows;
        let mut end = rows.len();
        // Whether a row changes is hard to foresee, so all are written and those that stay are written over.
        rows.resize(end + now.len() + before.len(), 0);
        for &row in now {
            let mark = &mut self.marks[row as usize];
            rows[end] = row;
            end += usize::from(*mark != last);
            self.distinct &= *mark != self.mark;
            *mark = self.mark;
        }
        self.middle = end;
        for &row in before {
            rows[end] = row;
            end += usize::from(self.marks[row as usize] != self.mark);
        }
        rows.truncate(end);
        countable.then_some(end - self.begin)
    }

    /// The mark of the sample before; the one of the sample under way becomes another.
    fn next_mark(&mut self) -> u8 {
        self.distinct = true;
        if self.mark == u8::MAX {
            // All but the last mark is forgotten.
            for mark in &mut self.marks {
                *mark = u8::from(*mark == u8::MAX);
            }
            self.mark = 1;
        }
        self.mark += 1;
        self.mark - 1
    }

    /// Writes all rows of the sample, instead of what [`differ`](Self::differ) wrote.
    fn take_all(&mut self, sample: usize) {
        self.changes.rows.truncate(self.begin);
        self.changes.rows.extend_from_slice(self.list(sample));
        self.middle = self.changes.rows.len();
    }

    fn finish(&mut self) {
        if !self.lists.offsets.is_empty() {
            self.begin = self.changes.rows.len();
            self.changes.ends.extend([self.middle, self.begin]);
        }
    }
}
