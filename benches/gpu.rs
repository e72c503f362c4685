//! Speed of graphics adapters: counting, evaluation, and a whole search.
//!
//! `cargo bench --bench gpu` prints a table: for every piece of work the shortest and the middle time of ten runs, and
//! the speed. Hardware gets the sizes of a large run (a feature transformer of 3,072 columns, a million positions, so
//! 1,536 neurons and two million samples), software adapters small ones.
//!
//! ```text
//! --adapter LIST   adapters by number or part of the name, e.g. 0,1, or all [default: the best one]
//! --cpu            measure the processor instead
//! --large          the large sizes, on software adapters and the processor, too
//! --search         also search on the planes, on the adapter and on the processor, and compare the results
//! --tries K        search in so many tries at once [default: 1]
//! --test           tiny sizes, one run each
//! --l1 N           other columns of the feature transformer, a multiple of 128
//! --positions N    other positions, two samples each
//! --runs N         other runs of each piece of work
//! --only-counts    no evaluation
//! --tally WAY      how bits are added up: carry-save or popcounts [default: as the adapter's vendor has it]
//! ```
//!
//! The program needs nothing but a Vulkan, Metal or Direct3D 12 driver, so it can be measured on a machine without
//! Rust: `cargo bench --bench gpu --no-run` says where the program is; copy it, and run it there with `--bench`.
//!
//! What to expect of an H200: 60 ms or less for the swap matrix, 0.2 s or less for the evaluation.

#[path = "common/batches.rs"]
mod batches;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use batches::Batches;
use ftperm::compute::cpu::CpuBackend;
use ftperm::compute::gpu::{AdapterSelector, GpuBackend, Tally, WorkLimits, list_adapters};
use ftperm::compute::subsample::Share;
use ftperm::compute::{
    Backend, CoZeroCounter, ComputeError, FtEvaluator, HostPlanes, NeuronGroup, PlaneSet,
    SampleSource, Wanted,
};
use ftperm::nets::model::{Activation, FtWeights};
use ftperm::planes::ZeroPlanes;
use ftperm::search::{Control, Effort, SearchOptions, search_planes};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WIDE_FEATURES: usize = 22528;
/// Features of one king bucket, to which neighbouring samples are sorted.
const BUCKET_FEATURES: usize = 704;

struct Options {
    adapters: Option<Vec<AdapterSelector>>,
    cpu: bool,
    large: bool,
    search: bool,
    tries: usize,
    smoke: bool,
    l1: Option<usize>,
    positions: Option<usize>,
    runs: Option<usize>,
    only_counts: bool,
    tally: Option<Tally>,
}

impl Options {
    fn parse() -> Options {
        let mut options = Options {
            adapters: None,
            cpu: false,
            large: false,
            search: false,
            tries: 1,
            smoke: false,
            l1: None,
            positions: None,
            runs: None,
            only_counts: false,
            tally: None,
        };
        let number = |text: Option<String>| -> Option<usize> {
            Some(text.and_then(|text| text.parse().ok()).expect("a number"))
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--adapter" => {
                    let list = arguments.next().expect("--adapter LIST");
                    options.adapters = Some(list.split(',').map(selector).collect());
                }
                "--cpu" => options.cpu = true,
                "--large" => options.large = true,
                "--search" => options.search = true,
                "--tries" => options.tries = number(arguments.next()).unwrap_or(1),
                "--test" => options.smoke = true,
                "--l1" => options.l1 = number(arguments.next()),
                "--positions" => options.positions = number(arguments.next()),
                "--runs" => options.runs = number(arguments.next()),
                "--only-counts" => options.only_counts = true,
                "--tally" => {
                    options.tally = match arguments.next().as_deref() {
                        Some("carry-save") => Some(Tally::CarrySave),
                        Some("popcounts") => Some(Tally::Popcounts),
                        _ => panic!("--tally carry-save or popcounts"),
                    }
                }
                // Cargo's own, and what it passes on.
                _ => {}
            }
        }
        options
    }
}

fn selector(name: &str) -> AdapterSelector {
    match name.parse() {
        Ok(index) => AdapterSelector::Index(index),
        Err(_) if name == "all" => AdapterSelector::All,
        Err(_) => AdapterSelector::Name(name.to_owned()),
    }
}

