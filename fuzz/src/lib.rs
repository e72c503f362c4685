//! What the fuzz targets do with their bytes: one function a target, each of which panics if the library errs.
//!
//! The test suite of ftperm includes this file to replay the corpora, so it uses nothing but ftperm and what ftperm
//! depends on.

mod activations;
mod asm_js;
mod checkpoint;
mod engine;
mod layout;
mod lc0;
mod leb128;
mod matrix;
mod net;
mod permutation;
mod positions;
mod report;
mod search_state;
mod wasm;

pub use activations::activations;
pub use asm_js::asm_js;
pub use checkpoint::checkpoint;
pub use engine::engine;
pub use layout::layout;
pub use lc0::lc0;
pub use leb128::leb128;
pub use matrix::{actmat, planes};
pub use net::net;
pub use permutation::perm;
pub use positions::{binpack, bullet, fens, packed_sfen, pgn, plain, viri};
pub use report::report;
pub use search_state::search_state;
pub use wasm::wasm;

/// A target's name and function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets; each has a folder of this name in `corpus`.
pub const TARGETS: [Target; 21] = [
    ("net", net),
    ("leb128", leb128),
    ("engine", engine),
    ("wasm", wasm),
    ("binpack", binpack),
    ("plain", plain),
    ("fens", fens),
    ("packed_sfen", packed_sfen),
    ("bullet", bullet),
    ("viri", viri),
    ("pgn", pgn),
    ("perm", perm),
    ("actmat", actmat),
    ("planes", planes),
    ("checkpoint", checkpoint),
    ("asm_js", asm_js),
    ("layout", layout),
    ("lc0", lc0),
    ("activations", activations),
    ("report", report),
    ("search_state", search_state),
];

/// Lets the library's parallel parts run on the calling thread, where libFuzzer sees what they reach in a fixed order.
pub fn one_thread() {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .expect("no other pool was started");
}

/// Reads a recipe: bytes in order, zeros when they are used up.
struct Recipe<'a> {
    rest: &'a [u8],
}

impl<'a> Recipe<'a> {
    fn new(rest: &'a [u8]) -> Recipe<'a> {
        Recipe { rest }
    }

    fn done(&self) -> bool {
        self.rest.is_empty()
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn number(&mut self) -> usize {
        usize::from(self.byte()) | usize::from(self.byte()) << 8
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}
