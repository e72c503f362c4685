//! The file in which a search leaves its state.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use ftperm::output::{check_writable, write_file};
use ftperm::search::{Checkpoint, SearchError};

use crate::cli::console;

/// The file, and what an earlier process left in it.
pub struct SearchState {
    path: Option<PathBuf>,
    pub found: Option<Checkpoint>,
}

/// A file of orders of the widest network is far smaller.
const MOST_BYTES: u64 = 64 << 20;

impl SearchState {
    /// No file is wanted.
    pub fn none() -> SearchState {
        SearchState {
            path: None,
            found: None,
        }
    }

    /// Reads the file if it is there.
    pub fn open(path: &Path) -> anyhow::Result<SearchState> {
        check_writable(path)?;
        let found = if path.exists() {
            let read = || -> anyhow::Result<Checkpoint> {
                if path.metadata()?.len() > MOST_BYTES {
                    return Err(anyhow!("the file is too large"));
                }
                Ok(serde_json::from_slice(&std::fs::read(path)?)?)
            };
            let checkpoint =
                read().with_context(|| format!("{}: no state of a search", path.display()))?;
            console::say(format!("going on from {}", path.display()));
            Some(checkpoint)
        } else {
            None
        };
        Ok(SearchState {
            path: Some(path.to_path_buf()),
            found,
        })
    }

    pub fn is_wanted(&self) -> bool {
        self.path.is_some()
    }

    /// Writes the file anew. A full disk is no reason to stop a search.
    pub fn write(&self, state: &Checkpoint) {
        let Some(path) = &self.path else { return };
        let written = serde_json::to_vec(state)
            .map_err(anyhow::Error::from)
            .and_then(|bytes| Ok(write_file(path, &bytes)?));
        if let Err(error) = written {
            console::warn(format!("no checkpoint: {error}"));
        }
    }

    /// The search is done.
    pub fn remove(&self) {
        if let Some(path) = &self.path
            && path.exists()
            && let Err(error) = std::fs::remove_file(path)
        {
            console::warn(format!("cannot remove {}: {error}", path.display()));
        }
    }

    /// Says which file a search could not go on from, and what to do.
    pub fn explain(&self, error: SearchError) -> anyhow::Error {
        match (&self.path, &error) {
            (Some(path), SearchError::Checkpoint(why)) => anyhow!(
                "{}: the search cannot go on from here: {why}; give the same data, seed, --effort, --start and \
                 --memory, or remove the file",
                path.display()
            ),
            _ => error.into(),
        }
    }
}
