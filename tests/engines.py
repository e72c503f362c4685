#!/usr/bin/env python3
"""Networks of other engines for tests/it/engines.rs, with the generators and the second implementation beside the checkout.

    engines.py make FOLDER ENGINE SEED FILE         a network of seeded random numbers, as the engine's files are
    engines.py evaluate FOLDER ENGINE FILE FENS     what the engine would compute: one JSON object a position
    engines.py compare LAYOUT OLD NEW PERM          is NEW the network OLD in the order PERM, weight by weight?

FOLDER has the generators. Needs numpy, python-chess and zstandard.
"""
import importlib
import json
import os
import subprocess
import sys
import tomllib

import numpy as np

TYPES = {"u8": "u1", "i8": "i1", "i16": "<i2", "i32": "<i4", "f32": "<f4"}
ZSTD = b"\x28\xb5\x2f\xfd"


def make(folder, engine, seed, file):
    script = os.path.join(folder, engine + ".py")
    command = [script] if os.path.exists(script) else [os.path.join(folder, "nets_cpp.py"), engine]
    more = [os.devnull] if engine == "bullet_multilayer" else []
    subprocess.run([sys.executable, "-B", *command, seed, file, *more], check=True)


def network(folder, engine, file):
    """A network of the second implementation: its outputs of one side, and its value of a position."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, folder)
    data = open(file, "rb").read()
    if not os.path.exists(os.path.join(folder, engine + ".py")):
        net = importlib.import_module("refeval_cpp").read(engine, data)
        return net.outputs, net.value
    module = importlib.import_module(engine)
    if data[:4] == ZSTD:
        import zstandard

        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    # Its tensors are in the file in the order of the names.
    net, at = module.make(1), 0
    for name, like in net.items():
        net[name] = np.frombuffer(data, like.dtype, like.size, at).reshape(like.shape)
        at += like.nbytes
    return lambda board, side: module.outputs(net, board, side), lambda board: module.evaluate(net, board)


def evaluate(folder, engine, file, fens):
    import chess

    outputs, value = network(folder, engine, file)
    for line in open(fens):
        board = chess.Board(line.strip())
        sides = [outputs(board, side).astype(int).tolist() for side in (board.turn, not board.turn)]
        print(json.dumps({"value": float(value(board)), "outputs": sides}))


def leb128(data, tensors):
    """The values of a file in LEB128 at fixed width."""
    data = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(data < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1])
    parts, at = [], 0
    for tensor in tensors:
        count = int(np.prod(tensor["shape"]))
        start, end = starts[at:at + count], ends[at:at + count]
        length = end - start + 1
        value = np.zeros(count, np.int64)
        for k in range(int(length.max())):
            has = length > k
            value[has] |= (data[start[has] + k].astype(np.int64) & 0x7F) << (7 * k)
        if tensor["type"] == "f32":
            parts.append(value.astype("<u4").tobytes())
        else:
            negative = (data[end] & 0x40) != 0
            value[negative] -= np.int64(1) << (7 * length[negative])
            parts.append(value.astype(TYPES[tensor["type"]]).tobytes())
        at += count
    assert at == len(ends), "values are left over"
    return b"".join(parts)


def unpacked(path, layout):
    file = layout.get("file", {})
    data = open(path, "rb").read()
    plain = file.get("plain", 0)
    if data[plain:plain + 4] == ZSTD:
        import zstandard

        unpack = zstandard.ZstdDecompressor().decompressobj()
        data = data[:plain] + unpack.decompress(data[plain:])
    if file.get("encoding") == "leb128":
        data = leb128(data, layout["tensor"])
    return data


def compare(layout, old, new, perm):
    layout = tomllib.load(open(layout, "rb"))
    old, new = unpacked(old, layout), unpacked(new, layout)
    assert len(old) == len(new), (len(old), len(new))
    order = np.array([int(line) for line in open(perm) if line[0].isdigit()])
    n = len(order)
    assert sorted(order) == list(range(n)) and any(order != np.arange(n))
    pairwise = layout["activation"]["kind"] == "pairwise"
    columns = np.concatenate([order, n + order]) if pairwise else order
    at = layout.get("file", {}).get("header", 0)
    assert old[:at] == new[:at], "the header"
    for tensor in layout["tensor"]:
        count = int(np.prod(tensor["shape"]))
        before, after = (np.frombuffer(data, TYPES[tensor["type"]], count, at) for data in (old, new))
        at += before.nbytes
        role = tensor.get("role", "other")
        if role == "flag":
            assert (after == tensor["set"]).all(), tensor["name"]
            continue
        if role in ("ft_weights", "ft_bias", "l1_weights"):
            axes = tensor["neuron"] if isinstance(tensor["neuron"], list) else [tensor["neuron"]]
            shaped = np.moveaxis(before.reshape(tensor["shape"]), axes, range(len(axes)))
            form = shaped.shape
            flat = shaped.reshape(-1, int(np.prod(form[len(axes):])))
            moved = columns if role != "l1_weights" else np.concatenate(
                [group * n + order for group in range(len(flat) // n)])
            flat = flat[moved].reshape(form)
            before = np.moveaxis(flat, range(len(axes)), axes).reshape(-1)
        assert before.tobytes() == after.tobytes(), tensor["name"]
    assert old[at:] == new[at:], "the footer"
    print(f"{n} neurons, {len(layout['tensor'])} tensors, {len(old)} bytes")


if __name__ == "__main__":
    {"make": make, "evaluate": evaluate, "compare": compare}[sys.argv[1]](*sys.argv[2:])
