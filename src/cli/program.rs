//! This program, to be started once more or copied.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};

/// The words that start the command line, where it is inside another program.
static STARTED_BY: OnceLock<Vec<OsString>> = OnceLock::new();

/// These words, a program and its first arguments, start the command line.
#[cfg(hosted)]
pub fn is_started_by(words: Vec<OsString>) {
    let _ = STARTED_BY.set(words);
}

/// Starts this program once more.
///
/// # Errors
/// It cannot be found.
pub fn again() -> anyhow::Result<Command> {
    if let Some([program, first @ ..]) = STARTED_BY.get().map(Vec::as_slice) {
        let mut command = Command::new(program);
        command.args(first);
        return Ok(command);
    }
    let program = std::env::current_exe().context("cannot find this program")?;
    Ok(Command::new(program))
}

/// This program's own file.
///
/// # Errors
/// It cannot be found, or is another program.
pub fn own_file() -> anyhow::Result<PathBuf> {
    if STARTED_BY.get().is_some() {
        bail!(
            "this command line is inside another program, of which no copy can be made; use the program ftperm"
        );
    }
    std::env::current_exe().context("cannot find this program's own file")
}
