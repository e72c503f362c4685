//! Games in PGN, as tournaments and match programs write them.
//!
//! Every position in which a move of the main line was played is an entry: with that move, the game's result, and the
//! score that the mover noted behind the move in the usual form, `{+0.31/12 0.5s}` or `{-M5/20}`. Other comments,
//! variations and annotations are passed over. `pgn-reader` reads the text; moves are played by `shakmaty`, which
//! knows what is legal.

use std::io;
use std::ops::ControlFlow;

use pgn_reader::{KnownOutcome, Outcome, RawComment, RawTag, Reader, SanPlus, Visitor};
use shakmaty::fen::Fen;
use shakmaty::san::San;
use shakmaty::{Chess, Color, Move, Position as _};

use super::entry::{BoardEntry, RecordedMove};
use super::error::Problem;
use super::filter::Sieve;
use super::first_position::first_position;
use super::format::{Format, HEAD_SIZE, Likeness, Located, NextBlock};
use super::input::Input;
use super::lines::lines;
use crate::chess::board::Board;
use crate::files::quote::quoted;

/// Score of a mate on the board; a mate in so many moves is worth so much less.
const MATE: i32 = 32_000;

/// The format.
#[derive(Debug)]
pub struct Pgn;

impl Format for Pgn {
    fn name(&self) -> &'static str {
        "PGN"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pgn"]
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let mut written = lines(head).filter(|(_, line)| !line.is_empty() && line[0] != b'%');
        written
            .next()
            .is_some_and(|(_, line)| tag_name(line).is_some())
    }

    /// One tag that makes sense is enough: nothing else looks like one. The last may be cut off.
    fn resembles(&self, head: &[u8]) -> Likeness {
        let cut_off = usize::from(head.len() == HEAD_SIZE);
        Likeness {
            sound: game_starts(head).count().saturating_sub(cut_off),
            damaged: 0,
        }
    }

    fn next_block(&self, input: &mut Input, block: &mut Vec<u8>) -> io::Result<NextBlock> {
        // What follows the last start may be cut off.
        input.read_block(block, "the game", |block| {
            game_starts(block).last().unwrap_or(0)
        })
    }

    /// The next start of a game is looked for in the next block.
    fn resynchronise(&self, _: &mut Input) -> io::Result<bool> {
        Ok(true)
    }

    fn decode(&self, block: &[u8], sieve: &mut Sieve<'_>) -> Result<(), Located> {
        // What stands before the first game is its own record: empty lines, or the rest of a damaged game.
        let mut offset = 0;
        for end in game_starts(block)
            .skip_while(|&start| start == 0)
            .chain([block.len()])
        {
            match read_game(&block[offset..end]) {
                Ok(entries) => {
                    for entry in entries {
                        if sieve.offer_record(offset, Ok(entry))?.is_break() {
                            return Ok(());
                        }
                    }
                }
                Err(problem) => sieve.damaged(Located::new(offset, problem))?,
            }
            offset = end;
        }
        Ok(())
    }
}

/// The name of a tag, `[Name "value"]`, if the line is one.
fn tag_name(line: &[u8]) -> Option<&[u8]> {
    let inside = line.strip_prefix(b"[")?;
    let letter = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let (name, value) = inside.split_at(inside.iter().take_while(letter).count());
    (!name.is_empty() && value.trim_ascii_start().starts_with(b"\"")).then_some(name)
}

/// Where games start: at the first of the tags that stand together, which in a game without moves is its event.
fn game_starts(text: &[u8]) -> impl Iterator<Item = usize> {
    let mut after_tag = false;
    let written = lines(text).filter(|(_, line)| !line.is_empty());
    written.filter_map(move |(offset, line)| {
        let name = tag_name(line);
        let continues = std::mem::replace(&mut after_tag, name.is_some());
        (!continues && name.is_some() || name == Some(b"Event")).then_some(offset)
    })
}

