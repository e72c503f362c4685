#![no_main]

#[allow(dead_code, reason = "only what reads files runs here")]
#[path = "../../src/main.rs"]
mod binary;
// The program's modules name one another from its root.
use binary::cli;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    cli::fuzz::jobs(data);
});
