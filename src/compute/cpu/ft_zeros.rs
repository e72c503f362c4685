//! Stage `ft_zeros`: active rows of samples to zero planes.
//!
//! Weights are copied once into slices of [`LANES`] lanes, because all the rows that a king bucket uses of one slice
//! fit into the second-level cache: with samples in king bucket order this is several times faster than whole rows.
//! Samples that share most of their rows with the one before them are computed from it ([`changes`]); a row is read
//! some time after it was asked for, so that it comes from main memory meanwhile. A slice has two halves, A and B.
//! Pairwise networks multiply lane i of A with lane i of B (columns j and j + L1/2), clipped ones use both halves for
//! neurons of their own.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use self::changes::Run;
use super::{InstructionSet, Threads};
use crate::compute::{ComputeError, FtEvaluator};
use crate::nets::model::{Activation, FtWeights, RowLists, SampleBatch};
use crate::planes::ZeroPlanes;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod changes;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
mod portable;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little")
))]
mod row_sums;
mod transpose;

/// Lanes of one half of a slice: the bits of a word.
const LANES: usize = 64;

/// Samples of a plane's word.
const SAMPLES: usize = 64;

/// Words of a task: few enough that tasks keep all threads busy, many enough that a bucket's rows are reused.
const TASK_WORDS: usize = 64;

/// Rows are asked for so many rows before they are used: main memory is slow.
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little")
))]
const AHEAD: usize = 128;

/// Samples are chained if there are at least so many slices: for fewer, finding the changes costs what they save.
const CHAINED_SLICES: usize = 3;

/// One 16-bit row in one slice: half A, then half B.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct WideRow([[i16; LANES]; 2]);

/// One 8-bit row in one slice. Lane i is `256 * b + (a + 128)`: b signed, a + 128 unsigned.
///
/// Over n rows the wrapping sum of these lanes is `256 * B + A + 128 * n`, where B is the sum of `lane >> 8`. So two
/// columns cost two additions and a shift, and no sign extension.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct NarrowRow([i16; LANES]);

/// A lane of [`NarrowRow`].
fn narrow_lane(a: i8, b: i8) -> i16 {
    i16::from(b) << 8 | i16::from(a as u8 ^ 0x80)
}

/// `128 * n` for n added lanes of [`NarrowRow`].
fn narrow_excess(rows: usize) -> i16 {
    rows.wrapping_mul(128) as i16
}

/// The test for zero, as the instruction sets do it.
#[derive(Clone, Copy)]
enum ZeroTest {
    /// Lane of A <= 0 and, for neurons of their own, lane of B <= 0.
    Clipped,
    /// `clamp(a, 0, clamp) * clamp(b, 0, clamp) <= limit` in unsigned 16 bits: clamp is at most 255.
    Pairwise { clamp: i16, limit: u16 },
}

impl ZeroTest {
    fn new(activation: Activation) -> Result<ZeroTest, ComputeError> {
        match activation {
            Activation::Clipped { clamp } if clamp > 0 => Ok(ZeroTest::Clipped),
            Activation::Pairwise { clamp, shift } if (1..=255).contains(&clamp) => {
                // A product >> shift is zero iff the product is below 1 << shift; none exceeds 16 bits.
                let limit = ((1u32 << shift.min(16)) - 1) as u16;
                Ok(ZeroTest::Pairwise { clamp, limit })
            }
            _ => Err(ComputeError::Unsupported(format!(
                "the processor has no zero test for {activation:?}: clipped activations need a clamp above 0, \
                 pairwise ones a clamp of 1 to 255"
            ))),
        }
    }

    /// Words that a slice fills per 64 samples and 64 neurons.
    fn halves(self) -> usize {
        match self {
            ZeroTest::Clipped => 2,
            ZeroTest::Pairwise { .. } => 1,
        }
    }
}

/// One slice of all rows.
#[derive(Clone, Copy)]
struct Slice<'a> {
    bias: &'a WideRow,
    wide: &'a [WideRow],
    narrow: &'a [NarrowRow],
}

/// Asks for a row that is read later.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch<Row>(rows: &[Row], row: u32) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    let row = rows.as_ptr().wrapping_add(row as usize).cast::<i8>();
    for line in (0..size_of::<Row>()).step_by(64) {
        // SAFETY: the instruction reads nothing and accepts any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(line)) };
    }
}

