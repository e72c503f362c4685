//! Choosing an adapter, opening it, and turning everything that can go wrong there into [`ComputeError`]s.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::pace::Pace;
use super::shares::Rate;
use super::stage::Stage;
use crate::compute::ComputeError;

/// Which adapter to compute on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterSelector {
    /// The best hardware adapter: discrete before integrated before virtual. Software adapters are never chosen.
    #[default]
    Auto,
    /// The adapter of this [`AdapterDescription::index`], software or not.
    Index(usize),
    /// The first adapter whose name contains this, in any case, or whose [`AdapterDescription::bus`] this is.
    Name(String),
    /// All hardware adapters of the best kind, or all software adapters if there is no hardware. An adapter that
    /// several programming interfaces or drivers reach counts once.
    All,
}

/// What kind of hardware an adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterKind {
    Discrete,
    Integrated,
    Virtual,
    Other,
    /// A renderer that runs on the processor; exact, but slower than the CPU backend.
    Software,
}

impl AdapterKind {
    pub fn is_hardware(self) -> bool {
        self != AdapterKind::Software
    }
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AdapterKind::Discrete => "discrete",
            AdapterKind::Integrated => "integrated",
            AdapterKind::Virtual => "virtual",
            AdapterKind::Other => "other",
            AdapterKind::Software => "software",
        })
    }
}

impl From<wgpu::DeviceType> for AdapterKind {
    fn from(kind: wgpu::DeviceType) -> AdapterKind {
        match kind {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
            wgpu::DeviceType::Other => AdapterKind::Other,
            wgpu::DeviceType::Cpu => AdapterKind::Software,
        }
    }
}

/// An adapter, for people and for [`AdapterSelector`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterDescription {
    /// Place in the list of this machine's adapters, which is in an order of its own ([`list_adapters`]).
    pub index: usize,
    pub name: String,
    /// The programming interface: `vulkan`, `metal`, `dx12`.
    pub backend: String,
    pub kind: AdapterKind,
    /// The driver's name and version, as far as it tells.
    pub driver: String,
    /// Its place on the PCI bus, as far as the driver tells: the same for two drivers of one adapter.
    pub bus: String,
    /// Largest part of a buffer that a shader can see, in bytes.
    pub max_binding_bytes: u64,
    /// Largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// Largest memory shared by a workgroup, in bytes.
    pub max_workgroup_bytes: u32,
}

/// All adapters of this machine, software ones included.
///
/// In the same order every time, whatever order drivers are loaded in: the best kind first, then by programming
/// interface, place on the PCI bus, vendor and device number, name and driver. So numbers change only when adapters or
/// drivers come and go, and a driver in software never changes those of hardware.
///
/// On Linux, Mesa may print two harmless lines about `XDG_RUNTIME_DIR` to stderr when it is asked; the environment
/// variable `NODEVICE_SELECT=1` keeps it quiet.
pub fn list_adapters() -> Vec<AdapterDescription> {
    let adapters = enumerate();
    adapters.iter().enumerate().map(describe).collect()
}

/// Is there an adapter that [`AdapterSelector::Auto`] would take?
///
/// Loads no driver where the system shows no graphics device: loading software adapters takes a second of a core and 50
/// megabytes.
pub fn has_hardware_adapter() -> bool {
    may_have_hardware() && list_adapters().iter().any(|it| it.kind.is_hardware())
}

/// Starts of the names of the files in /dev that graphics drivers of Linux open: the kernel's own drivers, NVIDIA's
/// (also on boards), Windows' under WSL, and those of Arm, Qualcomm and Imagination.
#[cfg(target_os = "linux")]
const DEVICE_FILES: [&str; 7] = ["dri", "nvidia", "nvhost", "dxg", "mali", "kgsl", "pvr"];

