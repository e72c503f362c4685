//! Counting: shapes of calls, ways to add up bits, and adapters that do not answer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ftperm::compute::cpu::CpuBackend;
use ftperm::compute::gpu::{Tally, WorkLimits};
use ftperm::compute::{Backend, FallbackBackend};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{backend, naive_counts, random_groups, random_planes, small};

/// Few rows, many, and what lies between whole tiles, on either side; with every way to add up bits.
#[test]
fn all_shapes_of_calls_are_counted_right() {
    for tally in [None, Some(Tally::CarrySave), Some(Tally::Popcounts)] {
        for limits in [WorkLimits::default(), small()] {
            let Some(backend) = backend(WorkLimits { tally, ..limits }) else {
                return;
            };
            let mut rng = ChaCha8Rng::seed_from_u64(21);
            let chunks = [700, 3, 1100].map(|samples| random_planes(&mut rng, 90, samples));
            let mut counter = backend.co_zero_counter(&chunks).unwrap();
            let mut counts = Vec::new();
            for (left, right) in [
                (1, 200),
                (8, 64),
                (16, 3),
                (17, 65),
                (48, 49),
                (49, 48),
                (64, 64),
                (70, 70),
                (120, 8),
                (200, 1),
                (130, 90),
            ] {
                // Single neurons on either side or on none: three kinds of calls.
                for largest in [[1, 1], [3, 1], [1, 3], [2, 2]] {
                    let left = random_groups(&mut rng, 90, left, largest[0]);
                    let right = random_groups(&mut rng, 90, right, largest[1]);
                    counter.co_zero_counts(&left, &right, &mut counts).unwrap();
                    let expected = naive_counts(&chunks, &left, &right);
                    let (left, right) = (left.len(), right.len());
                    assert!(counts == expected, "{tally:?}: {left} x {right}");
                }
            }
        }
    }
}

/// A call has whole tiles of rows, unless few are asked for or a tile takes too long on a software adapter.
#[test]
fn calls_have_whole_tiles_of_rows() {
    let Some(backend) = backend(WorkLimits::default()) else {
        return;
    };
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    let chunks = [random_planes(&mut rng, 8, 1000)];
    let counter = backend.co_zero_counter(&chunks).unwrap();
    assert_eq!(counter.rows_at_once(1536, 170), 128);
    assert_eq!(counter.rows_at_once(1536, 63), 63);
    assert_eq!(counter.rows_at_once(1536, 64), 64);
    assert_eq!(counter.rows_at_once(1536, 0), 1);
    // The processor's, by hand: 2^31 words, of which a row of 1,000 samples and 1,536 columns has 16 * 1,536.
    let cpu = CpuBackend::new(Some(1)).unwrap();
    let counter = cpu.co_zero_counter(&chunks).unwrap();
    assert_eq!(counter.rows_at_once(1536, 1 << 20), 87_381);
    assert_eq!(counter.rows_at_once(1536, 100), 100);
}

/// Its work is not even submitted wholly before time is up.
#[test]
fn the_processor_goes_on_when_an_adapter_does_not_answer() {
    let limits = WorkLimits {
        patience: Duration::from_nanos(1),
        ..WorkLimits::default()
    };
    let Some(gpu) = backend(limits) else {
        return;
    };
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let chunks = [random_planes(&mut rng, 100, 100_000)];
    let left = random_groups(&mut rng, 100, 100, 3);
    let right = random_groups(&mut rng, 100, 100, 1);
    let mut counts = Vec::new();
    let name = gpu.adapter();
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = {
        let told = Rc::clone(&told);
        move |error: &ftperm::compute::ComputeError| told.borrow_mut().push(error.to_string())
    };
    let cpu = || Box::new(CpuBackend::new(Some(1)).unwrap());
    let both = FallbackBackend::new(Box::new(gpu), cpu(), Box::new(tell));
    let mut counter = both.co_zero_counter(&chunks).unwrap();
    counter.co_zero_counts(&left, &right, &mut counts).unwrap();
    assert!(counts == naive_counts(&chunks, &left, &right));
    let told = told.borrow();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(&name), "{told:?}");
    assert!(
        told[0].contains("has not finished its work for"),
        "{told:?}"
    );
    assert!(both.adapter().contains("failed"));
}
