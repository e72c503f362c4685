"""Orders of neurons."""

import numpy as np
import pytest

import ftperm
from ftperm import Permutation


def test_it_is_an_array():
    order = Permutation([2, 0, 3, 1])
    array = np.asarray(order)
    assert array.dtype == np.int64
    assert array.tolist() == [2, 0, 3, 1] == list(order) == order.tolist()
    assert np.arange(10, 14)[order].tolist() == [12, 10, 13, 11]
    assert np.asarray(order, dtype=np.int32).dtype == np.int32
    assert (len(order), order[1], order[1:3].tolist()) == (4, 0, [0, 3])
    with pytest.raises(ValueError):
        array[0] = 1
    copy = np.array(order)
    copy[0] = 9
    assert order[0] == 2


def test_orders_of_orders():
    order = Permutation(np.random.default_rng(1).permutation(12))
    assert order.after(order.inverse()).is_identity
    assert order.inverse().after(order) == Permutation.identity(12)
    values, other = np.arange(100, 112), Permutation(np.roll(np.arange(12), 3))
    assert (values[order][other] == values[other.after(order)]).all()
    assert len({order, Permutation(order), other}) == 2


def test_files(tmp_path):
    order = Permutation([2, 0, 3, 1], {"seed": "7"})
    order.save(tmp_path / "order.txt")
    order.save(tmp_path / "order.npy")
    assert Permutation.load(tmp_path / "order.txt") == order
    assert Permutation.load(tmp_path / "order.txt").notes["seed"] == "7"
    assert np.load(tmp_path / "order.npy").tolist() == [2, 0, 3, 1]
    np.save(tmp_path / "theirs.npy", np.array([1, 0]))
    assert Permutation.load(tmp_path / "theirs.npy") == Permutation([1, 0])


@pytest.mark.parametrize(
    "wrong",
    [[], [0, 0], [0, 2], [-1, 0], [0.0, 1.0], [[0, 1]], np.array([0, 2**63], dtype=np.uint64), "01"],
)
def test_what_is_none_is_refused(wrong):
    with pytest.raises(ftperm.PermutationError):
        Permutation(wrong)