/// May there be a hardware adapter? Loads no driver.
#[cfg(target_os = "linux")]
pub fn may_have_hardware() -> bool {
    let Ok(files) = std::fs::read_dir("/dev") else {
        return true;
    };
    let mut names = files.filter_map(|it| it.ok()?.file_name().into_string().ok());
    names.any(|name| DEVICE_FILES.iter().any(|start| name.starts_with(start)))
}

/// May there be a hardware adapter? Loads no driver.
#[cfg(not(target_os = "linux"))]
pub fn may_have_hardware() -> bool {
    true
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    // The default of debug builds turns on validation that lowers the largest buffer size.
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    // An error is better than a machine that swaps. Drivers of Linux and of Macs refuse by themselves, and asking them
    // for their budget takes up to milliseconds for every buffer.
    if cfg!(windows) {
        descriptor.memory_budget_thresholds.for_resource_creation = Some(95);
    }
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(backends));
    let can_compute = wgpu::DownlevelFlags::COMPUTE_SHADERS;
    let mut adapters = adapters;
    adapters.retain(|adapter| {
        adapter
            .get_downlevel_capabilities()
            .flags
            .contains(can_compute)
    });
    adapters.sort_by_cached_key(|adapter| place_in_list(&adapter.get_info()));
    adapters
}

/// What adapters are sorted by: nothing that depends on how they were found.
fn place_in_list(info: &wgpu::AdapterInfo) -> impl Ord + use<> {
    (
        AdapterKind::from(info.device_type) as u8,
        info.backend as u8,
        info.device_pci_bus_id.clone(),
        [info.vendor, info.device],
        [&info.name, &info.driver, &info.driver_info].map(String::clone),
    )
}

fn describe((index, adapter): (usize, &wgpu::Adapter)) -> AdapterDescription {
    let info = adapter.get_info();
    let limits = adapter.limits();
    AdapterDescription {
        index,
        name: info.name,
        backend: info.backend.to_string(),
        kind: info.device_type.into(),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
        bus: info.device_pci_bus_id,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        max_workgroup_bytes: limits.max_compute_workgroup_storage_size,
    }
}

/// The places of the adapters that a selector names: one, or all of them.
fn select(
    selector: &AdapterSelector,
    adapters: &[AdapterDescription],
) -> Result<Vec<usize>, ComputeError> {
    let best = |among: &mut dyn Iterator<Item = &AdapterDescription>| {
        among.min_by_key(|it| it.kind as u8).map(|it| it.index)
    };
    let chosen: Vec<usize> = match selector {
        AdapterSelector::Auto => {
            let hardware = best(&mut adapters.iter().filter(|it| it.kind.is_hardware()));
            hardware.into_iter().collect()
        }
        AdapterSelector::Index(index) => (*index < adapters.len())
            .then_some(*index)
            .into_iter()
            .collect(),
        AdapterSelector::Name(name) => {
            let name = name.to_lowercase();
            let is_meant = |adapter: &AdapterDescription| {
                adapter.bus.to_lowercase() == name || adapter.name.to_lowercase().contains(&name)
            };
            let place = adapters.iter().position(is_meant);
            place.into_iter().collect()
        }
        AdapterSelector::All => all_alike(adapters),
    };
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let wanted = match selector {
        AdapterSelector::Auto => "no hardware adapter was found".to_owned(),
        AdapterSelector::All => "none was found".to_owned(),
        AdapterSelector::Index(index) => format!("there is none of index {index}"),
        AdapterSelector::Name(name) => {
            format!("none has '{name}' in its name or is there on the bus")
        }
    };
    let found = if adapters.is_empty() {
        "no adapter at all; a Vulkan, Metal or Direct3D 12 driver is needed".to_owned()
    } else {
        let names: Vec<_> = adapters
            .iter()
            .map(|adapter| {
                let AdapterDescription {
                    index, name, kind, ..
                } = adapter;
                match adapter.bus.as_str() {
                    "" => format!("{index}: {name} ({kind})"),
                    bus => format!("{index}: {name} ({kind}, {bus})"),
                }
            })
            .collect();
        format!("this machine has {}", names.join(", "))
    };
    Err(ComputeError::NoAdapter(format!("{wanted}; {found}")))
}

