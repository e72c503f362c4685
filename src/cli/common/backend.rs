//! Choosing what computes.

use std::time::Duration;

use ftperm::compute::choice::{Speed, Work, trial};
use ftperm::compute::cpu::{CpuBackend, InstructionSet};
use ftperm::compute::gpu::{
    AdapterSelector, GpuBackend, WorkLimits, by_one_driver, list_adapters, may_have_hardware,
};
use ftperm::compute::{Backend, FallbackBackend};

use super::trial::{self as trials, Asked, Outcome};
use crate::cli::{UsageError, console};

/// Evaluating and counting that is not worth opening an adapter, which takes up to a second.
const SHORT: Duration = Duration::from_secs(2);

/// What computes.
#[derive(Debug, clap::Args)]
pub struct BackendArgs {
    /// auto takes a hardware graphics adapter where that is faster, and goes on with the CPU if it fails; results are
    /// the same
    #[arg(long, value_enum, default_value = "auto")]
    pub backend: BackendChoice,
    /// Graphics adapters by number, part of their names or place on the PCI bus (`ftperm devices` lists them), e.g. 0,1
    /// or all; implies --backend gpu
    #[arg(long, value_name = "NAME|INDEX|BUS,...|all", value_parser = Selectors::parse)]
    pub adapter: Option<Selectors>,
    /// Threads of the CPU [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Instruction set of the CPU (`ftperm devices` lists those that it has); results are the same. Anything but auto
    /// implies --backend cpu
    #[arg(long, value_enum, default_value = "auto")]
    pub kernel: KernelChoice,
    /// As the reference tools say it: cpu, or an adapter if there is one.
    #[arg(long, hide = true, value_parser = Device::parse, conflicts_with_all = ["backend", "adapter"])]
    device: Option<Device>,
    /// The CPU, whatever --device says.
    #[arg(long, hide = true, conflicts_with_all = ["backend", "adapter"])]
    no_cupy: bool,
    /// Undoes --no-cupy.
    #[arg(long, hide = true, overrides_with = "no_cupy")]
    cupy: bool,
}

/// A device of PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    Cpu,
    /// The graphics adapter of this number, from 0.
    Adapter(usize),
}

impl Device {
    fn parse(text: &str) -> Result<Device, String> {
        let number = text.strip_prefix("cuda:").unwrap_or(text);
        match (text, number.parse()) {
            ("cpu", _) => Ok(Device::Cpu),
            ("cuda" | "mps", _) => Ok(Device::Adapter(0)),
            (_, Ok(number)) => Ok(Device::Adapter(number)),
            _ => Err("cpu, mps, cuda or the number of a graphics adapter is expected".to_owned()),
        }
    }
}

/// The instruction set that the CPU computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KernelChoice {
    /// The fastest that the processor has
    Auto,
    /// Plain code
    Portable,
    /// 64-bit ARM
    Neon,
    Avx2,
    Avx512,
}

