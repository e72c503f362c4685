//! Searching and counting on matrices in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use ftperm::compute::cpu::CpuBackend;
use ftperm::compute::gpu::{AdapterSelector, GpuBackend};
use ftperm::compute::{Backend, HostPlanes};
use ftperm::files::resources::available_memory;
use ftperm::order::Permutation;
use ftperm::planes::ZeroPlanes;
use ftperm::planes::matrix::zero_block_percentage;
use ftperm::report::CertificateReport;
use ftperm::run::{PlanesJob, Searched};
use ftperm::search::{Control, Effort, Progress, SampleSets, SearchOptions};
use numpy::PyReadonlyArray2;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use serde_json::json;

use crate::cli::UsageError;
use crate::errors::exception;
use crate::matrix::planes_of;
use crate::watch::{self, Ended, Told, Watched};

/// As large as that of a program's first thread.
const STACK: usize = 8 << 20;

/// Steps that a share is told in.
const STEPS: f64 = 10_000.0;

/// How to search.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options {
    perspectives: usize,
    effort: String,
    seed: u64,
    start: Option<Vec<u32>>,
    time_limit: Option<f64>,
    certify: bool,
    backend: String,
    threads: Option<u16>,
}

/// Searches on a matrix and returns the order and a report, as JSON.
#[pyfunction]
#[pyo3(signature = (matrix, options, progress=None))]
pub fn find(
    py: Python<'_>,
    matrix: PyReadonlyArray2<'_, u8>,
    options: Options,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Vec<u32>, String)> {
    let told = Told::default();
    let (stop, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    let watched = Watched {
        progress,
        told: &told,
        stop: &|| stop.store(true, Ordering::Relaxed),
    };
    let view = matrix.as_array();
    let work = || {
        let mut tell = |step: &Progress| {
            begun.store(true, Ordering::Relaxed);
            let what = if step.certifying {
                "certifying"
            } else {
                "searching"
            };
            let done = (step.done * STEPS) as u64;
            told.note((what, done, STEPS as u64));
        };
        let mut control = Control {
            stop: Some(&stop),
            progress: Some(&mut tell),
            ..Control::default()
        };
        search(
            planes_of(view, options.perspectives)?,
            &options,
            &mut control,
        )
    };
    let (found, ended) = watch::run(py, &watched, || on_threads(options.threads, work))?;
    match ended {
        Ended::Callback(error) => return Err(error),
        Ended::Signal(signal) if !begun.load(Ordering::Relaxed) => return Err(signal),
        // Another signal's exception is no wish to have what was found.
        Ended::Signal(signal) if !signal.is_instance_of::<PyKeyboardInterrupt>(py) => {
            return Err(signal);
        }
        Ended::Signal(_) | Ended::Itself => {}
    }
    let searched = found.map_err(|error| exception(&error))?;
    let order = searched.rated.search.permutation.indices().to_vec();
    Ok((order, report(&searched).to_string()))
}

/// Runs something on threads of its own.
fn on_threads<T: Send>(
    threads: Option<u16>,
    work: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0).into())
        .stack_size(STACK)
        .build()
        .context("cannot start the threads")?;
    pool.install(work)
}

fn search(
    planes: ZeroPlanes,
    options: &Options,
    control: &mut Control,
) -> anyhow::Result<Searched> {
    let usage = |text: String| anyhow::Error::from(UsageError(text));
    let effort = match options.effort.as_str() {
        "quick" => Effort::Quick,
        "normal" => Effort::Normal,
        "max" => Effort::Max,
        other => return Err(usage(format!("effort {other}: it is quick, normal or max"))),
    };
    let backend: Box<dyn Backend> = match options.backend.as_str() {
        "cpu" => Box::new(CpuBackend::new(None)?),
        "gpu" => Box::new(GpuBackend::new(&AdapterSelector::Auto)?),
        other => return Err(usage(format!("backend {other}: it is cpu or gpu"))),
    };
    let limit = options.time_limit.map(|seconds| {
        let limit = Duration::try_from_secs_f64(seconds);
        limit.map_err(|_| usage(format!("time_limit {seconds}: it is a number of seconds")))
    });
    let neurons = planes.neurons();
    let planes = HostPlanes::new(backend.as_ref(), vec![planes]);
    let job = PlanesJob {
        sets: SampleSets::new(backend.as_ref(), neurons, vec![(None, Box::new(planes))]),
        weights: None,
        search: SearchOptions {
            effort,
            seed: options.seed,
            start: options.start.clone().map(Permutation::new).transpose()?,
            tries: 1,
        },
        time_limit: limit.transpose()?,
        certify: options.certify,
        memory: available_memory().map_or(u64::MAX, |bytes| bytes / 5 * 4),
    };
    Ok(job.run(control)?)
}

/// What was found, with the names that `ftperm find --json` has.
fn report(searched: &Searched) -> serde_json::Value {
    let rated = &searched.rated;
    let samples: u64 = searched.samples.values().sum();
    let neurons = rated.search.permutation.len();
    json!({
        "samples": samples,
        "samples_searched": searched.samples_searched,
        "neurons": neurons,
        "zero_blocks_before": rated.before.values().sum::<u64>(),
        "zero_blocks_after": rated.after.values().sum::<u64>(),
        "cells": samples * (neurons as u64 / 4),
        "certificate": searched.certificate.as_ref().map(CertificateReport::from),
        "interrupted": !rated.search.complete,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// The share of all-zero blocks of a matrix in an order, in percent.
#[pyfunction]
#[pyo3(signature = (matrix, perspectives, order=None))]
pub fn zero_blocks(
    py: Python<'_>,
    matrix: PyReadonlyArray2<'_, u8>,
    perspectives: usize,
    order: Option<Vec<u32>>,
) -> PyResult<f64> {
    let view = matrix.as_array();
    let count = || {
        let planes = planes_of(view, perspectives)?;
        let order = order.map(Permutation::new).transpose()?;
        anyhow::Ok(zero_block_percentage(&planes, order.as_ref())?)
    };
    py.detach(count).map_err(|error| exception(&error))
}
