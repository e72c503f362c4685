//! Options that several commands share, and what they turn into.

mod backend;
mod filters;
mod kind;
mod memory;
pub mod names;
mod net;
pub mod numbers;
mod out;
mod overwrite;
mod planes;
mod positions;
mod search;
mod weight;
mod words;

pub use backend::{BackendArgs, Prepared};
pub use filters::{FILTERS, FilterArgs};
pub use ftperm::report::NetSummary;
pub use kind::{KindArgs, PositionsKind};
pub use memory::{MemoryArgs, POSITION, size};
pub use net::{LoadedNet, NetArgs, ReadingArgs, known_era, load, parse};
pub use out::OutArgs;
pub use overwrite::Files;
pub use planes::{PlanesInput, START_IS_BETTER, load_planes, searched_in_part};
pub use positions::PositionArgs;
pub use search::{INTERRUPTED, NO_CERTIFICATE, SearchArgs, check_entries, say_certificate};
pub use weight::{TOO_MANY, WeightArgs, say_fitted};
pub use words::every_weight;
