//! The commands inside another program: what they print is given to it, and it can watch and end them.

use std::ffi::OsString;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Parser as _;

use super::config::{layers::Given, program};
use super::{Cli, UsageError, console, interrupt, on_threads, progress};

pub use super::common::{AnyNetwork, LoadedModel, NetArgs, ReadingArgs, known_era};
pub use super::interrupt::Interrupted;
pub use super::layout::LayoutArgs;
pub use super::program::is_started_by;
pub use super::progress::Listener;

/// What the command at work has printed.
static PRINTED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// One command at a time: what they share is the program's.
static AT_WORK: Mutex<()> = Mutex::new(());

/// A command to be run, and to be ended from another thread.
#[derive(Debug, Default)]
pub struct Turn {
    ended: AtomicBool,
    at_work: AtomicBool,
}

impl Turn {
    /// Ends the command soon: with the best order so far if it has one.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        // Before its turn another command's flag would be set.
        if self.at_work.load(Ordering::SeqCst) {
            interrupt::stop_flag().store(true, Ordering::SeqCst);
        }
    }

    /// Runs a command without configuration files, and returns what it printed and how it ended.
    pub fn run(&self, words: &[OsString], listener: Listener) -> (Vec<u8>, anyhow::Result<()>) {
        let _one = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner);
        interrupt::begin();
        self.at_work.store(true, Ordering::SeqCst);
        let done = self.run_now(words, listener);
        progress::tell(None);
        self.at_work.store(false, Ordering::SeqCst);
        (std::mem::take(&mut *printed()), done)
    }

    fn run_now(&self, words: &[OsString], listener: Listener) -> anyhow::Result<()> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(Interrupted.into());
        }
        let cli = parse(words)?;
        console::configure(true);
        console::send_results(keep);
        progress::tell(Some(listener));
        ftperm::files::atomic::set_sync(!cli.global.no_sync);
        cli.check()?;
        on_threads(&cli)
    }
}

fn parse(words: &[OsString]) -> Result<Cli, UsageError> {
    let parsed = Cli::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        UsageError(first.trim_start_matches("error: ").to_owned())
    });
    let program = program();
    let given = Given::read(&program, words);
    let mut cli = parsed?;
    cli.global.given = given.as_ref().map_or_else(Vec::new, Given::options);
    Ok(cli)
}

fn keep(bytes: &[u8]) -> io::Result<()> {
    printed().extend_from_slice(bytes);
    Ok(())
}

fn printed() -> MutexGuard<'static, Vec<u8>> {
    PRINTED.lock().unwrap_or_else(PoisonError::into_inner)
}
