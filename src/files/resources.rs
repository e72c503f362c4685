//! What the process used, and what it may use.

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// Memory in bytes that this process can take now, where the system tells: what the machine has available, and no
/// more than its control group, as schedulers and containers set it, has left.
pub fn available_memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let machine = Some(system.available_memory()).filter(|&bytes| bytes > 0)?;
    let mut group = || {
        let own = sysinfo::get_current_pid().ok()?;
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[own]),
            false,
            ProcessRefreshKind::nothing(),
        );
        Some(system.process(own)?.cgroup_limits()?.free_memory)
    };
    Some(group().map_or(machine, |group| machine.min(group)))
}

/// Largest resident memory of this process so far, in bytes, where the system tells.
pub fn peak_rss_bytes() -> Option<u64> {
    if cfg!(target_os = "linux") {
        from_proc()
    } else {
        from_system()
    }
}

/// Linux: the `VmHWM` line of the process status.
fn from_proc() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Unix: the largest resident set of `getrusage`.
#[cfg(unix)]
fn from_system() -> Option<u64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for one rusage, which getrusage fills when it returns 0; all-zero bytes are a
    // valid rusage in any case.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) != 0 {
            return None;
        }
        usage.assume_init()
    };
    let unit = if cfg!(target_vendor = "apple") {
        1
    } else {
        1024
    };
    u64::try_from(usage.ru_maxrss)
        .ok()
        .map(|amount| amount * unit)
}

/// Windows: the largest working set.
#[cfg(windows)]
fn from_system() -> Option<u64> {
    use windows_sys::Win32::System::ProcessStatus::{
        K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS,
    };
    use windows_sys::Win32::System::Threading::GetCurrentProcess;
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let size = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS>()).ok()?;
    // SAFETY: the handle is that of this process and needs no closing; the pointer is valid for `size` bytes.
    let told = unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &raw mut counters, size) };
    (told != 0).then_some(counters.PeakWorkingSetSize as u64)
}

#[cfg(not(any(unix, windows)))]
fn from_system() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_some_memory() {
        assert!(available_memory().is_none_or(|bytes| bytes > 1 << 20));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_tells_the_same_in_both_ways() {
        // More than the process that started this one had: the second way counts that, too.
        let touched = std::hint::black_box(vec![1u8; 1 << 28]);
        let (proc, rusage) = (from_proc().unwrap(), from_system().unwrap());
        assert!(proc > touched.len() as u64);
        assert!(proc.abs_diff(rusage) < 1 << 22, "{proc} {rusage}");
    }
}
