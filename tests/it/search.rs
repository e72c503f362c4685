//! The search against cases solved by hand or by trying everything, and its promises.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ftperm::compute::cpu::CpuBackend;
use ftperm::compute::{
    Backend, CoZeroCounter, ComputeError, FtEvaluator, HostPlanes, NeuronGroup, PlaneSet,
    WeightedPlanes,
};
use ftperm::nets::model::FtWeights;
use ftperm::order::Permutation;
use ftperm::planes::ZeroPlanes;
use ftperm::search::{
    CertifyOptions, Control, Effort, Progress, SavedSearch, SearchError, SearchOptions,
    SearchResult, SearchSaver, certify, certify_planes, search, search_planes,
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

#[path = "../../benches/common/planted.rs"]
mod planted;

/// Counts bit by bit: a second opinion on the processor's kernels, and slow enough to be obviously right.
struct BitByBit;

struct BitCounter<'a>(&'a [ZeroPlanes]);

impl Backend for BitByBit {
    fn name(&self) -> &'static str {
        "bits"
    }

    fn adapter(&self) -> String {
        "one bit after the other".to_owned()
    }

    fn ft_evaluator<'a>(
        &'a self,
        _: FtWeights<'a>,
    ) -> Result<Box<dyn FtEvaluator + 'a>, ComputeError> {
        Err(ComputeError::Unsupported("only counts".to_owned()))
    }

    fn co_zero_counter<'a>(
        &'a self,
        chunks: &'a [ZeroPlanes],
    ) -> Result<Box<dyn CoZeroCounter + 'a>, ComputeError> {
        Ok(Box::new(BitCounter(chunks)))
    }
}

impl CoZeroCounter for BitCounter<'_> {
    fn neurons(&self) -> usize {
        self.0[0].neurons()
    }

    fn samples(&self) -> u64 {
        self.0.iter().map(|planes| planes.samples() as u64).sum()
    }

    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        counts.clear();
        for left in left {
            for right in right {
                let neurons = || left.neurons().iter().chain(right.neurons());
                let all_zero = |planes: &&ZeroPlanes, sample: usize| {
                    neurons().all(|&neuron| planes.get(neuron as usize, sample))
                };
                let count = self.0.iter().map(|planes| {
                    let samples = 0..planes.samples();
                    samples.filter(|&sample| all_zero(&planes, sample)).count() as u32
                });
                counts.push(count.sum());
            }
        }
        Ok(())
    }
}

fn cpu() -> CpuBackend {
    CpuBackend::new(Some(2)).unwrap()
}

/// Planes in which neurons i with equal `i % groups` are often zero together.
fn grouped(neurons: usize, samples: usize, groups: usize, seed: u64) -> ZeroPlanes {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut planes = ZeroPlanes::new(neurons, samples);
    for sample in 0..samples {
        let moods: Vec<u32> = (0..groups).map(|_| random.next_u32() % 100).collect();
        for neuron in 0..neurons {
            if random.next_u32() % 100 < moods[neuron % groups] {
                planes.set(neuron, sample);
            }
        }
    }
    planes
}

fn options(effort: Effort, seed: u64) -> SearchOptions {
    SearchOptions {
        effort,
        seed,
        ..SearchOptions::default()
    }
}

fn quick(backend: &dyn Backend, chunks: &[ZeroPlanes], seed: u64) -> SearchResult {
    let options = options(Effort::Quick, seed);
    search(backend, chunks, &options, &mut Control::default()).unwrap()
}

/// The largest score of all partitions of 8 neurons into two blocks.
fn best_of_all(planes: &ZeroPlanes) -> u64 {
    let halves = (0u32..256).filter(|mask| mask.count_ones() == 4 && mask & 1 == 1);
    let orders = halves.map(|mask| {
        let (mut first, second): (Vec<u32>, Vec<u32>) = (0..8).partition(|n| mask >> n & 1 == 1);
        first.extend(second);
        first
    });
    orders
        .map(|order| planes.zero_blocks(&order))
        .max()
        .unwrap()
}

