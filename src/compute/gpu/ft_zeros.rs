//! Stage `ft_zeros`: feature transformer evaluation to zero planes.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytemuck::NoUninit;
use rayon::prelude::*;

use super::device::{Context, Mapping, Submission};
use super::device_planes::DevicePlanes;
use super::planes::{PlaneChunk, Scatter, UNIT_SAMPLES, scatter, scatter_alone};
use super::shares;
use super::stage::{Binding, Dispatch, ParamsTable, Recorder, Stage};
use super::upload::Upload;
use super::weights::{self, ColumnGroup, NARROW_ROW_BYTES, WIDE_ROW_BYTES};
use crate::compute::{ComputeError, FtEvaluator, PlaneSet, SampleSource};
use crate::nets::model::{Activation, FtWeights, RowLists, SampleBatch};
use crate::planes::ZeroPlanes;

/// 32-sample words that a workgroup evaluates.
const WORKGROUP_WORDS: usize = 16;
/// Most samples uploaded at once: keeps a dispatch within 65535 workgroups.
const MOST_SAMPLES: usize = 1 << 24;

/// Most entries of a list that are uploaded at once: each takes 32 MiB, and there are four.
const MOST_ENTRIES: usize = (32 << 20) / 4 - 1;

/// Planes read back at once, in bytes: small, so that the adapter computes one part while the host takes the last.
const READBACK_BYTES: u64 = 64 << 20;

/// As `Params` in `ft_zeros.wgsl`.
#[derive(Clone, Copy, Debug, NoUninit)]
#[repr(C)]
struct Params {
    samples: u32,
    first_word: u32,
    last_word: u32,
    out_first: u32,
    out_stride: u32,
    neurons: u32,
    first_slice: u32,
    first_bound_slice: u32,
    wide_features: u32,
    narrow_features: u32,
    wide_origin: u32,
    narrow_origin: u32,
    clamp: i32,
    threshold: i32,
}

/// A network's feature transformer on one or several adapters.
#[derive(Debug)]
pub struct GpuFtEvaluator {
    shape: Shape,
    adapters: Vec<AdapterEvaluator>,
}

/// What the kernel needs to know of a network.
#[derive(Clone, Copy, Debug)]
struct Shape {
    neurons: usize,
    wide_features: usize,
    narrow_features: usize,
    clamp: i32,
    threshold: i32,
}

/// A network's feature transformer on one adapter.
#[derive(Debug)]
struct AdapterEvaluator {
    context: Arc<Context>,
    stage: Arc<Stage>,
    groups: Vec<ColumnGroup>,
    shape: Shape,
    /// Two, so that the host can fill or read one while the adapter works on the other.
    slots: [Slot; 2],
    next_slot: usize,
    in_flight: [Option<Submitted>; 2],
}

/// A part whose planes stay on the adapter.
#[derive(Debug)]
struct Submitted {
    submission: Submission,
    started: Instant,
    /// Weight bytes.
    work: u64,
}

/// Buffers of one part of a batch; they grow as needed.
#[derive(Debug, Default)]
struct Slot {
    /// Offsets and rows of 16-bit lists, those of 8-bit lists, parameters.
    upload: Upload<5>,
    out: Option<wgpu::Buffer>,
    readback: Option<wgpu::Buffer>,
}

/// Place of the parameters in [`Slot::upload`], after the four lists.
const PARAMS: usize = 4;

/// Where the planes of a part go.
struct Target<'t> {
    buffer: &'t wgpu::Buffer,
    /// 32-sample words before the part's first one in a plane, and from one plane to the next.
    first_word: usize,
    stride: usize,
}

/// A part that was submitted and will be copied to the host's planes.
struct InFlight {
    submitted: Submitted,
    mapping: Mapping,
    readback: wgpu::Buffer,
    bytes: u64,
    /// 64-sample words: the first in the planes, and how many.
    first_word: usize,
    words: usize,
}

impl GpuFtEvaluator {
    pub(super) fn new(
        contexts: &[Arc<Context>],
        weights: &FtWeights,
    ) -> Result<GpuFtEvaluator, ComputeError> {
        weights::check(weights)?;
        let (clamp, shift) = match weights.activation {
            Activation::Clipped { clamp } => (clamp, 0),
            Activation::Pairwise { clamp, shift } => (clamp, shift),
        };
        let shape = Shape {
            neurons: weights.neurons(),
            wide_features: weights.wide.len() / weights.l1,
            narrow_features: weights.narrow.len() / weights.l1,
            clamp: clamp.into(),
            // Products stay below 32768 * 32768, so that any larger shift makes them zero, too.
            threshold: 1 << shift.min(30),
        };
        let adapters = contexts
            .iter()
            .map(|context| AdapterEvaluator::new(Arc::clone(context), weights, shape));
        Ok(GpuFtEvaluator {
            shape,
            adapters: adapters.collect::<Result<_, _>>()?,
        })
    }

