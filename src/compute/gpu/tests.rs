//! What only the inside can provoke. Results are tested in `tests/gpu/`. These tests need an adapter, which this
//! harness cannot look for, so they run when they are asked for.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::compute::cpu::CpuBackend;
use crate::compute::{FallbackBackend, NeuronGroup, PlaneSet};
use crate::nets::model::{Activation, RowLists, SampleBatch};
use crate::search::{Control, Effort, Progress, SearchOptions, search};

fn backend() -> GpuBackend {
    GpuBackend::new(&AdapterSelector::Index(0)).unwrap()
}

fn names_the_adapter<T>(backend: &GpuBackend, result: Result<T, ComputeError>) {
    let error = result.err().expect("the device is lost");
    assert!(matches!(error, ComputeError::Device { .. }), "{error}");
    assert!(error.to_string().starts_with(&backend.adapter()), "{error}");
}

#[test]
#[ignore = "needs a graphics adapter: cargo test --lib -- --ignored"]
fn a_lost_device_is_an_error() {
    let backend = backend();
    let weights = FtWeights {
        l1: 64,
        activation: Activation::Clipped { clamp: 127 },
        bias: &[1; 64],
        wide: &[1; 64],
        narrow: &[],
    };
    let batch = SampleBatch {
        samples: 1,
        wide: RowLists {
            offsets: vec![0, 1],
            rows: vec![0],
        },
        narrow: RowLists::default(),
    };
    let chunks = [ZeroPlanes::new(64, 100)];
    let mut planes = ZeroPlanes::new(64, 100);
    let mut device_planes = backend.device_planes(64, 100).unwrap();
    let mut evaluator = backend.device_ft_evaluator(&weights).unwrap();
    let mut counter = backend.co_zero_counter(&chunks).unwrap();
    let groups = [NeuronGroup::new(&[1, 2])];
    evaluator.ft_zeros(&batch, &mut planes, 0).unwrap();

    backend.contexts[0].device.destroy();
    for _ in 0..2 {
        let result = counter.co_zero_counts(&groups, &groups, &mut Vec::new());
        names_the_adapter(&backend, result);
        let result = evaluator.ft_zeros(&batch, &mut planes, 0);
        names_the_adapter(&backend, result);
        let result = evaluator.ft_zeros_on_device(&batch, &mut device_planes, 0);
        names_the_adapter(&backend, result);
        names_the_adapter(&backend, device_planes.download());
        names_the_adapter(&backend, backend.ft_evaluator(weights).map(|_| ()));
        names_the_adapter(&backend, backend.co_zero_counter(&chunks).map(|_| ()));
        names_the_adapter(&backend, backend.device_planes(64, 100));
    }
}

#[test]
#[ignore = "needs a graphics adapter: cargo test --lib -- --ignored"]
fn mistakes_in_calls_are_errors() {
    let backend = backend();
    let context = &backend.contexts[0];
    let buffer = context.storage("too small", 16).unwrap();
    let error = context.checked(|| context.queue.write_buffer(&buffer, 0, &[0; 32]));
    names_the_adapter(&backend, error);
    // The device still works.
    assert!(backend.device_planes(64, 100).is_ok());
}

#[test]
#[ignore = "needs a graphics adapter: cargo test --lib -- --ignored"]
fn a_search_goes_on_when_the_device_is_lost() {
    let gpu = backend();
    let mut planes = ZeroPlanes::new(32, 2000);
    for sample in 0..2000 {
        let mood = sample * sample % 31;
        (0..32)
            .filter(|neuron| (neuron * 11 + mood) % 32 < mood)
            .for_each(|neuron| planes.set(neuron, sample));
    }
    let chunks = [planes];
    let options = SearchOptions {
        effort: Effort::Quick,
        ..SearchOptions::default()
    };
    let cpu = || CpuBackend::new(Some(1)).unwrap();
    let expected = search(&cpu(), &chunks, &options, &mut Control::default()).unwrap();

    let device = gpu.contexts[0].device.clone();
    let name = gpu.adapter();
    let told = Rc::new(Cell::new(0));
    let tell = {
        let (told, name) = (Rc::clone(&told), name.clone());
        move |error: &ComputeError| {
            told.set(told.get() + 1);
            assert!(error.to_string().starts_with(&name), "{error}");
        }
    };
    let backend = FallbackBackend::new(Box::new(gpu), Box::new(cpu()), Box::new(tell));
    let mut lose = |progress: &Progress| {
        if progress.rounds == 20 {
            device.destroy();
        }
    };
    let mut control = Control {
        progress: Some(&mut lose),
        ..Control::default()
    };
    let found = search(&backend, &chunks, &options, &mut control).unwrap();
    assert_eq!(told.get(), 1);
    assert!(backend.adapter().ends_with(&format!("after {name} failed")));
    assert_eq!(found.permutation, expected.permutation);
    assert_eq!(found.moves, expected.moves);
}

