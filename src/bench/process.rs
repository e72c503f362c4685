//! An engine as a child process: lines in, lines out, never a wait without an end, never a process left behind.

use std::io::{self, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::error::EngineError;
use super::lines::next_line;
use super::running::Family;

/// Lines that wait to be looked at. An engine that prints faster than that waits.
const WAITING_LINES: usize = 1024;

/// How often a silent engine is looked after.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// How long an engine may take to obey `quit`.
const QUIT_WITHIN: Duration = Duration::from_secs(2);

/// A line and when it was complete.
#[derive(Debug)]
pub(super) struct Line {
    pub text: String,
    pub at: Instant,
}

/// What waiting for a line brought.
#[derive(Debug)]
pub(super) enum Next {
    Line(Line),
    TimedOut,
    /// The engine ended, or closed its output. With its exit status in words.
    Ended(String),
}

/// A running engine. It is killed when dropped, with whatever it started.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    family: Option<Family>,
    commands: Option<Sender<String>>,
    lines: Receiver<Line>,
}

impl Process {
    pub(super) fn start(engine: &Path) -> Result<Process, EngineError> {
        let failed = |source| EngineError::Start {
            engine: engine.to_path_buf(),
            source,
        };
        let mut command = Command::new(engine);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, family) = Family::start(&mut command).map_err(failed)?;
        let (to_lines, lines) = sync_channel(WAITING_LINES);
        // The threads end with the pipes or with the channels. Nobody waits for them: a program that the engine
        // started may keep a pipe open.
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, to_lines.clone()).map_err(failed)?;
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, to_lines).map_err(failed)?;
        }
        let (commands, to_write) = channel::<String>();
        if let Some(mut stdin) = child.stdin.take() {
            // A thread of its own: an engine that does not read would block the writer.
            let write = move || {
                for command in to_write {
                    let written = stdin.write_all(command.as_bytes());
                    if written.and_then(|()| stdin.flush()).is_err() {
                        break;
                    }
                }
            };
            thread::Builder::new().spawn(write).map_err(failed)?;
        }
        Ok(Process {
            child,
            family: Some(family),
            commands: Some(commands),
            lines,
        })
    }

    /// The engine's process, or that of the script in front of it.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a command. That the engine no longer listens shows when its answer is waited for.
    pub(super) fn send(&self, command: &str) {
        if let Some(commands) = &self.commands {
            let _ = commands.send(format!("{command}\n"));
        }
    }

    /// Waits for a line.
    pub(super) fn next(&mut self, deadline: Instant) -> Next {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::TimedOut;
            }
            match self.lines.recv_timeout(left.min(LOOK_AFTER)) {
                Ok(line) => return Next::Line(line),
                Err(RecvTimeoutError::Disconnected) => {
                    return Next::Ended(self.status(QUIT_WITHIN));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if matches!(self.child.try_wait(), Ok(Some(_))) {
                        // It may have printed between the two looks.
                        return match self.lines.try_recv() {
                            Ok(line) => Next::Line(line),
                            Err(_) => Next::Ended(self.status(QUIT_WITHIN)),
                        };
                    }
                }
            }
        }
    }

    /// The exit status in words, after waiting for the end at most so long.
    fn status(&mut self, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.to_string(),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Ok(None) => return "it closed its output but runs on".to_string(),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Lets the engine end by itself, for a moment.
    pub(super) fn quit(mut self) {
        self.send("quit");
        self.commands = None;
        let deadline = Instant::now() + QUIT_WITHIN;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() >= deadline {
                break;
            }
            // Also makes room for what it prints on its way out.
            let _ = self.lines.recv_timeout(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The processes first: the engine's id is its own until it was waited for.
        self.family = None;
        // Fails only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends the lines of a stream on until one side ends.
fn forward(stream: impl Read + Send + 'static, lines: SyncSender<Line>) -> io::Result<()> {
    let forward = move || {
        let mut stream = BufReader::new(stream);
        while let Ok(Some(text)) = next_line(&mut stream) {
            let at = Instant::now();
            if lines.send(Line { text, at }).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().spawn(forward).map(drop)
}