    /// As [`FtEvaluator::ft_zeros`], but the planes stay on the adapters.
    ///
    /// `first_sample` is a multiple of 64; samples past the batch in its last word of 64 are cleared.
    ///
    /// # Errors
    /// The device failed or ran out of memory, the planes are another backend's or have another shape.
    pub fn ft_zeros_on_device(
        &mut self,
        batch: &SampleBatch,
        planes: &mut DevicePlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        self.begin(batch, planes, first_sample)?;
        self.finish()
    }

    /// Submits the evaluation of a batch. The last parts may still be computed when this returns.
    fn begin(
        &mut self,
        batch: &SampleBatch,
        planes: &mut DevicePlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        let pairs = planes.shares.iter().zip(&self.adapters);
        let mut same = pairs.map(|(planes, it)| Arc::ptr_eq(&planes.context, &it.context));
        if planes.shares.len() != self.adapters.len() || !same.all(|same| same) {
            return Err(ComputeError::Unsupported(
                "the planes belong to another adapter".to_owned(),
            ));
        }
        let (neurons, samples) = (planes.neurons(), planes.samples());
        self.shape.check(batch, neurons, samples, first_sample)?;
        let mut first = 0;
        while first < batch.samples {
            let Some(place) = planes.locate(first_sample + first) else {
                let message = "the planes end before the batch".to_owned();
                return Err(ComputeError::Unsupported(message));
            };
            let adapter = &mut self.adapters[place.share];
            first = adapter.begin(batch, first, place.chunk, place.word, place.rest)?;
        }
        Ok(())
    }

    /// Waits until everything submitted has been computed.
    fn finish(&mut self) -> Result<(), ComputeError> {
        self.adapters
            .iter_mut()
            .try_for_each(AdapterEvaluator::finish)
    }

    /// Evaluates a batch, of which each adapter takes what it does in the time of the others.
    fn run(
        &mut self,
        batch: &SampleBatch,
        planes: &mut ZeroPlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        if let [adapter] = self.adapters.as_mut_slice() {
            return adapter.run(batch, 0..batch.samples, first_sample, |part, context| {
                part.take(context, planes, scatter)
            });
        }
        let rates = self.adapters.iter().map(|it| it.context.evaluating.get());
        let rates: Vec<Option<f64>> = rates.collect();
        let bounds = shares::bounds(batch.samples.div_ceil(UNIT_SAMPLES), &rates);
        let planes = Mutex::new(planes);
        let run = |adapter: &mut AdapterEvaluator, ends: &[usize]| {
            let [first, last] =
                [ends[0], ends[1]].map(|units| (units * UNIT_SAMPLES).min(batch.samples));
            let started = Instant::now();
            let mut took = Duration::ZERO;
            adapter.run(batch, first..last, first_sample, |part, context| {
                // Without waiting for the others.
                took = started.elapsed();
                let mut planes = planes.lock().unwrap_or_else(PoisonError::into_inner);
                part.take(context, &mut planes, scatter_alone)
            })?;
            let evaluating = &adapter.context.evaluating;
            evaluating.measured((last - first) as f64, took);
            Ok(())
        };
        let run = &run;
        let pairs = self.adapters.iter_mut().zip(bounds.windows(2));
        shares::at_once(pairs.map(|(adapter, ends)| move || run(adapter, ends)))
    }
}

/// The batches of a source in an order that keeps all adapters busy: each share of the samples is half done when the
/// others are, however large it is.
fn in_turns(source: &dyn SampleSource, planes: &DevicePlanes) -> Vec<usize> {
    let mut of_share: Vec<Vec<usize>> = planes.shares.iter().map(|_| Vec::new()).collect();
    for number in 0..source.batches() {
        if let Some(place) = planes.locate(source.first_sample(number)) {
            of_share[place.share].push(number);
        }
    }
    in_proportion(&of_share)
}

