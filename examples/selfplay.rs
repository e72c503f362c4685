//! Plays games of a UCI engine against itself and writes them as a Stockfish binpack.
//!
//! The same engine, seed and options give the same file, byte for byte, with any number of engine processes: every
//! game has its own random numbers, the engine searches a fixed number of nodes with one thread and an emptied hash
//! table, and games are written in their order.
//!
//! ```text
//! cargo run --release --example selfplay -- --engine stockfish --positions 60000 --out selfplay.binpack
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use ftperm::chess::board::Board;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use sfbinpack::chess::color::Color as BinpackColor;
use sfbinpack::chess::coords::Square as BinpackSquare;
use sfbinpack::chess::r#move::Move as BinpackMove;
use sfbinpack::chess::piece::Piece as BinpackPiece;
use sfbinpack::chess::piecetype::PieceType as BinpackPieceType;
use sfbinpack::chess::position::Position as BinpackPosition;
use sfbinpack::{CompressedTrainingDataEntryWriter, TrainingDataEntry};
use shakmaty::uci::UciMove;
use shakmaty::{Chess, Position as _};

/// Score of a mate on the board (Stockfish `src/types.h`, VALUE_MATE).
const MATE: i32 = 32_000;

/// Plays games of a UCI engine against itself and writes them as a Stockfish binpack.
#[derive(Debug, Parser)]
struct Options {
    /// The engine: a name looked up in PATH, or a path.
    #[arg(long, default_value = "stockfish")]
    engine: PathBuf,
    /// Stop after the game in which this many positions are reached.
    #[arg(long, default_value_t = 60_000)]
    positions: u64,
    /// Nodes per move.
    #[arg(long, default_value_t = 2_500)]
    nodes: u64,
    /// Random legal moves before the engine takes over: the first number or, in every second game, one more.
    #[arg(long, default_value_t = 7)]
    random_plies: u32,
    /// Openings that the engine judges more unequal than this (internal units) are drawn again.
    #[arg(long, default_value_t = 400)]
    max_opening_score: i32,
    /// A game is won at this score (internal units).
    #[arg(long, default_value_t = 3_000)]
    resign_score: i32,
    /// A game is a draw after this many plies.
    #[arg(long, default_value_t = 300)]
    max_plies: u16,
    /// Internal units of score per pawn that the engine reports (361 for Stockfish 15.1, src/uci.h).
    #[arg(long, default_value_t = 361)]
    units_per_pawn: i32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Engine processes at a time.
    #[arg(long, default_value_t = 1)]
    processes: usize,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

/// A running engine.
struct Engine {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    units_per_pawn: i32,
}

impl Engine {
    fn start(options: &Options) -> Result<Engine> {
        let mut process = Command::new(&options.engine)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", options.engine.display()))?;
        let input = process.stdin.take().context("no standard input")?;
        let output = BufReader::new(process.stdout.take().context("no standard output")?);
        let mut engine = Engine {
            process,
            input,
            output,
            units_per_pawn: options.units_per_pawn,
        };
        engine.tell("uci")?;
        engine.wait_for("uciok")?;
        engine.tell("setoption name Threads value 1")?;
        engine.tell("setoption name Hash value 16")?;
        Ok(engine)
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        writeln!(self.input, "{line}")?;
        Ok(self.input.flush()?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "the engine ended");
        Ok(line)
    }

    fn wait_for(&mut self, word: &str) -> Result<()> {
        while !self.line()?.starts_with(word) {}
        Ok(())
    }

    /// Forgets everything learned in earlier games.
    fn new_game(&mut self) -> Result<()> {
        self.tell("ucinewgame")?;
        self.tell("isready")?;
        self.wait_for("readyok")
    }

    /// The best move in UCI notation, and the score in internal units as the side to move sees it.
    fn search(&mut self, moves: &[String], nodes: u64) -> Result<(String, i32)> {
        self.tell(&format!("position startpos moves {}", moves.join(" ")))?;
        self.tell(&format!("go nodes {nodes}"))?;
        let mut score = None;
        loop {
            let line = self.line()?;
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("info") => {
                    if let Some(found) = self.score(&line)? {
                        score = Some(found);
                    }
                }
                Some("bestmove") => {
                    let best = words.next().context("bestmove without a move")?;
                    return Ok((best.to_owned(), score.context("no score was reported")?));
                }
                _ => {}
            }
        }
    }

