//! Files as such: outputs that appear whole or not at all, digests, what the machine has.

pub mod atomic;
pub mod digest;
pub mod npy;
pub mod quote;
pub mod reading;
pub mod resources;
pub mod sealed;
