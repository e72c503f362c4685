//! Command lines of the reference tools, serialize.py and ftperm.py, as they are.

pub mod options;
pub mod shims;
pub mod words;

pub use options::{OfEval, OfFind, OfGather, OfSerialize, Options};
