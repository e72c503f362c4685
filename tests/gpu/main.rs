//! The graphics path, against plain loops over the definitions. Runs on any adapter, software ones included.

#[macro_use(test)]
extern crate ftperm_test_attribute;

#[path = "../../benches/common/batches.rs"]
mod batches;
#[path = "../common/mod.rs"]
mod common;
mod counting;
mod kernels;
mod shaders;
mod validation;

use batches::Batches;
use common::material;
use common::program::Case;
use ftperm::compute::cpu::CpuBackend;
use ftperm::compute::gpu::{
    AdapterDescription, AdapterSelector, GpuBackend, WorkLimits, has_hardware_adapter,
    list_adapters,
};
use ftperm::compute::subsample::Share;
use ftperm::compute::{
    Backend, CoZeroCounter, ComputeError, HostPlanes, NeuronGroup, PlaneSet, SampleSource, Wanted,
};
use ftperm::nets::model::{Activation, FtWeights, RowLists, SampleBatch};
use ftperm::planes::ZeroPlanes;
use ftperm::search::{
    CertifyOptions, Control, Effort, SearchOptions, certify_planes, search_planes,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Limits so small that every kind of cut is made.
fn small() -> WorkLimits {
    WorkLimits {
        buffer_bytes: 64 << 10,
        scratch_bytes: 64 << 10,
        ft_zeros_bytes: 100_000,
        co_zero_words: 1 << 18,
        ..WorkLimits::default()
    }
}

fn backend(limits: WorkLimits) -> Option<GpuBackend> {
    backend_of(1, limits)
}

/// The same adapter, opened several times.
fn backend_of(adapters: usize, limits: WorkLimits) -> Option<GpuBackend> {
    let selector = match std::env::var("FTPERM_TEST_ADAPTER") {
        Ok(name) => AdapterSelector::Name(name),
        Err(_) => AdapterSelector::Index(0),
    };
    let backend = GpuBackend::with_limits(&vec![selector; adapters], limits);
    backend.map_or_else(
        |error| material::missing(&format!("a graphics adapter ({error})")),
        Some,
    )
}

/// A network of random weights.
struct Network {
    l1: usize,
    activation: Activation,
    bias: Vec<i16>,
    wide: Vec<i16>,
    narrow: Vec<i8>,
}

impl Network {
    /// Weights of up to `largest`, which is chosen large enough that accumulators wrap where that is to be tested.
    fn random(
        rng: &mut ChaCha8Rng,
        l1: usize,
        activation: Activation,
        [wide, narrow]: [usize; 2],
        largest: i16,
    ) -> Network {
        let mut random = |count| -> Vec<i16> {
            (0..count)
                .map(|_| rng.random_range(-largest..=largest))
                .collect()
        };
        let bias = random(l1);
        let wide = random(wide * l1);
        let narrow = (0..narrow * l1)
            .map(|_| rng.random_range(i8::MIN..=i8::MAX))
            .collect();
        Network {
            l1,
            activation,
            bias,
            wide,
            narrow,
        }
    }

    fn weights(&self) -> FtWeights<'_> {
        FtWeights {
            l1: self.l1,
            activation: self.activation,
            bias: &self.bias,
            wide: &self.wide,
            narrow: &self.narrow,
        }
    }

    /// Samples of up to `most` rows of either kind, some of them empty.
    fn samples(&self, rng: &mut ChaCha8Rng, samples: usize, most: [usize; 2]) -> SampleBatch {
        let mut lists = |features: usize, most: usize| {
            let mut lists = RowLists {
                offsets: vec![0],
                rows: Vec::new(),
            };
            for _ in 0..samples {
                let count = rng.random_range(0..=most) * usize::from(rng.random_bool(0.9));
                let count = count * usize::from(features > 0);
                lists
                    .rows
                    .extend((0..count).map(|_| rng.random_range(0..features as u32)));
                lists.offsets.push(lists.rows.len() as u32);
            }
            lists
        };
        let wide = lists(self.wide.len() / self.l1, most[0]);
        let narrow = match self.narrow.len() / self.l1 {
            0 => RowLists::default(),
            features => lists(features, most[1]),
        };
        SampleBatch {
            samples,
            wide,
            narrow,
        }
    }

    /// The definition: wrapping 16-bit accumulators, then the activation.
    fn zeros(&self, batch: &SampleBatch, planes: &mut ZeroPlanes, first_sample: usize) {
        for sample in 0..batch.samples {
            let mut accumulator = self.bias.clone();
            for row in batch.wide.list(sample) {
                let row = &self.wide[*row as usize * self.l1..][..self.l1];
                for (sum, weight) in accumulator.iter_mut().zip(row) {
                    *sum = sum.wrapping_add(*weight);
                }
            }
            if !self.narrow.is_empty() {
                for row in batch.narrow.list(sample) {
                    let row = &self.narrow[*row as usize * self.l1..][..self.l1];
                    for (sum, weight) in accumulator.iter_mut().zip(row) {
                        *sum = sum.wrapping_add(i16::from(*weight));
                    }
                }
            }
            for neuron in 0..self.weights().neurons() {
                let output = match self.activation {
                    Activation::Clipped { clamp } => i64::from(accumulator[neuron].clamp(0, clamp)),
                    Activation::Pairwise { clamp, shift } => {
                        let a = i64::from(accumulator[neuron].clamp(0, clamp));
                        let b = i64::from(accumulator[neuron + self.l1 / 2].clamp(0, clamp));
                        (a * b) >> shift
                    }
                };
                if output == 0 {
                    planes.set(neuron, first_sample + sample);
                }
            }
        }
    }
}

