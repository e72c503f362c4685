//! A backend that fails in the middle of the work: another goes on, and the result is the same.

#[path = "../../benches/common/batches.rs"]
mod batches;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use batches::Batches;
use ftperm::compute::cpu::CpuBackend;
use ftperm::compute::subsample::Share;
use ftperm::compute::{
    Backend, CoZeroCounter, ComputeError, FallbackBackend, FtEvaluator, HostPlanes, NeuronGroup,
    PlaneSet, SampleSource,
};
use ftperm::nets::model::{Activation, FtWeights, SampleBatch};
use ftperm::planes::ZeroPlanes;
use ftperm::search::{
    CertifyOptions, Control, Effort, SearchOptions, certify_planes, search, search_planes,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Works until so many calls were made, and never again.
#[derive(Clone)]
struct Calls(Rc<Cell<u32>>);

impl Calls {
    fn spend(&self) -> Result<(), ComputeError> {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        if left > 0 {
            return Ok(());
        }
        Err(ComputeError::OutOfMemory {
            adapter: "the flaky one".to_owned(),
            message: "no more calls".to_owned(),
        })
    }
}

/// The processor in the clothes of an adapter that keeps its planes.
struct Flaky {
    cpu: CpuBackend,
    calls: Calls,
}

struct FlakyEvaluator<'a> {
    backend: &'a Flaky,
    inner: Box<dyn FtEvaluator + 'a>,
}

struct FlakyPlanes<'a> {
    inner: Box<dyn PlaneSet + 'a>,
    calls: Calls,
}

struct FlakyCounter<'a> {
    inner: Box<dyn CoZeroCounter + 'a>,
    calls: Calls,
}

impl Backend for Flaky {
    fn name(&self) -> &'static str {
        "flaky"
    }

    fn adapter(&self) -> String {
        "the flaky one".to_owned()
    }

    fn ft_evaluator<'a>(
        &'a self,
        weights: FtWeights<'a>,
    ) -> Result<Box<dyn FtEvaluator + 'a>, ComputeError> {
        self.calls.spend()?;
        Ok(Box::new(FlakyEvaluator {
            backend: self,
            inner: self.cpu.ft_evaluator(weights)?,
        }))
    }

    fn co_zero_counter<'a>(
        &'a self,
        chunks: &'a [ZeroPlanes],
    ) -> Result<Box<dyn CoZeroCounter + 'a>, ComputeError> {
        self.calls.spend()?;
        Ok(Box::new(FlakyCounter {
            inner: self.cpu.co_zero_counter(chunks)?,
            calls: self.calls.clone(),
        }))
    }
}

impl FtEvaluator for FlakyEvaluator<'_> {
    fn ft_zeros(
        &mut self,
        batch: &SampleBatch,
        planes: &mut ZeroPlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        self.backend.calls.spend()?;
        self.inner.ft_zeros(batch, planes, first_sample)
    }

    fn planes_that_stay<'p>(
        &mut self,
        source: &'p dyn SampleSource,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Option<Box<dyn PlaneSet + 'p>>, ComputeError>
    where
        Self: 'p,
    {
        let mut planes = ZeroPlanes::new(NEURONS, source.samples());
        for number in 0..source.batches() {
            let batch = source.batch(number);
            self.ft_zeros(&batch, &mut planes, source.first_sample(number))?;
            progress(batch.samples);
        }
        Ok(Some(Box::new(FlakyPlanes {
            inner: Box::new(HostPlanes::new(&self.backend.cpu, vec![planes])),
            calls: self.backend.calls.clone(),
        })))
    }
}

impl PlaneSet for FlakyPlanes<'_> {
    fn neurons(&self) -> usize {
        self.inner.neurons()
    }

    fn samples(&self) -> u64 {
        self.inner.samples()
    }

    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        self.calls.spend()?;
        Ok(Box::new(FlakyCounter {
            inner: self.inner.counter()?,
            calls: self.calls.clone(),
        }))
    }

    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        self.calls.spend()?;
        Ok(Box::new(FlakyPlanes {
            inner: self.inner.part(share)?,
            calls: self.calls.clone(),
        }))
    }

    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        self.calls.spend()?;
        self.inner.group_counts(groups)
    }
}

impl CoZeroCounter for FlakyCounter<'_> {
    fn neurons(&self) -> usize {
        self.inner.neurons()
    }

    fn samples(&self) -> u64 {
        self.inner.samples()
    }

    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        // What a failing adapter leaves behind must not matter.
        counts.clear();
        counts.push(7);
        self.calls.spend()?;
        self.inner.co_zero_counts(left, right, counts)
    }

    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        counts.clear();
        counts.push(7);
        self.calls.spend()?;
        self.inner.listed_counts(left, lists, counts)
    }
}

const NEURONS: usize = 64;
const FEATURES: usize = 40;
const BATCH: usize = 6400;

/// Random rows of a random network.
fn source(rng: &mut ChaCha8Rng) -> Batches {
    Batches::new(11 * BATCH + 77, BATCH, |_, rows| {
        let count = rng.random_range(1..4);
        rows.extend((0..count).map(|_| rng.random_range(0..FEATURES as u32)));
    })
}

