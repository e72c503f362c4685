//! How long and from where to search, and how to watch and stop it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ftperm::order::{Permutation, PermutationFile};
use ftperm::report::CertificateReport;
use ftperm::search::{Effort, MOST_TRIES};

use super::numbers::time_limit;
use crate::cli::console;

/// Options of the search.
#[derive(Debug, clap::Args)]
pub struct SearchArgs {
    /// How much work the search does: a budget, not a time, so the result does not depend on the machine
    #[arg(long, value_enum, default_value = "normal")]
    effort: EffortChoice,
    /// Do the search so many times at once, each with random choices of its own, and keep the best order; the threads
    /// share the searches, an adapter counts for all of them together
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = tries())]
    tries: u8,
    /// End the search after so many seconds; the result then depends on the machine's speed
    #[arg(long, value_name = "SECONDS", value_parser = time_limit, allow_negative_numbers = true)]
    pub time_limit: Option<Duration>,
    /// Permutation to start the search from: the result is never worse on the samples searched on
    #[arg(long, value_name = "PERM")]
    start: Option<PathBuf>,
    /// Report what is known of how good the order is: which moves cannot improve it, and an upper bound; with --start
    /// and
    /// --time-limit 0, of that order
    #[arg(long)]
    pub certify: bool,
}

/// Work of the search.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum EffortChoice {
    /// A fraction of a second for some hundred neurons
    Quick,
    /// About a second
    Normal,
    /// A minute or more, for the last hundredths
    Max,
}

/// What people should know of a certificate that was not finished.
pub const NO_CERTIFICATE: &str = "interrupted: there is no certificate";

/// Tells people what is known of an order. `in_part`: were some samples not searched on?
pub fn say_certificate(certificate: &CertificateReport, in_part: bool) {
    let percent = |rate: f64| 100.0 * rate;
    let on = match certificate.samples {
        Some(samples) if in_part => format!(
            " on the {samples} samples searched on, where this one has {:.2} %",
            percent(certificate.upper_bound - certificate.gap)
        ),
        _ => String::new(),
    };
    console::say(format!(
        "certificate: {}; no order has more than {:.2} %{on}",
        certificate.finding(),
        percent(certificate.upper_bound)
    ));
}

/// What people should know of a search that did not run to its end.
pub const INTERRUPTED: &str = "the search was interrupted; this is the best order found until then";

fn tries() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=MOST_TRIES as i64)
}

impl SearchArgs {
    pub fn effort(&self) -> Effort {
        match self.effort {
            EffortChoice::Quick => Effort::Quick,
            EffortChoice::Normal => Effort::Normal,
            EffortChoice::Max => Effort::Max,
        }
    }

    /// How many tries at once.
    pub fn tries(&self) -> usize {
        self.tries.into()
    }

    /// About how many times the work of a normal search.
    pub fn searches(&self) -> f64 {
        let of_one = match self.effort {
            EffortChoice::Quick => 0.7,
            EffortChoice::Normal => 1.0,
            EffortChoice::Max => 55.0,
        };
        of_one * f64::from(self.tries)
    }

    /// The file of the permutation to start from.
    pub fn start_file(&self) -> Option<&Path> {
        self.start.as_deref()
    }

    pub fn start(&self) -> anyhow::Result<Option<Permutation>> {
        let file = self
            .start
            .as_deref()
            .map(PermutationFile::read)
            .transpose()?;
        Ok(file.map(|file| file.permutation))
    }

    /// Is the permutation to start from one of so many neurons?
    pub fn check_start(&self, start: Option<&Permutation>, neurons: usize) -> anyhow::Result<()> {
        match (&self.start, start) {
            (Some(file), Some(start)) => check_entries(file, start, neurons),
            _ => Ok(()),
        }
    }
}

/// Is the permutation of a file one of so many neurons?
pub fn check_entries(file: &Path, permutation: &Permutation, neurons: usize) -> anyhow::Result<()> {
    if permutation.len() != neurons {
        anyhow::bail!(
            "{}: the permutation has {} entries, the network needs {neurons}",
            file.display(),
            permutation.len()
        );
    }
    Ok(())
}
