//! What changes from one sample to the next.
//!
//! Neighbours often share most of their rows. Then it costs less to add and subtract the rows in which they differ than
//! to add all of them, as engines do from move to move. Sums wrap, so they come out the same to the bit.

use std::ops::Range;

use super::{Lists, SAMPLES, WordLists};
use crate::nets::model::{RowLists, SampleBatch};

/// A run is chained only if the changes of so many samples are less than three quarters of their rows.
const TRIED: usize = 64;

/// Consecutive samples. In chained runs each is computed from the one before it where that costs less than all of its
/// rows.
#[derive(Debug)]
pub(super) struct Run<'a> {
    batch: &'a SampleBatch,
    samples: Range<usize>,
    chain: Option<Chain>,
}

/// The lists of a chained run.
#[derive(Debug)]
struct Chain {
    /// Bit s % 64 of word s / 64: sample s starts from the biases.
    fresh: Vec<u64>,
    wide: Pairs,
    narrow: Pairs,
}

impl<'a> Run<'a> {
    /// Some samples of a batch, all of which start from the biases.
    pub(super) fn plain(batch: &'a SampleBatch, samples: Range<usize>) -> Run<'a> {
        Run {
            batch,
            samples,
            chain: None,
        }
    }

    /// Some samples of a batch whose rows are below `rows`: the numbers of 16-bit and of 8-bit rows. Row `rows` changes
    /// nothing.
    ///
    /// The run is plain if neighbours share little.
    pub(super) fn chained(
        batch: &'a SampleBatch,
        samples: Range<usize>,
        rows: [usize; 2],
    ) -> Run<'a> {
        Run {
            chain: Chain::new(batch, &samples, rows),
            ..Run::plain(batch, samples)
        }
    }

    /// The samples of a word.
    pub(super) fn word(&self, word: usize) -> WordLists<'_> {
        let first = SAMPLES * word;
        let samples = SAMPLES.min(self.samples.len() - first);
        match &self.chain {
            None => WordLists {
                samples,
                chained: false,
                fresh: u64::MAX,
                wide: all_rows(&self.batch.wide, self.samples.start + first),
                narrow: all_rows(&self.batch.narrow, self.samples.start + first),
            },
            Some(chain) => WordLists {
                samples,
                chained: true,
                fresh: chain.fresh[word],
                wide: chain.wide.from(first),
                narrow: chain.narrow.from(first),
            },
        }
    }
}

fn all_rows(lists: &RowLists, sample: usize) -> Lists<'_> {
    Lists {
        ends: lists.offsets.get(sample..).unwrap_or(&[]),
        rows: &lists.rows,
    }
}

impl Chain {
    fn new(batch: &SampleBatch, samples: &Range<usize>, rows: [usize; 2]) -> Option<Chain> {
        let mut wide = Writer::new(&batch.wide, samples, rows[0])?;
        let mut narrow = Writer::new(&batch.narrow, samples, rows[1])?;
        let mut fresh = vec![0; samples.len().div_ceil(SAMPLES)];

        let [mut all, mut used] = [0; 2];
        for (number, sample) in samples.clone().enumerate() {
            let length = wide.length(sample) + narrow.length(sample);
            let changes = [wide.differ(sample), narrow.differ(sample)];
            all += length;
            match changes {
                [Some(wide), Some(narrow)] if wide + narrow < length => used += wide + narrow,
                _ => {
                    fresh[number / SAMPLES] |= 1 << (number % SAMPLES);
                    wide.take_all(sample);
                    narrow.take_all(sample);
                    used += length;
                }
            }
            wide.finish();
            narrow.finish();
            if number == TRIED && 4 * used >= 3 * all {
                return None;
            }
        }
        Some(Chain {
            fresh,
            wide: wide.pairs,
            narrow: narrow.pairs,
        })
    }
}

/// Rows of one store, two and two: of chained samples one to add and one to subtract, of fresh ones both to add.
#[derive(Debug)]
struct Pairs {
    /// Sample s has the rows from `ends[s]` to `ends[s + 1]`, an even number. Empty where the network has no such rows.
    ends: Vec<u32>,
    pairs: Vec<[u32; 2]>,
}

impl Pairs {
    fn from(&self, sample: usize) -> Lists<'_> {
        Lists {
            ends: self.ends.get(sample..).unwrap_or(&[]),
            rows: self.pairs.as_flattened(),
        }
    }
}

/// Writes the pairs of one store, sample by sample.
struct Writer<'a> {
    lists: &'a RowLists,
    first: usize,
    pairs: Pairs,
    /// Pairs of the samples before the one under way, and of it too.
    begin: usize,
    end: usize,
    /// Of every row: the mark of the last sample that has it.
    marks: Vec<u8>,
    /// Of the sample under way.
    mark: u8,
    /// Has the sample under way no row twice?
    distinct: bool,
    /// A row that changes nothing.
    none: u32,
}

