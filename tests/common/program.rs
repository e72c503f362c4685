//! The program under test.

use std::path::Path;
use std::process::{Command, Output};

/// Runs it in a folder.
pub fn ftperm(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ftperm"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// What it printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