    fn score(&self, line: &str) -> Result<Option<i32>> {
        let mut words = line.split_ascii_whitespace().skip_while(|&w| w != "score");
        if words.next().is_none() || line.contains("bound") {
            return Ok(None);
        }
        let kind = words.next();
        let number: i32 = words.next().context("score without a number")?.parse()?;
        Ok(match kind {
            Some("cp") => Some(number * self.units_per_pawn / 100),
            // Mate in n moves: 2n - 1 plies for the winner, 2n for the loser.
            Some("mate") if number > 0 => Some(MATE - (2 * number - 1)),
            Some("mate") => Some(-MATE - 2 * number),
            _ => None,
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A process that is gone already needs no goodbye.
        let _ = self.tell("quit");
        let _ = self.process.wait();
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    let file = File::create(&options.out)
        .with_context(|| format!("cannot write {}", options.out.display()))?;
    let mut writer = CompressedTrainingDataEntryWriter::new(BufWriter::new(file))?;
    let next_game = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    let (mut positions, mut games) = (0u64, 0u64);
    std::thread::scope(|scope| -> Result<()> {
        for _ in 0..options.processes.max(1) {
            let sender = sender.clone();
            let (options, next_game, stop) = (&options, &next_game, &stop);
            scope.spawn(move || {
                let mut engine = Engine::start(options);
                while !stop.load(Ordering::Relaxed) {
                    let game = next_game.fetch_add(1, Ordering::Relaxed);
                    let entries = match &mut engine {
                        Ok(engine) => play(engine, options, game),
                        Err(error) => Err(anyhow::anyhow!("{error:#}")),
                    };
                    let failed = entries.is_err();
                    if sender.send((game, entries)).is_err() || failed {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // Games end out of order; they are written in order.
        let mut early = HashMap::new();
        for (game, entries) in receiver {
            early.insert(game, entries);
            while positions < options.positions
                && let Some(entries) = early.remove(&games)
            {
                let entries = entries.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                for entry in &entries {
                    writer.write_entry(entry)?;
                }
                positions += entries.len() as u64;
                games += 1;
            }
            if positions >= options.positions {
                stop.store(true, Ordering::Relaxed);
                return Ok(());
            }
        }
        Ok(())
    })?;
    ensure!(positions >= options.positions, "the engines ended early");
    writer.flush_and_end();
    writer.into_inner()?.flush()?;
    println!("{positions} positions of {games} games");
    Ok(())
}

/// Plays one game and returns its positions.
fn play(engine: &mut Engine, options: &Options, game: u64) -> Result<Vec<TrainingDataEntry>> {
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    random.set_stream(game);
    engine.new_game()?;
    let plies = options.random_plies + (game % 2) as u32;
    let (mut position, mut moves, mut binpack_position) = loop {
        if let Some(opening) = opening(&mut random, plies)? {
            let (_, score) = engine.search(&opening.1, options.nodes)?;
            if score.abs() <= options.max_opening_score {
                break opening;
            }
        }
    };
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut entries: Vec<TrainingDataEntry> = Vec::new();
    let mut quiet_plies = 0;
    // 1, 0, -1: the result as White sees it.
    let result = loop {
        let board = Board::from_chess(&position)?;
        let fen = board.fen();
        ensure!(
            BinpackPosition::from_fen(&fen).ok() == Some(binpack_position),
            "shakmaty and sfbinpack disagree: {fen}"
        );
        let white = if position.turn().is_white() { 1 } else { -1 };
        // Clocks do not count for repetitions.
        let key = fen.split(' ').take(4).collect::<Vec<_>>().join(" ");
        let visits = seen.entry(key).or_insert(0);
        *visits += 1;
        if position.is_checkmate() {
            break -white;
        }
        if position.is_stalemate()
            || position.is_insufficient_material()
            || position.halfmoves() >= 100
            || *visits >= 3
            || board.ply() >= options.max_plies
        {
            break 0;
        }
        let (best, score) = engine.search(&moves, options.nodes)?;
        let best_move = best
            .parse::<UciMove>()?
            .to_move(&position)
            .with_context(|| format!("{best} in {fen}"))?;
        let entry = TrainingDataEntry {
            pos: binpack_position,
            mv: binpack_move(best_move, position.turn())?,
            score: i16::try_from(score)?,
            ply: board.ply(),
            result: 0,
        };
        entries.push(entry);
        if score.abs() >= options.resign_score {
            break if score > 0 { white } else { -white };
        }
        quiet_plies = if score.abs() <= 10 {
            quiet_plies + 1
        } else {
            0
        };
        if quiet_plies >= 16 && board.ply() >= 80 {
            break 0;
        }
        moves.push(best);
        position = position.play(best_move)?;
        binpack_position = binpack_position.after_move(entry.mv);
    };
    for entry in &mut entries {
        let white = entry.pos.side_to_move() == BinpackColor::White;
        entry.result = if white { result } else { -result };
    }
    Ok(entries)
}

type Opening = (Chess, Vec<String>, BinpackPosition);

/// Random legal moves from the start, if they do not end the game.
fn opening(random: &mut ChaCha8Rng, plies: u32) -> Result<Option<Opening>> {
    let mut position = Chess::default();
    let mut binpack_position = BinpackPosition::new();
    let mut moves = Vec::new();
    for _ in 0..plies {
        let legal = position.legal_moves();
        if legal.is_empty() {
            return Ok(None);
        }
        let chosen = legal[random.random_range(0..legal.len())];
        moves.push(UciMove::from_standard(chosen).to_string());
        binpack_position = binpack_position.after_move(binpack_move(chosen, position.turn())?);
        position = position.play(chosen)?;
    }
    Ok((!position.is_game_over()).then_some((position, moves, binpack_position)))
}

/// The move in the form of the binpack: castling is the king taking its own rook.
fn binpack_move(chosen: shakmaty::Move, side: shakmaty::Color) -> Result<BinpackMove> {
    let square = |square: shakmaty::Square| BinpackSquare::new(square.to_u32());
    Ok(match chosen {
        shakmaty::Move::Normal {
            from,
            to,
            promotion: None,
            ..
        } => BinpackMove::normal(square(from), square(to)),
        shakmaty::Move::Normal {
            from,
            to,
            promotion: Some(role),
            ..
        } => {
            let kind = BinpackPieceType::from_ordinal(u32::from(role) as u8 - 1);
            let color = BinpackColor::from_ordinal(u8::from(side.is_black()));
            BinpackMove::promotion(square(from), square(to), BinpackPiece::new(kind, color))
        }
        shakmaty::Move::EnPassant { from, to } => BinpackMove::en_passant(square(from), square(to)),
        shakmaty::Move::Castle { king, rook } => BinpackMove::castle(square(king), square(rook)),
        shakmaty::Move::Put { .. } => bail!("a piece was dropped in a game of chess"),
    })
}
