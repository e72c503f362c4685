//! Choosing what computes.

use std::thread::JoinHandle;

use anyhow::Context as _;
use ftperm::compute::Backend;
use ftperm::compute::cpu::{CpuBackend, InstructionSet};
use ftperm::compute::gpu::{AdapterSelector, GpuBackend, has_hardware_adapter, list_adapters};

use crate::cli::UsageError;

/// What computes.
#[derive(Debug, clap::Args)]
pub struct BackendArgs {
    /// auto takes a hardware graphics adapter if there is one, and the CPU otherwise; results are the same
    #[arg(long, value_enum, default_value = "auto")]
    pub backend: BackendChoice,
    /// Graphics adapter by number or part of its name (`ftperm devices` lists them); implies --backend gpu
    #[arg(long, value_name = "NAME|INDEX")]
    pub adapter: Option<String>,
    /// Threads of the CPU [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Instruction set of the CPU (`ftperm devices` lists those that it has); results are the same. Anything but auto
    /// implies --backend cpu
    #[arg(long, value_enum, default_value = "auto")]
    pub kernel: KernelChoice,
}

/// The instruction set that the CPU computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KernelChoice {
    /// The fastest that the processor has
    Auto,
    /// Plain code
    Portable,
    Avx2,
    Avx512,
}

impl KernelChoice {
    fn instruction_set(self) -> Option<InstructionSet> {
        match self {
            KernelChoice::Auto => None,
            KernelChoice::Portable => Some(InstructionSet::Portable),
            KernelChoice::Avx2 => Some(InstructionSet::Avx2),
            KernelChoice::Avx512 => Some(InstructionSet::Avx512),
        }
    }
}

/// A kind of backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BackendChoice {
    Auto,
    Cpu,
    Gpu,
}

/// A look for a hardware adapter under way.
#[derive(Debug)]
pub struct Prepared(Option<JoinHandle<bool>>);

impl Prepared {
    fn found(&mut self) -> bool {
        // A driver that panics is as good as none.
        self.0
            .take()
            .is_some_and(|probe| probe.join().unwrap_or(false))
    }
}

impl Drop for Prepared {
    /// Drivers crash when the program ends while they are being loaded.
    fn drop(&mut self) {
        self.found();
    }
}

impl BackendArgs {
    /// Gives the program's own thread pool its size. Called once, before anything runs in parallel.
    pub fn configure_threads(&self) -> anyhow::Result<()> {
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new()
                .num_threads(usize::from(threads))
                .build_global()
                .context("cannot start the threads")?;
        }
        Ok(())
    }

    /// Begins to look for a hardware adapter, which takes a while, if the choice depends on it.
    pub fn prepare(&self) -> Prepared {
        let asked = self.adapter.is_none()
            && self.backend == BackendChoice::Auto
            && self.kernel == KernelChoice::Auto;
        Prepared(asked.then(|| std::thread::spawn(has_hardware_adapter)))
    }

    /// Opens the chosen backend.
    pub fn open(&self) -> anyhow::Result<Box<dyn Backend>> {
        self.open_prepared(self.prepare())
    }

    /// As [`open`](Self::open), after [`prepare`](Self::prepare).
    pub fn open_prepared(&self, mut prepared: Prepared) -> anyhow::Result<Box<dyn Backend>> {
        let hardware = prepared.found();
        let kernel = self.kernel.instruction_set();
        if kernel.is_some() && (self.adapter.is_some() || self.backend == BackendChoice::Gpu) {
            return Err(
                UsageError("--kernel is for the CPU, not for graphics adapters".into()).into(),
            );
        }
        let cpu = || -> anyhow::Result<Box<dyn Backend>> {
            let set = kernel.unwrap_or_else(InstructionSet::detect);
            let threads = self.threads.map(usize::from);
            Ok(Box::new(CpuBackend::with_instruction_set(threads, set)?))
        };
        match (&self.adapter, self.backend) {
            (None, BackendChoice::Cpu) => cpu(),
            (None, BackendChoice::Auto) if !hardware => cpu(),
            (None, BackendChoice::Auto) => gpu(&AdapterSelector::Auto),
            (None, BackendChoice::Gpu) => gpu(&any_adapter()),
            (Some(adapter), _) => gpu(&match adapter.parse() {
                Ok(index) => AdapterSelector::Index(index),
                Err(_) => AdapterSelector::Name(adapter.clone()),
            }),
        }
    }
}

/// Hardware if there is some, else the first software adapter.
fn any_adapter() -> AdapterSelector {
    match list_adapters().as_slice() {
        [] => AdapterSelector::Auto,
        all if all.iter().any(|adapter| adapter.kind.is_hardware()) => AdapterSelector::Auto,
        _ => AdapterSelector::Index(0),
    }
}

fn gpu(selector: &AdapterSelector) -> anyhow::Result<Box<dyn Backend>> {
    Ok(Box::new(GpuBackend::new(selector)?))
}
