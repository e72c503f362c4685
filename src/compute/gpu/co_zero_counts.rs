//! Stage `co_zero_counts`: in how many samples are two groups of neurons zero together?

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;

use super::and_groups;
use super::device::{Context, Tally};
use super::group_counts::group_counts;
use super::planes::{AdapterPlanes, PlaneBuffers, UNIT_WORDS};
use super::stage::{Binding, Dispatch, Recorder, Stage};
use super::upload::Upload;
use crate::compute::{CoZeroCounter, ComputeError, NeuronGroup, Wanted};

mod plan;
pub(super) mod trial;

use plan::{Command, NARROW_TILE, Plan, Side, Sizes, TILE};

/// Counts on planes that are spread over adapters.
#[derive(Debug)]
pub struct GpuCoZeroCounter {
    neurons: usize,
    samples: u64,
    counters: Vec<AdapterCounter>,
    /// Counts of all adapters but the first, of each that is asked for at once.
    others: Vec<Vec<Vec<u32>>>,
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

/// What calls need beside the planes. It grows as needed and stays from one call to the next, so that most calls
/// allocate nothing.
#[derive(Debug, Default)]
struct Buffers {
    /// AND planes of both sides, of one block after the other.
    scratch: [Option<wgpu::Buffer>; 2],
    /// One for each block of a call.
    slots: Vec<Slot>,
}

/// What a block of counts needs that those of the same call must not touch.
#[derive(Debug, Default)]
struct Slot {
    /// Rows of the left and of the right side, groups of both, parameters.
    upload: Upload<5>,
    counts: Option<wgpu::Buffer>,
    readback: Option<wgpu::Buffer>,
    /// By the number of a chunk, and which sides are single neurons.
    bound: HashMap<(usize, [bool; 2]), Bindings>,
}

/// Counts that are asked for.
struct Asked<'a> {
    left: &'a [NeuronGroup],
    right: &'a [NeuronGroup],
    counts: &'a mut Vec<u32>,
}

/// Counts that fit in a buffer: a part of those that are asked for together.
#[derive(Clone, Copy)]
struct Block<'a> {
    /// Which of them, and its first row and column there.
    asked: usize,
    first: [usize; 2],
    left: &'a [NeuronGroup],
    right: &'a [NeuronGroup],
}

impl Block<'_> {
    /// Of the counts.
    fn bytes(&self) -> u64 {
        (self.left.len() * self.right.len()) as u64 * 4
    }
}

/// Most blocks of a call: the tries of a search.
const MOST_BLOCKS: usize = 64;

/// A block, and what the adapter is to do for it.
struct Prepared {
    plan: Plan,
    single: [bool; 2],
    counts: wgpu::Buffer,
    readback: wgpu::Buffer,
    bytes: u64,
}

