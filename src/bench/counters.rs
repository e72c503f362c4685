//! Instructions and cycles of an engine, where the system counts them.

/// What the processor counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts {
    /// Instructions in user mode.
    pub instructions: f64,
    /// Cycles in user mode.
    pub cycles: f64,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::ErrorKind;

    use perf_event::events::Hardware;
    use perf_event::{Builder, Counter};

    use super::Counts;

    /// Counters that begin in every program which the current thread starts from now on, threads included.
    #[derive(Debug)]
    pub(in crate::bench) struct Counters {
        instructions: Counter,
        cycles: Counter,
    }

    /// Not a group: Linux did not always allow inherited groups. The current thread itself is not counted, since the
    /// counter waits for the child's `exec` (perf_event_open(2), `inherit` and `enable_on_exec`).
    fn counter(event: Hardware) -> std::io::Result<Counter> {
        Builder::new(event)
            .inherit(true)
            .enable_on_exec(true)
            .build()
    }

    fn count(counter: &mut Counter) -> Result<f64, String> {
        let data = counter.read_full().map_err(|error| error.to_string())?;
        let enabled = data.time_enabled().unwrap_or_default().as_secs_f64();
        let running = data.time_running().unwrap_or_default().as_secs_f64();
        if enabled > 0.0 && running == 0.0 {
            return Err("other programs use all counters of the processor".to_string());
        }
        // If counters were shared, an estimate, as `perf stat` prints it.
        let share = if running > 0.0 {
            enabled / running
        } else {
            1.0
        };
        Ok(data.count() as f64 * share)
    }

    impl Counters {
        pub(in crate::bench) fn new() -> Result<Counters, String> {
            let why = |error: std::io::Error| match error.kind() {
                ErrorKind::PermissionDenied => format!(
                    "the system does not let this program count them ({error}); it does if \
                     kernel.perf_event_paranoid is at most 2"
                ),
                ErrorKind::NotFound | ErrorKind::Unsupported => format!(
                    "the processor's counters cannot be seen from here, as in many virtual machines ({error})"
                ),
                _ => format!("the system does not count them ({error})"),
            };
            Ok(Counters {
                instructions: counter(Hardware::INSTRUCTIONS).map_err(why)?,
                cycles: counter(Hardware::CPU_CYCLES).map_err(why)?,
            })
        }

        pub(in crate::bench) fn read(&mut self) -> Result<Counts, String> {
            Ok(Counts {
                instructions: count(&mut self.instructions)?,
                cycles: count(&mut self.cycles)?,
            })
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::Counters;

/// Nothing to count with.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Counters {}

#[cfg(not(target_os = "linux"))]
impl Counters {
    pub(super) fn new() -> Result<Counters, String> {
        Err("instructions and cycles are counted on Linux only".to_string())
    }

    #[expect(clippy::unused_self, reason = "as on Linux")]
    pub(super) fn read(&mut self) -> Result<Counts, String> {
        Err("instructions and cycles are counted on Linux only".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_counted_or_it_is_said_why_not() {
        let mut counters = match Counters::new() {
            Ok(counters) => counters,
            Err(why) => {
                println!("skipped: {why}");
                assert!(why.contains("count"), "{why}");
                return;
            }
        };
        let mut count = || counters.read().map(|it| (it.instructions, it.cycles));
        // Before a program was started nothing is counted.
        assert_eq!(count(), Ok((0.0, 0.0)));
        let program = std::env::current_exe().expect("this program has a path");
        let mut run = || {
            let output = std::process::Command::new(&program).arg("--list").output();
            assert!(output.expect("this program starts").status.success());
            count()
        };
        match (run(), run()) {
            (Ok(first), Ok(second)) => {
                // Listing hundreds of tests takes more than a hundred instructions each.
                assert!(first.0 > 1e4 && first.1 > 0.0, "{first:?}");
                assert!(second.0 > first.0 && second.1 > first.1, "{second:?}");
            }
            (Err(why), _) | (_, Err(why)) => println!("skipped: {why}"),
        }
    }
}