const CLIPPED: Activation = Activation::Clipped { clamp: 127 };
const PAIRWISE_127: Activation = Activation::Pairwise {
    clamp: 127,
    shift: 7,
};
const PAIRWISE_255: Activation = Activation::Pairwise {
    clamp: 255,
    shift: 9,
};

#[test]
fn ft_zeros_equal_the_definition() {
    for (adapters, limits) in [(1, WorkLimits::default()), (1, small()), (2, small())] {
        let Some(backend) = backend_of(adapters, limits) else {
            return;
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (l1, activation, features, samples) in [
            (32, PAIRWISE_255, [40, 30], 70),
            (40, CLIPPED, [40, 30], 65),
            (72, CLIPPED, [50, 0], 64),
            (64, CLIPPED, [50, 0], 1),
            (64, PAIRWISE_127, [50, 0], 63),
            (128, CLIPPED, [40, 30], 64),
            (128, PAIRWISE_255, [40, 30], 65),
            (192, CLIPPED, [70, 0], 700),
            (192, PAIRWISE_255, [70, 300], 1500),
            (1024, PAIRWISE_127, [64, 0], 2100),
            (1024, CLIPPED, [64, 20], 513),
        ] {
            let network = Network::random(&mut rng, l1, activation, features, 100);
            let mut planes = ZeroPlanes::new(network.weights().neurons(), samples + 64);
            let mut expected = planes.clone();
            let mut evaluator = backend.ft_evaluator(network.weights()).unwrap();
            // The second batch reuses what the first one left behind.
            for first_sample in [64, 0] {
                let samples = if first_sample == 0 { 64 } else { samples };
                let batch = network.samples(&mut rng, samples, [32, 90]);
                network.zeros(&batch, &mut expected, first_sample);
                evaluator
                    .ft_zeros(&batch, &mut planes, first_sample)
                    .unwrap();
                assert!(planes == expected, "{l1} {activation:?} {samples}");
            }
            let zeros: u64 = planes.zero_counts().iter().sum();
            assert!(zeros > 0 && zeros < (planes.neurons() * planes.samples()) as u64);
        }
    }
}

#[test]
fn accumulators_wrap_at_16_bits() {
    let Some(backend) = backend(WorkLimits::default()) else {
        return;
    };
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for activation in [CLIPPED, PAIRWISE_255] {
        let network = Network::random(&mut rng, 128, activation, [20, 20], i16::MAX);
        // More 8-bit rows than the kernel adds before it carries over.
        let batch = network.samples(&mut rng, 300, [200, 1200]);
        let mut planes = ZeroPlanes::new(network.weights().neurons(), 300);
        let mut expected = planes.clone();
        network.zeros(&batch, &mut expected, 0);
        let mut evaluator = backend.ft_evaluator(network.weights()).unwrap();
        evaluator.ft_zeros(&batch, &mut planes, 0).unwrap();
        assert!(planes == expected, "{activation:?}");
    }
}

#[test]
fn extreme_columns_by_hand() {
    let Some(backend) = backend(WorkLimits::default()) else {
        return;
    };
    // Columns 0 and 1 share a word of the kernel. Column 0 goes from 32767 to -32768, column 1 from -32768 to 32767.
    let mut network = Network {
        l1: 64,
        activation: CLIPPED,
        bias: vec![1; 64],
        wide: vec![0; 64],
        narrow: vec![0; 64],
    };
    network.bias[..4].copy_from_slice(&[i16::MAX, i16::MIN, 128, 127]);
    network.wide[..2].copy_from_slice(&[1, -1]);
    network.narrow[2..4].copy_from_slice(&[-128, -128]);
    let batch = SampleBatch {
        samples: 3,
        wide: RowLists {
            offsets: vec![0, 0, 1, 1],
            rows: vec![0],
        },
        narrow: RowLists {
            offsets: vec![0, 0, 0, 1],
            rows: vec![0],
        },
    };
    let mut planes = ZeroPlanes::new(64, 3);
    let mut evaluator = backend.ft_evaluator(network.weights()).unwrap();
    evaluator.ft_zeros(&batch, &mut planes, 0).unwrap();
    let first_words: Vec<u64> = (0..5).map(|neuron| planes.plane(neuron)[0]).collect();
    // Sample 1 has the 16-bit row, sample 2 the 8-bit row.
    assert_eq!(first_words, [0b010, 0b101, 0b100, 0b100, 0]);
}

#[test]
fn clamps_and_shifts_at_their_ends() {
    let Some(backend) = backend(WorkLimits::default()) else {
        return;
    };
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for activation in [
        Activation::Clipped { clamp: 0 },
        Activation::Clipped { clamp: i16::MAX },
        Activation::Pairwise { clamp: 0, shift: 0 },
        Activation::Pairwise {
            clamp: i16::MAX,
            shift: 0,
        },
        Activation::Pairwise {
            clamp: i16::MAX,
            shift: 29,
        },
        Activation::Pairwise {
            clamp: i16::MAX,
            shift: 40,
        },
    ] {
        let network = Network::random(&mut rng, 64, activation, [20, 0], i16::MAX);
        let batch = network.samples(&mut rng, 200, [9, 0]);
        let mut planes = ZeroPlanes::new(network.weights().neurons(), 200);
        let mut expected = planes.clone();
        network.zeros(&batch, &mut expected, 0);
        let mut evaluator = backend.ft_evaluator(network.weights()).unwrap();
        evaluator.ft_zeros(&batch, &mut planes, 0).unwrap();
        assert!(planes == expected, "{activation:?}");
    }
}

#[test]
fn impossible_input_is_refused() {
    let Some(backend) = backend(WorkLimits::default()) else {
        return;
    };
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let network = Network::random(&mut rng, 64, CLIPPED, [10, 10], 50);
    let mut evaluator = backend.ft_evaluator(network.weights()).unwrap();
    let good = network.samples(&mut rng, 100, [5, 5]);
    let mut planes = ZeroPlanes::new(64, 100);
    let mut refuse = |batch: &SampleBatch, planes: &mut ZeroPlanes, first: usize, says: &str| {
        let error = evaluator.ft_zeros(batch, planes, first).unwrap_err();
        assert!(matches!(error, ComputeError::Unsupported(_)), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    };
    refuse(&good, &mut planes, 64, "do not fit");
    refuse(&good, &mut planes, 1, "does not begin a word");
    refuse(&good, &mut ZeroPlanes::new(63, 100), 0, "63 neurons");
    let mut bad = good.clone();
    bad.wide.rows[0] = 10;
    refuse(&bad, &mut planes, 0, "16-bit row 10");
    let mut bad = good.clone();
    bad.narrow.rows[0] = u32::MAX;
    refuse(&bad, &mut planes, 0, "8-bit row 4294967295");
    let mut bad = good.clone();
    bad.wide.offsets[50] = u32::MAX;
    refuse(&bad, &mut planes, 0, "out of order");
    let mut bad = good.clone();
    bad.narrow = RowLists::default();
    refuse(&bad, &mut planes, 0, "0 offsets");
    let mut bad = good.clone();
    bad.wide.rows.pop();
    if bad.wide.rows.len() < *bad.wide.offsets.last().unwrap() as usize {
        refuse(&bad, &mut planes, 0, "out of order");
    }

    let mut weights = network.weights();
    weights.l1 = 63;
    assert!(backend.ft_evaluator(weights).is_err());
    let mut weights = network.weights();
    weights.bias = &weights.bias[1..];
    assert!(backend.ft_evaluator(weights).is_err());
    let mut weights = network.weights();
    weights.activation = Activation::Clipped { clamp: -1 };
    assert!(backend.ft_evaluator(weights).is_err());

    let chunks = [ZeroPlanes::new(8, 10), ZeroPlanes::new(9, 10)];
    assert!(backend.co_zero_counter(&chunks).is_err());
    let mut counter = backend.co_zero_counter(&chunks[..1]).unwrap();
    let group = [NeuronGroup::new(&[8])];
    assert!(
        counter
            .co_zero_counts(&group, &group, &mut Vec::new())
            .is_err()
    );
}

fn random_planes(rng: &mut ChaCha8Rng, neurons: usize, samples: usize) -> ZeroPlanes {
    let mut planes = ZeroPlanes::new(neurons, samples);
    for neuron in 0..neurons {
        let rate = rng.random_range(0.3..1.0);
        for sample in 0..samples {
            if rng.random_bool(rate) {
                planes.set(neuron, sample);
            }
        }
    }
    planes
}

fn random_groups(
    rng: &mut ChaCha8Rng,
    neurons: usize,
    count: usize,
    largest: usize,
) -> Vec<NeuronGroup> {
    (0..count)
        .map(|_| {
            let size = rng.random_range(1..=largest);
            let chosen: Vec<u32> = (0..size)
                .map(|_| rng.random_range(0..neurons as u32))
                .collect();
            NeuronGroup::new(&chosen)
        })
        .collect()
}

/// The definition.
fn naive_counts(chunks: &[ZeroPlanes], left: &[NeuronGroup], right: &[NeuronGroup]) -> Vec<u32> {
    let mut counts = Vec::new();
    for l in left {
        for r in right {
            let mut count = 0;
            for planes in chunks {
                for word in 0..planes.stride() {
                    let neurons = l.neurons().iter().chain(r.neurons());
                    let all =
                        neurons.fold(u64::MAX, |all, n| all & planes.plane(*n as usize)[word]);
                    count += all.count_ones();
                }
            }
            counts.push(count);
        }
    }
    counts
}

/// Groups with lists of neurons, and with all neurons.
fn listed_counts_are_those_of_a_table(rng: &mut ChaCha8Rng, counter: &mut dyn CoZeroCounter) {
    let neurons = counter.neurons();
    let left = random_groups(rng, neurons, 9, 3);
    let lists: Vec<Vec<u32>> = (0..9)
        .map(|length| {
            (0..length)
                .map(|_| rng.random_range(0..neurons as u32))
                .collect()
        })
        .collect();
    let (mut table, mut counts) = (Vec::new(), vec![7; 3]);
    let singles = NeuronGroup::singles(neurons);
    counter.co_zero_counts(&left, &singles, &mut table).unwrap();
    counter.listed_counts(&left, &lists, &mut counts).unwrap();
    let rows = lists.iter().zip(table.chunks(neurons));
    let picked = rows.flat_map(|(list, row)| list.iter().map(|&neuron| row[neuron as usize]));
    assert!(counts.iter().copied().eq(picked), "{neurons}");
}

#[test]
fn co_zero_counts_equal_the_definition() {
    for (adapters, limits) in [(1, WorkLimits::default()), (1, small()), (2, small())] {
        let Some(backend) = backend_of(adapters, limits) else {
            return;
        };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (neurons, samples) in [
            (1, vec![1]),
            (70, vec![64, 0, 513]),
            (64, vec![512, 1024, 2048]),
            (100, vec![9000, 3, 700]),
            (200, vec![20_000]),
        ] {
            let chunks: Vec<ZeroPlanes> = samples
                .iter()
                .map(|samples| random_planes(&mut rng, neurons, *samples))
                .collect();
            let mut counter = backend.co_zero_counter(&chunks).unwrap();
            assert_eq!(counter.neurons(), neurons);
            assert_eq!(counter.samples(), samples.iter().sum::<usize>() as u64);
            let mut counts = vec![7; 3];
            for (left, right, sizes) in [
                (1, 1, [1, 1]),
                (64, 65, [1, 1]),
                (130, 8, [1, 3]),
                (5, 200, [4, 1]),
                (150, 140, [4, 4]),
                (2, 3, [4, 4]),
                (0, 3, [1, 1]),
            ] {
                let left = random_groups(&mut rng, neurons, left, sizes[0]);
                let right = random_groups(&mut rng, neurons, right, sizes[1]);
                counter.co_zero_counts(&left, &right, &mut counts).unwrap();
                let expected = naive_counts(&chunks, &left, &right);
                assert!(counts == expected, "{neurons} {samples:?} {}", left.len());
            }
            listed_counts_are_those_of_a_table(&mut rng, counter.as_mut());
        }
        // No planes at all.
        let mut counter = backend.co_zero_counter(&[]).unwrap();
        let mut counts = vec![1];
        counter.co_zero_counts(&[], &[], &mut counts).unwrap();
        assert!(counts.is_empty());
    }
}

/// Whatever is asked for together, in one buffer or in several.
#[test]
fn counts_that_are_asked_for_together_are_those_of_one_after_the_other() {
    for (adapters, limits) in [(1, WorkLimits::default()), (1, small()), (2, small())] {
        let Some(backend) = backend_of(adapters, limits) else {
            return;
        };
        let mut rng = ChaCha8Rng::seed_from_u64(15);
        let chunks = [900, 64].map(|samples| random_planes(&mut rng, 70, samples));
        let mut counter = backend.co_zero_counter(&chunks).unwrap();
        // The buffers of one call are used again by the next, smaller and larger ones.
        for sizes in [
            vec![(5, 9, 1), (130, 8, 3), (1, 1, 4), (0, 3, 1), (9, 140, 2)],
            vec![(150, 140, 4), (150, 140, 1)],
            vec![(2, 2, 1); 70],
            vec![],
        ] {
            let mut wanted: Vec<Wanted> = sizes
                .iter()
                .map(|&(left, right, neurons)| Wanted {
                    left: random_groups(&mut rng, 70, left, neurons),
                    right: random_groups(&mut rng, 70, right, 1),
                    counts: vec![7; 3],
                })
                .collect();
            counter.all_co_zero_counts(&mut wanted).unwrap();
            for one in &wanted {
                assert!(one.counts == naive_counts(&chunks, &one.left, &one.right));
            }
        }
        let beyond = vec![NeuronGroup::new(&[70])];
        let mut wanted = [
            Wanted::default(),
            Wanted {
                left: beyond,
                ..Wanted::default()
            },
        ];
        assert!(counter.all_co_zero_counts(&mut wanted).is_err());
    }
}

/// Tries at once, whose counts an adapter computes together.
#[test]
fn tries_at_once_find_the_same_on_an_adapter() {
    let Some(gpu) = backend(WorkLimits::default()) else {
        return;
    };
    let cpu = CpuBackend::new(None).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(16);
    let planes = [random_planes(&mut rng, 32, 1000)];
    let options = SearchOptions {
        effort: Effort::Quick,
        tries: 3,
        ..SearchOptions::default()
    };
    let [by_cpu, by_gpu] = [&cpu as &dyn Backend, &gpu].map(|backend| {
        let planes = HostPlanes::new(backend, &planes[..]);
        let found = search_planes(&planes, &options, &mut Control::default()).unwrap();
        (found.permutation, found.score)
    });
    assert_eq!(by_cpu, by_gpu);
}

/// The twins agree where the plain loops would take too long.
#[test]
fn cpu_and_gpu_are_twins() {
    let cpu = CpuBackend::new(None).unwrap();
    let Some(gpu) = backend(WorkLimits::default()) else {
        return;
    };
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (l1, activation, features, samples) in [
        (3072, PAIRWISE_127, [700, 0], 3000),
        (1024, PAIRWISE_255, [700, 2000], 5000),
        (1024, CLIPPED, [700, 0], 5000),
        (192, PAIRWISE_255, [700, 2000], 40_000),
        (64, CLIPPED, [700, 2000], 40_000),
    ] {
        let network = Network::random(&mut rng, l1, activation, features, 100);
        let batch = network.samples(&mut rng, samples, [32, 90]);
        let backends: [&dyn Backend; 2] = [&cpu, &gpu];
        let [by_cpu, by_gpu] = backends.map(|backend| {
            let mut planes = ZeroPlanes::new(network.weights().neurons(), samples);
            let mut evaluator = backend.ft_evaluator(network.weights()).unwrap();
            evaluator.ft_zeros(&batch, &mut planes, 0).unwrap();
            planes
        });
        assert!(by_cpu == by_gpu, "{l1} {activation:?}");

        let neurons = by_cpu.neurons();
        let chunks = [by_cpu, by_gpu];
        let left = random_groups(&mut rng, neurons, neurons, 1);
        let right = random_groups(&mut rng, neurons, 130, 4);
        let [by_cpu, by_gpu] = backends.map(|backend| {
            let mut counts = Vec::new();
            let mut counter = backend.co_zero_counter(&chunks).unwrap();
            counter.co_zero_counts(&left, &right, &mut counts).unwrap();
            counts
        });
        assert!(by_cpu == by_gpu, "{l1} {activation:?}");
    }
}

/// With weights larger than a binding may be on the smallest adapters.
#[test]
fn columns_are_split_over_buffers() {
    let cpu = CpuBackend::new(None).unwrap();
    let limits = WorkLimits {
        buffer_bytes: 128 << 20,
        ..WorkLimits::default()
    };
    let Some(gpu) = backend(limits) else {
        return;
    };
    // 138 MB.
    let (l1, features, samples) = (3072, 22528, 300);
    let mut network = Network {
        l1,
        activation: PAIRWISE_255,
        bias: vec![0; l1],
        wide: vec![0; features * l1],
        narrow: Vec::new(),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    rng.fill(&mut network.bias[..]);
    rng.fill(&mut network.wide[..]);
    let batch = network.samples(&mut rng, samples, [32, 0]);
    let backends: [&dyn Backend; 2] = [&cpu, &gpu];
    let [by_cpu, by_gpu] = backends.map(|backend| {
        let mut planes = ZeroPlanes::new(l1 / 2, samples);
        let mut evaluator = backend.ft_evaluator(network.weights()).unwrap();
        evaluator.ft_zeros(&batch, &mut planes, 0).unwrap();
        planes
    });
    assert!(by_cpu == by_gpu);
}

#[test]
fn planes_can_stay_on_the_adapters() {
    for (adapters, limits) in [(1, WorkLimits::default()), (1, small()), (3, small())] {
        let Some(backend) = backend_of(adapters, limits) else {
            return;
        };
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let network = Network::random(&mut rng, 128, PAIRWISE_255, [60, 40], 100);
        let mut planes = backend.device_planes(64, 3000).unwrap();
        let mut expected = ZeroPlanes::new(64, 3000);
        let mut evaluator = backend.device_ft_evaluator(&network.weights()).unwrap();
        for (first_sample, samples) in [(0, 640), (640, 1856), (2496, 504)] {
            let batch = network.samples(&mut rng, samples, [32, 60]);
            network.zeros(&batch, &mut expected, first_sample);
            evaluator
                .ft_zeros_on_device(&batch, &mut planes, first_sample)
                .unwrap();
        }
        let runs = planes.download().unwrap();
        assert_eq!(runs.len(), adapters);
        let samples = runs
            .iter()
            .flat_map(|run| (0..run.samples()).map(move |it| (run, it)));
        for (at, (run, sample)) in samples.enumerate() {
            assert!((0..64).all(|n| run.get(n, sample) == expected.get(n, at)));
        }
        assert_eq!(planes.samples(), 3000);
        let groups = random_groups(&mut rng, 64, 70, 4);
        let mut counter = planes.counter().unwrap();
        let mut counts = Vec::new();
        counter
            .co_zero_counts(&groups, &groups, &mut counts)
            .unwrap();
        assert_eq!(
            counts,
            naive_counts(std::slice::from_ref(&expected), &groups, &groups)
        );
        same_set(
            &planes,
            &HostPlanes::new(&CpuBackend::new(Some(1)).unwrap(), vec![expected]),
        );
    }
}

/// Do two sets of planes give the same numbers, and so do parts of them?
fn same_set(left: &dyn PlaneSet, right: &dyn PlaneSet) {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let neurons = left.neurons();
    let groups = random_groups(&mut rng, neurons, 300, 4);
    let order: Vec<u32> = (0..neurons as u32).collect();
    let same = |left: &dyn PlaneSet, right: &dyn PlaneSet| {
        assert_eq!(left.neurons(), right.neurons());
        assert_eq!(left.samples(), right.samples());
        let [a, b] = [left, right].map(|planes| planes.group_counts(&groups).unwrap());
        assert_eq!(a, b);
        let [a, b] = [left, right].map(|planes| planes.zero_blocks(&order).unwrap());
        assert_eq!(a, b);
        let [a, b] = [left, right].map(|planes| {
            let mut counts = Vec::new();
            let mut counter = planes.counter().unwrap();
            counter
                .co_zero_counts(&groups[..70], &groups, &mut counts)
                .unwrap();
            counts
        });
        assert!(a == b);
    };
    same(left, right);
    for (part, all) in [(1, 4), (1, 2), (3, 7), (1, 60_000), (65_535, 65_536)] {
        let share = Share::at_most(part, all);
        let [a, b] = [left, right].map(|planes| planes.part(share).unwrap());
        same(a.as_ref(), b.as_ref());
    }
    let wrong = [NeuronGroup::new(&[neurons as u32])];
    assert!(left.group_counts(&wrong).is_err());
}

/// From row lists to the certificate without a plane on the host: the same as the processor finds.
#[test]
fn a_search_on_the_adapters_is_the_same_as_on_the_processor() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let network = Network::random(&mut rng, 128, PAIRWISE_255, [200, 0], 60);
    let sizes = [
        6400, 6400, 6400, 6400, 6400, 6400, 6400, 6400, 6400, 6400, 6400, 933,
    ];
    let batches = sizes.map(|samples| network.samples(&mut rng, samples, [32, 0]));
    let source = Batches {
        batches: batches.to_vec(),
        size: 6400,
    };
    let cpu = CpuBackend::new(None).unwrap();
    let mut expected = ZeroPlanes::new(64, source.samples());
    let mut evaluator = cpu.ft_evaluator(network.weights()).unwrap();
    for number in 0..source.batches() {
        let first = source.first_sample(number);
        evaluator
            .ft_zeros(&source.batch(number), &mut expected, first)
            .unwrap();
    }
    assert!(
        evaluator
            .planes_that_stay(&source, &mut |_| ())
            .unwrap()
            .is_none()
    );
    let by_cpu = HostPlanes::new(&cpu, vec![expected]);
    let options = SearchOptions {
        effort: Effort::Quick,
        seed: 3,
        ..SearchOptions::default()
    };
    let find = |planes: &dyn PlaneSet| {
        let found = search_planes(planes, &options, &mut Control::default()).unwrap();
        let options = CertifyOptions {
            assignments: 10,
            seed: 1,
            ..CertifyOptions::default()
        };
        let certificate =
            certify_planes(planes, &found.permutation, options, &mut Control::default()).unwrap();
        (
            found.permutation,
            found.score,
            found.start_score,
            certificate,
        )
    };
    let expected = find(&by_cpu);
    assert!(expected.1 > expected.2);
    let several_buffers = WorkLimits {
        buffer_bytes: 256 << 10,
        scratch_bytes: 256 << 10,
        ..WorkLimits::default()
    };
    for (adapters, limits) in [(1, WorkLimits::default()), (2, several_buffers)] {
        let Some(gpu) = backend_of(adapters, limits) else {
            return;
        };
        let mut evaluator = gpu.ft_evaluator(network.weights()).unwrap();
        let mut done = 0;
        let planes = evaluator.planes_that_stay(&source, &mut |it| done += it);
        let planes = planes.unwrap().expect("planes on adapters stay there");
        drop(evaluator);
        assert_eq!(done, source.samples());
        same_set(planes.as_ref(), &by_cpu);
        assert_eq!(find(planes.as_ref()), expected);
    }
}

#[test]
fn adapters_are_listed_and_chosen() {
    let adapters = list_adapters();
    for (place, adapter) in adapters.iter().enumerate() {
        assert_eq!(adapter.index, place);
        assert!(!adapter.name.is_empty() && !adapter.backend.is_empty());
        assert!(adapter.max_binding_bytes >= 1 << 16);
        let by_name = AdapterSelector::Name(adapter.name.to_uppercase());
        let backend = GpuBackend::new(&by_name).unwrap();
        assert_eq!(backend.name(), "gpu");
        assert!(backend.adapter().contains(&adapter.name));
    }
    let hardware = adapters.iter().any(|it| it.kind.is_hardware());
    // It does not always ask the drivers.
    assert_eq!(has_hardware_adapter(), hardware);
    match GpuBackend::new(&AdapterSelector::Auto) {
        Ok(_) => assert!(hardware),
        Err(error) => {
            assert!(!hardware, "{error}");
            assert!(error.to_string().contains("no hardware adapter"), "{error}");
        }
    }
}

/// Runs itself once more with too little memory. Only software adapters take theirs from the process.
#[cfg(unix)]
#[test]
fn running_out_of_memory_is_an_error() {
    const CHILD: &str = "FTPERM_TEST_OUT_OF_MEMORY";
    let software = |adapter: &AdapterDescription| !adapter.kind.is_hardware();
    if std::env::var_os(CHILD).is_some() {
        let index = list_adapters().iter().position(software).unwrap();
        let backend = GpuBackend::new(&AdapterSelector::Index(index)).unwrap();
        let error = backend.device_planes(1024, 256 << 20).unwrap_err();
        assert!(matches!(error, ComputeError::OutOfMemory { .. }), "{error}");
        assert!(error.to_string().starts_with(&backend.adapter()), "{error}");
        // What fits still works.
        let planes = backend.device_planes(64, 100).unwrap();
        assert_eq!(planes.download().unwrap(), [ZeroPlanes::new(64, 100)]);
        return;
    }
    if !list_adapters().iter().any(software) {
        return material::missing("a software adapter").unwrap_or_default();
    }
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 4000000 && exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "running_out_of_memory_is_an_error"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

/// The program with one adapter opened twice writes what it writes with the processor.
#[test]
fn optimize_writes_the_same_on_two_adapters() {
    if list_adapters().is_empty() {
        return material::missing("a graphics adapter").unwrap_or_default();
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, arguments: &[&str]| {
        let done = Case::new("optimize")
            .net("demo")
            .data("selfplay")
            .args(["--count", "3000", "--effort", "quick", "--certify"])
            .option("--out", folder.path().join(format!("{name}.nnue")))
            .option("--perm", folder.path().join(format!("{name}.npy")))
            .args(arguments)
            .ok();
        let text = done.stderr;
        let read = |kind| std::fs::read(folder.path().join(format!("{name}.{kind}"))).unwrap();
        (text, read("nnue"), read("npy"))
    };
    let (text, net, perm) = run("cpu", &["--backend", "cpu"]);
    assert!(text.contains("computing on cpu: ") && text.contains("(as asked for)"));
    let (text, twice_net, twice_perm) = run("twice", &["--adapter", "0,0"]);
    assert!(
        text.contains("computing on gpu: ") && text.contains(" and "),
        "{text}"
    );
    assert!(net == twice_net && perm == twice_perm);
    let (text, auto_net, _) = run("auto", &[]);
    let because = [
        "no hardware adapter was found",
        "too little work",
        "in a trial",
    ];
    assert!(because.iter().any(|why| text.contains(why)), "{text}");
    assert!(net == auto_net);
}

/// The program tries the adapter in another process, which is let to take a software one, too.
#[cfg(unix)]
#[test]
fn optimize_is_told_what_an_adapter_can_do() {
    use std::os::unix::fs::PermissionsExt as _;
    if list_adapters().is_empty() {
        return material::missing("a graphics adapter").unwrap_or_default();
    }
    let folder = tempfile::tempdir().unwrap();
    let trial = folder.path().join("trial");
    let program = env!("CARGO_BIN_EXE_ftperm");
    let answer = folder.path().join("answer");
    let text = format!(
        "#!/bin/sh\n'{program}' \"$@\" --adapter 0 | tee '{}'\n",
        answer.display()
    );
    std::fs::write(&trial, text).unwrap();
    std::fs::set_permissions(&trial, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |name: &str, backend: &str| {
        let done = Case::new("optimize")
            .net("demo")
            .data("selfplay")
            .args(["--count", "3000", "--effort", "quick", "--backend", backend])
            .option("--out", folder.path().join(name))
            .option("--perm", folder.path().join("order.npy"))
            .args(["--force"])
            .env("FTPERM_TEST_TRIAL", &trial)
            .env("FTPERM_TEST_TRIAL_SECONDS", "100")
            .ok();
        let net = std::fs::read(folder.path().join(name)).unwrap();
        (done.stderr, net)
    };
    let (_, expected) = run("cpu.nnue", "cpu");
    let (said, net) = run("auto.nnue", "auto");
    assert!(said.contains("in a trial: about "), "{said}");
    assert!(net == expected);
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(answer).unwrap()).unwrap();
    let name = told["measured"]["adapter"].as_str().unwrap();
    assert!(name.contains(&list_adapters()[0].name), "{told}");
    for rate in ["opening", "columns", "words"] {
        assert!(
            told["measured"]["speed"][rate].as_f64().unwrap() > 0.0,
            "{told}"
        );
    }
}

fn main() -> std::process::ExitCode {
    common::harness::main()
}