/// Each of these adapters once, by the first driver that reaches it, as far as drivers tell.
#[doc(hidden)]
pub fn by_one_driver<'a>(
    adapters: impl Iterator<Item = &'a AdapterDescription>,
) -> Vec<&'a AdapterDescription> {
    let mut once: Vec<&AdapterDescription> = Vec::new();
    for adapter in adapters {
        let is_known = || once.iter().any(|other| other.bus == adapter.bus);
        if adapter.bus.is_empty() || !is_known() {
            once.push(adapter);
        }
    }
    once
}

/// The adapters of the best kind, through the programming interface that reaches most of them, each by one driver.
fn all_alike(adapters: &[AdapterDescription]) -> Vec<usize> {
    let Some(kind) = adapters.iter().map(|it| it.kind).min_by_key(|it| *it as u8) else {
        return Vec::new();
    };
    let through = |backend: &str| -> Vec<usize> {
        let alike = adapters
            .iter()
            .filter(|adapter| adapter.kind == kind && adapter.backend == backend);
        let alike = by_one_driver(alike);
        alike.iter().map(|adapter| adapter.index).collect()
    };
    let mut chosen: Vec<usize> = Vec::new();
    for adapter in adapters {
        let others = through(&adapter.backend);
        if others.len() > chosen.len() {
            chosen = others;
        }
    }
    chosen
}

/// Opens all adapters that the selectors name, in their order.
pub(super) fn open(
    selectors: &[AdapterSelector],
    limits: WorkLimits,
) -> Result<Vec<Arc<Context>>, ComputeError> {
    let adapters = enumerate();
    let descriptions: Vec<_> = adapters.iter().enumerate().map(describe).collect();
    let mut contexts = Vec::new();
    for selector in selectors {
        for index in select(selector, &descriptions)? {
            contexts.push(Arc::new(Context::open(&adapters[index], limits)?));
        }
    }
    if contexts.is_empty() {
        return Err(ComputeError::NoAdapter("none was asked for".to_owned()));
    }
    Ok(contexts)
}

/// How `co_zero_counts` adds up bits. Results do not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// A carry-save adder, and a popcount for every second word: best where popcounts are slow, as on NVIDIA's
    /// adapters.
    CarrySave,
    /// A popcount a word: best where one instruction counts and adds, as on AMD's adapters.
    Popcounts,
}

impl Tally {
    /// The better one for the adapters of a vendor, by its PCI number.
    fn of(vendor: u32) -> Tally {
        const AMD: u32 = 0x1002;
        match vendor {
            AMD => Tally::Popcounts,
            _ => Tally::CarrySave,
        }
    }
}

/// How work is cut to fit an adapter. The defaults suit every adapter; tests make them small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkLimits {
    /// Largest storage buffer in bytes. The adapter's own limit holds where it is smaller. At least 64 KiB.
    pub buffer_bytes: u64,
    /// Largest buffer for intermediate results and for planes on their way back, in bytes. At least 64 KiB.
    pub scratch_bytes: u64,
    /// Most weight bytes read by one dispatch of `ft_zeros`. The first dispatches are small; how large they grow is
    /// measured, so that none should take longer than 0.5 s.
    pub ft_zeros_bytes: u64,
    /// Most pairs of 32-bit words that one dispatch of `co_zero_counts` counts; as above.
    pub co_zero_words: u64,
    /// How bits are added up; `None`: as the adapter's vendor has it.
    pub tally: Option<Tally>,
    /// Longest time that an adapter may take for one submission, which is a few dispatches. One that takes longer
    /// counts as lost.
    pub patience: Duration,
    /// Waited for each submission, beside what it takes: an adapter that is slow, for tests.
    pub delay: Duration,
}

