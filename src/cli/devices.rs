//! `ftperm devices`

use super::{Global, console};
use ftperm::compute::cpu::InstructionSet;
use ftperm::compute::gpu::list_adapters;
use serde::Serialize;

/// List the graphics adapters and instruction sets that can compute
#[derive(Debug, clap::Args)]
pub struct Devices {}

#[derive(Serialize)]
struct Listing {
    cpu: Cpu,
    adapters: Vec<Adapter>,
}

#[derive(Serialize)]
struct Cpu {
    threads: usize,
    instruction_set: &'static str,
    /// What --kernel takes on this machine.
    kernels: Vec<&'static str>,
}

#[derive(Serialize)]
struct Adapter {
    index: usize,
    name: String,
    backend: String,
    kind: String,
    driver: String,
    /// Its place on the PCI bus, as far as the driver tells.
    bus: Option<String>,
    hardware: bool,
    max_buffer_bytes: u64,
    max_binding_bytes: u64,
}

impl Devices {
    #[expect(clippy::unused_self, reason = "every command has the same shape")]
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let listing = Listing {
            cpu: Cpu {
                threads: std::thread::available_parallelism().map_or(1, usize::from),
                instruction_set: InstructionSet::detect().name(),
                kernels: InstructionSet::ALL
                    .into_iter()
                    .filter(|set| set.is_supported())
                    .map(InstructionSet::option)
                    .collect(),
            },
            adapters: list_adapters()
                .into_iter()
                .map(|adapter| Adapter {
                    index: adapter.index,
                    hardware: adapter.kind.is_hardware(),
                    kind: adapter.kind.to_string(),
                    name: adapter.name,
                    backend: adapter.backend,
                    driver: adapter.driver,
                    bus: Some(adapter.bus).filter(|bus| !bus.is_empty()),
                    max_buffer_bytes: adapter.max_buffer_bytes,
                    max_binding_bytes: adapter.max_binding_bytes,
                })
                .collect(),
        };
        if global.json {
            return console::json(&listing);
        }
        console::result(format!(
            "cpu      {} threads, {}; --kernel {}",
            listing.cpu.threads,
            listing.cpu.instruction_set,
            listing.cpu.kernels.join(", ")
        ))?;
        for adapter in &listing.adapters {
            let bus = adapter.bus.as_deref().map(|bus| format!(", {bus}"));
            console::result(format!(
                "gpu {:<4} {}, {}, {}, {}{}",
                adapter.index,
                adapter.name,
                adapter.kind,
                adapter.backend,
                adapter.driver,
                bus.unwrap_or_default()
            ))?;
        }
        if !listing.adapters.iter().any(|adapter| adapter.hardware) {
            console::say("no hardware adapter: --backend auto computes on the CPU");
        }
        Ok(())
    }
}
