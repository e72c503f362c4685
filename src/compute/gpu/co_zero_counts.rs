//! Stage `co_zero_counts`: in how many samples are two groups of neurons zero together?

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;

use bytemuck::NoUninit;

use super::and_groups;
use super::device::Context;
use super::planes::{AdapterPlanes, PlaneBuffers, UNIT_WORDS};
use super::stage::{Binding, ParamsTable, Recorder, Stage};
use crate::compute::{CoZeroCounter, ComputeError, NeuronGroup};

/// Rows and columns of counts that a workgroup computes.
const TILE: usize = 64;
/// Workgroups of a dispatch, so that the largest adapters are kept busy to the end.
const WORKGROUPS: usize = 4096;
/// Fewest steps of a workgroup: adding a tile to the counts costs about as much.
const LEAST_STEPS: usize = 8;
const UNIT_VECTORS: usize = UNIT_WORDS / 4;

/// As `Params` in `co_zero_counts.wgsl`.
#[derive(Clone, Copy, Debug, NoUninit)]
#[repr(C)]
struct Params {
    left_count: u32,
    right_count: u32,
    counts_stride: u32,
    steps: u32,
    steps_per_workgroup: u32,
    left_stride: u32,
    left_first: u32,
    right_stride: u32,
    right_first: u32,
}

/// Counts on planes that are spread over adapters.
#[derive(Debug)]
pub struct GpuCoZeroCounter {
    neurons: usize,
    samples: u64,
    counters: Vec<AdapterCounter>,
    /// Counts of all adapters but the first.
    others: Vec<Vec<u32>>,
}

/// Planes on an adapter, and what it takes to count them.
#[derive(Debug)]
struct AdapterCounter {
    context: Arc<Context>,
    planes: PlaneBuffers,
    and_groups: Arc<Stage>,
    co_zero_counts: Arc<Stage>,
    left: SideBuffers,
    right: SideBuffers,
    params: Option<wgpu::Buffer>,
    counts: Option<wgpu::Buffer>,
    readback: Option<wgpu::Buffer>,
}

/// Buffers of the left or the right groups; they grow as needed.
#[derive(Debug, Default)]
struct SideBuffers {
    rows: Option<wgpu::Buffer>,
    groups: Option<wgpu::Buffer>,
    scratch: Option<wgpu::Buffer>,
}

/// Left or right groups of a block of counts.
struct Side<'g> {
    groups: &'g [NeuronGroup],
    /// Single neurons are counted where their planes are; others need AND planes first.
    single: bool,
}

impl<'g> Side<'g> {
    fn new(groups: &'g [NeuronGroup]) -> Side<'g> {
        Side {
            groups,
            single: groups.iter().all(|it| it.neurons().len() == 1),
        }
    }

    fn tiles(&self) -> usize {
        self.groups.len().div_ceil(TILE)
    }

    /// Which plane each group counts, padded to whole tiles.
    fn rows(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = if self.single {
            self.groups.iter().map(|it| it.neurons()[0]).collect()
        } else {
            (0..self.groups.len() as u32).collect()
        };
        rows.resize(self.tiles() * TILE, rows[0]);
        rows
    }

    /// Most units of AND planes that fit in a buffer, an odd number.
    fn most_units(&self, scratch_bytes: u64) -> usize {
        if self.single {
            return usize::MAX;
        }
        let row_bytes = (UNIT_WORDS * 4 * self.groups.len()) as u64;
        let fitting = (scratch_bytes / row_bytes) as usize;
        (fitting.max(1) - 1) | 1
    }
}

/// Something to record, with where its parameters are.
enum Command {
    AndLeft,
    AndRight,
    Count,
}

impl GpuCoZeroCounter {
    /// `shares` have the same neurons.
    pub(super) fn new(
        neurons: usize,
        shares: &[AdapterPlanes],
    ) -> Result<GpuCoZeroCounter, ComputeError> {
        let samples = shares.iter().map(|it| it.samples() as u64).sum();
        if samples > u64::from(u32::MAX) {
            return Err(ComputeError::Unsupported(format!(
                "{samples} samples cannot be counted with 32 bits"
            )));
        }
        let counters: Vec<AdapterCounter> = shares
            .iter()
            .map(AdapterCounter::new)
            .collect::<Result<_, _>>()?;
        Ok(GpuCoZeroCounter {
            neurons,
            samples,
            others: vec![Vec::new(); counters.len().saturating_sub(1)],
            counters,
        })
    }
}

impl AdapterCounter {
    fn new(planes: &AdapterPlanes) -> Result<AdapterCounter, ComputeError> {
        let context = Arc::clone(&planes.context);
        use Binding::{Read, ReadWrite};
        let co_zero_counts = Stage::get(
            &context,
            "co_zero_counts",
            include_str!("../../../shaders/co_zero_counts.wgsl"),
            &[],
            size_of::<Params>(),
            &[Read, Read, Read, Read, ReadWrite],
        )?;
        Ok(AdapterCounter {
            and_groups: and_groups::stage(&context)?,
            co_zero_counts,
            context,
            planes: planes.buffers.clone(),
            left: SideBuffers::default(),
            right: SideBuffers::default(),
            params: None,
            counts: None,
            readback: None,
        })
    }