#[test]
fn two_interleaved_blocks_are_found() {
    // Even neurons are zero in even samples, odd neurons in odd samples: 200 of 200 samples have one zero block when
    // the even neurons stand together, and no sample has more.
    let mut planes = ZeroPlanes::new(8, 200);
    for sample in 0..200 {
        for neuron in (sample % 2..8).step_by(2) {
            planes.set(neuron, sample);
        }
    }
    let found = quick(&cpu(), std::slice::from_ref(&planes), 0);
    assert_eq!(found.start_score, 0);
    assert_eq!(found.score, 200);
    assert_eq!(found.permutation.indices(), [0, 2, 4, 6, 1, 3, 5, 7]);
    assert!(found.complete);
}

#[test]
fn eight_neurons_are_solved() {
    for seed in 0..20 {
        let planes = grouped(8, 500, 3, seed);
        let found = quick(&cpu(), std::slice::from_ref(&planes), seed);
        assert_eq!(found.score, best_of_all(&planes), "seed {seed}");
    }
}

#[test]
fn the_score_is_that_of_the_order() {
    let chunks = [grouped(32, 700, 5, 1), grouped(32, 300, 5, 2)];
    let found = quick(&cpu(), &chunks, 1);
    let score = |order: &[u32]| chunks.iter().map(|c| c.zero_blocks(order)).sum::<u64>();
    assert_eq!(found.score, score(found.permutation.indices()));
    assert_eq!(
        found.start_score,
        score(Permutation::identity(32).indices())
    );
    assert!(found.score > found.start_score);
    assert_eq!(found.samples, 1000);
}

#[test]
fn any_backend_and_number_of_threads_gives_the_same_order() {
    let chunks = [grouped(32, 200, 6, 3)];
    let bits = quick(&BitByBit, &chunks, 7);
    let one = quick(&CpuBackend::new(Some(1)).unwrap(), &chunks, 7);
    let two = quick(&cpu(), &chunks, 7);
    assert_eq!(bits.permutation, one.permutation);
    assert_eq!(one.permutation, two.permutation);
    assert_eq!(one.moves, two.moves);
}

#[test]
fn the_seed_decides() {
    // Large enough to be thinned, and hard enough that two searches end differently.
    let chunks = [grouped(64, 70_000, 7, 4)];
    let first = quick(&cpu(), &chunks, 1);
    let again = quick(&cpu(), &chunks, 1);
    let other = quick(&cpu(), &chunks, 2);
    assert_eq!(first.permutation, again.permutation);
    assert_eq!(first.moves, again.moves);
    assert_ne!(first.moves, other.moves);
}

/// What every machine finds, now and in later versions: changing it changes the networks that people get.
#[test]
fn a_seed_gives_the_same_order_everywhere() {
    let found = quick(&cpu(), &[grouped(32, 66_000, 7, 4)], 1);
    let order = [
        0, 7, 14, 28, 1, 8, 15, 29, 2, 9, 16, 23, 3, 10, 17, 31, 4, 11, 18, 25, 5, 12, 19, 26, 6,
        13, 20, 27, 21, 22, 24, 30,
    ];
    assert_eq!(found.permutation.indices(), order);
    let moves: Vec<(u64, u64)> = found
        .moves
        .iter()
        .map(|it| (it.rounds, it.applied))
        .collect();
    assert_eq!(moves, [(480, 134), (5, 2), (1, 0), (1, 0), (1, 0)]);
    assert_eq!(found.score, 93_876);
}

/// Blocks that are known by construction, and a tenth of all bits wrong.
#[test]
fn planted_blocks_are_found_with_every_seed() {
    for (blocks, samples) in [(24, 4_000), (32, 66_000)] {
        let (planes, blocks) = planted::planted(blocks, samples, 10, 7);
        for seed in 0..10 {
            let found = quick(&cpu(), std::slice::from_ref(&planes), seed);
            assert_eq!(
                found.permutation.indices(),
                blocks.as_flattened(),
                "seed {seed}"
            );
        }
    }
}

