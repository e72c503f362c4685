//! Weight files of Lc0 (Leela Chess Zero): read, checked as lc0 itself checks them, brought up to date, converted and
//! compared.
//!
//! A file is protobuf, usually gzipped. [`Lc0File`] holds it unpacked, [`Lc0Net`] is what it says. Reading keeps every
//! field as a slice of the file, so what is not changed is written with the bytes it had, unknown fields included.
//!
//! | to | call |
//! |---|---|
//! | tell all about a file, and whether a version of lc0 loads it | [`Lc0Net::describe`] |
//! | get plain tensors, batch norm folded or not | [`Lc0Net::tensors`], [`Lc0Net::write_safetensors`] |
//! | write it in another encoding or format | [`Lc0Net::rewrite`] |
//! | compare two files | [`compare`] |
//! | find the network that lc0 would take | [`Lc0Places`] |
//! | take a network out of lc0, or put one in | [`embedded`], [`embed`] |
//!
//! All arithmetic on weights is in single precision, in lc0's order of steps: the values are those of lc0 bit for bit.
//!
//! ```no_run
//! use ftperm::nets::lc0::{Lc0File, Version};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = Lc0File::open("maia-1900.pb.gz".as_ref())?;
//! let description = file.net()?.describe(Version::new(0, 32, 1));
//! println!("loads: {}", description.loads.loads);
//! # Ok(())
//! # }
//! ```

mod compare;
mod container;
mod describe;
mod discover;
mod embedded;
mod error;
mod fold;
mod layer;
mod migrate;
mod net;
mod rewrite;
mod safetensors;
mod schema;
mod shape;
mod tensors;
mod tree;
mod version;
mod wire;

pub use compare::{Comparison, compare};
#[doc(hidden)]
pub use compare::{Difference, FormatDifference};
#[doc(hidden)]
pub use container::Container;
pub use describe::Description;
#[doc(hidden)]
pub use describe::{
    Body, FormatField, Head, Loads, OnnxModel, Part, Ranges, Smolgen, TensorFacts, Training,
    Unknown,
};
#[doc(hidden)]
pub use discover::{Lc0Candidate, Lc0Places, Verdict};
#[doc(hidden)]
pub use embedded::without_embedded;
pub use embedded::{embed, embedded};
pub use error::Lc0Error;
#[doc(hidden)]
pub use error::Refusal;
#[doc(hidden)]
pub use layer::Arithmetic;
pub use layer::Encoding;
#[doc(hidden)]
pub use migrate::Change;
#[doc(hidden)]
pub use net::is_weights_file;
pub use net::{Lc0File, Lc0Net};
#[doc(hidden)]
pub use rewrite::TensorChange;
pub use rewrite::{Rewrite, Rewritten};
#[doc(hidden)]
pub use shape::Problem;
#[doc(hidden)]
pub use tensors::{HEADS, Tensor, TensorOptions};
#[doc(hidden)]
pub use version::{NoVersion, Version};

/// Most bytes that a file may unpack to: 2 GiB, which protobuf allows for a message.
#[doc(hidden)]
pub const MAX_BYTES: u64 = 1 << 31;

/// The magic number of weight files.
#[doc(hidden)]
pub const MAGIC: u32 = 0x1C0;