impl KernelChoice {
    fn instruction_set(self) -> Option<InstructionSet> {
        match self {
            KernelChoice::Auto => None,
            KernelChoice::Portable => Some(InstructionSet::Portable),
            KernelChoice::Neon => Some(InstructionSet::Neon),
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

/// What options ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish<'o> {
    /// The CPU, and why.
    Cpu(&'static str),
    /// The hardware adapter of this number, from 0, or the CPU.
    HardwareOrCpu(usize),
    Adapters(&'o [AdapterSelector]),
    /// The best adapter, be it in software.
    AnyAdapter,
    /// Whichever is faster, as a trial says.
    Faster,
}

/// A trial of the best hardware adapter that is under way, if there is one.
#[derive(Debug, Default)]
pub struct Prepared(Option<Asked>);

impl BackendArgs {
    /// Checks what the parser does not see.
    ///
    /// # Errors
    /// Options contradict each other.
    pub fn check(&self) -> Result<(), UsageError> {
        let on_adapters = self.adapter.is_some()
            || self.backend == BackendChoice::Gpu
            || matches!(self.device(), Some(Device::Adapter(_)));
        if on_adapters && self.kernel != KernelChoice::Auto {
            let text = "--kernel is for the CPU, not for graphics adapters";
            return Err(UsageError(text.into()));
        }
        if self.adapter.is_some() && self.backend == BackendChoice::Cpu {
            let text = "--adapter is for graphics adapters, not for --backend cpu";
            return Err(UsageError(text.into()));
        }
        Ok(())
    }

    /// What the options ask for, for work that is no larger. It is the same when the choice is prepared and when it is
    /// made, but for work that turned out smaller.
    fn wish(&self, work: &Work) -> Wish<'_> {
        match (&self.adapter, self.device, self.backend) {
            _ if self.no_cupy => Wish::Cpu("as --no-cupy asks for"),
            (_, Some(Device::Cpu), _) => Wish::Cpu("as --device asks for"),
            (_, Some(Device::Adapter(number)), _) => Wish::HardwareOrCpu(number),
            (Some(list), ..) => Wish::Adapters(&list.0),
            (.., BackendChoice::Gpu) => Wish::AnyAdapter,
            (.., BackendChoice::Cpu) => Wish::Cpu("as asked for"),
            (.., BackendChoice::Auto) if self.kernel != KernelChoice::Auto => {
                Wish::Cpu("as --kernel asks for")
            }
            (.., BackendChoice::Auto) if is_short(work) => {
                Wish::Cpu("too little work to open a graphics adapter for")
            }
            (.., BackendChoice::Auto) => Wish::Faster,
        }
    }

    /// Begins to try a hardware adapter, which takes a while, if the choice depends on it: for work that is no larger.
    pub fn prepare(&self, most: &Work) -> Prepared {
        let is_tried = may_have_hardware() || trials::is_tested();
        match self.wish(most) {
            Wish::Faster if is_tried => Prepared(Asked::begin(*most, expected())),
            _ => Prepared(None),
        }
    }

    /// Opens the chosen backend for so much work and says which it is and why.
    pub fn open(&self, work: &Work) -> anyhow::Result<Box<dyn Backend>> {
        self.open_prepared(&mut self.prepare(work), work)
    }

    /// As [`open`](Self::open), after [`prepare`](Self::prepare).
    pub fn open_prepared(
        &self,
        prepared: &mut Prepared,
        work: &Work,
    ) -> anyhow::Result<Box<dyn Backend>> {
        let (backend, why) = match self.wish(work) {
            Wish::Cpu(why) => (self.cpu()?, why.to_owned()),
            Wish::HardwareOrCpu(number) => self.hardware_or_cpu(number)?,
            Wish::Adapters(selectors) => (gpu(selectors)?, "as asked for".to_owned()),
            Wish::AnyAdapter => (gpu(&[any_adapter()])?, "as asked for".to_owned()),
            Wish::Faster => self.faster(prepared, work)?,
        };
        console::say(format!(
            "computing on {}: {} ({why})",
            backend.name(),
            backend.adapter()
        ));
        Ok(backend)
    }

    fn device(&self) -> Option<Device> {
        if self.no_cupy {
            return Some(Device::Cpu);
        }
        self.device
    }

    /// The hardware adapter that `--device` names, or the CPU where there is no such adapter; and why.
    fn hardware_or_cpu(&self, number: usize) -> anyhow::Result<(Box<dyn Backend>, String)> {
        let adapters = list_adapters();
        let hardware = adapters.iter().filter(|adapter| adapter.kind.is_hardware());
        // Two drivers of one card are one device.
        let hardware = by_one_driver(hardware);
        let Some(adapter) = hardware.get(number) else {
            let why = format!("no hardware adapter was found for --device {number}");
            return Ok((self.cpu()?, why));
        };
        match GpuBackend::new(&AdapterSelector::Index(adapter.index)) {
            Ok(gpu) => Ok((or_cpu(gpu, self.cpu()?), "as --device asks for".to_owned())),
            Err(error) => Ok((self.cpu()?, format!("the graphics adapter failed: {error}"))),
        }
    }

    fn cpu(&self) -> anyhow::Result<Box<dyn Backend>> {
        let set = self.kernel.instruction_set();
        let set = set.unwrap_or_else(InstructionSet::detect);
        Ok(Box::new(CpuBackend::with_instruction_set(None, set)?))
    }

    /// Whichever needs less time for so much work, as a trial says; and why.
    fn faster(
        &self,
        prepared: &mut Prepared,
        work: &Work,
    ) -> anyhow::Result<(Box<dyn Backend>, String)> {
        let cpu = self.cpu()?;
        let (adapter, speed, opened) = match prepared.0.take().map(Asked::outcome) {
            None | Some(Outcome::Absent) => {
                return Ok((cpu, "no hardware adapter was found".to_owned()));
            }
            Some(Outcome::Failed(why)) => {
                return Ok((cpu, format!("the graphics adapter failed: {why}")));
            }
            Some(Outcome::Measured {
                adapter,
                speed,
                backend,
            }) => (adapter, speed, backend),
        };
        let by_adapter = work.time(&speed).as_secs_f64();
        let by_cpu = work.time(&trial(cpu.as_ref(), work)?).as_secs_f64();
        if by_adapter >= by_cpu {
            let why = format!(
                "in a trial: about {by_cpu:.1} s of evaluating and counting, {by_adapter:.1} s on {adapter}"
            );
            return Ok((cpu, why));
        }
        // It is opened already where it was expected to be faster.
        let opened = opened.map_or_else(|| GpuBackend::new(&AdapterSelector::Auto), Ok);
        match opened {
            Ok(gpu) => {
                let why = format!(
                    "in a trial: about {by_adapter:.1} s of evaluating and counting, {by_cpu:.1} s on the CPU"
                );
                Ok((or_cpu(gpu, cpu), why))
            }
            Err(error) => Ok((cpu, format!("the graphics adapter failed: {error}"))),
        }
    }
}

/// Is it work that no adapter is opened for?
fn is_short(work: &Work) -> bool {
    work.time(&expected()) < SHORT && !trials::is_tested()
}

/// About the speed of the CPU, with as many threads as there are.
fn expected() -> Speed {
    Speed::of_cpu(InstructionSet::detect(), rayon::current_num_threads())
}

/// The adapter, and the CPU from where it fails on.
fn or_cpu(gpu: GpuBackend, cpu: Box<dyn Backend>) -> Box<dyn Backend> {
    let tell = |error: &ftperm::compute::ComputeError| {
        console::warn(format!("{error}; going on with the CPU"));
    };
    Box::new(FallbackBackend::new(Box::new(gpu), cpu, Box::new(tell)))
}

/// Hardware if there is some, else the first software adapter.
fn any_adapter() -> AdapterSelector {
    match list_adapters().as_slice() {
        [] => AdapterSelector::Auto,
        all if all.iter().any(|adapter| adapter.kind.is_hardware()) => AdapterSelector::Auto,
        _ => AdapterSelector::Index(0),
    }
}

/// The adapters of a list like `0,1`, `radeon` or `all`.
#[derive(Clone, Debug)]
pub struct Selectors(Vec<AdapterSelector>);

impl Selectors {
    fn parse(list: &str) -> Result<Selectors, String> {
        let names = list.split(',').map(str::trim);
        let selectors = names.map(|name| match name.parse() {
            _ if name.is_empty() => Err("a name or number is missing".to_owned()),
            Ok(index) => Ok(AdapterSelector::Index(index)),
            Err(_) if name.eq_ignore_ascii_case("all") => Ok(AdapterSelector::All),
            Err(_) => Ok(AdapterSelector::Name(name.to_owned())),
        });
        selectors.collect::<Result<_, _>>().map(Selectors)
    }
}

fn gpu(selectors: &[AdapterSelector]) -> anyhow::Result<Box<dyn Backend>> {
    let limits = WorkLimits::default();
    Ok(Box::new(GpuBackend::with_limits(selectors, limits)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_of_the_reference_tools() {
        let device = |text: &str| Device::parse(text).ok();
        assert_eq!(device("cpu"), Some(Device::Cpu));
        assert_eq!(device("mps"), Some(Device::Adapter(0)));
        assert_eq!(device("cuda:1"), Some(Device::Adapter(1)));
        assert_eq!(device("2"), Some(Device::Adapter(2)));
        assert_eq!(device("gpu"), None);
        assert_eq!(device("-1"), None);
    }

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        backend: BackendArgs,
    }

    #[test]
    fn wishes_by_options_and_work() {
        let much = Work {
            search: (512, 1 << 20),
            searches: f64::INFINITY,
            ..Work::default()
        };
        let line = |words: &str| -> Line {
            let words = ["ftperm"].into_iter().chain(words.split_whitespace());
            clap::Parser::try_parse_from(words).unwrap()
        };
        for (words, wish) in [
            ("", Wish::Faster),
            ("--backend auto", Wish::Faster),
            ("--backend cpu", Wish::Cpu("as asked for")),
            ("--kernel portable", Wish::Cpu("as --kernel asks for")),
            ("--backend gpu", Wish::AnyAdapter),
            ("--adapter 3", Wish::Adapters(&[AdapterSelector::Index(3)])),
            ("--device cpu", Wish::Cpu("as --device asks for")),
            ("--device cuda:1", Wish::HardwareOrCpu(1)),
            ("--no-cupy", Wish::Cpu("as --no-cupy asks for")),
        ] {
            assert_eq!(line(words).backend.wish(&much), wish, "{words}");
        }
        let little = line("").backend;
        let why = Wish::Cpu("too little work to open a graphics adapter for");
        assert_eq!(little.wish(&Work::default()), why);
        assert!(little.prepare(&Work::default()).0.is_none());
    }

    #[test]
    fn lists_of_adapters() {
        let list = |text: &str| Selectors::parse(text).ok().map(|it| it.0);
        assert_eq!(list("all"), Some(vec![AdapterSelector::All]));
        assert_eq!(
            list("1, 0"),
            Some(vec![AdapterSelector::Index(1), AdapterSelector::Index(0)])
        );
        assert_eq!(
            list("H200"),
            Some(vec![AdapterSelector::Name("H200".into())])
        );
        assert_eq!(list("0,"), None);
        assert_eq!(list(""), None);
    }
}
