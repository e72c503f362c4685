//! Reads blocks, decodes them in parallel and puts the results together in the order of the data.

use std::collections::VecDeque;
use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use super::error::{Damage, PositionsError, Problem};
use super::filter::piece_count::PieceCountFilter;
use super::filter::{Candidate, Reason, Sieve, SieveContext, Verdict, block_random};
use super::format::{Format, NextBlock};
use super::games::{Counted, GameNumber, Link, Relation};
use super::input::Input;
use super::part::PartBy;
use super::{Options, Positions, Progress};

/// Descriptions of damage that are kept; all of it is counted.
const DESCRIBED: usize = 100;
/// Blocks under way, for each thread.
const WINDOW: usize = 2;

/// A stream and its format.
pub(super) struct Stream {
    pub input: Input,
    pub format: &'static dyn Format,
    /// The name of the format, if the file does not begin as one of this format does.
    pub resembles: Option<&'static str>,
}

/// Where a block comes from.
#[derive(Clone)]
struct Origin {
    file: Arc<str>,
    decompressed: bool,
    resembles: Option<&'static str>,
    offset: u64,
    /// Number of the block in the stream of all files.
    number: u64,
    /// Does nothing of the same file stand right before it?
    opens_file: bool,
}

impl Origin {
    fn damage(&self, offset: u64, problem: Problem) -> Damage {
        Damage {
            file: self.file.to_string(),
            offset: self.offset + offset,
            decompressed: self.decompressed,
            problem,
            resembles: self.resembles,
        }
    }
}

struct Job {
    format: &'static dyn Format,
    origin: Origin,
    bytes: Vec<u8>,
    limit: u64,
    reply: mpsc::SyncSender<Decoded>,
}

/// What a block tells of games.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Games,
    /// Its format records plies, but here they do not tell games.
    NotByPlies,
    Nothing,
}

/// A block after its sieve.
struct Decoded {
    origin: Origin,
    told: Told,
    /// Neighbouring entries have nothing to do with one another.
    unrelated: bool,
    /// For the next block.
    bytes: Vec<u8>,
    candidates: Vec<Candidate>,
    verdicts: Vec<Verdict>,
    first: Option<Link>,
    last: Option<Link>,
    /// Number of the last game in the block, counted from 0.
    last_game: GameNumber,
    counted: Counted,
    /// Damaged records, with the number of their entry.
    records: Vec<(u32, Damage)>,
    /// Why the block could not be decoded to its end.
    broken: Option<Damage>,
}

/// Something that comes next in the order of the data.
enum Pending {
    Block(mpsc::Receiver<Decoded>),
    Decoded(Box<Decoded>),
    Damaged(Damage),
    Failed(PositionsError),
}

/// What all threads share.
struct Shared<'a> {
    options: &'a Options,
    stop: AtomicBool,
}

impl Shared<'_> {
    fn decode(&self, job: Job) -> Decoded {
        let Job {
            format,
            origin,
            bytes,
            limit,
            ..
        } = job;
        let mut sieve = Sieve::new(SieveContext {
            filters: &self.options.filters,
            sampling: &self.options.sampling,
            seed: self.options.seed,
            block: origin.number,
            stop: &self.stop,
            skip_damaged: self.options.skip_damaged,
            limit,
        });
        let outcome = format.decode(&bytes, &mut sieve);
        let records = std::mem::take(&mut sieve.damage)
            .into_iter()
            .map(|(entry, located)| (entry, origin.damage(located.offset, located.problem)))
            .collect();
        let told = match (format.tells_games(), sieve.neighbours.tell_games()) {
            (true, true) => Told::Games,
            (true, false) => Told::NotByPlies,
            (false, _) => Told::Nothing,
        };
        let unrelated = sieve.neighbours.unrelated();
        Decoded {
            broken: outcome
                .err()
                .map(|located| origin.damage(located.offset, located.problem)),
            records,
            bytes,
            candidates: sieve.candidates,
            verdicts: sieve.verdicts,
            first: sieve.first,
            last: sieve.last,
            last_game: sieve.game,
            counted: match told {
                Told::Games if sieve.neighbours.have_gaps() => Counted::WithGaps,
                Told::Games => Counted::Whole,
                // Of positions that have nothing to do with one another the boards say nothing either.
                _ if unrelated => Counted::Whole,
                _ => Counted::ByBoards,
            },
            told,
            unrelated,
            origin,
        }
    }
}

