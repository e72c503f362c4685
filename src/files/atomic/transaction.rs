//! Several files that appear together or not at all.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use tempfile::NamedTempFile;

use super::file::{FinishedFile, Placed};
use super::sync::sync_folder;
use super::temporary::{Listed, TEMPORARY_FILES, names};
use super::{OutputError, folder_of, io_error, without_temporary_name};

/// A file that has its name, and what is needed to take the name away from it again.
struct Renamed {
    target: PathBuf,
    path: PathBuf,
    /// Was there a file of this name?
    replaced: bool,
    /// The file that had the name, by a second one.
    before: Option<(NamedTempFile<()>, Listed)>,
}

/// Gives all files their names. If one cannot have its name, the others lose theirs again, and files that they replaced
/// come back; where that is not possible, the error names those that stay. When this returns, all are on the disk.
///
/// # Errors
/// An I/O error.
pub fn commit_all(files: Vec<FinishedFile>) -> Result<(), OutputError> {
    let placed: Vec<Placed> = files
        .into_iter()
        .map(FinishedFile::place)
        .collect::<Result<_, _>>()?;
    let last = placed.len().saturating_sub(1);
    let mut renamed: Vec<Renamed> = Vec::new();
    for (number, file) in placed.into_iter().enumerate() {
        let Placed {
            target,
            destination,
            file,
            listed,
        } = file;
        let path = destination.path.clone();
        let before = (number < last && destination.replaces())
            .then(|| second_name(&path).ok())
            .flatten();
        if let Err(error) = file.persist(&path) {
            return Err(undo(renamed, target, error.error));
        }
        drop(listed);
        renamed.push(Renamed {
            target,
            path,
            replaced: destination.replaces(),
            before,
        });
    }
    let folders: BTreeSet<PathBuf> = renamed
        .iter()
        .map(|file| folder_of(&file.path).to_path_buf())
        .collect();
    for folder in folders {
        sync_folder(&folder).map_err(|source| OutputError::NotSynced {
            folder,
            source,
            written: renamed.iter().map(|file| file.target.clone()).collect(),
        })?;
    }
    Ok(())
}

/// A second name for a file, where the file system knows such.
fn second_name(path: &std::path::Path) -> io::Result<(NamedTempFile<()>, Listed)> {
    let make = || names().make_in(folder_of(path), |name| std::fs::hard_link(path, name));
    TEMPORARY_FILES.begin(make)
}

/// Puts everything back as it was, because `target` could not be written.
fn undo(renamed: Vec<Renamed>, target: PathBuf, source: io::Error) -> OutputError {
    let mut left = Vec::new();
    for file in renamed.into_iter().rev() {
        let undone = match file.before {
            Some((before, listed)) => {
                let restored = before.persist(&file.path).map(drop);
                drop(listed);
                restored.map_err(|error| error.error)
            }
            None if file.replaced => Err(io::ErrorKind::Unsupported.into()),
            None => std::fs::remove_file(&file.path),
        };
        if undone.is_err() {
            left.push(file.target);
        }
    }
    if left.is_empty() {
        return io_error(&target, source);
    }
    left.reverse();
    OutputError::Partly {
        path: target,
        source: without_temporary_name(source),
        written: left,
    }
}
