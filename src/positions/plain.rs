//! The text form of Stockfish's training data tools: lines of a key and a value, and a line `e` after each entry.
//!
//! ```text
//! fen rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1
//! move e2e4
//! score 35
//! ply 0
//! result 1
//! e
//! ```
//!
//! Score and result are the side to move's. Keys but `fen` may be missing, unknown keys are ignored.

use std::io;
use std::ops::ControlFlow;

use super::entry::{BoardEntry, RecordedMove};
use super::error::Problem;
use super::filter::Sieve;
use super::format::{Format, Likeness, Located, NextBlock};
use super::input::Input;
use super::lines::{check_length, last_line_end, lines, skip_line, whole_lines};
use crate::chess::board::Board;
use crate::files::quote::quoted;

/// How Stockfish writes that no move was recorded.
const NO_MOVE: [&str; 3] = ["0000", "(none)", "none"];

/// The format.
#[derive(Debug)]
pub struct Plain;

impl Format for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["plain"]
    }

    fn recognises(&self, head: &[u8]) -> bool {
        lines(head)
            .map(|(_, line)| line)
            .find(|line| !line.is_empty())
            .is_some_and(|line| line.starts_with(b"fen "))
    }

    fn resembles(&self, head: &[u8]) -> Likeness {
        let mut likeness = Likeness::default();
        let mut record = Record::default();
        for (_, line) in lines(head) {
            if line == b"e" {
                match std::mem::take(&mut record).finish() {
                    Ok(_) => likeness.sound += 1,
                    Err(_) => likeness.damaged += 1,
                }
            } else if !line.is_empty() {
                record.add(line);
            }
        }
        likeness
    }

    fn next_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock> {
        input.read_block(block, "the entry", whole_entries)
    }

    fn resynchronise(&self, input: &mut Input) -> io::Result<bool> {
        skip_line(input)
    }

    fn decode(&self, block: &[u8], sieve: &mut Sieve<'_>) -> Result<(), Located> {
        let mut start = None;
        let mut record = Record::default();
        for (offset, line) in lines(block) {
            if line == b"e" {
                let parsed = std::mem::take(&mut record).finish();
                let start = start.take().unwrap_or(offset);
                if let ControlFlow::Break(()) = sieve.offer_record(start, parsed)? {
                    return Ok(());
                }
            } else if !line.is_empty() {
                start.get_or_insert(offset);
                record.add(line);
            }
        }
        if let Some(start) = start {
            let problem = "the entry has no end: a line with nothing but \"e\" is missing";
            sieve.damaged(Located::new(start, Problem::Record(problem.to_owned())))?;
        }
        Ok(())
    }
}

/// Length of the whole entries at the start of a block.
fn whole_entries(block: &[u8]) -> usize {
    let mut end = block.len();
    while let Some(line_end) = last_line_end(&block[..end]) {
        let start = whole_lines(&block[..line_end]);
        if block[start..line_end].trim_ascii() == b"e" {
            return line_end + 1;
        }
        end = line_end;
    }
    0
}

/// The lines of an entry so far.
#[derive(Default)]
struct Record {
    board: Option<Board>,
    best_move: Option<String>,
    score: Option<i32>,
    ply: Option<u16>,
    result: Option<i8>,
    problem: Option<Problem>,
}

impl Record {
    fn add(&mut self, line: &[u8]) {
        if self.problem.is_some() {
            return;
        }
        self.problem = match check_length(line) {
            Err(problem) => Some(problem),
            Ok(()) => self
                .try_add(line)
                .is_none()
                .then(|| Problem::Record(format!("a line makes no sense: {}", quoted(line)))),
        };
    }

    fn try_add(&mut self, line: &[u8]) -> Option<()> {
        let (key, value) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let value = value.trim();
        match key {
            "fen" => self.board = Some(value.parse().ok()?),
            "move" => self.best_move = Some(value.to_owned()),
            "score" => self.score = Some(value.parse().ok()?),
            "ply" => self.ply = Some(value.parse().ok()?),
            "result" => {
                let result: i8 = value.parse().ok()?;
                self.result = Some((-1..=1).contains(&result).then_some(result)?);
            }
            _ => {}
        }
        Some(())
    }

    fn finish(self) -> Result<BoardEntry, Problem> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let Some(board) = self.board else {
            return Err(Problem::Record("the entry has no fen".to_owned()));
        };
        let best_move = match &self.best_move {
            Some(text) if !NO_MOVE.contains(&text.as_str()) => {
                Some(RecordedMove::from_uci(&board, text).ok_or_else(|| {
                    Problem::Record(format!("not a move: {}", quoted(text.as_bytes())))
                })?)
            }
            _ => None,
        };
        Ok(BoardEntry {
            board,
            score: self.score,
            result: self.result,
            ply: self.ply,
            best_move,
        })
    }
}
