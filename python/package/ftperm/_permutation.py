"""Orders of neurons."""

from __future__ import annotations

import operator
import os
from typing import Any, Iterable, Iterator, Mapping, Optional, Union

import numpy as np
from numpy.typing import NDArray

from ._errors import PermutationError
from ._ftperm import read_permutation, write_permutation

PathLike = Union[str, "os.PathLike[str]"]


class Permutation:
    """An order of neurons: new output i of each perspective is the old output `permutation[i]`.

    It is an array to numpy (`numpy.asarray(permutation)`, int64, shape `(neurons,)`) and never changes.

    Args:
        order: the numbers 0 to `neurons - 1`, each once: a list, an array, another permutation.
        notes: what a text file says of it, e.g. the SHA-256 of its network.

    Raises:
        PermutationError: the numbers are no permutation.
    """

    __slots__ = ("_notes", "_order")

    def __init__(
        self, order: Iterable[int], notes: Optional[Mapping[str, str]] = None
    ) -> None:
        found = np.asarray(order if hasattr(order, "__array__") else list(order))
        if found.ndim != 1 or found.size == 0 or found.dtype.kind not in "iu":
            raise PermutationError(
                "a permutation is a list of integers, "
                f"not {found.dtype} of shape {found.shape}"
            )
        held = np.zeros(found.size, dtype=bool)
        inside = (found >= 0) & (found < found.size)
        held[found[inside].astype(np.int64)] = True
        if not held.all():
            missing = int(np.flatnonzero(~held)[0])
            raise PermutationError(
                f"a permutation of {found.size} has each of 0 to {found.size - 1} once; "
                f"{missing} is missing"
            )
        self._order: NDArray[np.int64] = found.astype(np.int64)
        self._order.flags.writeable = False
        self._notes = dict(notes or {})

    @classmethod
    def identity(cls, neurons: int) -> "Permutation":
        """The order as it is."""
        return cls(np.arange(neurons))

    @classmethod
    def load(cls, path: PathLike) -> "Permutation":
        """Reads a file: text with a number a line, or the `.npy` of numpy and `ftperm.py`."""
        order, notes = read_permutation(os.fspath(path))
        return cls(order, dict(notes))

    def save(self, path: PathLike) -> None:
        """Writes a file: in the format of `.npy` if the name ends in `.npy` or `.perm`, else text with the notes."""
        write_permutation(os.fspath(path), self.tolist(), list(self._notes.items()))

    @property
    def notes(self) -> Mapping[str, str]:
        """What a text file says of it."""
        return dict(self._notes)

    @property
    def is_identity(self) -> bool:
        """Is it the order as it is?"""
        return bool((self._order == np.arange(len(self))).all())

    def inverse(self) -> "Permutation":
        """The permutation that undoes this one."""
        return Permutation(np.argsort(self._order))

    def after(self, first: "Permutation") -> "Permutation":
        """This order of what `first` has ordered."""
        if len(first) != len(self):
            raise PermutationError(f"{len(self)} entries do not order {len(first)}")
        return Permutation(first._order[self._order])

    def tolist(self) -> list[int]:
        """As a list of ints."""
        return self._order.tolist()

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> NDArray[Any]:
        if copy or (dtype is not None and np.dtype(dtype) != self._order.dtype):
            if copy is False:
                raise ValueError("another type of numbers takes a copy")
            return self._order.astype(dtype or self._order.dtype)
        return self._order

    def __len__(self) -> int:
        return self._order.size

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        try:
            return int(self._order[operator.index(index)])
        except TypeError:
            return self._order[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Permutation):
            return NotImplemented
        return bool(np.array_equal(self._order, other._order))

    def __hash__(self) -> int:
        return hash(self._order.tobytes())

    def __repr__(self) -> str:
        if len(self) <= 8:
            return f"Permutation({self.tolist()})"
        first = ", ".join(map(str, self.tolist()[:4]))
        return f"<Permutation of {len(self)}: {first}, ...>"


def to_permutation(order: Any) -> Permutation:
    """What was given as an order: a permutation, numbers, or the path of a file."""
    if isinstance(order, Permutation):
        return order
    if isinstance(order, (str, os.PathLike)):
        return Permutation.load(order)
    return Permutation(order)
