//! Measuring networks in a real engine, over UCI.
//!
//! An [`EngineBench`] runs an engine's `bench` in a new process with a given network. [`EngineBench::same_nodes`]
//! checks that networks lead to the same nodes and that the engine uses them at all; [`EngineBench::round`] times them
//! in turns, and [`SpeedRatio`] says how much faster one is and how sure that is.
//!
//! An engine may do anything: hang, die, print without end. Every wait has an end, every line a length, and the
//! process is killed when its session is dropped.

mod compare;
mod counters;
mod cpu;
mod error;
mod lines;
mod nets;
mod nodes;
mod process;
#[doc(hidden)]
pub mod record;
mod running;
mod session;
mod statistics;
mod uci;

#[doc(hidden)]
pub use counters::Counts;
pub use error::EngineError;
#[doc(hidden)]
pub use nets::EngineNet;
#[doc(hidden)]
pub use running::kill_engines;
pub use session::{BenchRun, EngineBench};
pub use statistics::SpeedRatio;
#[doc(hidden)]
pub use statistics::{CONFIDENCE, POWER, median};