/// The chosen adapters, or why there are none; and whether they are hardware.
fn gpu(
    adapters: Option<&[AdapterSelector]>,
    limits: WorkLimits,
) -> Result<(GpuBackend, bool), String> {
    let best = list_adapters().into_iter().min_by_key(|it| it.kind as u8);
    let hardware = best.as_ref().is_some_and(|it| it.kind.is_hardware());
    let best: Vec<AdapterSelector> = best
        .into_iter()
        .map(|it| AdapterSelector::Index(it.index))
        .collect();
    let selectors = adapters.unwrap_or(&best);
    let backend = GpuBackend::with_limits(selectors, limits);
    backend
        .map(|backend| (backend, hardware))
        .map_err(|error| error.to_string())
}

#[derive(Clone, Copy)]
struct Sizes {
    l1: usize,
    positions: usize,
    runs: usize,
}

impl Sizes {
    fn neurons(self) -> usize {
        self.l1 / 2
    }

    fn samples(self) -> usize {
        2 * self.positions
    }
}

/// Prints the shortest and the middle time of some runs, and units a second.
fn measure(what: &str, runs: usize, units: f64, unit: &str, mut work: impl FnMut()) {
    // Sizes of dispatches adapt to the speed in the first runs.
    (0..runs.min(6)).for_each(|_| work());
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let milliseconds = |it: Duration| 1e3 * it.as_secs_f64();
    println!(
        "{what:<44} {:>10.3} {:>10.3}   {:>10.4} {unit}",
        milliseconds(times[0]),
        milliseconds(times[times.len() / 2]),
        units / times[0].as_secs_f64(),
    );
}

fn random_planes(rng: &mut impl Rng, neurons: usize, samples: usize) -> ZeroPlanes {
    let mut planes = ZeroPlanes::new(neurons, samples);
    for neuron in 0..neurons {
        // Three of four bits.
        for word in &mut planes.plane_mut(neuron)[..samples / 64] {
            *word = rng.next_u64() | rng.next_u64();
        }
    }
    planes
}

/// What a submission costs that holds nothing.
fn bare_submission(backend: &GpuBackend, sizes: Sizes) {
    let what = "submit nothing and wait";
    measure(what, 50 * sizes.runs, 1e-3, "k calls/s", || {
        backend.submit_nothing().expect("a device");
    });
}

/// What a call costs that has next to nothing to count.
fn smallest_call(backend: &dyn Backend, sizes: Sizes) {
    let chunks = [random_planes(&mut ChaCha8Rng::seed_from_u64(4), 64, 512)];
    let mut counter = backend.co_zero_counter(&chunks).expect("a counter");
    let triples: Vec<NeuronGroup> = (0..61)
        .map(|first| NeuronGroup::new(&[first, first + 1, first + 2]))
        .collect();
    let singles: Vec<NeuronGroup> = (0..64).map(|neuron| NeuronGroup::new(&[neuron])).collect();
    let mut result = Vec::new();
    for (what, left, right) in [
        ("smallest call", &triples[..], &singles[..]),
        ("a call of one count", &singles[..1], &singles[1..2]),
        (
            "a call of one count of a group",
            &triples[..1],
            &singles[3..4],
        ),
    ] {
        measure(what, 50 * sizes.runs, 1e-3, "k calls/s", || {
            counter
                .co_zero_counts(left, right, &mut result)
                .expect("counts");
        });
    }
}

fn counts(backend: &dyn Backend, sizes: Sizes) {
    let (neurons, samples) = (sizes.neurons(), sizes.samples() / 64 * 64);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let chunks = [random_planes(&mut rng, neurons, samples)];
    let mut counter = backend.co_zero_counter(&chunks).expect("a counter");
    let single: Vec<NeuronGroup> = (0..neurons as u32)
        .map(|neuron| NeuronGroup::new(&[neuron]))
        .collect();
    // The other three neurons of each neuron's block.
    let others: Vec<NeuronGroup> = (0..neurons as u32)
        .map(|neuron| {
            let first = neuron / 4 * 4;
            let block: Vec<u32> = (first..first + 4)
                .filter(|other| *other != neuron)
                .collect();
            NeuronGroup::new(&block)
        })
        .collect();
    let firsts = |groups: &[NeuronGroup]| groups.iter().step_by(4).copied().collect::<Vec<_>>();
    let mut result = Vec::new();
    for (what, left, right) in [
        ("swap matrix", single.clone(), others.clone()),
        ("a reassignment", firsts(&others), firsts(&single)),
        ("one swap's columns", single.clone(), others[..8].to_vec()),
    ] {
        let words = left.len() as f64 * right.len() as f64 * (samples / 32) as f64;
        let what = format!("{what}, {neurons} x {samples}");
        measure(&what, sizes.runs, words / 1e12, "T word pairs/s", || {
            counter
                .co_zero_counts(&left, &right, &mut result)
                .expect("counts");
        });
    }
}

