//! Positions a second of stage `ft_zeros`, by instruction set and number of threads.
//!
//! Lists are random but shaped like real ones in king bucket order: of each bucket's 704 rows 16 to 32 are active.
//! Those called "games" share four rows in five with the list before them, as positions of one game do.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ftperm::compute::Backend;
use ftperm::compute::cpu::{CpuBackend, InstructionSet};
use ftperm::nets::model::{Activation, FtWeights, RowLists, SampleBatch};
use ftperm::planes::ZeroPlanes;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const POSITIONS: usize = 16_384;
const BUCKETS: u32 = 32;
const BUCKET_ROWS: u32 = 704;
const NARROW_ROWS: usize = 60_720;

/// Samples in bucket order. `narrow` more rows a sample, three in four from the most common tenth.
fn batch(narrow: usize, random: &mut impl Rng) -> SampleBatch {
    let samples = 2 * POSITIONS;
    let mut batch = SampleBatch {
        samples,
        ..SampleBatch::default()
    };
    batch.wide.offsets.push(0);
    for sample in 0..samples {
        let bucket = sample as u32 * BUCKETS / samples as u32;
        for _ in 0..random.random_range(16..=32) {
            let row = bucket * BUCKET_ROWS + random.random_range(0..BUCKET_ROWS);
            batch.wide.rows.push(row);
        }
        batch.wide.offsets.push(batch.wide.rows.len() as u32);
    }
    if narrow > 0 {
        batch.narrow = RowLists {
            offsets: vec![0],
            rows: Vec::new(),
        };
        for _ in 0..samples {
            for _ in 0..random.random_range(narrow / 2..=narrow * 3 / 2) {
                let skewed = random.random::<f64>().powi(8) * NARROW_ROWS as f64;
                batch.narrow.rows.push(skewed as u32);
            }
            batch.narrow.offsets.push(batch.narrow.rows.len() as u32);
        }
    }
    batch
}

/// Every list keeps four in five of the rows of the list before it.
fn like_games(lists: &RowLists, random: &mut impl Rng) -> RowLists {
    let mut alike = RowLists {
        offsets: vec![0],
        rows: Vec::new(),
    };
    let mut before: Vec<u32> = Vec::new();
    for sample in 0..lists.offsets.len() - 1 {
        let new = lists.list(sample);
        let mut list: Vec<u32> = Vec::new();
        for (place, &row) in new.iter().enumerate() {
            let row = match before.get(place) {
                Some(&old) if random.random_ratio(4, 5) => old,
                _ => row,
            };
            // No position has a feature twice.
            if !list.contains(&row) {
                list.push(row);
            }
        }
        alike.rows.extend(&list);
        alike.offsets.push(alike.rows.len() as u32);
        before = list;
    }
    alike
}

fn ft_zeros(criterion: &mut Criterion) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let pairwise = Activation::Pairwise {
        clamp: 255,
        shift: 9,
    };
    let clipped = Activation::Clipped { clamp: 127 };
    for (name, l1, narrow, games, activation) in [
        ("pairwise-1024", 1024, 0, false, pairwise),
        ("pairwise-1024-games", 1024, 0, true, pairwise),
        ("pairwise-1024-threats", 1024, 20, false, pairwise),
        ("pairwise-1024-threats-games", 1024, 30, true, pairwise),
        ("pairwise-128", 128, 0, false, pairwise),
        ("clipped-512", 512, 0, false, clipped),
    ] {
        let mut group = criterion.benchmark_group(format!("ft_zeros/{name}"));
        group.throughput(Throughput::Elements(POSITIONS as u64));
        group.sample_size(10);
        let rows = (BUCKETS * BUCKET_ROWS) as usize;
        let narrow_rows = if narrow > 0 { NARROW_ROWS } else { 0 };
        let bias: Vec<i16> = (0..l1).map(|_| random.random_range(-100..=100)).collect();
        let wide: Vec<i16> = (0..rows * l1)
            .map(|_| random.random_range(-60..=60))
            .collect();
        let narrow_weights: Vec<i8> = (0..narrow_rows * l1)
            .map(|_| random.random_range(-30..=30))
            .collect();
        let weights = FtWeights {
            l1,
            activation,
            bias: &bias,
            wide: &wide,
            narrow: &narrow_weights,
        };
        let mut batch = batch(narrow, &mut random);
        if games {
            batch.wide = like_games(&batch.wide, &mut random);
            if narrow > 0 {
                batch.narrow = like_games(&batch.narrow, &mut random);
            }
        }
        let mut planes = ZeroPlanes::new(weights.neurons(), batch.samples);
        for set in InstructionSet::ALL {
            for threads in [1, 2] {
                let Ok(backend) = CpuBackend::with_instruction_set(Some(threads), set) else {
                    continue;
                };
                let mut evaluator = backend.ft_evaluator(weights).expect("a valid network");
                group.bench_function(format!("{set:?}/{threads}"), |bencher| {
                    bencher.iter(|| {
                        evaluator
                            .ft_zeros(black_box(&batch), &mut planes, 0)
                            .expect("a valid batch");
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, ft_zeros);
criterion_main!(benches);
