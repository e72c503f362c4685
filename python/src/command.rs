//! The command line: as the command `ftperm`, and for functions that do what a command does.

use std::ffi::OsString;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::cli::hosted::{self, Interrupted, Turn};
use crate::cli::{self, console, interrupt};
use crate::errors::exception;
use crate::watch::{self, Ended, Told, Watched};

/// Runs the command line with `sys.argv` and returns the exit code. `started_by` are the words that start it again.
#[pyfunction]
pub fn main(py: Python<'_>, words: Vec<OsString>, started_by: Vec<OsString>) -> u8 {
    hosted::is_started_by(started_by);
    py.detach(|| {
        let done = cli::parse_words(&words).and_then(|arguments| cli::run(&arguments));
        interrupt::give_way();
        match done {
            Ok(()) => 0,
            // Whoever read the results had enough of them.
            Err(error) if cli::is_reader_gone(&error) => 0,
            Err(error) => {
                console::error(&error);
                cli::exit_code(&error)
            }
        }
    })
}

/// Runs a command and returns the JSON that it printed, and the exception that it ended with.
///
/// KeyboardInterrupt is kept back where the command had found something: then that is what is returned.
#[pyfunction]
#[pyo3(signature = (words, progress=None))]
pub fn run(
    py: Python<'_>,
    words: Vec<OsString>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(String, Option<Py<PyAny>>)> {
    let turn = Turn::default();
    let told = Arc::new(Told::default());
    let watched = Watched {
        progress,
        told: &told,
        stop: &|| turn.end(),
    };
    let ((printed, done), ended) = watch::run(py, &watched, || {
        let told = Arc::clone(&told);
        turn.run(
            &words,
            Arc::new(move |what, done, total| told.note((what, done, total))),
        )
    })?;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    match (done, ended) {
        (_, Ended::Callback(error)) => Err(error),
        (Ok(()), _) => Ok((printed, None)),
        (Err(_), Ended::Signal(signal)) => Err(signal),
        (Err(error), Ended::Itself) if error.is::<Interrupted>() => Err(exception(&error)),
        (Err(error), Ended::Itself) => {
            let error = exception(&error).into_value(py).into_any();
            Ok((printed, Some(error)))
        }
    }
}
