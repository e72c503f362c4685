"""Loads state dictionaries into a module with the parameters of a trainer's checkpoint, as PyTorch does it.

Arguments: CHECKPOINT, then FILE=exact or FILE=names for each dictionary (.pt or .safetensors). All names and shapes must
be those of the checkpoint (strict=True); with "exact" also every bit of every value.
"""

import json
import sys

import torch


def read(path):
    if path.endswith(".safetensors"):
        return safetensors(path)
    # Nothing but tensors and containers may be in the pickle.
    return torch.load(path, weights_only=True)


def safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    tensors = {}
    for name, it in header.items():
        if name == "__metadata__":
            continue
        assert it["dtype"] == "F32", (name, it)
        begin, end = it["data_offsets"]
        values = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        tensors[name] = values.reshape(it["shape"])
    return tensors


def module_with(parameters):
    """A tree of modules whose parameters have these dotted names; all values are NaN."""
    root = torch.nn.Module()
    for name, like in parameters.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module._modules[part]
        empty = torch.full(like.shape, float("nan"), dtype=like.dtype)
        module.register_parameter(last, torch.nn.Parameter(empty, requires_grad=False))
    return root


def main(checkpoint, *dictionaries):
    # Old versions of PyTorch do not take a checkpoint's other contents with weights_only.
    everything = torch.load(checkpoint)["state_dict"]
    expected = {name: it for name, it in everything.items() if name.startswith("model.")}
    assert len(expected) >= 9, list(everything)
    for dictionary in dictionaries:
        path, _, how = dictionary.rpartition("=")
        module = module_with(expected)
        module.load_state_dict(read(path), strict=True)
        for name, found in module.named_parameters():
            assert not found.isnan().any(), (path, name)
            if how == "exact":
                bits = found.detach().contiguous().view(torch.int32)
                assert torch.equal(bits, expected[name].contiguous().view(torch.int32)), (path, name)
        print(f"{how}: {len(expected)} tensors")


main(*sys.argv[1:])
