//! Reports of runs: what `--report` writes and `--json` prints.
//!
//! A report holds all that reproduces and explains a run. Its fields are those of the types in this module; a field
//! that has nothing to say is `null`. [`SCHEMA`] counts changes that a reader would notice. [`page()`] makes an HTML
//! page of a report.

use serde::{Deserialize, Serialize};
use thiserror::Error;

mod advice;
#[doc(hidden)]
pub mod bench;
mod check;
#[doc(hidden)]
pub mod curve;
#[doc(hidden)]
pub mod drawing;
#[doc(hidden)]
pub mod measures;
mod optimize;
mod page;
#[doc(hidden)]
pub mod pictures;
mod weights;

#[doc(hidden)]
pub use advice::CountAdvice;
#[doc(hidden)]
pub use optimize::{
    BucketRates, BucketReport, CertificateReport, CheckReport, HoldoutReport, Moves, SpilledReport,
};
pub use optimize::{NetReport, NetSummary, OptimizeReport, PermReport, Rates, Seconds, Verified};
pub use page::{PageError, page};
#[doc(hidden)]
pub use page::{comparison_page, file_name, network_page};
#[doc(hidden)]
pub use weights::{RangeReport, TensorReport, WeightsReport};

/// Version of the reports' form. It grows when a field goes or changes its meaning, not when one is added.
#[doc(hidden)]
pub const SCHEMA: u32 = 1;

/// Any report; in JSON the field `kind` says which.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    #[doc(hidden)]
    Bench(Box<bench::BenchReport>),
    Optimize(Box<OptimizeReport>),
    Weights(Box<WeightsReport>),
}

/// The value of `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[doc(hidden)]
pub enum Kind {
    Bench,
    Optimize,
    Weights,
}

/// Why a report could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    #[error("not a report of ftperm: {}", crate::files::quote::message(.0))]
    NotAReport(serde_json::Error),
    #[error("not a report of ftperm: {0}")]
    OutOfRange(&'static str),
    #[error(
        "the report has schema {0}, this version of ftperm reads {SCHEMA}: use the version that wrote it"
    )]
    Schema(u32),
}

impl Report {
    /// Reads a report from its JSON form.
    ///
    /// # Errors
    /// It is something else, or of another schema.
    pub fn from_json(bytes: &[u8]) -> Result<Report, ReportError> {
        /// What reports of all schemas have.
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
        }
        #[derive(Deserialize)]
        struct Tagged {
            kind: Kind,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(ReportError::NotAReport)?;
        if head.schema != SCHEMA {
            return Err(ReportError::Schema(head.schema));
        }
        let tagged: Tagged = serde_json::from_slice(bytes).map_err(ReportError::NotAReport)?;
        let report = match tagged.kind {
            Kind::Bench => serde_json::from_slice(bytes).map(Report::Bench),
            Kind::Optimize => serde_json::from_slice(bytes).map(Report::Optimize),
            Kind::Weights => serde_json::from_slice(bytes).map(Report::Weights),
        };
        let report = report.map_err(ReportError::NotAReport)?;
        check::check(&report).map_err(ReportError::OutOfRange)?;
        Ok(report)
    }

    /// The JSON form, with line breaks.
    ///
    /// # Errors
    /// Never, as long as all keys of maps are strings.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
    }
}
