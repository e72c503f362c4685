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
//! # use ftperm::{compute::cpu::CpuBackend, nets::deliver::Target, positions::Options};
//! # use ftperm::nets::stockfish::{Network, ReadOptions};
//! # use ftperm::{positions, run::{Job, Watch}};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (out, perm) = (folder.path().join("out.nnue"), folder.path().join("perm.txt"));
//! let network = Network::read("datasets/demo.nnue".as_ref(), &ReadOptions::default())?;
//! let games = positions::read(&["datasets/selfplay.binpack".into()], &Options::default())?;
//! let found = Job::new(&network, games).run(&CpuBackend::new(None)?, &mut Watch::default())?;
//! assert!(found.after.fraction() > found.before.fraction() + 0.1);
//! found.deliver(Box::new(network), &Target::File(out), &|| {})?.commit(&perm, Vec::new())?;
//! # Ok(())
//! # }
//! ```
//!
//! A network is anything that is a [`nets::model::Model`]: [`nets::stockfish::Network`], networks of other engines
//! ([`nets::described::RawNet`]), or a type of your own.
//!
//! The types to know:
//!
//! * [`nets::stockfish::Network`]: a network file, recognised, read, permuted and written;
//!   [`nets::checkpoint::Checkpoint`] makes one;
//! * [`positions::Positions`]: what was taken from training data, with the game of each position;
//! * [`planes::ZeroPlanes`]: which outputs are zero in which samples; [`run::gather::gather`] makes them;
//! * [`order::Permutation`]: an order of neurons; [`search::search`] finds one;
//! * [`run::Job`] and what it gives, [`run::Found`];
//! * [`compute::Backend`]: the processor ([`compute::cpu::CpuBackend`]) or a graphics adapter
//!   ([`compute::gpu::GpuBackend`]).
//!
//! Each stage's module has an example; its types and functions say shapes, units, and where formulas come from.
//! Everything is exact integer arithmetic; the same inputs give the same bytes on any backend and number of threads.
//!
//! Beside the pipeline: [`nets::stockfish::inference`] is the plain forward pass that everything is verified against,
//! [`run::holdout`] says how sure a rate is, [`chess::walks`] goes to positions as engines meet them, [`nets::source`]
//! finds networks in files and engines, [`mod@bench`] measures them there, [`planes::matrix`] is another tool's file,
//! and [`report`] is what a run says about itself.
//!
//! What these pages show is what the library promises. What is public beside it and hidden from them serves the program
//! and the tests, and may change at any time.
//!
//! # Features
//!
//! All are on by default. Without any (`default-features = false`) there is the core: everything of the example above,
//! which reads, evaluates, searches and writes on the processor. Each feature adds its part to the core:
//!
//! | feature | adds | and with it |
//! |---|---|---|
//! | `gpu` | `compute::gpu`: graphics adapters | |
//! | `engines` | `nets::source`: networks in folders, in the usual places, inside engines and embedded | |
//! | `checkpoint` | `nets::checkpoint`: trainers' checkpoints | |
//! | `lc0` | `nets::lc0`: weight files of Lc0 | |
//! | `report` | `report`: what a run says about itself, as JSON and as a page with pictures | `checkpoint` |
//! | `bench` | `bench`: engines over UCI | `engines` |
//! | `batch` | records, locks and metrics of unattended runs, for the program | |
//! | `cli` | the program `ftperm`; nothing in the library | all |

#[cfg(feature = "batch")]
#[doc(hidden)]
pub mod batch;
#[cfg(feature = "bench")]
pub mod bench;
pub mod chess;
pub mod compute;
#[doc(hidden)]
pub mod files;
pub mod nets;
pub mod order;
pub mod planes;
pub mod positions;
#[cfg(feature = "report")]
pub mod report;
pub mod run;
pub mod search;
