//! The search of one root, and what an engine prints in it.

use std::ops::ControlFlow;

use shakmaty::{Chess, Position as _};

use super::pool::Pool;
use super::said::{Said, replay, said};
use super::{About, RecordError, Recorder};
use crate::bench::EngineError;
use crate::bench::uci::{Greeting, Session, check_sendable, is_complaint, shown};
use crate::chess::board::Board;

/// More positions than its share are kept of a root, in case that others have fewer.
const SPARE: usize = 4;

/// MiB; searches are short.
const HASH: u64 = 16;

/// What the search of one root brought.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub boards: Vec<Board>,
    pub nodes: u64,
    /// Was it a position that can be searched?
    pub searched: bool,
}

/// A search under way.
struct Hearing {
    root: Chess,
    pool: Pool,
    nodes: u64,
}

impl Recorder {
    /// A new process that is ready to search.
    pub(super) fn open(&self) -> Result<(Session, About), EngineError> {
        check_sendable(&self.options, &[])?;
        let mut session = Session::start(&self.engine, self.timeout)?;
        let greeting = session.greet()?;
        let mut usual =
            |option: &str, value: u64| set_if_there(&mut session, &greeting, option, value);
        usual("Threads", 1)?;
        usual("Hash", HASH)?;
        let multipv = usual("MultiPV", self.multipv)?;
        for (option, value) in &self.options {
            session.set(option, value, &greeting)?;
        }
        let name = greeting.name;
        Ok((session, About { name, multipv }))
    }

    /// Searches a root, if it is a position in which there is something to search.
    pub(super) fn search(
        &self,
        session: &mut Session,
        root: &Board,
    ) -> Result<Search, RecordError> {
        let playable = root
            .to_chess()
            .filter(|chess| !chess.legal_moves().is_empty());
        let Some((chess, board)) = playable.and_then(|chess| {
            let board = Board::from_chess(&chess).ok()?;
            Some((chess, board))
        }) else {
            return Ok(Search::default());
        };
        let fen = board.fen();
        let failed = |source| self.failed(source, Some(&fen));
        session.obey("ucinewgame").map_err(failed)?;
        session.send(&format!("position fen {fen}"));
        let command = format!("go nodes {}", self.nodes);
        let deadline = session.deadline();
        session.send(&command);
        let most = usize::try_from(self.per_root).unwrap_or(usize::MAX);
        let mut hearing = Hearing {
            root: chess,
            pool: Pool::new(&board, self.seed, most.saturating_mul(SPARE)),
            nodes: 0,
        };
        loop {
            let line = session.next(&command, deadline).map_err(failed)?.text;
            let heard = hearing.hear(&line);
            match heard.map_err(|word| self.illegal(word, &line, &fen))? {
                ControlFlow::Break(()) => break,
                ControlFlow::Continue(()) if is_complaint(&line) => {
                    let line = shown(&line);
                    return Err(failed(EngineError::Refused { command, line }));
                }
                ControlFlow::Continue(()) => {}
            }
        }
        Ok(Search {
            boards: hearing.pool.into_boards(),
            nodes: hearing.nodes,
            searched: true,
        })
    }

    fn illegal(&self, word: &str, line: &str, root: &str) -> RecordError {
        RecordError::IllegalMove {
            engine: self.engine.clone(),
            word: shown(word),
            line: shown(line),
            root: root.to_string(),
        }
    }
}

impl Hearing {
    /// Takes what a line says; a break if it ends the search.
    ///
    /// # Errors
    /// The word that is no legal move.
    fn hear<'l>(&mut self, line: &'l str) -> Result<ControlFlow<()>, &'l str> {
        match said(line) {
            Said::Info { nodes, moves } => {
                self.nodes = self.nodes.max(nodes.unwrap_or(0));
                self.play(&moves)?;
            }
            Said::Best(moves) => {
                self.play(&moves)?;
                return Ok(ControlFlow::Break(()));
            }
            Said::Position(board) => {
                if let Some(position) = board.to_chess() {
                    self.pool.add(&position);
                }
            }
            Said::Nothing => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// All positions of a line of moves.
    fn play<'l>(&mut self, moves: &[&'l str]) -> Result<(), &'l str> {
        let reached = |position: &Chess| self.pool.add(position);
        replay(&self.root, moves, reached).map_err(|number| moves[number])
    }
}

/// Sets an option as near to a value as the engine lets it, and says which that was, if it has the option.
fn set_if_there(
    session: &mut Session,
    greeting: &Greeting,
    option: &str,
    value: u64,
) -> Result<Option<u64>, EngineError> {
    let Some(most) = greeting.most(option) else {
        return Ok(None);
    };
    let value = value.min(most);
    session.set(option, &value.to_string(), greeting)?;
    Ok(Some(value))
}
