//! Parts of the data that many machines can read at the same time.

use std::ffi::OsString;

use super::error::PositionsError;
use super::open::{Source, expand};

/// A part of the data. The parts 0 to `of - 1` share no position, and together they are the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Below `of`.
    pub number: u32,
    pub of: u32,
    pub by: PartBy,
}

/// What is dealt out to the parts in turn: number k goes to part k modulo their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartBy {
    /// Blocks, numbered through all files: chunks of a binpack, about 1 MiB of other data. The blocks of other parts
    /// are not decoded, nor even read where that is possible. A game that goes on in the next block is cut there.
    Blocks,
    /// Whole games, numbered through all files. Everything is decoded.
    Games,
}

/// Data of which there is so much for every part, in bytes on the disk, are dealt out by blocks.
const BLOCKS_FROM: u64 = 16 << 20;

impl Part {
    /// Is this block in another part?
    pub(super) fn lacks_block(&self, block: u64) -> bool {
        self.by == PartBy::Blocks && block % u64::from(self.of) != u64::from(self.number)
    }

    /// Is this game in another part?
    pub(super) fn lacks_game(&self, game: u64) -> bool {
        self.by == PartBy::Games && game % u64::from(self.of) != u64::from(self.number)
    }
}

/// A file that positions are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Without its folder; `-` for standard input.
    pub name: String,
    /// Its size on the disk; unknown for standard input.
    pub bytes: Option<u64>,
}

/// The files that inputs stand for, in the order in which [`read`](super::read) reads them.
///
/// # Errors
/// A file, directory or pattern that is not there.
pub fn input_files(inputs: &[OsString]) -> Result<Vec<InputFile>, PositionsError> {
    let describe = |source| match source {
        Source::StandardInput => Ok(InputFile {
            name: "-".to_owned(),
            bytes: None,
        }),
        Source::File(path) => {
            let metadata = path.metadata().map_err(|source| PositionsError::Io {
                file: path.display().to_string(),
                source,
            })?;
            let name = path.file_name().unwrap_or(path.as_os_str());
            Ok(InputFile {
                name: name.to_string_lossy().into_owned(),
                bytes: metadata.is_file().then_some(metadata.len()),
            })
        }
    };
    expand(inputs)?.into_iter().map(describe).collect()
}

/// How to deal these files out to `of` parts: by blocks if there are 16 MiB for every part, otherwise by games.
#[must_use]
pub fn part_by(files: &[InputFile], of: u32) -> PartBy {
    let total = files
        .iter()
        .try_fold(0u64, |sum, file| Some(sum.saturating_add(file.bytes?)));
    match total {
        Some(total) if total / u64::from(of.max(1)) >= BLOCKS_FROM => PartBy::Blocks,
        _ => PartBy::Games,
    }
}
