//! Stage `listed_counts`: groups with the neurons of a list for each.
//!
//! The lists are a small part of all neurons, in no order, so there are no tiles of several groups. A task combines a
//! group once in each block of samples, and counts the neurons of its list against it. Tasks are parts of the samples:
//! every plane is read once.

use std::ops::Range;

use super::{BLOCK, Counter, Rows, TILE, ranges};
use crate::compute::NeuronGroup;
use crate::compute::cpu::and_groups::and_group;

impl Counter<'_> {
    /// Ranges of blocks of samples that are counted by one thread each.
    pub(super) fn list_tasks(&self) -> Vec<Range<usize>> {
        let parts = (2 * self.threads.count()).min(self.blocks.len()).max(1);
        ranges(self.blocks.len(), self.blocks.len().div_ceil(parts).max(1)).collect()
    }

    /// Counts lists in some blocks of samples.
    pub(super) fn count_lists(
        &self,
        blocks: Range<usize>,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
    ) -> Vec<u32> {
        let mut counts = vec![0; lists.iter().map(Vec::len).sum()];
        let mut scratch = [0; BLOCK];
        for block in &self.blocks[blocks] {
            let planes = &self.chunks[block.chunk];
            let words = block.first..block.first + block.words;
            let scratch = &mut scratch[..block.words];
            let mut counts = counts.as_mut_slice();
            for (group, list) in left.iter().zip(lists) {
                let (of_list, later) = counts.split_at_mut(list.len());
                counts = later;
                if list.is_empty() {
                    continue;
                }
                and_group(self.set, planes, group, block.first, scratch);
                let rows: Rows<'_> = [scratch; TILE];
                for (neurons, counts) in list.chunks(TILE).zip(of_list.chunks_mut(TILE)) {
                    let columns: Rows<'_> = std::array::from_fn(|column| {
                        let neuron = neurons[column.min(neurons.len() - 1)];
                        &planes.plane(neuron as usize)[words.clone()]
                    });
                    let [sums, ..] = self.count_tile(1, &rows, &columns);
                    let sums = counts.iter_mut().zip(sums);
                    sums.for_each(|(count, sum)| *count += sum);
                }
            }
        }
        counts
    }
}
