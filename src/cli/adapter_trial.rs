//! `ftperm adapter-trial`: how this program asks what a graphics adapter can do, in a process of its own.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use ftperm::compute::choice::{Speed, Work, trial};
use ftperm::compute::gpu::{AdapterSelector, GpuBackend, has_hardware_adapter};
use ftperm::compute::{Backend as _, ComputeError};
use serde::{Deserialize, Serialize};

use super::console;

/// Measure how fast the best graphics adapter does a small part of such work
#[derive(Debug, clap::Args)]
pub struct AdapterTrial {
    /// Accumulator columns and samples to evaluate.
    #[arg(long, num_args = 2, value_names = ["COLUMNS", "SAMPLES"])]
    evaluation: Vec<u64>,
    /// Neurons and samples to search on.
    #[arg(long, num_args = 2, value_names = ["NEURONS", "SAMPLES"])]
    search: Vec<u64>,
    /// Another adapter than the best one, by its number.
    #[arg(long, value_name = "INDEX")]
    adapter: Option<usize>,
}

/// What the process says, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// There is no hardware adapter.
    Absent,
    Failed(String),
    Measured {
        adapter: String,
        speed: Speed,
    },
}

/// The process ends by itself after this time, should nobody be there to end it.
const LONGEST: Duration = Duration::from_mins(1);

impl AdapterTrial {
    /// Its words, for work that is no larger.
    pub fn words(work: &Work) -> Vec<String> {
        let (columns, evaluated) = work.evaluation;
        let (neurons, searched) = work.search;
        let words = [
            "adapter-trial",
            "--evaluation",
            &columns.to_string(),
            &evaluated.to_string(),
            "--search",
            &neurons.to_string(),
            &searched.to_string(),
        ];
        words.map(str::to_owned).to_vec()
    }

    pub fn run(&self) -> anyhow::Result<()> {
        let end = || {
            std::thread::sleep(LONGEST);
            std::process::exit(1);
        };
        std::thread::Builder::new()
            .spawn(end)
            .context("cannot start a thread")?;
        let answer = self.measure();
        let answer = answer.unwrap_or_else(|error| Answer::Failed(error.to_string()));
        console::result(serde_json::to_string(&answer)?)
    }

    fn measure(&self) -> Result<Answer, ComputeError> {
        let pair = |given: &[u64]| match given {
            [size, samples] => (usize::try_from(*size).unwrap_or(usize::MAX), *samples),
            _ => (0, 0),
        };
        let work = Work {
            evaluation: pair(&self.evaluation),
            search: pair(&self.search),
            searches: 1.0,
        };
        let started = Instant::now();
        let selector = match self.adapter {
            Some(index) => AdapterSelector::Index(index),
            None if has_hardware_adapter() => AdapterSelector::Auto,
            None => return Ok(Answer::Absent),
        };
        let backend = GpuBackend::new(&selector)?;
        let opening = started.elapsed().as_secs_f64();
        let speed = Speed {
            opening,
            ..trial(&backend, &work)?
        };
        Ok(Answer::Measured {
            adapter: backend.adapter(),
            speed,
        })
    }
}
