//! Several tries at once: each on a thread of its own, which asks this one for counts.
//!
//! A try runs the whole schedule with random numbers of its own and learns nothing of the others, so what it finds does
//! not depend on when it is answered. Whatever waits is counted in one go, while the tries that have their counts look
//! for assignments. The best end wins; of equal ones, that of the first try.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::control::{Control, MoveCount, Progress};
use super::saved::{SavedSearch, SearchSaver};
use super::schedule::{self, Found};
use super::thinning::{Part, thin};
use super::{SearchError, SearchOptions};
use crate::compute::subsample::Share;
use crate::compute::{CoZeroCounter, ComputeError, NeuronGroup, PlaneSet, Wanted};
use crate::order::Permutation;

/// Stack of a try, as large as that of a program's first thread.
const STACK: usize = 8 << 20;

/// Rows that adapters count together.
const TILE: u64 = 64;

/// Runs the schedule of `options.effort` as many times as `options.tries` says.
pub(super) fn run(
    planes: &dyn PlaneSet,
    options: &SearchOptions,
    start: &Permutation,
    control: &mut Control,
) -> Result<Found, SearchError> {
    let tries = options.tries;
    let resumed = control.resume.take();
    let resumed = resumed.map_or_else(|| vec![None; tries], |saved| saved.apart(tries));
    // One thread each: in a common pool, one try that waits for its own work could begin another, and never end.
    let pools: Vec<ThreadPool> = (0..tries)
        .map(|_| {
            ThreadPoolBuilder::new()
                .num_threads(1)
                .stack_size(STACK)
                .build()
        })
        .collect::<Result<_, _>>()
        .map_err(|error| ComputeError::Device {
            adapter: "cpu".to_owned(),
            message: format!("cannot start {tries} threads: {error}"),
        })?;
    let mut thinned = Vec::new();
    for part in Part::ALL {
        let Some(share) = part.share(planes) else {
            continue;
        };
        // Of large planes both parts are the same one.
        if thinned.iter().all(|(known, _)| *known != share) {
            thinned.extend(thin(planes, part)?.map(|planes| (share, planes)));
        }
    }
    let mut counters = vec![planes.counter()?];
    for (_, part) in &thinned {
        counters.push(part.counter()?);
    }
    let places = counters.iter().map(|counter| Place::of(counter.as_ref()));
    let places: Arc<[Place]> = places.collect();
    let (sender, asks) = channel();
    let remote = Remote {
        asks: sender,
        neurons: planes.neurons(),
        place: 0,
        places: Arc::clone(&places),
        parts: thinned.iter().map(|(share, _)| *share).collect(),
        turns: Arc::new(Turns::new(rayon::current_num_threads())),
    };
    let watched = Watched {
        stop: control.stop,
        deadline: control.deadline,
        is_told: control.progress.is_some(),
        saved_every: control.saver.as_ref().map(SearchSaver::every),
    };
    std::thread::scope(|scope| {
        // If it panics, the tries learn from what it drops that nobody answers.
        let counters = (counters, places);
        let mut desk = Desk::new(planes, counters, control, resumed.clone());
        for (number, (resume, pool)) in resumed.into_iter().zip(&pools).enumerate() {
            let (remote, watched) = (remote.clone(), watched.clone());
            let run = move || attempt(number, &remote, &watched, (options, start), resume);
            scope.spawn(move || pool.install(run));
        }
        // The last try that ends takes the last sender with it.
        drop(remote);
        desk.serve(asks);
        desk.best()
    })
}

/// How a try is watched and ended.
#[derive(Clone)]
struct Watched<'w> {
    stop: Option<&'w AtomicBool>,
    deadline: Option<Instant>,
    is_told: bool,
    saved_every: Option<Duration>,
}

/// What a try tells and asks.
enum Ask {
    Counts {
        place: usize,
        wanted: Wanted,
        reply: Sender<Result<Wanted, ComputeError>>,
    },
    Lists {
        place: usize,
        left: Vec<NeuronGroup>,
        lists: Vec<Vec<u32>>,
        reply: Sender<Result<Vec<u32>, ComputeError>>,
    },
    Groups {
        groups: Vec<NeuronGroup>,
        reply: Sender<Result<Vec<u64>, ComputeError>>,
    },
    Progress(usize, Progress),
    Saved(usize, Box<SavedSearch>),
    Ended(usize, Result<Found, SearchError>),
}

