//! The file in which a search leaves its state, and searches that go on from it.

use std::sync::atomic::{AtomicBool, Ordering};

use ftperm::compute::cpu::CpuBackend;
use ftperm::planes::ZeroPlanes;
use ftperm::search::{Control, Effort, SavedSearch, SearchError, SearchOptions, search};

const NEURONS: usize = 12;
const SAMPLES: usize = 100;

/// Rounds after which a search is stopped.
const ROUNDS: u64 = 40;

pub fn search_state(data: &[u8]) {
    let Ok(state) = serde_json::from_slice::<SavedSearch>(data) else {
        return;
    };
    let _ = state.best();
    let stop = AtomicBool::new(false);
    let mut rounds = 0;
    let mut progress = |_: &_| {
        rounds += 1;
        stop.store(rounds >= ROUNDS, Ordering::Relaxed);
    };
    let mut control = Control {
        stop: Some(&stop),
        progress: Some(&mut progress),
        resume: Some(state),
        ..Control::default()
    };
    let options = SearchOptions {
        effort: Effort::Quick,
        ..SearchOptions::default()
    };
    let backend = CpuBackend::new(Some(1)).expect("the thread there is");
    match search(&backend, &[planes()], &options, &mut control) {
        Ok(found) => assert!(found.score >= found.start_score),
        Err(SearchError::Saved(error)) => assert!(!error.to_string().is_empty()),
        Err(error) => panic!("{error}"),
    }
}

/// The planes that the states are of.
fn planes() -> ZeroPlanes {
    let mut planes = ZeroPlanes::new(NEURONS, SAMPLES);
    for neuron in 0..NEURONS {
        (0..SAMPLES)
            .filter(|sample| (sample * (neuron % 5 + 2) + neuron) % 7 < 4)
            .for_each(|sample| planes.set(neuron, sample));
    }
    planes
}
