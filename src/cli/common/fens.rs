//! Positions as FENs, one or a list.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use ftperm::positions::lines::{LineError, TextLines};

/// A position as it was given, with the place it was found at.
pub type Found = anyhow::Result<(String, String)>;

/// Positions as they are read.
pub type Fens = Box<dyn Iterator<Item = Found>>;

/// The position of `--fen`.
pub fn one(fen: &str) -> Fens {
    let found = Ok(("--fen".to_string(), fen.to_string()));
    Box::new(std::iter::once(found))
}

/// A file with one FEN a line, or `-` for standard input.
pub fn of_file(path: &Path) -> anyhow::Result<Fens> {
    let (name, reader): (_, Box<dyn BufRead>) = if path == Path::new("-") {
        let reader = BufReader::new(std::io::stdin());
        ("standard input".into(), Box::new(reader))
    } else {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        (name, Box::new(BufReader::new(file)))
    };
    lines_of(name, reader)
}

/// One position a line, read as it is needed.
fn lines_of(name: String, reader: Box<dyn BufRead>) -> anyhow::Result<Fens> {
    let mut lines = TextLines::new(reader).peekable();
    if lines.peek().is_none() {
        bail!("{name}: no FEN in it");
    }
    Ok(Box::new(lines.map(move |line| {
        let (number, line) = line.map_err(|error| match error {
            LineError::Io(error) => anyhow!("cannot read {name}: {error}"),
            error => anyhow!("{name}: {error}"),
        })?;
        let place = format!("{name}, line {number}");
        let fen = String::from_utf8(line)
            .map_err(|_| anyhow!("{place}: not UTF-8; a list of FENs is expected"))?;
        Ok((place, fen))
    })))
}