/// Reads all streams. `open` opens the next one, or says that there is none.
pub(super) fn read_streams(
    mut open: impl FnMut() -> Result<Option<Stream>, PositionsError>,
    options: &Options,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Positions, PositionsError> {
    options.sampling.check()?;
    let threads = options
        .threads
        .map_or_else(rayon::current_num_threads, |threads| threads.get());
    let shared = Shared {
        options,
        stop: AtomicBool::new(false),
    };
    let mut taker = Taker::new(options);
    std::thread::scope(|scope| {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let mut started = 0;
        if threads > 1 {
            for _ in 0..threads {
                let (queue, shared) = (Arc::clone(&queue), &shared);
                let decode = move || {
                    loop {
                        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok(job) = job else { return };
                        let reply = job.reply.clone();
                        // Nobody waits for the answer when enough positions were taken.
                        let _ = reply.send(shared.decode(job));
                    }
                };
                // The system may have no more of them; what there are suffice, or this one.
                if std::thread::Builder::new()
                    .spawn_scoped(scope, decode)
                    .is_err()
                {
                    break;
                }
                started += 1;
            }
        }
        drop(queue);
        let window = if started > 0 { started * WINDOW } else { 1 };
        let mut pending = VecDeque::new();
        let mut feeder = Feeder {
            shared: &shared,
            jobs: (started > 0).then_some(&jobs),
            number: 0,
            stream: None,
            spare: Vec::new(),
            opens_file: true,
            bytes: 0,
        };
        let mut ended = false;
        let outcome = loop {
            while !ended && pending.len() < window {
                let limit = taker.limit();
                match feeder.next(&mut open, limit) {
                    Some(next) => {
                        ended = matches!(next, Pending::Failed(_));
                        pending.push_back(next);
                    }
                    None => ended = true,
                }
            }
            let Some(next) = pending.pop_front() else {
                break Ok(());
            };
            let taken = match next {
                Pending::Block(answer) => match answer.recv() {
                    Ok(decoded) => taker.take(decoded, &mut feeder.spare),
                    // The worker is gone: its panic goes on when the scope ends.
                    Err(mpsc::RecvError) => break Ok(()),
                },
                Pending::Decoded(decoded) => taker.take(*decoded, &mut feeder.spare),
                Pending::Damaged(damage) => taker.framing_damage(damage),
                Pending::Failed(error) => Err(error),
            };
            match taken {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break Ok(()),
                Err(error) => break Err(error),
            }
            let report = Progress {
                bytes: feeder.bytes,
                read: taker.positions.statistics.read,
                taken: taker.positions.boards.len() as u64,
            };
            if progress(&report).is_break() {
                break Err(PositionsError::Interrupted);
            }
        };
        shared.stop.store(true, Ordering::Relaxed);
        drop(jobs);
        outcome
    })?;
    taker.finish()
}

/// Cuts the streams into blocks.
struct Feeder<'a, 'b> {
    shared: &'a Shared<'b>,
    jobs: Option<&'a mpsc::Sender<Job>>,
    number: u64,
    stream: Option<(Stream, Arc<str>)>,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
    opens_file: bool,
    bytes: u64,
}

impl Feeder<'_, '_> {
    /// The next block, damage or failure; nothing after the last stream.
    fn next(
        &mut self,
        open: &mut impl FnMut() -> Result<Option<Stream>, PositionsError>,
        limit: u64,
    ) -> Option<Pending> {
        loop {
            let (stream, file) = match &mut self.stream {
                Some(stream) => stream,
                None => match open() {
                    Ok(Some(stream)) => {
                        let name = Arc::from(stream.input.name());
                        self.opens_file = true;
                        self.stream.insert((stream, name))
                    }
                    Ok(None) => return None,
                    Err(error) => return Some(Pending::Failed(error)),
                },
            };
            let mut bytes = self.spare.pop().unwrap_or_default();
            let before = stream.input.offset();
            let mut origin = Origin {
                file: Arc::clone(file),
                decompressed: stream.input.decompressed(),
                resembles: stream.resembles,
                offset: before,
                number: self.number,
                opens_file: self.opens_file,
            };
            let part = self.shared.options.part;
            let lacking = part.is_some_and(|part| part.lacks_block(self.number));
            let next = if lacking {
                stream.format.skip_block(&mut stream.input, &mut bytes)
            } else {
                stream.format.next_block(&mut stream.input, &mut bytes)
            };
            let next = match next {
                Ok(next) => next,
                Err(source) => {
                    let failed = stream_failed(&stream.input, origin, source);
                    self.stream = None;
                    return Some(failed);
                }
            };
            self.bytes += stream.input.offset() - before;
            match next {
                NextBlock::End => self.stream = None,
                NextBlock::Damaged { offset, problem } => {
                    origin.offset = offset;
                    let damage = origin.damage(0, problem);
                    // A stream that fails here fails again at the next block.
                    let more = self.shared.options.skip_damaged
                        && stream
                            .format
                            .resynchronise(&mut stream.input)
                            .unwrap_or(true);
                    // Games do not go on across the gap.
                    self.opens_file = true;
                    if !more {
                        self.stream = None;
                    }
                    return Some(Pending::Damaged(damage));
                }
                NextBlock::Block { .. } if lacking => {
                    self.number += 1;
                    self.opens_file = true;
                    self.spare.push(bytes);
                }
                NextBlock::Block { offset } => {
                    origin.offset = offset;
                    self.opens_file = false;
                    let (reply, answer) = mpsc::sync_channel(1);
                    let job = Job {
                        format: stream.format,
                        origin,
                        bytes,
                        limit,
                        reply,
                    };
                    self.number += 1;
                    return Some(match self.jobs {
                        Some(jobs) => match jobs.send(job) {
                            Ok(()) => Pending::Block(answer),
                            Err(mpsc::SendError(job)) => {
                                Pending::Decoded(Box::new(self.shared.decode(job)))
                            }
                        },
                        None => Pending::Decoded(Box::new(self.shared.decode(job))),
                    });
                }
            }
        }
    }
}

/// A stream that cannot be read on: damaged compressed data, or a failure of the system.
fn stream_failed(input: &Input, mut origin: Origin, source: io::Error) -> Pending {
    let corrupt = matches!(
        source.kind(),
        io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::Other
    );
    if input.decompressed() && corrupt {
        origin.offset = input.offset();
        return Pending::Damaged(origin.damage(0, Problem::Compression(source.to_string())));
    }
    Pending::Failed(PositionsError::Io {
        file: origin.file.to_string(),
        source,
    })
}

/// Puts the blocks together, in their order.
struct Taker<'a> {
    options: &'a Options,
    positions: Positions,
    piece_count: Option<PieceCountFilter>,
    /// Passing entries of the block still to be skipped before the next one is taken.
    to_skip: u64,
    last: Option<Link>,
    /// Number of the last game of the stream, and of the last one with a taken position.
    last_game: u64,
    last_taken_game: Option<u64>,
    /// Taken positions of formats that do not tell games, in stretches.
    lists: Vec<Range<usize>>,
}

