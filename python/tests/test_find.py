"""Searching on matrices of all kinds."""

import numpy as np
import pytest

import ftperm


@pytest.fixture(scope="module")
def matrix(net, data):
    return ftperm.gather(net, data, count=1500)


def test_find_is_the_commands(tmp_path, matrix, binary):
    file, order = tmp_path / "matrix.npy", tmp_path / "order.npy"
    np.save(file, matrix)
    binary("find", "--data", file, "--out", order, "--seed", 3)
    found = ftperm.find(matrix, perspectives=2, seed=3)
    assert np.array_equal(found.permutation, np.load(order))
    from_file = ftperm.find(file, seed=3)
    assert from_file.permutation == found.permutation
    for name in ("samples", "neurons", "cells", "zero_blocks_before", "zero_blocks_after"):
        assert from_file.report[name] == found.report[name]
    assert ftperm.zero_rate(file, order) == pytest.approx(found.after)
    assert ftperm.find(matrix, perspectives=2, seed=3, threads=1).permutation == found.permutation


def test_rates_are_those_of_numpy(matrix):
    samples = matrix.reshape(-1, 64)
    order = np.random.default_rng(5).permutation(64)

    def rate(columns):
        return columns.reshape(len(columns), -1, 4).all(axis=2).mean()

    assert ftperm.zero_rate(samples) == pytest.approx(rate(samples), abs=1e-12)
    assert ftperm.zero_rate(samples, order) == pytest.approx(rate(samples[:, order]), abs=1e-12)
    assert ftperm.zero_rate(matrix, order, perspectives=2) == ftperm.zero_rate(samples, order)
    found = ftperm.find(samples, effort="quick")
    assert found.before == pytest.approx(rate(samples), abs=1e-12)
    assert found.after == pytest.approx(rate(samples[:, np.asarray(found.permutation)]), abs=1e-12)
    assert found.after > found.before


def test_any_layout_gives_the_same_order(matrix):
    expected = ftperm.find(matrix, perspectives=2, effort="quick").permutation
    wide = np.zeros((2 * len(matrix), 3 * 128), dtype=bool)
    wide[::2, ::3] = matrix
    for same in (
        np.asfortranarray(matrix),
        wide[::2, ::3],
        matrix[::-1][::-1],
        matrix.astype(np.uint8),
        memoryview(matrix.astype(np.uint8)),
        Exporter(matrix),
    ):
        found = ftperm.find(same, perspectives=2, effort="quick")
        assert found.permutation == expected
    # Rows that do not fill words of 64 samples.
    for rows in (1, 31, 32, 33, 63, 65):
        part = matrix[:rows]
        by_rows = ftperm.zero_rate(part, perspectives=2)
        assert by_rows == ftperm.zero_rate(np.asfortranarray(part), perspectives=2)
        assert by_rows == pytest.approx(part.reshape(2 * rows, -1, 4).all(axis=2).mean())


class Exporter:
    """What numpy knows by the protocol of DLPack only."""

    def __init__(self, array):
        self._array = array.astype(np.uint8)

    def __dlpack__(self, **how):
        return self._array.__dlpack__(**how)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


@pytest.mark.torch
def test_tensors_of_torch_are_matrices(torch, matrix):
    tensor = torch.from_numpy(matrix.copy())
    expected = ftperm.find(matrix, perspectives=2, effort="quick").permutation
    assert ftperm.find(tensor, perspectives=2, effort="quick").permutation == expected


def test_an_order_to_begin_with_is_never_made_worse(matrix):
    start = ftperm.Permutation(np.random.default_rng(2).permutation(64))
    found = ftperm.find(matrix, perspectives=2, start=start, time_limit=0)
    assert found.after >= ftperm.zero_rate(matrix, start, perspectives=2)
    assert found.interrupted


def test_certificates_are_told(matrix):
    found = ftperm.find(matrix, perspectives=2, effort="quick", certify=True)
    assert found.report["certificate"]["upper_bound"] >= found.after


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 8)),
        np.zeros(8, dtype=bool),
        np.zeros((2, 2, 4), dtype=bool),
        np.zeros((0, 8), dtype=bool),
        np.zeros((8, 0), dtype=bool),
        np.zeros((8, 6), dtype=bool),
        np.full((70, 8), 2, dtype=np.uint8),
        np.asfortranarray(np.full((70, 8), 255, dtype=np.uint8)),
        np.zeros((8, 1 << 17), dtype=bool),
        object(),
        None,
    ],
)
def test_what_is_no_matrix_is_refused(wrong):
    with pytest.raises(ftperm.PlanesError):
        ftperm.find(wrong)


def test_values_that_are_none_are_named():
    matrix = np.zeros((100, 8), dtype=np.uint8)
    matrix[77, 5] = 3
    with pytest.raises(ftperm.PlanesError, match="position 77, output 5 is 3"):
        ftperm.find(matrix)


def test_wrong_arguments_are_refused(matrix):
    with pytest.raises(ftperm.Error):
        ftperm.find(matrix, perspectives=3)
    with pytest.raises(ftperm.UsageError):
        ftperm.find(matrix, effort="much")
    with pytest.raises(ftperm.UsageError):
        ftperm.find(matrix, backend="abacus")
    with pytest.raises(ftperm.UsageError):
        ftperm.find(matrix, time_limit=-1)
    with pytest.raises(ftperm.PermutationError):
        ftperm.find(matrix, perspectives=2, start=[1, 0, 3, 2])
    with pytest.raises(TypeError):
        ftperm.find(matrix, weight="0=0")
