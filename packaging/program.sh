#!/usr/bin/env bash
# program.sh TARGET: builds the program for one of Rust's targets and prints where it is. For Linux with glibc the
# linker is zig (cargo-zigbuild and ziglang of PyPI), so that it runs from glibc 2.17 on: all systems since 2014.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
target=$1
folder=${CARGO_TARGET_DIR:-target}/$target/release
case $target in
*-linux-gnu)
    cargo zigbuild --release --locked --target "$target.2.17" >&2
    check_glibc "$folder/ftperm" 2.17
    echo "$folder/ftperm"
    ;;
*-windows-*)
    cargo build --release --locked --target "$target" >&2
    echo "$folder/ftperm.exe"
    ;;
*)
    cargo build --release --locked --target "$target" >&2
    echo "$folder/ftperm"
    ;;
esac
