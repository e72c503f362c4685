//! Reports of runs: what `--report` writes and `--json` prints.
//!
//! A report holds all that reproduces and explains a run. Its fields are those of the types in this module; a field
//! that has nothing to say is `null`. [`SCHEMA`] counts changes that a reader would notice.

mod advice;
mod optimize;

pub use advice::CountAdvice;
pub use optimize::{
    BucketRates, BucketReport, CertificateReport, CheckReport, HoldoutReport, Moves, NetReport,
    NetSummary, OptimizeReport, PermReport, Rates, Seconds, Verified,
};

/// Version of the reports' form. It grows when a field goes or changes its meaning, not when one is added.
pub const SCHEMA: u32 = 1;
