//! One bench of one engine with one network, over UCI.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::counters::{Counters, Counts};
use super::cpu::CpuTimes;
use super::error::EngineError;
use super::nodes::bench_nodes;
use super::process::{Line, Next, Process};
use crate::files::quote::excerpt_of;

/// Most options of an engine that are remembered.
const MAX_OPTIONS: usize = 1000;

/// An engine and how to run its bench.
#[derive(Clone, Debug)]
pub struct EngineBench {
    pub engine: PathBuf,
    /// Words after `bench`.
    pub arguments: String,
    /// Options to set, in this order, before the network.
    pub options: Vec<(String, String)>,
    /// The option that takes the network's path; `EvalFile` in nearly all engines.
    pub net_option: String,
    /// For each answer, and for the whole bench.
    pub timeout: Duration,
}

/// What a bench brought.
#[derive(Clone, Debug)]
pub struct BenchRun {
    /// What the engine calls itself.
    pub name: Option<String>,
    pub nodes: u64,
    /// From the command to the line with the nodes, on the wall clock.
    pub seconds: f64,
    /// Processor time of the engine and of what it started, in user mode and in the system, over the same while; or why
    /// there is none.
    pub cpu_seconds: Result<f64, String>,
    /// Or why there are none.
    pub counts: Result<Counts, String>,
}

struct Session<'a> {
    bench: &'a EngineBench,
    process: Process,
    last: Option<String>,
}

impl EngineBench {
    /// The whole command.
    pub fn command(&self) -> String {
        format!("bench {}", self.arguments).trim_end().to_string()
    }

    /// Does the engine start, answer, take the options, and have the one for the network?
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self) -> Result<(), EngineError> {
        self.check_sendable("")?;
        let mut session = Session::start(self)?;
        let (_, known) = session.prepare()?;
        session.check_option(&self.net_option, &known)?;
        session.process.quit();
        Ok(())
    }

    /// UCI commands are lines.
    fn check_sendable(&self, net: &str) -> Result<(), EngineError> {
        for text in self
            .options
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value])
            .chain([net, &self.arguments, &self.net_option])
        {
            if text.contains(['\n', '\r', '\0']) {
                return Err(EngineError::NotSendable {
                    text: excerpt_of(text.as_bytes(), 300),
                });
            }
        }
        Ok(())
    }

    /// Runs the bench in a new process with this network.
    ///
    /// # Errors
    /// The engine does not start, answer or finish, or refuses an option or the network.
    pub fn run(&self, net: &str) -> Result<BenchRun, EngineError> {
        self.check_sendable(net)?;
        // Before the engine starts, in the thread that starts it.
        let counters = Counters::new();
        let mut session = Session::start(self)?;
        let (name, known) = session.prepare()?;
        session.set(&self.net_option, net, &known)?;
        let run = session.run(net, name, counters)?;
        session.process.quit();
        Ok(run)
    }
}