/// Weights are applied in `planes`, or by repeating samples.
fn weighted<'a>(sets: &'a [(u32, HostPlanes<'a>)]) -> WeightedPlanes<'a> {
    let sets = sets
        .iter()
        .map(|(weight, planes)| (*weight, planes as &dyn PlaneSet));
    WeightedPlanes::new(sets).unwrap()
}

#[test]
fn a_weight_counts_as_so_many_equal_samples() {
    // Small enough to be searched whole, and large enough to be thinned out.
    for samples in [400, 24_000] {
        let [a, b, c] = [1, 2, 3].map(|seed| [grouped(32, samples, 5, seed)]);
        let repeated = [&a, &a, &a, &b].map(|chunks| chunks[0].clone());
        for backend in [&cpu() as &dyn Backend, &BitByBit] {
            if samples > 400 && backend.name() == "bits" {
                continue;
            }
            let sets = [(&a, 3), (&b, 1), (&c, 0)]
                .map(|(chunks, weight)| (weight, HostPlanes::new(backend, chunks.as_slice())));
            let options = options(Effort::Quick, 3);
            let found = search_planes(&weighted(&sets), &options, &mut Control::default()).unwrap();
            let plain = quick(backend, &repeated, 3);
            assert_eq!(found.permutation, plain.permutation);
            assert_eq!(found.moves, plain.moves);
            let scores = |found: &SearchResult| (found.score, found.start_score, found.samples);
            assert_eq!(scores(&found), scores(&plain));
        }
        let backend = cpu();
        let sets = [(&a, 3), (&b, 1)]
            .map(|(chunks, weight)| (weight, HostPlanes::new(&backend, chunks.as_slice())));
        let order = Permutation::identity(32);
        let options = CertifyOptions::default();
        let mut control = Control::default();
        let found = certify_planes(&weighted(&sets), &order, options, &mut control).unwrap();
        let plain = certify(&backend, &repeated, &order, options, &mut control).unwrap();
        assert_eq!(found, plain);
    }
}

#[test]
fn weights_that_cannot_be_counted_are_refused() {
    let (backend, chunks) = (cpu(), [ZeroPlanes::new(8, 9)]);
    let run = |weight| {
        let sets = [(weight, HostPlanes::new(&backend, chunks.as_slice()))];
        let options = SearchOptions::default();
        search_planes(&weighted(&sets), &options, &mut Control::default())
    };
    assert!(matches!(run(0), Err(SearchError::NoSamples)));
    assert!(matches!(run(u32::MAX), Err(SearchError::TooManySamples(_))));
    assert_eq!(run(1 << 24).unwrap().samples, 9 << 24);
    let wider = [ZeroPlanes::new(12, 9)];
    let sets = [&chunks, &wider].map(|chunks| HostPlanes::new(&backend, chunks.as_slice()));
    let sets = sets.iter().map(|planes| (1, planes as &dyn PlaneSet));
    assert!(WeightedPlanes::new(sets).is_err());
}

#[test]
fn a_warm_start_never_gets_worse() {
    let planes = grouped(64, 3000, 9, 5);
    let good = quick(&cpu(), std::slice::from_ref(&planes), 11);
    for seed in 0..5 {
        let options = SearchOptions {
            effort: Effort::Quick,
            seed,
            start: Some(good.permutation.clone()),
            ..SearchOptions::default()
        };
        let control = &mut Control::default();
        let found = search(&cpu(), std::slice::from_ref(&planes), &options, control).unwrap();
        assert_eq!(found.start_score, good.score);
        assert!(found.score >= good.score);
    }
}

#[test]
fn a_stopped_search_returns_the_best_so_far() {
    let planes = grouped(64, 2000, 9, 6);
    let stop = AtomicBool::new(false);
    let rounds = Cell::new(0);
    let mut report = |progress: &Progress| {
        rounds.set(progress.rounds);
        if progress.rounds == 150 {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let mut control = Control {
        stop: Some(&stop),
        progress: Some(&mut report),
        ..Control::default()
    };
    let options = options(Effort::Max, 0);
    let found = search(
        &cpu(),
        std::slice::from_ref(&planes),
        &options,
        &mut control,
    )
    .unwrap();
    assert!(!found.complete);
    assert_eq!(rounds.get(), 150);
    assert!(found.score > found.start_score);
    assert_eq!(found.score, planes.zero_blocks(found.permutation.indices()));
}

#[test]
fn a_search_stopped_before_it_began_returns_the_start() {
    let planes = grouped(32, 500, 4, 7);
    for (stop, deadline) in [(true, None), (false, Some(Instant::now()))] {
        let stop = AtomicBool::new(stop);
        let mut control = Control {
            stop: Some(&stop),
            deadline,
            ..Control::default()
        };
        let options = options(Effort::Quick, 0);
        let found = search(
            &cpu(),
            std::slice::from_ref(&planes),
            &options,
            &mut control,
        )
        .unwrap();
        assert!(!found.complete);
        assert!(found.permutation.is_identity());
        assert_eq!(found.score, found.start_score);
    }
}

#[test]
fn a_search_goes_on_from_any_saved_state_to_the_same_end() {
    use std::time::Duration;
    // The second has enough samples for a coarse phase on a part of them.
    for (planes, start) in [
        (grouped(32, 700, 5, 3), Some(Permutation::identity(32))),
        (grouped(16, 70_000, 4, 3), None),
    ] {
        let chunks = std::slice::from_ref(&planes);
        let options = SearchOptions {
            start,
            ..options(Effort::Quick, 3)
        };
        let mut checkpoints: Vec<SavedSearch> = Vec::new();
        let mut keep = |checkpoint: &SavedSearch| checkpoints.push(checkpoint.clone());
        let mut control = Control {
            saver: Some(SearchSaver::new(Duration::ZERO, &mut keep)),
            ..Control::default()
        };
        let whole = search(&cpu(), chunks, &options, &mut control).unwrap();
        assert!(checkpoints.len() > 200, "{}", checkpoints.len());
        // The last ones are of the descent.
        let last = checkpoints.len() - 1;
        for at in (0..last).step_by(77).chain(last - 20..=last) {
            // Through a file.
            let text = serde_json::to_string(&checkpoints[at]).unwrap();
            let mut control = Control {
                resume: Some(serde_json::from_str(&text).unwrap()),
                ..Control::default()
            };
            let resumed = search(&cpu(), chunks, &options, &mut control).unwrap();
            assert_eq!(resumed.permutation, whole.permutation, "checkpoint {at}");
            assert_eq!(resumed.moves, whole.moves, "checkpoint {at}");
        }
        let refused = |chunks: &[ZeroPlanes], options: &SearchOptions| {
            let mut control = Control {
                resume: Some(checkpoints[100].clone()),
                ..Control::default()
            };
            let error = search(&cpu(), chunks, options, &mut control).unwrap_err();
            assert!(matches!(error, SearchError::Saved(_)), "{error}");
        };
        let other = SearchOptions {
            seed: 4,
            ..options.clone()
        };
        refused(chunks, &other);
        refused(
            &[grouped(planes.neurons(), planes.samples(), 5, 4)],
            &options,
        );
    }
}

/// What a saved search says of exact fits is believed, whatever it says, if there are as many as there should be.
#[test]
fn saved_states_with_other_exact_fits_do_no_harm() {
    let planes = grouped(16, 70_000, 4, 3);
    let chunks = std::slice::from_ref(&planes);
    let options = options(Effort::Quick, 3);
    let mut last = None;
    let mut keep = |state: &SavedSearch| last = Some(state.clone());
    let mut control = Control {
        saver: Some(SearchSaver::new(std::time::Duration::ZERO, &mut keep)),
        ..Control::default()
    };
    search(&cpu(), chunks, &options, &mut control).unwrap();
    let saved = serde_json::to_value(last.unwrap()).unwrap();
    // A row of 16 bits for each of 16 neurons.
    assert_eq!(saved["place"]["exact"].as_array().unwrap().len(), 16);
    let go_on = |exact: Vec<u64>| {
        let mut state = saved.clone();
        state["place"]["exact"] = exact.into();
        let mut control = Control {
            resume: Some(serde_json::from_value(state).unwrap()),
            ..Control::default()
        };
        search(&cpu(), chunks, &options, &mut control)
    };
    for bits in [0, u64::MAX] {
        let found = go_on(vec![bits; 16]).unwrap();
        assert_eq!(found.score, planes.zero_blocks(found.permutation.indices()));
    }
    for rows in [1, 15, 17] {
        let error = go_on(vec![0; rows]).unwrap_err();
        assert!(matches!(error, SearchError::Saved(_)), "{error}");
    }
}

/// Several tries at once find the best of what each of them finds, with any threads; the first is the search that has
/// only one.
#[test]
fn tries_at_once_do_not_disturb_one_another() {
    // The second has enough samples for a coarse phase on a part of them.
    for planes in [grouped(48, 900, 5, 8), grouped(16, 70_000, 4, 3)] {
        let chunks = std::slice::from_ref(&planes);
        let find = |tries: usize| {
            let options = SearchOptions {
                tries,
                ..options(Effort::Quick, 5)
            };
            let mut told = Vec::new();
            let mut tell = |progress: &Progress| told.push(progress.clone());
            let mut control = Control {
                progress: Some(&mut tell),
                ..Control::default()
            };
            // The threads are those of the pool.
            let backend = CpuBackend::new(None).unwrap();
            let found = search(&backend, chunks, &options, &mut control).unwrap();
            let rounds: u64 = found.moves.iter().map(|count| count.rounds).sum();
            assert_eq!(told.len() as u64, rounds);
            assert!(told.is_sorted_by_key(|progress| progress.rounds));
            assert!(told.iter().all(|it| (0.0..=1.0).contains(&it.done)));
            (found.permutation, found.score, rounds)
        };
        let on = |threads: usize, tries: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| find(tries))
        };
        let alone = on(1, 1);
        let together = on(1, 4);
        assert!(together.1 >= alone.1);
        assert_eq!(on(2, 4), together);
        assert_eq!(on(7, 4), together);
        // More tries contain fewer.
        let two = on(2, 2);
        assert!((alone.1..=together.1).contains(&two.1));
        assert!(alone.2 < two.2 && two.2 < together.2);
    }
    for tries in [0, 65] {
        let options = SearchOptions {
            tries,
            ..SearchOptions::default()
        };
        let planes = [grouped(16, 100, 4, 3)];
        let error = search(&cpu(), &planes, &options, &mut Control::default()).unwrap_err();
        assert!(matches!(error, SearchError::Tries(_)), "{error}");
    }
}

/// As the processor, but how much it likes to count in a call grows, as it does on adapters that get to know their
/// speed. Takes down the most pairs of the first call, and of all.
struct Growing<'g> {
    cpu: CpuBackend,
    first: &'g Cell<usize>,
    most: &'g Cell<usize>,
}

struct GrowingCounter<'g> {
    counter: Box<dyn CoZeroCounter + 'g>,
    first: &'g Cell<usize>,
    most: &'g Cell<usize>,
}

