"""What functions return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from ._network import Network
from ._permutation import Permutation


@dataclass(frozen=True)
class Found:
    """An order that `find` found."""

    permutation: Permutation
    """The best order found: neurons ascend inside blocks of four."""
    before: float
    """Share of all-zero (sample, block) cells as the samples are, 0 to 1."""
    after: float
    """The same in the order found."""
    interrupted: bool
    """Was the search ended early, by Ctrl-C, a time limit or the callback? Then it is the best order until then."""
    report: Mapping[str, Any] = field(repr=False)
    """All that `ftperm find --json` prints."""


@dataclass(frozen=True)
class Optimized:
    """What `optimize` found and wrote."""

    permutation: Optional[Permutation]
    """The order found; None if it is no better than the network's own and nothing was to be written anyway."""
    network: Optional[Network]
    """The network in that order, proved; None as above."""
    before: float
    """Share of all-zero (sample, block) cells before, 0 to 1: on held-out games if there are some."""
    after: float
    """The same in the order found."""
    path: Optional[str]
    """The network that was written; None if it is in memory only."""
    interrupted: bool
    """Was the search ended early? Then it is the best order until then."""
    report: Mapping[str, Any] = field(repr=False)
    """All that `ftperm optimize --json` prints."""


@dataclass(frozen=True)
class Verified:
    """What `verify` found. It is true where the networks are proved to compute the same."""

    equal: bool
    """Is it proved that both compute the same, for every position?"""
    difference: Optional[str]
    """The first differences, in words."""
    report: Mapping[str, Any] = field(repr=False)
    """All that `ftperm verify --json` prints."""

    def __bool__(self) -> bool:
        return self.equal