/// Asks for a row that is read later.
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
#[inline(always)]
fn prefetch<Row>(rows: &[Row], row: u32) {
    let row = rows.as_ptr().wrapping_add(row as usize).cast::<u8>();
    for line in (0..size_of::<Row>()).step_by(64) {
        // SAFETY: the instruction reads nothing and accepts any address.
        unsafe {
            std::arch::asm!(
                "prfm pldl1keep, [{line}]",
                line = in(reg) row.wrapping_add(line),
                options(nostack, preserves_flags, readonly)
            );
        }
    }
}

/// Rows of one store.
#[derive(Clone, Copy)]
struct Lists<'a> {
    /// Sample s has the rows from entry s to entry s + 1. Ascending and within `rows`. Empty where the network has no
    /// such rows.
    ends: &'a [u32],
    rows: &'a [u32],
}

impl<'a> Lists<'a> {
    /// Where in `rows` those of a sample are. `None` where the network has no such rows.
    #[inline(always)]
    fn places(self, sample: usize) -> Option<Range<usize>> {
        match self.ends.get(sample..sample + 2) {
            Some(&[begin, end]) => Some(begin as usize..end as usize),
            _ => None,
        }
    }

    /// As many rows, [`AHEAD`] further. `None` at the end of all.
    #[cfg(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    ))]
    #[inline(always)]
    fn ahead(self, places: Range<usize>) -> Option<&'a [u32]> {
        self.rows.get(places.start + AHEAD..places.end + AHEAD)
    }
}

/// The samples of one word. Lists go on with those of the words after it.
#[derive(Clone, Copy)]
struct WordLists<'a> {
    /// 1 to 64.
    samples: usize,
    /// May samples of this word or the next one start from the sums of the sample before?
    chained: bool,
    /// Bit s: sample s starts from the biases, and its rows are added. The others start from the sums of the sample
    /// before; of their rows one is added and one subtracted in turn, an even number.
    fresh: u64,
    wide: Lists<'a>,
    narrow: Lists<'a>,
}

impl WordLists<'_> {
    fn numbers(self) -> Range<usize> {
        0..self.samples.min(SAMPLES)
    }

    fn is_fresh(self, sample: usize) -> bool {
        self.fresh >> sample & 1 == 1
    }
}

/// Row i of both is sample i; bit j is set where lane j is zero. Only the first half for pairwise networks.
type Masks = [[u64; SAMPLES]; 2];