/// The entries of a game, and of such without tags behind it.
fn read_game(text: &[u8]) -> Result<Vec<BoardEntry>, Problem> {
    let mut reader = Reader::build(text)
        .set_supported_comment_length(COMMENT)
        .finish();
    let mut entries = Vec::new();
    loop {
        match reader.read_game(&mut GameReader) {
            Ok(Some(game)) => entries.extend(game?),
            Ok(None) => return Ok(entries),
            Err(error) => return Err(Problem::Record(format!("no game: {error}"))),
        }
    }
}

/// Longer comments come in parts, of which the first has the score.
const COMMENT: usize = 256;

struct GameReader;

/// What the tags say.
struct Tags {
    start: Chess,
    white_result: Option<i8>,
}

/// A game as far as it has been read.
struct Game {
    position: Chess,
    entries: Vec<BoardEntry>,
    white_result: Option<i8>,
    /// Did the mark of the end come?
    ended: bool,
}

impl Visitor for GameReader {
    type Tags = Tags;
    type Movetext = Game;
    type Output = Result<Vec<BoardEntry>, Problem>;

    fn begin_tags(&mut self) -> ControlFlow<Self::Output, Tags> {
        ControlFlow::Continue(Tags {
            start: Chess::default(),
            white_result: None,
        })
    }

    fn tag(
        &mut self,
        tags: &mut Tags,
        name: &[u8],
        value: RawTag<'_>,
    ) -> ControlFlow<Self::Output> {
        let read = match name {
            b"FEN" => position_of(value.as_bytes()).map(|start| tags.start = start),
            b"Result" => {
                tags.white_result = Outcome::from_ascii(value.as_bytes()).ok().and_then(white);
                Ok(())
            }
            b"Variant" if !is_chess(value.as_bytes()) => Err(Problem::Record(format!(
                "a game of the variant {}",
                quoted(value.as_bytes())
            ))),
            _ => Ok(()),
        };
        read.map_or_else(
            |problem| ControlFlow::Break(Err(problem)),
            ControlFlow::Continue,
        )
    }

    fn begin_movetext(&mut self, tags: Tags) -> ControlFlow<Self::Output, Game> {
        ControlFlow::Continue(Game {
            position: tags.start,
            entries: Vec::new(),
            white_result: tags.white_result,
            ended: false,
        })
    }

    fn san(&mut self, game: &mut Game, written: SanPlus) -> ControlFlow<Self::Output> {
        // A null move shows a threat; no game goes on with it.
        if written.san == San::Null {
            return ControlFlow::Break(Ok(game.finish()));
        }
        match game.play(&written) {
            Ok(()) => ControlFlow::Continue(()),
            Err(problem) => ControlFlow::Break(Err(problem)),
        }
    }

    fn comment(&mut self, game: &mut Game, comment: RawComment<'_>) -> ControlFlow<Self::Output> {
        if let Some(entry) = game.entries.last_mut()
            && entry.score.is_none()
        {
            entry.score = score(comment.as_bytes());
        }
        ControlFlow::Continue(())
    }

    fn outcome(&mut self, game: &mut Game, outcome: Outcome) -> ControlFlow<Self::Output> {
        game.ended = true;
        game.white_result = white(outcome).or(game.white_result);
        ControlFlow::Continue(())
    }

    fn end_game(&mut self, mut game: Game) -> Self::Output {
        if !game.ended {
            let problem = "the game has no end (1-0, 0-1, 1/2-1/2 or *)";
            return Err(Problem::Record(problem.to_owned()));
        }
        Ok(game.finish())
    }
}

impl Game {
    /// The entries with the result.
    fn finish(&mut self) -> Vec<BoardEntry> {
        let mut entries = std::mem::take(&mut self.entries);
        for entry in &mut entries {
            let sign = entry.board.side_to_move().sign();
            entry.result = self.white_result.map(|result| sign * result);
        }
        entries
    }

