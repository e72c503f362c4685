//! Word operations a second of stage `co_zero_counts`: AND, population count and addition of 32 samples are one.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ftperm::compute::cpu::{CpuBackend, InstructionSet};
use ftperm::compute::{Backend, NeuronGroup};
use ftperm::planes::ZeroPlanes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const NEURONS: usize = 512;
const SAMPLES: usize = 200_000;

/// Groups of `size` neurons, next to each other.
fn groups(count: usize, size: usize) -> Vec<NeuronGroup> {
    let neuron = |index: usize| (index % NEURONS) as u32;
    let group = |index: usize| {
        let neurons: Vec<u32> = (0..size).map(|i| neuron(index * size + i)).collect();
        NeuronGroup::new(&neurons)
    };
    (0..count).map(group).collect()
}

fn co_zero_counts(criterion: &mut Criterion) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut planes = ZeroPlanes::new(NEURONS, SAMPLES);
    for neuron in 0..NEURONS {
        let words = &mut planes.plane_mut(neuron)[..SAMPLES / 64];
        words.fill_with(|| random.next_u64() | random.next_u64());
    }
    let chunks = [planes];
    for (name, left, left_size, right, right_size) in [
        ("single x single", 512, 1, 512, 1),
        ("triple x single", 512, 3, 512, 1),
        ("triple x single, small", 8, 3, 512, 1),
        ("double x double, small", 128, 2, 128, 2),
        ("quadruple x single, tiny", 1, 4, 16, 1),
    ] {
        let left = groups(left, left_size);
        let right = groups(right, right_size);
        let mut group = criterion.benchmark_group(format!("co_zero_counts/{name}"));
        let words = left.len() * right.len() * SAMPLES / 32;
        group.throughput(Throughput::Elements(words as u64));
        group.sample_size(10);
        for set in InstructionSet::ALL {
            for threads in [1, 2] {
                let Ok(backend) = CpuBackend::with_instruction_set(Some(threads), set) else {
                    continue;
                };
                let mut counter = backend.co_zero_counter(&chunks).expect("valid planes");
                let mut counts = Vec::new();
                group.bench_function(format!("{set:?}/{threads}"), |bencher| {
                    bencher.iter(|| {
                        counter
                            .co_zero_counts(black_box(&left), black_box(&right), &mut counts)
                            .expect("valid groups");
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, co_zero_counts);
criterion_main!(benches);
