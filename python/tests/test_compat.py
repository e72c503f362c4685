"""The names of nnue-pytorch's ftperm.py."""

import inspect
import json
import struct
from types import SimpleNamespace

import numpy as np
import pytest

import ftperm
import ftperm.compat as compat


@pytest.fixture(scope="module")
def matrix(net, data):
    return ftperm.gather(net, data, count=1500)


def rate(samples):
    return samples.reshape(len(samples), -1, 4).all(axis=2).mean()


def test_an_order_for_a_matrix(matrix):
    # As serialize.py of July 2026 and of January 2026 call it, and older ones.
    order = compat.find_perm_impl(matrix, "cpu", 128)
    assert order.dtype == np.int64
    assert sorted(order) == list(range(64))
    assert np.array_equal(order, compat.find_perm_impl(matrix, use_cupy=False, L1=128))
    assert np.array_equal(order, compat.find_perm_impl(matrix))
    assert rate(matrix.reshape(-1, 64)[:, order]) > rate(matrix.reshape(-1, 64)) + 0.05
    with pytest.raises(ftperm.UsageError, match="L1 is 1024"):
        compat.find_perm_impl(matrix, "cpu", 1024)


def test_rates_and_what_is_printed(matrix, capsys):
    samples = matrix.reshape(-1, 64)
    assert compat.eval_act_mat(samples) == pytest.approx(rate(samples), abs=1e-12)
    order = np.arange(64)[::-1]
    compat.eval_perm_impl(matrix, order)
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        f"Combined zeros in base matrix: {100 * rate(samples):0.6f}",
        f"Combined zeros in perm matrix: {100 * rate(samples[:, order]):0.6f}",
    ]


def test_arguments_stand_where_the_tool_has_them():
    def names(function):
        return list(inspect.signature(function).parameters)

    assert names(compat.find_perm_impl)[:3] == ["actmat", "device", "L1"]
    assert names(compat.gather_impl)[:3] == ["model", "dataset", "count"]
    assert names(compat.ft_permute_impl) == ["model", "perm"]
    assert names(compat.ft_permute) == ["model", "ft_perm_path"]
    assert names(compat.ft_optimize) == [
        "model",
        "dataset_path",
        "count",
        "actmat_save_path",
        "perm_save_path",
        "use_cupy",
        "device",
        "loader_num_workers",
        "loader_config",
    ]


def test_matrices_are_gathered_with_the_tools_filters(tmp_path, net, data, binary):
    file = tmp_path / "theirs.npy"
    words = ("--net", net, "--data", data, "--count", 300, "--out", file, "--reference-filters")
    binary("gather", *words)
    assert np.array_equal(compat.gather_impl(net, str(data), 300, "cpu"), np.load(file))
    binary("gather", *words, "--random-fen-skipping", 3, "--no-wld-filtered", "--pc-y1", 0.5)
    config = SimpleNamespace(random_fen_skipping=3, wld_filtered=False, pc_y1=0.5, filtered=True)
    found = compat.gather_impl(net, str(data), 300, "cpu", 4, config)
    assert np.array_equal(found, np.load(file))


def read(path):
    """The tensors of a .safetensors, which can be written to, and its first bytes."""
    bytes_ = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", bytes_[:8])
    header, rest = json.loads(bytes_[8 : 8 + length]), 8 + length
    header.pop("__metadata__", None)
    types = {"F32": np.float32, "I64": np.int64, "I32": np.int32, "F64": np.float64}
    tensors = {
        name: np.frombuffer(bytes_, types[it["dtype"]], int(np.prod(it["shape"])),
                            rest + it["data_offsets"][0]).reshape(it["shape"])
        for name, it in header.items()
    }  # fmt: skip
    return tensors, bytes_


def test_a_state_dictionary_is_reordered_as_a_network_is(tmp_path, net):
    order = np.random.default_rng(4).permutation(64)
    state, moved = tmp_path / "state.safetensors", tmp_path / "moved.nnue"
    ftperm.serialize(net, state)
    tensors, bytes_ = read(state)
    compat.ft_permute_impl(SimpleNamespace(state_dict=lambda: tensors), order)
    state.write_bytes(bytes_)
    ftperm.serialize(state, moved)
    expected = tmp_path / "expected.nnue"
    tensors, bytes_ = read(state)
    assert ftperm.verify(net, moved)
    ftperm.apply(net, order).save(expected)
    assert ftperm.inspect(expected)["fingerprint"] == ftperm.inspect(moved)["fingerprint"]
    # With the order of a file, and back.
    np.save(tmp_path / "back.npy", np.argsort(order))
    compat.ft_permute({"state_dict": tensors}, tmp_path / "back.npy")
    ftperm.serialize(net, state)
    original, _ = read(state)
    assert all(np.array_equal(tensors[name], original[name]) for name in original)


def test_shared_columns_are_reordered_too():
    names = ("input.features.0.virtual_weight", "layer_stacks.l1.factorized_linear.weight")
    tensors = {
        "model.input.bias": np.arange(16 + 8),
        "model.input.features.0.weight": np.arange(2 * 24).reshape(2, 24),
        "model." + names[0]: np.arange(24, 72).reshape(2, 24),
        "model.layer_stacks.l1.linear.weight": np.arange(48).reshape(3, 16),
        "model." + names[1]: np.arange(100, 116).reshape(1, 16),
        "model.layer_stacks.l1.linear.bias": np.arange(3),
        "model.layer_stacks.l2.linear.weight": np.arange(60).reshape(3, 20),
    }
    before = {name: value.copy() for name, value in tensors.items()}
    order = np.array([3, 0, 1, 2, 7, 6, 5, 4])
    compat.ft_permute_impl(tensors, order)
    columns = np.concatenate([order, order + 8, np.arange(16, 24)])
    for name, value in tensors.items():
        expected = before[name]
        if ".input." in name:
            expected = expected[..., columns]
        elif ".l1." in name and name.endswith("weight"):
            expected = expected[..., columns[:16]]
        assert np.array_equal(value, expected), name
    with pytest.raises(ftperm.PermutationError, match="4 entries, the model has 8"):
        compat.ft_permute_impl(tensors, [3, 2, 1, 0])
    with pytest.raises(ftperm.UsageError):
        compat.ft_permute_impl({"l3.weight": np.zeros((4, 4))}, [0])
    with pytest.raises(ftperm.UsageError):
        compat.ft_permute_impl(3, [0])


@pytest.mark.torch
def test_all_in_one_go_on_a_model_of_torch(torch, tmp_path, net, data):
    state = tmp_path / "state.pt"
    ftperm.serialize(net, state)
    tensors = torch.load(state, weights_only=True)
    saved = {"actmat_save_path": tmp_path / "a.npy", "perm_save_path": tmp_path / "p.npy"}
    compat.ft_optimize(tensors, str(data), 500, use_cupy=False, device="cpu", **saved)
    order = np.load(saved["perm_save_path"])
    assert np.array_equal(order, compat.find_perm_impl(np.load(saved["actmat_save_path"])))
    torch.save(tensors, state)
    # What torch wrote does not say its clamp.
    ftperm.serialize(state, tmp_path / "moved.nnue", clamp=127)
    assert ftperm.verify(net, tmp_path / "moved.nnue")
    ftperm.apply(net, order).save(tmp_path / "expected.nnue")
    marks = [ftperm.inspect(tmp_path / f"{name}.nnue")["fingerprint"] for name in ("moved", "expected")]
    assert marks[0] == marks[1]
