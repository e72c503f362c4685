#!/usr/bin/env bash
# wheel.sh OUT [TARGET]: builds the Python package as a wheel for all Python versions from 3.9 on, in the folder OUT, and
# prints its name. Needs maturin of PyPI; on Linux also ziglang, the linker for glibc 2.17 (manylinux_2_17).
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
out=$1
mkdir -p "$out"
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
arguments=(--release --locked --strip --manifest-path python/Cargo.toml --out "$wheels")
[ $# -lt 2 ] || arguments+=(--target "$2")
if [ "$(uname -s)" = Linux ]; then
    arguments+=(--zig --compatibility manylinux_2_17)
fi
maturin build "${arguments[@]}" >&2
for wheel in "$wheels"/*.whl; do
    cp "$wheel" "$out/"
    echo "$out/$(basename "$wheel")"
done
