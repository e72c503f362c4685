//! The main job: positions are evaluated, an order is searched, rated on positions that the search did not see, and
//! delivered.
//!
//! [`Job::run`] does all but the last, for any [`Model`](crate::nets::model::Model), and writes nothing;
//! [`Found::deliver`] writes the network in the new order and proves it.

use thiserror::Error;

use crate::compute::ComputeError;
use crate::planes::{PlanesFileError, SpillError};
use crate::search::{FitError, SearchError};

mod deliver;
mod footprint;
mod found;
pub mod gather;
pub mod holdout;
mod job;
mod searched;
mod spill;

pub use deliver::Written;
pub use footprint::Footprint;
#[doc(hidden)]
pub use found::Share;
pub use found::{Found, SpilledSearch, WeightedRates};
pub use job::{Job, Watch};
pub use searched::{PlanesJob, Searched};
pub use spill::PlanesRoom;

/// Why nothing was found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Spill(#[from] SpillError),
    #[error(transparent)]
    Fit(#[from] FitError),
    #[error(transparent)]
    Planes(#[from] PlanesFileError),
}
