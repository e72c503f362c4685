use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::compute::cpu::{CpuBackend, InstructionSet};
use crate::compute::{Backend, ComputeError};
use crate::nets::model::{Activation, FtWeights, RowLists, SampleBatch};
use crate::planes::ZeroPlanes;

const CLIPPED: Activation = Activation::Clipped { clamp: 127 };
const PAIRWISE_127: Activation = Activation::Pairwise {
    clamp: 127,
    shift: 7,
};
const PAIRWISE_255: Activation = Activation::Pairwise {
    clamp: 255,
    shift: 9,
};

struct Network {
    l1: usize,
    bias: Vec<i16>,
    wide: Vec<i16>,
    narrow: Vec<i8>,
}

impl Network {
    /// Weights up to `size`: large ones make accumulators wrap.
    fn random(l1: usize, rows: [usize; 2], size: i16, random: &mut impl Rng) -> Network {
        let mut weights = |count: usize| -> Vec<i16> {
            let weights = (0..count).map(|_| random.random_range(-size..=size));
            weights.collect()
        };
        let [bias, wide] = [weights(l1), weights(rows[0] * l1)];
        let narrow = (0..rows[1] * l1).map(|_| random.random::<i8>()).collect();
        Network {
            l1,
            bias,
            wide,
            narrow,
        }
    }

    fn weights(&self, activation: Activation) -> FtWeights<'_> {
        FtWeights {
            l1: self.l1,
            activation,
            bias: &self.bias,
            wide: &self.wide,
            narrow: &self.narrow,
        }
    }
}

fn random_lists(samples: usize, rows: usize, longest: usize, random: &mut impl Rng) -> RowLists {
    let mut lists = RowLists {
        offsets: vec![0],
        rows: Vec::new(),
    };
    for _ in 0..samples {
        for _ in 0..random.random_range(0..=longest) {
            lists.rows.push(random.random_range(0..rows as u32));
        }
        lists.offsets.push(lists.rows.len() as u32);
    }
    lists
}

/// The engine's arithmetic, one neuron at a time.
fn naive_zero(weights: &FtWeights<'_>, batch: &SampleBatch, neuron: usize, sample: usize) -> bool {
    let accumulator = |column: usize| {
        let mut sum = i64::from(weights.bias[column]);
        for &row in batch.wide.list(sample) {
            sum += i64::from(weights.wide[row as usize * weights.l1 + column]);
        }
        if !batch.narrow.offsets.is_empty() {
            for &row in batch.narrow.list(sample) {
                sum += i64::from(weights.narrow[row as usize * weights.l1 + column]);
            }
        }
        i64::from(sum as i16)
    };
    match weights.activation {
        Activation::Clipped { clamp } => accumulator(neuron).clamp(0, clamp.into()) == 0,
        Activation::Pairwise { clamp, shift } => {
            let [a, b] = [neuron, neuron + weights.l1 / 2]
                .map(|column| accumulator(column).clamp(0, clamp.into()));
            (a * b) >> shift == 0
        }
    }
}

fn backends() -> Vec<CpuBackend> {
    let sets = InstructionSet::ALL.into_iter();
    sets.filter(|set| set.is_supported())
        .flat_map(|set| [1, 3].map(|threads| (set, threads)))
        .map(|(set, threads)| CpuBackend::with_instruction_set(Some(threads), set).unwrap())
        .collect()
}

/// Evaluates a batch between samples that must not change, and compares every bit.
fn compare(weights: &FtWeights<'_>, batch: &SampleBatch) {
    let first = 128;
    let samples = first + batch.samples.next_multiple_of(64) + 64;
    let mut untouched = ZeroPlanes::new(weights.neurons(), samples);
    untouched.words_mut().fill(0x5555_5555_5555_5555);
    let mut expected = untouched.clone();
    for neuron in 0..weights.neurons() {
        let words = first / 64..first / 64 + batch.samples.div_ceil(64);
        expected.plane_mut(neuron)[words].fill(0);
        for sample in 0..batch.samples {
            if naive_zero(weights, batch, neuron, sample) {
                expected.set(neuron, first + sample);
            }
        }
    }
    for backend in backends() {
        let mut planes = untouched.clone();
        let mut evaluator = backend.ft_evaluator(*weights).unwrap();
        evaluator.ft_zeros(batch, &mut planes, first).unwrap();
        assert!(
            planes == expected,
            "{} L1 = {} {:?} {} samples",
            backend.adapter(),
            weights.l1,
            weights.activation,
            batch.samples
        );
    }
}

