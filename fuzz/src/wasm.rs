//! WebAssembly modules.

use super::engine;

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// The input is a module without its header.
pub fn wasm(data: &[u8]) {
    engine::check(&[HEADER, data].concat());
}
