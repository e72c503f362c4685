#!/usr/bin/env python3
"""How fast PyTorch counts what a search counts: for neurons i and j of one table, the samples in which i and the other
three of j's block are zero. ftperm.py does it with float32 products, batch by batch.

usage: torch_counts.py NEURONS SAMPLES
"""

import sys
import time

import torch


def table(zero, batch, kind, product):
    """Sums of products of 0/1 matrices over batches of samples (rows of `zero`)."""
    neurons = zero.shape[1]
    total = torch.zeros((neurons, neurons), dtype=torch.int64, device=zero.device)
    for part in zero.split(batch):
        blocks = part.view(len(part), -1, 4)
        # The AND of the three others: all four, or all but this one.
        others = (blocks.sum(2, keepdim=True) - blocks.int() == 3).view(len(part), neurons)
        total += product(part.to(kind).T.contiguous(), others.to(kind)).long()
    return total


WAYS = {
    "float32, batches of 8192": (8192, torch.float32, torch.mm),
    "int8, batches of 262144": (1 << 18, torch.int8, lambda a, b: torch._int_mm(a, b)),
}


def main():
    neurons, samples = (int(word) for word in sys.argv[1:])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else "the processor"
    print(f"PyTorch {torch.__version__} on {name}: {neurons} neurons, {samples} samples")
    torch.manual_seed(1)
    # Three of four are zero.
    parts = range(0, samples, 1 << 16)
    zero = torch.cat([torch.rand(min(1 << 16, samples - first), neurons, device=device) < 0.75 for first in parts])
    few = zero[:2048]
    exact = table(few, 512, torch.float64, torch.mm)
    # The definition, for neuron 0 and the block of neuron 4.
    assert exact[0, 4] == few[:, [0, 5, 6, 7]].all(1).sum()

    def finished():
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    for what, way in WAYS.items():
        try:
            if not torch.equal(table(few, *way), exact):
                sys.exit(f"{what}: wrong counts")
            times = []
            for _ in range(3):
                begin = finished()
                table(zero, *way)
                times.append(finished() - begin)
            print(f"{what:<44} {1e3 * min(times):10.2f} ms at best")
        except (AttributeError, RuntimeError) as error:
            print(f"{what:<44} not measured: {str(error).splitlines()[0][:80]}")


main()
