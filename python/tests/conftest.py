"""What tests are made of: the files of the checkout, and the command that is compared with."""

import importlib
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def torch():
    """PyTorch, which FTPERM_TEST_TORCH promises to be there."""
    if os.environ.get("FTPERM_TEST_TORCH"):
        return importlib.import_module("torch")
    return pytest.importorskip("torch")


@pytest.fixture(scope="session")
def net() -> Path:
    return ROOT / "datasets" / "demo.nnue"


@pytest.fixture(scope="session")
def data() -> Path:
    return ROOT / "datasets" / "selfplay.binpack"


@pytest.fixture(scope="session")
def binary():
    """Runs the program that Cargo built."""
    program = Path(os.environ.get("FTPERM_BINARY", ROOT / "target" / "debug" / "ftperm"))
    if not program.exists():
        if os.environ.get("FTPERM_CI"):
            pytest.fail(f"{program} is missing; FTPERM_BINARY names another")
        pytest.skip(f"{program} is missing; FTPERM_BINARY names another")

    def run(*words: object) -> str:
        line = [str(program), "--no-config", "--quiet", *map(str, words)]
        return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout

    return run
