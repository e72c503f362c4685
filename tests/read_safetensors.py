"""Prints what the package `safetensors` reads from a file: its metadata, then name, shape and SHA-256 of each tensor.

Argument: FILE. One JSON value a line. The SHA-256 is of the values as little-endian single precision, row by row.
"""

import hashlib
import json
import sys

from safetensors import safe_open

with safe_open(sys.argv[1], framework="numpy") as file:
    print(json.dumps(file.metadata()))
    for name in file.keys():
        tensor = file.get_tensor(name)
        assert tensor.dtype.str == "<f4", (name, tensor.dtype)
        print(json.dumps([name, tensor.shape, hashlib.sha256(tensor.tobytes()).hexdigest()]))
