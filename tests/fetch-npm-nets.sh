#!/usr/bin/env bash
# Fetches the npm packages `stockfish` that tests/it/npm_nets.rs reads (about 570 MB over the network, 550 MB kept),
# each once. They go to $FTPERM_NPM_NETS, by default target/npm-nets beside this script's directory.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
to=${FTPERM_NPM_NETS:-$root/target/npm-nets}
mkdir -p "$to"
for version in 14.1.0 16.0.0 17.1.0 18.0.8 19.0.0; do
    [ -d "$to/$version" ] && continue
    work=$(mktemp -d "$to/.fetch-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "fetching stockfish@$version"
    # npm checks the package against the registry's checksum.
    (cd "$work" && npm pack --silent "stockfish@$version" > /dev/null)
    mkdir "$work/package"
    tar -xzf "$work/stockfish-$version.tgz" -C "$work/package" --strip-components=1
    # Only a whole package gets its final name.
    mv "$work/package" "$to/$version"
    rm -rf "$work"
done
