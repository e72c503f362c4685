//! Which entries are kept, and why the others are not.
//!
//! The tests run in the order of the reference loader (`docs/notes/options.md`, section 4.3); an entry is skipped at
//! the first test that says so, and tests that are off cost nothing and draw no random numbers. All tests but the
//! last look at one entry (or at its block) alone and run in a [`Sieve`], one a block, in parallel. The piece count
//! filter depends on everything before it and runs afterwards, in the order of the data.
//!
//! Random numbers come from ChaCha8, keyed by the seed, with a stream of its own for each block: which entries are
//! kept does not depend on the number of threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub mod piece_count;
pub mod placeholder_zero;
pub mod soft_early;
pub mod win_draw_loss;

use self::piece_count::PieceCountTarget;
use self::placeholder_zero::PlaceholderZero;
use self::soft_early::SoftEarly;
use super::entry::{Entry, PLACEHOLDER_SCORE};
use super::error::Problem;
use super::format::Located;
use super::games::{GameNumber, Link, Relation};
use super::neighbours::Neighbours;
use super::sample::Sampling;
use crate::chess::board::Board;

/// The tests entries have to pass. What a format does not record passes the tests that ask for it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Filters {
    /// Skip scores of 32002, which stand for "never searched".
    pub placeholder_scores: bool,
    /// Skip zeros that stand for "no score" ([`PlaceholderZero`]).
    pub placeholder_zeros: bool,
    /// Skip plies up to and including this one.
    pub early_plies: Option<u16>,
    /// Skip n of n + 1 entries at random.
    pub random_skipping: u32,
    /// Skip entries whose best move captures.
    pub captures: bool,
    /// Skip entries with the side to move in check.
    pub checks: bool,
    /// Skip with the probability that the game should have ended otherwise ([`win_draw_loss`]).
    pub win_draw_loss: bool,
    /// Skip material balances below this (internal units), either way.
    pub simple_eval: Option<u32>,
    /// Thin out early plies.
    pub soft_early: Option<SoftEarly>,
    /// Thin towards a distribution of the number of pieces.
    pub piece_count: Option<PieceCountTarget>,
}

impl Default for Filters {
    /// Quiet, searched positions: no checks, no captures, no placeholder scores.
    fn default() -> Filters {
        Filters {
            placeholder_scores: true,
            captures: true,
            ..Filters::checks_only()
        }
    }
}

impl Filters {
    /// Everything but positions in check, which engines do not evaluate.
    pub fn checks_only() -> Filters {
        Filters {
            placeholder_scores: false,
            placeholder_zeros: false,
            early_plies: None,
            random_skipping: 0,
            captures: false,
            checks: true,
            win_draw_loss: false,
            simple_eval: None,
            soft_early: None,
            piece_count: None,
        }
    }

    /// All that the reference tool's `gather` switches on (`docs/notes/options.md`, section 4.1, "head").
    pub fn reference() -> Filters {
        Filters {
            placeholder_zeros: true,
            random_skipping: 10,
            win_draw_loss: true,
            soft_early: Some(SoftEarly::default()),
            piece_count: Some(PieceCountTarget::default()),
            ..Filters::default()
        }
    }
}

/// Why an entry was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    PlaceholderScore,
    PlaceholderZero,
    EarlyPly,
    Random,
    Capture,
    Check,
    WinDrawLoss,
    SimpleEval,
    SoftEarly,
    PieceCount,
    /// Passed all filters, but belongs to another part of the data ([`Part`](super::Part)).
    OtherPart,
    /// Passed all filters, but not drawn by the sample rate.
    SampleRate,
    /// Passed all filters, but lies between two taken ones.
    SampleSkip,
}

impl Reason {
    pub const ALL: [Reason; 13] = [
        Reason::PlaceholderScore,
        Reason::PlaceholderZero,
        Reason::EarlyPly,
        Reason::Random,
        Reason::Capture,
        Reason::Check,
        Reason::WinDrawLoss,
        Reason::SimpleEval,
        Reason::SoftEarly,
        Reason::PieceCount,
        Reason::OtherPart,
        Reason::SampleRate,
        Reason::SampleSkip,
    ];

    /// A few words for people.
    pub fn name(self) -> &'static str {
        match self {
            Reason::PlaceholderScore => "no score",
            Reason::PlaceholderZero => "zero in place of a score",
            Reason::EarlyPly => "early ply",
            Reason::Random => "random skipping",
            Reason::Capture => "best move captures",
            Reason::Check => "in check",
            Reason::WinDrawLoss => "improbable result",
            Reason::SimpleEval => "balanced material",
            Reason::SoftEarly => "early ply, thinned",
            Reason::PieceCount => "number of pieces",
            Reason::OtherPart => "other part",
            Reason::SampleRate => "sample rate",
            Reason::SampleSkip => "sample skip",
        }
    }
}

