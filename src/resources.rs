//! What the process used.

/// Largest resident memory of this process so far, in bytes, where the system tells.
pub fn peak_rss_bytes() -> Option<u64> {
    if cfg!(target_os = "linux") {
        from_proc()
    } else {
        from_rusage()
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

#[cfg(unix)]
fn from_rusage() -> Option<u64> {
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

#[cfg(not(unix))]
fn from_rusage() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_tells_the_same_in_both_ways() {
        let touched = vec![1u8; 1 << 24];
        let (proc, rusage) = (from_proc().unwrap(), from_rusage().unwrap());
        assert!(proc > touched.len() as u64);
        assert!(proc.abs_diff(rusage) < 1 << 22, "{proc} {rusage}");
    }
}
