//! Lists of FENs or EPDs, one a line.
//!
//! Empty lines and lines that begin with `#` are left out. Clocks may be missing, and whatever follows the position
//! (EPD operations, scores after `|` or `;`) is ignored: such a list records neither score nor move nor result.

use std::io;
use std::ops::ControlFlow;

use super::entry::BoardEntry;
use super::error::Problem;
use super::filter::Sieve;
use super::format::{Format, HEAD_SIZE, Likeness, Located, NextBlock};
use super::input::Input;
use super::lines::{check_length, lines, skip_line, whole_lines};
use crate::chess::board::Board;
use crate::files::quote::quoted;

/// The format.
#[derive(Debug)]
pub struct Fens;

impl Format for Fens {
    fn name(&self) -> &'static str {
        "FEN or EPD list"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["fen", "fens", "epd"]
    }

    fn recognises(&self, head: &[u8]) -> bool {
        records(head)
            .next()
            .is_some_and(|(_, line)| parse(line).is_ok())
    }

    fn resembles(&self, head: &[u8]) -> Likeness {
        let whole = if head.len() < HEAD_SIZE {
            head.len()
        } else {
            whole_lines(head)
        };
        Likeness::of(records(&head[..whole]).map(|(_, line)| parse(line)))
    }

    /// Games can be told apart only in a list of whole games with move numbers, and nothing says that a list is one.
    fn tells_games(&self) -> bool {
        false
    }

    fn of_games(&self) -> bool {
        false
    }

    fn next_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock> {
        input.read_block(block, "the line", whole_lines)
    }

    fn resynchronise(&self, input: &mut Input) -> io::Result<bool> {
        skip_line(input)
    }

    fn decode(&self, block: &[u8], sieve: &mut Sieve<'_>) -> Result<(), Located> {
        for (offset, line) in records(block) {
            if let ControlFlow::Break(()) = sieve.offer_record(offset, parse(line))? {
                break;
            }
        }
        Ok(())
    }
}

/// Lines that hold a position.
fn records(block: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    lines(block).filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"))
}

/// Reads a line.
pub(crate) fn parse(line: &[u8]) -> Result<BoardEntry, Problem> {
    let wrong = |why: &dyn std::fmt::Display| {
        Problem::Record(format!(
            "expected a position, found {}: {why}",
            quoted(line)
        ))
    };
    check_length(line)?;
    let text = std::str::from_utf8(line).map_err(|error| wrong(&error))?;
    // What may follow a position begins with one of these; no field of a FEN contains them.
    let text = text.split([';', '|', ',']).next().unwrap_or_default();
    let mut fields: Vec<&str> = text.split_ascii_whitespace().take(6).collect();
    if fields.len() < 2 {
        return Err(wrong(&"it has no side to move"));
    }
    let clocks = fields
        .iter()
        .skip(4)
        .take_while(|field| field.parse::<u32>().is_ok())
        .count();
    fields.truncate(4 + clocks);
    let board: Board = fields.join(" ").parse().map_err(|error| wrong(&error))?;
    Ok(BoardEntry {
        board,
        score: None,
        result: None,
        ply: (clocks == 2).then(|| board.ply()),
        best_move: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lines_look_like() {
        let fen = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";
        for (suffix, ply) in [
            ("", Some(1)),
            (" ;D1 20 ;D2 400", Some(1)),
            (" | 34 | 0.5", Some(1)),
            ("; bm e7e5", Some(1)),
            (",17", Some(1)),
        ] {
            let entry = parse(format!("{fen}{suffix}").as_bytes()).unwrap();
            assert_eq!(entry.board.fen(), fen);
            assert_eq!(entry.ply, ply);
        }
        let epd = "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R w KQkq - bm Bb5; id \"x\";";
        assert_eq!(parse(epd.as_bytes()).unwrap().ply, None);
        for bad in [
            "",
            "x",
            "8/8/8/8/8/8/8/8 w - - 0 1",
            "fen 8/8",
            "\u{fffd} w",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