/// What was read, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Entries read, up to the last one that was taken if a number was asked for and reached.
    pub read: u64,
    pub taken: u64,
    skipped: [u64; Reason::ALL.len()],
    /// Number of games the taken positions come from, and of groups of neighbours where the data do not tell games.
    pub games: u64,
    /// How many of these are such groups.
    pub groups: u64,
    /// Positions taken from parts of the data whose format records plies, which do not tell games there: they are
    /// missing, all the same, or the data are shuffled.
    pub untold_by_plies: u64,
    /// Positions taken from parts of the data where neighbouring entries differ as much as any: they are shuffled, or
    /// have one position a game.
    pub unrelated: u64,
    /// Positions asked for, if a number was.
    pub asked: Option<u64>,
    /// Damaged records and chunks that were skipped because that was asked for.
    pub damaged: u64,
    /// Descriptions of the first of them.
    pub damage: Vec<super::Damage>,
}

impl Statistics {
    /// Entries not taken for this reason. Every entry counts for one reason, the first that applied.
    pub fn skipped(&self, reason: Reason) -> u64 {
        self.skipped[reason as usize]
    }

    /// Entries that passed all filters, whether the sampling took them or not.
    pub fn passed(&self) -> u64 {
        let sampling = [Reason::OtherPart, Reason::SampleRate, Reason::SampleSkip];
        self.taken + sampling.map(|it| self.skipped(it)).iter().sum::<u64>()
    }

    /// What positions come from, for people: "40 games", "31 groups of lines", or both.
    pub fn origins(&self) -> String {
        origins(self.games, self.groups)
    }

    /// How many positions are missing from the number asked for.
    pub fn missing(&self) -> u64 {
        self.asked
            .map_or(0, |asked| asked.saturating_sub(self.taken))
    }

    /// Counts the verdicts of a block's first entries.
    pub(super) fn count(&mut self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            match verdict.0 {
                Verdict::DAMAGED => self.damaged += 1,
                Verdict::PASSED => {
                    self.read += 1;
                    self.taken += 1;
                }
                reason => {
                    self.read += 1;
                    self.skipped[usize::from(reason)] += 1;
                }
            }
        }
    }
}

/// `games` with the `groups` of lines among them, in words.
pub fn origins(games: u64, groups: u64) -> String {
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let games = games.saturating_sub(groups);
    let of_games = format!("{games} game{}", plural(games));
    let of_groups = format!("{groups} group{} of lines", plural(groups));
    match (games, groups) {
        (_, 0) => of_games,
        (0, _) => of_groups,
        _ => format!("{of_games} and {of_groups}"),
    }
}

/// What became of an entry, in a byte: a [`Reason`], passed, or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict(u8);

impl Verdict {
    const PASSED: u8 = 0xfe;
    const DAMAGED: u8 = 0xff;

    pub fn skipped(reason: Reason) -> Verdict {
        Verdict(reason as u8)
    }
}

/// A position that passed, with its place in its block.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub board: Board,
    /// Number of the entry in its block.
    pub entry: u32,
    pub game: GameNumber,
}

/// How many damaged records of a block are described.
const DESCRIBED: usize = 4;

/// Receives the entries of one block in their order, and keeps those that pass.
#[derive(Debug)]
pub struct Sieve<'a> {
    filters: &'a Filters,
    sampling: &'a Sampling,
    seed: u64,
    block: u64,
    stop: &'a AtomicBool,
    skip_damaged: bool,
    /// Break off after so many candidates.
    limit: u64,
    random: ChaCha8Rng,
    placeholder_zero: PlaceholderZero,
    pub(super) neighbours: Neighbours,
    pub(super) game: GameNumber,
    pub(super) first: Option<Link>,
    pub(super) last: Option<Link>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) verdicts: Vec<Verdict>,
    /// With the number of the entry.
    pub(super) damage: Vec<(u32, Located)>,
}

