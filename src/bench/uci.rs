//! What is asked of any engine over UCI: a greeting, options, answers within a time.

use std::path::Path;
use std::time::{Duration, Instant};

use super::error::EngineError;
use super::process::{Line, Next, Process};
use crate::files::quote::excerpt_of;

/// Most options of an engine that are remembered.
const MAX_OPTIONS: usize = 1000;

/// A running engine that is spoken to.
pub(super) struct Session {
    process: Process,
    /// For each answer.
    timeout: Duration,
    /// The last line that it printed.
    last: Option<String>,
}

/// What an engine says of itself.
#[derive(Clone, Debug)]
pub(super) struct Greeting {
    pub name: Option<String>,
    options: Vec<Offered>,
}

/// An option that an engine offers.
#[derive(Clone, Debug)]
struct Offered {
    name: String,
    /// Its greatest value, if it is a number.
    most: Option<u64>,
}

impl Greeting {
    fn option(&self, name: &str) -> Option<&Offered> {
        let named = |option: &&Offered| option.name.eq_ignore_ascii_case(name);
        self.options.iter().find(named)
    }

    /// The greatest number that an option takes, `None` if the engine has no such option.
    pub(super) fn most(&self, name: &str) -> Option<u64> {
        self.option(name)
            .map(|option| option.most.unwrap_or(u64::MAX))
    }

    pub(super) fn check_option(&self, name: &str) -> Result<(), EngineError> {
        if self.option(name).is_some() {
            return Ok(());
        }
        let known: Vec<&str> = self.options.iter().map(|it| it.name.as_str()).collect();
        let mut known = known.join(", ");
        if known.is_empty() {
            known.push_str("none");
        }
        Err(EngineError::NoOption {
            option: name.to_string(),
            known: shown(&known),
        })
    }
}

impl Offered {
    /// Of what follows `option name`.
    fn parse(text: &str) -> Option<Offered> {
        let (name, kind) = text.split_once(" type ")?;
        let mut words = kind.split_ascii_whitespace();
        let is_number = words.next() == Some("spin");
        let most = words.skip_while(|&word| word != "max").nth(1);
        Some(Offered {
            name: name.trim().to_string(),
            most: most
                .and_then(|most| most.parse().ok())
                .filter(|_| is_number),
        })
    }
}

impl Session {
    pub(super) fn start(engine: &Path, timeout: Duration) -> Result<Session, EngineError> {
        Ok(Session {
            process: Process::start(engine)?,
            timeout,
            last: None,
        })
    }

    /// The engine's process, or that of the script in front of it.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn send(&self, command: &str) {
        self.process.send(command);
    }

    /// When an answer to a command that is sent now is due.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Lets the engine end by itself.
    pub(super) fn quit(self) {
        self.process.quit();
    }

    /// The next line, or why there is none.
    pub(super) fn next(&mut self, command: &str, deadline: Instant) -> Result<Line, EngineError> {
        match self.process.next(deadline) {
            Next::Line(line) => {
                if !line.text.trim().is_empty() {
                    self.last = Some(shown(&line.text));
                }
                Ok(line)
            }
            Next::TimedOut => Err(EngineError::Hangs {
                command: command.to_string(),
                seconds: self.timeout.as_secs(),
                last: self.last.take(),
            }),
            Next::Ended(status) => Err(EngineError::Died {
                command: command.to_string(),
                status,
                last: self.last.take(),
            }),
        }
    }

    /// `uci`: the engine's name and options.
    pub(super) fn greet(&mut self) -> Result<Greeting, EngineError> {
        let deadline = self.deadline();
        self.send("uci");
        let mut greeting = Greeting {
            name: None,
            options: Vec::new(),
        };
        loop {
            let line = self.next("uci", deadline)?.text;
            let line = line.trim();
            if line == "uciok" {
                return Ok(greeting);
            } else if let Some(text) = line.strip_prefix("id name ") {
                greeting.name = Some(shown(text));
            } else if let Some(text) = line.strip_prefix("option name ")
                && greeting.options.len() < MAX_OPTIONS
            {
                greeting.options.extend(Offered::parse(text));
            }
        }
    }

    /// Sets an option and waits until the engine has taken it.
    pub(super) fn set(
        &mut self,
        option: &str,
        value: &str,
        greeting: &Greeting,
    ) -> Result<(), EngineError> {
        greeting.check_option(option)?;
        self.obey(&format!("setoption name {option} value {value}"))
    }

    /// A command that has no answer: waits until the engine has done it.
    pub(super) fn obey(&mut self, command: &str) -> Result<(), EngineError> {
        let deadline = self.deadline();
        self.send(command);
        self.send("isready");
        loop {
            let line = self.next(command, deadline)?.text;
            if line.trim() == "readyok" {
                return Ok(());
            }
            if is_complaint(&line) {
                return Err(EngineError::Refused {
                    command: command.to_string(),
                    line: shown(&line),
                });
            }
        }
    }
}

/// UCI commands are lines.
pub(super) fn check_sendable(
    options: &[(String, String)],
    others: &[&str],
) -> Result<(), EngineError> {
    let options = options
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    for text in options.chain(others.iter().copied()) {
        if text.contains(['\n', '\r', '\0']) {
            return Err(EngineError::NotSendable {
                text: excerpt_of(text.as_bytes(), 300),
            });
        }
    }
    Ok(())
}

pub(super) fn is_complaint(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    ["no such option", "unknown option", "unknown command"]
        .iter()
        .any(|it| lower.contains(it))
        || lower.starts_with("info string error")
}

/// An engine's line as a message may hold it.
pub(super) fn shown(line: &str) -> String {
    excerpt_of(line.trim().as_bytes(), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_their_greatest_values() {
        for (text, name, most) in [
            (
                "MultiPV type spin default 1 min 1 max 500",
                "MultiPV",
                Some(500),
            ),
            ("Clear Hash type button", "Clear Hash", None),
            ("EvalFile type string default max 7", "EvalFile", None),
            ("Odd type spin default 1", "Odd", None),
            ("Odd type spin max x", "Odd", None),
        ] {
            let option = Offered::parse(text).unwrap();
            assert_eq!((option.name.as_str(), option.most), (name, most), "{text}");
        }
        assert!(Offered::parse("MultiPV").is_none());
    }
}
