//! Graphics adapters, through wgpu: Vulkan, Metal or Direct3D 12.
//!
//! The stages are `shaders/*.wgsl`; each has a module here that cuts the work into dispatches, and a twin of the same
//! name in [`cpu`](super::cpu) that gives the same integers. No dispatch should take longer than 0.5 s on a real
//! adapter, because operating systems reset those that do not answer. How to handle wgpu's failures is in
//! `facts/compute.md`, section 5.

use std::sync::Arc;

use super::{Backend, CoZeroCounter, ComputeError, FtEvaluator, FtWeights};
use crate::zeros::ZeroPlanes;

mod and_groups;
mod co_zero_counts;
mod device;
mod ft_zeros;
mod planes;
mod stage;
mod weights;

#[cfg(test)]
mod tests;

pub use co_zero_counts::GpuCoZeroCounter;
pub use device::{
    AdapterDescription, AdapterKind, AdapterSelector, WorkLimits, has_hardware_adapter,
    list_adapters,
};
pub use ft_zeros::GpuFtEvaluator;
pub use planes::DevicePlanes;

/// An open graphics adapter.
#[derive(Debug)]
pub struct GpuBackend {
    context: Arc<device::Context>,
}

impl GpuBackend {
    /// Opens an adapter.
    ///
    /// # Errors
    /// [`ComputeError::NoAdapter`] if there is none such, naming those that there are; [`ComputeError::Device`] if
    /// it could not be opened.
    pub fn new(selector: &AdapterSelector) -> Result<GpuBackend, ComputeError> {
        GpuBackend::with_limits(selector, WorkLimits::default())
    }

    /// As [`new`](Self::new), with other sizes of buffers and dispatches. Results do not depend on them.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`ComputeError::Unsupported`] for buffers of less than 64 KiB.
    pub fn with_limits(
        selector: &AdapterSelector,
        limits: WorkLimits,
    ) -> Result<GpuBackend, ComputeError> {
        let context = Arc::new(device::Context::open(selector, limits)?);
        Ok(GpuBackend { context })
    }

    /// As [`Backend::ft_evaluator`], for planes that stay on the adapter, too.
    ///
    /// # Errors
    /// The device failed or ran out of memory, or the weights have no valid shape.
    pub fn device_ft_evaluator(&self, weights: &FtWeights) -> Result<GpuFtEvaluator, ComputeError> {
        GpuFtEvaluator::new(Arc::clone(&self.context), weights)
    }

    /// Planes of `neurons` x `samples` cleared bits in the adapter's memory.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    pub fn device_planes(
        &self,
        neurons: usize,
        samples: usize,
    ) -> Result<DevicePlanes, ComputeError> {
        DevicePlanes::new(Arc::clone(&self.context), neurons, samples)
    }

    /// Counts over planes that are on the adapter already.
    ///
    /// # Errors
    /// The device failed or ran out of memory.
    pub fn device_co_zero_counter(
        &self,
        planes: DevicePlanes,
    ) -> Result<GpuCoZeroCounter, ComputeError> {
        GpuCoZeroCounter::from_device(planes)
    }
}

impl Backend for GpuBackend {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn adapter(&self) -> String {
        self.context.adapter().to_owned()
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
        let context = Arc::clone(&self.context);
        Ok(Box::new(GpuCoZeroCounter::from_host(context, chunks)?))
    }
}
