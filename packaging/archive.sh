#!/usr/bin/env bash
# archive.sh PROGRAM TARGET OUT: puts a built program with its manual pages, completions, licence and README into an
# archive in the folder OUT, and prints its name. The program must run here. Windows gets a .zip, all others a .tar.gz.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
program=$1 target=$2 out=$3
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=ftperm-$(version)-$target
mkdir "$work/$name"
cp "$program" LICENSE README.md CHANGELOG.md "$work/$name/"
documents "$program" "$work/$name"
python3 packaging/archive.py "$work/$name" "$out" "$target"
