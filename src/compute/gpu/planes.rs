//! Zero planes in the memory of an adapter.

use std::sync::Arc;

use rayon::prelude::*;

use super::device::Context;
use super::stage::Recorder;
use crate::compute::ComputeError;
use crate::zeros::ZeroPlanes;

/// 32-bit words that a step of counting takes, and in whose multiples planes are cut and stored: 512 samples.
pub(super) const UNIT_WORDS: usize = 16;
const UNIT_SAMPLES: usize = UNIT_WORDS * 32;
const UNIT_BYTES: u64 = UNIT_WORDS as u64 * 4;

/// A run of samples of all neurons in one buffer, neuron-major, 32 samples a word.
#[derive(Debug)]
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

/// Planes of `units` units, cut into buffers that the adapter can bind.
#[derive(Debug)]
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
        // Chunks of one size, rather than a last one that is too small to keep the adapter busy.
        let count = units.div_ceil(most);
        let each = units.div_ceil(count);
        let mut chunks = Vec::new();
        for first_unit in (0..units).step_by(each) {
            let units = each.min(units - first_unit);
            let stride_units = units | 1;
            let bytes = (neurons * stride_units) as u64 * UNIT_BYTES;
            chunks.push(PlaneChunk {
                buffer: context.storage("planes", bytes)?,
                first_unit,
                units,
                stride_units,
            });
        }
        Ok(PlaneBuffers { neurons, chunks })
    }

    /// Copies host planes of the same neurons to the device, one after the other, each in whole units.
    pub fn upload(context: &Context, planes: &[ZeroPlanes]) -> Result<PlaneBuffers, ComputeError> {
        let neurons = planes.first().map_or(0, ZeroPlanes::neurons);
        if let Some(other) = planes.iter().find(|it| it.neurons() != neurons) {
            return Err(ComputeError::Unsupported(format!(
                "planes of {neurons} and of {} neurons cannot be counted together",
                other.neurons()
            )));
        }
        // Where each of them begins, and where the last one ends.
        let mut starts = vec![0];
        for it in planes {
            starts.push(starts[starts.len() - 1] + it.samples().div_ceil(UNIT_SAMPLES));
        }
        let buffers = PlaneBuffers::new(context, neurons, starts[planes.len()])?;
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
                        for (piece, window) in
                            planes.iter().zip(starts.windows(2)).skip(first_piece)
                        {
                            let last = window[1].min(end_unit);
                            if unit >= last {
                                // An empty piece, or the chunk's end.
                                continue;
                            }
                            let bytes: &[u8] = bytemuck::cast_slice(piece.plane(neuron));
                            let from = (unit - window[0]) * UNIT_BYTES as usize;
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

/// Planes that were computed on an adapter and stay there, to be counted without a copy.
///
/// Made by [`GpuBackend::device_planes`](super::GpuBackend::device_planes), filled by
/// [`GpuFtEvaluator::ft_zeros_on_device`](super::GpuFtEvaluator::ft_zeros_on_device), counted by
/// [`GpuBackend::device_co_zero_counter`](super::GpuBackend::device_co_zero_counter).
#[derive(Debug)]
pub struct DevicePlanes {
    pub(super) context: Arc<Context>,
    pub(super) buffers: PlaneBuffers,
    samples: usize,
}

impl DevicePlanes {
    pub(super) fn new(
        context: Arc<Context>,
        neurons: usize,
        samples: usize,
    ) -> Result<DevicePlanes, ComputeError> {
        let buffers = PlaneBuffers::new(&context, neurons, samples.div_ceil(UNIT_SAMPLES))?;
        Ok(DevicePlanes {
            context,
            buffers,
            samples,
        })
    }

    pub fn neurons(&self) -> usize {
        self.buffers.neurons
    }

    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The chunk that holds a sample, the word in it where the sample's bit is, and the samples from there to the
    /// chunk's end.
    pub(super) fn locate(&self, sample: usize) -> Option<(&PlaneChunk, usize, usize)> {
        let unit = sample / UNIT_SAMPLES;
        let chunks = &self.buffers.chunks;
        let chunk = &chunks[chunks
            .partition_point(|it| it.first_unit <= unit)
            .checked_sub(1)?];
        let offset = sample - chunk.first_unit * UNIT_SAMPLES;
        let rest = (chunk.units * UNIT_SAMPLES).checked_sub(offset)?;
        (rest > 0).then_some((chunk, offset / 32, rest))
    }

    /// Copies the planes to the host.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    pub fn download(&self) -> Result<ZeroPlanes, ComputeError> {
        use wgpu::BufferUsages as Usage;
        let context = &self.context;
        let mut planes = ZeroPlanes::new(self.neurons(), self.samples);
        for chunk in &self.buffers.chunks {
            let bytes = chunk.bytes(self.neurons());
            let usage = Usage::MAP_READ | Usage::COPY_DST;
            let readback = context.buffer("planes", bytes, usage)?;
            let mut recorder = Recorder::new(context)?;
            recorder.copy(&chunk.buffer, &readback, bytes)?;
            let submission = recorder.submit()?;
            let mapping = context.map(&readback, bytes)?;
            let first_word = chunk.first_unit * UNIT_SAMPLES / 64;
            context.read(&readback, bytes, &mapping, &submission, |bytes| {
                scatter(
                    bytes,
                    chunk.stride_words(),
                    &mut planes,
                    first_word,
                    chunk.words() / 2,
                );
            })?;
        }
        Ok(planes)
    }
}

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
    planes.zip(rows).for_each(|(plane, row)| {
        let part = bytemuck::cast_slice_mut(&mut plane[first_word..first_word + words]);
        part.copy_from_slice(&row[..words * 8]);
    });
}
