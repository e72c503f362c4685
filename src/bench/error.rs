//! Why an engine could not be measured.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why an engine could not be measured. Every message names the engine or the network that it is about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    #[error("cannot start the engine {}: {source}{}", engine.display(), in_current_folder(engine, source))]
    Start {
        engine: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "the engine did not answer `{command}` within {seconds} seconds (--timeout){}",
        last_line(last)
    )]
    Hangs {
        command: String,
        seconds: u64,
        /// The last line that it printed.
        last: Option<String>,
    },
    #[error("the engine ended ({status}) during `{command}`{}", last_line(last))]
    Died {
        command: String,
        status: String,
        last: Option<String>,
    },
    #[error(
        "the engine has no option `{option}`, so it cannot be given a network or a setting by that name; \
         it has: {known}"
    )]
    NoOption { option: String, known: String },
    #[error("the engine refused `{command}`: {line}")]
    Refused { command: String, line: String },
    #[error("the engine refused `{bench}` with the network {net}: {line}")]
    RefusedBench {
        bench: String,
        net: String,
        line: String,
    },
    #[error("`{text}` cannot be sent to an engine: UCI commands are single lines of UTF-8")]
    NotSendable { text: String },
    #[error("the engine was given {given} but says that it uses another network: {line}")]
    OtherNet { given: String, line: String },
    #[error(
        "the engine ignores {option}: it searched {nodes} nodes with {net}, and as many after the network's output \
         weights were changed; either it does not use that network, or `{bench}` is too short to show it"
    )]
    IgnoresNet {
        option: String,
        net: String,
        nodes: u64,
        bench: String,
    },
    #[error(
        "`{bench}` is not repeatable: {first} nodes, then {second} with the same network {net}; \
         one thread and a fixed depth are needed"
    )]
    NotRepeatable {
        bench: String,
        net: String,
        first: u64,
        second: u64,
    },
    #[error(
        "the networks do not compute the same: {base_nodes} nodes with {base}, {test_nodes} with {test}"
    )]
    NodesDiffer {
        base: String,
        base_nodes: u64,
        test: String,
        test_nodes: u64,
    },
    #[error("cannot write a network for the engine: {0}")]
    Temporary(#[source] std::io::Error),
    #[error("{0}")]
    Statistics(&'static str),
}

/// Programs without a folder are looked for where the system has its programs, and nowhere else.
fn in_current_folder(engine: &Path, error: &io::Error) -> String {
    let is_name = engine.parent() == Some(Path::new(""));
    if error.kind() == io::ErrorKind::NotFound && is_name && engine.is_file() {
        format!(
            "; for the file in the current folder say ./{}",
            engine.display()
        )
    } else {
        String::new()
    }
}

fn last_line(last: &Option<String>) -> String {
    match last {
        Some(line) => format!("; its last line: {line}"),
        None => "; it printed nothing".to_string(),
    }
}
