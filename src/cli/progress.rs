//! What is under way: a bar on a terminal, elsewhere a line now and then.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use super::console;

mod reading;
mod run;

pub use reading::{read_positions, watch_positions};
pub use run::RunProgress;

/// Lines come at least so far apart, and later at least a tenth of the time gone.
const LINES_APART: Duration = Duration::from_secs(2);

const BAR: &str =
    "{prefix:<18} {bar:24} {percent:>3} %  {human_pos} of {human_len}, {rate}, {left}";
/// Where nobody knows how many there are.
const COUNT: &str = "{prefix:<18} {human_pos}, {rate}";
const SHARE_BAR: &str = "{prefix:<18} {bar:24} {percent:>3} %  {left}\n  {wide_msg}";

/// Whoever else is told how far a thing is: its name, and how many steps of how many are done.
pub type Listener = Arc<dyn Fn(&'static str, u64, u64) + Send + Sync>;

static LISTENER: RwLock<Option<Listener>> = RwLock::new(None);

/// From now on this one is told, or nobody.
#[cfg(hosted)]
pub fn tell(listener: Option<Listener>) {
    *LISTENER.write().unwrap_or_else(PoisonError::into_inner) = listener;
}

/// One thing that takes time. Dropping it takes its bar away.
pub struct Stage {
    what: &'static str,
    total: u64,
    /// Are steps of no meaning to people, so that only their share is told?
    only_share: bool,
    bar: ProgressBar,
    done: AtomicU64,
    message: Mutex<String>,
    started: Instant,
    next_line: Mutex<Duration>,
}

impl Stage {
    /// Begins something of so many steps, such as positions; of 0 if nobody knows how many.
    pub fn counting(what: &'static str, total: u64) -> Stage {
        Stage::start(what, total, false)
    }

    /// Begins something whose steps mean nothing to people.
    pub fn share(what: &'static str) -> Stage {
        Stage::start(what, 10_000, true)
    }

    fn start(what: &'static str, total: u64, only_share: bool) -> Stage {
        let bar = if console::is_quiet() || !console::is_terminal() {
            ProgressBar::hidden()
        } else {
            let template = match (only_share, total) {
                (true, _) => SHARE_BAR,
                (false, 0) => COUNT,
                (false, _) => BAR,
            };
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
                    let _ = out.write_str(&rate(state.pos(), state.elapsed()));
                })
                .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
                    let total = state.len().unwrap_or(0);
                    let _ = out.write_str(&left(state.pos(), total, state.elapsed()));
                })
                .progress_chars("━╸─");
            console::bars().add(ProgressBar::new(total).with_style(style).with_prefix(what))
        };
        Stage {
            what,
            total,
            only_share,
            bar,
            done: AtomicU64::new(0),
            message: Mutex::default(),
            started: Instant::now(),
            next_line: Mutex::new(LINES_APART),
        }
    }

    pub fn what(&self) -> &'static str {
        self.what
    }

    /// So many steps more are done.
    pub fn advance(&self, steps: u64) {
        self.set(self.done() + steps);
    }

    /// As [`advance`](Self::advance), from any thread.
    pub fn add(&self, steps: u64) {
        let done = self.done.fetch_add(steps, Ordering::Relaxed) + steps;
        self.show(done);
    }

    /// So many steps are done.
    pub fn set(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.show(done);
    }

    /// This share is done, and there is more to say about it.
    pub fn set_share(&self, share: f64, message: impl FnOnce() -> String) {
        let done = (share * self.total as f64) as u64;
        let due = self.is_line_due();
        if due || !self.bar.is_hidden() {
            let message = message();
            self.bar.set_message(message.clone());
            *self.message.lock().unwrap_or_else(PoisonError::into_inner) = message;
        }
        self.set(done);
    }

    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn show(&self, done: u64) {
        if let Some(listener) = &*LISTENER.read().unwrap_or_else(PoisonError::into_inner) {
            listener(self.what, done, self.total);
        }
        self.bar.set_position(done);
        if self.is_line_due() {
            self.line(done);
        }
    }

    fn is_line_due(&self) -> bool {
        let next = self
            .next_line
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.bar.is_hidden() && self.started.elapsed() >= *next
    }

    /// A line for logs and pipes.
    fn line(&self, done: u64) {
        let gone = self.started.elapsed();
        {
            let mut next = self
                .next_line
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if gone < *next {
                return;
            }
            *next = gone + LINES_APART.max(gone / 10);
        }
        let left = left(done, self.total, gone);
        let what = self.what;
        if self.only_share {
            let message = self.message.lock().unwrap_or_else(PoisonError::into_inner);
            let percent = 100.0 * done as f64 / self.total as f64;
            console::say(format!("{what}: {percent:.0} %, {left}; {message}"));
        } else if self.total == 0 {
            let done = HumanCount(done);
            console::say(format!("{what}: {done}, {}", rate(self.done(), gone)));
        } else {
            console::say(format!(
                "{what}: {} of {}, {}, {left}",
                HumanCount(done),
                HumanCount(self.total),
                rate(done, gone)
            ));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// "1,234 a second": the mean since the beginning.
fn rate(done: u64, gone: Duration) -> String {
    let rate = done as f64 / gone.as_secs_f64().max(1e-3);
    format!("{} a second", HumanCount(rate as u64))
}

/// "3 minutes left", at the mean pace since the beginning.
fn left(done: u64, total: u64, gone: Duration) -> String {
    let share = done as f64 / total.max(1) as f64;
    let left = gone.as_secs_f64() * (1.0 / share - 1.0).max(0.0);
    match Duration::try_from_secs_f64(left) {
        Ok(left) if left < Duration::from_secs(30 * 24 * 3600) => {
            format!("{} left", HumanDuration(left))
        }
        _ => "time left unknown".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_and_rest() {
        let ten = Duration::from_secs(10);
        assert_eq!(rate(12_345, ten), "1,234 a second");
        assert_eq!(left(25, 100, ten), "30 seconds left");
        assert_eq!(left(100, 100, ten), "0 seconds left");
        assert_eq!(left(0, 100, ten), "time left unknown");
        // More than there was to be.
        assert_eq!(left(120, 100, ten), "0 seconds left");
    }
}