/// One try, from its beginning or from where it was saved.
fn attempt(
    number: usize,
    remote: &Remote,
    watched: &Watched,
    (options, start): (&SearchOptions, &Permutation),
    resume: Option<SavedSearch>,
) {
    let _turn = remote.turns.begin();
    // Nobody listens any more if the other thread panicked.
    let send = |ask: Ask| drop(remote.asks.send(ask));
    let mut tell = |progress: &Progress| send(Ask::Progress(number, progress.clone()));
    let mut save = |saved: &SavedSearch| send(Ask::Saved(number, Box::new(saved.clone())));
    let mut control = Control {
        stop: watched.stop,
        deadline: watched.deadline,
        progress: watched.is_told.then_some(&mut tell as _),
        saver: watched
            .saved_every
            .map(|every| SearchSaver::new(every, &mut save)),
        resume,
    };
    let found = schedule::run(remote, options, start, &mut control, number);
    send(Ask::Ended(number, found));
}

/// Lets only so many tries compute at a time; those that wait for counts do not.
struct Turns {
    free: Mutex<usize>,
    is_free: Condvar,
}

impl Turns {
    fn new(count: usize) -> Turns {
        Turns {
            free: Mutex::new(count),
            is_free: Condvar::new(),
        }
    }

    /// A turn until what is returned is dropped, even by a panic: others wait for it.
    fn begin(&self) -> Turn<'_> {
        self.take();
        Turn(self)
    }

    fn take(&self) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.is_free.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
    }

    fn give_back(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.is_free.notify_one();
    }
}

/// A turn of a try, which gives it back and takes it again while it waits for counts.
struct Turn<'t>(&'t Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

/// Samples that are counted on: all, or a part of them.
struct Place {
    samples: u64,
    /// Pairs of groups that its counter likes to count in one call. Adapters like more once they were measured.
    pairs_at_once: AtomicU64,
}

impl Place {
    fn of(counter: &dyn CoZeroCounter) -> Place {
        let place = Place {
            samples: counter.samples(),
            pairs_at_once: AtomicU64::new(0),
        };
        place.ask(counter);
        place
    }

    /// Asks the counter how much it likes to count at once.
    fn ask(&self, counter: &dyn CoZeroCounter) {
        let neurons = counter.neurons();
        let rows = counter.rows_at_once(neurons, usize::MAX) as u64;
        let pairs = rows.saturating_mul(neurons as u64);
        self.pairs_at_once.store(pairs, Ordering::Relaxed);
    }
}

/// The planes, as a try sees them.
#[derive(Clone)]
struct Remote {
    asks: Sender<Ask>,
    neurons: usize,
    place: usize,
    places: Arc<[Place]>,
    /// The parts that stand behind all samples.
    parts: Vec<Share>,
    turns: Arc<Turns>,
}

impl Remote {
    fn answer<T>(
        &self,
        ask: impl FnOnce(Sender<Result<T, ComputeError>>) -> Ask,
    ) -> Result<T, ComputeError> {
        let (reply, answer) = channel();
        let _ = self.asks.send(ask(reply));
        self.turns.give_back();
        let answer = answer.recv();
        self.turns.take();
        answer.unwrap_or_else(|_| Err(failed()))
    }

    /// The part is not there where it has no samples.
    fn here(&self) -> Option<&Place> {
        self.places.get(self.place)
    }
}

/// What tries are told when one of them has failed.
fn failed() -> ComputeError {
    ComputeError::Unsupported("another try of the search has failed".to_owned())
}

impl PlaneSet for Remote {
    fn neurons(&self) -> usize {
        self.neurons
    }

    fn samples(&self) -> u64 {
        self.here().map_or(0, |place| place.samples)
    }

    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        Ok(Box::new(RemoteCounter(self)))
    }

    /// A part that was chosen beforehand, as every try would choose it. One that was of no use has no samples.
    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        let known = self.parts.iter().position(|&part| part == share);
        Ok(Box::new(Remote {
            place: known.map_or(usize::MAX, |place| 1 + place),
            ..self.clone()
        }))
    }

    /// On all samples.
    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        let groups = groups.to_vec();
        self.answer(|reply| Ask::Groups { groups, reply })
    }
}

