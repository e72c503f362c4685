"""Compares a trainer's file with a copy that has other weights in it, as PyTorch loads both.

Arguments: TEMPLATE, COPY, DICTIONARY. All but the network's parameters must be the same, and the parameters must be those
of the state dictionary, bit for bit. Classes of the trainer that pickled objects name need not be there: for each stands
an empty one.
"""

import importlib.abc
import importlib.machinery
import sys
import types

import torch


class Anything(types.ModuleType):
    """A module that has every class."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (torch.nn.Module,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("model", "torchmetrics"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Anything(spec.name)

    def exec_module(self, module):
        pass


def bits(tensor):
    return tensor.detach().contiguous().numpy().tobytes()


def walk(value, path=()):
    """Everything in a value: (path, tensor) or (path, text of what it is)."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        yield path, f"{type(value).__name__} of {list(map(str, value))}"
        for key, inner in value.items():
            yield from walk(inner, path + (str(key),))
    elif isinstance(value, (list, tuple)):
        yield path, f"{type(value).__name__} of {len(value)}"
        for number, inner in enumerate(value):
            yield from walk(inner, path + (str(number),))
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        yield path, f"{type(value).__module__}.{type(value).__qualname__}"
        yield from walk(vars(value), path)
    elif isinstance(value, torch.nn.Module):
        yield path, f"{type(value).__module__}.{type(value).__qualname__}"
        yield from walk(vars(value), path)
    else:
        yield path, repr(value) if not callable(value) else getattr(value, "__qualname__", "?")


def parameters(loaded):
    if isinstance(loaded, torch.nn.Module):
        return dict(loaded.named_parameters())
    return {name: it for name, it in loaded["state_dict"].items() if name.startswith("model.")}


def main(template, copy, dictionary):
    sys.meta_path.append(Finder())
    old, new = torch.load(template), torch.load(copy)
    wanted = torch.load(dictionary, weights_only=True)
    placed = parameters(new)
    assert len(placed) >= 9 and set(placed) == set(wanted), sorted(set(placed) ^ set(wanted))
    for name, tensor in placed.items():
        assert bits(tensor) == bits(wanted[name]), name
    # The same objects are parameters under other names, too.
    changed = {bits(it) for it in parameters(old).values()}
    kept = 0
    both = list(walk(old)), list(walk(new))
    assert len(both[0]) == len(both[1])
    for (path, before), (other, after) in zip(*both):
        assert path == other, (path, other)
        if not isinstance(before, torch.Tensor):
            assert before == after, (path, before, after)
            continue
        assert before.shape == after.shape and before.dtype == after.dtype, path
        if bits(before) not in changed:
            assert bits(before) == bits(after), path
            kept += 1
    print(f"{len(placed)} parameters, {kept} other tensors, {len(both[0])} values")


main(*sys.argv[1:])