/// Places of [`Slot::upload`].
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

    /// Counts of blocks in one go, handed over row by row with the number of their block.
    fn blocks(
        &mut self,
        blocks: &[Block],
        mut use_row: impl FnMut(usize, usize, &[u8]),
    ) -> Result<(), ComputeError> {
        let context = Arc::clone(&self.context);
        let mut recorder = Recorder::new(&context)?;
        let slots = self.buffers.slots.len().max(blocks.len());
        self.buffers.slots.resize_with(slots, Slot::default);
        // Whatever grows makes what was bound invalid.
        let planned: Vec<Planning> = blocks.iter().map(|block| self.planned(block)).collect();
        for planning in &planned {
            self.buffers.grow_scratch(&context, planning.scratch)?;
        }
        let mut prepared = Vec::with_capacity(blocks.len());
        for (slot, (planning, block)) in planned.into_iter().zip(blocks).enumerate() {
            prepared.push(self.prepare(slot, planning, block.bytes(), &mut recorder)?);
        }
        let mut dispatches = Vec::new();
        for (slot, prepared) in prepared.iter().enumerate() {
            dispatches.extend(self.dispatches(slot, &prepared.plan, prepared.single)?);
        }
        let started = Instant::now();
        recorder.dispatch_all(&dispatches)?;
        drop(dispatches);
        for block in &prepared {
            recorder.copy(&block.counts, &block.readback, block.bytes)?;
        }
        let submission = recorder.submit()?;
        let mut mappings = Vec::with_capacity(prepared.len());
        for (slot, block) in self.buffers.slots.iter_mut().zip(&prepared) {
            slot.upload.map_again(&context)?;
            mappings.push(context.map(&block.readback, block.bytes)?);
        }
        context.wait(&submission)?;
        let units = self.units();
        let work = prepared.iter().map(|block| block.plan.work(units)).sum();
        context.co_zero_pace.measured(work, started.elapsed());
        for (number, (prepared, mapping)) in prepared.iter().zip(&mappings).enumerate() {
            let Prepared {
                readback, bytes, ..
            } = prepared;
            let row_bytes = blocks[number].right.len() * 4;
            context.read(readback, *bytes, mapping, &submission, |bytes| {
                let rows = bytes.chunks_exact(row_bytes);
                rows.enumerate()
                    .for_each(|(row, bytes)| use_row(number, row, bytes));
            })?;
        }
        Ok(())
    }

    /// What is to be done for a block.
    fn planned(&self, block: &Block) -> Planning {
        let context = &self.context;
        let (left, right) = (block.left, block.right);
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
        let scratch = sides.map(|side| {
            let units = side.groups.len() * sizes.stride_units * usize::from(!side.single);
            (units * UNIT_WORDS * 4) as u64
        });
        Planning {
            plan: Plan::new(sides, &self.planes.chunks, sizes),
            rows: sides.map(|side| side.rows()),
            groups: sides.map(|side| side.padded()),
            single: sides.map(|side| side.single),
            scratch,
        }
    }

    /// Records what goes to the adapter for a block, and binds it.
    fn prepare(
        &mut self,
        slot: usize,
        planning: Planning,
        bytes: u64,
        recorder: &mut Recorder,
    ) -> Result<Prepared, ComputeError> {
        let context = Arc::clone(&self.context);
        let lists = [
            bytemuck::cast_slice(&planning.rows[0]),
            bytemuck::cast_slice(&planning.rows[1]),
            planning.groups[0].as_flattened(),
            planning.groups[1].as_flattened(),
        ]
        .map(bytemuck::cast_slice::<u32, u8>);
        let plan = planning.plan;
        let parts = [lists[0], lists[1], lists[2], lists[3], plan.params.bytes()];
        let sizes = parts.map(|part| part.len() as u64);
        let (counts, readback) = self.buffers.slots[slot].grow(&context, bytes, sizes)?;
        for dispatch in &plan.dispatches {
            self.bind(slot, dispatch.chunk, planning.single)?;
        }
        let upload = &mut self.buffers.slots[slot].upload;
        upload.write(&context, recorder, parts)?;
        recorder.clear(&counts, bytes)?;
        Ok(Prepared {
            plan,
            single: planning.single,
            counts,
            readback,
            bytes,
        })
    }

    /// Binds one chunk's planes, or the AND planes in their place, unless that was done before.
    fn bind(&mut self, slot: usize, chunk: usize, single: [bool; 2]) -> Result<(), ComputeError> {
        let of = &self.buffers.slots[slot];
        if of.bound.contains_key(&(chunk, single)) {
            return Ok(());
        }
        let context = &self.context;
        let planes = &self.planes.chunks[chunk].buffer;
        let absent = || context.error("a buffer of a call is not there");
        let part = |part: usize| of.upload.part(part).ok_or_else(absent);
        let mut and = [None, None];
        let mut counted = [planes; 2];
        for side in [0, 1] {
            if single[side] {
                continue;
            }
            let scratch = self.buffers.scratch[side].as_ref().ok_or_else(absent)?;
            let bound = [
                planes.as_entire_buffer_binding(),
                part(GROUPS[side])?,
                scratch.as_entire_buffer_binding(),
            ];
            let bound = self.and_groups.bind_parts(context, part(PARAMS)?, &bound)?;
            and[side] = Some(bound);
            counted[side] = scratch;
        }
        let counts = of.counts.as_ref().ok_or_else(absent)?;
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
        let bound = &mut self.buffers.slots[slot].bound;
        bound.insert((chunk, single), bindings);
        Ok(())
    }

    /// A plan's dispatches, whose chunks are bound.
    fn dispatches(
        &self,
        slot: usize,
        plan: &Plan,
        single: [bool; 2],
    ) -> Result<Vec<Dispatch<'_>>, ComputeError> {
        let bound = &self.buffers.slots[slot].bound;
        // Not many of those that are far below what a dispatch may hold go to a submission.
        let is_heavy = 16 * plan.work(self.units()) >= self.context.co_zero_pace.budget();
        let dispatches = plan.dispatches.iter().map(|planned| {
            let bindings = bound.get(&(planned.chunk, single))?;
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
                is_heavy: is_heavy && matches!(planned.command, Command::Count(_)),
            })
        });
        let dispatches: Option<Vec<_>> = dispatches.collect();
        dispatches.ok_or_else(|| self.context.error("a chunk was not bound"))
    }
}