struct RemoteCounter<'r>(&'r Remote);

impl CoZeroCounter for RemoteCounter<'_> {
    fn neurons(&self) -> usize {
        self.0.neurons
    }

    fn samples(&self) -> u64 {
        PlaneSet::samples(self.0)
    }

    fn rows_at_once(&self, columns: usize, most: usize) -> usize {
        let pairs = self.0.here().map(|place| &place.pairs_at_once);
        let pairs = pairs.map_or(1, |pairs| pairs.load(Ordering::Relaxed));
        let rows = pairs / columns.max(1) as u64;
        let rows = if rows < TILE {
            rows.max(8)
        } else {
            rows / TILE * TILE
        };
        usize::try_from(rows).unwrap_or(most).min(most).max(1)
    }

    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        let wanted = Wanted {
            left: left.to_vec(),
            right: right.to_vec(),
            counts: std::mem::take(counts),
        };
        let place = self.0.place;
        let answered = self.0.answer(|reply| Ask::Counts {
            place,
            wanted,
            reply,
        })?;
        *counts = answered.counts;
        Ok(())
    }

    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        let (place, left, lists) = (self.0.place, left.to_vec(), lists.to_vec());
        *counts = self.0.answer(|reply| Ask::Lists {
            place,
            left,
            lists,
            reply,
        })?;
        Ok(())
    }
}

/// Counts that a try waits for.
type Waiting = (Wanted, Sender<Result<Wanted, ComputeError>>);

/// What answers the tries.
struct Desk<'d, 'c> {
    planes: &'d dyn PlaneSet,
    /// Of all samples, and of the parts.
    counters: Vec<Box<dyn CoZeroCounter + 'd>>,
    /// By the number of the counter: what the tries know of it.
    places: Arc<[Place]>,
    /// By the number of the counter.
    waiting: Vec<Vec<Waiting>>,
    control: &'d mut Control<'c>,
    progress: Vec<Option<Progress>>,
    saved: Vec<Option<SavedSearch>>,
    found: Vec<Option<Found>>,
    /// What went wrong first.
    error: Option<SearchError>,
}

impl<'d, 'c> Desk<'d, 'c> {
    fn new(
        planes: &'d dyn PlaneSet,
        (counters, places): (Vec<Box<dyn CoZeroCounter + 'd>>, Arc<[Place]>),
        control: &'d mut Control<'c>,
        saved: Vec<Option<SavedSearch>>,
    ) -> Desk<'d, 'c> {
        let tries = saved.len();
        let waiting = counters.iter().map(|_| Vec::new()).collect();
        Desk {
            planes,
            counters,
            places,
            waiting,
            control,
            progress: vec![None; tries],
            saved,
            found: (0..tries).map(|_| None).collect(),
            error: None,
        }
    }

    /// Answers until all tries have ended.
    fn serve(&mut self, asks: Receiver<Ask>) {
        while let Ok(ask) = asks.recv() {
            self.take(ask);
            asks.try_iter().for_each(|ask| self.take(ask));
            self.count();
        }
        self.save(true);
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Counts {
                place,
                wanted,
                reply,
            } => self.waiting[place].push((wanted, reply)),
            Ask::Lists {
                place,
                left,
                lists,
                reply,
            } => {
                let count = |desk: &mut Self| {
                    let mut counts = Vec::new();
                    desk.counters[place].listed_counts(&left, &lists, &mut counts)?;
                    Ok(counts)
                };
                self.reply(&reply, count);
            }
            Ask::Groups { groups, reply } => {
                self.reply(&reply, |desk| desk.planes.group_counts(&groups));
            }
            Ask::Progress(number, progress) => {
                self.progress[number] = Some(progress);
                self.tell(number);
            }
            Ask::Saved(number, saved) => {
                self.saved[number] = Some(*saved);
                self.save(false);
            }
            Ask::Ended(number, Ok(found)) => self.found[number] = Some(found),
            Ask::Ended(_, Err(error)) => drop(self.error.get_or_insert(error)),
        }
    }