struct Network {
    l1: usize,
    bias: Vec<i16>,
    wide: Vec<i16>,
}

impl Network {
    fn random(l1: usize) -> Network {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut small = |count: usize| -> Vec<i16> {
            let mut weights = vec![0; count];
            rng.fill(&mut weights[..]);
            weights.iter_mut().for_each(|it| *it %= 64);
            weights
        };
        Network {
            l1,
            bias: small(l1),
            wide: small(WIDE_FEATURES * l1),
        }
    }

    fn weights(&self) -> FtWeights<'_> {
        FtWeights {
            l1: self.l1,
            activation: Activation::Pairwise {
                clamp: 255,
                shift: 9,
            },
            bias: &self.bias,
            wide: &self.wide,
            narrow: &[],
        }
    }
}

/// Samples of a batch, as `gather` makes them.
const BATCH: usize = 1 << 16;

/// Samples sorted by king bucket.
fn random_source(samples: usize) -> Batches {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let buckets = WIDE_FEATURES / BUCKET_FEATURES;
    Batches::new(samples, BATCH, |(sample, samples), rows| {
        let first = sample * buckets / samples * BUCKET_FEATURES;
        for _ in 0..rng.random_range(16..=32) {
            let feature = first + rng.random_range(0..BUCKET_FEATURES);
            rows.push(feature as u32);
        }
    })
}

fn to_host(evaluator: &mut dyn FtEvaluator, source: &Batches, planes: &mut ZeroPlanes) {
    for (number, batch) in source.batches.iter().enumerate() {
        evaluator
            .ft_zeros(batch, planes, source.first_sample(number))
            .expect("planes");
    }
}

fn evaluation(backend: &dyn Backend, sizes: Sizes, network: &Network, source: &Batches) {
    let mut evaluator = backend.ft_evaluator(network.weights()).expect("weights");
    let millions = sizes.positions as f64 / 1e6;
    let (l1, positions) = (sizes.l1, sizes.positions);
    let mut planes = ZeroPlanes::new(sizes.neurons(), sizes.samples());
    let what = format!("evaluation, L1 {l1}, {positions} positions");
    measure(&what, sizes.runs, millions, "M positions/s", || {
        to_host(evaluator.as_mut(), source, &mut planes);
    });
    let what = format!("{what}, stay");
    if backend.name() == "gpu" {
        measure(&what, sizes.runs, millions, "M positions/s", || {
            let planes = evaluator.planes_that_stay(source, &mut |_| ());
            assert!(planes.expect("planes").is_some());
        });
    }
}

/// Planes that say how often they were asked for counts.
struct Counted<'p> {
    planes: Box<dyn PlaneSet + 'p>,
    calls: Calls,
}

/// Calls, and blocks of counts that were asked for in them.
type Calls = Rc<Cell<(u64, u64)>>;

struct CountedCounter<'p> {
    counter: Box<dyn CoZeroCounter + 'p>,
    calls: Calls,
}

impl PlaneSet for Counted<'_> {
    fn neurons(&self) -> usize {
        self.planes.neurons()
    }

    fn samples(&self) -> u64 {
        self.planes.samples()
    }

    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        Ok(Box::new(CountedCounter {
            counter: self.planes.counter()?,
            calls: Rc::clone(&self.calls),
        }))
    }

    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        Ok(Box::new(Counted {
            planes: self.planes.part(share)?,
            calls: Rc::clone(&self.calls),
        }))
    }

    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        self.planes.group_counts(groups)
    }
}

impl CountedCounter<'_> {
    fn add(&self, blocks: usize) {
        let (calls, all) = self.calls.get();
        self.calls.set((calls + 1, all + blocks as u64));
    }
}