#[test]
fn whenever_it_fails_the_result_is_the_same() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let source = source(&mut rng);
    let bias = vec![-20; NEURONS];
    let wide: Vec<i16> = (0..FEATURES * NEURONS)
        .map(|_| rng.random_range(-60..60))
        .collect();
    let weights = FtWeights {
        l1: NEURONS,
        activation: Activation::Clipped { clamp: 127 },
        bias: &bias,
        wide: &wide,
        narrow: &[],
    };
    let run = |calls: u32| {
        let calls = Calls(Rc::new(Cell::new(calls)));
        let told = Rc::new(RefCell::new(Vec::new()));
        let tell = {
            let told = Rc::clone(&told);
            move |error: &ComputeError| told.borrow_mut().push(error.to_string())
        };
        let cpu = || CpuBackend::new(Some(1)).unwrap();
        let flaky = Flaky { cpu: cpu(), calls };
        let backend = FallbackBackend::new(Box::new(flaky), Box::new(cpu()), Box::new(tell));
        let mut evaluator = backend.ft_evaluator(weights).unwrap();
        let planes = match evaluator.planes_that_stay(&source, &mut |_| ()).unwrap() {
            Some(planes) => planes,
            None => {
                let mut planes = ZeroPlanes::new(NEURONS, source.samples());
                for number in 0..source.batches() {
                    let first = source.first_sample(number);
                    evaluator
                        .ft_zeros(&source.batch(number), &mut planes, first)
                        .unwrap();
                }
                Box::new(HostPlanes::new(&backend, vec![planes]))
            }
        };
        drop(evaluator);
        let options = SearchOptions {
            effort: Effort::Quick,
            seed: 5,
            ..SearchOptions::default()
        };
        let found = search_planes(planes.as_ref(), &options, &mut Control::default()).unwrap();
        let checks = CertifyOptions {
            assignments: 3,
            seed: 1,
            ..CertifyOptions::default()
        };
        let certificate = certify_planes(
            planes.as_ref(),
            &found.permutation,
            checks,
            &mut Control::default(),
        )
        .unwrap();
        assert!(found.score > found.start_score);
        let told = told.take();
        assert_eq!(backend.has_failed(), told.len() == 1, "{told:?}");
        let expected = if told.is_empty() { "flaky" } else { "cpu" };
        assert_eq!(backend.name(), expected);
        assert_eq!(
            backend.adapter().contains("the flaky one failed"),
            !told.is_empty()
        );
        assert!(
            told.iter().all(|it| it.contains("out of memory")),
            "{told:?}"
        );
        let result = (found.permutation, found.score, found.moves, certificate);
        (result, told.len())
    };
    let (expected, failures) = run(u32::MAX);
    assert_eq!(failures, 0);
    // No evaluator; no planes; no start score; no counter; no part; no counter of it; counts here and there.
    for calls in [0, 5, 13, 14, 15, 16, 17, 18, 60, 260] {
        let (found, failures) = run(calls);
        assert_eq!(failures, 1, "{calls}");
        assert!(found == expected, "{calls}");
    }
}

#[test]
fn planes_in_memory_are_counted_by_the_other_backend() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut planes = ZeroPlanes::new(16, 900);
    for sample in 0..900 {
        let mood = rng.random_range(0..16);
        (0..16)
            .filter(|neuron| (neuron * 7 + mood) % 16 < mood)
            .for_each(|neuron| planes.set(neuron, sample));
    }
    let chunks = [planes];
    let cpu = || CpuBackend::new(Some(1)).unwrap();
    for (tries, calls) in [(1, 0), (1, 1), (1, 30), (2, 2), (2, 30)] {
        let options = SearchOptions {
            tries,
            ..SearchOptions::default()
        };
        let expected = search(&cpu(), &chunks, &options, &mut Control::default()).unwrap();
        let flaky = Flaky {
            cpu: cpu(),
            calls: Calls(Rc::new(Cell::new(calls))),
        };
        let backend = FallbackBackend::new(Box::new(flaky), Box::new(cpu()), Box::new(|_| ()));
        let found = search(&backend, &chunks, &options, &mut Control::default()).unwrap();
        assert!(backend.has_failed());
        assert_eq!(found.permutation, expected.permutation);
        assert_eq!(found.moves, expected.moves);
    }
}

#[test]
fn the_second_backends_error_is_the_one_that_counts() {
    let flaky = |calls| {
        Box::new(Flaky {
            cpu: CpuBackend::new(Some(1)).unwrap(),
            calls: Calls(Rc::new(Cell::new(calls))),
        })
    };
    let backend = FallbackBackend::new(flaky(0), flaky(1), Box::new(|_| ()));
    let chunks = [ZeroPlanes::new(8, 10)];
    let mut counter = backend.co_zero_counter(&chunks).unwrap();
    let groups = [NeuronGroup::new(&[1])];
    let error = counter.co_zero_counts(&groups, &groups, &mut Vec::new());
    assert!(error.unwrap_err().to_string().contains("no more calls"));
    // The error of one of several tries ends them all.
    let backend = FallbackBackend::new(flaky(0), flaky(40), Box::new(|_| ()));
    let options = SearchOptions {
        tries: 3,
        ..SearchOptions::default()
    };
    let error = search(&backend, &chunks, &options, &mut Control::default());
    assert!(error.unwrap_err().to_string().contains("no more calls"));
}
