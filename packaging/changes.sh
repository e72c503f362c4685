#!/usr/bin/env bash
# changes.sh VERSION: prints the section of CHANGELOG.md on a version, without its heading.
set -euo pipefail
cd "$(dirname "$0")/.."
awk -v version="$1" '
    /^## / { inside = ($2 == version); next }
    inside { print; found = 1 }
    END { exit !found }' CHANGELOG.md || {
    echo "CHANGELOG.md has no section on $1" >&2
    exit 1
}
