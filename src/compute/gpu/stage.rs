//! A compiled shader, and recording its dispatches.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::device::{Context, Submission};
use crate::compute::ComputeError;

/// What a binding of a stage is, in the order of their numbers. Binding 0 is always the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    Read,
    ReadWrite,
}

/// Bytes from one dispatch's parameters to the next: the largest alignment that WebGPU allows adapters to ask for.
pub(super) const PARAMS_STRIDE: usize = 256;

/// One shader of `shaders/`, compiled.
#[derive(Debug)]
pub(super) struct Stage {
    name: &'static str,
    constants: Vec<(&'static str, f64)>,
    params_bytes: u64,
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::ComputePipeline,
}

impl Stage {
    /// The shader `name` with these override constants; binding 0 is a uniform of `params_bytes`. A device compiles it
    /// once, because drivers take longer for that than for a short dispatch.
    pub fn get(
        context: &Context,
        name: &'static str,
        source: &str,
        constants: &[(&'static str, f64)],
        params_bytes: usize,
        bindings: &[Binding],
    ) -> Result<Arc<Stage>, ComputeError> {
        let mut stages = context
            .stages
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = stages
            .iter()
            .find(|it| it.name == name && it.constants == constants);
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let stage = Stage::compile(context, name, source, constants, params_bytes, bindings)?;
        stages.push(Arc::new(stage));
        Ok(stages[stages.len() - 1].clone())
    }

    fn compile(
        context: &Context,
        name: &'static str,
        source: &str,
        constants: &[(&'static str, f64)],
        params_bytes: usize,
        bindings: &[Binding],
    ) -> Result<Stage, ComputeError> {
        // Uniforms are bound in whole vectors.
        let params_bytes = params_bytes.next_multiple_of(16) as u64;
        let buffer = |binding: u32, ty, has_dynamic_offset, bytes| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset,
                min_binding_size: std::num::NonZeroU64::new(bytes),
            },
            count: None,
        };
        let mut entries = vec![buffer(
            0,
            wgpu::BufferBindingType::Uniform,
            true,
            params_bytes,
        )];
        for (number, binding) in (1..).zip(bindings) {
            let read_only = *binding == Binding::Read;
            let ty = wgpu::BufferBindingType::Storage { read_only };
            entries.push(buffer(number, ty, false, 0));
        }
        tracing::debug!(shader = name, ?constants, "compiling");
        context.checked(|| {
            let device = &context.device;
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(name),
                source: wgpu::ShaderSource::Wgsl(source.into()),
            });
            let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(name),
                entries: &entries,
            });
            let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(name),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(name),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants,
                    // Every cell of shared memory that is read was written by its workgroup.
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            });
            Stage {
                name,
                constants: constants.to_vec(),
                params_bytes,
                layout,
                pipeline,
            }
        })
    }

    /// Binds the parameters of all dispatches, and whole buffers.
    pub fn bind(
        &self,
        context: &Context,
        params: &wgpu::Buffer,
        buffers: &[&wgpu::Buffer],
    ) -> Result<wgpu::BindGroup, ComputeError> {
        let buffers: Vec<_> = buffers
            .iter()
            .map(|buffer| buffer.as_entire_buffer_binding())
            .collect();
        self.bind_parts(context, params.as_entire_buffer_binding(), &buffers)
    }

    /// As [`bind`](Self::bind), of parts of buffers. The parameters begin where theirs begins.
    pub fn bind_parts(
        &self,
        context: &Context,
        params: wgpu::BufferBinding,
        parts: &[wgpu::BufferBinding],
    ) -> Result<wgpu::BindGroup, ComputeError> {
        // The binding is as large as one dispatch's parameters, and moves by the dispatch's offset.
        let params = wgpu::BufferBinding {
            size: std::num::NonZeroU64::new(self.params_bytes),
            ..params
        };
        let bindings = std::iter::once(&params).chain(parts);
        let entries: Vec<_> = (0..)
            .zip(bindings)
            .map(|(binding, part)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(part.clone()),
            })
            .collect();
        context.checked(|| {
            context
                .device
                .create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(self.name),
                    layout: &self.layout,
                    entries: &entries,
                })
        })
    }
}

/// The parameters of several dispatches, laid out for binding 0.
#[derive(Debug, Default)]
pub(super) struct ParamsTable(Vec<u8>);

impl ParamsTable {
    /// The offset to dispatch with.
    pub fn push(&mut self, params: &impl bytemuck::NoUninit) -> u32 {
        let offset = self.0.len();
        self.0.extend_from_slice(bytemuck::bytes_of(params));
        self.0.resize(offset + PARAMS_STRIDE, 0);
        offset as u32
    }

    /// The table's bytes, a multiple of the alignment that adapters ask for.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Writes the table to a buffer that grows as needed.
    pub fn write(
        &self,
        context: &Context,
        buffer: &mut Option<wgpu::Buffer>,
    ) -> Result<wgpu::Buffer, ComputeError> {
        use wgpu::BufferUsages as Usage;
        let usage = Usage::UNIFORM | Usage::COPY_DST;
        let buffer = context.grow(buffer, "params", self.0.len() as u64, usage)?;
        context.checked(|| context.queue.write_buffer(&buffer, 0, &self.0))?;
        Ok(buffer)
    }
}

