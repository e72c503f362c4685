//! All tests but those of graphics adapters, in one program: it is built and linked once.

#[macro_use(test)]
extern crate ftperm_test_attribute;

mod activations;
mod actmats;
mod adapter_trial;
mod batch;
mod batch_checkpoints;
mod bench_command;
mod build_order;
mod checksums;
mod cli;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod docs_examples;
mod engine;
mod engines;
mod export;
mod fallback;
mod features;
mod fuzz_corpus;
mod holdout;
mod hostile_files;
mod house;
mod init;
mod interfaces;
mod interruptions;
mod large_data;
mod layouts;
mod lc0;
mod net_properties;
mod nets;
mod npm_nets;
mod outputs;
mod own_model;
mod pictures;
mod position_damage;
mod position_formats;
mod positions;
mod pytorch;
mod record;
mod reference_lines;
mod report;
mod same_function;
mod search;
mod serialize;
mod sizes;
mod snapshots;
mod sources;
mod storage;
mod trained;
mod traps;
mod unreachable;
mod vectors;
mod verify;
mod walks;
mod weights;

fn main() -> std::process::ExitCode {
    common::harness::main()
}