    /// Answers a try that asked for something alone.
    fn reply<T>(
        &mut self,
        reply: &Sender<Result<T, ComputeError>>,
        count: impl FnOnce(&mut Self) -> Result<T, ComputeError>,
    ) {
        let counted = match self.error {
            None => count(self),
            Some(_) => Err(failed()),
        };
        // A try that panicked does not wait any more.
        let _ = reply.send(counted.map_err(|error| self.fail(error)));
    }

    /// Counts what waits.
    fn count(&mut self) {
        for place in 0..self.counters.len() {
            if self.waiting[place].is_empty() {
                continue;
            }
            let waiting = std::mem::take(&mut self.waiting[place]);
            let (mut wanted, replies): (Vec<Wanted>, Vec<_>) = waiting.into_iter().unzip();
            let counted = match self.error {
                None => self.counters[place].all_co_zero_counts(&mut wanted),
                Some(_) => Err(failed()),
            };
            let failure = counted.map_err(|error| self.fail(error)).err();
            // Before the tries go on, which ask for the next counts by it.
            self.places[place].ask(self.counters[place].as_ref());
            for (one, reply) in wanted.into_iter().zip(replies) {
                // A try that panicked does not wait any more.
                let _ = reply.send(match failure {
                    None => Ok(one),
                    Some(_) => Err(failed()),
                });
            }
        }
    }

    /// Keeps the first error, and gives what the tries are told.
    fn fail(&mut self, error: ComputeError) -> ComputeError {
        self.error.get_or_insert(error.into());
        failed()
    }

    /// Tells how far all tries are, and where the first that goes on stands.
    fn tell(&mut self, number: usize) {
        let known = || self.progress.iter().flatten();
        let ended = self.found.iter().position(Option::is_none);
        let first = ended.and_then(|first| self.progress[first].as_ref());
        let Some(first) = first.or(self.progress[number].as_ref()) else {
            return;
        };
        let mut moves: Vec<MoveCount> = Vec::new();
        for progress in known() {
            add_moves(&mut moves, &progress.moves);
        }
        let done = self.progress.iter().zip(&self.found);
        let done = done.map(|(progress, found)| match (progress, found) {
            (_, Some(_)) => 1.0,
            (Some(progress), None) => progress.done,
            (None, None) => 0.0,
        });
        let all = Progress {
            rounds: known().map(|progress| progress.rounds).sum(),
            done: done.sum::<f64>() / self.progress.len() as f64,
            best: known().map(|progress| progress.best).max().unwrap_or(0),
            moves,
            ..first.clone()
        };
        if let Some(report) = self.control.progress.as_mut() {
            report(&all);
        }
    }

    /// Saves all tries as far as they were saved, if it is time for it or the search is about to end.
    fn save(&mut self, at_the_end: bool) {
        let over = at_the_end && self.control.is_over();
        // A try that refuses what was saved ends all, and what was saved stays.
        if self.error.is_none()
            && let Some(saver) = &mut self.control.saver
            && (over || saver.is_due())
            && let Some(saved) = SavedSearch::together(&self.saved)
        {
            saver.write(&saved);
        }
    }

    /// What the best try found.
    fn best(self) -> Result<Found, SearchError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut best: Option<Found> = None;
        for found in self.found.into_iter().flatten() {
            best = Some(match best {
                None => found,
                Some(best) => better(best, found),
            });
        }
        best.ok_or_else(|| failed().into())
    }
}

/// The better one, or the first of equals, with what was done for both.
fn better(first: Found, second: Found) -> Found {
    let mut moves = first.moves.clone();
    add_moves(&mut moves, &second.moves);
    let complete = first.complete && second.complete;
    let best = if second.score > first.score {
        second
    } else {
        first
    };
    Found {
        moves,
        complete,
        ..best
    }
}

fn add_moves(sums: &mut Vec<MoveCount>, moves: &[MoveCount]) {
    for count in moves {
        match sums.iter_mut().find(|sum| sum.name == count.name) {
            Some(sum) => {
                sum.rounds += count.rounds;
                sum.applied += count.applied;
            }
            None => sums.push(*count),
        }
    }
}