/// What a [`Sieve`] is told about its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct SieveContext<'a> {
    pub filters: &'a Filters,
    pub sampling: &'a Sampling,
    pub seed: u64,
    /// Number of the block in the stream of all files.
    pub block: u64,
    pub stop: &'a AtomicBool,
    pub skip_damaged: bool,
    pub limit: u64,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(context: SieveContext<'a>) -> Sieve<'a> {
        let SieveContext {
            filters,
            sampling,
            seed,
            block,
            stop,
            skip_damaged,
            limit,
        } = context;
        Sieve {
            filters,
            sampling,
            seed,
            block,
            stop,
            skip_damaged,
            limit,
            random: block_random(seed, block),
            placeholder_zero: PlaceholderZero::default(),
            neighbours: Neighbours::default(),
            game: GameNumber::default(),
            first: None,
            last: None,
            candidates: Vec::new(),
            verdicts: Vec::new(),
            damage: Vec::new(),
        }
    }

    /// Number of entries offered so far.
    pub fn entries(&self) -> u64 {
        self.verdicts.len() as u64
    }

    /// Judges the next entry. [`ControlFlow::Break`] means that no more entries are wanted.
    ///
    /// # Errors
    /// The entry passes, but its position is none.
    #[inline]
    pub fn offer(&mut self, entry: &impl Entry) -> Result<ControlFlow<()>, Problem> {
        let link = entry.link();
        let number = self.verdicts.len() as u32;
        match &self.last {
            Some(last) => {
                let relation = Relation::of(last, &link);
                let other_game = relation != Relation::Next && !last.may_lead_to(&link);
                self.game.pass(relation, other_game);
                self.neighbours.note(number, last, &link, relation);
            }
            None if number == 0 => self.first = Some(link),
            None => {}
        }
        self.last = Some(link);
        let reason = self.judge(entry).or_else(|| {
            let drawn = self.filters.piece_count.is_some()
                || self.sampling.draws(self.seed, self.block, number);
            (!drawn).then_some(Reason::SampleRate)
        });
        let Some(reason) = reason else {
            let board = entry.board()?;
            self.candidates.push(Candidate {
                board,
                entry: number,
                game: self.game,
            });
            self.verdicts.push(Verdict(Verdict::PASSED));
            let enough = self.candidates.len() as u64 >= self.limit;
            return Ok(if enough {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            });
        };
        self.verdicts.push(Verdict::skipped(reason));
        // A relaxed load of a flag that hardly ever changes; every 4096th entry keeps it out of the profile.
        if number.is_multiple_of(4096) && self.stop.load(Ordering::Relaxed) {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Notes a damaged record of a format whose other records can still be read.
    ///
    /// # Errors
    /// The problem, unless damaged records are to be skipped.
    pub fn damaged(&mut self, located: Located) -> Result<(), Located> {
        if !self.skip_damaged {
            return Err(located);
        }
        if self.damage.len() < DESCRIBED {
            self.damage.push((self.verdicts.len() as u32, located));
        }
        // Games do not go on across the gap.
        self.last = None;
        self.game.pass(Relation::None, true);
        self.verdicts.push(Verdict(Verdict::DAMAGED));
        Ok(())
    }

    /// Offers an entry, or notes why there is none. Breaks when no more entries are wanted.
    ///
    /// # Errors
    /// As [`Sieve::offer`] and [`Sieve::damaged`].
    pub fn offer_record(
        &mut self,
        offset: usize,
        record: Result<impl Entry, Problem>,
    ) -> Result<ControlFlow<()>, Located> {
        match record {
            Ok(entry) => self
                .offer(&entry)
                .map_err(|problem| Located::new(offset, problem)),
            Err(problem) => {
                self.damaged(Located::new(offset, problem))?;
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    /// The first test that an entry fails.
    #[inline]
    fn judge(&mut self, entry: &impl Entry) -> Option<Reason> {
        let filters = self.filters;
        let score = entry.score();
        if filters.placeholder_zeros
            && let (Some(ply), Some(score), Some(result)) = (entry.ply(), score, entry.result())
            && self.placeholder_zero.is_placeholder(ply, score, result)
        {
            return Some(Reason::PlaceholderZero);
        }
        if filters.placeholder_scores && score == Some(PLACEHOLDER_SCORE) {
            return Some(Reason::PlaceholderScore);
        }
        if let (Some(last), Some(ply)) = (filters.early_plies, entry.ply())
            && ply <= last
        {
            return Some(Reason::EarlyPly);
        }
        if filters.random_skipping > 0 {
            let skipped = f64::from(filters.random_skipping);
            if happens(self.random.next_u64(), skipped / (skipped + 1.0)) {
                return Some(Reason::Random);
            }
        }
        if filters.captures && entry.is_capture() {
            return Some(Reason::Capture);
        }
        // The dearest of the common tests stands behind all cheap ones.
        if filters.checks && entry.in_check() {
            return Some(Reason::Check);
        }
        if filters.win_draw_loss
            && let (Some(ply), Some(score), Some(result)) = (entry.ply(), score, entry.result())
        {
            let probability = win_draw_loss::result_probability(score, ply, result);
            if happens(self.random.next_u64(), 1.0 - probability) {
                return Some(Reason::WinDrawLoss);
            }
        }
        if let Some(least) = filters.simple_eval
            && entry.material().unsigned_abs() < least
        {
            return Some(Reason::SimpleEval);
        }
        if let (Some(soft_early), Some(ply)) = (&filters.soft_early, entry.ply())
            && ply < soft_early.until
        {
            let skip = 1.0 - soft_early.keep_probability(ply);
            if happens(self.random.next_u64(), skip) {
                return Some(Reason::SoftEarly);
            }
        }
        None
    }
}

/// The random numbers of a block.
pub(super) fn block_random(seed: u64, block: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(block);
    random
}

/// Turns 64 random bits into an event of this probability (the reference loader's comparison).
fn happens(bits: u64, probability: f64) -> bool {
    // The cast saturates: probabilities of 1 and more happen for all but one of 2^64 draws, those of 0 and less never.
    bits < (probability * 18_446_744_073_709_551_616.0) as u64
}
