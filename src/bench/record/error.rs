//! Why nothing could be recorded.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::bench::EngineError;

/// Why nothing could be recorded from an engine.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    #[error("{}{source}{}", of(engine, source), searched(root))]
    Engine {
        engine: PathBuf,
        source: Box<EngineError>,
        /// The position that it searched then.
        root: Option<String>,
    },
    #[error(
        "{}: the engine printed `{word}` where a legal move is expected, in `{line}`{}",
        engine.display(),
        searched(&Some(root.clone()))
    )]
    IllegalMove {
        engine: PathBuf,
        word: String,
        line: String,
        root: String,
    },
    #[error(
        "{}: the engine told nothing that can be recorded: no line of moves and no position of {roots} searches led \
         to a position without check",
        engine.display()
    )]
    Nothing { engine: PathBuf, roots: usize },
    #[error("interrupted: nothing more was written")]
    Interrupted,
    #[error("no thread for an engine: {0}")]
    Thread(#[source] std::io::Error),
}

/// The beginning of a message that does not name the engine itself.
fn of(engine: &Path, source: &EngineError) -> String {
    match source {
        EngineError::Start { .. } => String::new(),
        _ => format!("{}: ", engine.display()),
    }
}

/// The end of a message.
fn searched(root: &Option<String>) -> String {
    root.as_ref()
        .map_or_else(String::new, |root| format!("; it searched {root}"))
}