/// A dispatch that is to be recorded.
pub(super) struct Dispatch<'d> {
    pub stage: &'d Stage,
    pub bound: &'d wgpu::BindGroup,
    /// Where its parameters are, from [`ParamsTable::push`].
    pub params: u32,
    pub workgroups: [u32; 3],
    /// Is its work cut to the size that a dispatch may have?
    pub is_heavy: bool,
}

/// Records dispatches and submits them, a few heavy ones at a time.
pub(super) struct Recorder<'c> {
    context: &'c Context,
    encoder: wgpu::CommandEncoder,
    heavy: u32,
}

impl<'c> Recorder<'c> {
    /// Dispatches of full size per submission: some systems watch over the time of a whole submission.
    const HEAVY: u32 = 4;

    pub fn new(context: &'c Context) -> Result<Recorder<'c>, ComputeError> {
        Ok(Recorder {
            context,
            encoder: Self::encoder(context)?,
            heavy: 0,
        })
    }

    fn encoder(context: &Context) -> Result<wgpu::CommandEncoder, ComputeError> {
        context.checked(|| context.device.create_command_encoder(&Default::default()))
    }

    /// Records dispatches, each of which sees what those before it wrote. Those between two submissions share a pass.
    pub fn dispatch_all(&mut self, dispatches: &[Dispatch]) -> Result<(), ComputeError> {
        let mut rest = dispatches;
        while !rest.is_empty() {
            if self.heavy == Self::HEAVY {
                let full = std::mem::replace(&mut self.encoder, Self::encoder(self.context)?);
                submit(self.context, full)?;
                self.heavy = 0;
            }
            // Up to the last heavy dispatch that the submission has room for.
            let mut count = 0;
            while count < rest.len() && self.heavy < Self::HEAVY {
                self.heavy += u32::from(rest[count].is_heavy);
                count += 1;
            }
            let (now, later) = rest.split_at(count);
            self.pass(now)?;
            rest = later;
        }
        Ok(())
    }

    fn pass(&mut self, dispatches: &[Dispatch]) -> Result<(), ComputeError> {
        let count = dispatches.len() as u64;
        self.context.dispatches.fetch_add(count, Ordering::Relaxed);
        self.context.checked(|| {
            let mut pass = self.encoder.begin_compute_pass(&Default::default());
            for dispatch in dispatches {
                let [x, y, z] = dispatch.workgroups;
                pass.set_pipeline(&dispatch.stage.pipeline);
                pass.set_bind_group(0, dispatch.bound, &[dispatch.params]);
                pass.dispatch_workgroups(x, y, z);
            }
        })
    }

    /// Records one dispatch whose work is cut to the size that a dispatch may have.
    pub fn dispatch_heavy(
        &mut self,
        stage: &Stage,
        bound: &wgpu::BindGroup,
        params: u32,
        workgroups: [u32; 3],
    ) -> Result<(), ComputeError> {
        self.dispatch_all(&[Dispatch {
            stage,
            bound,
            params,
            workgroups,
            is_heavy: true,
        }])
    }

    pub fn clear(&mut self, buffer: &wgpu::Buffer, bytes: u64) -> Result<(), ComputeError> {
        self.context
            .checked(|| self.encoder.clear_buffer(buffer, 0, Some(bytes)))
    }

    pub fn copy(
        &mut self,
        from: &wgpu::Buffer,
        to: &wgpu::Buffer,
        bytes: u64,
    ) -> Result<(), ComputeError> {
        self.context
            .checked(|| self.encoder.copy_buffer_to_buffer(from, 0, to, 0, bytes))
    }

    /// Copies a buffer to where the host can read it, once everything recorded so far is done.
    pub fn read_back(&mut self, from: &wgpu::Buffer, bytes: u64) -> Result<Readback, ComputeError> {
        use wgpu::BufferUsages as Usage;
        let usage = Usage::MAP_READ | Usage::COPY_DST;
        let buffer = self.context.buffer("readback", bytes, usage)?;
        self.copy(from, &buffer, bytes)?;
        Ok(Readback { buffer, bytes })
    }

    pub fn submit(self) -> Result<Submission, ComputeError> {
        submit(self.context, self.encoder)
    }
}

/// A buffer's contents on their way to the host.
pub(super) struct Readback {
    buffer: wgpu::Buffer,
    bytes: u64,
}

impl Readback {
    /// Submits the recorder and hands over the bytes.
    pub fn finish<T>(
        self,
        recorder: Recorder,
        use_bytes: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ComputeError> {
        let context = recorder.context;
        let submission = recorder.submit()?;
        let mapping = context.map(&self.buffer, self.bytes)?;
        context.read(&self.buffer, self.bytes, &mapping, &submission, use_bytes)
    }
}

fn submit(context: &Context, encoder: wgpu::CommandEncoder) -> Result<Submission, ComputeError> {
    let commands = context.checked(|| encoder.finish())?;
    context.submit([commands])
}
