"""The package's exceptions. All are `Error`."""

from ._ftperm import (
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

__all__ = [
    "BackendError",
    "DataError",
    "Error",
    "NetworkError",
    "OutputError",
    "PermutationError",
    "PlanesError",
    "UsageError",
    "VerificationError",
]
