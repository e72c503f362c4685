//! What a line of an engine that searches says.

use shakmaty::uci::UciMove;
use shakmaty::{Chess, Position as _};

use crate::bench::lines::MAX_LINE;
use crate::chess::board::Board;
use crate::positions::fens;

/// What a line says.
#[derive(Debug, PartialEq)]
pub(super) enum Said<'a> {
    /// The engine has come so far: the nodes, if it tells them, and a line of moves that it looked at.
    Info {
        nodes: Option<u64>,
        moves: Vec<&'a str>,
    },
    /// It is done: its move and the answer that it expects.
    Best(Vec<&'a str>),
    /// It tells a position, by itself on a line or behind `info string`.
    Position(Board),
    Nothing,
}

/// Words of an `info` line that can follow moves.
const INFO_WORDS: [&str; 16] = [
    "depth",
    "seldepth",
    "multipv",
    "score",
    "nodes",
    "nps",
    "hashfull",
    "tbhits",
    "time",
    "currmove",
    "currmovenumber",
    "cpuload",
    "refutation",
    "currline",
    "wdl",
    "string",
];

/// Reads a line.
pub(super) fn said(text: &str) -> Said<'_> {
    let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
    // The end of a line that was too long is gone, perhaps within its last word.
    if text.len() >= MAX_LINE {
        words.pop();
    }
    match words.as_slice() {
        ["info", "string", ..] => {
            let rest = text.trim_start().strip_prefix("info").unwrap_or_default();
            let rest = rest.trim_start().strip_prefix("string");
            position(rest.unwrap_or_default())
        }
        ["info", rest @ ..] => info(rest),
        ["bestmove", best, "ponder", answer, ..] => Said::Best(vec![best, answer]),
        ["bestmove", rest @ ..] => Said::Best(rest.iter().take(1).copied().collect()),
        _ => position(text),
    }
}

fn info<'a>(words: &[&'a str]) -> Said<'a> {
    let place = |name: &str| words.iter().position(|&word| word == name);
    let words = &words[..place("string").unwrap_or(words.len())];
    let pv = words.iter().position(|&word| word == "pv");
    let (before, moves) = words.split_at(pv.unwrap_or(words.len()));
    let nodes = |words: &[&str]| {
        let at = words.iter().position(|&word| word == "nodes")?;
        words.get(at + 1)?.parse().ok()
    };
    // Engines print bounds now and then, by the clock. What is recorded must not depend on that.
    let is_bound = words
        .iter()
        .any(|word| ["lowerbound", "upperbound"].contains(word));
    let is_move = |word: &&&str| !INFO_WORDS.contains(*word);
    let moves = moves.iter().skip(1).take_while(is_move);
    Said::Info {
        nodes: nodes(before).or_else(|| nodes(words)),
        moves: moves.filter(|_| !is_bound).copied().collect(),
    }
}

fn position(text: &str) -> Said<'static> {
    let placement = text.split_ascii_whitespace().next().unwrap_or_default();
    if placement.bytes().filter(|&byte| byte == b'/').count() != 7 {
        return Said::Nothing;
    }
    fens::parse(text.trim().as_bytes()).map_or(Said::Nothing, |entry| Said::Position(entry.board))
}