impl Default for WorkLimits {
    fn default() -> WorkLimits {
        WorkLimits {
            buffer_bytes: 1 << 30,
            scratch_bytes: 256 << 20,
            ft_zeros_bytes: 1 << 36,
            co_zero_words: 1 << 36,
            tally: None,
            patience: Duration::from_mins(1),
            delay: Duration::ZERO,
        }
    }
}

const SMALLEST_BUFFER: u64 = 64 << 10;

/// Smallest buffer that logs tell of: small ones come and go with every count.
const TOLD_BUFFER: u64 = 1 << 20;

/// Work of the first dispatches, in bytes of weights and in pairs of words: a tenth of a second of slow adapters.
const FIRST_WORK: u64 = 1 << 32;
const FIRST_WORK_OF_SOFTWARE: u64 = 1 << 28;

/// An open device and its queue. Everything that talks to wgpu goes through here, so that no failure is missed.
#[derive(Debug)]
pub(super) struct Context {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// With the adapter's limits worked in.
    pub limits: WorkLimits,
    /// Weight bytes of a dispatch of `ft_zeros`.
    pub ft_zeros_pace: Pace,
    /// Pairs of words of a dispatch of `co_zero_counts`.
    pub co_zero_pace: Pace,
    /// Samples that are evaluated, and pairs of units that are counted, in a second: for shares of several adapters.
    pub evaluating: Rate,
    pub counting: Rate,
    adapter: String,
    /// Shaders that were compiled.
    pub stages: Mutex<Vec<Arc<Stage>>>,
    /// Dispatches and submissions so far, for logs.
    pub dispatches: AtomicU64,
    pub submissions: AtomicU64,
    pub is_hardware: bool,
    pub tally: Tally,
    /// Submissions that nobody has waited for yet, the oldest first.
    pending: Mutex<VecDeque<Submission>>,
    /// What the driver said when it lost the device, or an error that no scope caught.
    lost: Arc<Mutex<Option<String>>>,
}

/// Something that was submitted.
#[derive(Clone, Debug)]
pub(super) struct Submission {
    /// Its place among those of its device.
    number: u64,
    index: wgpu::SubmissionIndex,
}

