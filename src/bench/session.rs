//! One bench of one engine with one network, over UCI.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::counters::{Counters, Counts};
use super::cpu::CpuTimes;
use super::error::EngineError;
use super::nodes::bench_nodes;
use super::uci::{Greeting, Session, check_sendable, is_complaint, shown};

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
        let (session, greeting) = self.prepare()?;
        greeting.check_option(&self.net_option)?;
        session.quit();
        Ok(())
    }

    fn check_sendable(&self, net: &str) -> Result<(), EngineError> {
        check_sendable(&self.options, &[net, &self.arguments, &self.net_option])
    }

    /// Runs the bench in a new process with this network.
    ///
    /// # Errors
    /// The engine does not start, answer or finish, or refuses an option or the network.
    pub fn run(&self, net: &str) -> Result<BenchRun, EngineError> {
        self.check_sendable(net)?;
        // Before the engine starts, in the thread that starts it.
        let counters = Counters::new();
        let (mut session, greeting) = self.prepare()?;
        session.set(&self.net_option, net, &greeting)?;
        let run = self.run_in(&mut session, net, greeting.name, counters)?;
        session.quit();
        Ok(run)
    }

    /// A new process, in which the options that were asked for are set.
    fn prepare(&self) -> Result<(Session, Greeting), EngineError> {
        let mut session = Session::start(&self.engine, self.timeout)?;
        let greeting = session.greet()?;
        for (option, value) in &self.options {
            session.set(option, value, &greeting)?;
        }
        Ok((session, greeting))
    }

    fn run_in(
        &self,
        session: &mut Session,
        net: &str,
        name: Option<String>,
        mut counters: Result<Counters, String>,
    ) -> Result<BenchRun, EngineError> {
        let command = self.command();
        let mut count = || {
            let counters = counters.as_mut().map_err(|why| why.clone())?;
            counters.read()
        };
        let cpu_before = CpuTimes::of(session.id());
        let before = count();
        let deadline = session.deadline();
        let start = Instant::now();
        session.send(&command);
        let mut found = None;
        // Networks that the engine says it uses: several if it has a small one beside.
        let mut used: Option<String> = None;
        let mut used_ours = false;
        loop {
            let line = session.next(&command, deadline)?;
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
                    session.send("isready");
                }
                found = Some((nodes, line.at));
            } else if text == "readyok" && found.is_some() {
                break;
            }
        }
        let after = count();
        let cpu_seconds = cpu_before.and_then(|before| CpuTimes::of(session.id())?.since(&before));
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
