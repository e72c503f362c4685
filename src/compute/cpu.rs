//! The processor: portable code, AVX2, AVX-512 and NEON, chosen at run time.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Backend, CoZeroCounter, ComputeError, FtEvaluator};
use crate::nets::model::FtWeights;
use crate::planes::ZeroPlanes;

mod and_groups;
mod co_zero_counts;
mod ft_zeros;
pub(super) mod group_counts;
pub(super) mod pick_samples;
pub(super) mod sample_masks;

/// A family of vector instructions that the stages are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstructionSet {
    /// Plain Rust, vectorised by the compiler for the target's baseline.
    Portable,
    /// 64-bit ARM with NEON, which all but the oddest have.
    Neon,
    /// x86-64 with AVX2 and POPCNT.
    Avx2,
    /// x86-64 with AVX-512 F and BW; counting also needs VPOPCNTDQ and falls back to AVX2 without it.
    Avx512,
}

impl InstructionSet {
    /// All of them, fastest last.
    pub const ALL: [InstructionSet; 4] = [
        InstructionSet::Portable,
        InstructionSet::Neon,
        InstructionSet::Avx2,
        InstructionSet::Avx512,
    ];

    /// Can this machine run it?
    #[cfg(target_arch = "x86_64")]
    pub fn is_supported(self) -> bool {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt");
        match self {
            InstructionSet::Portable => true,
            InstructionSet::Neon => false,
            InstructionSet::Avx2 => avx2,
            InstructionSet::Avx512 => {
                avx2 && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
            }
        }
    }

    /// Can this machine run it?
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    pub fn is_supported(self) -> bool {
        match self {
            InstructionSet::Portable => true,
            InstructionSet::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            InstructionSet::Avx2 | InstructionSet::Avx512 => false,
        }
    }

    /// Can this machine run it?
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    )))]
    pub fn is_supported(self) -> bool {
        self == InstructionSet::Portable
    }

    /// The fastest one that this machine runs.
    pub fn detect() -> InstructionSet {
        let supported = InstructionSet::ALL
            .into_iter()
            .filter(|set| set.is_supported());
        supported.max().unwrap_or(InstructionSet::Portable)
    }

    /// The set that counting uses where this one is asked for.
    pub(super) fn for_counts(self) -> InstructionSet {
        match self {
            InstructionSet::Avx512 if !has_vector_popcount() => InstructionSet::Avx2,
            set => set,
        }
    }

    /// Its name in options.
    pub fn option(self) -> &'static str {
        match self {
            InstructionSet::Portable => "portable",
            InstructionSet::Neon => "neon",
            InstructionSet::Avx2 => "avx2",
            InstructionSet::Avx512 => "avx512",
        }
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            InstructionSet::Portable => "portable",
            InstructionSet::Neon => "NEON",
            InstructionSet::Avx2 => "AVX2",
            InstructionSet::Avx512 if has_vector_popcount() => "AVX-512 with VPOPCNTDQ",
            InstructionSet::Avx512 => "AVX-512",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_vector_popcount() -> bool {
    is_x86_feature_detected!("avx512vpopcntdq")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_vector_popcount() -> bool {
    false
}

/// Computes on the processor.
#[derive(Debug)]
pub struct CpuBackend {
    set: InstructionSet,
    threads: Threads,
}

impl CpuBackend {
    /// A backend with the fastest instruction set of this machine.
    ///
    /// `threads` of `None` or 0 means the threads of rayon's current pool; a caller that runs in the pool
    /// (`ThreadPool::install`) is fastest, because it need not wait for others to wake up. Another number is a pool of
    /// the backend's own. Results do not depend on it.
    ///
    /// # Errors
    /// The threads could not be started.
    pub fn new(threads: Option<usize>) -> Result<CpuBackend, ComputeError> {
        CpuBackend::with_instruction_set(threads, InstructionSet::detect())
    }

    /// As [`CpuBackend::new`], with a given instruction set. Results do not depend on it.
    ///
    /// # Errors
    /// This machine lacks the instruction set, or the threads could not be started.
    pub fn with_instruction_set(
        threads: Option<usize>,
        set: InstructionSet,
    ) -> Result<CpuBackend, ComputeError> {
        if !set.is_supported() {
            let name = set.name();
            return Err(ComputeError::Unsupported(format!(
                "this processor has no {name}"
            )));
        }
        Ok(CpuBackend {
            set,
            threads: Threads::new(threads)?,
        })
    }

    /// The instruction set that the stages use.
    pub fn instruction_set(&self) -> InstructionSet {
        self.set
    }

    /// Number of threads that compute.
    pub fn threads(&self) -> usize {
        self.threads.count()
    }
}

impl Backend for CpuBackend {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn adapter(&self) -> String {
        match self.threads.count() {
            1 => format!("{}, 1 thread", self.set.name()),
            count => format!("{}, {count} threads", self.set.name()),
        }
    }

    fn ft_evaluator<'a>(
        &'a self,
        weights: FtWeights<'a>,
    ) -> Result<Box<dyn FtEvaluator + 'a>, ComputeError> {
        let evaluator = ft_zeros::Evaluator::new(self.set, &self.threads, &weights)?;
        Ok(Box::new(evaluator))
    }

    fn co_zero_counter<'a>(
        &'a self,
        chunks: &'a [ZeroPlanes],
    ) -> Result<Box<dyn CoZeroCounter + 'a>, ComputeError> {
        let counter = co_zero_counts::Counter::new(self.set, &self.threads, chunks)?;
        Ok(Box::new(counter))
    }
}

/// The threads of one backend.
#[derive(Debug)]
enum Threads {
    /// The caller's own.
    Caller,
    /// Those of rayon's current pool. A caller that is one of them does its share of the work.
    Current,
    Own(ThreadPool),
}

impl Threads {
    fn new(threads: Option<usize>) -> Result<Threads, ComputeError> {
        let count = match threads {
            None | Some(0) => return Ok(Threads::Current),
            Some(1) => return Ok(Threads::Caller),
            Some(count) => count,
        };
        let builder = ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|index| format!("ftperm-{index}"));
        let pool = builder.build().map_err(|error| ComputeError::Device {
            adapter: "cpu".to_owned(),
            message: format!("cannot start {count} threads: {error}"),
        })?;
        Ok(Threads::Own(pool))
    }

    fn count(&self) -> usize {
        match self {
            Threads::Caller => 1,
            Threads::Current => rayon::current_num_threads(),
            Threads::Own(pool) => pool.current_num_threads(),
        }
    }

    /// Does every task, on all threads.
    fn for_each<T: Send>(&self, tasks: Vec<T>, work: impl Fn(T) + Send + Sync) {
        let parallel = |tasks: Vec<T>| {
            tasks.into_par_iter().with_max_len(1).for_each(&work);
        };
        match self {
            Threads::Current if tasks.len() > 1 && self.count() > 1 => parallel(tasks),
            Threads::Own(pool) if tasks.len() > 1 => pool.install(|| parallel(tasks)),
            _ => tasks.into_iter().for_each(work),
        }
    }
}
