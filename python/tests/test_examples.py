"""The examples run, with nothing beside the package."""

import subprocess
import sys

from conftest import ROOT


def test_order(tmp_path, net, data):
    line = [sys.executable, ROOT / "python" / "examples" / "order.py", net, data, tmp_path]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert printed[0] == "small127: 64 neurons in blocks of four, HalfKAv2_hm"
    assert "'proved': True" in printed[-2]
    assert len(list(tmp_path.glob("nn-*.nnue"))) == 1
