#!/usr/bin/env bash
# test-wheel.sh WHEEL: installs a wheel beside nothing but pip and numpy, in a new environment, and uses it there.
set -euo pipefail
wheel=$(realpath "$1")
shipped=$(cd "$(dirname "$0")/../datasets" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
bin=$work/venv/bin
[ -d "$bin" ] || bin=$work/venv/Scripts
"$bin/python" -m pip install --quiet --only-binary :all: "$wheel"
cd "$work"
"$bin/ftperm" optimize --net "$shipped/demo.nnue" --data "$shipped/selfplay.binpack" --count 2000 --effort quick \
    --out command.nnue --perm command.txt
"$bin/python" - "$shipped" <<'END'
import sys
from pathlib import Path

import ftperm
import numpy

shipped = Path(sys.argv[1])
done = ftperm.optimize(
    shipped / "demo.nnue", shipped / "selfplay.binpack", count=2000, effort="quick", out="module.nnue"
)
assert done.after > done.before, (done.before, done.after)
assert Path("module.nnue").read_bytes() == Path("command.nnue").read_bytes()
zero = numpy.random.default_rng(1).random((500, 64)) < 0.5
print("the wheel works:", ftperm.find(zero))
END
