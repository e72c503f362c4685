//! A job in a process of its own: what it uses is given back when it ends, and however it ends, the next job runs.

use std::io::{BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ftperm::files::quote::message;
use serde_json::Value;

use super::jobs::{Job, JobCommand};
use crate::cli::{Global, console, program};

/// Longest report that is read from a job, in bytes.
const MAX_REPORT: u64 = 256 << 20;
/// How often to look whether the job has ended.
const LOOK: Duration = Duration::from_millis(20);
/// How long a job may take to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a job ended.
pub enum Ended {
    /// With its report.
    Done(Value),
    Failed(String),
    Stopped,
}

/// Runs a job to its end, or until `stop` is set or the time is up.
///
/// # Errors
/// No process can be started.
pub fn run(
    job: &Job,
    global: &Global,
    limit: Option<Duration>,
    stop: &AtomicBool,
) -> anyhow::Result<Ended> {
    let mut child = start(job, global)?;
    let deadline = limit.map(|limit| Instant::now() + limit);
    let output = child.stdout.take().map(|stdout| {
        std::thread::Builder::new().spawn(move || {
            let mut text = Vec::new();
            stdout.take(MAX_REPORT).read_to_end(&mut text).map(|_| text)
        })
    });
    let messages = child.stderr.take().map(|stderr| {
        let name = job.name.clone();
        let relayed = move || relay(&name, BufReader::new(stderr));
        std::thread::Builder::new().spawn(relayed)
    });
    let (output, messages) = match (output.transpose(), messages.transpose()) {
        (Ok(output), Ok(messages)) => (output, messages),
        (Err(error), _) | (_, Err(error)) => {
            end(&mut child)?;
            return Err(error).context("cannot start a thread");
        }
    };
    let mut ending = None;
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait for the job")? {
            break status;
        }
        if stop.load(Ordering::Relaxed) {
            ending = Some(Ended::Stopped);
        } else if let Some(limit) = limit
            && deadline.is_some_and(|it| Instant::now() >= it)
        {
            let seconds = limit.as_secs_f64();
            ending = Some(Ended::Failed(format!("not done after {seconds} seconds")));
        }
        if ending.is_some() {
            break end(&mut child)?;
        }
        std::thread::sleep(LOOK);
    };
    let output = joined(output).and_then(Result::ok).unwrap_or_default();
    let last = joined(messages).flatten();
    if let Some(ending) = ending {
        return Ok(ending);
    }
    // A signal for all processes of the run may have reached the job first.
    if stop.load(Ordering::Relaxed) {
        return Ok(Ended::Stopped);
    }
    if !status.success() {
        return Ok(Ended::Failed(failure(status, last)));
    }
    Ok(match serde_json::from_slice(&output) {
        Ok(report) => Ended::Done(report),
        Err(error) => Ended::Failed(format!(
            "the job's report cannot be read: {}",
            message(&error)
        )),
    })
}

/// Starts this program again. Its standard input is a pipe that stays empty: when this process ends, however it ends,
/// the pipe closes, and the job ends too.
fn start(job: &Job, global: &Global) -> anyhow::Result<Child> {
    let mut command = program::again()?;
    command.args(["--no-config", "--json"]);
    if global.quiet {
        command.arg("--quiet");
    }
    if global.no_sync {
        command.arg("--no-sync");
    }
    command.args((0..global.verbose).map(|_| "--verbose"));
    let prefix = format!("--temporary-prefix={}", job.temporary_prefix());
    match job.command {
        // The outputs are the job's own.
        JobCommand::Optimize => command.args(["batch-job", &prefix, "--force"]),
        JobCommand::Serialize => command.args(["batch-serialize", &prefix]),
    };
    command.args(&job.words);
    if job.base != PathBuf::new() {
        command.current_dir(&job.base);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Ctrl-C is for this process, which ends the job itself.
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt as _;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        command.creation_flags(CREATE_NEW_PROCESS_GROUP);
    }
    command
        .spawn()
        .context("cannot start a process for the job")
}

/// Tells the job to end and waits.
fn end(child: &mut Child) -> anyhow::Result<ExitStatus> {
    drop(child.stdin.take());
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(LOOK);
    }
    child.kill()?;
    Ok(child.wait()?)
}

/// Hands the job's lines on. Returns the line that says best why it failed.
fn relay(name: &str, lines: impl std::io::BufRead) -> Option<String> {
    let mut last = None;
    let mut error = None;
    for line in lines.split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end().to_string();
        if let Some(text) = line.strip_prefix("error: ") {
            error = Some(text.to_string());
        } else if line.contains("panicked at") {
            error = Some(format!("a bug in ftperm: {line}"));
        } else if !line.is_empty() {
            console::say(format!("{name}: {line}"));
            last = Some(line);
        }
    }
    error.or(last)
}

fn failure(status: ExitStatus, last: Option<String>) -> String {
    match (status.code(), last) {
        (Some(1 | 2), Some(text)) => text,
        (_, Some(text)) => format!("the job's process ended by {status}; it said: {text}"),
        (_, None) => format!("the job's process ended by {status}"),
    }
}

fn joined<T>(thread: Option<JoinHandle<T>>) -> Option<T> {
    thread.and_then(|it| it.join().ok())
}
