//! Puts the feature transformer of a chess NNUE network into the order in which engines skip most of the first layer.
//!
//! Engines read the first layer's input, a row of bytes, four at a time and skip the four when all are zero. The order
//! of the neurons is free: the network computes the same in any. The pipeline, from positions to a permuted network:
//!
//! ```text
//! positions ──► samples ──► FT evaluation ──► zero planes ──► search ──► permutation ──► verified network
//! positions     samples     compute, gather   zeros           search     permutation     nnue, verify, deliver
//! ```
//!
//! ```
//! use ftperm::compute::cpu::CpuBackend;
//! use ftperm::deliver::{Target, write_permuted};
//! use ftperm::nnue::{Network, ReadOptions};
//! use ftperm::optimize::{Job, Task, optimize};
//! use ftperm::positions::{self, Options};
//! use ftperm::search::Control;
//! use ftperm::verify::spread;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path().join("permuted.nnue");
//! let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let taken = positions::read(&["datasets/selfplay.binpack".into()], &Options::default())?;
//! let (training, holdout) = taken.split_holdout(0.1, 0);
//! let backend = CpuBackend::new(None)?;
//! let job = Job {
//!     network: &network,
//!     task: Task::new(&training.boards, &holdout),
//!     weights: None,
//! };
//! let plan = optimize(&job, &backend, &mut Control::default(), |_| {})?;
//! assert!(plan.after.fraction() > plan.before.fraction() + 0.1);
//!
//! let (order, boards) = (&plan.search.permutation, spread(&training.boards, 1000));
//! write_permuted(network, order, &Target::File(out), boards, &|| {})?.file.commit()?;
//! # Ok(())
//! # }
//! ```
//!
//! The five types to know:
//!
//! * [`nnue::Network`]: a network file, recognised, read, permuted and written; [`checkpoint::Checkpoint`] makes one;
//! * [`positions::Positions`]: what was taken from training data, with the game of each position;
//! * [`zeros::ZeroPlanes`]: which outputs are zero in which samples; [`gather::gather`] makes them;
//! * [`permutation::Permutation`]: an order of neurons; [`search::search`] finds one;
//! * [`compute::Backend`]: the processor ([`compute::cpu::CpuBackend`]) or a graphics adapter
//!   ([`compute::gpu::GpuBackend`]).
//!
//! Each stage's module has an example; its types and functions say shapes, units, and where formulas come from.
//! Everything is exact integer arithmetic; the same inputs give the same bytes on any backend and number of threads.
//!
//! Beside the pipeline: [`inference`] is the plain forward pass that everything is verified against, [`holdout`] says
//! how sure a rate is, [`walks`] goes to positions as engines meet them, [`source`] finds networks in files and
//! engines, [`engine`] measures them there, [`actmat`] and [`activations`] are other tools' files, and [`report`] is
//! what a run says about itself.

pub mod activations;
pub mod actmat;
pub mod batch;
pub mod board;
pub mod bucket_weights;
pub mod checkpoint;
pub mod compute;
pub mod deliver;
pub mod digest;
pub mod engine;
pub mod features;
pub mod gather;
pub mod holdout;
pub mod inference;
pub mod layout;
pub mod lc0;
pub mod nnue;
mod npy;
pub mod optimize;
pub mod output;
pub mod permutation;
pub mod playouts;
pub mod positions;
pub mod quote;
pub mod reading;
pub mod report;
pub mod resources;
pub mod samples;
pub mod sealed;
pub mod search;
pub mod source;
pub mod verify;
pub mod walks;
pub mod zeros;