impl<'a> Taker<'a> {
    fn new(options: &'a Options) -> Taker<'a> {
        let mut positions = Positions::default();
        positions.statistics.asked = options.sampling.count;
        Taker {
            options,
            positions,
            piece_count: options
                .filters
                .piece_count
                .as_ref()
                .map(|target| PieceCountFilter::new(target, block_random(options.seed, u64::MAX))),
            to_skip: 0,
            last: None,
            last_game: 0,
            last_taken_game: None,
            lists: Vec::new(),
        }
    }

    fn remaining(&self) -> u64 {
        self.options
            .sampling
            .count
            .map_or(u64::MAX, |count| count - self.positions.boards.len() as u64)
    }

    /// After how many candidates a block that is read now can be broken off.
    fn limit(&self) -> u64 {
        // Whether a block is damaged must not depend on how much of it was needed when it was read.
        // And of a part nobody knows how many candidates belong to it.
        let by_games = self.options.part.is_some_and(|it| it.by == PartBy::Games);
        if self.piece_count.is_some() || self.options.skip_damaged || by_games {
            return u64::MAX;
        }
        let period = self.options.sampling.skip.saturating_add(1);
        self.remaining().saturating_mul(period)
    }

    fn framing_damage(&mut self, damage: Damage) -> Result<ControlFlow<()>, PositionsError> {
        if !self.options.skip_damaged {
            return Err(damage.into());
        }
        self.positions.statistics.damaged += 1;
        self.describe(damage);
        Ok(ControlFlow::Continue(()))
    }

    fn describe(&mut self, damage: Damage) {
        let described = &mut self.positions.statistics.damage;
        if described.len() < DESCRIBED {
            described.push(damage);
        }
    }

    /// Takes what is wanted of a block. Breaks when nothing more is wanted.
    fn take(
        &mut self,
        mut block: Decoded,
        spare: &mut Vec<Vec<u8>>,
    ) -> Result<ControlFlow<()>, PositionsError> {
        spare.push(std::mem::take(&mut block.bytes));
        if self.options.skip_damaged
            && let Some(damage) = block.broken
        {
            self.last = None;
            return self.framing_damage(damage);
        }
        let continues = !block.origin.opens_file
            && match (&self.last, &block.first) {
                (Some(last), Some(first)) => match (Relation::of(last, first), block.counted) {
                    (Relation::Next, _) | (Relation::Later, Counted::WithGaps) => true,
                    (_, Counted::ByBoards) => last.may_lead_to(first),
                    _ => false,
                },
                _ => false,
            };
        let first_game = self.last_game + u64::from(!continues);
        let mut judged = block.verdicts.len();
        let mut enough = false;
        let Options { sampling, seed, .. } = self.options;
        self.to_skip = sampling.phase(*seed, block.origin.number);
        let taken = self.positions.boards.len();
        for candidate in &block.candidates {
            let entry = candidate.entry as usize;
            let game = first_game + u64::from(candidate.game.get(block.counted));
            let part = self.options.part;
            // Where games are not known, neighbours stay together.
            let dealt = match block.told {
                Told::Games => game,
                _ => block.origin.number + u64::from(candidate.game.neighbours(block.counted)),
            };
            // What is taken of other parts counts too: together the parts are the whole.
            let reason = self.sample(block.origin.number, candidate).or_else(|| {
                let other = part.is_some_and(|part| part.lacks_game(dealt));
                other.then_some(Reason::OtherPart)
            });
            match reason {
                Some(reason) => block.verdicts[entry] = Verdict::skipped(reason),
                None => {
                    self.push(candidate, game);
                    if self.remaining() == 0 {
                        judged = entry + 1;
                        enough = true;
                        break;
                    }
                }
            }
        }
        let taken = taken..self.positions.boards.len();
        let statistics = &mut self.positions.statistics;
        if block.told == Told::NotByPlies {
            statistics.untold_by_plies += taken.len() as u64;
        }
        if block.unrelated {
            statistics.unrelated += taken.len() as u64;
        }
        if block.told != Told::Games {
            self.note_list(taken);
        }
        self.positions.statistics.count(&block.verdicts[..judged]);
        for (entry, damage) in block.records {
            if (entry as usize) < judged {
                self.describe(damage);
            }
        }
        if enough {
            return Ok(ControlFlow::Break(()));
        }
        if let Some(damage) = block.broken {
            return Err(damage.into());
        }
        // Games after the last candidate count too: the next block may continue the last of them.
        self.last_game = first_game + u64::from(block.last_game.get(block.counted));
        self.last = block.last;
        Ok(ControlFlow::Continue(()))
    }

    /// Why a candidate is not taken, if it is not.
    fn sample(&mut self, block: u64, candidate: &Candidate) -> Option<Reason> {
        if let Some(filter) = &mut self.piece_count {
            if !filter.keeps(candidate.board.piece_count()) {
                return Some(Reason::PieceCount);
            }
            // Without this filter the sieve has drawn already.
            let Options { sampling, seed, .. } = self.options;
            if !sampling.draws(*seed, block, candidate.entry) {
                return Some(Reason::SampleRate);
            }
        }
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return Some(Reason::SampleSkip);
        }
        self.to_skip = self.options.sampling.skip;
        None
    }

