//! The file in which a search leaves its state.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use ftperm::bucket_weights::{BUCKETS, BucketWeights};
use ftperm::output::{check_writable, write_file};
use ftperm::quote::message;
use ftperm::search::{Checkpoint, SearchError};
use serde::{Deserialize, Serialize};

use crate::cli::console;

/// The file, and what an earlier process left in it.
pub struct SearchState {
    path: Option<PathBuf>,
    pub found: Option<Checkpoint>,
    weights: Option<[u32; BUCKETS]>,
}

/// Its contents.
#[derive(Serialize, Deserialize)]
struct Contents<C> {
    /// Of the buckets, which are a part of what is searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weights: Option<[u32; BUCKETS]>,
    #[serde(flatten)]
    checkpoint: C,
}

/// A file of orders of the widest network is far smaller.
const MOST_BYTES: u64 = 64 << 20;

impl SearchState {
    /// No file is wanted.
    pub fn none() -> SearchState {
        SearchState {
            path: None,
            found: None,
            weights: None,
        }
    }

    /// Reads the file if it is there.
    pub fn open(path: &Path, weights: Option<BucketWeights>) -> anyhow::Result<SearchState> {
        check_writable(path)?;
        let weights = weights.map(|it| it.integers());
        let found = if path.exists() {
            let read = || -> anyhow::Result<Contents<Checkpoint>> {
                if path.metadata()?.len() > MOST_BYTES {
                    return Err(anyhow!("the file is too large"));
                }
                serde_json::from_slice(&std::fs::read(path)?)
                    .map_err(|error| anyhow!(message(&error)))
            };
            let found =
                read().with_context(|| format!("{}: no state of a search", path.display()))?;
            if found.weights != weights {
                bail!(
                    "{}: it is of a search with other weights of buckets; give the same --weight, or remove the file",
                    path.display()
                );
            }
            console::say(format!("going on from {}", path.display()));
            Some(found.checkpoint)
        } else {
            None
        };
        Ok(SearchState {
            path: Some(path.to_path_buf()),
            found,
            weights,
        })
    }

    pub fn is_wanted(&self) -> bool {
        self.path.is_some()
    }

    /// Writes the file anew. A full disk is no reason to stop a search.
    pub fn write(&self, state: &Checkpoint) {
        let Some(path) = &self.path else { return };
        let contents = Contents {
            weights: self.weights,
            checkpoint: state,
        };
        let written = serde_json::to_vec(&contents)
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