impl Backend for Growing<'_> {
    fn name(&self) -> &'static str {
        "growing"
    }

    fn adapter(&self) -> String {
        self.cpu.adapter()
    }

    fn ft_evaluator<'a>(
        &'a self,
        weights: FtWeights<'a>,
    ) -> Result<Box<dyn FtEvaluator + 'a>, ComputeError> {
        self.cpu.ft_evaluator(weights)
    }

    fn co_zero_counter<'a>(
        &'a self,
        chunks: &'a [ZeroPlanes],
    ) -> Result<Box<dyn CoZeroCounter + 'a>, ComputeError> {
        Ok(Box::new(GrowingCounter {
            counter: self.cpu.co_zero_counter(chunks)?,
            first: self.first,
            most: self.most,
        }))
    }
}

impl CoZeroCounter for GrowingCounter<'_> {
    fn neurons(&self) -> usize {
        self.counter.neurons()
    }

    fn samples(&self) -> u64 {
        self.counter.samples()
    }

    fn rows_at_once(&self, columns: usize, most: usize) -> usize {
        // Twice the neurons in pairs, then whatever is wanted.
        match self.most.get() {
            0 => (2 * self.neurons() / columns).clamp(1, most),
            _ => most,
        }
    }

    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        let pairs = left.len() * right.len();
        if self.most.get() == 0 {
            self.first.set(pairs);
        }
        self.most.set(self.most.get().max(pairs));
        self.counter.co_zero_counts(left, right, counts)
    }

    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        self.counter.listed_counts(left, lists, counts)
    }
}

