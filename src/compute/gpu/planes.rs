//! Zero planes in the memory of one adapter.

use std::sync::Arc;

use rayon::prelude::*;

use super::device::Context;
use super::stage::Recorder;
use crate::compute::ComputeError;
use crate::planes::ZeroPlanes;

/// 32-bit words that a step of counting takes, and in whose multiples planes are cut and stored: 512 samples.
pub(super) const UNIT_WORDS: usize = 16;
pub(super) const UNIT_SAMPLES: usize = UNIT_WORDS * 32;
const UNIT_BYTES: u64 = UNIT_WORDS as u64 * 4;

/// Most units of a chunk, an odd number: 64 of its words a workgroup, and 65535 workgroups in a row.
const MOST_UNITS: usize = 65_535 * 64 / UNIT_WORDS - 1;

/// A run of samples of all neurons in one buffer, neuron-major, 32 samples a word.
#[derive(Clone, Debug)]
pub(super) struct PlaneChunk {
    pub buffer: wgpu::Buffer,
    /// The chunk's place among all, in units.
    pub first_unit: usize,
    pub units: usize,
    /// Units from one plane to the next: odd, because strides of a power of two alias in caches.
    pub stride_units: usize,
}

impl PlaneChunk {
    pub fn words(&self) -> usize {
        self.units * UNIT_WORDS
    }

    pub fn stride_words(&self) -> usize {
        self.stride_units * UNIT_WORDS
    }

    pub fn bytes(&self, neurons: usize) -> u64 {
        (neurons * self.stride_units) as u64 * UNIT_BYTES
    }
}

/// Consecutive samples. What follows them up to the next whole unit are no samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub first_unit: usize,
    pub samples: usize,
}

impl Run {
    fn units(&self) -> usize {
        self.samples.div_ceil(UNIT_SAMPLES)
    }
}

/// Samples of host planes, from a unit of them on.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostRun<'a> {
    pub planes: &'a ZeroPlanes,
    pub run: Run,
}

/// Planes of some units, cut into buffers that the adapter can bind. A copy is another handle on the same buffers.
#[derive(Clone, Debug)]
pub(super) struct PlaneBuffers {
    pub neurons: usize,
    pub chunks: Vec<PlaneChunk>,
}

impl PlaneBuffers {
    fn new(context: &Context, neurons: usize, units: usize) -> Result<PlaneBuffers, ComputeError> {
        if neurons == 0 || units == 0 {
            return Ok(PlaneBuffers {
                neurons,
                chunks: Vec::new(),
            });
        }
        let fitting = (context.limits.buffer_bytes / UNIT_BYTES / neurons as u64) as usize;
        // The largest odd number of units that fits.
        let Some(most) = fitting.checked_sub(1).map(|it| it | 1) else {
            return Err(ComputeError::Unsupported(format!(
                "{}: planes of {neurons} neurons do not fit in buffers of {} bytes",
                context.adapter(),
                context.limits.buffer_bytes
            )));
        };
        let most = most.min(MOST_UNITS);
        // Chunks of one size, rather than a last one that is too small to keep the adapter busy.
        let count = units.div_ceil(most);
        let each = units.div_ceil(count);
        let sizes = (0..units)
            .step_by(each)
            .map(|first| each.min(units - first));
        PlaneBuffers::of_sizes(context, neurons, sizes)
    }

    /// A chunk for each number of units, which fit.
    fn of_sizes(
        context: &Context,
        neurons: usize,
        sizes: impl IntoIterator<Item = usize>,
    ) -> Result<PlaneBuffers, ComputeError> {
        let mut chunks = Vec::new();
        let mut first_unit = 0;
        for units in sizes {
            let stride_units = units | 1;
            let bytes = (neurons * stride_units) as u64 * UNIT_BYTES;
            chunks.push(PlaneChunk {
                buffer: context.storage("planes", bytes)?,
                first_unit,
                units,
                stride_units,
            });
            first_unit += units;
        }
        Ok(PlaneBuffers { neurons, chunks })
    }