#[test]
fn every_instruction_set_computes_what_engines_compute() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for activation in [CLIPPED, PAIRWISE_127, PAIRWISE_255] {
        for (l1, samples) in [
            (32, 70),
            (64, 200),
            (72, 64),
            (128, 64),
            (192, 65),
            (320, 1),
            (1024, 70),
        ] {
            for size in [20, i16::MAX] {
                let network = Network::random(l1, [90, 70], size, &mut random);
                let weights = network.weights(activation);
                let mut batch = SampleBatch {
                    samples,
                    wide: random_lists(samples, 90, 32, &mut random),
                    narrow: random_lists(samples, 70, 9, &mut random),
                };
                compare(&weights, &batch);
                batch.narrow = RowLists::default();
                compare(&weights, &batch);
            }
        }
    }
}

#[test]
fn long_lists_of_the_largest_narrow_weights() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut network = Network::random(64, [1, 4], 500, &mut random);
    for (row, weight) in [i8::MIN, i8::MAX, -1, 0].into_iter().enumerate() {
        network.narrow[row * 64..][..64].fill(weight);
    }
    let mut rows = vec![0; 700];
    rows.extend([1; 700]);
    rows.extend([2; 600]);
    let batch = SampleBatch {
        samples: 3,
        wide: RowLists {
            offsets: vec![0, 0, 1, 1],
            rows: vec![0],
        },
        narrow: RowLists {
            offsets: vec![0, 700, 1400, 2000],
            rows,
        },
    };
    for activation in [CLIPPED, PAIRWISE_127, PAIRWISE_255] {
        compare(&network.weights(activation), &batch);
    }
}

/// Accumulators around every threshold: products of 127 and 128, 511 and 512, and clamped values.
#[test]
fn thresholds() {
    let values = [
        -1,
        0,
        1,
        2,
        3,
        7,
        73,
        126,
        127,
        128,
        129,
        254,
        255,
        256,
        i16::MIN,
        i16::MAX,
    ];
    let pairs: Vec<_> = values
        .iter()
        .flat_map(|&a| values.map(|b| [a, b]))
        .collect();
    let mut bias: Vec<i16> = pairs.iter().map(|pair| pair[0]).collect();
    bias.extend(pairs.iter().map(|pair| pair[1]));
    let network = Network {
        l1: bias.len(),
        bias,
        wide: Vec::new(),
        narrow: Vec::new(),
    };
    let batch = SampleBatch {
        samples: 2,
        wide: RowLists {
            offsets: vec![0; 3],
            rows: Vec::new(),
        },
        narrow: RowLists::default(),
    };
    for activation in [CLIPPED, PAIRWISE_127, PAIRWISE_255] {
        compare(&network.weights(activation), &batch);
    }
    // No product of 8-bit values is 65536 or more, so a shift by 16 or more leaves nothing.
    for shift in [0, 1, 15, 16, 17, 40] {
        compare(
            &network.weights(Activation::Pairwise { clamp: 255, shift }),
            &batch,
        );
    }
}

/// Lists that differ from the one before in a few rows, and now and then have a row twice.
fn similar_lists(samples: usize, rows: u32, random: &mut impl Rng) -> RowLists {
    let mut lists = RowLists {
        offsets: vec![0],
        rows: Vec::new(),
    };
    let mut list: Vec<u32> = (0..rows / 4).collect();
    for sample in 0..samples {
        for _ in 0..random.random_range(0..4) {
            let place = random.random_range(0..list.len());
            list[place] = random.random_range(0..rows);
        }
        list.sort_unstable();
        if sample % 50 != 7 {
            list.dedup();
        }
        while list.len() < rows as usize / 4 {
            let row = random.random_range(0..rows);
            if !list.contains(&row) {
                list.push(row);
            }
        }
        lists.rows.extend(&list);
        lists.offsets.push(lists.rows.len() as u32);
    }
    lists
}