    /// Plays a move, and makes an entry of the position before it.
    fn play(&mut self, written: &SanPlus) -> Result<(), Problem> {
        let number = self.position.fullmoves();
        let dots = self.position.turn().fold_wb(".", "...");
        let wrong = |why: &dyn std::fmt::Display| {
            Problem::Record(format!("{number}{dots} {written}: {why}"))
        };
        let played = written.san.to_move(&self.position);
        let played = played.map_err(|error| wrong(&error))?;
        let board = Board::from_chess(&self.position)?;
        let Some(from) = played.from() else {
            return Err(wrong(&"a piece from the hand is put"));
        };
        let to = match played {
            Move::Castle { rook, .. } => rook,
            other => other.to(),
        };
        self.entries.push(BoardEntry {
            board,
            score: None,
            result: None,
            ply: Some(board.ply()),
            best_move: Some(RecordedMove::from_squares(&board, from as u8, to as u8)),
        });
        self.position.play_unchecked(played);
        Ok(())
    }
}

/// The position in which a game begins that does not begin as all do.
fn position_of(fen: &[u8]) -> Result<Chess, Problem> {
    let wrong = |why: &dyn std::fmt::Display| {
        Problem::Record(format!("the first position, {}: {why}", quoted(fen)))
    };
    let parsed = Fen::from_ascii(fen).map_err(|error| wrong(&error))?;
    first_position(parsed.into_setup()).map_err(|error| wrong(&error))
}

/// Are these the rules of chess? Chess960 has only other first positions.
fn is_chess(variant: &[u8]) -> bool {
    let letters = variant.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let name: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    matches!(
        name.as_slice(),
        b"" | b"chess"
            | b"chess960"
            | b"fischerandom"
            | b"fischerrandom"
            | b"fromposition"
            | b"normal"
            | b"standard"
    )
}

/// The result as White sees it, if there is one.
fn white(outcome: Outcome) -> Option<i8> {
    match outcome {
        Outcome::Known(KnownOutcome::Draw) => Some(0),
        Outcome::Known(KnownOutcome::Decisive { winner }) => Some(match winner {
            Color::White => 1,
            Color::Black => -1,
        }),
        Outcome::Unknown => None,
    }
}

