//! Batches that are in memory, as a source of samples. Tests use it, too.
#![allow(dead_code, reason = "not all make them of rows")]

use ftperm::compute::SampleSource;
use ftperm::nets::model::{RowLists, SampleBatch};

/// Batches of `size` samples; the last one may be smaller.
pub struct Batches {
    pub size: usize,
    pub batches: Vec<SampleBatch>,
}

impl Batches {
    /// Of so many samples, with rows of 16-bit weights that `append` chooses for sample number `.0` of `.1` in its
    /// batch.
    pub fn new(
        samples: usize,
        size: usize,
        mut append: impl FnMut((usize, usize), &mut Vec<u32>),
    ) -> Batches {
        let batches = (0..samples).step_by(size).map(|first| {
            let samples = size.min(samples - first);
            let mut wide = RowLists {
                offsets: vec![0],
                rows: Vec::new(),
            };
            for sample in 0..samples {
                append((sample, samples), &mut wide.rows);
                wide.offsets.push(wide.rows.len() as u32);
            }
            SampleBatch {
                samples,
                wide,
                narrow: RowLists::default(),
            }
        });
        let batches = batches.collect();
        Batches { size, batches }
    }
}

impl SampleSource for Batches {
    fn samples(&self) -> usize {
        self.batches.iter().map(|it| it.samples).sum()
    }

    fn batches(&self) -> usize {
        self.batches.len()
    }

    fn first_sample(&self, number: usize) -> usize {
        number * self.size
    }

    fn batch(&self, number: usize) -> SampleBatch {
        self.batches[number].clone()
    }
}
