//! Stage `co_zero_counts`: in how many samples are two groups of neurons zero together?

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;

use super::and_groups;
use super::device::{Context, Tally};
use super::planes::{AdapterPlanes, PlaneBuffers, UNIT_WORDS};
use super::stage::{Binding, Dispatch, Recorder, Stage};
use super::upload::Upload;
use crate::compute::{CoZeroCounter, ComputeError, NeuronGroup};

mod plan;

use plan::{Command, NARROW_TILE, Plan, Side, Sizes, TILE};

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
    wide: Arc<Stage>,
    narrow: Arc<Stage>,
    buffers: Buffers,
}

/// What a call needs beside the planes. It grows as needed and stays from one call to the next, so that most calls
/// allocate nothing.
#[derive(Debug, Default)]
struct Buffers {
    /// Rows of the left and of the right side, groups of both, parameters.
    upload: Upload<5>,
    /// AND planes of both sides.
    scratch: [Option<wgpu::Buffer>; 2],
    counts: Option<wgpu::Buffer>,
    readback: Option<wgpu::Buffer>,
    /// By the number of a chunk, and which sides are single neurons.
    bound: HashMap<(usize, [bool; 2]), Bindings>,
}

/// Places of [`Buffers::upload`].
const ROWS: [usize; 2] = [0, 1];
const GROUPS: [usize; 2] = [2, 3];
const PARAMS: usize = 4;

/// How many rows of counts a workgroup computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tile {
    Wide,
    Narrow,
}

impl Tile {
    fn rows(self) -> usize {
        match self {
            Tile::Wide => TILE,
            Tile::Narrow => NARROW_TILE,
        }
    }

    fn stage(self, context: &Context) -> Result<Arc<Stage>, ComputeError> {
        use Binding::{Read, ReadWrite};
        let carry_save = context.tally == Tally::CarrySave;
        Stage::get(
            context,
            "co_zero_counts",
            include_str!("../../../shaders/co_zero_counts.wgsl"),
            &[
                ("ROWS", self.rows() as f64),
                ("CARRY_SAVE", f64::from(u8::from(carry_save))),
            ],
            size_of::<plan::Params>(),
            &[Read, Read, Read, Read, ReadWrite],
        )
    }
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
        Ok(AdapterCounter {
            and_groups: and_groups::stage(&context)?,
            wide: Tile::Wide.stage(&context)?,
            narrow: Tile::Narrow.stage(&context)?,
            context,
            planes: planes.buffers.clone(),
            buffers: Buffers::default(),
        })
    }

    fn units(&self) -> usize {
        self.planes.chunks.iter().map(|chunk| chunk.units).sum()
    }

    /// As [`CoZeroCounter::rows_at_once`]: as many rows as two full dispatches count.
    fn rows_at_once(&self, columns: usize) -> usize {
        let columns = columns.next_multiple_of(TILE);
        let words_per_row = (self.units() * UNIT_WORDS) as u64 * columns as u64;
        let rows = 2 * self.context.co_zero_pace.budget() / words_per_row.max(1);
        // Hardware that counts few rows is not busy; software is, and may take long for a whole tile.
        let least = if self.context.is_hardware {
            TILE
        } else {
            NARROW_TILE
        };
        let tile = if rows < TILE as u64 { least } else { TILE };
        ((rows / tile as u64) as usize).max(1).saturating_mul(tile)
    }

    /// Counts of a block that fits in a buffer, handed over row by row.
    fn block(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        mut use_row: impl FnMut(usize, &[u8]),
    ) -> Result<(), ComputeError> {
        let context = Arc::clone(&self.context);
        let mut sides = [Side::new(left, right.len()), Side::new(right, 1)];
        // Tiles may be narrow on the left side only.
        if right.len() < left.len() && right.len() <= TILE - NARROW_TILE {
            sides.swap(0, 1);
        }
        let limits = &context.limits;
        let scratch_bytes = limits.scratch_bytes.min(limits.buffer_bytes);
        let fitting = sides.map(|side| side.most_units(scratch_bytes));
        let window = fitting[0].min(fitting[1]).min(and_groups::MOST_UNITS);
        let longest = self.planes.chunks.iter().map(|chunk| chunk.units).max();
        let sizes = Sizes {
            window,
            stride_units: window.min(longest.unwrap_or(0)) | 1,
            budget: context.co_zero_pace.budget(),
        };
        let plan = Plan::new(sides, &self.planes.chunks, sizes);

        let rows = sides.map(|side| side.rows());
        let groups = sides.map(|side| side.padded());
        let lists = [
            bytemuck::cast_slice(&rows[0]),
            bytemuck::cast_slice(&rows[1]),
            groups[0].as_flattened(),
            groups[1].as_flattened(),
        ]
        .map(bytemuck::cast_slice::<u32, u8>);
        let parts = [lists[0], lists[1], lists[2], lists[3], plan.params.bytes()];
        let bytes = (left.len() * right.len()) as u64 * 4;
        let scratch = sides.map(|side| {
            let units = side.groups.len() * sizes.stride_units * usize::from(!side.single);
            (units * UNIT_WORDS * 4) as u64
        });
        let (counts, readback) = self.buffers.grow(
            &context,
            bytes,
            scratch,
            parts.map(|part| part.len() as u64),
        )?;
        let single = sides.map(|side| side.single);
        for dispatch in &plan.dispatches {
            self.bind(dispatch.chunk, single)?;
        }

        let started = Instant::now();
        let mut recorder = Recorder::new(&context)?;
        self.buffers.upload.write(&context, &mut recorder, parts)?;
        recorder.clear(&counts, bytes)?;
        recorder.dispatch_all(&self.dispatches(&plan, single)?)?;
        recorder.copy(&counts, &readback, bytes)?;
        let submission = recorder.submit()?;
        self.buffers.upload.map_again(&context)?;
        let mapping = context.map(&readback, bytes)?;
        context.wait(&submission)?;
        let work = plan.work(self.units());
        context.co_zero_pace.measured(work, started.elapsed());
        context.read(&readback, bytes, &mapping, &submission, |bytes| {
            let rows = bytes.chunks_exact(right.len() * 4);
            rows.enumerate().for_each(|(i, row)| use_row(i, row));
        })
    }

    /// Binds one chunk's planes, or the AND planes in their place, unless that was done before.
    fn bind(&mut self, chunk: usize, single: [bool; 2]) -> Result<(), ComputeError> {
        if self.buffers.bound.contains_key(&(chunk, single)) {
            return Ok(());
        }
        let context = &self.context;
        let planes = &self.planes.chunks[chunk].buffer;
        let absent = || context.error("a buffer of a call is not there");
        let buffers = &self.buffers;
        let part = |part: usize| buffers.upload.part(part).ok_or_else(absent);
        let mut and = [None, None];
        let mut counted = [planes; 2];
        for side in [0, 1] {
            if single[side] {
                continue;
            }
            let scratch = buffers.scratch[side].as_ref().ok_or_else(absent)?;
            let bound = [
                planes.as_entire_buffer_binding(),
                part(GROUPS[side])?,
                scratch.as_entire_buffer_binding(),
            ];
            let bound = self.and_groups.bind_parts(context, part(PARAMS)?, &bound)?;
            and[side] = Some(bound);
            counted[side] = scratch;
        }
        let counts = buffers.counts.as_ref().ok_or_else(absent)?;
        let bound = [
            counted[0].as_entire_buffer_binding(),
            counted[1].as_entire_buffer_binding(),
            part(ROWS[0])?,
            part(ROWS[1])?,
            counts.as_entire_buffer_binding(),
        ];
        let bindings = Bindings {
            and,
            wide: self.wide.bind_parts(context, part(PARAMS)?, &bound)?,
            narrow: self.narrow.bind_parts(context, part(PARAMS)?, &bound)?,
        };
        self.buffers.bound.insert((chunk, single), bindings);
        Ok(())
    }

    /// A plan's dispatches, whose chunks are bound.
    fn dispatches(
        &self,
        plan: &Plan,
        single: [bool; 2],
    ) -> Result<Vec<Dispatch<'_>>, ComputeError> {
        let dispatches = plan.dispatches.iter().map(|planned| {
            let bindings = self.buffers.bound.get(&(planned.chunk, single))?;
            let (stage, bound) = match planned.command {
                Command::And(side) => (&self.and_groups, bindings.and[side].as_ref()?),
                Command::Count(Tile::Wide) => (&self.wide, &bindings.wide),
                Command::Count(Tile::Narrow) => (&self.narrow, &bindings.narrow),
            };
            Some(Dispatch {
                stage,
                bound,
                params: planned.params,
                workgroups: planned.workgroups,
                is_heavy: matches!(planned.command, Command::Count(_)),
            })
        });
        let dispatches: Option<Vec<_>> = dispatches.collect();
        dispatches.ok_or_else(|| self.context.error("a chunk was not bound"))
    }
}

