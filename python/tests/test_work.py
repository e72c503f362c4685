"""What the commands do, compared with the commands byte for byte."""

import json

import numpy as np
import pytest

import ftperm

COUNT = 3000


def test_optimize_writes_what_the_command_writes(tmp_path, net, data, binary):
    ours, theirs = tmp_path / "ours.nnue", tmp_path / "theirs.nnue"
    words = ("--data", data, "--count", COUNT, "--seed", 7, "--effort", "quick")
    binary("optimize", "--net", net, *words, "--out", theirs, "--perm", tmp_path / "theirs.txt")
    done = ftperm.optimize(
        net, data, out=ours, perm=tmp_path / "ours.txt", count=COUNT, seed=7, effort="quick"
    )
    assert ours.read_bytes() == theirs.read_bytes()
    assert (tmp_path / "ours.txt").read_bytes() == (tmp_path / "theirs.txt").read_bytes()
    assert done.path == str(ours)
    assert done.after > done.before + 0.05
    assert done.permutation == ftperm.Permutation.load(tmp_path / "theirs.txt")
    assert not done.interrupted
    assert done.report["positions"] == COUNT

    # In memory it is the same network.
    kept = ftperm.optimize(net, data, count=COUNT, seed=7, effort="quick", threads=1)
    assert kept.path is None
    assert kept.network.to_bytes() == ours.read_bytes()
    assert kept.network.source == str(net)
    assert kept.permutation == done.permutation

    # What is there already is no worse, and nothing better is found in no time.
    again = ftperm.optimize(
        net, data, count=COUNT, seed=7, start=done.permutation, time_limit=0, effort="quick"
    )
    assert again.permutation == done.permutation


def test_gather_is_the_commands_matrix(tmp_path, net, data, binary):
    file = tmp_path / "theirs.npy"
    binary("gather", "--net", net, "--data", data, "--count", 500, "--out", file)
    matrix = ftperm.gather(net, data, count=500)
    assert matrix.dtype == bool
    assert matrix.shape == (500, 2 * 64)
    assert np.array_equal(matrix, np.load(file))
    planes = tmp_path / "ours.ftzp"
    report = ftperm.gather(ftperm.Network.read(net), data, count=500, out=planes)
    assert report["samples"] == 1000
    assert ftperm.zero_rate(planes) == pytest.approx(ftperm.zero_rate(matrix, perspectives=2))


def test_networks_in_memory_are_those_of_files(tmp_path, net, binary):
    network = ftperm.Network.read(net)
    assert (network.columns, network.neurons, network.perspectives) == (128, 64, 2)
    assert network.kind == "small127"
    assert network.to_bytes() == net.read_bytes()
    order = ftperm.Permutation(np.random.default_rng(1).permutation(64))
    order.save(tmp_path / "order.npy")
    binary("apply", tmp_path / "order.npy", "--net", net, "--out", tmp_path / "theirs.nnue")
    theirs = (tmp_path / "theirs.nnue").read_bytes()
    moved = network.permuted(order)
    assert moved.to_bytes() == theirs
    assert moved.order == order
    assert moved.save(tmp_path / "ours.nnue") == str(tmp_path / "ours.nnue")
    assert (tmp_path / "ours.nnue").read_bytes() == theirs
    applied = ftperm.apply(net, tmp_path / "order.npy", out=tmp_path / "applied.nnue")
    assert applied.to_bytes() == theirs
    assert moved.save(tmp_path) == str(tmp_path / f"nn-{moved.sha256[:12]}.nnue")
    # And back.
    assert ftperm.apply(moved, order, inverse=True).sha256 == network.sha256
    assert moved.permuted(order.inverse()).order.is_identity


def test_verify_says_whether_it_is_proved(tmp_path, net):
    network = ftperm.Network.read(net)
    assert ftperm.verify(net, network.permuted(np.arange(64)[::-1]))
    damaged = bytearray(net.read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "damaged.nnue").write_bytes(damaged)
    found = ftperm.verify(net, tmp_path / "damaged.nnue")
    assert not found
    assert "1 weight differs" in found.difference
    assert found.report["differences"]["count"] == 1


def test_serialize_there_and_back(tmp_path, net):
    state, back = tmp_path / "state.safetensors", tmp_path / "back.nnue"
    report = ftperm.serialize(net, state)
    assert report["out"]["path"] == str(state)
    ftperm.serialize(state, back)
    assert ftperm.verify(net, back)


def test_inspect_is_what_the_command_prints(net, data, binary):
    assert ftperm.inspect(net) == json.loads(binary("inspect", net, "--json"))
    assert ftperm.inspect(data)["kind"] == "positions"


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ftperm.NetworkError, lambda net, data: ftperm.Network.read(data)),
        (ftperm.NetworkError, lambda net, data: ftperm.optimize("nowhere.nnue", data)),
        (ftperm.DataError, lambda net, data: ftperm.optimize(net, net)),
        (ftperm.UsageError, lambda net, data: ftperm.optimize(net, data, nonsense=3)),
        (ftperm.UsageError, lambda net, data: ftperm.optimize(net, data, perm="p.txt")),
        (ftperm.UsageError, lambda net, data: ftperm.optimize(net, data, effort="much")),
        (ftperm.UsageError, lambda net, data: ftperm.Network.read(net, era="none")),
        (ftperm.PermutationError, lambda net, data: ftperm.apply(net, [1, 0, 2, 3])),
        (ftperm.PermutationError, lambda net, data: ftperm.Permutation.load(net)),
        (ftperm.OutputError, lambda net, data: ftperm.Network.read(net).save("nowhere/nn.nnue")),
        (ftperm.PlanesError, lambda net, data: ftperm.find(net)),
    ],
)
def test_errors_have_kinds_and_say_what_is_wrong(net, data, error, call):
    with pytest.raises(error) as caught:
        call(net, data)
    assert isinstance(caught.value, ftperm.Error)
    assert len(str(caught.value)) > 10