    fn push(&mut self, candidate: &Candidate, game: u64) {
        let statistics = &mut self.positions.statistics;
        if self.last_taken_game != Some(game) {
            self.last_taken_game = Some(game);
            statistics.games += 1;
        }
        self.positions.boards.push(candidate.board);
        // At least one board a game, so this number is no larger than the number of boards.
        self.positions.games.push((statistics.games - 1) as u32);
    }

    fn note_list(&mut self, taken: Range<usize>) {
        match self.lists.last_mut() {
            Some(last) if last.end == taken.start => last.end = taken.end,
            _ => self.lists.push(taken),
        }
    }

    fn finish(mut self) -> Result<Positions, PositionsError> {
        self.positions.group_neighbours(&self.lists);
        let statistics = &self.positions.statistics;
        // A part of little data may well be empty.
        if self.positions.boards.is_empty() && self.options.part.is_none() {
            let mut reasons: Vec<String> = Reason::ALL
                .into_iter()
                .filter(|&reason| statistics.skipped(reason) > 0)
                .map(|reason| format!("{}: {}", reason.name(), statistics.skipped(reason)))
                .collect();
            if statistics.damaged > 0 {
                reasons.push(format!("damaged: {}", statistics.damaged));
            }
            let skipped = if reasons.is_empty() {
                String::new()
            } else {
                format!(" ({})", reasons.join(", "))
            };
            return Err(PositionsError::NothingTaken {
                read: statistics.read,
                skipped,
            });
        }
        tracing::info!(
            read = statistics.read,
            taken = statistics.taken,
            games = statistics.games,
            damaged = statistics.damaged,
            "positions read"
        );
        Ok(self.positions)
    }
}