    /// Counts of a block that fits in a buffer, handed over row by row.
    fn block(
        &mut self,
        left: &Side,
        right: &Side,
        mut use_row: impl FnMut(usize, &[u8]),
    ) -> Result<(), ComputeError> {
        use wgpu::BufferUsages as Usage;
        let context = Arc::clone(&self.context);
        let limits = &context.limits;
        let scratch_bytes = limits.scratch_bytes.min(limits.buffer_bytes);
        let window = (left.most_units(scratch_bytes))
            .min(right.most_units(scratch_bytes))
            .min(and_groups::MOST_UNITS);
        let longest = self.planes.chunks.iter().map(|it| it.units).max();
        let scratch_units = window.min(longest.unwrap_or(0)) | 1;

        let left_rows = self.left.fill(&context, left, scratch_units)?;
        let right_rows = self.right.fill(&context, right, scratch_units)?;
        let cells = left.groups.len() * right.groups.len();
        let bytes = cells as u64 * 4;
        let usage = Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC;
        let counts = context.grow(&mut self.counts, "counts", bytes, usage)?;
        let usage = Usage::MAP_READ | Usage::COPY_DST;
        let readback = context.grow(&mut self.readback, "readback", bytes, usage)?;

        // Everything is planned before anything is recorded, so that all parameters are written at once.
        let tiles = left.tiles() * right.tiles();
        let words_per_step = (tiles * TILE * TILE * UNIT_WORDS) as u64;
        let most_steps = (context.co_zero_pace.budget() / words_per_step).max(1) as usize;
        let mut table = ParamsTable::default();
        let mut commands = Vec::new();
        for (number, chunk) in self.planes.chunks.iter().enumerate() {
            for first_unit in (0..chunk.units).step_by(window) {
                let units = window.min(chunk.units - first_unit);
                for (side, and) in [(left, Command::AndLeft), (right, Command::AndRight)] {
                    if !side.single {
                        let groups = side.groups.len();
                        let params = and_groups::Params::new(
                            groups,
                            chunk,
                            first_unit,
                            units,
                            scratch_units,
                        );
                        commands.push((and, number, table.push(&params), params.workgroups()));
                    }
                }
                let stride_and_first = |side: &Side, first_step: usize| {
                    let (stride, first) = if side.single {
                        (chunk.stride_units, first_unit + first_step)
                    } else {
                        (scratch_units, first_step)
                    };
                    (
                        (stride * UNIT_VECTORS) as u32,
                        (first * UNIT_VECTORS) as u32,
                    )
                };
                for first_step in (0..units).step_by(most_steps) {
                    let steps = most_steps.min(units - first_step);
                    let per_workgroup = (steps * tiles).div_ceil(WORKGROUPS).max(LEAST_STEPS);
                    let (left_stride, left_first) = stride_and_first(left, first_step);
                    let (right_stride, right_first) = stride_and_first(right, first_step);
                    let offset = table.push(&Params {
                        left_count: left.groups.len() as u32,
                        right_count: right.groups.len() as u32,
                        counts_stride: right.groups.len() as u32,
                        steps: steps as u32,
                        steps_per_workgroup: per_workgroup as u32,
                        left_stride,
                        left_first,
                        right_stride,
                        right_first,
                    });
                    let workgroups = [right.tiles(), left.tiles(), steps.div_ceil(per_workgroup)]
                        .map(|it| it as u32);
                    commands.push((Command::Count, number, offset, workgroups));
                }
            }
        }
        let params = table.write(&context, &mut self.params)?;

        let started = Instant::now();
        let mut recorder = Recorder::new(&context)?;
        recorder.clear(&counts, bytes)?;
        let mut bound = None;
        for (command, number, offset, workgroups) in commands {
            let bindings = match &bound {
                Some((chunk, bindings)) if *chunk == number => bindings,
                _ => {
                    let planes = &self.planes.chunks[number].buffer;
                    let rows = [&left_rows, &right_rows];
                    let bindings = self.bind(&params, planes, rows, &counts, [left, right])?;
                    &bound.insert((number, bindings)).1
                }
            };
            match (command, bindings) {
                (
                    Command::AndLeft,
                    Bindings {
                        and: [Some(and), _],
                        ..
                    },
                )
                | (
                    Command::AndRight,
                    Bindings {
                        and: [_, Some(and)],
                        ..
                    },
                ) => {
                    recorder.dispatch(&self.and_groups, and, offset, workgroups)?;
                }
                (Command::Count, Bindings { count, .. }) => {
                    recorder.dispatch_heavy(&self.co_zero_counts, count, offset, workgroups)?;
                }
                _ => unreachable!("single neurons need no AND planes"),
            }
        }
        recorder.copy(&counts, &readback, bytes)?;
        let submission = recorder.submit()?;
        let mapping = context.map(&readback, bytes)?;
        context.wait(&submission)?;
        let units: usize = self.planes.chunks.iter().map(|it| it.units).sum();
        let work = words_per_step * units as u64;
        context.co_zero_pace.measured(work, started.elapsed());
        context.read(&readback, bytes, &mapping, &submission, |bytes| {
            let rows = bytes.chunks_exact(right.groups.len() * 4);
            rows.enumerate().for_each(|(i, row)| use_row(i, row));
        })
    }

