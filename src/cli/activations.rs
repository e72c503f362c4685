//! Recorded outputs of an engine's feature transformer, as input of the search.

use std::path::PathBuf;

use ftperm::planes::ZeroPlanes;
use ftperm::planes::recorded::{self, Options, Values};

use super::console;

/// Outputs of a feature transformer that an engine recorded.
#[derive(Debug, clap::Args)]
pub struct ActivationArgs {
    /// Outputs that any engine recorded after the activation: raw bytes, .npy, or planes; - for stdin
    ///
    /// One row of --neurons values for each perspective of each position, so the first layer's input as it is will
    /// do. A value of 0 is a zero output. In an .npy of bool, true says that the output is zero, as in the matrices
    /// of ftperm.py; --values says otherwise.
    #[arg(
        help_heading = "Recorded activations",
        long,
        value_name = "FILE",
        num_args = 1..,
        conflicts_with_all = ["planes", "l1"]
    )]
    pub activations: Vec<PathBuf>,
    /// Outputs of the feature transformer per perspective: L1, or L1 / 2 in pairwise networks
    #[arg(
        help_heading = "Recorded activations",
        long,
        value_name = "N",
        requires = "activations",
        conflicts_with = "planes"
    )]
    pub neurons: Option<usize>,
    /// What the values are, if the file does not make it clear
    #[arg(
        help_heading = "Recorded activations",
        long,
        value_name = "KIND",
        value_enum,
        requires = "activations",
        conflicts_with = "planes"
    )]
    pub values: Option<ValuesChoice>,
    /// Samples (rows of --neurons values) to take of each file [default: all]
    // Elsewhere --count is of positions.
    #[arg(
        help_heading = "Recorded activations",
        id = "samples",
        long = "count",
        value_name = "N",
        requires = "activations",
        conflicts_with = "planes",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub count: Option<u64>,
}

/// What the values of a dump are.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum ValuesChoice {
    /// Outputs: 0 is zero
    Outputs,
    /// Truth values: 1 where the output is zero
    Zero,
    /// Truth values: 1 where the output is not zero
    Active,
}

impl From<ValuesChoice> for Values {
    fn from(choice: ValuesChoice) -> Values {
        match choice {
            ValuesChoice::Outputs => Values::Outputs,
            ValuesChoice::Zero => Values::Zero,
            ValuesChoice::Active => Values::Active,
        }
    }
}

/// Below this share of zeros it is likelier that the values were misread than that a network is like that.
const FEW_ZEROS: f64 = 0.2;

impl ActivationArgs {
    /// Reads all files and says what was taken for what. `limit` is the memory that the program may take.
    pub fn read(&self, limit: u64) -> anyhow::Result<Vec<ZeroPlanes>> {
        // As much again is taken when the samples become one set.
        let mut left = limit / 2;
        let mut options = Options {
            neurons: self.neurons,
            values: self.values.map(Values::from),
            count: self.count,
            memory: None,
        };
        let mut chunks = Vec::new();
        for path in &self.activations {
            options.memory = Some(left);
            let mut found = recorded::read(path, &options)?;
            let bytes = |it: &ZeroPlanes| 8 * it.words().len() as u64;
            left = left.saturating_sub(found.chunks.iter().map(bytes).sum());
            let samples: usize = found.chunks.iter().map(ZeroPlanes::samples).sum();
            let neurons = found.chunks.first().map_or(0, ZeroPlanes::neurons);
            let zero: u64 = found.chunks.iter().flat_map(ZeroPlanes::zero_counts).sum();
            let share = zero as f64 / (samples * neurons).max(1) as f64;
            console::say(format!(
                "{}: {samples} samples of {neurons} {}; {:.2} % are zero",
                path.display(),
                match found.values {
                    Some(Values::Outputs) => "outputs",
                    Some(Values::Zero) => "truth values, true where the output is zero",
                    Some(Values::Active) => "truth values, true where the output is not zero",
                    None => "planes",
                },
                100.0 * share
            ));
            if share < FEW_ZEROS {
                console::warn(
                    "so few zeros are unusual: are these outputs after the activation, and is --values right?",
                );
            }
            chunks.append(&mut found.chunks);
        }
        Ok(chunks)
    }
}
