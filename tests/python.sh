#!/usr/bin/env bash
# Builds the Python package as Cargo's tests are built, installs it beside nothing but numpy, tqdm and pytest, and runs
# its tests; those that need PyTorch with the PyTorch and numpy that this Python has itself. Needs Python 3.9 or later
# with venv. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${FTPERM_PYTHON:-/usr/bin/python3}"
folder="${FTPERM_PYTHON_VENVS:-target/python-venvs}"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
for name in build tests; do
    [ -x "$folder/$name/bin/python" ] || "$python" -m venv "$folder/$name"
done
[ -x "$folder/torch/bin/python" ] || "$python" -m venv --system-site-packages "$folder/torch"
"$folder/build/bin/python" -m pip install --quiet 'maturin>=1.9,<2' 'vermin>=1.6,<2'
# The language and the library of Python 3.9, which wheels promise, whatever Python runs the tests.
"$folder/build/bin/vermin" --quiet --violations --eval-annotations --target=3.9- python/package \
    python/examples
"$folder/tests/bin/python" -m pip install --quiet numpy pytest tqdm
"$folder/torch/bin/python" -m pip install --quiet pytest
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
"$folder/build/bin/maturin" build --quiet --profile dev --manifest-path python/Cargo.toml \
    --interpreter "$folder/tests/bin/python" --out "$wheels"
for name in tests torch; do
    "$folder/$name/bin/python" -m pip install --quiet --force-reinstall --no-deps "$wheels"/ftperm-*.whl
done
cd python
# The program would say that it does not know those of other tests.
for name in "${!FTPERM_@}"; do
    case $name in FTPERM_CI | FTPERM_BINARY) ;; *) unset "$name" ;; esac
done
"$folder/tests/bin/python" -B -m pytest -q -p no:cacheprovider "$@"
if "$folder/torch/bin/python" -c 'import numpy, torch' 2>/dev/null; then
    FTPERM_TEST_TORCH=1 "$folder/torch/bin/python" -B -m pytest -q -p no:cacheprovider -m torch "$@"
elif [ "${FTPERM_CI:-}" ]; then
    echo "PyTorch and numpy are missing beside $python (Debian: python3-torch)" >&2
    exit 1
fi