impl Context {
    fn open(adapter: &wgpu::Adapter, limits: WorkLimits) -> Result<Context, ComputeError> {
        let info = adapter.get_info();
        let name = format!("{} ({})", info.name, info.backend);
        let device_limits = adapter.limits();
        let limits = WorkLimits {
            buffer_bytes: limits
                .buffer_bytes
                .min(device_limits.max_storage_buffer_binding_size)
                .min(device_limits.max_buffer_size),
            scratch_bytes: limits
                .scratch_bytes
                .min(device_limits.max_storage_buffer_binding_size)
                .min(device_limits.max_buffer_size),
            ..limits
        };
        if limits.buffer_bytes.min(limits.scratch_bytes) < SMALLEST_BUFFER {
            return Err(ComputeError::Unsupported(format!(
                "{name}: buffers of {SMALLEST_BUFFER} bytes are the least that is needed"
            )));
        }
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("ftperm"),
            required_limits: device_limits,
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        });
        let (device, queue) =
            pollster::block_on(request).map_err(|error| ComputeError::Device {
                adapter: name.clone(),
                message: format!("the device could not be opened: {error}"),
            })?;

        let lost = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&lost);
        device.set_device_lost_callback(move |reason, message| {
            note(
                &slot,
                format!("the device was lost ({reason:?}): {message}"),
            );
        });
        let slot = Arc::clone(&lost);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            note(&slot, error.to_string());
        }));
        let kind = AdapterKind::from(info.device_type);
        let first = if kind.is_hardware() {
            FIRST_WORK
        } else {
            FIRST_WORK_OF_SOFTWARE
        };
        tracing::info!(
            adapter = name,
            %kind,
            driver = info.driver_info,
            largest_buffer = limits.buffer_bytes,
            largest_scratch = limits.scratch_bytes,
            "adapter opened"
        );
        Ok(Context {
            device,
            queue,
            ft_zeros_pace: Pace::new(first, limits.ft_zeros_bytes),
            co_zero_pace: Pace::new(first, limits.co_zero_words),
            evaluating: Rate::default(),
            counting: Rate::default(),
            is_hardware: kind.is_hardware(),
            tally: limits.tally.unwrap_or(Tally::of(info.vendor)),
            pending: Mutex::default(),
            limits,
            adapter: name,
            stages: Mutex::default(),
            dispatches: AtomicU64::new(0),
            submissions: AtomicU64::new(0),
            lost,
        })
    }

    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    pub fn error(&self, message: impl Into<String>) -> ComputeError {
        ComputeError::Device {
            adapter: self.adapter.clone(),
            message: message.into(),
        }
    }

    /// Runs calls to wgpu and reports what they did wrong.
    pub fn checked<T>(&self, calls: impl FnOnce() -> T) -> Result<T, ComputeError> {
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let result = calls();
        let validation = pollster::block_on(validation.pop());
        let memory = pollster::block_on(memory.pop());
        let internal = pollster::block_on(internal.pop());
        // An object that was not made for lack of memory makes later calls invalid: memory comes first.
        if let Some(error) = memory {
            let cause = std::error::Error::source(&error);
            return Err(ComputeError::OutOfMemory {
                adapter: self.adapter.clone(),
                message: cause.map_or_else(|| error.to_string(), ToString::to_string),
            });
        }
        if let Some(error) = internal.or(validation) {
            return Err(self.error(error.to_string()));
        }
        self.alive()?;
        Ok(result)
    }

    fn alive(&self) -> Result<(), ComputeError> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match &*lost {
            Some(message) => Err(self.error(message.clone())),
            None => Ok(()),
        }
    }

    /// Submits what was recorded.
    pub fn submit(
        &self,
        commands: impl IntoIterator<Item = wgpu::CommandBuffer>,
    ) -> Result<Submission, ComputeError> {
        let index = self.checked(|| self.queue.submit(commands))?;
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let submission = Submission {
            number: self.submissions.fetch_add(1, Ordering::Relaxed),
            index,
        };
        pending.push_back(submission.clone());
        Ok(submission)
    }

    /// Waits until a submission, and all before it, have been computed.
    ///
    /// One after the other, so that an adapter has time for each, and not for all.
    pub fn wait(&self, submission: &Submission) -> Result<(), ComputeError> {
        let pending = || self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let oldest = pending().front().cloned();
            let Some(oldest) = oldest.filter(|oldest| oldest.number <= submission.number) else {
                return self.alive();
            };
            self.wait_for_one(oldest.index)?;
            let mut pending = pending();
            if pending.front().map(|front| front.number) == Some(oldest.number) {
                pending.pop_front();
            }
        }
    }

    fn wait_for_one(&self, submission: wgpu::SubmissionIndex) -> Result<(), ComputeError> {
        if !self.limits.delay.is_zero() {
            std::thread::sleep(self.limits.delay);
        }
        self.poll(wgpu::PollType::Wait {
            submission_index: Some(submission),
            timeout: Some(self.limits.patience),
        })
    }

    /// Counts the device as lost: what it was given may never end.
    fn give_up(&self) -> ComputeError {
        let seconds = self.limits.patience.as_secs_f64();
        let message = format!("the device has not finished its work for {seconds} s");
        note(&self.lost, message.clone());
        // Closing a device waits for its work, so this one stays open until the program ends.
        std::mem::forget((self.device.clone(), self.queue.clone()));
        self.error(message)
    }

    fn poll(&self, poll: wgpu::PollType) -> Result<(), ComputeError> {
        // wgpu panics where the driver reports a lost device while it waits.
        let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(poll)));
        if matches!(polled, Ok(Ok(_))) {
            return self.alive();
        }
        if matches!(polled, Ok(Err(wgpu::PollError::Timeout))) {
            return Err(self.give_up());
        }
        // The callback that says why the device was lost only runs in the next poll.
        let _ = catch_unwind(AssertUnwindSafe(|| self.device.poll(wgpu::PollType::Poll)));
        self.alive()?;
        Err(match polled {
            Ok(Ok(_)) => unreachable!("returned above"),
            Ok(Err(error)) => self.error(error.to_string()),
            Err(panic) => {
                let message = panic.downcast_ref::<String>();
                self.error(message.map_or("the device stopped answering", String::as_str))
            }
        })
    }

    pub fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, ComputeError> {
        if bytes >= TOLD_BUFFER {
            tracing::debug!(label, bytes, "buffer");
        }
        self.checked(|| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                // Bindings are never empty, and copies go by four bytes.
                size: bytes.next_multiple_of(16).max(16),
                usage,
                mapped_at_creation: false,
            })
        })
    }

    /// A storage buffer that can be written from the host and copied from.
    pub fn storage(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer, ComputeError> {
        use wgpu::BufferUsages as Usage;
        self.buffer(
            label,
            bytes,
            Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC,
        )
    }

    /// A storage buffer that holds these words.
    pub fn list(&self, label: &str, words: &[u32]) -> Result<wgpu::Buffer, ComputeError> {
        let buffer = self.storage(label, words.len() as u64 * 4)?;
        self.checked(|| {
            let bytes = bytemuck::cast_slice(words);
            self.queue.write_buffer(&buffer, 0, bytes);
        })?;
        Ok(buffer)
    }

    /// Makes `buffer` at least this large; what it held is lost if it grows.
    pub fn grow(
        &self,
        buffer: &mut Option<wgpu::Buffer>,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, ComputeError> {
        if let Some(buffer) = buffer
            && buffer.size() >= bytes
        {
            return Ok(buffer.clone());
        }
        // The old one goes first, so that both need not fit.
        *buffer = None;
        let grown = self.buffer(label, bytes, usage)?;
        *buffer = Some(grown.clone());
        Ok(grown)
    }

    /// Fills the first `bytes` of a buffer, a multiple of `row_bytes`, which is a multiple of four.
    ///
    /// `fill(first_row, rows)` gets whole rows to write. It is called for one part after the other, so that the
    /// staging memory stays bounded.
    pub fn upload(
        &self,
        buffer: &wgpu::Buffer,
        row_bytes: u64,
        rows: u64,
        mut fill: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), ComputeError> {
        const PART: u64 = 32 << 20;
        let rows_per_part = (PART / row_bytes.max(1)).max(1);
        let mut part = Vec::new();
        let mut in_flight = VecDeque::new();
        let mut first = 0;
        while first < rows {
            let count = rows_per_part.min(rows - first);
            part.resize((count * row_bytes) as usize, 0);
            fill(first, &mut part);
            self.checked(|| self.queue.write_buffer(buffer, first * row_bytes, &part))?;
            in_flight.push_back(self.submit([])?);
            if in_flight.len() > 2
                && let Some(oldest) = in_flight.pop_front()
            {
                self.wait(&oldest)?;
            }
            first += count;
        }
        Ok(())
    }

    /// Waits for a submission and hands over the first `bytes` of a mappable buffer that it filled.
    ///
    /// The buffer's mapping must have been asked for with [`map`](Self::map) after the submission.
    pub fn read<T>(
        &self,
        buffer: &wgpu::Buffer,
        bytes: u64,
        mapping: &Mapping,
        submission: &Submission,
        use_bytes: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ComputeError> {
        self.wait(submission)?;
        self.mapped(mapping)?;
        let result = match buffer.get_mapped_range(..bytes) {
            Ok(view) => use_bytes(&view),
            Err(error) => return Err(self.error(error.to_string())),
        };
        buffer.unmap();
        Ok(result)
    }

    /// Is a mapping there, now that its submission has been waited for?
    pub fn mapped(&self, mapping: &Mapping) -> Result<(), ComputeError> {
        let outcome = mapping.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*outcome {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.error(error.to_string())),
            None => Err(self.error("a buffer was not mapped in time")),
        }
    }

    /// Asks for the first `bytes` of a buffer to be made readable once the submissions so far are done.
    pub fn map(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Mapping, ComputeError> {
        self.map_for(wgpu::MapMode::Read, buffer, bytes)
    }

    /// As [`map`](Self::map), for reading or for writing.
    pub fn map_for(
        &self,
        mode: wgpu::MapMode,
        buffer: &wgpu::Buffer,
        bytes: u64,
    ) -> Result<Mapping, ComputeError> {
        let mapping = Mapping::default();
        let slot = Arc::clone(&mapping.0);
        self.checked(|| {
            buffer.map_async(mode, ..bytes, move |result| {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            });
        })?;
        Ok(mapping)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        tracing::info!(
            adapter = self.adapter,
            dispatches = self.dispatches.load(Ordering::Relaxed),
            submissions = self.submissions.load(Ordering::Relaxed),
            ft_zeros_bytes_a_dispatch = self.ft_zeros_pace.budget(),
            co_zero_words_a_dispatch = self.co_zero_pace.budget(),
            "adapter closed"
        );
    }
}

fn note(slot: &Mutex<Option<String>>, message: String) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    slot.get_or_insert(message);
}

/// The outcome of a mapping, once there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapping(Arc<Mutex<Option<Result<(), wgpu::BufferAsyncError>>>>);

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::seq::SliceRandom as _;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn hardware_is_chosen_by_rank() {
        let ranks = [
            AdapterKind::Discrete,
            AdapterKind::Integrated,
            AdapterKind::Virtual,
            AdapterKind::Other,
        ];
        assert!(ranks.is_sorted_by_key(|it| *it as u8));
        assert!(ranks.iter().all(|it| it.is_hardware()));
        assert!(!AdapterKind::from(wgpu::DeviceType::Cpu).is_hardware());
    }

    #[test]
    fn bits_are_added_up_as_the_vendor_has_it() {
        // NVIDIA, AMD, Intel.
        let ways = [0x10de, 0x1002, 0x8086].map(Tally::of);
        assert_eq!(ways, [Tally::CarrySave, Tally::Popcounts, Tally::CarrySave]);
    }

    #[test]
    fn unknown_adapters_are_named() {
        let error = open(
            &[AdapterSelector::Name("no such adapter".into())],
            WorkLimits::default(),
        );
        let message = error.unwrap_err().to_string();
        assert!(message.contains("no such adapter"), "{message}");
        let error = open(&[AdapterSelector::Index(1000)], WorkLimits::default());
        assert!(matches!(error, Err(ComputeError::NoAdapter(_))));
        assert!(open(&[], WorkLimits::default()).is_err());
    }

    /// A card has a number and an address, whatever order the loader names adapters in.
    #[test]
    fn numbers_do_not_depend_on_the_loader() {
        let info = |kind, backend, bus: &str, name: &str, driver: &str| {
            let mut info = wgpu::AdapterInfo::new(kind, backend);
            info.device_pci_bus_id = bus.to_owned();
            info.name = name.to_owned();
            info.driver = driver.to_owned();
            info
        };
        use wgpu::Backend::{Dx12, Vulkan};
        use wgpu::DeviceType::{Cpu, DiscreteGpu, IntegratedGpu};
        let expected = [
            info(DiscreteGpu, Vulkan, "0000:01:00.0", "Card", "AMDVLK"),
            info(DiscreteGpu, Vulkan, "0000:01:00.0", "Card", "RADV"),
            info(DiscreteGpu, Vulkan, "0000:41:00.0", "Card", "RADV"),
            info(DiscreteGpu, Dx12, "", "Card", ""),
            info(IntegratedGpu, Vulkan, "0000:00:02.0", "Built in", "ANV"),
            info(Cpu, Vulkan, "", "llvmpipe", "llvmpipe"),
        ];
        let mut random = ChaCha8Rng::seed_from_u64(0);
        for _ in 0..50 {
            let mut listed = expected.to_vec();
            listed.shuffle(&mut random);
            listed.sort_by_cached_key(place_in_list);
            assert_eq!(listed, expected);
        }
    }

    fn described(index: usize, backend: &str, kind: AdapterKind, bus: &str) -> AdapterDescription {
        AdapterDescription {
            index,
            name: "NVIDIA H200".to_owned(),
            backend: backend.to_owned(),
            kind,
            driver: String::new(),
            bus: bus.to_owned(),
            max_binding_bytes: 1 << 30,
            max_buffer_bytes: 1 << 30,
            max_workgroup_bytes: 1 << 15,
        }
    }

    /// Discrete ones of Vulkan at these places on the bus.
    fn on_bus(buses: &[&str]) -> Vec<AdapterDescription> {
        let buses = buses.iter().enumerate();
        buses
            .map(|(index, bus)| described(index, "vulkan", AdapterKind::Discrete, bus))
            .collect()
    }

    /// As they are listed, all drivers of a card stand together; those that do not say where are cards of their own.
    #[test]
    fn two_drivers_of_a_card_are_one_device() {
        let [first, second] = ["0000:01:00.0", "0000:41:00.0"];
        let adapters = on_bus(&[first, first, second, second, "", ""]);
        let once = by_one_driver(adapters.iter());
        let indices: Vec<usize> = once.iter().map(|adapter| adapter.index).collect();
        assert_eq!(indices, [0, 2, 4, 5]);
    }

    #[test]
    fn adapters_are_named_by_number_name_or_address() {
        let adapters = on_bus(&["0000:01:00.0", "0000:c1:00.0"]);
        let named = |name: &str| select(&AdapterSelector::Name(name.to_owned()), &adapters);
        assert_eq!(named("h200").unwrap(), [0]);
        assert_eq!(named("0000:C1:00.0").unwrap(), [1]);
        let error = named("0000:c1").unwrap_err().to_string();
        assert!(
            error.contains("1: NVIDIA H200 (discrete, 0000:c1:00.0)"),
            "{error}"
        );
        let none = AdapterSelector::Name(String::new());
        assert_eq!(select(&none, &adapters[..0]).ok(), None);
    }

    #[test]
    fn all_means_each_of_the_best_once() {
        let list = |kinds: &[(&str, AdapterKind)]| -> Vec<AdapterDescription> {
            let kinds = kinds.iter().enumerate();
            kinds
                .map(|(index, &(backend, kind))| described(index, backend, kind, ""))
                .collect()
        };
        use AdapterKind::{Discrete, Integrated, Software};
        let adapters = list(&[
            ("dx12", Discrete),
            ("vulkan", Integrated),
            ("vulkan", Discrete),
            ("vulkan", Discrete),
            ("vulkan", Software),
        ]);
        let all = |adapters: &[AdapterDescription]| select(&AdapterSelector::All, adapters);
        assert_eq!(all(&adapters).unwrap(), [2, 3]);
        assert_eq!(all(&adapters[4..5]).unwrap(), [4]);
        // Two cards, and one of them by two drivers.
        let adapters = on_bus(&["0000:01:00.0", "0000:41:00.0", "0000:01:00.0"]);
        assert_eq!(all(&adapters).unwrap(), [0, 1]);
        let adapters = list(&[
            ("dx12", Discrete),
            ("vulkan", Integrated),
            ("vulkan", Discrete),
            ("vulkan", Discrete),
            ("vulkan", Software),
        ]);
        assert_eq!(select(&AdapterSelector::Auto, &adapters).unwrap(), [0]);
        assert!(all(&[]).is_err());
        assert!(select(&AdapterSelector::Auto, &adapters[4..]).is_err());
    }
}
