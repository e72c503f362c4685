#!/usr/bin/env bash
# Builds the Python package as Cargo's tests are built, installs it beside nothing but numpy and pytest, and runs its
# tests. Needs Python 3.9 or later with venv. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${FTPERM_PYTHON:-/usr/bin/python3}"
folder="${FTPERM_PYTHON_VENVS:-target/python-venvs}"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
for name in build tests; do
    [ -x "$folder/$name/bin/python" ] || "$python" -m venv "$folder/$name"
done
"$folder/build/bin/python" -m pip install --quiet 'maturin>=1.9,<2'
"$folder/tests/bin/python" -m pip install --quiet numpy pytest
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
"$folder/build/bin/maturin" build --quiet --profile dev --manifest-path python/Cargo.toml \
    --interpreter "$folder/tests/bin/python" --out "$wheels"
"$folder/tests/bin/python" -m pip install --quiet --force-reinstall --no-deps "$wheels"/ftperm-*.whl
cd python
# The program would say that it does not know those of other tests.
for name in "${!FTPERM_@}"; do
    case $name in FTPERM_CI | FTPERM_BINARY) ;; *) unset "$name" ;; esac
done
"$folder/tests/bin/python" -B -m pytest -q -p no:cacheprovider "$@"