#[test]
fn tries_at_once_ask_anew_how_much_is_counted_at_once() {
    let chunks = [grouped(96, 900, 5, 8)];
    let options = SearchOptions {
        tries: 2,
        ..options(Effort::Quick, 5)
    };
    let [first, most] = [Cell::new(0), Cell::new(0)];
    let backend = Growing {
        cpu: CpuBackend::new(Some(1)).unwrap(),
        first: &first,
        most: &most,
    };
    let found = search(&backend, &chunks, &options, &mut Control::default()).unwrap();
    let cpu = CpuBackend::new(Some(1)).unwrap();
    let expected = search(&cpu, &chunks, &options, &mut Control::default()).unwrap();
    assert_eq!(found.permutation, expected.permutation);
    // Eight rows are the least; what is wanted first is one neuron of each of 24 blocks. Then a whole table is.
    assert_eq!(first.get(), 8 * 24);
    assert!(most.get() > 64 * 96, "{most:?}");
}

#[test]
fn tries_at_once_go_on_from_any_saved_state_to_the_same_end() {
    let planes = grouped(32, 700, 5, 3);
    let chunks = std::slice::from_ref(&planes);
    let options = SearchOptions {
        tries: 3,
        ..options(Effort::Quick, 3)
    };
    let mut states: Vec<SavedSearch> = Vec::new();
    let mut keep = |state: &SavedSearch| states.push(state.clone());
    let mut control = Control {
        saver: Some(SearchSaver::new(std::time::Duration::ZERO, &mut keep)),
        ..Control::default()
    };
    let whole = search(&cpu(), chunks, &options, &mut control).unwrap();
    assert!(states.len() > 600, "{}", states.len());
    let from = |state: &SavedSearch, options: &SearchOptions| {
        // Through a file.
        let text = serde_json::to_string(state).unwrap();
        let mut control = Control {
            resume: Some(serde_json::from_str(&text).unwrap()),
            ..Control::default()
        };
        search(&cpu(), chunks, options, &mut control)
    };
    let last = states.len() - 1;
    for at in (0..last).step_by(97).chain([last]) {
        let resumed = from(&states[at], &options).unwrap();
        assert_eq!(resumed.permutation, whole.permutation, "state {at}");
        assert_eq!(resumed.moves, whole.moves, "state {at}");
        assert!(states[at].best().is_some());
    }
    for tries in [1, 2] {
        let other = SearchOptions {
            tries,
            ..options.clone()
        };
        let error = from(&states[300], &other).unwrap_err();
        assert!(error.to_string().contains("--tries 3"), "{error}");
    }
    // And the other way round: a search of one is not thrown away for several.
    let one = SearchOptions {
        tries: 1,
        ..options.clone()
    };
    let mut left: Option<SavedSearch> = None;
    let mut keep = |state: &SavedSearch| left = Some(state.clone());
    let mut control = Control {
        saver: Some(SearchSaver::new(std::time::Duration::ZERO, &mut keep)),
        ..Control::default()
    };
    search(&cpu(), chunks, &one, &mut control).unwrap();
    let error = from(&left.unwrap(), &options).unwrap_err();
    assert!(error.to_string().contains("--tries 1, not 3"), "{error}");
}

