use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::compute::cpu::{CpuBackend, InstructionSet};
use crate::compute::{Backend, NeuronGroup};
use crate::planes::ZeroPlanes;

fn random_planes(neurons: usize, samples: usize, random: &mut impl Rng) -> ZeroPlanes {
    let mut planes = ZeroPlanes::new(neurons, samples);
    for neuron in 0..neurons {
        // From nearly never to nearly always zero.
        let share = (neuron + 1) as f64 / (neurons + 1) as f64;
        for sample in 0..samples {
            if random.random_bool(share.sqrt()) {
                planes.set(neuron, sample);
            }
        }
    }
    planes
}

/// Groups of `size` neurons, or of 1 to 4 where it is 0.
fn random_groups(
    count: usize,
    size: usize,
    neurons: u32,
    random: &mut impl Rng,
) -> Vec<NeuronGroup> {
    let group = |_| {
        let size = if size == 0 {
            random.random_range(1..=4)
        } else {
            size
        };
        let group: Vec<u32> = (0..size).map(|_| random.random_range(0..neurons)).collect();
        NeuronGroup::new(&group)
    };
    (0..count).map(group).collect()
}

fn naive_count(chunks: &[ZeroPlanes], left: &NeuronGroup, right: &NeuronGroup) -> u32 {
    let neurons: Vec<u32> = left
        .neurons()
        .iter()
        .chain(right.neurons())
        .copied()
        .collect();
    let in_chunk = |planes: &ZeroPlanes| {
        let all_zero = |&sample: &usize| {
            let mut neurons = neurons.iter();
            neurons.all(|&neuron| planes.get(neuron as usize, sample))
        };
        (0..planes.samples()).filter(all_zero).count() as u32
    };
    chunks.iter().map(in_chunk).sum()
}

fn backends() -> Vec<CpuBackend> {
    let sets = InstructionSet::ALL.into_iter();
    sets.filter(|set| set.is_supported())
        .flat_map(|set| [1, 2, 5].map(|threads| (set, threads)))
        .map(|(set, threads)| CpuBackend::with_instruction_set(Some(threads), set).unwrap())
        .collect()
}

fn compare(chunks: &[ZeroPlanes], left: &[NeuronGroup], right: &[NeuronGroup]) {
    let pairs = left
        .iter()
        .flat_map(|left| right.iter().map(move |right| (left, right)));
    let expected: Vec<u32> = pairs
        .map(|(left, right)| naive_count(chunks, left, right))
        .collect();
    for backend in backends() {
        let mut counter = backend.co_zero_counter(chunks).unwrap();
        // Old contents must not matter, nor what an earlier call left in scratch memory.
        let mut counts = vec![7; 1000];
        for _ in 0..2 {
            counter.co_zero_counts(left, right, &mut counts).unwrap();
            assert!(
                counts == expected,
                "{}: {} x {} groups",
                backend.adapter(),
                left.len(),
                right.len()
            );
        }
    }
}

#[test]
fn every_instruction_set_counts_the_samples() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let chunks = [300, 1, 64, 511, 2000].map(|samples| random_planes(20, samples, &mut random));
    for (left, right) in [(1, 1), (2, 5), (3, 4), (4, 3), (5, 2), (7, 70), (20, 1)] {
        for (left_size, right_size) in [(1, 1), (1, 4), (3, 1), (2, 3), (0, 0)] {
            let left = random_groups(left, left_size, 20, &mut random);
            let right = random_groups(right, right_size, 20, &mut random);
            compare(&chunks, &left, &right);
        }
    }
}

/// Lists of no neuron, of one, of a tile and of more; one neuron twice.
#[test]
fn lists_are_counted_as_tables_are() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let chunks = [300, 1, 64, 70_000].map(|samples| random_planes(20, samples, &mut random));
    let left = random_groups(7, 3, 20, &mut random);
    let lists = [
        &[][..],
        &[3],
        &[0, 1, 2, 3],
        &[19, 4, 4, 7, 8],
        &[],
        &[5, 6],
        &[9; 9],
    ];
    let lists = lists.map(<[u32]>::to_vec);
    let pairs = left.iter().zip(&lists);
    let expected: Vec<u32> = pairs
        .flat_map(|(group, list)| {
            list.iter()
                .map(move |&neuron| (group, NeuronGroup::new(&[neuron])))
        })
        .map(|(group, neuron)| naive_count(&chunks, group, &neuron))
        .collect();
    for backend in backends() {
        let mut counter = backend.co_zero_counter(&chunks).unwrap();
        let mut counts = vec![7; 100];
        counter.listed_counts(&left, &lists, &mut counts).unwrap();
        assert_eq!(counts, expected, "{}", backend.adapter());
        counter.listed_counts(&[], &[], &mut counts).unwrap();
        assert!(counts.is_empty());
        let mut wrong = lists.to_vec();
        wrong[4] = vec![20];
        assert!(counter.listed_counts(&left, &wrong, &mut counts).is_err());
    }
}

