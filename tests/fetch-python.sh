#!/usr/bin/env bash
# Fetches the Python packages that tests/engines.py needs into the folder that FTPERM_PYTHON_PACKAGES names, by default
# target/python. The networks that it makes were recorded with this numpy: others may give other random numbers.
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${FTPERM_PYTHON_PACKAGES:-target/python}"
[ -d "$folder/numpy" ] && [ -d "$folder/chess" ] && [ -d "$folder/zstandard" ] && exit
mkdir -p "$folder"
"${FTPERM_PYTHON:-/usr/bin/python3}" -m pip install --quiet --no-deps --upgrade --target "$folder" \
    numpy==2.4.6 chess==1.11.2 zstandard==0.25.0
