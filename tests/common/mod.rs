//! What tests share.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test program uses its own part"
)]

pub mod harness;
pub mod material;
pub mod program;
pub mod vectors;
