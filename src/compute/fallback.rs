//! A backend that goes on with another when the first one fails.
//!
//! The integers are the same on both, so whoever computes does not notice: what failed is computed again, and what was
//! found so far stays.

use std::cell::{Cell, OnceCell};

use super::subsample::Share;
use super::{
    Backend, CoZeroCounter, ComputeError, FtEvaluator, FtWeights, HostPlanes, NeuronGroup,
    PlaneSet, SampleBatch, SampleSource, Wanted, evaluate_all,
};
use crate::planes::ZeroPlanes;

/// Computes on `first` until it fails, and on `second` from then on.
pub struct FallbackBackend {
    first: Box<dyn Backend>,
    second: Box<dyn Backend>,
    failed: Cell<bool>,
    tell: Box<dyn Fn(&ComputeError)>,
}

impl FallbackBackend {
    /// `tell` is told once, with the first error, when the second backend takes over.
    pub fn new(
        first: Box<dyn Backend>,
        second: Box<dyn Backend>,
        tell: Box<dyn Fn(&ComputeError)>,
    ) -> FallbackBackend {
        FallbackBackend {
            first,
            second,
            failed: Cell::new(false),
            tell,
        }
    }

    /// Has the second backend taken over?
    pub fn has_failed(&self) -> bool {
        self.failed.get()
    }

    fn fail(&self, error: &ComputeError) {
        if !self.failed.replace(true) {
            (self.tell)(error);
        }
    }

    /// What `first` gives unless it has failed or fails, else what `second` gives; and whether it came from `second`.
    fn either<T>(
        &self,
        first: impl FnOnce() -> Result<T, ComputeError>,
        second: impl FnOnce() -> Result<T, ComputeError>,
    ) -> Result<(T, bool), ComputeError> {
        if !self.has_failed() {
            match first() {
                Ok(value) => return Ok((value, false)),
                Err(error) => self.fail(&error),
            }
        }
        Ok((second()?, true))
    }
}

impl Backend for FallbackBackend {
    fn name(&self) -> &'static str {
        if self.has_failed() {
            self.second.name()
        } else {
            self.first.name()
        }
    }

    fn adapter(&self) -> String {
        if self.has_failed() {
            let (first, second) = (self.first.adapter(), self.second.adapter());
            format!("{second}, after {first} failed")
        } else {
            self.first.adapter()
        }
    }

    fn ft_evaluator<'a>(
        &'a self,
        weights: FtWeights<'a>,
    ) -> Result<Box<dyn FtEvaluator + 'a>, ComputeError> {
        let (current, on_second) = self.either(
            || self.first.ft_evaluator(weights),
            || self.second.ft_evaluator(weights),
        )?;
        Ok(Box::new(Evaluator {
            backend: self,
            weights,
            current,
            on_second,
        }))
    }

    fn co_zero_counter<'a>(
        &'a self,
        chunks: &'a [ZeroPlanes],
    ) -> Result<Box<dyn CoZeroCounter + 'a>, ComputeError> {
        Counter::boxed(
            self,
            || self.first.co_zero_counter(chunks),
            Box::new(|| self.second.co_zero_counter(chunks)),
        )
    }
}

struct Evaluator<'a> {
    backend: &'a FallbackBackend,
    weights: FtWeights<'a>,
    current: Box<dyn FtEvaluator + 'a>,
    on_second: bool,
}

impl Evaluator<'_> {
    /// Computes with the current evaluator, and again with the second one's if that fails.
    fn either<T>(
        &mut self,
        mut compute: impl FnMut(&mut Self) -> Result<T, ComputeError>,
    ) -> Result<T, ComputeError> {
        if !self.on_second && !self.backend.has_failed() {
            match compute(self) {
                Ok(value) => return Ok(value),
                Err(error) => self.backend.fail(&error),
            }
        }
        if !self.on_second {
            self.current = self.backend.second.ft_evaluator(self.weights)?;
            self.on_second = true;
        }
        compute(self)
    }
}

impl FtEvaluator for Evaluator<'_> {
    fn ft_zeros(
        &mut self,
        batch: &SampleBatch,
        planes: &mut ZeroPlanes,
        first_sample: usize,
    ) -> Result<(), ComputeError> {
        self.either(|it| it.current.ft_zeros(batch, planes, first_sample))
    }

    fn planes_that_stay<'p>(
        &mut self,
        source: &'p dyn SampleSource,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Option<Box<dyn PlaneSet + 'p>>, ComputeError>
    where
        Self: 'p,
    {
        let planes = self.either(|it| it.current.planes_that_stay(source, progress))?;
        let (backend, weights) = (self.backend, self.weights);
        let again = move || evaluate_again(backend.second.as_ref(), weights, source);
        Ok(match planes {
            Some(planes) if !self.on_second => {
                Some(Box::new(Planes::new(backend, planes, Box::new(again))))
            }
            other => other,
        })
    }
}

