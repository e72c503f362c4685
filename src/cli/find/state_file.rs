//! The file in which a search leaves its state.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use ftperm::files::atomic::{check_writable, write_file};
use ftperm::files::quote::message;
use ftperm::files::reading::{is_blank, read_file};
use ftperm::files::sealed::{is_whole, seal};
use ftperm::positions::bucket_weights::{BUCKETS, BucketWeights};
use ftperm::search::{SavedSearch, SearchError};
use serde::{Deserialize, Serialize};

use crate::cli::console;

/// The file, and what an earlier process left in it.
pub struct StateFile {
    path: Option<PathBuf>,
    pub found: Option<SavedSearch>,
    weights: Option<[u32; BUCKETS]>,
}

/// Its contents.
#[derive(Serialize, Deserialize)]
struct Contents<C> {
    /// Of the buckets, which are a part of what is searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weights: Option<[u32; BUCKETS]>,
    #[serde(flatten)]
    search: C,
}

/// A file of orders of the widest network is far smaller.
const MOST_BYTES: u64 = 64 << 20;

/// What the file holds; `None` with a warning if it was a state and is damaged, so that the search begins anew.
fn parse(text: &[u8], path: &Path) -> anyhow::Result<Option<Contents<SavedSearch>>> {
    let parsed: Result<Contents<SavedSearch>, _> = serde_json::from_slice(text);
    let why = match parsed {
        Ok(found) if is_whole(text) => return Ok(Some(found)),
        Ok(_) => "its checksum is another".to_string(),
        Err(error) => message(&error),
    };
    // Other files are left alone: a state is written over what is there.
    let was_state = ["{\"crc32\":", "{\"weights\":", "{\"format\":"]
        .iter()
        .any(|begin| text.starts_with(begin.as_bytes()));
    if !was_state && !is_blank(path) {
        bail!("{}: no state of a search: {why}", path.display());
    }
    console::warn(format!(
        "{}: this state of a search is damaged ({why}); the search begins anew",
        path.display()
    ));
    Ok(None)
}

impl StateFile {
    /// No file is wanted.
    pub fn none() -> StateFile {
        StateFile {
            path: None,
            found: None,
            weights: None,
        }
    }

    /// Reads the file if it is there.
    pub fn open(path: &Path, weights: Option<BucketWeights>) -> anyhow::Result<StateFile> {
        check_writable(path)?;
        let weights = weights.map(|it| it.integers());
        let found = if path.exists() {
            let text = read_file(path, MOST_BYTES)
                .with_context(|| format!("{}: no state of a search", path.display()))?
                .bytes;
            let Some(found) = parse(&text, path)? else {
                return Ok(StateFile {
                    path: Some(path.to_path_buf()),
                    found: None,
                    weights,
                });
            };
            if found.weights != weights {
                bail!(
                    "{}: it is of a search with other weights of buckets; give the same --weight, or remove the file",
                    path.display()
                );
            }
            console::say(format!("going on from {}", path.display()));
            Some(found.search)
        } else {
            None
        };
        Ok(StateFile {
            path: Some(path.to_path_buf()),
            found,
            weights,
        })
    }

    pub fn is_wanted(&self) -> bool {
        self.path.is_some()
    }

    /// Writes the file anew. A full disk is no reason to stop a search.
    pub fn write(&self, state: &SavedSearch) {
        let Some(path) = &self.path else { return };
        let contents = Contents {
            weights: self.weights,
            search: state,
        };
        let written = serde_json::to_string(&contents)
            .map_err(anyhow::Error::from)
            .and_then(|json| Ok(write_file(path, seal(&json).as_bytes())?));
        if let Err(error) = written {
            console::warn(format!("the state of the search is not saved: {error}"));
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
            (Some(path), SearchError::Saved(why)) => anyhow!(
                "{}: the search cannot go on from here: {why}; give the same data, seed, --effort, --start and \
                 --memory, or remove the file",
                path.display()
            ),
            _ => error.into(),
        }
    }
}
