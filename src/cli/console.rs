//! What people read, on stderr; and results, on stdout.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

use ftperm::files::quote::printable;
use indicatif::{MultiProgress, ProgressDrawTarget};

mod screen;

use screen::Screen;

static QUIET: AtomicBool = AtomicBool::new(false);

/// What takes results.
type Results = fn(&[u8]) -> io::Result<()>;

static RESULTS: RwLock<Results> = RwLock::new(to_stdout);

/// Bars under way; they show only if stderr is a terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(|| {
    let screen = Box::new(Screen::stderr());
    MultiProgress::with_draw_target(ProgressDrawTarget::term_like_with_hz(
        screen,
        DRAWN_A_SECOND,
    ))
});

/// How often bars are drawn anew, at most.
const DRAWN_A_SECOND: u8 = 20;

/// Called once at the start.
pub fn configure(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Should nothing but errors be printed?
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Can and may stderr be painted on?
pub fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Are colours welcome on stderr? See <https://no-color.org>.
pub fn has_colors() -> bool {
    is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The bars that are under way.
pub fn bars() -> &'static MultiProgress {
    &BARS
}

/// A line about what is happening.
pub fn say(line: impl AsRef<str>) {
    if !is_quiet() {
        to_stderr(line.as_ref());
    }
}

/// A line that people should not overlook.
pub fn warn(line: impl AsRef<str>) {
    say(format!("warning: {}", line.as_ref()));
}

/// The error that ends the program.
pub fn error(error: &anyhow::Error) {
    to_stderr(&format!("error: {}", one_line(error)));
}

/// An error with all its causes in one line.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many errors repeat their cause in their own text.
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// Results that could not be printed.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout: {0}")]
pub struct StdoutError(#[source] io::Error);

impl StdoutError {
    /// Has the reader, such as `head`, gone because it had enough?
    pub fn is_reader_gone(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Bytes of results.
///
/// # Errors
/// stdout is closed or full.
pub fn raw(bytes: &[u8]) -> anyhow::Result<()> {
    let print = *RESULTS.read().unwrap_or_else(PoisonError::into_inner);
    beside_bars(|| print(bytes)).map_err(StdoutError)?;
    Ok(())
}

fn to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// From now on results go there.
#[cfg(hosted)]
pub fn send_results(to: Results) {
    *RESULTS.write().unwrap_or_else(PoisonError::into_inner) = to;
}

/// Did what the parser prints itself reach stdout?
///
/// # Errors
/// stdout is closed or full.
pub fn check_printed(printed: io::Result<()>) -> anyhow::Result<()> {
    printed
        .and_then(|()| io::stdout().flush())
        .map_err(StdoutError)?;
    Ok(())
}

/// A line of results. What a terminal might obey, such as escapes in the names of tensors, is shown and not sent.
///
/// # Errors
/// stdout is closed or full.
pub fn result(line: impl AsRef<str>) -> anyhow::Result<()> {
    raw(format!("{}\n", printable(line.as_ref())).as_bytes())
}

/// Rows of results, the heads of their columns first, below one another.
///
/// # Errors
/// stdout is closed or full.
pub fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> anyhow::Result<()> {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|cells| cells[column].chars().count());
        cells.max().unwrap_or_default()
    });
    for cells in rows {
        let padded = cells.iter().zip(widths);
        let padded: Vec<String> = padded
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        result(padded.join("  ").trim_end())?;
    }
    Ok(())
}

/// The name of a file that was written, a line of results that another program can open, whatever its bytes.
///
/// # Errors
/// stdout is closed or full.
pub fn file(path: &Path) -> anyhow::Result<()> {
    if cfg!(unix) {
        raw(&[path.as_os_str().as_encoded_bytes(), b"\n"].concat())
    } else {
        result(path.display().to_string())
    }
}

/// A JSON object as a line of results, with the version of its form as `schema`.
///
/// # Errors
/// stdout is closed or full.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = escaped_json(serde_json::to_string(value)?);
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

/// JSON as it is, with the characters escaped that JSON may hold raw but a terminal might obey.
fn escaped_json(text: String) -> String {
    if matches!(printable(&text), Cow::Borrowed(_)) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        let mut units = [0; 2];
        match printable(c.encode_utf8(&mut [0; 4])) {
            Cow::Borrowed(_) => escaped.push(c),
            // Such characters stand within strings only.
            Cow::Owned(_) => c.encode_utf16(&mut units).iter().for_each(|unit| {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }),
        }
    }
    escaped
}

fn to_stderr(line: &str) {
    // A closed stderr is no reason to stop a run.
    let _ = beside_bars(|| writeln!(io::stderr(), "{}", printable(line)));
}

/// Prints while no bar is on the screen, so that neither spoils the other.
pub fn beside_bars<T>(print: impl FnOnce() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if is_terminal() {
        BARS.suspend(print)
    } else {
        print()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_means_the_same_and_holds_no_controls() {
        let text = "a\u{9b}31m\u{202e}\x1b\u{E0041}\n象";
        let json = escaped_json(serde_json::to_string(text).unwrap());
        assert_eq!(json, r#""a\u009b31m\u202e\u001b\udb40\udc41\n象""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
