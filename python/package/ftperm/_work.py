"""What the commands do, with files or in memory."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import Any, Optional, Union

import numpy as np
from numpy.typing import NDArray

from . import _ftperm
from ._command import Paths, called, paths, report_of
from ._errors import UsageError
from ._network import Network
from ._permutation import PathLike, Permutation, to_permutation
from ._progress import Progress
from ._results import Optimized, Verified

Net = Union[PathLike, Network]


def optimize(
    net: Net,
    data: Paths,
    *,
    out: Optional[PathLike] = None,
    perm: Optional[PathLike] = None,
    count: int = 50_000,
    seed: int = 0,
    effort: str = "normal",
    holdout: float = 0.1,
    start: Any = None,
    time_limit: Optional[float] = None,
    threads: Optional[int] = None,
    progress: Progress = None,
    **options: Any,
) -> Optimized:
    """Finds a better order on a sample of positions, writes the network in it, and proves that it is the same.

    Args:
        net: a `Network`, or what `Network.read` takes.
        data: training data: files, folders or patterns.
        out: the network to write. Without it nothing is left on the disk: the result is in memory.
        perm: the permutation to write beside it, text or `.npy`; needs `out`. Without it the permutation is written
            beside `out` as `nn-<sha12>.perm.txt`.
        count: positions to take.
        seed: of every random choice.
        effort: `"quick"`, `"normal"` or `"max"`.
        holdout: share of the positions, by whole games, that the search does not see and the result is measured on.
        start: an order to begin with; the result is never worse.
        time_limit: seconds; the result then depends on the machine's speed.
        threads: all cores if None.
        progress: as for `find`; stages are reading, evaluating, searching and verifying.
        options: any other option of the command `optimize` by its long name, e.g. `reference_filters=True`,
            `weight="0=0"`, `memory="6G"`, `layout="..."`, `report="run.html"`.

    Returns:
        The order, the network, rates before and after, and the whole report. Where nothing better was found and
        nothing was to be written, `permutation` and `network` are None.

    Raises:
        DataError, NetworkError, OutputError, UsageError: nothing was written.
        KeyboardInterrupt: Ctrl-C came before there was any order; nothing was written. After that it ends the search,
            and the best order so far is written and returned.
    """
    if perm is not None and out is None:
        raise UsageError("perm needs out")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ftperm-"))
        given: dict[str, Any] = {
            "net": _path_of(net, folder),
            "data": paths(data),
            "count": count,
            "seed": seed,
            "effort": effort,
            "holdout": holdout,
            "time_limit": time_limit,
            "threads": threads,
            **options,
        }
        if out is not None:
            given.update(out=out, perm=perm)
        else:
            given["out_sha"] = os.path.join(folder, "out")
        if start is not None:
            given["start"] = os.path.join(folder, "start.npy")
            to_permutation(start).save(given["start"])
        report = report_of("optimize", [], given, progress)
        written = report["out"]
        network = _read(written["path"], options, net if out is None else None) if written else None
        permutation = Permutation.load(report["perm"]["path"]) if written else None
        if out is None:
            report["out"] = report["perm"] = None
        rates = report["zero_block_rate"]
        held_out = rates.get("holdout_before") is not None
        return Optimized(
            permutation=permutation,
            network=network,
            before=rates["holdout_before" if held_out else "before"],
            after=rates["holdout_after" if held_out else "after"],
            path=written["path"] if written and out is not None else None,
            interrupted=report["interrupted"],
            report=report,
        )


def gather(
    net: Net,
    data: Paths,
    *,
    out: Optional[PathLike] = None,
    count: Optional[int] = None,
    seed: int = 0,
    threads: Optional[int] = None,
    progress: Progress = None,
    **options: Any,
) -> Union[NDArray[np.bool_], "dict[str, Any]"]:
    """Computes which outputs of the feature transformer are zero.

    Args:
        net: a `Network`, or what `Network.read` takes.
        data: training data: files, folders or patterns.
        out: a file to write: a matrix if the name ends in `.npy`, else a planes file (a bit a value, for `find`).
        count: positions to take; all if None.
        seed: of every random choice.
        threads: all cores if None.
        progress: as for `find`.
        options: any other option of the command `gather` by its long name, e.g. `reference_filters=True`.

    Returns:
        Without `out` a bool matrix of shape `(positions, 2 * neurons)`, true where an output **is zero**: the side to
        move's outputs, then its opponent's (`perspectives=2` for `find`). With `out` the command's report.
    """
    with tempfile.TemporaryDirectory(prefix="ftperm-") as folder:
        given = {
            "net": _path_of(net, folder),
            "data": paths(data),
            "out": os.path.join(folder, "matrix.npy") if out is None else out,
            "count": count,
            "seed": seed,
            "threads": threads,
            **options,
        }
        report = report_of("gather", [], given, progress)
        return np.load(given["out"]) if out is None else report


def apply(
    net: Net,
    permutation: Any,
    *,
    out: Optional[PathLike] = None,
    inverse: bool = False,
    **options: Any,
) -> Network:
    """A network in a known order.

    Args:
        net: a `Network`, or what `Network.read` takes.
        permutation: a `Permutation`, numbers, or the path of a file.
        out: the file to write, which is read back and proved; none if None.
        inverse: undo the permutation.
        options: any other option of the command `apply` by its long name, e.g. `ft_compression="none"`; needs `out`.

    Raises:
        PermutationError: the length is not the network's number of neurons.
        OutputError: the file cannot be written.
    """
    order = to_permutation(permutation)
    if out is None:
        if options:
            raise UsageError(f"{', '.join(options)}: for what is written; give out")
        network = net if isinstance(net, Network) else Network.read(net)
        return network.permuted(order, inverse=inverse)
    with tempfile.TemporaryDirectory(prefix="ftperm-") as folder:
        file = os.path.join(folder, "order.npy")
        order.save(file)
        given = {"net": _path_of(net, folder), "out": out, "inverse": inverse, **options}
        report = report_of("apply", [file], given)
        return _read(report["out"]["path"], options)


def verify(a: Net, b: Net, **options: Any) -> Verified:
    """Do two networks compute the same, for every position?

    All weights are compared, whatever the order of the neurons and the compression of the files.

    Args:
        a: a `Network`, or the path of a file.
        b: the network that should compute the same.
        options: any option of the command `verify` by its long name, e.g. `data="train.binpack"`,
            `engine="./stockfish"`.

    Returns:
        Something that is true if it is proved, and else tells the first differences.
    """
    with tempfile.TemporaryDirectory(prefix="ftperm-") as folder:
        files = [_path_of(a, folder, "a"), _path_of(b, folder, "b")]
        given = {name: _list(value) for name, value in options.items()}
        report, error = called("verify", files, given)
    return Verified(equal=error is None, difference=report.get("difference"), report=report)


def serialize(
    source: Net, target: PathLike, *, progress: Progress = None, **options: Any
) -> "dict[str, Any]":
    """Turns a trainer's checkpoint into a network, or a network into a state dictionary.

    Args:
        source: a `.ckpt` or `.pt` of nnue-pytorch, a `.safetensors`, or a network.
        target: a `.nnue`, `.safetensors` or `.pt` (a state dictionary).
        progress: as for `find`.
        options: any option of the command `serialize` by its long name, e.g. `ft_perm="order.npy"`,
            `ft_compression="leb128"`; `layout="alexandria"` makes that engine's network of its trainer's floats.

    Returns:
        The command's report; `report["out"]` has the path and the SHA-256 of what was written.
    """
    with tempfile.TemporaryDirectory(prefix="ftperm-") as folder:
        files = [_path_of(source, folder), os.fspath(target)]
        given = {name: _list(value) for name, value in options.items()}
        return report_of("serialize", files, given, progress)


def inspect(file: Net, **options: Any) -> "dict[str, Any]":
    """Says what a file is: a network, engine, checkpoint, permutation, planes file or training data.

    Args:
        file: a path, or a `Network`.
        options: any option of the command `inspect` by its long name.

    Returns:
        What `ftperm inspect --json` prints; `docs/json.md` has all fields. `kind` says which there are.
    """
    with tempfile.TemporaryDirectory(prefix="ftperm-") as folder:
        return report_of("inspect", [_path_of(file, folder)], dict(options))


def _path_of(net: Net, folder: str, name: str = "net") -> str:
    """The path of a network; one in memory is written into the folder."""
    if not isinstance(net, Network):
        return os.fspath(net)
    path = os.path.join(folder, f"{name}.nnue")
    with open(path, "wb") as file:
        file.write(net.to_bytes())
    return path


def _read(path: str, options: "dict[str, Any]", made_of: Optional[Net] = None) -> Network:
    """A network that was written; in its name stands what it was made of, where the file will not stay."""
    if made_of is None:
        source = None
    else:
        source = made_of.source if isinstance(made_of, Network) else os.fspath(made_of)
    layout, era, clamp = (options.get(name) for name in ("layout", "era", "clamp"))
    layout = None if layout is None else os.fspath(layout)
    return Network(_ftperm.Network.read(path, layout, era, clamp, source))


def _list(value: Any) -> Any:
    """A list that an option takes."""
    return paths(value) if isinstance(value, (list, tuple)) else value
