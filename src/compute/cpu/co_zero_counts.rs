//! Stage `co_zero_counts`: for every pair of groups, the samples in which all neurons of both are zero.
//!
//! This is a matrix product with AND for times and popcount for plus, and blocked like one: a task owns a tile of
//! counts, goes over the samples in blocks, and in each block keeps the rows of its right groups in the second-level
//! cache, four rows of left groups in the first-level cache, and 4 x 4 sums in registers. Groups of several neurons are
//! combined once a block in scratch memory; single neurons are read where they are.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytemuck::{Pod, Zeroable};

use super::and_groups::and_group;
use super::{InstructionSet, Threads};
use crate::compute::{CoZeroCounter, ComputeError, NeuronGroup};
use crate::planes::ZeroPlanes;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod listed;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
mod portable;

/// Words of a block of samples: 4 KiB a row.
const BLOCK: usize = 512;

/// Right groups of a task: 512 KiB of rows.
const RIGHT: usize = 128;

/// Left groups of a task, at most.
const LEFT: usize = 256;

/// Rows on either side of the tile that is summed in registers.
const TILE: usize = 4;

/// Words of a vector: rows are whole vectors.
const VECTOR: usize = 8;

/// Calls with less work than this, in 64-bit word operations, are done before other threads wake up.
const WORTH_THREADS: u64 = 1 << 18;

/// Rows of one side of a tile. All rows of both sides have the same length, a multiple of [`VECTOR`].
type Rows<'a> = [&'a [u64]; TILE];

/// Counts of a tile: `[left][right]`.
type TileCounts = [[u32; TILE]; TILE];

/// Consecutive words of the planes of one chunk.
#[derive(Clone, Copy)]
struct Block {
    chunk: usize,
    first: usize,
    /// A multiple of [`VECTOR`]. The last words may be padding of the planes, which is clear.
    words: usize,
}

/// Planes that are counted.
pub(super) struct Counter<'a> {
    set: InstructionSet,
    threads: &'a Threads,
    chunks: &'a [ZeroPlanes],
    neurons: usize,
    samples: u64,
    blocks: Vec<Block>,
    /// Kept between calls, because searches make thousands of them.
    scratch: Mutex<Vec<Scratch>>,
}

/// What a task computes: the counts of some groups over some blocks.
struct Task {
    left: Range<usize>,
    right: Range<usize>,
    blocks: Range<usize>,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u64; VECTOR]);

/// Memory of a running task.
struct Scratch {
    right: Vec<Line>,
    left: Vec<Line>,
    /// `[left group of the task][RIGHT]`.
    counts: Vec<[u32; RIGHT]>,
}

impl Scratch {
    fn new() -> Scratch {
        Scratch {
            right: vec![Line([0; VECTOR]); RIGHT * BLOCK / VECTOR],
            left: vec![Line([0; VECTOR]); TILE * BLOCK / VECTOR],
            counts: vec![[0; RIGHT]; LEFT],
        }
    }
}