/// Bind groups of a chunk: AND planes of the left and the right side, and counting.
#[derive(Debug)]
struct Bindings {
    and: [Option<wgpu::BindGroup>; 2],
    wide: wgpu::BindGroup,
    narrow: wgpu::BindGroup,
}

impl Buffers {
    /// Makes everything at least as large as it is needed. Returns where the counts are, and where the host reads them.
    fn grow(
        &mut self,
        context: &Context,
        counts: u64,
        scratch: [u64; 2],
        parts: [u64; 5],
    ) -> Result<(wgpu::Buffer, wgpu::Buffer), ComputeError> {
        use wgpu::BufferUsages as Usage;
        let mut is_new = self.upload.reserve(context, parts)?;
        for (buffer, bytes) in self.scratch.iter_mut().zip(scratch) {
            if bytes > 0 {
                let before = buffer.clone();
                context.grow(buffer, "AND planes", bytes, Usage::STORAGE)?;
                is_new |= before != *buffer;
            }
        }
        let before = self.counts.clone();
        let usage = Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC;
        let buffer = context.grow(&mut self.counts, "counts", counts, usage)?;
        is_new |= before.as_ref() != Some(&buffer);
        let usage = Usage::MAP_READ | Usage::COPY_DST;
        let readback = context.grow(&mut self.readback, "readback", counts, usage)?;
        if is_new {
            self.bound.clear();
        }
        Ok((buffer, readback))
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
                let use_row = |row: usize, bytes: &[u8]| {
                    let first = (i * edge + row) * right.len() + j * edge;
                    let cells = &mut counts[first..first + right_groups.len()];
                    bytemuck::cast_slice_mut(cells).copy_from_slice(bytes);
                };
                if let Err(error) = self.block(left_groups, right_groups, use_row) {
                    // Buffers may be left mapped, or wait to be.
                    self.buffers = Buffers::default();
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

    fn rows_at_once(&self, columns: usize, most: usize) -> usize {
        // All adapters count the same rows.
        let counters = self.counters.iter();
        let wanted = counters.map(|counter| counter.rows_at_once(columns)).min();
        let rows = wanted.unwrap_or(most).min(most).max(1);
        if rows < TILE {
            rows
        } else {
            rows / TILE * TILE
        }
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
