//! What only the inside can provoke. Results are tested in `tests/gpu.rs`.

use super::*;
use crate::compute::{Activation, NeuronGroup, RowLists, SampleBatch};

fn backend() -> Option<GpuBackend> {
    match GpuBackend::new(&AdapterSelector::Index(0)) {
        Ok(backend) => Some(backend),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            println!("skipped: {error}");
            None
        }
    }
}

fn names_the_adapter<T>(backend: &GpuBackend, result: Result<T, ComputeError>) {
    let error = result.err().expect("the device is lost");
    assert!(matches!(error, ComputeError::Device { .. }), "{error}");
    assert!(error.to_string().starts_with(&backend.adapter()), "{error}");
}

#[test]
fn a_lost_device_is_an_error() {
    let Some(backend) = backend() else {
        return;
    };
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
fn mistakes_in_calls_are_errors() {
    let Some(backend) = backend() else {
        return;
    };
    let context = &backend.contexts[0];
    let buffer = context.storage("too small", 16).unwrap();
    let error = context.checked(|| context.queue.write_buffer(&buffer, 0, &[0; 32]));
    names_the_adapter(&backend, error);
    // The device still works.
    assert!(backend.device_planes(64, 100).is_ok());
}
