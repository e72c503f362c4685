//! Asking another process of this program what the best graphics adapter can do: a driver that crashes or hangs takes
//! that process with it, and not the run.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ftperm::compute::choice::{Speed, Work};
use ftperm::compute::gpu::{AdapterSelector, GpuBackend};

use crate::cli::adapter_trial::{AdapterTrial, Answer};
use crate::cli::program;

/// How long the process may take. Drivers load in a second or two.
const LIMIT: Duration = Duration::from_secs(10);
/// How often to look whether it has ended, and how long to wait for what it said, or until it is gone.
const LOOK: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// What tests put in place of the program that is asked, and of its time in seconds.
const PROGRAM: &str = "FTPERM_TEST_TRIAL";
const SECONDS: &str = "FTPERM_TEST_TRIAL_SECONDS";

/// Is another program asked, whatever there is to compute?
pub fn is_tested() -> bool {
    std::env::var_os(PROGRAM).is_some()
}

/// What came of a trial.
pub enum Outcome {
    /// There is no hardware adapter.
    Absent,
    /// Why there is nothing to compute with.
    Failed(String),
    Measured {
        adapter: String,
        speed: Speed,
        /// The adapter, where it is worth it.
        backend: Option<GpuBackend>,
    },
}

/// A trial under way.
#[derive(Debug)]
pub struct Asked {
    thread: Option<JoinHandle<Outcome>>,
    is_needless: Arc<AtomicBool>,
}

impl Asked {
    /// Begins a trial for work that is no larger than this. An adapter that is faster than `cpu` is also opened here.
    pub fn begin(work: Work, cpu: Speed) -> Option<Asked> {
        let is_needless = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_needless);
        let threads = rayon::current_num_threads();
        let run = move || ask(&work, cpu, threads, &flag);
        // Without a thread for it the CPU does the work.
        let thread = std::thread::Builder::new().spawn(run).ok()?;
        Some(Asked {
            thread: Some(thread),
            is_needless,
        })
    }

    /// Waits for what comes of it.
    pub fn outcome(mut self) -> Outcome {
        let panicked = || Outcome::Failed("its driver could not be opened".to_owned());
        let joined = self.thread.take().map(JoinHandle::join);
        joined.map_or_else(panicked, |outcome| outcome.unwrap_or_else(|_| panicked()))
    }
}

impl Drop for Asked {
    /// Drivers crash when the program ends while they are being loaded.
    fn drop(&mut self) {
        self.is_needless.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn ask(work: &Work, cpu: Speed, threads: usize, is_needless: &AtomicBool) -> Outcome {
    match answer(work, threads, is_needless) {
        Ok(Answer::Absent) => Outcome::Absent,
        Ok(Answer::Failed(why)) | Err(why) => Outcome::Failed(why),
        Ok(Answer::Measured { speed, .. }) if !speed.is_possible() => {
            Outcome::Failed("the answer of its trial makes no sense".to_owned())
        }
        Ok(Answer::Measured { adapter, speed }) => {
            let is_faster = work.time(&speed) < work.time(&cpu);
            let is_worth_it = is_faster && !is_needless.load(Ordering::Relaxed);
            let backend = is_worth_it.then(|| GpuBackend::new(&AdapterSelector::Auto));
            match backend.transpose() {
                Ok(backend) => Outcome::Measured {
                    adapter,
                    speed,
                    backend,
                },
                Err(error) => Outcome::Failed(error.to_string()),
            }
        }
    }
}

/// What the process says, or why it says nothing.
fn answer(work: &Work, threads: usize, is_needless: &AtomicBool) -> Result<Answer, String> {
    let mut child = start(work, threads).map_err(|error| format!("no trial began: {error}"))?;
    let said = listen(&mut child);
    let seconds = std::env::var(SECONDS).ok();
    let limit = seconds.and_then(|text| text.parse().ok());
    let limit = limit.map_or(LIMIT, Duration::from_secs_f32);
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(LOOK),
            Err(error) => {
                end(&mut child);
                return Err(format!("its trial cannot be watched: {error}"));
            }
        }
        let is_late = Instant::now() >= deadline;
        if is_late || is_needless.load(Ordering::Relaxed) {
            end(&mut child);
            let seconds = limit.as_secs_f32();
            return Err(format!("its trial was not done after {seconds} seconds"));
        }
    };
    if !status.success() {
        return Err(format!("its trial ended by {}", cause(status)));
    }
    let said = said.and_then(|said| said.recv_timeout(PATIENCE).ok());
    let said = said.unwrap_or_default();
    // Drivers may say something, too.
    let mut lines = said.lines().rev();
    let answer = lines.find_map(|line| serde_json::from_str(line).ok());
    answer.ok_or_else(|| "the answer of its trial makes no sense".to_owned())
}

fn start(work: &Work, threads: usize) -> anyhow::Result<Child> {
    let mut command = match std::env::var_os(PROGRAM) {
        Some(program) => Command::new(program),
        None => program::again()?,
    };
    command
        .args(["--no-config", "--json"])
        .args(AdapterTrial::words(work))
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    Ok(command.spawn()?)
}

/// Reads what the process prints, in a thread, because others may hold the pipe open when it is gone.
fn listen(child: &mut Child) -> Option<Receiver<String>> {
    let stdout = child.stdout.take()?;
    let (sender, receiver) = channel();
    let read = move || {
        let mut said = Vec::new();
        if stdout.take(MAX_ANSWER).read_to_end(&mut said).is_ok() {
            let _ = sender.send(String::from_utf8_lossy(&said).into_owned());
        }
    };
    std::thread::Builder::new().spawn(read).ok()?;
    Some(receiver)
}

/// Ends the process. One that hangs inside the system cannot be ended and is left.
fn end(child: &mut Child) {
    let _ = child.kill();
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(LOOK);
    }
}

fn cause(status: ExitStatus) -> String {
    // "signal: 11 (SIGSEGV) (core dumped)", "exit status: 1"
    let text = status.to_string();
    text.replace("signal: ", "signal ")
        .replace("exit status: ", "exit code ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_lines_of_json() {
        let speed = Speed {
            opening: 0.5,
            columns: 1e12,
            call: 1e-4,
            words: 2.5e12,
        };
        for (answer, text) in [
            (Answer::Absent, r#""absent""#),
            (Answer::Failed("no".into()), r#"{"failed":"no"}"#),
            (
                Answer::Measured {
                    adapter: "a card".into(),
                    speed,
                },
                concat!(
                    r#"{"measured":{"adapter":"a card","speed":{"opening":0.5,"columns":1000000000000.0,"#,
                    r#""call":0.0001,"words":2500000000000.0}}}"#
                ),
            ),
        ] {
            assert_eq!(serde_json::to_string(&answer).unwrap(), text);
            assert_eq!(serde_json::from_str::<Answer>(text).unwrap(), answer);
        }
    }
}