/// More samples than a block, and enough work to leave the caller's thread.
#[test]
fn blocks_and_tasks_add_up() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let chunks = [70_000, 33_000].map(|samples| random_planes(6, samples, &mut random));
    let left = random_groups(5, 0, 6, &mut random);
    let right = random_groups(6, 0, 6, &mut random);
    compare(&chunks, &left, &right);
    // Every pair of many groups is one of a few pairs: compare with counts of these.
    let many_left: Vec<_> = left.iter().copied().cycle().take(520).collect();
    let many_right: Vec<_> = right.iter().copied().cycle().take(131).collect();
    for backend in backends() {
        let mut counter = backend.co_zero_counter(&chunks).unwrap();
        let mut few = Vec::new();
        counter.co_zero_counts(&left, &right, &mut few).unwrap();
        let mut many = Vec::new();
        counter
            .co_zero_counts(&many_left, &many_right, &mut many)
            .unwrap();
        for (index, count) in many.iter().enumerate() {
            let [l, r] = [index / 131 % 5, index % 131 % 6];
            assert_eq!(*count, few[l * 6 + r], "{}", backend.adapter());
        }
    }
}

/// Full words: no sum of bytes or lanes may overflow.
#[test]
fn all_samples_zero() {
    let samples = 512 * 64 * 3 + 9;
    let mut planes = ZeroPlanes::new(2, samples);
    for sample in 0..samples {
        planes.set(0, sample);
        planes.set(1, sample);
    }
    let groups = [NeuronGroup::new(&[0]), NeuronGroup::new(&[0, 1])];
    for backend in backends() {
        let chunks = [planes.clone(), planes.clone()];
        let mut counter = backend.co_zero_counter(&chunks).unwrap();
        assert_eq!(counter.samples(), 2 * samples as u64);
        assert_eq!(counter.neurons(), 2);
        let mut counts = Vec::new();
        counter
            .co_zero_counts(&groups, &groups, &mut counts)
            .unwrap();
        assert_eq!(counts, [2 * samples as u32; 4]);
    }
}

#[test]
fn nothing_to_count() {
    let backend = CpuBackend::new(Some(1)).unwrap();
    let groups = [NeuronGroup::new(&[0])];
    let mut counts = vec![3];
    let chunks = [ZeroPlanes::new(1, 0)];
    let mut counter = backend.co_zero_counter(&chunks).unwrap();
    counter
        .co_zero_counts(&groups, &groups, &mut counts)
        .unwrap();
    assert_eq!(counts, [0]);
    counter.co_zero_counts(&groups, &[], &mut counts).unwrap();
    assert!(counts.is_empty());
    let mut counter = backend.co_zero_counter(&[]).unwrap();
    assert_eq!(counter.samples(), 0);
    assert!(
        counter
            .co_zero_counts(&groups, &groups, &mut counts)
            .is_err()
    );
}

#[test]
fn wrong_input_is_an_error() {
    let backend = CpuBackend::new(Some(1)).unwrap();
    let chunks = [ZeroPlanes::new(3, 10), ZeroPlanes::new(4, 10)];
    assert!(backend.co_zero_counter(&chunks).is_err());
    let mut counter = backend.co_zero_counter(&chunks[..1]).unwrap();
    let [good, bad] = [NeuronGroup::new(&[2]), NeuronGroup::new(&[0, 3])];
    let mut counts = Vec::new();
    assert!(
        counter
            .co_zero_counts(&[good], &[bad], &mut counts)
            .is_err()
    );
    assert!(
        counter
            .co_zero_counts(&[bad], &[good], &mut counts)
            .is_err()
    );
    // Planes of no neurons cost no memory, however many samples they have.
    let many = [ZeroPlanes::new(0, 1 << 31), ZeroPlanes::new(0, 1 << 31)];
    assert!(backend.co_zero_counter(&many[..1]).is_ok());
    assert!(backend.co_zero_counter(&many).is_err());
}
