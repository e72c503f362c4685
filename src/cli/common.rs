//! Options that several commands share, and what they turn into.

mod backend;
mod net;
mod out;
mod positions;

pub use backend::BackendArgs;
pub use net::{LoadedNet, NetArgs, ReadingArgs, load};
pub use out::{NetSummary, OutArgs};
pub use positions::PositionArgs;
