//! Unattended runs: what was made from what, one run at a time, what monitoring is told, and files that arrive.
//!
//! A job leaves a [`Record`] beside its output, with the SHA-256 of all that went in and came out. A later run compares
//! and does only what is not done. The program's `batch` command is made of these pieces.

mod arrivals;
mod file_state;
mod lock;
mod metrics;
mod record;

pub use arrivals::{Arrivals, is_network_name};
pub use file_state::{FileState, Hasher, StateError};
pub use lock::{LockError, RunLock, Shard, ShardError};
pub use metrics::{JobSample, RunSample, Status, prometheus_text};
pub use record::{Record, RecordError, Stale};
