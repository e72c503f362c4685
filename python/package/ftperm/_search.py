"""Searching and counting on matrices and planes files."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from . import _ftperm
from ._command import paths, report_of
from ._errors import PlanesError
from ._permutation import Permutation, to_permutation
from ._progress import Progress, watching
from ._results import Found


def find(
    data: Any,
    *,
    perspectives: int = 1,
    effort: str = "normal",
    seed: int = 0,
    start: Any = None,
    time_limit: Optional[float] = None,
    certify: bool = False,
    backend: Optional[str] = None,
    threads: Optional[int] = None,
    progress: Progress = None,
    **options: Any,
) -> Found:
    """Searches the order of neurons with the most all-zero blocks of four.

    Args:
        data: a matrix, bool or uint8, true (1) where an output **is zero**: shape `(samples, neurons)`, or, with
            `perspectives=2`, `(positions, 2 * neurons)`, the side to move's outputs before its opponent's, as
            `ftperm.py` has them. A numpy array, or what is an array to numpy: a torch tensor on the CPU, any object
            with `__dlpack__`. It is read where it lies. Or the path of a planes file or an `.npy` matrix, or several.
        perspectives: halves of a row, 1 or 2; for matrices only.
        effort: `"quick"`, `"normal"` or `"max"`: an amount of work, not of time.
        seed: of every random choice.
        start: an order to begin with; the result is never worse.
        time_limit: seconds; the result then depends on the machine's speed.
        certify: also say how good the order is (`report["certificate"]`).
        backend: `"cpu"` or `"gpu"`; results are the same.
        threads: all cores if None.
        progress: True for bars of tqdm, if it is there, or a function that is called with (stage, done, total). If it
            returns False, the search ends with the best order so far.
        options: for files, any other option of the command `find` by its long name, e.g. `weight="0=0"`.

    Raises:
        PlanesError: the data are no matrix or planes file, or cannot be searched.
        KeyboardInterrupt: Ctrl-C came before there was any order.
    """
    if _is_files(data):
        if perspectives != 1:
            raise PlanesError("files say themselves how many perspectives there are")
        return _find_in_files(
            data, effort=effort, seed=seed, start=start, time_limit=time_limit, certify=certify,
            backend=backend, threads=threads, progress=progress, options=options,
        )  # fmt: skip
    if options:
        raise TypeError(f"{', '.join(options)}: for files only")
    how = {
        "perspectives": perspectives,
        "effort": effort,
        "seed": seed,
        "start": None if start is None else to_permutation(start).tolist(),
        "time_limit": time_limit,
        "certify": certify,
        "backend": backend or "cpu",
        "threads": threads,
    }
    with watching(progress) as callback:
        order, text = _ftperm.find(matrix(data), how, callback)
    return _found(Permutation(order), json.loads(text))


def _find_in_files(
    data: Any, *, start: Any, progress: Progress, options: dict[str, Any], **common: Any
) -> Found:
    with tempfile.TemporaryDirectory(prefix="ftperm-") as folder:
        out = os.path.join(folder, "order.txt")
        given = {"data": paths(data), "out": out, **common, **options}
        if start is not None:
            given["start"] = os.path.join(folder, "start.npy")
            to_permutation(start).save(given["start"])
        report = report_of("find", [], given, progress)
        report["out"] = None
        return _found(Permutation.load(out), report)


def _found(permutation: Permutation, report: dict[str, Any]) -> Found:
    cells = report["cells"] or 1
    return Found(
        permutation=permutation,
        before=report["zero_blocks_before"] / cells,
        after=report["zero_blocks_after"] / cells,
        interrupted=report["interrupted"],
        report=report,
    )


def zero_rate(data: Any, order: Any = None, *, perspectives: int = 1) -> float:
    """The share of (sample, block) cells whose four outputs are all zero, 0 to 1.

    Args:
        data: as for `find`.
        order: the order of the neurons; as they are if None.
        perspectives: as for `find`.
    """
    if _is_files(data):
        with tempfile.TemporaryDirectory(prefix="ftperm-") as folder:
            given: dict[str, Any] = {"data": paths(data)}
            if order is not None:
                given["perm"] = os.path.join(folder, "order.npy")
                to_permutation(order).save(given["perm"])
            report = report_of("eval", [], given)
        percent = report["base_percent"] if order is None else report["perm_percent"]
        return float(percent) / 100
    numbers = None if order is None else to_permutation(order).tolist()
    return _ftperm.zero_blocks(matrix(data), perspectives, numbers) / 100


def _is_files(data: Any) -> bool:
    if isinstance(data, (str, os.PathLike)):
        return True
    if not isinstance(data, (list, tuple)) or not data:
        return False
    return all(isinstance(each, (str, os.PathLike)) for each in data)


def matrix(data: Any) -> NDArray[np.uint8]:
    """A matrix as bytes, where it lies.

    Raises:
        PlanesError: it is none, or not in this machine's memory.
    """
    found = data if isinstance(data, np.ndarray) else _array(data)
    if found.ndim != 2 or found.dtype not in (np.dtype(bool), np.dtype(np.uint8)):
        raise PlanesError(
            "a matrix of bool or uint8 and two dimensions is needed, "
            f"this is {found.dtype} of shape {found.shape}"
        )
    return found.view(np.uint8)


def _array(data: Any) -> NDArray[Any]:
    try:
        if hasattr(data, "__dlpack__") and not hasattr(data, "__array__"):
            return np.from_dlpack(data)
        # Tensors on other devices and those with gradients say themselves what is to be done.
        return np.asarray(data)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise PlanesError(f"this is no array: {error}") from error