/// More samples than a mark has values, in several words.
#[test]
fn samples_that_share_most_rows() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for activation in [CLIPPED, PAIRWISE_255] {
        let network = Network::random(320, [60, 130], i16::MAX, &mut random);
        let weights = network.weights(activation);
        let mut batch = SampleBatch {
            samples: 700,
            wide: similar_lists(700, 60, &mut random),
            narrow: similar_lists(700, 130, &mut random),
        };
        compare(&weights, &batch);
        batch.narrow = RowLists::default();
        compare(&weights, &batch);
    }
}

#[test]
fn many_tasks_give_what_one_gives() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let samples = 64 * 64 * 2 + 100;
    let network = Network::random(128, [200, 50], 60, &mut random);
    let weights = network.weights(PAIRWISE_127);
    let batch = SampleBatch {
        samples,
        wide: random_lists(samples, 200, 20, &mut random),
        narrow: random_lists(samples, 50, 5, &mut random),
    };
    let mut all = backends().into_iter().map(|backend| {
        let mut planes = ZeroPlanes::new(64, samples);
        let mut evaluator = backend.ft_evaluator(weights).unwrap();
        evaluator.ft_zeros(&batch, &mut planes, 0).unwrap();
        planes
    });
    let first = all.next().unwrap();
    assert!(all.all(|planes| planes == first));
    for sample in (0..samples).step_by(97) {
        assert_eq!(
            first.get(7, sample),
            naive_zero(&weights, &batch, 7, sample)
        );
    }
}

#[test]
fn wrong_input_is_an_error() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let network = Network::random(64, [5, 3], 10, &mut random);
    let good = SampleBatch {
        samples: 2,
        wide: RowLists {
            offsets: vec![0, 1, 2],
            rows: vec![4, 0],
        },
        narrow: RowLists {
            offsets: vec![0, 0, 1],
            rows: vec![2],
        },
    };
    for backend in backends() {
        let mut evaluator = backend.ft_evaluator(network.weights(CLIPPED)).unwrap();
        let mut evaluate = |change: &dyn Fn(&mut SampleBatch), first: usize, neurons: usize| {
            let mut batch = good.clone();
            change(&mut batch);
            let mut planes = ZeroPlanes::new(neurons, 66);
            evaluator.ft_zeros(&batch, &mut planes, first)
        };
        evaluate(&|_| (), 64, 64).unwrap();
        let messages = [
            evaluate(&|batch| batch.wide.rows[0] = 5, 0, 64),
            evaluate(&|batch| batch.narrow.rows[0] = 3, 0, 64),
            evaluate(&|batch| batch.wide.offsets[2] = 3, 0, 64),
            evaluate(&|batch| batch.wide.offsets[1] = 3, 0, 64),
            evaluate(&|batch| batch.samples = 3, 0, 64),
            evaluate(&|batch| batch.samples = 1, 0, 64),
            evaluate(&|batch| batch.narrow.offsets.clear(), 0, 64),
            evaluate(&|batch| batch.wide = RowLists::default(), 0, 64),
            evaluate(&|_| (), 1, 64),
            evaluate(&|_| (), 128, 64),
            evaluate(&|_| (), 0, 32),
        ];
        for message in messages {
            assert!(matches!(message, Err(ComputeError::Unsupported(_))));
        }
        for activation in [
            Activation::Clipped { clamp: 0 },
            Activation::Pairwise { clamp: 0, shift: 7 },
            Activation::Pairwise {
                clamp: 256,
                shift: 9,
            },
        ] {
            assert!(backend.ft_evaluator(network.weights(activation)).is_err());
        }
        for l1 in [0, 96, 128] {
            let weights = FtWeights {
                l1,
                ..network.weights(CLIPPED)
            };
            assert!(backend.ft_evaluator(weights).is_err());
        }
    }
}