    /// Copies runs of host planes to the device, one after the other, each in whole units.
    fn upload(
        context: &Context,
        neurons: usize,
        runs: &[HostRun],
    ) -> Result<PlaneBuffers, ComputeError> {
        // Where each of them begins, and where the last one ends.
        let mut starts = vec![0];
        for placed in runs {
            starts.push(starts[starts.len() - 1] + placed.run.units());
        }
        let buffers = PlaneBuffers::new(context, neurons, starts[runs.len()])?;
        for chunk in &buffers.chunks {
            let row_bytes = chunk.stride_words() * 4;
            let end_unit = chunk.first_unit + chunk.units;
            let first_piece = starts.partition_point(|it| *it <= chunk.first_unit) - 1;
            let fill = |first_row: u64, rows: &mut [u8]| {
                rows.par_chunks_exact_mut(row_bytes)
                    .enumerate()
                    .for_each(|(i, row)| {
                        let neuron = first_row as usize + i;
                        let (row, padding) = row.split_at_mut(chunk.words() * 4);
                        padding.fill(0);
                        let mut unit = chunk.first_unit;
                        let mut rest = row;
                        for (piece, window) in runs.iter().zip(starts.windows(2)).skip(first_piece)
                        {
                            let last = window[1].min(end_unit);
                            if unit >= last {
                                // An empty piece, or the chunk's end.
                                continue;
                            }
                            let bytes: &[u8] = bytemuck::cast_slice(piece.planes.plane(neuron));
                            let from = piece.run.first_unit + unit - window[0];
                            let from = from * UNIT_BYTES as usize;
                            let count = (last - unit) * UNIT_BYTES as usize;
                            let (part, tail) = rest.split_at_mut(count);
                            part.copy_from_slice(&bytes[from..from + count]);
                            rest = tail;
                            unit = last;
                        }
                    });
            };
            context.upload(&chunk.buffer, row_bytes as u64, neurons as u64, fill)?;
        }
        Ok(buffers)
    }
}

/// Planes in the memory of one adapter.
#[derive(Debug)]
pub(super) struct AdapterPlanes {
    pub context: Arc<Context>,
    pub buffers: PlaneBuffers,
    /// In the order of their units.
    pub runs: Vec<Run>,
}

impl AdapterPlanes {
    /// One run of `samples` cleared samples.
    pub fn new(
        context: Arc<Context>,
        neurons: usize,
        samples: usize,
    ) -> Result<AdapterPlanes, ComputeError> {
        let run = Run {
            first_unit: 0,
            samples,
        };
        Ok(AdapterPlanes {
            buffers: PlaneBuffers::new(&context, neurons, run.units())?,
            context,
            runs: vec![run],
        })
    }

    /// Copies of runs of host planes.
    pub fn upload(
        context: Arc<Context>,
        neurons: usize,
        runs: &[HostRun],
    ) -> Result<AdapterPlanes, ComputeError> {
        let buffers = PlaneBuffers::upload(&context, neurons, runs)?;
        let mut first_unit = 0;
        let runs = runs.iter().map(|placed| {
            let run = Run {
                first_unit,
                samples: placed.run.samples,
            };
            first_unit += run.units();
            run
        });
        Ok(AdapterPlanes {
            runs: runs.collect(),
            buffers,
            context,
        })
    }

    /// Cleared planes with chunks of so many samples, each of them a run.
    pub fn with_chunks(
        context: Arc<Context>,
        neurons: usize,
        samples: &[usize],
    ) -> Result<AdapterPlanes, ComputeError> {
        let units = samples.iter().map(|it| it.div_ceil(UNIT_SAMPLES));
        let buffers = PlaneBuffers::of_sizes(&context, neurons, units)?;
        let runs = buffers
            .chunks
            .iter()
            .zip(samples)
            .map(|(chunk, samples)| Run {
                first_unit: chunk.first_unit,
                samples: *samples,
            });
        Ok(AdapterPlanes {
            runs: runs.collect(),
            buffers,
            context,
        })
    }

