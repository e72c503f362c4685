#!/usr/bin/env bash
# The tests inside the library on 64-bit ARM, in an emulator: are the NEON kernels those of plain code, bit for bit?
# Needs qemu-user, gcc-aarch64-linux-gnu and g++-aarch64-linux-gnu of Debian, and Rust's aarch64-unknown-linux-gnu.
# Arguments are names of tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
cargo test --lib --no-default-features --target aarch64-unknown-linux-gnu -- "$@"
