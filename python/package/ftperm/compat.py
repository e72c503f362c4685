"""The names and signatures of nnue-pytorch's `ftperm.py`, on ftperm's search.

In its `serialize.py` one line is other: `import ftperm.compat as ftperm`. Both versions of January and July 2026 call
it so. Arguments that say where the reference tool computes (`device`, `use_cupy`) are taken and mean nothing: the
search runs on the processor, in about a second.

===================  =====================================================================
`find_perm_impl`     an order for a matrix
`eval_act_mat`       the share of all-zero blocks of a matrix
`eval_perm_impl`     prints that share before and after an order
`gather_impl`        a matrix, from a model or a network file and training data
`ft_permute_impl`    reorders a model, or a state dictionary, in place
`ft_permute`         the same with the order of a file
`ft_optimize`        all of that in one go
===================  =====================================================================

A matrix is a bool array of shape `(positions, 2 * neurons)`, true where an output is zero: the side to move's outputs,
then its opponent's. An order is an int64 array of shape `(neurons,)`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any, Mapping, Optional, Union

import numpy as np
from numpy.typing import NDArray

from . import _search, _work
from ._errors import Error, PermutationError, UsageError
from ._permutation import Permutation

__all__ = [
    "eval_act_mat",
    "eval_perm_impl",
    "find_perm_impl",
    "ft_optimize",
    "ft_permute",
    "ft_permute_impl",
    "gather_impl",
    "set_cupy_device",
]


def find_perm_impl(
    actmat: Any, device: Any = None, L1: Optional[int] = None, *, use_cupy: Any = None
) -> NDArray[np.int64]:
    """An order with many all-zero blocks.

    Args:
        actmat: a matrix of shape `(positions, L1)`: a numpy array, or a torch tensor on the CPU.
        device: means nothing (`use_cupy` in January 2026).
        L1: what the second length of the matrix must be, if it is given.

    Raises:
        PlanesError: it is no such matrix.
    """
    matrix = _search.matrix(actmat)
    if L1 is not None and L1 != matrix.shape[1]:
        raise UsageError(f"L1 is {L1}, the matrix has {matrix.shape[1]} outputs a position")
    return np.array(_search.find(matrix, perspectives=2).permutation)


def eval_act_mat(actmat: Any) -> float:
    """The share of blocks of four that are all zero, 0 to 1, of a matrix of any number of samples.

    Args:
        actmat: bool, shape `(samples, outputs)`; blocks are columns 0 to 3, 4 to 7 and so on.
    """
    return _search.zero_rate(actmat)


def eval_perm_impl(actmat: Any, perm: Any = None) -> None:
    """Prints the share of all-zero blocks in percent, of the matrix as it is and in an order."""
    base = 100 * _search.zero_rate(actmat, perspectives=2)
    print(f"Combined zeros in base matrix: {base:0.6f}")
    if perm is not None:
        found = 100 * _search.zero_rate(actmat, perm, perspectives=2)
        print(f"Combined zeros in perm matrix: {found:0.6f}")


def gather_impl(
    model: Any,
    dataset: str,
    count: int,
    device_str: Any = None,
    loader_workers: Optional[int] = None,
    loader_config: Any = None,
) -> NDArray[np.bool_]:
    """A matrix of so many positions.

    Args:
        model: a model of nnue-pytorch, a state dictionary, a `Network`, or the path of a network or checkpoint.
        dataset: training data.
        count: positions: exactly so many, where there are so many.
        device_str, loader_workers: mean nothing.
        loader_config: the filters of the trainer's loader; those that `ftperm.py` switches on if None.
    """
    options = _filters(loader_config)
    with tempfile.TemporaryDirectory(prefix="ftperm-") as folder:
        return _work.gather(_network_of(model, folder), dataset, count=count, **options)


def ft_permute_impl(model: Any, perm: Any) -> None:
    """Puts the neurons of a model or a state dictionary into another order, in place.

    Reordered are the rows' columns and the biases of the feature transformer, both halves alike, and the columns of the
    first layer, shared or not. PSQT columns stay. The function is the same as before.

    Args:
        model: a model with a `state_dict()`, or a state dictionary of torch tensors or numpy arrays.
        perm: an order of L1 / 2 neurons.

    Raises:
        PermutationError: the order has another length.
    """
    order = np.asarray(Permutation(perm))
    tensors = _tensors(model)
    layers = {name: value for name, value in tensors.items() if _is_first_layer(name)}
    inputs = {name: value for name, value in tensors.items() if _is_input(name)}
    if not layers or not inputs:
        raise UsageError("there is no feature transformer and first layer among the tensors")
    columns = {int(value.shape[-1]) for value in layers.values()}
    if columns != {2 * len(order)}:
        raise PermutationError(
            f"the permutation has {len(order)} entries, the model has {max(columns) // 2} neurons"
        )
    pairs = np.concatenate([order, order + len(order)])
    for name, value in {**layers, **inputs}.items():
        width = int(value.shape[-1])
        if width < len(pairs):
            raise UsageError(f"{name} has {width} columns, fewer than the first layer takes")
        _reorder(value, np.concatenate([pairs, np.arange(len(pairs), width)]))


def ft_permute(model: Any, ft_perm_path: Union[str, "os.PathLike[str]"]) -> None:
    """As `ft_permute_impl`, with the order of a file, `.npy` or text."""
    ft_permute_impl(model, Permutation.load(ft_perm_path))


def ft_optimize(
    model: Any,
    dataset_path: str,
    count: int,
    actmat_save_path: Optional[str] = None,
    perm_save_path: Optional[str] = None,
    use_cupy: Any = None,
    device: Any = None,
    loader_num_workers: Optional[int] = None,
    loader_config: Any = None,
) -> None:
    """Gathers, searches, prints the rates, and reorders the model in place.

    Args:
        model: a model of nnue-pytorch, or a state dictionary.
        dataset_path: training data.
        count: positions.
        actmat_save_path: where the matrix goes (`.npy`), if anywhere.
        perm_save_path: where the order goes (`.npy`), if anywhere.
        use_cupy, device, loader_num_workers: mean nothing.
        loader_config: as for `gather_impl`.
    """
    matrix = gather_impl(model, dataset_path, count, loader_config=loader_config)
    _save(actmat_save_path, matrix)
    order = find_perm_impl(matrix)
    _save(perm_save_path, order)
    eval_perm_impl(matrix, order)
    ft_permute_impl(model, order)


def set_cupy_device(device: Any) -> None:
    """Means nothing: there is no cupy."""


def _save(path: Optional[str], array: NDArray[Any]) -> None:
    if path is not None:
        with open(path, "wb") as file:
            np.save(file, array)


def _tensors(model: Any) -> Mapping[str, Any]:
    """The tensors themselves, not copies."""
    found = model.state_dict() if hasattr(model, "state_dict") else model
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping):
        raise UsageError(f"{type(model).__name__} is no model and no state dictionary")
    return {name: value for name, value in found.items() if hasattr(value, "shape")}


def _is_input(name: str) -> bool:
    """Is it of the feature transformer?"""
    parts = name.split(".")
    return "input" in parts and parts[-1] in ("bias", "virtual_weight", "weight")


def _is_first_layer(name: str) -> bool:
    """Is it a matrix whose columns are the feature transformer's outputs?"""
    parts = name.split(".")
    return parts[-1] == "weight" and any(part == "l1" or part.startswith("l1_") for part in parts)


