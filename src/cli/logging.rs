//! `-v`: what the library does, line by line, on stderr.

use std::fmt;
use std::io::{self, Write};
use std::time::Instant;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::prelude::*;

use super::console;

/// Starts logging: nothing for 0, then stages, steps, and everything.
pub fn start(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(Seconds(Instant::now()))
        .with_target(verbosity > 1)
        .with_ansi(console::has_colors())
        .with_writer(|| Lines(Vec::new()));
    // Only what this program and its library say.
    let ours = Targets::new().with_target("ftperm", level);
    // A second call, as from a test, keeps the first subscriber.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(ours))
        .try_init();
}

/// Seconds since the start.
struct Seconds(Instant);

impl FormatTime for Seconds {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{:8.3}", self.0.elapsed().as_secs_f64())
    }
}

/// Collects one event and prints it beside the bars.
struct Lines(Vec<u8>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // A closed stderr is no reason to stop a run.
        let _ = console::beside_bars(|| io::stderr().write_all(&self.0));
    }
}