/// The same adapter twice: as it is, and as if it were slow.
fn fast_and_slow() -> GpuBackend {
    let open = |delay: u64| {
        let limits = WorkLimits {
            delay: Duration::from_millis(delay),
            ..WorkLimits::default()
        };
        device::open(&[AdapterSelector::Index(0)], limits).unwrap()
    };
    GpuBackend {
        contexts: [open(0), open(400)].concat(),
    }
}

fn random_planes(random: &mut ChaCha8Rng, neurons: usize, samples: usize) -> ZeroPlanes {
    let mut planes = ZeroPlanes::new(neurons, samples);
    for neuron in 0..neurons {
        random.fill(&mut planes.plane_mut(neuron)[..samples / 64]);
    }
    planes
}

#[test]
#[ignore = "needs a graphics adapter: cargo test --lib -- --ignored"]
fn a_slow_adapter_counts_fewer_samples() {
    let gpu = fast_and_slow();
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let chunks = [40_000, 20_032].map(|samples| random_planes(&mut random, 128, samples));
    let planes = DevicePlanes::upload(&gpu.contexts, &chunks).unwrap();
    let samples: Vec<usize> = planes.shares.iter().map(|it| it.samples()).collect();
    assert_eq!(samples.iter().sum::<usize>(), 60_032);
    assert!(samples[1] > 0 && samples[1] < samples[0] / 2, "{samples:?}");

    let cpu = CpuBackend::new(Some(1)).unwrap();
    let groups = NeuronGroup::singles(128);
    let counts = |mut counter: Box<dyn CoZeroCounter + '_>| {
        let mut counts = Vec::new();
        counter
            .co_zero_counts(&groups[..70], &groups, &mut counts)
            .unwrap();
        counts
    };
    let by_cpu = counts(cpu.co_zero_counter(&chunks).unwrap());
    assert!(by_cpu == counts(PlaneSet::counter(&planes).unwrap()));
    // What was learnt holds for planes that are filled later, too.
    let empty = gpu.device_planes(128, 60_032).unwrap();
    let samples: Vec<usize> = empty.shares.iter().map(|it| it.samples()).collect();
    assert!(samples[1] > 0 && samples[1] < samples[0] / 2, "{samples:?}");
    // A table of few counts is not worth a trial.
    let few = fast_and_slow().device_planes(16, 10_240).unwrap();
    let samples: Vec<usize> = few.shares.iter().map(|it| it.samples()).collect();
    assert_eq!(samples, [5120, 5120]);
}

#[test]
#[ignore = "needs a graphics adapter: cargo test --lib -- --ignored"]
fn a_slow_adapter_evaluates_fewer_samples() {
    let gpu = fast_and_slow();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut weights = vec![0i16; 51 * 64];
    random.fill(&mut weights[..]);
    let weights = FtWeights {
        l1: 64,
        activation: Activation::Clipped { clamp: 127 },
        bias: &weights[..64],
        wide: &weights[64..],
        narrow: &[],
    };
    let batch = SampleBatch {
        samples: 10_000,
        wide: RowLists {
            offsets: (0..=10_000).map(|sample| 3 * sample).collect(),
            rows: (0..30_000).map(|_| random.random_range(0..50)).collect(),
        },
        narrow: RowLists::default(),
    };
    let cpu = CpuBackend::new(Some(1)).unwrap();
    let mut expected = ZeroPlanes::new(64, 10_000);
    let mut evaluator = cpu.ft_evaluator(weights).unwrap();
    evaluator.ft_zeros(&batch, &mut expected, 0).unwrap();

    let mut evaluator = gpu.ft_evaluator(weights).unwrap();
    let mut shares = Vec::new();
    for _ in 0..3 {
        let mut planes = ZeroPlanes::new(64, 10_000);
        evaluator.ft_zeros(&batch, &mut planes, 0).unwrap();
        assert!(planes == expected);
        let rates = gpu.contexts.iter().map(|it| it.evaluating.get());
        shares.push(shares::bounds(20, &rates.collect::<Vec<_>>())[1]);
    }
    // Units of the fast one, of 20.
    assert!(
        shares.iter().all(|fast| (14..20).contains(fast)),
        "{shares:?}"
    );
}