/// The score in a comment, in hundredths of a pawn as the mover saw it: what stands before the first `/`, if a depth
/// follows.
fn score(comment: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(comment).ok()?.trim_start();
    let (score, depth) = text.split_once('/')?;
    if !depth.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let (sign, size) = match score.as_bytes().first()? {
        b'-' => (-1, &score[1..]),
        b'+' => (1, &score[1..]),
        _ => (1, score),
    };
    let number = |digits: &str| {
        let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| digits.parse::<i32>().ok())?
    };
    if let Some(moves) = size.strip_prefix(['M', '#']) {
        let moves = number(moves.trim_start_matches('+'))?;
        return Some(sign * (MATE - moves).max(0));
    }
    let (pawns, hundredths) = size.split_once('.')?;
    let hundredths = format!("{hundredths:0<2}");
    let hundredths = number(hundredths.get(..2)?)?;
    Some(sign * number(pawns)?.checked_mul(100)?.checked_add(hundredths)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_in_comments() {
        for (comment, expected) in [
            ("+0.31/12 0.52s", Some(31)),
            ("-1.5/9", Some(-150)),
            ("0.00/1 0.001s", Some(0)),
            (" +12.345/30 5s, White wins by adjudication", Some(1234)),
            ("+M5/20 1s", Some(31_995)),
            ("-M12/33", Some(-31_988)),
            ("+320.02/1", Some(32_002)),
            ("book", None),
            ("1/2", None),
            ("0.5/x", None),
            ("[%eval 0.17] [%clk 0:01:00]", None),
            ("+99999999999.0/3", None),
            ("+1.\u{e9}/3", None),
            ("/3", None),
            ("", None),
        ] {
            assert_eq!(score(comment.as_bytes()), expected, "{comment}");
        }
    }

    #[test]
    fn games_start_at_their_first_tag() {
        let text = b"\n[Event \"a\"]\r\n[Site \"b\"]\n\n1. e4 {a comment\n[%clk 1]\n\
                     } e5 *\n\n[Site \"c\"]\n\n[Event \"d\"]\n";
        assert_eq!(game_starts(text).collect::<Vec<_>>(), [1, 60, 72]);
        assert!(Pgn.recognises(text));
        assert!(Pgn.recognises(b"% a note\n[FEN \"x\"]"));
        for other in [
            &b"1. e4 e5"[..],
            b"[0, 1, 2]",
            b"[section]\nkey = 1",
            b"[[jobs]]",
            b"",
        ] {
            assert!(!Pgn.recognises(other), "{}", quoted(other));
        }
    }

    fn fens(game: &str) -> Result<Vec<String>, String> {
        let read = read_game(game.as_bytes()).map_err(|problem| problem.to_string());
        Ok(read?.iter().map(|entry| entry.board.fen()).collect())
    }

    #[test]
    fn a_short_game() {
        let game = "[Event \"x\"]\n[Result \"1-0\"]\n\n1. e4 {+0.31/12 0.5s} (1. d4 d5 {+9.00/1}) 1... f6 $2 \
                    {-1.00/10} 2. d4 ; a line\ng5 3. Qh5# {+M1/9, White mates} 1-0\n";
        let entries = read_game(game.as_bytes()).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|entry| (entry.ply.unwrap(), entry.score, entry.result.unwrap()))
            .collect();
        let expected = [
            (0, Some(31), 1),
            (1, Some(-100), -1),
            (2, None, 1),
            (3, None, -1),
            (4, Some(31_999), 1),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            entries[4].board.fen(),
            "rnbqkbnr/ppppp2p/5p2/6p1/3PP3/8/PPP2PPP/RNBQKBNR w KQkq - 0 3"
        );
    }

    #[test]
    fn first_positions_and_castling() {
        let game = |tags: &str, moves: &str| fens(&format!("{tags}\n\n{moves} *\n"));
        let castled = game(
            "[FEN \"r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 4 9\"]",
            "9. O-O Ke7 10. a1=Q",
        );
        assert!(castled.unwrap_err().contains("10. a1=Q"));
        let castled = game(
            "[FEN \"r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 4 9\"]",
            "9. O-O O-O-O 10. Kg2",
        );
        assert_eq!(castled.unwrap()[2], "2kr3r/8/8/8/8/8/8/R4RK1 w - - 6 10");
        assert_eq!(game("[Event \"x\"]", "1. e4 -- 2. e5").unwrap().len(), 1);
        assert!(
            game("[Variant \"Atomic\"]", "1. e4")
                .unwrap_err()
                .contains("variant")
        );
        assert!(
            game("[FEN \"nonsense\"]", "1. e4")
                .unwrap_err()
                .contains("nonsense")
        );
        assert_eq!(
            game("[Variant \"From Position\"]", "1. e4 e5")
                .unwrap()
                .len(),
            2
        );
        assert_eq!(game("[Event \"empty\"]", "").unwrap().len(), 0);
    }

    /// The text of a game is cut off anywhere.
    #[test]
    fn a_game_that_is_cut_off_has_no_end() {
        let whole = "[Event \"x\"]\n[Result \"1-0\"]\n\n1. e4 {+0.31/12} e5 2. Nf3 (2. f4 *) 1-0";
        assert_eq!(fens(whole).unwrap().len(), 3);
        for end in 1..whole.len() {
            let error = fens(&whole[..end]).unwrap_err();
            let known = ["has no end", "illegal san", "unterminated"];
            let is_known = known.iter().any(|words| error.contains(words));
            assert!(is_known, "{end}: {error}");
        }
    }
}