impl<'a> Session<'a> {
    fn start(bench: &'a EngineBench) -> Result<Session<'a>, EngineError> {
        Ok(Session {
            bench,
            process: Process::start(&bench.engine)?,
            last: None,
        })
    }

    /// The engine's name and the names of its options, of which those that were asked for are set.
    fn prepare(&mut self) -> Result<(Option<String>, Vec<String>), EngineError> {
        let (name, known) = self.greet()?;
        let bench = self.bench;
        for (option, value) in &bench.options {
            self.set(option, value, &known)?;
        }
        Ok((name, known))
    }

    /// The next line, or why there is none.
    fn next(&mut self, command: &str, deadline: Instant) -> Result<Line, EngineError> {
        match self.process.next(deadline) {
            Next::Line(line) => {
                if !line.text.trim().is_empty() {
                    self.last = Some(shown(&line.text));
                }
                Ok(line)
            }
            Next::TimedOut => Err(EngineError::Hangs {
                command: command.to_string(),
                seconds: self.bench.timeout.as_secs(),
                last: self.last.take(),
            }),
            Next::Ended(status) => Err(EngineError::Died {
                command: command.to_string(),
                status,
                last: self.last.take(),
            }),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.bench.timeout
    }

    /// `uci`: the engine's name and options.
    fn greet(&mut self) -> Result<(Option<String>, Vec<String>), EngineError> {
        let deadline = self.deadline();
        self.process.send("uci");
        let mut name = None;
        let mut options = Vec::new();
        loop {
            let line = self.next("uci", deadline)?.text;
            let line = line.trim();
            if line == "uciok" {
                return Ok((name, options));
            } else if let Some(text) = line.strip_prefix("id name ") {
                name = Some(shown(text));
            } else if let Some(text) = line.strip_prefix("option name ")
                && let Some((option, _)) = text.split_once(" type ")
                && options.len() < MAX_OPTIONS
            {
                options.push(option.trim().to_string());
            }
        }
    }

    fn check_option(&self, option: &str, known: &[String]) -> Result<(), EngineError> {
        if !known.iter().any(|name| name.eq_ignore_ascii_case(option)) {
            let mut known = known.join(", ");
            if known.is_empty() {
                known.push_str("none");
            }
            return Err(EngineError::NoOption {
                option: option.to_string(),
                known: shown(&known),
            });
        }
        Ok(())
    }

    fn set(&mut self, option: &str, value: &str, known: &[String]) -> Result<(), EngineError> {
        self.check_option(option, known)?;
        let command = format!("setoption name {option} value {value}");
        let deadline = self.deadline();
        self.process.send(&command);
        self.process.send("isready");
        loop {
            let line = self.next(&command, deadline)?.text;
            if line.trim() == "readyok" {
                return Ok(());
            }
            if is_complaint(&line) {
                let line = shown(&line);
                return Err(EngineError::Refused { command, line });
            }
        }
    }

    fn run(
        &mut self,
        net: &str,
        name: Option<String>,
        mut counters: Result<Counters, String>,
    ) -> Result<BenchRun, EngineError> {
        let command = self.bench.command();
        let mut count = || {
            let counters = counters.as_mut().map_err(|why| why.clone())?;
            counters.read()
        };
        let cpu_before = CpuTimes::of(self.process.id());
        let before = count();
        let deadline = self.deadline();
        let start = Instant::now();
        self.process.send(&command);
        let mut found = None;
        // Networks that the engine says it uses: several if it has a small one beside.
        let mut used: Option<String> = None;
        let mut used_ours = false;
        loop {
            let line = self.next(&command, deadline)?;
            let text = line.text.trim();
            if is_complaint(text) {
                return Err(EngineError::RefusedBench {
                    bench: command,
                    net: net.to_string(),
                    line: shown(text),
                });
            }
            if text.contains("NNUE evaluation using ") {
                used_ours |= text.contains(net);
                used = Some(shown(text));
            }
            if let Some(nodes) = bench_nodes(text) {
                if found.is_none() {
                    self.process.send("isready");
                }
                found = Some((nodes, line.at));
            } else if text == "readyok" && found.is_some() {
                break;
            }
        }
        let after = count();
        let cpu_seconds =
            cpu_before.and_then(|before| CpuTimes::of(self.process.id())?.since(&before));
        if let Some(line) = used.filter(|_| !used_ours) {
            return Err(EngineError::OtherNet {
                given: net.to_string(),
                line,
            });
        }
        // The loop ends with a count only.
        let (nodes, at) = found.unwrap_or((0, start));
        let counts = before.and_then(|before| {
            let after = after?;
            let counts = Counts {
                instructions: after.instructions - before.instructions,
                cycles: after.cycles - before.cycles,
            };
            if counts.instructions > 0.0 && counts.cycles > 0.0 {
                Ok(counts)
            } else {
                Err("the processor's counters stood still".to_string())
            }
        });
        Ok(BenchRun {
            name,
            nodes,
            seconds: at.saturating_duration_since(start).as_secs_f64(),
            cpu_seconds,
            counts,
        })
    }
}

fn is_complaint(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    ["no such option", "unknown option", "unknown command"]
        .iter()
        .any(|it| lower.contains(it))
        || lower.starts_with("info string error")
}

/// An engine's line as a message may hold it.
fn shown(line: &str) -> String {
    excerpt_of(line.trim().as_bytes(), 300)
}
