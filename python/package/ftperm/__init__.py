"""Puts the neurons of chess NNUE networks into the order in which engines skip most of the first layer.

Engines read the first layer's input four bytes at a time and skip the four when all are zero. The order of the neurons
is free: the network computes the same in any. This package finds a good order, writes the network in it, and proves
that it is the same network.

=================  ====================================================================
`optimize`         from a network and training data to a network in a better order
`gather`           which outputs are zero: a matrix, or a planes file
`find`             the best order on a matrix or planes files
`zero_rate`        the share of all-zero blocks, in any order
`apply`            a network in a known order
`verify`           do two networks compute the same?
`serialize`        a trainer's checkpoint to a network, or a network to a state dictionary
`inspect`          what a file is
`Network`          a network in memory
`Permutation`      an order of neurons
=================  ====================================================================

A *neuron* is an output of the feature transformer of one perspective; a *sample* is one perspective of one position.
Everything is exact: the same inputs and the same seed give the same bytes, here and with the command `ftperm`.

Work is done without holding the interpreter. Ctrl-C ends a search with the best order found so far; where nothing is
found yet, `KeyboardInterrupt` is raised.
"""

from ._errors import (
    BackendError,
    DataError,
    Error,
    NetworkError,
    OutputError,
    PermutationError,
    PlanesError,
    UsageError,
    VerificationError,
)
from ._network import Network
from ._permutation import Permutation
from ._results import Found, Optimized, Verified
from ._search import find, zero_rate
from ._work import apply, gather, inspect, optimize, serialize, verify
from ._version import __version__

__all__ = [
    "BackendError",
    "DataError",
    "Error",
    "Found",
    "Network",
    "NetworkError",
    "Optimized",
    "OutputError",
    "Permutation",
    "PermutationError",
    "PlanesError",
    "UsageError",
    "VerificationError",
    "Verified",
    "__version__",
    "apply",
    "find",
    "gather",
    "inspect",
    "optimize",
    "serialize",
    "verify",
    "zero_rate",
]
