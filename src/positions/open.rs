//! From what was asked for to streams whose format is known.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use super::FORMATS;
use super::error::{PositionsError, describe_bytes};
use super::format::HEAD_SIZE;
use super::input::Input;
use super::pipeline::Stream;

const BUFFER_SIZE: usize = 1 << 18;

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    StandardInput,
    File(PathBuf),
}

/// The sources that inputs stand for.
pub(super) fn expand(inputs: &[OsString]) -> Result<Vec<Source>, PositionsError> {
    Ok(inputs
        .iter()
        .map(|input| {
            if input == "-" {
                Source::StandardInput
            } else {
                Source::File(PathBuf::from(input))
            }
        })
        .collect())
}

/// Opens a source and finds out its format.
pub(super) fn open(source: Source) -> Result<Stream, PositionsError> {
    match source {
        Source::StandardInput => recognise("standard input", Box::new(io::stdin())),
        Source::File(path) => {
            let name = path.display().to_string();
            let file = File::open(&path).map_err(|source| PositionsError::Io {
                file: name.clone(),
                source,
            })?;
            recognise(&name, Box::new(file))
        }
    }
}

/// Finds out the format of a stream by its first bytes.
pub(super) fn recognise(
    name: &str,
    reader: Box<dyn Read + Send>,
) -> Result<Stream, PositionsError> {
    let reader = BufReader::with_capacity(BUFFER_SIZE, reader);
    let mut input = Input::new(name.to_owned(), Box::new(reader), false);
    let mut head = Vec::new();
    input
        .read_to_vec(HEAD_SIZE as u64, &mut head)
        .map_err(|source| PositionsError::Io {
            file: name.to_owned(),
            source,
        })?;
    if head.is_empty() {
        return Err(PositionsError::Empty {
            file: name.to_owned(),
        });
    }
    input.unread(&head);
    let Some(&format) = FORMATS.iter().find(|format| format.recognises(&head)) else {
        return Err(PositionsError::UnknownFormat {
            file: name.to_owned(),
            begin: describe_bytes(&head[..head.len().min(8)]),
            known: FORMATS.map(|format| format.name()).join(", "),
        });
    };
    Ok(Stream { input, format })
}