/// A prepared network.
pub(super) struct Evaluator<'a> {
    set: InstructionSet,
    threads: &'a Threads,
    test: ZeroTest,
    neurons: usize,
    slices: usize,
    wide_rows: usize,
    narrow_rows: usize,
    bias: Vec<WideRow>,
    /// `[slices][wide_rows + 1]`: the last row of a slice changes nothing.
    wide: Vec<WideRow>,
    /// `[slices][narrow_rows + 1]`: the last row of a slice changes nothing.
    narrow: Vec<NarrowRow>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(
        set: InstructionSet,
        threads: &'a Threads,
        weights: &FtWeights<'_>,
    ) -> Result<Evaluator<'a>, ComputeError> {
        let l1 = weights.l1;
        let test = ZeroTest::new(weights.activation)?;
        if l1 == 0 || !l1.is_multiple_of(8) {
            return Err(ComputeError::Unsupported(format!(
                "L1 is {l1}, not a multiple of 8"
            )));
        }
        if weights.bias.len() != l1
            || !weights.wide.len().is_multiple_of(l1)
            || !weights.narrow.len().is_multiple_of(l1)
        {
            return Err(ComputeError::Unsupported(format!(
                "{} biases, {} 16-bit and {} 8-bit weights are not rows of L1 = {l1}",
                weights.bias.len(),
                weights.wide.len(),
                weights.narrow.len()
            )));
        }
        let neurons = weights.neurons();
        let slices = neurons.div_ceil(LANES * test.halves());
        let mut evaluator = Evaluator {
            set,
            threads,
            test,
            neurons,
            slices,
            wide_rows: weights.wide.len() / l1,
            narrow_rows: weights.narrow.len() / l1,
            bias: zeroed(slices)?,
            wide: zeroed(slices * (weights.wide.len() / l1 + 1))?,
            narrow: zeroed(slices * (weights.narrow.len() / l1 + 1))?,
        };
        evaluator.copy(weights);
        Ok(evaluator)
    }

    /// Where the halves of a slice begin in a row of `l1` columns, and how many lanes of each there are.
    fn columns(&self, slice: usize, l1: usize) -> [Range<usize>; 2] {
        match self.test {
            ZeroTest::Clipped => {
                let middle = (slice * 2 * LANES + LANES).min(l1);
                [slice * 2 * LANES..middle, middle..(middle + LANES).min(l1)]
            }
            ZeroTest::Pairwise { .. } => {
                let begin = slice * LANES;
                let end = (begin + LANES).min(l1 / 2);
                [begin..end, l1 / 2 + begin..l1 / 2 + end]
            }
        }
    }

    fn copy(&mut self, weights: &FtWeights<'_>) {
        /// Rows of a task.
        const ROWS: usize = 1024;
        let l1 = weights.l1;
        let columns: Vec<_> = (0..self.slices)
            .map(|slice| self.columns(slice, l1))
            .collect();
        for (row, columns) in self.bias.iter_mut().zip(&columns) {
            copy_wide(row, weights.bias, columns);
        }
        let tasks = split(&mut self.wide, self.wide_rows + 1, ROWS);
        self.threads.for_each(tasks, |(slice, first, rows)| {
            for (row, weights) in rows.iter_mut().zip(weights.wide.chunks(l1).skip(first)) {
                copy_wide(row, weights, &columns[slice]);
            }
        });
        let tasks = split(&mut self.narrow, self.narrow_rows + 1, ROWS);
        let zeros = vec![0; l1];
        self.threads.for_each(tasks, |(slice, first, rows)| {
            let weights = weights.narrow.chunks(l1).skip(first);
            for (row, weights) in rows.iter_mut().zip(weights.chain([&zeros[..]])) {
                copy_narrow(row, weights, &columns[slice]);
            }
        });
    }

    fn slice(&self, slice: usize) -> Slice<'_> {
        Slice {
            bias: &self.bias[slice],
            wide: &self.wide[slice * (self.wide_rows + 1)..][..self.wide_rows + 1],
            narrow: &self.narrow[slice * (self.narrow_rows + 1)..][..self.narrow_rows + 1],
        }
    }

    fn check(&self, batch: &SampleBatch) -> Result<(), ComputeError> {
        let samples = batch.samples;
        check_lists("16-bit", &batch.wide, samples, self.wide_rows)?;
        if batch.narrow.offsets.is_empty() && batch.narrow.rows.is_empty() {
            return Ok(());
        }
        check_lists("8-bit", &batch.narrow, samples, self.narrow_rows)
    }
}

/// `[slices][rows]` as tasks of (slice, first row, rows).
fn split<T>(all: &mut [T], rows: usize, step: usize) -> Vec<(usize, usize, &mut [T])> {
    let slices = all.chunks_mut(rows).enumerate();
    slices
        .flat_map(|(slice, rows)| {
            let parts = rows.chunks_mut(step).enumerate();
            parts.map(move |(part, rows)| (slice, part * step, rows))
        })
        .collect()
}

fn copy_wide(row: &mut WideRow, weights: &[i16], columns: &[Range<usize>; 2]) {
    for (half, columns) in row.0.iter_mut().zip(columns) {
        half[..columns.len()].copy_from_slice(&weights[columns.clone()]);
    }
}

fn copy_narrow(row: &mut NarrowRow, weights: &[i8], columns: &[Range<usize>; 2]) {
    let [a, b] = columns.clone().map(|columns| &weights[columns]);
    for (lane, out) in row.0.iter_mut().enumerate() {
        let weight = |half: &[i8]| half.get(lane).copied().unwrap_or(0);
        *out = narrow_lane(weight(a), weight(b));
    }
}

fn zeroed<T: Zeroable>(count: usize) -> Result<Vec<T>, ComputeError> {
    bytemuck::allocation::try_zeroed_vec(count).map_err(|()| ComputeError::OutOfMemory {
        adapter: "cpu".to_owned(),
        message: format!(
            "the feature transformer needs {} bytes",
            count.saturating_mul(size_of::<T>())
        ),
    })
}

/// Is this a list a sample, with every row below `rows`? The kernels rely on it.
fn check_lists(
    bits: &str,
    lists: &RowLists,
    samples: usize,
    rows: usize,
) -> Result<(), ComputeError> {
    let end = lists.rows.len();
    let ascending = lists.offsets.is_sorted();
    let last = lists.offsets.last().map(|&last| last as usize);
    if lists.offsets.len().checked_sub(1) != Some(samples)
        || !ascending
        || last.is_none_or(|last| last > end)
    {
        return Err(ComputeError::Unsupported(format!(
            "the lists of {bits} rows are not {samples} lists within {end} rows"
        )));
    }
    // A maximum is vectorised, a search for the first wrong row is not.
    let largest = lists.rows.iter().copied().max();
    match largest {
        Some(row) if row as usize >= rows => Err(ComputeError::Unsupported(format!(
            "there are {rows} {bits} rows, a sample has row {row}"
        ))),
        _ => Ok(()),
    }
}

