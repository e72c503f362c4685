//! Work on a thread of its own, while Python's main thread listens for Ctrl-C and tells how far it is.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

/// How often to look for Ctrl-C, and to tell how far the work is.
const LOOK: Duration = Duration::from_millis(50);

/// As large as that of a program's first thread.
const STACK: usize = 8 << 20;

/// How far work has come: what it does, and how many steps of how many are done.
pub type Told = Mutex<Option<(&'static str, u64, u64)>>;

/// What is to be done about a request to end.
pub struct Watched<'a> {
    /// Called with (stage, done, total) now and then; if it returns False, the work is to end.
    pub progress: Option<Py<PyAny>>,
    pub told: &'a Told,
    /// Ends the work soon.
    pub stop: &'a (dyn Fn() + Sync),
}

/// Why the work was to end.
pub enum Ended {
    /// By itself, or because `progress` returned False.
    Itself,
    /// Ctrl-C, or another exception of a signal's handler.
    Signal(PyErr),
    /// An exception of `progress`.
    Callback(PyErr),
}

/// Does the work without holding the interpreter, and returns what came out and why it ended.
pub fn run<T: Send>(
    py: Python<'_>,
    watched: &Watched,
    work: impl FnOnce() -> T + Send,
) -> PyResult<(T, Ended)> {
    let (finished, changed) = (Mutex::new(false), Condvar::new());
    let work = || {
        let _finish = Finish(&finished, &changed);
        work()
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(scope, work)?;
        let mut ended = Ended::Itself;
        let mut last = None;
        loop {
            let is_done = py.detach(|| {
                let guard = finished.lock().unwrap_or_else(PoisonError::into_inner);
                let waited = changed.wait_timeout_while(guard, LOOK, |finished| !*finished);
                *waited.unwrap_or_else(PoisonError::into_inner).0
            });
            if is_done {
                break;
            }
            if let Err(error) = py.check_signals() {
                (watched.stop)();
                ended = Ended::Signal(error);
            }
            if matches!(ended, Ended::Itself)
                && let Err(error) = tell(py, watched, &mut last)
            {
                (watched.stop)();
                ended = Ended::Callback(error);
            }
        }
        match thread.join() {
            Ok(result) => Ok((result, ended)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Says that the work is done, however it ends.
struct Finish<'a>(&'a Mutex<bool>, &'a Condvar);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_all();
    }
}

/// Calls `progress` if there is something new.
fn tell(
    py: Python<'_>,
    watched: &Watched,
    last: &mut Option<(&'static str, u64, u64)>,
) -> PyResult<()> {
    let Some(progress) = &watched.progress else {
        return Ok(());
    };
    let now = *watched.told.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(step) = now.filter(|_| now != *last) else {
        return Ok(());
    };
    *last = now;
    let answer = progress.call1(py, step)?;
    if answer.is(pyo3::types::PyBool::new(py, false).as_any()) {
        (watched.stop)();
    }
    Ok(())
}
