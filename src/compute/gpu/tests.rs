//! What only the inside can provoke. Results are tested in `tests/gpu/`. These tests need an adapter, which this
//! harness cannot look for, so they run when they are asked for.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::compute::cpu::CpuBackend;
use crate::compute::{FallbackBackend, NeuronGroup};
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