/// All items of some lists, of which each is as far as the others at any place.
fn in_proportion(lists: &[Vec<usize>]) -> Vec<usize> {
    let mut turns: Vec<(f64, usize)> = Vec::new();
    for list in lists {
        let middle = |place: usize| (place as f64 + 0.5) / list.len() as f64;
        let places = list.iter().enumerate();
        turns.extend(places.map(|(place, &item)| (middle(place), item)));
    }
    turns.sort_by(|one, other| one.0.total_cmp(&other.0));
    turns.into_iter().map(|(_, item)| item).collect()
}

impl Shape {
    /// Refuses lists that would be read out of bounds.
    fn check(
        self,
        batch: &SampleBatch,
        neurons: usize,
        samples: usize,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        let room = samples.checked_sub(first_sample);
        let wrong = if neurons != self.neurons {
            Some(format!(
                "planes of {neurons} neurons for a network of {}",
                self.neurons
            ))
        } else if !first_sample.is_multiple_of(64) {
            Some(format!("sample {first_sample} does not begin a word"))
        } else if room.is_none_or(|it| it < batch.samples) {
            Some(format!(
                "{} samples from {first_sample} on do not fit in planes of {samples}",
                batch.samples
            ))
        } else {
            check_lists("16-bit", &batch.wide, batch.samples, self.wide_features).or_else(|| {
                if self.narrow_features == 0 && batch.narrow.rows.is_empty() {
                    return None;
                }
                check_lists("8-bit", &batch.narrow, batch.samples, self.narrow_features)
            })
        };
        wrong.map_or(Ok(()), |it| Err(ComputeError::Unsupported(it)))
    }
}

impl AdapterEvaluator {
    fn new(
        context: Arc<Context>,
        weights: &FtWeights,
        shape: Shape,
    ) -> Result<AdapterEvaluator, ComputeError> {
        let pairwise = matches!(weights.activation, Activation::Pairwise { .. });
        let constants = [
            ("PAIRWISE", f64::from(u8::from(pairwise))),
            ("NARROW", f64::from(u8::from(shape.narrow_features > 0))),
        ];
        use Binding::{Read, ReadWrite};
        let stage = Stage::get(
            &context,
            "ft_zeros",
            include_str!("../../../shaders/ft_zeros.wgsl"),
            &constants,
            size_of::<Params>(),
            &[Read, Read, Read, Read, Read, Read, Read, ReadWrite],
        )?;
        Ok(AdapterEvaluator {
            groups: weights::upload(&context, weights)?,
            stage,
            shape,
            slots: Default::default(),
            next_slot: 0,
            in_flight: [None, None],
            context,
        })
    }

    /// Submits a part of a batch whose planes begin at a word of a chunk, which has room for `rest` samples. Returns
    /// where the part ends.
    fn begin(
        &mut self,
        batch: &SampleBatch,
        first: usize,
        chunk: &PlaneChunk,
        first_word: usize,
        rest: usize,
    ) -> Result<usize, ComputeError> {
        let slot = self.next_slot;
        self.next_slot = 1 - slot;
        self.wait_for(slot)?;
        let last = self.part_end(batch, first, rest.min(MOST_SAMPLES))?;
        let target = Target {
            buffer: &chunk.buffer,
            first_word,
            stride: chunk.stride_words(),
        };
        let started = Instant::now();
        let submitted = self.submit(batch, first..last, slot, &target, |_| Ok(()));
        if submitted.is_err() {
            // Buffers may be left unmapped.
            self.slots[slot] = Slot::default();
        }
        let (submission, work) = submitted?;
        self.in_flight[slot] = Some(Submitted {
            submission,
            started,
            work,
        });
        Ok(last)
    }

