"""Networks in memory."""

from __future__ import annotations

import os
from typing import Any, Optional

from . import _ftperm
from ._permutation import PathLike, Permutation, to_permutation


class Network:
    """A network in memory. It never changes.

    Make one with `Network.read`. `ftperm.optimize` and `ftperm.apply` give one, too, and take one.
    """

    __slots__ = ("_net",)

    def __init__(self, net: "_ftperm.Network") -> None:
        if not isinstance(net, _ftperm.Network):
            raise TypeError("use Network.read to read a network")
        self._net = net

    @classmethod
    def read(
        cls,
        net: PathLike,
        *,
        layout: Optional[PathLike] = None,
        era: Optional[str] = None,
        clamp: Optional[int] = None,
    ) -> "Network":
        """Reads a network.

        Args:
            net: all that `--net` of the command takes: a file (also compressed), a trainer's checkpoint, an engine.
            layout: for networks of other engines: a known name, or a file that describes it.
            era: read it as this era instead of recognising it.
            clamp: 127 or 255, where the file does not say it.

        Raises:
            NetworkError: it is no network that is known, or is damaged.
        """
        layout = None if layout is None else os.fspath(layout)
        return cls(_ftperm.Network.read(os.fspath(net), layout, era, clamp))

    @property
    def kind(self) -> str:
        """What its file is: an era of Stockfish's format, or a layout."""
        return self._net.kind

    @property
    def source(self) -> str:
        """Where it was read from."""
        return self._net.source

    @property
    def columns(self) -> int:
        """Accumulator columns a perspective (L1)."""
        return self._net.columns

    @property
    def neurons(self) -> int:
        """Outputs a perspective: the length of its permutations."""
        return self._net.neurons

    @property
    def perspectives(self) -> int:
        """Samples of a position: 2, or 1 where the network sees it as the side to move only."""
        return self._net.perspectives

    @property
    def order(self) -> Permutation:
        """The order of its neurons, counted from the file that was read."""
        return Permutation(self._net.order)

    @property
    def sha256(self) -> str:
        """SHA-256 of its file, in the order at hand, in hexadecimal digits."""
        return self._net.sha256

    def permuted(self, order: Any, *, inverse: bool = False) -> "Network":
        """The network with its neurons in another order: a permutation, numbers, or the path of a file.

        Raises:
            PermutationError: the length is not `neurons`.
        """
        order = to_permutation(order)
        if inverse:
            order = order.inverse()
        return Network(self._net.permuted(order.tolist()))

    def save(self, path: PathLike) -> str:
        """Writes it, reads it back, proves every weight of it, and returns the path.

        The file gets its name only if all is proved. If `path` is a folder, the name is `nn-<sha12>.nnue`.
        """
        path = os.fspath(path)
        if os.path.isdir(path):
            return os.fspath(self._net.save(folder=path))
        return os.fspath(self._net.save(path=path))

    def to_bytes(self) -> bytes:
        """Its file, in the order at hand."""
        return self._net.to_bytes()

    def __repr__(self) -> str:
        return f"<Network {self.kind}, {self.neurons} neurons, from {self.source}>"
