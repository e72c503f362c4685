"""Compares the numbers of `ftperm picture --json` with those that numpy finds in the same network file.

numbers_of_pictures.py NET L1 OUT0 OUT1 FILE.json...  NET has HalfKAv2_hm, raw or LEB128 tensors, eight buckets.
"""

import json
import sys

import numpy as np

FEATURES, PER_KING, BUCKETS = 22528, 704, 8


def leb128(data, count):
    """Signed numbers, seven bits a byte."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 128)[:count]
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    values = np.zeros(count, np.int64)
    for at in range(int(lengths.max())):
        there = at < lengths
        values[there] |= (raw[starts[there] + at].astype(np.int64) & 127) << (7 * at)
    negative = (raw[ends] & 64) != 0
    values[negative] -= np.int64(1) << (7 * lengths[negative])
    return values


class File:
    def __init__(self, path):
        self.data, self.at = open(path, "rb").read(), 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self):
        return int.from_bytes(self.take(4), "little")

    def tensor(self, count, kind):
        magic = b"COMPRESSED_LEB128"
        if self.data[self.at:self.at + len(magic)] == magic:
            self.take(len(magic))
            return leb128(self.take(self.number()), count)
        return np.frombuffer(self.take(count * np.dtype(kind).itemsize), kind).astype(np.int64)


def read(path, l1, out0, out1):
    file = File(path)
    file.take(8)
    file.take(file.number())
    file.take(4)
    net = {"bias": file.tensor(l1, "<i2"), "weights": file.tensor(FEATURES * l1, "<i2").reshape(FEATURES, l1)}
    net["psqt"] = file.tensor(FEATURES * BUCKETS, "<i4").reshape(FEATURES, BUCKETS)
    sizes = [(l1, out0), (2 * (out0 - 1), out1), (out1, 1)]
    net["stacks"] = []
    for _ in range(BUCKETS):
        file.take(4)
        layers = []
        for inputs, outputs in sizes:
            bias = file.tensor(outputs, "<i4")
            padded = -(-inputs // 32) * 32
            layers.append((bias, file.tensor(outputs * padded, "i1").reshape(outputs, padded)[:, :inputs]))
        net["stacks"].append(layers)
    assert file.at == len(file.data), "the whole file is read"
    return net


def boards(rows):
    """Means by piece, from own pawn to opponent's king, and square, of [features] values; NaN without a feature."""
    by_king = rows.reshape(32, 11, 64).astype(float)
    kings = np.array([8 * (7 - bucket // 4) + 7 - bucket % 4 for bucket in range(32)])
    legal = np.ones((32, 12, 64), bool)
    legal[:, :2, :8] = legal[:, :2, 56:] = False
    values = np.concatenate((by_king, by_king[:, 10:]), axis=1)
    for bucket, king in enumerate(kings):
        legal[bucket, :10, king] = False
        squares = np.arange(64)
        legal[bucket, 10] = squares == king
        apart = np.maximum(abs(squares % 8 - king % 8), abs(squares // 8 - king // 8)) > 1
        legal[bucket, 11] = apart
    counts = legal.sum(axis=0)
    sums = np.where(legal, values, 0).sum(axis=0)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means, values, legal, kings


def same(found, expected, what):
    found = np.array([[np.nan if value is None else value for value in board] for board in found])
    assert found.shape == expected.shape, (what, found.shape, expected.shape)
    assert (np.isnan(found) == np.isnan(expected)).all(), what
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True), what


def at_king(rows, king):
    _, values, legal, kings = boards(rows)
    bucket = int(np.flatnonzero(kings == king)[0])
    return np.where(legal[bucket], values[bucket], np.nan)


def square(name):
    return None if name is None else "abcdefgh".index(name[0]) + 8 * (int(name[1]) - 1)


def inputs(net, found):
    half = found["neurons"]
    norms = np.sqrt((net["weights"] ** 2).sum(axis=0).reshape(-1, half).sum(axis=0))
    king = square(found["king"])
    for column in found["columns"]:
        at = column["column"]
        rows = net["weights"][:, at]
        expected = boards(rows)[0] if king is None else at_king(rows, king)
        same(column["weights"][0], expected, f"column {at}")
        assert column["bias"] == net["bias"][at] and column["neuron"] == at % half
        assert np.isclose(column["norm"], norms[at % half])
    return len(found["columns"])


def psqt(net, found):
    king = square(found["king"])
    for bucket in found["buckets"]:
        rows = net["psqt"][:, bucket["bucket"]] / 16
        same(bucket["values"][0], boards(rows)[0] if king is None else at_king(rows, king), "psqt")
    return len(found["buckets"])


def layers(net, found):
    for stack in found:
        for layer, (bias, weights) in zip(stack["layers"], net["stacks"][stack["bucket"]]):
            assert (np.array(layer["biases"]) == bias).all() and (np.array(layer["weights"]) == weights).all()
    return len(found)


def histograms(net, found):
    stacks = net["stacks"]
    tensors = [net["bias"], net["weights"], net["psqt"]]
    for number in range(3):
        for part in range(2):
            tensors.append(np.concatenate([stack[number][part].ravel() for stack in stacks]))
    assert len(found["tensors"]) == len(tensors)
    for tensor, values in zip(found["tensors"], tensors):
        low, width, counts = tensor["low"], tensor["width"], tensor["counts"][0]
        assert (low, tensor["high"]) == (values.min(), values.max()), tensor["tensor"]
        assert (np.bincount((values.ravel() - low) // width, minlength=len(counts)) == counts).all()
    return len(tensors)


def main():
    net = read(sys.argv[1], *map(int, sys.argv[2:5]))
    done = []
    for path in sys.argv[5:]:
        report = json.load(open(path))
        for name, check in [("inputs", inputs), ("psqt", psqt), ("layers", layers), ("histograms", histograms)]:
            if report[name] is not None:
                done.append(f"{name} {check(net, report[name])}")
    print("equal:", ", ".join(done))


main()