impl<'a> Counter<'a> {
    pub(super) fn new(
        set: InstructionSet,
        threads: &'a Threads,
        chunks: &'a [ZeroPlanes],
    ) -> Result<Counter<'a>, ComputeError> {
        let neurons = chunks.first().map_or(0, ZeroPlanes::neurons);
        if let Some(other) = chunks.iter().find(|chunk| chunk.neurons() != neurons) {
            return Err(ComputeError::Unsupported(format!(
                "planes of {neurons} and of {} neurons cannot be counted together",
                other.neurons()
            )));
        }
        let samples = chunks.iter().map(|chunk| chunk.samples() as u64).sum();
        if u32::try_from(samples).is_err() {
            return Err(ComputeError::Unsupported(format!(
                "{samples} samples cannot be counted in 32 bits"
            )));
        }
        let mut blocks = Vec::new();
        for (chunk, planes) in chunks.iter().enumerate() {
            let words = planes.samples().div_ceil(64).next_multiple_of(VECTOR);
            blocks.extend((0..words).step_by(BLOCK).map(|first| Block {
                chunk,
                first,
                words: BLOCK.min(words - first),
            }));
        }
        Ok(Counter {
            set: set.for_counts(),
            threads,
            chunks,
            neurons,
            samples,
            blocks,
            scratch: Mutex::default(),
        })
    }

    fn tasks(&self, left: usize, right: usize) -> Vec<Task> {
        let tiles = left.div_ceil(LEFT) * right.div_ceil(RIGHT);
        // Parts of the samples are added up at the end: there are no more of them than keep all threads busy.
        let wanted = match self.threads.count() {
            1 => 1,
            threads => 4 * threads,
        };
        let parts = wanted.div_ceil(tiles).clamp(1, self.blocks.len().max(1));
        let per_part = self.blocks.len().div_ceil(parts).max(1);
        let mut tasks = Vec::new();
        for blocks in ranges(self.blocks.len(), per_part) {
            for right in ranges(right, RIGHT) {
                tasks.extend(ranges(left, LEFT).map(|left| Task {
                    left,
                    right: right.clone(),
                    blocks: blocks.clone(),
                }));
            }
        }
        tasks
    }

    /// Counts a task's tile and adds it to `counts`.
    fn run(
        &self,
        task: &Task,
        scratch: &mut Scratch,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &Mutex<&mut [u32]>,
    ) {
        let row_length = right.len();
        let left = &left[task.left.clone()];
        let right = &right[task.right.clone()];
        scratch.counts[..left.len()].fill([0; RIGHT]);
        for &block in &self.blocks[task.blocks.clone()] {
            let planes = &self.chunks[block.chunk];
            let right_words: &mut [u64] = bytemuck::cast_slice_mut(&mut scratch.right);
            let right_rows: [&[u64]; RIGHT] = self.rows(planes, block, right, right_words);
            let right_rows = &right_rows[..right.len().next_multiple_of(TILE)];
            let tiles = left.chunks(TILE).zip(scratch.counts.chunks_mut(TILE));
            for (left, counts) in tiles {
                let left_words: &mut [u64] = bytemuck::cast_slice_mut(&mut scratch.left);
                let left_rows: Rows<'_> = self.rows(planes, block, left, left_words);
                for (tile, right_rows) in right_rows.as_chunks::<TILE>().0.iter().enumerate() {
                    let sums = self.count_tile(left.len(), &left_rows, right_rows);
                    for (counts, sums) in counts[..left.len()].iter_mut().zip(&sums) {
                        let counts = &mut counts[tile * TILE..][..TILE];
                        counts
                            .iter_mut()
                            .zip(sums)
                            .for_each(|(count, sum)| *count += sum);
                    }
                }
            }
        }
        let mut counts = lock(counts);
        for (row, sums) in task.left.clone().zip(&scratch.counts) {
            let counts = &mut counts[row * row_length..][task.right.clone()];
            counts
                .iter_mut()
                .zip(sums)
                .for_each(|(count, sum)| *count += sum);
        }
    }

    /// The rows of up to N groups in a block; the last one repeated where there are fewer.
    fn rows<'r, const N: usize>(
        &self,
        planes: &'r ZeroPlanes,
        block: Block,
        groups: &[NeuronGroup],
        scratch: &'r mut [u64],
    ) -> [&'r [u64]; N] {
        let mut rows: [&[u64]; N] = [&[]; N];
        for ((row, group), scratch) in rows.iter_mut().zip(groups).zip(scratch.chunks_mut(BLOCK)) {
            *row = if let [neuron] = group.neurons() {
                &planes.plane(*neuron as usize)[block.first..][..block.words]
            } else {
                let scratch = &mut scratch[..block.words];
                and_group(self.set, planes, group, block.first, scratch);
                scratch
            };
        }
        let last = rows[groups.len() - 1];
        rows[groups.len()..].fill(last);
        rows
    }

    /// Of the tile's counts those of the first `left_groups` rows are used.
    #[inline]
    fn count_tile(&self, left_groups: usize, left: &Rows<'_>, right: &Rows<'_>) -> TileCounts {
        match self.set {
            // SAFETY: `CpuBackend` has only instruction sets that the machine has, and `for_counts` was asked.
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => unsafe { avx2::count_tile(left_groups, left, right) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => unsafe { avx512::count_tile(left_groups, left, right) },
            // SAFETY: as above.
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            InstructionSet::Neon => unsafe { neon::count_tile(left_groups, left, right) },
            // Plain code, which is all that other machines have.
            _ => portable::count_tile(left_groups, left, right),
        }
    }

    fn check(&self, groups: &[NeuronGroup]) -> Result<(), ComputeError> {
        self.check_neurons(groups.iter().flat_map(|group| group.padded()))
    }

    fn check_neurons(&self, neurons: impl Iterator<Item = u32>) -> Result<(), ComputeError> {
        match neurons.max() {
            Some(neuron) if neuron as usize >= self.neurons => {
                Err(ComputeError::Unsupported(format!(
                    "a group has neuron {neuron}, the planes have {}",
                    self.neurons
                )))
            }
            _ => Ok(()),
        }
    }
}

/// 0..length in parts.
fn ranges(length: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..length)
        .step_by(step)
        .map(move |first| first..(first + step).min(length))
}

impl CoZeroCounter for Counter<'_> {
    fn neurons(&self) -> usize {
        self.neurons
    }

    fn samples(&self) -> u64 {
        self.samples
    }

    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        self.check(left)?;
        self.check(right)?;
        counts.clear();
        counts.resize(left.len() * right.len(), 0);
        if counts.is_empty() {
            return Ok(());
        }
        let words: usize = self.blocks.iter().map(|block| block.words).sum();
        let work = counts.len() as u64 * words as u64;
        let counts = Mutex::new(counts.as_mut_slice());
        let work_on = |task: Task| {
            let free = lock(&self.scratch).pop();
            let mut scratch = free.unwrap_or_else(Scratch::new);
            self.run(&task, &mut scratch, left, right, &counts);
            lock(&self.scratch).push(scratch);
        };
        let tasks = self.tasks(left.len(), right.len());
        if work < WORTH_THREADS {
            tasks.into_iter().for_each(work_on);
        } else {
            self.threads.for_each(tasks, work_on);
        }
        Ok(())
    }

    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        assert_eq!(left.len(), lists.len(), "one list a group");
        self.check(left)?;
        self.check_neurons(lists.iter().flatten().copied())?;
        counts.clear();
        counts.resize(lists.iter().map(Vec::len).sum(), 0);
        let sums = Mutex::new(counts.as_mut_slice());
        self.threads.for_each(self.list_tasks(), |blocks| {
            let counts = self.count_lists(blocks, left, lists);
            let mut sums = lock(&sums);
            sums.iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
        });
        Ok(())
    }
}

/// Nothing that panics is done under these locks, so a poisoned one guards sound contents.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
