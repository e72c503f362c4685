"""From a network and training data to a faster network, cell by cell.

    python order.py NETWORK DATA [FOLDER]
"""

# %% What there is.
import sys
from pathlib import Path

import numpy as np

import ftperm

net, data = sys.argv[1:3]
folder = Path(sys.argv[3] if len(sys.argv) > 3 else ".")
about = ftperm.inspect(net)
print(f"{about['era']}: {about['neurons']} neurons in blocks of four, {about['features'][0]['name']}")

# %% Which outputs are zero: a matrix (positions, 2 * neurons), true where an output is zero.
matrix = ftperm.gather(net, data, count=4000)
samples = matrix.reshape(-1, about["neurons"])
print(f"{samples.mean():.1%} of the outputs are zero, {ftperm.zero_rate(samples):.1%} of the blocks")

# %% The best order on half of the positions, measured on the other half.
half = len(matrix) // 2
found = ftperm.find(matrix[:half], perspectives=2, seed=1, progress=True)
before = ftperm.zero_rate(matrix[half:], perspectives=2)
after = ftperm.zero_rate(matrix[half:], found.permutation, perspectives=2)
print(f"on positions that the search did not see: {before:.1%} before, {after:.1%} after")

# %% A permutation is an array.
rates = samples.mean(axis=0)[found.permutation]
print("zero rates of the first block:", np.round(rates[:4], 2))

# %% The network in that order, and the proof that it is the same.
network = ftperm.Network.read(net).permuted(found.permutation)
path = network.save(folder)
print(f"wrote {Path(path).name}: {ftperm.verify(net, path).report['verified']}")

# %% All of this in one go, measured on games that the search does not see.
done = ftperm.optimize(net, data, count=4000, effort="quick")
print(f"optimize: {done.before:.1%} before, {done.after:.1%} after")
