//! Time and result of the search, effort by effort.
//!
//! `cargo bench --bench search -- TRAINING HELD_OUT [SEEDS]` prints one row a seed and effort: seconds, share of zero
//! blocks in the training and in the held-out planes, and the gain in points over the order as it is. Planes files are
//! those of `ftperm gather`. Without files, or with `--test`, small made-up planes are searched.

use std::path::Path;
use std::time::Instant;

use ftperm::compute::cpu::CpuBackend;
use ftperm::search::{Control, Effort, SearchOptions, search};
use ftperm::zeros::ZeroPlanes;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let smoke = arguments.iter().any(|argument| argument == "--test");
    let given: Vec<&String> = arguments.iter().filter(|a| !a.starts_with("--")).collect();
    match given.as_slice() {
        [training, held_out, rest @ ..] if !smoke => {
            let seeds = rest
                .first()
                .map_or(3, |seeds| seeds.parse().expect("a number of seeds"));
            let efforts = [Effort::Quick, Effort::Normal, Effort::Max];
            table(&read(training), &read(held_out), &efforts, seeds);
        }
        _ => {
            let samples = if smoke { 500 } else { 100_000 };
            let (training, held_out) = (made_up(128, samples, 1), made_up(128, samples, 2));
            table(&training, &held_out, &[Effort::Quick, Effort::Normal], 1);
        }
    }
}

fn table(training: &ZeroPlanes, held_out: &ZeroPlanes, efforts: &[Effort], seeds: u64) {
    let backend = CpuBackend::new(None).expect("threads");
    let share = |score: u64, planes: &ZeroPlanes| {
        100.0 * score as f64 / (planes.samples() * planes.neurons() / 4) as f64
    };
    println!("effort  seed  seconds  training  held-out     gain");
    for &effort in efforts {
        for seed in 0..seeds {
            let options = SearchOptions {
                effort,
                seed,
                start: None,
            };
            let begin = Instant::now();
            let chunks = std::slice::from_ref(training);
            let found = search(&backend, chunks, &options, &mut Control::default());
            let found = found.expect("a search on the processor");
            let seconds = begin.elapsed().as_secs_f64();
            let before = share(found.start_score, training);
            let after = share(found.score, training);
            let held = share(held_out.zero_blocks(found.permutation.indices()), held_out);
            let effort = format!("{effort:?}");
            println!(
                "{effort:<6}  {seed:>4}  {seconds:>7.2}  {after:>8.4}  {held:>8.4}  {:>7.4}",
                after - before
            );
        }
    }
}

fn read(path: &str) -> ZeroPlanes {
    ZeroPlanes::read(Path::new(path)).expect("a planes file")
}

/// Neurons of 13 families, zero together more often than not.
fn made_up(neurons: usize, samples: usize, seed: u64) -> ZeroPlanes {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut planes = ZeroPlanes::new(neurons, samples);
    for sample in 0..samples {
        let moods: [u32; 13] = std::array::from_fn(|_| random.next_u32() % 100);
        for neuron in 0..neurons {
            if random.next_u32() % 100 < moods[neuron % 13] {
                planes.set(neuron, sample);
            }
        }
    }
    planes
}
