//! Options that several commands share, and what they turn into.

pub mod applied;
mod backend;
pub mod fens;
mod filters;
mod kind;
mod memory;
mod model;
pub mod names;
mod net;
pub mod numbers;
mod out;
mod overwrite;
mod planes;
mod positions;
mod search;
mod trial;
mod ways;
mod weight;
mod written;
pub mod zeros;

pub use applied::AppliedArgs;
pub use backend::{BackendArgs, Prepared};
pub use filters::{FILTERS, FilterArgs};
pub use ftperm::report::NetSummary;
pub use kind::{KindArgs, PositionsKind};
pub use memory::{MemoryArgs, POSITION, size};
pub use model::{AnyNetwork, LoadedModel};
pub use net::{LoadedNet, NetArgs, ReadingArgs, known_era, load, load_pair, parse};
pub use out::{OutArgs, store, usual_compression};
pub use overwrite::{Files, read_configuration};
pub use planes::{PlanesInput, START_IS_BETTER, fit_planes, searched_in_part};
pub use positions::{PositionArgs, warn_of_games};
pub use search::{INTERRUPTED, NO_CERTIFICATE, SearchArgs, check_entries, say_certificate};
pub use ways::{check_replaceable, name_beside, say_replaced};
pub use weight::{TOO_MANY, WeightArgs, say_fitted};
pub use written::but_written;