#[test]
fn tries_at_once_that_are_stopped_go_on_to_the_same_end() {
    let planes = grouped(48, 2000, 9, 6);
    let chunks = std::slice::from_ref(&planes);
    let options = SearchOptions {
        tries: 2,
        ..options(Effort::Quick, 0)
    };
    let whole = search(&cpu(), chunks, &options, &mut Control::default()).unwrap();
    let stop = AtomicBool::new(false);
    let mut watch = |progress: &Progress| stop.store(progress.rounds >= 400, Ordering::Relaxed);
    let mut left: Option<SavedSearch> = None;
    let mut keep = |state: &SavedSearch| left = Some(state.clone());
    let hour = std::time::Duration::from_secs(3600);
    let mut control = Control {
        stop: Some(&stop),
        progress: Some(&mut watch),
        saver: Some(SearchSaver::new(hour, &mut keep)),
        ..Control::default()
    };
    let found = search(&cpu(), chunks, &options, &mut control).unwrap();
    assert!(!found.complete && found.score > found.start_score);
    assert_eq!(found.score, planes.zero_blocks(found.permutation.indices()));
    let mut control = Control {
        resume: left,
        ..Control::default()
    };
    assert!(control.resume.is_some());
    let resumed = search(&cpu(), chunks, &options, &mut control).unwrap();
    assert!(resumed.complete);
    assert_eq!(resumed.permutation, whole.permutation);
}