/// The planes of a source, as a backend gives them.
fn evaluate_again<'p>(
    backend: &'p dyn Backend,
    weights: FtWeights<'p>,
    source: &'p dyn SampleSource,
) -> Result<Box<dyn PlaneSet + 'p>, ComputeError> {
    let mut evaluator = backend.ft_evaluator(weights)?;
    if let Some(planes) = evaluator.planes_that_stay(source, &mut |_| ())? {
        return Ok(planes);
    }
    let neurons = weights.neurons();
    let planes = evaluate_all(neurons, evaluator.as_mut(), source, &mut |_| ())?;
    Ok(Box::new(HostPlanes::new(backend, vec![planes])))
}

/// How to get planes from the second backend.
type Again<'p> = Box<dyn Fn() -> Result<Box<dyn PlaneSet + 'p>, ComputeError> + 'p>;

/// Planes of the first backend, which are computed again by the second one when they are lost.
struct Planes<'p> {
    backend: &'p FallbackBackend,
    neurons: usize,
    samples: u64,
    first: Box<dyn PlaneSet + 'p>,
    again: Again<'p>,
    second: OnceCell<Box<dyn PlaneSet + 'p>>,
}

impl<'p> Planes<'p> {
    fn new(
        backend: &'p FallbackBackend,
        first: Box<dyn PlaneSet + 'p>,
        again: Again<'p>,
    ) -> Planes<'p> {
        Planes {
            backend,
            neurons: first.neurons(),
            samples: first.samples(),
            first,
            again,
            second: OnceCell::new(),
        }
    }

    fn second(&self) -> Result<&dyn PlaneSet, ComputeError> {
        if let Some(planes) = self.second.get() {
            return Ok(planes.as_ref());
        }
        let planes = (self.again)()?;
        Ok(self.second.get_or_init(|| planes).as_ref())
    }
}

impl PlaneSet for Planes<'_> {
    fn neurons(&self) -> usize {
        self.neurons
    }

    fn samples(&self) -> u64 {
        self.samples
    }

    fn counter(&self) -> Result<Box<dyn CoZeroCounter + '_>, ComputeError> {
        Counter::boxed(
            self.backend,
            || self.first.counter(),
            Box::new(|| self.second()?.counter()),
        )
    }

    fn part(&self, share: Share) -> Result<Box<dyn PlaneSet + '_>, ComputeError> {
        let again = move || self.second()?.part(share);
        let (part, on_second) = self.backend.either(|| self.first.part(share), again)?;
        if on_second {
            return Ok(part);
        }
        Ok(Box::new(Planes::new(self.backend, part, Box::new(again))))
    }

    fn group_counts(&self, groups: &[NeuronGroup]) -> Result<Vec<u64>, ComputeError> {
        let (counts, _) = self.backend.either(
            || self.first.group_counts(groups),
            || self.second()?.group_counts(groups),
        )?;
        Ok(counts)
    }
}

/// How to get a counter from the second backend.
type CounterAgain<'c> = Box<dyn Fn() -> Result<Box<dyn CoZeroCounter + 'c>, ComputeError> + 'c>;

struct Counter<'c> {
    backend: &'c FallbackBackend,
    current: Box<dyn CoZeroCounter + 'c>,
    on_second: bool,
    again: CounterAgain<'c>,
}

impl<'c> Counter<'c> {
    fn boxed(
        backend: &'c FallbackBackend,
        first: impl FnOnce() -> Result<Box<dyn CoZeroCounter + 'c>, ComputeError>,
        again: CounterAgain<'c>,
    ) -> Result<Box<dyn CoZeroCounter + 'c>, ComputeError> {
        let (current, on_second) = backend.either(first, &again)?;
        Ok(Box::new(Counter {
            backend,
            current,
            on_second,
            again,
        }))
    }
}

impl Counter<'_> {
    /// Counts with the current counter, and again with the second backend's if that fails.
    fn either(
        &mut self,
        mut count: impl FnMut(&mut dyn CoZeroCounter) -> Result<(), ComputeError>,
    ) -> Result<(), ComputeError> {
        if !self.on_second && !self.backend.has_failed() {
            match count(self.current.as_mut()) {
                Ok(()) => return Ok(()),
                Err(error) => self.backend.fail(&error),
            }
        }
        if !self.on_second {
            self.current = (self.again)()?;
            self.on_second = true;
        }
        count(self.current.as_mut())
    }
}

impl CoZeroCounter for Counter<'_> {
    fn neurons(&self) -> usize {
        self.current.neurons()
    }

    fn samples(&self) -> u64 {
        self.current.samples()
    }

    fn rows_at_once(&self, columns: usize, most: usize) -> usize {
        self.current.rows_at_once(columns, most)
    }

    fn co_zero_counts(
        &mut self,
        left: &[NeuronGroup],
        right: &[NeuronGroup],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        self.either(|current| current.co_zero_counts(left, right, counts))
    }

    fn listed_counts(
        &mut self,
        left: &[NeuronGroup],
        lists: &[Vec<u32>],
        counts: &mut Vec<u32>,
    ) -> Result<(), ComputeError> {
        self.either(|current| current.listed_counts(left, lists, counts))
    }

    fn all_co_zero_counts(&mut self, wanted: &mut [Wanted]) -> Result<(), ComputeError> {
        self.either(|current| current.all_co_zero_counts(wanted))
    }
}
