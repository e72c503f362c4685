//! What an active row costs in stage `ft_zeros`: 16-bit rows against 8-bit ones, and how fast lists of rows are built.
//!
//! `cargo bench --bench ft_rows [-- FILE]` takes the quiet positions of a file (else of `datasets/selfplay.binpack`)
//! and the feature sets of the newest era, with random weights, which no time depends on. One thread.
//!
//! Lists are in the order that evaluation uses, where neighbours are of one game and samples are computed from the ones
//! before them; and mixed, where every sample starts from the biases. A store's rows cost what they add to the time of
//! the other store's rows alone.

use std::hint::black_box;
use std::time::Instant;

use ftperm::chess::board::Board;
use ftperm::compute::Backend;
use ftperm::compute::cpu::{CpuBackend, InstructionSet};
use ftperm::nets::model::SampleOrder;
use ftperm::nets::model::{FtWeights, RowLists, SampleBatch};
use ftperm::nets::stockfish::samples::sample_batch;
use ftperm::nets::stockfish::{Architecture, Store, era};
use ftperm::planes::ZeroPlanes;
use ftperm::positions::{self, Options};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Positions of a batch: one takes some milliseconds, which other programs seldom disturb.
const POSITIONS: usize = 8192;
const ROUNDS: usize = 40;

fn main() {
    let file = std::env::args_os()
        .skip(1)
        .find(|argument| !argument.to_string_lossy().starts_with("--"))
        .unwrap_or_else(|| "datasets/selfplay.binpack".into());
    let mut boards = positions::read(&[file], &Options::default())
        .expect("positions")
        .boards;
    boards.truncate(POSITIONS);
    let architecture = &era("v16").expect("the newest era").architecture;
    let [lists] = best(|_| drop(black_box(lists_of(architecture, &boards))));
    let games = lists_of(architecture, &boards);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    boards.shuffle(&mut random);
    let mixed = lists_of(architecture, &boards);

    let rows = |store: Store| {
        let sets = 0..architecture.sets.len();
        let kept = sets.filter(|&set| architecture.rows_of(set).0 == store);
        kept.map(|set| architecture.sets[set].count())
            .sum::<usize>()
    };
    let l1 = architecture.l1;
    let bias: Vec<i16> = (0..l1).map(|_| random.random_range(-100..=100)).collect();
    let mut wide = vec![0i16; rows(Store::Wide) * l1];
    wide.fill_with(|| i16::from(random.random::<i8>()));
    let mut narrow = vec![0i8; rows(Store::Narrow) * l1];
    random.fill(&mut narrow[..]);
    let weights = FtWeights {
        l1,
        activation: architecture.activation,
        bias: &bias,
        wide: &wide,
        narrow: &narrow,
    };

    let samples = games.samples as f64;
    println!(
        "L1 = {l1}, {} positions, {:.1} 16-bit and {:.1} 8-bit rows a sample; lists {:.2} us a position",
        boards.len(),
        games.wide.rows.len() as f64 / samples,
        games.narrow.rows.len() as f64 / samples,
        lists * 1e6 / boards.len() as f64,
    );
    println!("lists   instructions   ns per 16-bit row   ns per 8-bit row   positions/s");
    for (name, batch) in [("games", &games), ("mixed", &mixed)] {
        for set in InstructionSet::ALL {
            let Ok(backend) = CpuBackend::with_instruction_set(Some(1), set) else {
                continue;
            };
            let mut evaluator = backend.ft_evaluator(weights).expect("a valid network");
            let mut planes = ZeroPlanes::new(weights.neurons(), batch.samples);
            let [only_wide, only_narrow] =
                [Store::Narrow, Store::Wide].map(|it| without(batch, it));
            let [both, wide, narrow] = best(|number| {
                let batch = [batch, &only_wide, &only_narrow][number];
                evaluator
                    .ft_zeros(black_box(batch), &mut planes, 0)
                    .expect("a valid batch");
            });
            println!(
                "{name:<8}{:<15}{:>17.1}   {:>16.1}   {:>11.0}",
                set.option(),
                (both - narrow) * 1e9 / batch.wide.rows.len() as f64,
                (both - wide) * 1e9 / batch.narrow.rows.len() as f64,
                boards.len() as f64 / both,
            );
        }
    }
}

fn lists_of(architecture: &Architecture, boards: &[Board]) -> SampleBatch {
    sample_batch(architecture, boards, SampleOrder::KingPlaces)
}

/// The same samples with empty lists in one store.
fn without(batch: &SampleBatch, store: Store) -> SampleBatch {
    let mut batch = batch.clone();
    let none = RowLists {
        offsets: vec![0; batch.samples + 1],
        rows: Vec::new(),
    };
    match store {
        Store::Wide => batch.wide = none,
        Store::Narrow => batch.narrow = none,
    }
    batch
}

/// The shortest times in seconds of several kinds of work, done in turn.
fn best<const KINDS: usize>(mut work: impl FnMut(usize)) -> [f64; KINDS] {
    let mut best = [f64::INFINITY; KINDS];
    let rounds = if std::env::args().any(|argument| argument == "--test") {
        1
    } else {
        ROUNDS
    };
    for _ in 0..rounds {
        for (kind, best) in best.iter_mut().enumerate() {
            let started = Instant::now();
            work(kind);
            *best = best.min(started.elapsed().as_secs_f64());
        }
    }
    best
}