impl<'a> Writer<'a> {
    /// `None` if ends of pairs might not fit into 32 bits.
    fn new(lists: &'a RowLists, samples: &Range<usize>, rows: usize) -> Option<Writer<'a>> {
        let none = u32::try_from(rows).ok()?;
        let mut ends = Vec::new();
        if !lists.offsets.is_empty() {
            let most = lists.offsets[samples.end] - lists.offsets[samples.start];
            u32::try_from(samples.len()).ok()?.checked_add(most)?;
            ends.reserve(samples.len() + 1);
            ends.push(0);
        }
        Some(Writer {
            lists,
            first: samples.start,
            pairs: Pairs {
                ends,
                pairs: Vec::new(),
            },
            begin: 0,
            end: 0,
            marks: vec![0; rows],
            mark: 0,
            distinct: false,
            none,
        })
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

    /// Makes room for so many pairs of the sample under way.
    fn room(&mut self, pairs: usize) -> &mut [[u32; 2]] {
        let end = self.begin + pairs;
        if self.pairs.pairs.len() < end {
            self.pairs.pairs.resize(end, [0; 2]);
        }
        &mut self.pairs.pairs[self.begin..end]
    }

    /// Writes how the sample differs from the one before. Says how many rows its pairs have, or `None` if marks cannot
    /// tell.
    fn differ(&mut self, sample: usize) -> Option<usize> {
        let before = if sample == self.first {
            &[]
        } else {
            self.list(sample - 1)
        };
        let now = self.list(sample);
        let countable = self.distinct;
        let last = self.next_mark();
        let mark = self.mark;
        let mut distinct = true;
        let mut marks = std::mem::take(&mut self.marks);
        let none = self.none;
        let pairs = self.room(now.len().max(before.len()));
        // Whether a row changes is hard to foresee, so all are written and those that stay are written over.
        let [mut added, mut gone] = [0; 2];
        for &row in now {
            let place = &mut marks[row as usize];
            pairs[added][0] = row;
            added += usize::from(*place != last);
            distinct &= *place != mark;
            *place = mark;
        }
        for &row in before {
            pairs[gone][1] = row;
            gone += usize::from(marks[row as usize] != mark);
        }
        let changes = added.max(gone);
        for pair in &mut pairs[added..changes] {
            pair[0] = none;
        }
        for pair in &mut pairs[gone..changes] {
            pair[1] = none;
        }
        self.marks = marks;
        self.distinct = distinct;
        self.end = self.begin + changes;
        countable.then_some(2 * changes)
    }

    /// The mark of the sample before; the one of the sample under way becomes another.
    fn next_mark(&mut self) -> u8 {
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
        let rows = self.list(sample);
        let none = self.none;
        let pairs = self.room(rows.len().div_ceil(2));
        if let Some(last) = pairs.last_mut() {
            last[1] = none;
        }
        pairs.as_flattened_mut()[..rows.len()].copy_from_slice(rows);
        self.end = self.begin + rows.len().div_ceil(2);
    }

    fn finish(&mut self) {
        self.begin = self.end;
        if !self.lists.offsets.is_empty() {
            self.pairs.ends.push(2 * self.end as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_by_hand() {
        let batch = SampleBatch {
            samples: 5,
            wide: RowLists {
                offsets: vec![0, 3, 6, 10, 12, 15],
                rows: vec![1, 2, 3, 1, 2, 4, 1, 2, 4, 5, 6, 6, 7, 8, 9],
            },
            narrow: RowLists::default(),
        };
        let run = Run::chained(&batch, 0..5, [10, 0]);
        let word = run.word(0);
        assert_eq!(word.samples, 5);
        assert!(word.narrow.ends.is_empty());
        // The first, one that has a row twice, and the one after it start from the biases. Row 10 changes nothing.
        assert_eq!(word.fresh, 0b11001);
        assert_eq!(word.wide.ends, [0, 4, 6, 8, 10, 14]);
        let rows = [1, 2, 3, 10, 4, 3, 5, 10, 6, 6, 7, 8, 9, 10];
        assert_eq!(&word.wide.rows[..14], rows);
    }

    #[test]
    fn lists_that_share_nothing_are_taken_as_they_are() {
        let samples = 200;
        let batch = SampleBatch {
            samples,
            wide: RowLists {
                offsets: (0..=samples as u32).collect(),
                rows: (0..samples as u32).collect(),
            },
            narrow: RowLists::default(),
        };
        let run = Run::chained(&batch, 0..samples, [samples, 0]);
        let word = run.word(1);
        assert!(!word.chained);
        assert_eq!(word.wide.ends[..3], [64, 65, 66]);
        assert_eq!(word.wide.rows, batch.wide.rows);
    }
}