impl CoZeroCounter for CountedCounter<'_> {
    fn neurons(&self) -> usize {
        self.counter.neurons()
    }

    fn samples(&self) -> u64 {
        self.counter.samples()
    }

    fn rows_at_once(&self, columns: usize, most: usize) -> usize {
        self.counter.rows_at_once(columns, most)
    }

    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        self.add(1);
        self.counter.co_zero_counts(left, right, counts)
    }

    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        self.add(1);
        self.counter.listed_counts(left, lists, counts)
    }

    fn all_co_zero_counts(&mut self, wanted: &mut [Wanted]) -> Result<(), ComputeError> {
        self.add(wanted.len());
        self.counter.all_co_zero_counts(wanted)
    }
}

/// A quick search from evaluated planes, on the backend and on the processor: the same result.
fn search(backend: &dyn Backend, sizes: Sizes, network: &Network, source: &Batches, tries: usize) {
    let cpu = CpuBackend::new(None).expect("threads");
    let options = SearchOptions {
        effort: Effort::Quick,
        tries,
        ..SearchOptions::default()
    };
    let run = |planes: Box<dyn PlaneSet + '_>| {
        let calls = Calls::default();
        let planes = Counted {
            planes,
            calls: Rc::clone(&calls),
        };
        let started = Instant::now();
        let found = search_planes(&planes, &options, &mut Control::default());
        let took = started.elapsed();
        let (calls, blocks) = calls.get();
        println!("{tries} at once: {calls} calls for {blocks} blocks of counts");
        (found.expect("a search"), took)
    };
    let mut evaluator = backend.ft_evaluator(network.weights()).expect("weights");
    let stay = evaluator
        .planes_that_stay(source, &mut |_| ())
        .expect("planes");
    let mut planes = ZeroPlanes::new(sizes.neurons(), sizes.samples());
    to_host(evaluator.as_mut(), source, &mut planes);
    drop(evaluator);
    let on_host = HostPlanes::new(&cpu, vec![planes]);
    let (expected, cpu_time) = run(Box::new(on_host));
    println!("quick search on {}: {cpu_time:.2?}", cpu.adapter());
    if let Some(planes) = stay {
        let (found, time) = run(planes);
        println!("quick search on {}: {time:.2?}", backend.adapter());
        assert_eq!(found.permutation, expected.permutation);
        println!("both found the same, {} zero blocks", found.score);
    }
}

fn main() {
    let options = Options::parse();
    let opened = if options.cpu {
        None
    } else {
        let limits = WorkLimits {
            tally: options.tally,
            ..WorkLimits::default()
        };
        match gpu(options.adapters.as_deref(), limits) {
            Ok(opened) => Some(opened),
            Err(error) => {
                println!("skipped: {error}");
                return;
            }
        }
    };
    let hardware = opened.as_ref().is_some_and(|(_, hardware)| *hardware);
    let (l1, positions, runs) = match (options.smoke, hardware || options.large) {
        (true, _) => (128, 3200, 1),
        (false, true) => (3072, 1_000_000, 10),
        (false, false) => (512, 20_000, 3),
    };
    let sizes = Sizes {
        l1: options.l1.unwrap_or(l1),
        positions: options.positions.unwrap_or(positions),
        runs: options.runs.unwrap_or(runs),
    };
    let heads = |adapter: String| {
        println!("{adapter}");
        println!("{:<44} {:>10} {:>10}", "", "best ms", "middle ms");
    };
    let backend: Box<dyn Backend> = match opened {
        Some((backend, _)) => {
            heads(backend.adapter());
            bare_submission(&backend, sizes);
            Box::new(backend)
        }
        None => {
            let backend = CpuBackend::new(None).expect("threads");
            heads(backend.adapter());
            Box::new(backend)
        }
    };
    smallest_call(backend.as_ref(), sizes);
    counts(backend.as_ref(), sizes);
    if options.only_counts {
        return;
    }
    let (network, source) = (Network::random(sizes.l1), random_source(sizes.samples()));
    evaluation(backend.as_ref(), sizes, &network, &source);
    if options.search || options.smoke {
        search(backend.as_ref(), sizes, &network, &source, options.tries);
    }
}