#[test]
fn a_search_that_is_stopped_at_any_round_is_saved() {
    // In the second a descent estimates.
    for planes in [grouped(48, 3000, 5, 3), grouped(32, 70_000, 5, 3)] {
        stopped_at_any_round(&planes);
    }
}

fn stopped_at_any_round(planes: &ZeroPlanes) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let chunks = std::slice::from_ref(planes);
    let options = options(Effort::Quick, 3);
    let whole = search(&cpu(), chunks, &options, &mut Control::default()).unwrap();
    let rounds: u64 = whole.moves.iter().map(|it| it.rounds).sum();
    for last in [1, 100, 201].into_iter().chain(rounds - 6..rounds) {
        let stop = AtomicBool::new(false);
        let mut watch =
            |progress: &Progress| stop.store(progress.rounds >= last, Ordering::Relaxed);
        let mut left: Option<SavedSearch> = None;
        let mut keep = |checkpoint: &SavedSearch| left = Some(checkpoint.clone());
        let mut control = Control {
            stop: Some(&stop),
            progress: Some(&mut watch),
            saver: Some(SearchSaver::new(
                std::time::Duration::from_secs(3600),
                &mut keep,
            )),
            ..Control::default()
        };
        assert!(
            !search(&cpu(), chunks, &options, &mut control)
                .unwrap()
                .complete
        );
        let mut control = Control {
            resume: left,
            ..Control::default()
        };
        assert!(control.resume.is_some(), "none after round {last}");
        let resumed = search(&cpu(), chunks, &options, &mut control).unwrap();
        assert_eq!(resumed.permutation, whole.permutation, "round {last}");
        assert_eq!(resumed.moves, whole.moves, "round {last}");
    }
}

#[test]
fn progress_is_reported_after_every_round() {
    let planes = grouped(32, 500, 4, 8);
    let mut reports: Vec<Progress> = Vec::new();
    let mut report = |progress: &Progress| reports.push(progress.clone());
    let mut control = Control {
        progress: Some(&mut report),
        ..Control::default()
    };
    let options = options(Effort::Quick, 0);
    let found = search(
        &cpu(),
        std::slice::from_ref(&planes),
        &options,
        &mut control,
    )
    .unwrap();
    let rounds: Vec<u64> = reports.iter().map(|progress| progress.rounds).collect();
    assert!(rounds.iter().copied().eq(1..=rounds.len() as u64));
    assert!(
        reports
            .iter()
            .all(|progress| (0.0..=1.0).contains(&progress.done))
    );
    assert!(reports.windows(2).all(|pair| pair[0].best <= pair[1].best));
    assert_eq!(reports.last().unwrap().moves, found.moves);
    assert_eq!(reports.last().unwrap().score, found.score);
}

#[test]
fn planes_without_choice() {
    let empty = ZeroPlanes::new(32, 1000);
    let mut full = ZeroPlanes::new(32, 1000);
    for neuron in 0..32 {
        for sample in 0..1000 {
            full.set(neuron, sample);
        }
    }
    assert_eq!(quick(&cpu(), &[empty], 0).score, 0);
    assert_eq!(quick(&cpu(), &[full], 0).score, 8000);
    // A single block, and a single sample.
    assert!(
        quick(&cpu(), &[grouped(4, 100, 1, 0)], 0)
            .permutation
            .is_identity()
    );
    quick(&cpu(), &[grouped(32, 1, 3, 0)], 0);
}

#[test]
fn input_that_does_not_fit_is_refused() {
    let run = |chunks: &[ZeroPlanes], start: Option<Permutation>| {
        let options = SearchOptions {
            start,
            ..SearchOptions::default()
        };
        search(&cpu(), chunks, &options, &mut Control::default()).unwrap_err()
    };
    let planes = ZeroPlanes::new;
    assert!(matches!(run(&[], None), SearchError::NoSamples));
    assert!(matches!(run(&[planes(8, 0)], None), SearchError::NoSamples));
    assert!(matches!(
        run(&[planes(6, 9)], None),
        SearchError::Neurons(6)
    ));
    assert!(matches!(
        run(&[planes(8, 9), planes(12, 9)], None),
        SearchError::Chunks {
            chunk: 1,
            found: 12,
            expected: 8
        }
    ));
    assert!(matches!(
        run(&[planes(8, 9)], Some(Permutation::identity(12))),
        SearchError::Permutation {
            found: 12,
            expected: 8
        }
    ));
}