    /// Binds one chunk's planes, or the AND planes in their place.
    fn bind(
        &self,
        params: &wgpu::Buffer,
        planes: &wgpu::Buffer,
        rows: [&wgpu::Buffer; 2],
        counts: &wgpu::Buffer,
        sides: [&Side; 2],
    ) -> Result<Bindings, ComputeError> {
        let mut and = [None, None];
        let mut counted = [planes; 2];
        for (i, (side, buffers)) in sides.iter().zip([&self.left, &self.right]).enumerate() {
            if side.single {
                continue;
            }
            let (Some(groups), Some(scratch)) = (&buffers.groups, &buffers.scratch) else {
                return Err(self.context.error("the groups were not written"));
            };
            let bound = [planes, groups, scratch];
            and[i] = Some(self.and_groups.bind(&self.context, params, &bound)?);
            counted[i] = scratch;
        }
        let bound = [counted[0], counted[1], rows[0], rows[1], counts];
        let count = self.co_zero_counts.bind(&self.context, params, &bound)?;
        Ok(Bindings { and, count })
    }
}

/// Bind groups of a chunk: AND planes of the left and the right side, and counting.
struct Bindings {
    and: [Option<wgpu::BindGroup>; 2],
    count: wgpu::BindGroup,
}

impl SideBuffers {
    /// Writes which planes a side's groups are made of, and makes room for AND planes.
    fn fill(
        &mut self,
        context: &Context,
        side: &Side,
        scratch_units: usize,
    ) -> Result<wgpu::Buffer, ComputeError> {
        use wgpu::BufferUsages as Usage;
        let usage = Usage::STORAGE | Usage::COPY_DST;
        let rows = side.rows();
        let buffer = context.grow(&mut self.rows, "rows", rows.len() as u64 * 4, usage)?;
        context.checked(|| {
            context
                .queue
                .write_buffer(&buffer, 0, bytemuck::cast_slice(&rows));
        })?;
        if !side.single {
            let groups: Vec<[u32; 4]> = side.groups.iter().map(NeuronGroup::padded).collect();
            let bytes = groups.len() as u64 * 16;
            let groups_buffer = context.grow(&mut self.groups, "groups", bytes, usage)?;
            let scratch_bytes = (side.groups.len() * scratch_units * UNIT_WORDS * 4) as u64;
            context.grow(
                &mut self.scratch,
                "AND planes",
                scratch_bytes,
                Usage::STORAGE,
            )?;
            context.checked(|| {
                let groups = bytemuck::cast_slice(&groups);
                context.queue.write_buffer(&groups_buffer, 0, groups);
            })?;
        }
        Ok(buffer)
    }
}

impl AdapterCounter {
    /// As [`CoZeroCounter::co_zero_counts`], for neurons that exist.
    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        counts.clear();
        counts.resize(left.len() * right.len(), 0);
        if counts.is_empty() || self.planes.chunks.is_empty() {
            return Ok(());
        }
        // Squares of counts that fit in a buffer: one, but for very many groups.
        let limits = &self.context.limits;
        let cells = limits.scratch_bytes.min(limits.buffer_bytes) / 4;
        let edge = cells.isqrt() as usize / TILE * TILE;
        for (i, left_groups) in left.chunks(edge).enumerate() {
            for (j, right_groups) in right.chunks(edge).enumerate() {
                let sides = [Side::new(left_groups), Side::new(right_groups)];
                let use_row = |row: usize, bytes: &[u8]| {
                    let first = (i * edge + row) * right.len() + j * edge;
                    let cells = &mut counts[first..first + right_groups.len()];
                    bytemuck::cast_slice_mut(cells).copy_from_slice(bytes);
                };
                if let Err(error) = self.block(&sides[0], &sides[1], use_row) {
                    // It may be left mapped, or wait to be.
                    self.readback = None;
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Refuses neurons that there are not.
pub(super) fn check_groups<'g>(
    groups: impl IntoIterator<Item = &'g NeuronGroup>,
    neurons: usize,
) -> Result<(), ComputeError> {
    let named = groups.into_iter().flat_map(NeuronGroup::neurons);
    match named.max() {
        Some(&largest) if largest as usize >= neurons => Err(ComputeError::Unsupported(format!(
            "neuron {largest} of planes that have {neurons}"
        ))),
        _ => Ok(()),
    }
}

impl CoZeroCounter for GpuCoZeroCounter {
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
        check_groups(left.iter().chain(right), self.neurons)?;
        let Some((first, rest)) = self.counters.split_first_mut() else {
            counts.clear();
            counts.resize(left.len() * right.len(), 0);
            return Ok(());
        };
        // Adapters count at the same time.
        let others = &mut self.others;
        std::thread::scope(|scope| {
            let running: Vec<_> = rest
                .iter_mut()
                .zip(others.iter_mut())
                .map(|(counter, counts)| {
                    scope.spawn(move || counter.co_zero_counts(left, right, counts))
                })
                .collect();
            let mut result = first.co_zero_counts(left, right, counts);
            for it in running {
                let ended = it.join().unwrap_or_else(|panic| resume_unwind(panic));
                result = result.and(ended);
            }
            result
        })?;
        for other in others {
            let pairs = counts.iter_mut().zip(&*other);
            pairs.for_each(|(sum, count)| *sum += count);
        }
        Ok(())
    }
}