def _reorder(tensor: Any, columns: NDArray[np.int64]) -> None:
    if isinstance(tensor, np.ndarray):
        tensor[...] = tensor[..., columns]
        return
    torch = sys.modules["torch"]
    with torch.no_grad():
        index = torch.from_numpy(columns).to(tensor.device)
        tensor.copy_(tensor.index_select(tensor.dim() - 1, index))


def _network_of(model: Any, folder: str) -> Any:
    """What `gather` takes: a model's tensors become a file."""
    if isinstance(model, (str, os.PathLike, _work.Network)):
        return model
    tensors = _tensors(model)
    path = os.path.join(folder, "model.pt")
    try:
        import torch
    except ImportError as error:
        raise Error("a model in memory takes torch to be evaluated; give a file") from error
    as_torch = {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value.detach().cpu()
        for name, value in tensors.items()
    }
    torch.save(as_torch, path)
    return path


# Fields of the trainer's loader and the options that they are here.
_COUNTS = ("random_fen_skipping", "early_fen_skipping", "simple_eval_skipping")
_SOFT = ("soft_early_fen_skipping",)
_NUMBERS = tuple(f"pc_y{i}" for i in range(5)) + tuple(
    f"ply_{axis}{i}" for i in range(1, 5) for axis in "xy"
)


def _filters(config: Any) -> "dict[str, Any]":
    """The options that stand for the filters of the trainer's loader."""
    options: "dict[str, Any]" = {"reference_filters": True}
    if config is None:
        return options
    for name in (*_COUNTS, *_SOFT, *_NUMBERS):
        value = getattr(config, name, None)
        # As the tool has it, no skipping at random is 10.
        if value is not None and not (name == "random_fen_skipping" and value == 0):
            options[name] = value
    wanted = getattr(config, "wld_filtered", None)
    if wanted is not None:
        options["wld_filtered" if wanted else "no_wld_filtered"] = True
    return options
