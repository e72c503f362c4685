//! Graphics adapters, through wgpu: Vulkan, Metal or Direct3D 12.
//!
//! The stages are `shaders/*.wgsl`; each has a module here that cuts the work into dispatches, and a twin of the same
//! name in [`cpu`](super::cpu) that gives the same integers. No dispatch should take longer than 0.5 s on a real
//! adapter, because operating systems reset those that do not answer: the first ones are small, and how large they
//! grow is measured (`pace`). How to handle wgpu's failures is in
//! `docs/notes/compute.md`, section 5.

use std::sync::Arc;

use super::{Backend, CoZeroCounter, ComputeError, FtEvaluator};
use crate::nets::model::FtWeights;
use crate::planes::ZeroPlanes;

mod and_groups;
mod co_zero_counts;
mod device;
mod device_planes;
mod ft_zeros;
mod group_counts;
mod pace;
mod pick_samples;
mod planes;
mod sample_masks;
mod shares;
mod stage;
mod upload;
mod weights;

#[cfg(test)]
mod tests;

#[doc(hidden)]
pub use co_zero_counts::GpuCoZeroCounter;
pub use device::{AdapterDescription, AdapterKind, AdapterSelector, list_adapters};
#[doc(hidden)]
pub use device::{Tally, WorkLimits, by_one_driver, has_hardware_adapter, may_have_hardware};
#[doc(hidden)]
pub use device_planes::DevicePlanes;
#[doc(hidden)]
pub use ft_zeros::GpuFtEvaluator;

/// One or several open graphics adapters. Each holds a share of the samples, by its speed; counts are summed.
#[derive(Debug)]
pub struct GpuBackend {
    contexts: Vec<Arc<device::Context>>,
}

impl GpuBackend {
    /// Opens an adapter.
    ///
    /// # Errors
    /// [`ComputeError::NoAdapter`] if there is none such, naming those that there are; [`ComputeError::Device`] if
    /// it could not be opened.
    pub fn new(selector: &AdapterSelector) -> Result<GpuBackend, ComputeError> {
        GpuBackend::with_limits(std::slice::from_ref(selector), WorkLimits::default())
    }

    /// Opens several adapters, or one several times, with other sizes of buffers and dispatches. Results do not depend
    /// on them.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`ComputeError::Unsupported`] for buffers of less than 64 KiB.
    pub fn with_limits(
        selectors: &[AdapterSelector],
        limits: WorkLimits,
    ) -> Result<GpuBackend, ComputeError> {
        Ok(GpuBackend {
            contexts: device::open(selectors, limits)?,
        })
    }

    /// Submits nothing to each adapter and waits for it: what any call takes at least.
    ///
    /// # Errors
    /// The device failed.
    #[doc(hidden)]
    pub fn submit_nothing(&self) -> Result<(), ComputeError> {
        self.contexts.iter().try_for_each(|context| {
            let submission = context.submit([])?;
            context.wait(&submission)
        })
    }

    /// As [`Backend::ft_evaluator`], for planes that stay on the adapters, too.
    ///
    /// # Errors
    /// The device failed or ran out of memory, or the weights have no valid shape.
    pub fn device_ft_evaluator(&self, weights: &FtWeights) -> Result<GpuFtEvaluator, ComputeError> {
        GpuFtEvaluator::new(&self.contexts, weights)
    }

    /// Planes of `neurons` x `samples` cleared bits in the adapters' memories.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    pub fn device_planes(
        &self,
        neurons: usize,
        samples: usize,
    ) -> Result<DevicePlanes, ComputeError> {
        DevicePlanes::new(&self.contexts, neurons, samples)
    }
}

impl Backend for GpuBackend {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn adapter(&self) -> String {
        let names: Vec<&str> = self.contexts.iter().map(|it| it.adapter()).collect();
        names.join(" and ")
    }

    fn ft_evaluator<'a>(
        &'a self,
        weights: FtWeights<'a>,
    ) -> Result<Box<dyn FtEvaluator + 'a>, ComputeError> {
        Ok(Box::new(self.device_ft_evaluator(&weights)?))
    }

    fn co_zero_counter<'a>(
        &'a self,
        chunks: &'a [ZeroPlanes],
    ) -> Result<Box<dyn CoZeroCounter + 'a>, ComputeError> {
        let planes = DevicePlanes::upload(&self.contexts, chunks)?;
        let neurons = planes.neurons();
        Ok(Box::new(GpuCoZeroCounter::new(neurons, &planes.shares)?))
    }
}
