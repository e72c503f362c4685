//! From what was asked for to streams whose format is known: paths, patterns, directories, compression.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::FORMATS;
use super::error::{Damage, PositionsError, Problem, describe_bytes};
use super::format::HEAD_SIZE;
use super::input::{self, Input, Unseekable};
use super::lines::is_utf16;
use super::pipeline::Stream;
use crate::files::reading::Compression;

const BUFFER_SIZE: usize = 1 << 18;
/// Endings of compressed files.
const COMPRESSED: [&str; 3] = ["gz", "zst", "xz"];

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    StandardInput,
    File(PathBuf),
}

/// The sources that inputs stand for, in the order of the inputs; the files of a directory or pattern are sorted by
/// name.
pub(super) fn expand(inputs: &[OsString]) -> Result<Vec<Source>, PositionsError> {
    let mut sources = Vec::new();
    for input in inputs {
        if input == "-" {
            sources.push(Source::StandardInput);
            continue;
        }
        let path = Path::new(input);
        let files = if path.is_dir() {
            directory(path)?
        } else if path.exists() {
            vec![path.to_owned()]
        } else {
            pattern(path)?
        };
        sources.extend(files.into_iter().map(Source::File));
    }
    Ok(sources)
}

/// The position data in a directory, by the endings of the names.
fn directory(path: &Path) -> Result<Vec<PathBuf>, PositionsError> {
    let failed = |source| PositionsError::Io {
        file: path.display().to_string(),
        source,
    };
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.is_file() && has_known_extension(&file) {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(PositionsError::EmptyDirectory {
            directory: path.display().to_string(),
            endings: known_extensions().collect::<Vec<_>>().join(", "),
        });
    }
    Ok(files)
}

fn known_extensions() -> impl Iterator<Item = &'static str> {
    FORMATS
        .iter()
        .flat_map(|format| format.extensions())
        .copied()
}

fn has_known_extension(path: &Path) -> bool {
    let extension = |path: &Path| Some(path.extension()?.to_str()?.to_ascii_lowercase());
    let Some(last) = extension(path) else {
        return false;
    };
    let last = if COMPRESSED.contains(&last.as_str()) {
        match path.file_stem().and_then(|stem| extension(Path::new(stem))) {
            Some(inner) => inner,
            None => return false,
        }
    } else {
        last
    };
    known_extensions().any(|known| known == last)
}

/// The files that a pattern like `data/*.binpack` names.
fn pattern(path: &Path) -> Result<Vec<PathBuf>, PositionsError> {
    let none = || PositionsError::NoFiles {
        pattern: path.display().to_string(),
    };
    let text = path.to_str().ok_or_else(none)?;
    let paths = glob::glob(text).map_err(|error| PositionsError::Pattern {
        pattern: text.to_owned(),
        message: error.msg.to_owned(),
    })?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| PositionsError::Io {
            file: error.path().display().to_string(),
            source: error.into(),
        })?;
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(none());
    }
    Ok(files)
}

/// Opens a source and finds out its format.
pub(super) fn open(source: Source) -> Result<Stream, PositionsError> {
    match source {
        Source::StandardInput => recognise("standard input", Box::new(Unseekable(io::stdin()))),
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

/// Finds out the format of a stream by its first bytes, after decompressing it if need be.
pub(super) fn recognise(
    name: &str,
    reader: Box<dyn input::Source>,
) -> Result<Stream, PositionsError> {
    let failed = |source| PositionsError::Io {
        file: name.to_owned(),
        source,
    };
    let mut reader = BufReader::with_capacity(BUFFER_SIZE, reader);
    let begin = loop {
        match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other.map_err(failed)?,
        }
    };
    if begin.is_empty() {
        return Err(PositionsError::Empty {
            file: name.to_owned(),
        });
    }
    let mut input = match Compression::of(begin) {
        None => Input::new(name.to_owned(), Box::new(reader), false),
        Some(compression) => {
            let decoder = compression
                .reader(reader)
                .map_err(|source| match source.kind() {
                    // What the file's own header asks for, not a failure of the system.
                    io::ErrorKind::InvalidData => PositionsError::Damaged(Damage {
                        file: name.to_owned(),
                        offset: 0,
                        decompressed: false,
                        problem: Problem::Record(source.to_string()),
                        resembles: None,
                    }),
                    _ => failed(source),
                })?;
            let decoder = BufReader::with_capacity(BUFFER_SIZE, decoder);
            Input::new(name.to_owned(), Box::new(Unseekable(decoder)), true)
        }
    };
    let mut head = Vec::new();
    if let Err(source) = input.read_to_vec(HEAD_SIZE as u64, &mut head)
        // What was decompressed before the damage may be worth reading; the damage will be met again.
        && head.is_empty()
    {
        return Err(if input.decompressed() {
            PositionsError::Damaged(Damage {
                file: name.to_owned(),
                offset: 0,
                decompressed: true,
                problem: Problem::Compression(source.to_string()),
                resembles: None,
            })
        } else {
            failed(source)
        });
    }
    if head.is_empty() {
        return Err(PositionsError::Empty {
            file: name.to_owned(),
        });
    }
    input.unread(&head);
    let recognised = FORMATS.iter().find(|format| format.recognises(&head));
    let likely = || {
        FORMATS
            .iter()
            .find(|format| format.resembles(&head).is_likely())
    };
    let Some(&format) = recognised.or_else(likely) else {
        if is_utf16(&head) {
            return Err(PositionsError::Utf16 {
                file: name.to_owned(),
            });
        }
        return Err(PositionsError::UnknownFormat {
            file: name.to_owned(),
            begin: describe_bytes(&head[..head.len().min(8)]),
            known: FORMATS.map(|format| format.name()).join(", "),
        });
    };
    tracing::info!(
        file = name,
        format = format.name(),
        compressed = input.decompressed(),
        "reading positions"
    );
    Ok(Stream {
        input,
        format,
        resembles: recognised.is_none().then(|| format.name()),
    })
}
