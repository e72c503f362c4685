//! Work on a thread of its own, while Python's main thread listens for Ctrl-C and tells how far it is.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

/// How often to look for Ctrl-C, and to tell how far the work is.
const LOOK: Duration = Duration::from_millis(50);

/// As large as that of a program's first thread.
const STACK: usize = 8 << 20;

/// What the work does, and how many steps of how many are done.
type Step = (&'static str, u64, u64);

/// How far work has come: the last step of each of its stages that nobody has heard of yet.
#[derive(Default)]
pub struct Told(Mutex<Vec<Step>>);

impl Told {
    /// Says how far the work is. A stage that takes no time is heard of too, its earlier steps need not be.
    pub fn note(&self, step: Step) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match steps.last_mut() {
            Some(last) if last.0 == step.0 => *last = step,
            _ => steps.push(step),
        }
    }

    fn take(&self) -> Vec<Step> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

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
            if !is_done && let Err(error) = py.check_signals() {
                (watched.stop)();
                ended = Ended::Signal(error);
            }
            if matches!(ended, Ended::Itself)
                && let Err(error) = tell(py, watched, &mut last)
            {
                (watched.stop)();
                ended = Ended::Callback(error);
            }
            if is_done {
                break;
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

/// Calls `progress` with what is new.
fn tell(py: Python<'_>, watched: &Watched, last: &mut Option<Step>) -> PyResult<()> {
    let Some(progress) = &watched.progress else {
        return Ok(());
    };
    for step in watched.told.take() {
        if last.replace(step) == Some(step) {
            continue;
        }
        let answer = progress.call1(py, step)?;
        if answer.is(pyo3::types::PyBool::new(py, false).as_any()) {
            (watched.stop)();
        }
    }
    Ok(())
}
