//! What people read, on stderr; and results, on stdout.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

static QUIET: AtomicBool = AtomicBool::new(false);

/// Called once at the start.
pub fn configure(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// A line about what is happening.
pub fn say(line: impl AsRef<str>) {
    if !QUIET.load(Ordering::Relaxed) {
        // A closed stderr is no reason to stop a run.
        let _ = writeln!(std::io::stderr(), "{}", line.as_ref());
    }
}

/// A line that people should not overlook.
pub fn warn(line: impl AsRef<str>) {
    say(format!("warning: {}", line.as_ref()));
}

/// The error that ends the program, with all its causes in one line.
pub fn error(error: &anyhow::Error) {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many errors repeat their cause in their own text.
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    let _ = writeln!(std::io::stderr(), "error: {text}");
}

/// A line of results.
///
/// # Errors
/// stdout is closed.
pub fn result(line: impl AsRef<str>) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", line.as_ref())?;
    Ok(())
}

/// A JSON object as a line of results, with the version of its form as `schema`.
///
/// # Errors
/// stdout is closed.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    // Reports that are also written to files have the field themselves.
    match text.strip_prefix('{') {
        Some(fields) if !text.starts_with("{\"schema\":") => {
            let comma = if fields == "}" { "" } else { "," };
            result(format!(
                "{{\"schema\":{}{comma}{fields}",
                ftperm::report::SCHEMA
            ))
        }
        _ => result(text),
    }
}
