//! Processor time of an engine, which other programs on the machine disturb less than the clock on the wall.

use std::collections::BTreeMap;
use std::time::Duration;

use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System};

use super::running::family;

/// Processor time of a process and of all that it started, each by its id.
#[derive(Clone, Debug)]
pub(super) struct CpuTimes(BTreeMap<u32, Duration>);

impl CpuTimes {
    /// Time in user mode and in the system until now, of all threads.
    pub(super) fn of(id: u32) -> Result<CpuTimes, String> {
        let why = |error: &dyn std::fmt::Display| format!("the system does not tell it ({error})");
        let mut system = System::new().map_err(|error| why(&error))?;
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, refreshed());
        let members = family(&system, id);
        let times = members
            .iter()
            .filter_map(|&member| Some((member.as_u32(), time(system.process(member)?)?)));
        let times: BTreeMap<u32, Duration> = times.collect();
        if times.is_empty() {
            return Err("the system does not tell it of this process".to_string());
        }
        Ok(CpuTimes(times))
    }

    /// Seconds between an earlier look and this one. What was started since counts from its beginning.
    pub(super) fn since(&self, before: &CpuTimes) -> Result<f64, String> {
        let of = |(id, now): (&u32, &Duration)| {
            now.saturating_sub(before.0.get(id).copied().unwrap_or_default())
        };
        let spent: Duration = self.0.iter().map(of).sum();
        if spent.is_zero() {
            return Err("it stood still".to_string());
        }
        Ok(spent.as_secs_f64())
    }
}

/// Linux has a clock for every process, to the nanosecond. What `/proc` tells are hundredths of a second.
#[cfg(target_os = "linux")]
fn time(process: &Process) -> Option<Duration> {
    let id = libc::pid_t::try_from(process.pid().as_u32()).ok()?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: the pointer is valid for one value of this type.
    if unsafe { libc::clock_getcpuclockid(id, &raw mut clock) } != 0 {
        return None;
    }
    let mut time = std::mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is valid for one value of this type.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it filled the value.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(target_os = "linux")]
fn refreshed() -> ProcessRefreshKind {
    ProcessRefreshKind::nothing()
}

/// `GetProcessTimes` on Windows, `proc_pidinfo` on macOS.
#[cfg(not(target_os = "linux"))]
fn time(process: &Process) -> Option<Duration> {
    Some(Duration::from_millis(process.accumulated_cpu_time()))
}

#[cfg(not(target_os = "linux"))]
fn refreshed() -> ProcessRefreshKind {
    ProcessRefreshKind::nothing().with_cpu()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works until the processor says that it did so for so long.
    fn work(milliseconds: u64) -> CpuTimes {
        let id = std::process::id();
        let before = CpuTimes::of(id).expect("of this process");
        loop {
            let now = CpuTimes::of(id).expect("of this process");
            if now
                .since(&before)
                .is_ok_and(|seconds| seconds * 1e3 >= milliseconds as f64)
            {
                return now;
            }
            std::hint::black_box((0..100_000u64).sum::<u64>());
        }
    }

    #[test]
    fn time_of_this_process_and_of_what_it_starts() {
        let id = std::process::id();
        let before = CpuTimes::of(id).unwrap();
        let after = work(20);
        assert!(after.since(&before).unwrap() >= 0.02);
        assert!(before.since(&before).is_err());
        // A time that is not there at first counts from its beginning.
        let nothing = CpuTimes(BTreeMap::new());
        assert!(after.since(&nothing).unwrap() >= after.since(&before).unwrap());
        assert!(CpuTimes::of(u32::MAX - 1).is_err());
    }
}