/// A part of the planes of one slice's neurons.
struct Task<'a> {
    slice: usize,
    run: usize,
    /// One a neuron.
    out: Vec<&'a mut [u64]>,
}

impl FtEvaluator for Evaluator<'_> {
    fn ft_zeros(
        &mut self,
        batch: &SampleBatch,
        planes: &mut ZeroPlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        self.check(batch)?;
        let fits = planes
            .samples()
            .checked_sub(first_sample)
            .is_some_and(|room| batch.samples <= room);
        if planes.neurons() != self.neurons || !first_sample.is_multiple_of(SAMPLES) || !fits {
            return Err(ComputeError::Unsupported(format!(
                "planes of {} neurons and {} samples do not take {} samples of {} neurons from sample {first_sample}",
                planes.neurons(),
                planes.samples(),
                batch.samples,
                self.neurons
            )));
        }
        let words = batch.samples.div_ceil(SAMPLES);
        let first_word = first_sample / SAMPLES;
        let stride = planes.stride();
        let per_slice = LANES * self.test.halves();
        let mut tasks: Vec<Task<'_>> = Vec::new();
        let neurons = planes.words_mut().chunks_mut(stride);
        for (neuron, plane) in neurons.enumerate() {
            let slice = neuron / per_slice;
            let parts = plane[first_word..first_word + words].chunks_mut(TASK_WORDS);
            let per_plane = words.div_ceil(TASK_WORDS);
            for (part, out) in parts.enumerate() {
                if neuron.is_multiple_of(per_slice) {
                    tasks.push(Task {
                        slice,
                        run: part,
                        out: Vec::with_capacity(per_slice),
                    });
                }
                tasks[slice * per_plane + part].out.push(out);
            }
        }
        let runs = self.runs(batch);
        self.threads
            .for_each(tasks, |task| self.run(&runs[task.run], task));
        Ok(())
    }
}

impl Evaluator<'_> {
    /// The samples of every task, [`TASK_WORDS`] words each.
    fn runs<'b>(&self, batch: &'b SampleBatch) -> Vec<Run<'b>> {
        const STEP: usize = TASK_WORDS * SAMPLES;
        let parts = batch.samples.div_ceil(STEP);
        let samples = |part| part * STEP..batch.samples.min((part + 1) * STEP);
        let mut runs: Vec<Run<'b>> = (0..parts)
            .map(|part| Run::plain(batch, samples(part)))
            .collect();
        if self.slices >= CHAINED_SLICES {
            let rows = [self.wide_rows, self.narrow_rows];
            let tasks = runs.iter_mut().enumerate().collect();
            self.threads.for_each(tasks, |(part, run)| {
                *run = Run::chained(batch, samples(part), rows)
            });
        }
        runs
    }

    fn run(&self, run: &Run<'_>, mut task: Task<'_>) {
        let slice = self.slice(task.slice);
        let words = task.out.first().map_or(0, |words| words.len());
        let mut sums = *slice.bias;
        let mut masks: Masks = [[0; SAMPLES]; 2];
        for word in 0..words {
            let lists = run.word(word);
            match self.set {
                // SAFETY: `check` was passed, so rows are below the rows of the slice; ends of a `Run` are within its
                // rows.
                // `CpuBackend` has only instruction sets that the machine has.
                #[cfg(target_arch = "x86_64")]
                InstructionSet::Avx2 => unsafe {
                    avx2::masks(slice, lists, self.test, &mut sums, &mut masks);
                },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                InstructionSet::Avx512 => unsafe {
                    avx512::masks(slice, lists, self.test, &mut sums, &mut masks);
                },
                // SAFETY: as above.
                #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
                InstructionSet::Neon => unsafe {
                    neon::masks(slice, lists, self.test, &mut sums, &mut masks);
                },
                // Plain code, which is all that other machines have.
                _ => portable::masks(slice, lists, self.test, &mut sums, &mut masks),
            }
            for (masks, out) in masks.iter_mut().zip(task.out.chunks_mut(LANES)) {
                // Masks of samples that the last word has not are of an earlier word.
                masks[lists.samples..].fill(0);
                transpose::transpose(masks);
                for (plane, bits) in out.iter_mut().zip(masks) {
                    plane[word] = *bits;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