/// What is to be done for a block, and what goes to the adapter for it.
struct Planning {
    plan: Plan,
    rows: [Vec<u32>; 2],
    groups: [Vec<[u32; 4]>; 2],
    single: [bool; 2],
    /// Bytes of AND planes.
    scratch: [u64; 2],
}

/// Bind groups of a chunk: AND planes of the left and the right side, and counting.
#[derive(Debug)]
struct Bindings {
    and: [Option<wgpu::BindGroup>; 2],
    wide: wgpu::BindGroup,
    narrow: wgpu::BindGroup,
}

impl Buffers {
    /// Makes the AND planes' buffers at least as large as they are needed.
    fn grow_scratch(&mut self, context: &Context, bytes: [u64; 2]) -> Result<(), ComputeError> {
        for (buffer, bytes) in self.scratch.iter_mut().zip(bytes) {
            if bytes > 0 {
                let before = buffer.clone();
                context.grow(buffer, "AND planes", bytes, wgpu::BufferUsages::STORAGE)?;
                if before != *buffer {
                    self.slots.iter_mut().for_each(|slot| slot.bound.clear());
                }
            }
        }
        Ok(())
    }
}

impl Slot {
    /// Makes everything at least as large as it is needed. Returns where the counts are, and where the host reads them.
    fn grow(
        &mut self,
        context: &Context,
        counts: u64,
        parts: [u64; 5],
    ) -> Result<(wgpu::Buffer, wgpu::Buffer), ComputeError> {
        use wgpu::BufferUsages as Usage;
        let mut is_new = self.upload.reserve(context, parts)?;
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
    /// As [`count`](Self::count), and takes note of how long it took, for shares of several adapters.
    fn count_in_time(&mut self, asked: &mut [Asked]) -> Result<(), ComputeError> {
        let started = Instant::now();
        self.count(asked)?;
        let pairs = asked.iter().map(|one| one.left.len() * one.right.len());
        let work = pairs.sum::<usize>() as f64 * self.units() as f64;
        self.context.counting.measured(work, started.elapsed());
        Ok(())
    }

    /// As [`CoZeroCounter::co_zero_counts`] for each of them, for neurons that exist.
    fn count(&mut self, asked: &mut [Asked]) -> Result<(), ComputeError> {
        // Squares of counts that fit in a buffer: one, but for very many groups.
        let limits = &self.context.limits;
        let most_bytes = limits.scratch_bytes.min(limits.buffer_bytes);
        let edge = (most_bytes / 4).isqrt() as usize / TILE * TILE;
        let mut blocks = Vec::new();
        for (number, one) in asked.iter_mut().enumerate() {
            one.counts.clear();
            one.counts.resize(one.left.len() * one.right.len(), 0);
            for (i, left) in one.left.chunks(edge).enumerate() {
                for (j, right) in one.right.chunks(edge).enumerate() {
                    blocks.push(Block {
                        asked: number,
                        first: [i * edge, j * edge],
                        left,
                        right,
                    });
                }
            }
        }
        if self.planes.chunks.is_empty() {
            return Ok(());
        }
        let mut rest = blocks.as_slice();
        while !rest.is_empty() {
            // As many as a buffer would hold together.
            let mut bytes = 0;
            let fitting = rest.iter().take(MOST_BLOCKS).take_while(|block| {
                bytes += block.bytes();
                bytes <= most_bytes
            });
            let (now, later) = rest.split_at(fitting.count().max(1));
            rest = later;
            let use_row = |number: usize, row: usize, bytes: &[u8]| {
                let Block {
                    asked: of,
                    first: [first_row, first_column],
                    right,
                    ..
                } = now[number];
                let of = &mut asked[of];
                let first = (first_row + row) * of.right.len() + first_column;
                let cells = &mut of.counts[first..first + right.len()];
                bytemuck::cast_slice_mut(cells).copy_from_slice(bytes);
            };
            if let Err(error) = self.blocks(now, use_row) {
                // Buffers may be left mapped, or wait to be.
                self.buffers = Buffers::default();
                return Err(error);
            }
        }
        Ok(())
    }
}

impl GpuCoZeroCounter {
    /// Counts on all adapters at the same time.
    fn count(&mut self, asked: &mut [Asked]) -> Result<(), ComputeError> {
        let groups = asked
            .iter()
            .flat_map(|one| one.left.iter().chain(one.right));
        check_groups(groups, self.neurons)?;
        let Some((first, rest)) = self.counters.split_first_mut() else {
            for one in asked {
                one.counts.clear();
                one.counts.resize(one.left.len() * one.right.len(), 0);
            }
            return Ok(());
        };
        let others = &mut self.others;
        others
            .iter_mut()
            .for_each(|counts| counts.resize(asked.len(), Vec::new()));
        std::thread::scope(|scope| {
            let running: Vec<_> = rest
                .iter_mut()
                .zip(others.iter_mut())
                .map(|(counter, counts)| {
                    let asked = asked.iter().zip(counts);
                    let mut asked: Vec<Asked> = asked
                        .map(|(one, counts)| Asked {
                            left: one.left,
                            right: one.right,
                            counts,
                        })
                        .collect();
                    scope.spawn(move || counter.count_in_time(&mut asked))
                })
                .collect();
            let mut result = first.count_in_time(asked);
            for thread in running {
                let ended = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                result = result.and(ended);
            }
            result
        })?;
        for other in others {
            for (one, counts) in asked.iter_mut().zip(other) {
                let pairs = one.counts.iter_mut().zip(&*counts);
                pairs.for_each(|(sum, count)| *sum += count);
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
        self.count(&mut [Asked {
            left,
            right,
            counts,
        }])
    }

    /// By stage `group_counts`: an adapter reads a group's planes again for every neuron of its list.
    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        let with_list = left.iter().zip(lists);
        let groups: Vec<NeuronGroup> = with_list
            .flat_map(|(group, list)| {
                let [a, b, c, _] = group.padded();
                list.iter().map(move |&n| NeuronGroup::new(&[a, b, c, n]))
            })
            .collect();
        check_groups(&groups, self.neurons)?;
        counts.clear();
        counts.resize(groups.len(), 0);
        for counter in &self.counters {
            let of_adapter = group_counts(&counter.context, &counter.planes, &groups)?;
            let pairs = counts.iter_mut().zip(of_adapter);
            pairs.for_each(|(sum, count)| *sum += count);
        }
        Ok(())
    }

    fn all_co_zero_counts(&mut self, wanted: &mut [Wanted]) -> Result<(), ComputeError> {
        let asked = wanted.iter_mut().map(|one| Asked {
            left: &one.left,
            right: &one.right,
            counts: &mut one.counts,
        });
        self.count(&mut asked.collect::<Vec<_>>())
    }
}