    fn wait_for(&mut self, slot: usize) -> Result<(), ComputeError> {
        match self.in_flight[slot].take() {
            Some(submitted) => submitted.wait(&self.context),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), ComputeError> {
        self.wait_for(0)?;
        self.wait_for(1)
    }

    /// Evaluates samples of a batch part by part, one of which is handed over while the next is computed.
    fn run(
        &mut self,
        batch: &SampleBatch,
        samples: Range<usize>,
        first_sample: usize,
        mut take: impl FnMut(InFlight, &Context) -> Result<(), ComputeError>,
    ) -> Result<(), ComputeError> {
        let context = Arc::clone(&self.context);
        let mut in_flight: VecDeque<InFlight> = VecDeque::new();
        let mut first = samples.start;
        for slot in [0, 1].into_iter().cycle() {
            if first == samples.end || in_flight.len() == 2 {
                let Some(part) = in_flight.pop_front() else {
                    break;
                };
                part.submitted.wait(&context)?;
                take(part, &context)?;
            }
            if first < samples.end {
                let rest = first..samples.end;
                let (part, last) = self.begin_and_read(batch, rest, slot, first_sample)?;
                in_flight.push_back(part);
                first = last;
            }
        }
        Ok(())
    }

    /// Submits the first part of these samples of a batch and its way to the host. Returns it and where it ends.
    fn begin_and_read(
        &mut self,
        batch: &SampleBatch,
        Range { start: first, end }: Range<usize>,
        slot: usize,
        first_sample: usize,
    ) -> Result<(InFlight, usize), ComputeError> {
        use wgpu::BufferUsages as Usage;
        let context = Arc::clone(&self.context);
        let word_bytes = self.shape.neurons as u64 * 8;
        let limits = &context.limits;
        let bytes = limits.scratch_bytes.min(limits.buffer_bytes);
        let most_words = bytes.min(READBACK_BYTES) / word_bytes;
        let most = (most_words as usize).saturating_mul(64).min(MOST_SAMPLES);
        let most = most.min(end - first);
        let last = self.part_end(batch, first, most)?;
        let words = (last - first).div_ceil(64);
        let bytes = words as u64 * word_bytes;
        let usage = Usage::STORAGE | Usage::COPY_SRC;
        let out = context.grow(&mut self.slots[slot].out, "planes", bytes, usage)?;
        let usage = Usage::MAP_READ | Usage::COPY_DST;
        let readback = context.grow(&mut self.slots[slot].readback, "readback", bytes, usage)?;
        let target = Target {
            buffer: &out,
            first_word: 0,
            stride: 2 * words,
        };
        let started = Instant::now();
        let copy = |recorder: &mut Recorder| recorder.copy(&out, &readback, bytes);
        let (submission, work) = self.submit(batch, first..last, slot, &target, copy)?;
        let submitted = Submitted {
            submission,
            started,
            work,
        };
        let part = InFlight {
            submitted,
            mapping: context.map(&readback, bytes)?,
            readback,
            bytes,
            first_word: (first_sample + first) / 64,
            words,
        };
        Ok((part, last))
    }

    /// Where the part of a batch that begins at `first` ends: before `first + most`, and before its lists outgrow
    /// the buffers. Multiples of 64, except at the batch's end.
    fn part_end(
        &self,
        batch: &SampleBatch,
        first: usize,
        most: usize,
    ) -> Result<usize, ComputeError> {
        let fitting = self.context.limits.buffer_bytes as usize / 4 - 1;
        let most_entries = fitting.min(MOST_ENTRIES);
        let mut end = (first + most.min(most_entries)).min(batch.samples);
        for lists in self.lists(batch) {
            let offsets = &lists.offsets[first..=end];
            let fitting = offsets.partition_point(|it| (it - offsets[0]) as usize <= most_entries);
            end = first + (fitting - 1);
        }
        if end < batch.samples {
            end = first + (end - first) / 64 * 64;
        }
        if end == first {
            return Err(ComputeError::Unsupported(format!(
                "{}: the feature lists of samples {first}.. do not fit in buffers of {} bytes",
                self.context.adapter(),
                self.context.limits.buffer_bytes
            )));
        }
        Ok(end)
    }

    /// The lists that the network uses.
    fn lists<'b>(&self, batch: &'b SampleBatch) -> impl Iterator<Item = &'b RowLists> {
        let narrow = (self.shape.narrow_features > 0).then_some(&batch.narrow);
        std::iter::once(&batch.wide).chain(narrow)
    }

    /// Uploads a part's lists and submits its dispatches, and what `last` records after them. Returns the weight bytes
    /// that they read, too.
    fn submit(
        &mut self,
        batch: &SampleBatch,
        part: Range<usize>,
        slot: usize,
        target: &Target,
        last: impl FnOnce(&mut Recorder) -> Result<(), ComputeError>,
    ) -> Result<(Submission, u64), ComputeError> {
        let context = Arc::clone(&self.context);
        let lists = Lists::of(batch, &part, self.shape);
        let plan = self.plan(&lists, part.len(), target);
        let [a, b, c, d] = lists.parts.map(bytemuck::cast_slice::<u32, u8>);
        let parts = [a, b, c, d, plan.params.bytes()];
        let upload = &mut self.slots[slot].upload;
        upload.reserve(&context, parts.map(|part| part.len() as u64))?;
        let mut recorder = Recorder::new(&context)?;
        upload.write(&context, &mut recorder, parts)?;
        let bound = self.bind(slot, target)?;
        let dispatches: Vec<Dispatch> = plan
            .dispatches
            .iter()
            .map(|&(group, params, workgroups)| Dispatch {
                stage: &self.stage,
                bound: &bound[group],
                params,
                workgroups,
                is_heavy: true,
            })
            .collect();
        recorder.dispatch_all(&dispatches)?;
        last(&mut recorder)?;
        let submission = recorder.submit()?;
        self.slots[slot].upload.map_again(&context)?;
        Ok((submission, plan.work))
    }

    /// A bind group for each group of columns.
    fn bind(&self, slot: usize, target: &Target) -> Result<Vec<wgpu::BindGroup>, ComputeError> {
        let context = &self.context;
        let upload = &self.slots[slot].upload;
        let absent = || context.error("the lists were not written");
        let part = |part: usize| upload.part(part).ok_or_else(absent);
        let bind = |group: &ColumnGroup| {
            let bound = [
                group.bias.as_entire_buffer_binding(),
                group.wide.as_entire_buffer_binding(),
                group.narrow.as_entire_buffer_binding(),
                part(0)?,
                part(1)?,
                part(2)?,
                part(3)?,
                target.buffer.as_entire_buffer_binding(),
            ];
            self.stage.bind_parts(context, part(PARAMS)?, &bound)
        };
        self.groups.iter().map(bind).collect()
    }

    /// Cuts a part into dispatches.
    fn plan(&self, lists: &Lists, samples: usize, target: &Target) -> Plan {
        let shape = self.shape;
        // Both halves of the last 64-sample word are written.
        let words = samples.div_ceil(64) * 2;
        // Weights read for one slice. Slices are cut first: one after the other, they stay in the caches.
        let entries = [lists.parts[1].len(), lists.parts[3].len()].map(|count| count as u64);
        let slice_bytes = (entries[0] * WIDE_ROW_BYTES + entries[1] * NARROW_ROW_BYTES).max(1);
        let budget = self.context.ft_zeros_pace.budget();
        let slices_at_once = (budget / slice_bytes).max(1) as usize;
        let cuts = slice_bytes.div_ceil(budget.max(1)) as usize;
        let words_at_once = words.div_ceil(cuts).next_multiple_of(WORKGROUP_WORDS);

        let slices: usize = self.groups.iter().map(|group| group.slices).sum();
        let mut plan = Plan {
            params: ParamsTable::default(),
            dispatches: Vec::new(),
            work: slice_bytes * slices as u64,
        };
        for (number, group) in self.groups.iter().enumerate() {
            for slice in (0..group.slices).step_by(slices_at_once) {
                for first_word in (0..words).step_by(words_at_once) {
                    let last_word = words.min(first_word + words_at_once);
                    let offset = plan.params.push(&Params {
                        samples: samples as u32,
                        first_word: first_word as u32,
                        last_word: last_word as u32,
                        out_first: target.first_word as u32,
                        out_stride: target.stride as u32,
                        neurons: shape.neurons as u32,
                        first_slice: (group.first_slice + slice) as u32,
                        first_bound_slice: slice as u32,
                        wide_features: shape.wide_features as u32,
                        narrow_features: shape.narrow_features as u32,
                        wide_origin: lists.origins[0],
                        narrow_origin: lists.origins[1],
                        clamp: shape.clamp,
                        threshold: shape.threshold,
                    });
                    let rows = (last_word - first_word).div_ceil(WORKGROUP_WORDS);
                    let slices = slices_at_once.min(group.slices - slice);
                    plan.dispatches
                        .push((number, offset, [1, rows as u32, slices as u32]));
                }
            }
        }
        plan
    }
}

