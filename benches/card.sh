#!/usr/bin/env bash
# Everything that is measured on a graphics card, in one go: docs/6-benchmarks.md, "Measuring on a card".
#
# usage: benches/card.sh OUT DATA BIG.nnue
#
# OUT is a folder for what comes of it: summary.txt, all.txt, and what each run said. DATA is a binpack; it is read as
# often as it takes. BIG.nnue is a network with 3,072 columns, e.g. Stockfish 17.1's: a trained one, because one of
# `ftperm init` has outputs that are all zero, so there is nothing to search for.
#
# TINY=1 makes everything small: a trial of this script itself. ADAPTER names another adapter than the best, by a part
# of its name or its place on the bus. PROGRAM, BENCH and TESTS name programs that were built elsewhere, for a machine
# without Rust: ftperm, and what `cargo bench --bench gpu --no-run` and `cargo test --release --test gpu --no-run` name.
# PYTHON is one that has PyTorch.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:?a folder for the results} data=$(realpath "${2:?a binpack}") big=$(realpath "${3:?a network}")
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root" || exit 1
log=$out/all.txt summary=$out/summary.txt
: >"$log"
: >"$summary"
export NODEVICE_SELECT=1
adapter=(${ADAPTER:+--adapter "$ADAPTER"})
on_card=(--backend gpu)
if [ -n "${ADAPTER:-}" ]; then
    on_card=(--adapter "$ADAPTER")
    export FTPERM_TEST_ADAPTER=$ADAPTER
fi

note() { echo "$*" | tee -a "$log" "$summary"; }
# step NAME COMMAND...: runs it and goes on whatever happens.
step() {
    local name=$1
    shift
    note "== $name"
    "$@" >"$work/said" 2>&1
    local code=$?
    tee -a "$log" <"$work/said"
    [ $code = 0 ] || note "FAILED with code $code: $name"
    return $code
}
keep() { grep -E "$1" "$work/said" >>"$summary"; }

# What is measured.
if [ -n "${TINY:-}" ]; then
    kernels=(--l1 256 --positions 3200 --runs 1) counts="1000 2000" profile=(--profile dev) test_profile=()
    torch="64 20000"
else
    kernels=(--large) counts="50000 1000000 10000000" profile=() test_profile=(--release)
    torch="1536 2000000"
fi
# Paths of what cargo made of a target, the program among them.
built() {
    cargo "$@" --no-run --message-format=json | python3 -c 'import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["target"]["name"] in ("ftperm", "gpu"): print(made["executable"])'
}
if [ -z "${BENCH:-}" ]; then
    made=$(built bench "${profile[@]}" --bench gpu) || exit 1
    BENCH=$(grep -v '/ftperm$' <<<"$made")
    PROGRAM=${PROGRAM:-$(grep '/ftperm$' <<<"$made")}
fi
if [ -z "${TESTS:-}" ]; then
    made=$(built test "${test_profile[@]}" --test gpu) || exit 1
    TESTS=$(grep -v '/ftperm$' <<<"$made")
fi
program=$(realpath "${PROGRAM:?the program}")
bench=("$(realpath "$BENCH")" --bench)
tests=("$(realpath "$TESTS")")

machine() {
    uname -rs
    nproc
    grep -m1 "model name" /proc/cpuinfo
    ! command -v nvidia-smi >/dev/null ||
        nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader
}
step "the machine" machine
cat "$work/said" >>"$summary"
step "adapters" "$program" devices
cat "$work/said" >>"$summary"
# Right first.
# Those that need neither other material nor the paths of the machine that built them.
skipped=()
for name in kernels:: shaders:: validation:: optimize memory; do skipped+=(--skip "$name"); done
step "tests of the graphics path" "${tests[@]}" "${skipped[@]}" && keep "test result"

rows="calls/s|word pairs/s|positions/s|search|at once|both found"
step "kernels, a call, a search" "${bench[@]}" "${adapter[@]}" "${kernels[@]}" --search && keep "$rows"
for way in carry-save popcounts; do
    step "counts by $way" "${bench[@]}" "${adapter[@]}" "${kernels[@]}" --only-counts --tally $way && keep "$rows"
done
step "kernels on the processor" "${bench[@]}" --cpu "${kernels[@]}" && keep "$rows"

# Whole runs.
most=$(echo "$counts" | awk '{print $NF}')
# Compressed positions take two to four bytes, and not all of them are taken.
enough=$((16 * most))
size=$(stat -L -c %s "$data") || exit 1
if [ "$size" -ge "$enough" ]; then
    ln -s "$(realpath "$data")" "$work/data.binpack"
else
    for _ in $(seq $((enough / size + 1))); do cat "$data" || exit 1; done >"$work/data.binpack" || exit 1
fi
for count in $counts; do
    for backend in cpu gpu auto; do
        case $backend in
        gpu) by=("${on_card[@]}") ;;
        *) by=(--backend "$backend") ;;
        esac
        step "optimize, $count positions, $backend" "$program" --no-config -v --json optimize --net "$big" \
            --data "$work/data.binpack" --count "$count" "${by[@]}" \
            --out "$work/$backend.nnue" --perm "$work/$backend.npy" --force
        cp "$work/said" "$out/optimize-$count-$backend.txt"
        keep "computing on| INFO took |^error|going on with"
    done
    if cmp -s "$work/cpu.npy" "$work/gpu.npy" && cmp -s "$work/cpu.nnue" "$work/gpu.nnue"; then
        note "the same permutation and network on both: $count"
    else
        note "DIFFERENT on cpu and gpu: $count"
    fi
    rm -f "$work"/{cpu,gpu,auto}.{npy,nnue}
done

# The same counts in PyTorch, where it is installed.
python=${PYTHON:-python3}
if "$python" -c 'import torch' 2>/dev/null; then
    # shellcheck disable=SC2086
    step "the same counts in PyTorch" "$python" benches/torch_counts.py $torch && cat "$work/said" >>"$summary"
fi
echo
cat "$summary"
