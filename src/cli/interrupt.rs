//! What Ctrl-C and SIGTERM do.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use ftperm::output::remove_temporary_files;

use super::console;

/// The exit code of a program that was interrupted.
const INTERRUPTED: i32 = 130;

static STOP: AtomicBool = AtomicBool::new(false);
static SEARCHING: AtomicBool = AtomicBool::new(false);

/// From now on an interruption ends the program, or, once a search has found something, the search; a second one ends
/// the program in any case. No temporary file is left.
pub fn watch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if !SEARCHING.load(Ordering::Relaxed) {
            console::say("interrupted: nothing more was written");
            end();
        }
        if STOP.swap(true, Ordering::Relaxed) {
            end();
        }
        console::say("interrupted: ending with the best order so far (again to give up)");
    })
    .context("cannot watch for Ctrl-C")
}

/// There is an order that is worth keeping.
pub fn search_has_begun() {
    SEARCHING.store(true, Ordering::Relaxed);
}

/// Set by the first interruption of a search.
pub fn stop_flag() -> &'static AtomicBool {
    &STOP
}

/// Ends the program at once.
pub fn end() -> ! {
    remove_temporary_files();
    std::process::exit(INTERRUPTED)
}
