//! Reads positions from training data: any size, in bounded memory, the same positions on any number of threads.
//!
//! ```text
//! files ──► Input ──► blocks ──► Sieve, one a block, in parallel ──► in order: thinning, games ──► Positions
//! ```
//!
//! A [`Format`] cuts a stream into blocks (the chunks of a binpack) and decodes one block on its own. Every entry of a
//! block is offered to a [`filter::Sieve`], which keeps the positions that pass. The blocks are then put together in
//! the order of the data. Only positions that are taken stay in memory, and a few blocks.
//!
//! ```
//! use ftperm::positions::{self, Options, Sampling};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options {
//!     sampling: Sampling { count: Some(1000), ..Sampling::default() },
//!     ..Options::default()
//! };
//! let taken = positions::read(&["datasets/selfplay.binpack".into()], &options)?;
//! assert_eq!(taken.len(), 1000);
//! // A tenth of the games, by positions, is kept to measure on.
//! let (training, holdout) = taken.split_holdout(0.1, 0);
//! assert_eq!(training.len() + holdout.len(), 1000);
//! # Ok(())
//! # }
//! ```

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

#[doc(hidden)]
pub mod binpack;
pub mod bucket_weights;
#[doc(hidden)]
pub mod bullet;
mod contain;
pub mod entry;
mod error;
#[doc(hidden)]
pub mod fens;
#[doc(hidden)]
pub mod filter;
mod first_position;
#[doc(hidden)]
pub mod format;
#[doc(hidden)]
pub mod games;
#[doc(hidden)]
pub mod input;
#[doc(hidden)]
pub mod irreversible;
#[doc(hidden)]
pub mod lines;
mod neighbours;
mod open;
#[doc(hidden)]
pub mod packed_sfen;
mod part;
#[doc(hidden)]
pub mod pgn;
mod pipeline;
#[doc(hidden)]
pub mod plain;
mod records;
mod sample;
#[doc(hidden)]
pub mod viri;

#[doc(hidden)]
pub use self::error::Damage;
pub use self::error::{PositionsError, Problem};
pub use self::filter::{Filters, Reason, Statistics};
pub use self::format::Format;
#[doc(hidden)]
pub use self::part::{InputFile, input_files, part_by};
pub use self::part::{Part, PartBy};
pub use self::sample::Sampling;
use crate::chess::board::Board;

/// Every data format there is, in the order in which they are tried: those that are recognised most surely come first.
#[doc(hidden)]
pub static FORMATS: [&dyn Format; 7] = [
    &binpack::Binpack,
    &plain::Plain,
    &pgn::Pgn,
    &fens::Fens,
    &bullet::FORMAT,
    &viri::Viri,
    &packed_sfen::FORMAT,
];

/// Positions taken from data, in the order of the data.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    pub boards: Vec<Board>,
    /// Number of the game of each board. Games are numbered in their order, from 0 and without gaps; games of which
    /// nothing was taken have no number. Where the format does not tell games (lists of FENs, bulletformat), groups of
    /// neighbouring positions stand for them: 256 positions and more, in sets of less than 25,600 a hundredth of them,
    /// but no less than 64.
    pub games: Vec<u32>,
    pub statistics: Statistics,
}

impl Positions {
    /// Number of positions.
    pub fn len(&self) -> usize {
        self.boards.len()
    }

    pub fn is_empty(&self) -> bool {
        self.boards.is_empty()
    }
}

/// Which positions to take.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub filters: Filters,
    pub sampling: Sampling,
    /// Of all random choices.
    pub seed: u64,
    /// Leave out what is damaged, and count it, rather than fail: of a binpack the whole chunk, of other formats the
    /// record. After a damaged chunk header, reading goes on at the next "BINP".
    pub skip_damaged: bool,
    /// Take positions of this part of the data only. The choices are those of the whole, but for the piece count filter
    /// where [blocks](PartBy::Blocks) are dealt out: it sees nothing of other parts.
    pub part: Option<Part>,
    /// Decoding threads; as many as rayon's current pool has if `None`. The outcome does not depend on it.
    pub threads: Option<NonZeroUsize>,
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read so far, decompressed.
    pub bytes: u64,
    /// Entries judged so far.
    pub read: u64,
    pub taken: u64,
}

/// The files that inputs stand for, in the order in which they are read; `-` stands for none.
///
/// # Errors
/// A directory or pattern has no files, or cannot be listed.
pub fn files(inputs: &[OsString]) -> Result<Vec<PathBuf>, PositionsError> {
    let sources = open::expand(inputs)?.into_iter();
    let file = |source| match source {
        open::Source::File(path) => Some(path),
        open::Source::StandardInput => None,
    };
    Ok(sources.filter_map(file).collect())
}

/// What a file's content says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// [`Format::name`].
    pub format: &'static str,
    pub compressed: bool,
}

/// The format in which a file holds positions, `None` if it holds something else. Only its first bytes are read.
///
/// # Errors
/// It cannot be read, or is compressed and damaged.
pub fn recognise(file: &Path) -> Result<Option<Recognised>, PositionsError> {
    match open::open(open::Source::File(file.to_owned())) {
        Ok(stream) => Ok(Some(Recognised {
            format: stream.format.name(),
            compressed: stream.input.decompressed(),
        })),
        Err(PositionsError::Empty { .. } | PositionsError::UnknownFormat { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Are all these files known to hold positions of games? Lists of positions (FENs, EPDs) may hold any, and nothing is
/// known of standard input and other streams before they were read.
///
/// # Errors
/// A file cannot be read, or is compressed and damaged.
#[doc(hidden)]
pub fn are_of_games(inputs: &[OsString]) -> Result<bool, PositionsError> {
    for source in open::expand(inputs)? {
        let open::Source::File(path) = &source else {
            return Ok(false);
        };
        let of_games = path.is_file()
            && match open::open(source) {
                Ok(stream) => stream.format.of_games(),
                // Whoever reads the file says what is wrong with it.
                Err(PositionsError::Empty { .. } | PositionsError::UnknownFormat { .. }) => false,
                Err(error) => return Err(error),
            };
        if !of_games {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads positions from files, one after the other. An input is a file, a directory (all files in it with a usual
/// ending of a known format), a pattern like `data/*.binpack`, or `-` for standard input. The content of a file decides
/// its format; it may be compressed with gzip, zstd or xz.
///
/// # Errors
/// A file cannot be read, is damaged or of no known format; nothing was taken; an option makes no sense.
pub fn read(inputs: &[OsString], options: &Options) -> Result<Positions, PositionsError> {
    read_with_progress(inputs, options, &mut |_| ControlFlow::Continue(()))
}

/// As [`read`], and reports its progress block by block. Breaking ends it with [`PositionsError::Interrupted`].
///
/// # Errors
/// As [`read`].
#[doc(hidden)]
pub fn read_with_progress(
    inputs: &[OsString],
    options: &Options,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Positions, PositionsError> {
    let mut sources = open::expand(inputs)?.into_iter();
    pipeline::read_streams(
        || sources.next().map(open::open).transpose(),
        options,
        progress,
    )
}

/// Reads positions from a stream that is called `name` in errors.
///
/// # Errors
/// As [`read`].
pub fn read_stream(
    name: &str,
    stream: Box<dyn std::io::Read + Send>,
    options: &Options,
) -> Result<Positions, PositionsError> {
    let mut stream = Some(stream);
    pipeline::read_streams(
        || {
            stream
                .take()
                .map(|stream| open::recognise(name, Box::new(input::Unseekable(stream))))
                .transpose()
        },
        options,
        &mut |_| ControlFlow::Continue(()),
    )
}