/// What a part's samples are made of: offsets and rows of 16-bit weights, then those of 8-bit weights.
struct Lists<'b> {
    parts: [&'b [u32]; 4],
    /// Added to offsets, wrapping, to get places in the rows.
    origins: [u32; 2],
}

impl<'b> Lists<'b> {
    fn of(batch: &'b SampleBatch, part: &Range<usize>, shape: Shape) -> Lists<'b> {
        let has_narrow = shape.narrow_features > 0;
        let of_kind = |lists: &'b RowLists, is_used: bool| -> (&'b [u32], &'b [u32]) {
            match lists.offsets.get(part.start..=part.end) {
                Some(offsets) if is_used => {
                    let (from, to) = (offsets[0], offsets[offsets.len() - 1]);
                    (offsets, &lists.rows[from as usize..to as usize])
                }
                _ => (&[0, 0], &[]),
            }
        };
        let (wide_offsets, wide) = of_kind(&batch.wide, true);
        let (narrow_offsets, narrow) = of_kind(&batch.narrow, has_narrow);
        Lists {
            parts: [wide_offsets, wide, narrow_offsets, narrow],
            origins: [wide_offsets, narrow_offsets].map(|offsets| offsets[0].wrapping_neg()),
        }
    }
}

/// The dispatches of a part.
struct Plan {
    params: ParamsTable,
    /// The group of columns, where the parameters are, workgroups.
    dispatches: Vec<(usize, u32, [u32; 3])>,
    /// Weight bytes that all of them read.
    work: u64,
}

