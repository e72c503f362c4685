//! Speed of both kernels on a graphics adapter.
//!
//! `FTPERM_BENCH_ADAPTER` names the adapter, by index or by part of its name; without it, the best hardware adapter
//! is taken, or else the first one. Hardware gets the sizes of a large run, software adapters small ones.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use ftperm::compute::gpu::{AdapterKind, AdapterSelector, GpuBackend, list_adapters};
use ftperm::compute::{
    Activation, Backend, FtEvaluator, FtWeights, NeuronGroup, RowLists, SampleBatch,
};
use ftperm::zeros::ZeroPlanes;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WIDE_FEATURES: usize = 22528;
/// Features of one king bucket, to which neighbouring samples are sorted.
const BUCKET_FEATURES: usize = 704;

fn selector() -> Option<(AdapterSelector, AdapterKind)> {
    let adapters = list_adapters();
    let adapter = match std::env::var("FTPERM_BENCH_ADAPTER") {
        Ok(wanted) => adapters.into_iter().find(|it| {
            wanted.parse() == Ok(it.index)
                || it.name.to_lowercase().contains(&wanted.to_lowercase())
        }),
        Err(_) => adapters.into_iter().min_by_key(|it| it.kind as u8),
    }?;
    Some((AdapterSelector::Index(adapter.index), adapter.kind))
}

fn random_planes(rng: &mut impl Rng, neurons: usize, samples: usize) -> ZeroPlanes {
    assert_eq!(samples % 64, 0);
    let mut planes = ZeroPlanes::new(neurons, samples);
    for neuron in 0..neurons {
        // Three of four bits.
        for word in &mut planes.plane_mut(neuron)[..samples / 64] {
            *word = rng.next_u64() | rng.next_u64();
        }
    }
    planes
}

fn counts(criterion: &mut Criterion, backend: &GpuBackend, neurons: usize, samples: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let chunks = [random_planes(&mut rng, neurons, samples)];
    let mut counter = backend.co_zero_counter(&chunks).unwrap();
    let single: Vec<NeuronGroup> = (0..neurons as u32)
        .map(|it| NeuronGroup::new(&[it]))
        .collect();
    // The other three neurons of each neuron's block.
    let others: Vec<NeuronGroup> = (0..neurons as u32)
        .map(|it| {
            let block: Vec<u32> = (it / 4 * 4..it / 4 * 4 + 4).filter(|n| *n != it).collect();
            NeuronGroup::new(&block)
        })
        .collect();
    let mut result = Vec::new();
    let mut group = criterion.benchmark_group("co_zero_counts");
    for (what, right) in [
        ("swap matrix", &others[..]),
        ("one swap's columns", &others[..8]),
    ] {
        let words = neurons * right.len() * samples / 32;
        group.throughput(Throughput::Elements(words as u64));
        group.bench_function(
            format!("{what}, {neurons} neurons, {samples} samples"),
            |b| {
                b.iter(|| counter.co_zero_counts(&single, right, &mut result).unwrap());
            },
        );
    }
    group.finish();
}

fn evaluation(criterion: &mut Criterion, backend: &GpuBackend, l1: usize, positions: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut small = |count: usize| -> Vec<i16> {
        let mut weights = vec![0; count];
        rng.fill(&mut weights[..]);
        weights.iter_mut().for_each(|it| *it %= 64);
        weights
    };
    let bias = small(l1);
    let wide = small(WIDE_FEATURES * l1);
    let samples = 2 * positions;
    let buckets = WIDE_FEATURES / BUCKET_FEATURES;
    let mut batch = SampleBatch {
        samples,
        wide: RowLists {
            offsets: vec![0],
            rows: Vec::new(),
        },
        narrow: RowLists::default(),
    };
    for sample in 0..samples {
        let first = sample * buckets / samples * BUCKET_FEATURES;
        for _ in 0..rng.random_range(16..=32) {
            let feature = first + rng.random_range(0..BUCKET_FEATURES);
            batch.wide.rows.push(feature as u32);
        }
        batch.wide.offsets.push(batch.wide.rows.len() as u32);
    }
    let weights = FtWeights {
        l1,
        activation: Activation::Pairwise {
            clamp: 255,
            shift: 9,
        },
        bias: &bias,
        wide: &wide,
        narrow: &[],
    };
    let mut group = criterion.benchmark_group("ft_zeros");
    group.throughput(Throughput::Elements(positions as u64));
    let mut evaluator = backend.device_ft_evaluator(&weights).unwrap();
    let mut planes = ZeroPlanes::new(l1 / 2, samples);
    group.bench_function(format!("L1 {l1}, {positions} positions"), |b| {
        b.iter(|| evaluator.ft_zeros(&batch, &mut planes, 0).unwrap());
    });
    let mut device_planes = backend.device_planes(l1 / 2, samples).unwrap();
    let name = format!("L1 {l1}, {positions} positions, planes stay");
    group.bench_function(name, |b| {
        b.iter(|| {
            evaluator
                .ft_zeros_on_device(&batch, &mut device_planes, 0)
                .unwrap();
        });
    });
    group.finish();
}

fn main() {
    let Some((selector, kind)) = selector() else {
        println!("skipped: no graphics adapter");
        return;
    };
    let backend = match GpuBackend::new(&selector) {
        Ok(backend) => backend,
        Err(error) => {
            println!("skipped: {error}");
            return;
        }
    };
    println!("{}", backend.adapter());
    let smoke = std::env::args().any(|it| it == "--test");
    let (neurons, samples, l1, positions) = match (smoke, kind.is_hardware()) {
        (true, _) => (128, 6400, 64, 320),
        (false, true) => (1536, 2_000_000, 3072, 1_000_000),
        (false, false) => (256, 200_000, 1024, 1600),
    };
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .configure_from_args();
    counts(&mut criterion, &backend, neurons, samples);
    evaluation(&mut criterion, &backend, l1, positions);
    criterion.final_summary();
}