/// Plays the moves of a line and shows each position behind one. A null move ends the line.
///
/// # Errors
/// The number of the word that is no legal move.
pub(super) fn replay(
    root: &Chess,
    moves: &[&str],
    mut reached: impl FnMut(&Chess),
) -> Result<(), usize> {
    let mut position = root.clone();
    for (number, word) in moves.iter().enumerate() {
        if *word == "(none)" {
            break;
        }
        let chosen = match word.parse::<UciMove>() {
            Ok(UciMove::Null) => break,
            Ok(chosen) => chosen.to_move(&position).map_err(|_| number)?,
            Err(_) => return Err(number),
        };
        position.play_unchecked(chosen);
        reached(&position);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves<'a>(nodes: Option<u64>, moves: &[&'a str]) -> Said<'a> {
        let moves = moves.to_vec();
        Said::Info { nodes, moves }
    }

    #[test]
    fn lines_of_engines() {
        let fen = "4k3/8/8/8/8/8/8/4K3 w - - 3 9";
        let epd = "4k3/8/8/8/8/8/8/4K3 w - -";
        let board: Board = fen.parse().unwrap();
        for (line, expected) in [
            (
                "info depth 2 multipv 1 score cp 3 nodes 39 time 1 pv e2e4 e7e5",
                moves(Some(39), &["e2e4", "e7e5"]),
            ),
            // Not the last of the fields.
            (
                "info pv e2e4 e7e5 nodes 7",
                moves(Some(7), &["e2e4", "e7e5"]),
            ),
            (
                "info score cp 1 upperbound nodes 5 pv e2e4",
                moves(Some(5), &[]),
            ),
            (
                "info depth 3 currmove e2e4 currmovenumber 1",
                moves(None, &[]),
            ),
            ("info depth 1 string nodes 3 pv e2e4", moves(None, &[])),
            ("info nodes x pv", moves(None, &[])),
            (
                "bestmove e2e4 ponder e7e5",
                Said::Best(vec!["e2e4", "e7e5"]),
            ),
            ("bestmove e2e4", Said::Best(vec!["e2e4"])),
            ("bestmove", Said::Best(vec![])),
            (fen, Said::Position(board)),
            (
                "  info   string 4k3/8/8/8/8/8/8/4K3 w - - 3 9 ",
                Said::Position(board),
            ),
            (epd, Said::Position(epd.parse().unwrap())),
            (
                "info string NNUE evaluation using a/b/c/d/e/f/g/h.nnue",
                Said::Nothing,
            ),
            ("info string a/b/c/d/e/f/g/h w - -", Said::Nothing),
            ("Fen: 4k3/8/8/8/8/8/8/4K3 w - - 3 9", Said::Nothing),
            ("", Said::Nothing),
        ] {
            assert_eq!(said(line), expected, "{line}");
        }
        let long = format!("info pv {}", "e2e4 ".repeat(MAX_LINE));
        let Said::Info { moves, .. } = said(&long[..MAX_LINE]) else {
            panic!("it is a line of moves");
        };
        assert!(moves.iter().all(|&word| word == "e2e4"));
    }

    /// Words of engines in any order, and bytes that were changed.
    #[test]
    fn nothing_that_is_printed_panics() {
        use rand::{RngExt as _, SeedableRng as _};
        const WORDS: [&str; 16] = [
            "info",
            "string",
            "pv",
            "nodes",
            "-1",
            "99999999999999999999",
            "bestmove",
            "ponder",
            "e2e4",
            "e7e5",
            "e1g1",
            "0000",
            "(none)",
            "lowerbound",
            "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1",
            "\u{fffd}",
        ];
        let root: Board = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
            .parse()
            .unwrap();
        let root = root.to_chess().unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut seen = [0; 4];
        for _ in 0..20_000 {
            let words =
                (0..rng.random_range(0..9)).map(|_| WORDS[rng.random_range(0..WORDS.len())]);
            let mut line = words.collect::<Vec<_>>().join(" ").into_bytes();
            if rng.random_range(0..2) == 0 && !line.is_empty() {
                let place = rng.random_range(0..line.len());
                line[place] = rng.random_range(0..=255);
            }
            let line = String::from_utf8_lossy(&line);
            match said(&line) {
                Said::Info { moves, .. } => {
                    seen[0] += 1;
                    let _ = replay(&root, &moves, |_| seen[3] += 1);
                }
                Said::Best(moves) => {
                    seen[1] += 1;
                    let _ = replay(&root, &moves, |_| seen[3] += 1);
                }
                Said::Position(_) => seen[2] += 1,
                Said::Nothing => {}
            }
        }
        assert!(seen.iter().all(|&count| count > 50), "{seen:?}");
    }

    #[test]
    fn moves_are_played_until_they_end() {
        let replayed = |moves: &[&str]| {
            let mut fens = Vec::new();
            let root: Board = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1".parse().unwrap();
            let outcome = replay(&root.to_chess().unwrap(), moves, |position| {
                let fen = Board::from_chess(position).unwrap().fen();
                fens.push(fen.split(' ').next().unwrap().to_string());
            });
            (outcome, fens)
        };
        // Castling as the king's own move, and as taking the rook.
        let castled = ["r3k2r/8/8/8/8/8/8/R4RK1", "2kr3r/8/8/8/8/8/8/R4RK1"].map(String::from);
        for moves in [["e1g1", "e8a8"], ["e1h1", "e8c8"]] {
            assert_eq!(replayed(&moves), (Ok(()), castled.to_vec()));
        }
        assert_eq!(replayed(&["e1g1", "0000", "x"]).0, Ok(()));
        assert_eq!(replayed(&["e1g1", "(none)"]).0, Ok(()));
        assert_eq!(replayed(&["e1g1", "e1g1"]).0, Err(1));
        assert_eq!(replayed(&["e1f3"]), (Err(0), vec![]));
        assert_eq!(replayed(&["", "e2e4"]).0, Err(0));
        assert_eq!(replayed(&["P@e4"]).0, Err(0));
    }
}