impl Submitted {
    /// Waits until it has been computed.
    fn wait(&self, context: &Context) -> Result<(), ComputeError> {
        context.wait(&self.submission)?;
        let took = self.started.elapsed();
        context.ft_zeros_pace.measured(self.work, took);
        Ok(())
    }
}

impl InFlight {
    /// Copies it to the host's planes.
    fn take(
        self,
        context: &Context,
        planes: &mut ZeroPlanes,
        scatter: Scatter,
    ) -> Result<(), ComputeError> {
        context.read(
            &self.readback,
            self.bytes,
            &self.mapping,
            &self.submitted.submission,
            |bytes| {
                let stride = 2 * self.words;
                scatter(bytes, stride, planes, self.first_word, self.words);
            },
        )
    }
}

impl FtEvaluator for GpuFtEvaluator {
    fn ft_zeros(
        &mut self,
        batch: &SampleBatch,
        planes: &mut ZeroPlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        let (neurons, samples) = (planes.neurons(), planes.samples());
        self.shape.check(batch, neurons, samples, first_sample)?;
        let result = self.run(batch, planes, first_sample);
        if result.is_err() {
            // Buffers may be left mapped, or wait to be.
            self.adapters
                .iter_mut()
                .for_each(|it| it.slots = Default::default());
        }
        result
    }

    fn planes_that_stay<'p>(
        &mut self,
        source: &'p dyn SampleSource,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Option<Box<dyn PlaneSet + 'p>>, ComputeError>
    where
        Self: 'p,
    {
        let adapters = self.adapters.iter().map(|it| Arc::clone(&it.context));
        let contexts: Vec<Arc<Context>> = adapters.collect();
        let mut planes = DevicePlanes::new(&contexts, self.shape.neurons, source.samples())?;
        let numbers = in_turns(source, &planes);
        let mut next = numbers.first().map(|&number| source.batch(number));
        for (turn, &number) in numbers.iter().enumerate() {
            let Some(batch) = next.take() else {
                break;
            };
            // The next batch is made while this one is submitted.
            let (begun, following) = rayon::join(
                || self.begin(&batch, &mut planes, source.first_sample(number)),
                || numbers.get(turn + 1).map(|&number| source.batch(number)),
            );
            begun?;
            next = following;
            progress(batch.samples);
        }
        self.finish()?;
        Ok(Some(Box::new(planes)))
    }
}

fn check_lists(kind: &str, lists: &RowLists, samples: usize, features: usize) -> Option<String> {
    let offsets = &lists.offsets;
    if samples == 0 {
        return None;
    }
    if offsets.len() != samples + 1 {
        return Some(format!(
            "{} offsets of {kind} rows for {samples} samples",
            offsets.len()
        ));
    }
    if !offsets.is_sorted() || offsets[samples] as usize > lists.rows.len() {
        return Some(format!("offsets of {kind} rows that are out of order"));
    }
    let parts = lists.rows.par_chunks(1 << 16);
    let largest = parts.map(|it| it.iter().fold(0, |most, row| most.max(*row)));
    let largest = largest.max()?;
    (largest as usize >= features)
        .then(|| format!("{kind} row {largest} of a network that has {features}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_done_at_the_same_time() {
        let lists = [vec![0, 1, 2, 3, 4, 5], vec![6, 7], vec![8], Vec::new()];
        // By hand: the middles of sixths, of halves, and of one.
        assert_eq!(in_proportion(&lists), [0, 1, 6, 2, 8, 3, 4, 7, 5]);
        assert!(in_proportion(&[]).is_empty());
    }
}