#[test]
fn certificates_of_eight_neurons() {
    for seed in 0..20 {
        let planes = grouped(8, 300, 2, 100 + seed);
        let optimum = best_of_all(&planes);
        for order in [[0, 1, 2, 3, 4, 5, 6, 7], [0, 2, 4, 6, 1, 3, 5, 7]] {
            let order = Permutation::new(order.to_vec()).unwrap();
            let chunks = std::slice::from_ref(&planes);
            let options = CertifyOptions::default();
            let certificate = certify(&cpu(), chunks, &order, options, &mut Control::default());
            let certificate = certificate.unwrap().unwrap();
            assert_eq!(certificate.cells, 600);
            assert_eq!(certificate.score, planes.zero_blocks(order.indices()));
            assert!(certificate.upper_bound >= optimum);
            assert_eq!(
                certificate.gap(),
                certificate.upper_bound - certificate.score
            );
            // Two blocks are all there are, so a local optimum is the optimum.
            assert_eq!(
                certificate.is_optimal_for_two_blocks(),
                certificate.score == optimum
            );
        }
    }
}

#[test]
fn a_finished_search_is_locally_optimal() {
    let chunks = [grouped(64, 2000, 9, 9)];
    let found = quick(&cpu(), &chunks, 3);
    let options = CertifyOptions {
        assignments: 20,
        seed: 5,
        ..CertifyOptions::default()
    };
    let mut told = Vec::new();
    let mut tell =
        |progress: &Progress| told.push((progress.certifying, progress.phase, progress.done));
    let mut control = Control {
        progress: Some(&mut tell),
        ..Control::default()
    };
    let certificate = certify(&cpu(), &chunks, &found.permutation, options, &mut control);
    let certificate = certificate.unwrap().unwrap();
    assert!(told.iter().all(|it| it.0 && (0.0..=1.0).contains(&it.2)));
    assert!(told.is_sorted_by_key(|it| it.2), "{told:?}");
    let mut phases: Vec<&str> = told.iter().map(|it| it.1).collect();
    phases.dedup();
    assert_eq!(phases.len(), 6, "{phases:?}");
    let exhaustive = certificate.checks.iter().filter(|check| check.exhaustive);
    assert!(exhaustive.clone().all(|check| check.gain == 0));
    assert_eq!(exhaustive.count(), 3);
    assert!(certificate.upper_bound >= certificate.score);
    assert!(certificate.upper_bound <= certificate.cells);

    let identity = Permutation::identity(64);
    let poor = certify(&cpu(), &chunks, &identity, options, &mut Control::default());
    assert!(!poor.unwrap().unwrap().is_locally_optimal());

    let stop = AtomicBool::new(true);
    let mut control = Control {
        stop: Some(&stop),
        ..Control::default()
    };
    let stopped = certify(&cpu(), &chunks, &found.permutation, options, &mut control).unwrap();
    assert!(stopped.is_none());
}

/// However long a descent takes, the search does not seem to be done, and what is done never falls.
#[test]
fn a_search_does_not_seem_done_before_it_is() {
    let mut planes = ZeroPlanes::new(64, 2000);
    for sample in 0..2000 {
        for neuron in 0..64 {
            if (sample * 31 + neuron * neuron * 7 + sample * neuron) % 11 < 7 {
                planes.set(neuron, sample);
            }
        }
    }
    let mut told: Vec<f64> = Vec::new();
    let mut follow = |progress: &Progress| {
        assert_eq!(progress.all_samples, 2000);
        assert!(progress.samples <= progress.all_samples);
        told.push(progress.done);
    };
    let options = SearchOptions {
        effort: Effort::Quick,
        ..SearchOptions::default()
    };
    let mut control = Control {
        progress: Some(&mut follow),
        ..Control::default()
    };
    search(&cpu(), &[planes], &options, &mut control).unwrap();
    assert!(told.is_sorted());
    assert!(told.iter().all(|&done| done > 0.0 && done < 1.0));
}
