"""The examples of docs/python.md, as they stand there."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import ftperm

ROOT = Path(__file__).resolve().parents[2]

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(net: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(net, tmp_path / "nn.nnue")
    shutil.copy(data, tmp_path / "train.binpack")
    np.save(tmp_path / "zeros.npy", np.random.default_rng(1).random((4000, 64)) < 0.6)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(example: str, folder: Path) -> None:
    names: dict = {}
    exec(compile(example, "docs/python.md", "exec"), names)
    if "done" in names:
        assert names["done"].after > names["done"].before
        assert ftperm.verify("nn.nnue", "better.nnue")
    if "reordered" in names:
        zeros, order = names["zeros"], names["found"].permutation.tolist()
        assert (names["reordered"] == zeros[:, order]).all()


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 2
