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

pub use compare::{Comparison, Difference, FormatDifference, compare};
pub use container::Container;
pub use describe::{
    Body, Description, FormatField, Head, Loads, OnnxModel, Part, Ranges, Smolgen, TensorFacts,
    Training, Unknown,
};
pub use discover::{Lc0Candidate, Lc0Places, Verdict};
pub use embedded::{embed, embedded, without_embedded};
pub use error::{Lc0Error, Refusal};
pub use layer::{Arithmetic, Encoding};
pub use migrate::Change;
pub use net::{Lc0File, Lc0Net, is_weights_file};
pub use rewrite::{Rewrite, Rewritten, TensorChange};
pub use shape::Problem;
pub use tensors::{HEADS, Tensor, TensorOptions};
pub use version::{NoVersion, Version};

/// Most bytes that a file may unpack to: 2 GiB, which protobuf allows for a message.
pub const MAX_BYTES: u64 = 1 << 31;

/// The magic number of weight files.
pub const MAGIC: u32 = 0x1C0;
