//! What a call sends to an adapter, in one copy and without allocating anything.

use super::device::{Context, Mapping};
use super::stage::Recorder;
use crate::compute::ComputeError;

/// Where parts begin: the largest alignment that WebGPU allows adapters to ask for.
const ALIGNMENT: u64 = 256;

/// Several lists that are sent together and bound apart.
///
/// The host writes them to a buffer that is mapped between two calls, and the adapter copies them to one that it binds.
/// Only one call may be under way. Where parts begin changes only when one of them outgrows its room.
#[derive(Debug)]
pub(super) struct Upload<const PARTS: usize> {
    /// Room of each part in bytes.
    room: [u64; PARTS],
    buffers: Option<Buffers>,
}

#[derive(Debug)]
struct Buffers {
    host: wgpu::Buffer,
    adapter: wgpu::Buffer,
    /// How `host` is mapped again; `None` where it is mapped from the start.
    mapping: Option<Mapping>,
}

impl<const PARTS: usize> Default for Upload<PARTS> {
    fn default() -> Self {
        Upload {
            room: [ALIGNMENT; PARTS],
            buffers: None,
        }
    }
}

impl<const PARTS: usize> Upload<PARTS> {
    fn first_byte(&self, part: usize) -> u64 {
        self.room[..part].iter().sum()
    }

    /// Makes room for parts of so many bytes. Returns whether what was bound before is no longer valid.
    pub fn reserve(
        &mut self,
        context: &Context,
        bytes: [u64; PARTS],
    ) -> Result<bool, ComputeError> {
        use wgpu::BufferUsages as Usage;
        let fits = self
            .room
            .iter()
            .zip(bytes)
            .all(|(room, part)| part <= *room);
        if fits && self.buffers.is_some() {
            return Ok(false);
        }
        for (room, part) in self.room.iter_mut().zip(bytes) {
            *room = part.next_power_of_two().max(*room);
        }
        self.buffers = None;
        let size = self.first_byte(PARTS);
        let usage = Usage::STORAGE | Usage::UNIFORM | Usage::COPY_DST;
        let adapter = context.buffer("a call", size, usage)?;
        let host = context.checked(|| {
            context.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("a call, on the host"),
                size,
                usage: Usage::MAP_WRITE | Usage::COPY_SRC,
                mapped_at_creation: true,
            })
        })?;
        self.buffers = Some(Buffers {
            host,
            adapter,
            mapping: None,
        });
        Ok(true)
    }

    /// Writes the parts, for which there is room, and records their copy. They may be shorter than before.
    pub fn write(
        &mut self,
        context: &Context,
        recorder: &mut Recorder,
        parts: [&[u8]; PARTS],
    ) -> Result<(), ComputeError> {
        let Some(buffers) = &self.buffers else {
            return Err(context.error("there is no room for what was to be sent"));
        };
        if let Some(mapping) = &buffers.mapping {
            context.mapped(mapping)?;
        }
        let last = parts.iter().rposition(|part| !part.is_empty());
        let Some(last) = last else {
            return Ok(());
        };
        let end = self.first_byte(last) + parts[last].len() as u64;
        let mut view = match buffers.host.get_mapped_range_mut(..end) {
            Ok(view) => view,
            Err(error) => return Err(context.error(error.to_string())),
        };
        for (number, part) in parts.iter().enumerate() {
            let first = self.first_byte(number) as usize;
            if !part.is_empty() {
                view.slice(first..first + part.len()).copy_from_slice(part);
            }
        }
        drop(view);
        buffers.host.unmap();
        recorder.copy(&buffers.host, &buffers.adapter, end)
    }

    /// Asks for the host's buffer to be mapped again. To be called when the recorder was submitted, and waited for
    /// before the next call.
    pub fn map_again(&mut self, context: &Context) -> Result<(), ComputeError> {
        if let Some(buffers) = &mut self.buffers {
            let size = buffers.host.size();
            let mapping = context.map_for(wgpu::MapMode::Write, &buffers.host, size)?;
            buffers.mapping = Some(mapping);
        }
        Ok(())
    }

    /// The whole room of a part on the adapter, to be bound.
    pub fn part(&self, part: usize) -> Option<wgpu::BufferBinding<'_>> {
        Some(wgpu::BufferBinding {
            buffer: &self.buffers.as_ref()?.adapter,
            offset: self.first_byte(part),
            size: std::num::NonZeroU64::new(self.room[part]),
        })
    }
}