    pub fn samples(&self) -> usize {
        self.runs.iter().map(|it| it.samples).sum()
    }

    /// The chunk that holds a sample of the first run, the word in it where the sample's bit is, and the samples from
    /// there to the chunk's end.
    pub fn locate(&self, sample: usize) -> Option<(&PlaneChunk, usize, usize)> {
        let unit = sample / UNIT_SAMPLES;
        let chunks = &self.buffers.chunks;
        let chunk = &chunks[chunks
            .partition_point(|it| it.first_unit <= unit)
            .checked_sub(1)?];
        let offset = sample - chunk.first_unit * UNIT_SAMPLES;
        let rest = (chunk.units * UNIT_SAMPLES).checked_sub(offset)?;
        (rest > 0).then_some((chunk, offset / 32, rest))
    }

    /// Copies every run to the host.
    pub fn download(&self) -> Result<Vec<ZeroPlanes>, ComputeError> {
        let context = &self.context;
        let neurons = self.buffers.neurons;
        let empty = |run: &Run| ZeroPlanes::new(neurons, run.samples);
        let mut planes: Vec<ZeroPlanes> = self.runs.iter().map(empty).collect();
        for chunk in &self.buffers.chunks {
            let bytes = chunk.bytes(neurons);
            let end_unit = chunk.first_unit + chunk.units;
            let mut recorder = Recorder::new(context)?;
            let readback = recorder.read_back(&chunk.buffer, bytes)?;
            readback.finish(recorder, |bytes| {
                for (run, planes) in self.runs.iter().zip(&mut planes) {
                    let first = run.first_unit.max(chunk.first_unit);
                    let last = (run.first_unit + run.units()).min(end_unit);
                    if first < last {
                        let from = (first - chunk.first_unit) * UNIT_BYTES as usize;
                        scatter(
                            &bytes[from..],
                            chunk.stride_words(),
                            planes,
                            (first - run.first_unit) * UNIT_WORDS / 2,
                            (last - first) * UNIT_WORDS / 2,
                        );
                    }
                }
            })?;
        }
        Ok(planes)
    }
}

/// [`scatter`] or [`scatter_alone`].
pub(super) type Scatter = fn(&[u8], usize, &mut ZeroPlanes, usize, usize);

/// Copies `words` 64-bit words of every plane from rows of `stride_words` 32-bit words to `first_word` of the planes.
pub(super) fn scatter(
    rows: &[u8],
    stride_words: usize,
    planes: &mut ZeroPlanes,
    first_word: usize,
    words: usize,
) {
    let stride = planes.stride();
    let rows = rows.par_chunks(stride_words * 4);
    let planes = planes.words_mut().par_chunks_mut(stride);
    let copy = |(plane, row): (&mut [u64], &[u8])| copy_words(plane, row, first_word, words);
    planes.zip(rows).for_each(copy);
}

/// As [`scatter`], on this thread alone: one that is none of the pool's must not ask others for help.
pub(super) fn scatter_alone(
    rows: &[u8],
    stride_words: usize,
    planes: &mut ZeroPlanes,
    first_word: usize,
    words: usize,
) {
    let stride = planes.stride();
    let rows = rows.chunks(stride_words * 4);
    let planes = planes.words_mut().chunks_mut(stride);
    planes
        .zip(rows)
        .for_each(|(plane, row)| copy_words(plane, row, first_word, words));
}

fn copy_words(plane: &mut [u64], row: &[u8], first_word: usize, words: usize) {
    let part = bytemuck::cast_slice_mut(&mut plane[first_word..first_word + words]);
    part.copy_from_slice(&row[..words * 8]);
}
