#!/usr/bin/env python3
"""Compares what two builds of ftperm write and print, for changes that must not change anything.

    tests/compare_binaries.py OLD NEW [--only TEXT] [--keep FOLDER]

Runs each command line below with both programs, each in a folder of its own with the same inputs. Equal must be: the
exit code, every output file byte for byte (JSON without times, versions and memory), standard output likewise, and
standard error but for times. Cases whose inputs are not at hand (real networks, reference material) are skipped and
counted. Exit code 0: nothing differs.
"""

import argparse
import difflib
import gzip
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
LC0 = pathlib.Path(os.environ.get("FTPERM_LC0_NETS", ROOT / "target/lc0-nets"))
NPM = pathlib.Path(os.environ.get("FTPERM_NPM_NETS", ROOT / "target/npm-nets"))

# Name in the work folder: where it is. What does not exist is missing in all cases that name it.
INPUTS = {
    "demo.nnue": ROOT / "datasets/demo.nnue",
    "selfplay.binpack": ROOT / "datasets/selfplay.binpack",
    "demo-raw.toml": ROOT / "layouts/demo-raw.toml",
    "sf19.nnue": SHARED / "nets/nn-1a298aa575a0.nnue",
    "sf17small.nnue": SHARED / "nets/nn-37f18f62d772.nnue",
    "tiny.nnue": SHARED / "nets/nn-61e7af4bb97d.nnue",
    "lite.nnue": SHARED / "nets/nn-9067e33176e8.nnue",
    "sf14.nnue": NPM / "16.0.0/src/emscripten/public/old-nn/nn-76a8a7ffb820.nnue",
    "sf141.nnue": NPM / "14.1.0/src/nn-13406b1dcbe0.nnue",
    "sf171": NPM / "17.1.0/src/stockfish-17.1-single-a496a04",
    "sf18.wasm": NPM / "18.0.8/bin/stockfish-18-single.wasm",
    "maia.pb.gz": LC0 / "maia-1900.pb.gz",
    "stockfish": pathlib.Path("/usr/games/stockfish"),
    "null-move.plain": SHARED / "cases/null-move.plain",
    "null-move.bin": SHARED / "cases/null-move.bin",
    "ply0.bin": SHARED / "cases/ply0-as-c-chess-cli.bin",
    "bom.fens": SHARED / "cases/bom.fens",
    "long.zst": SHARED / "cases/zstd-long28.binpack.zst",
    "small.binpack": SHARED / "data/small.binpack",
    "search.fens.gz": SHARED / "data/search-positions.fens.gz",
    "fens2000.txt": SHARED / "reference/actmats/fens2000.txt",
    "hm.npy.gz": SHARED / "reference/actmats/seed_HalfKAv2_hm_L32.actmat.npy.gz",
    "head": SHARED / "reference/triples/head/Composite_L32",
    "hm": SHARED / "reference/triples/seed/HalfKAv2_hm_L32",
    "threats": SHARED / "reference/triples/seed/Full_Threats_L32",
    "reference.perm.npy": SHARED / "reference/perms/head_Composite_L32.perm.npy",
}

D = "--net demo.nnue --data selfplay.binpack"
R = "--net raw.nnue --data selfplay.binpack"
# The layout describes the network as it is without compression.
RAW = "serialize demo.nnue raw.nnue --ft-compression none"
CPU = "--backend cpu --threads 1"
# Each case: lines run one after the other in one folder. `!kill SECONDS LINE` interrupts the line.
CASES = [
    f"optimize {D} --json --backend cpu",
    f"optimize {D} --out o.nnue --perm o.perm.txt --report o.json --backend cpu",
    f"optimize {D} --out o.nnue --report o.json --threads 1 --backend cpu",
    f"optimize {D} --out o.nnue --report o.json --threads 2 --backend cpu",
    f"optimize {D} --out o.nnue --report o.json --kernel portable --backend cpu",
    f"optimize {D} --out o.nnue --report o.json --kernel avx2 --backend cpu",
    f"optimize {D} --out o.nnue --report o.json --backend gpu",
    f"optimize {D} --out o.nnue --positions search --effort quick --seed 3 --backend cpu --json",
    f"optimize {D} --out o.nnue --positions random --effort quick --seed 4 --backend cpu --json",
    f"optimize {D} --out o.nnue --weight 0=0.5,7=3 --effort quick --backend cpu --json",
    f"optimize {D} --out o.nnue --memory 46M --certify --effort quick --backend cpu --json",
    f"optimize {D} --out o.nnue --weight 0=0,3=2.5 --memory 46M --effort quick --backend cpu --json",
    f"optimize {D} --out o.nnue --count 3000 --holdout 0 --ft-compression leb128 --description hello --backend cpu",
    f"optimize {D} --out o.nnue --count 3000 --export rust --backend cpu",
    f"optimize {D} --out o.nnue --reference-filters --skip 2 --sample-rate 0.5 --backend cpu --json",
    f"optimize {D} --out-sha . --count 4000 --backend cpu\nnets",
    f"optimize {D} --out o.nnue --perm o.perm.npy --count 4000 --backend cpu\n"
    "apply o.perm.npy --net demo.nnue --out a.nnue\napply o.perm.npy --net a.nnue --inverse --out b.nnue\n"
    "verify demo.nnue a.nnue --json\nverify demo.nnue b.nnue --data selfplay.binpack\n"
    "export o.perm.npy --as rust\nexport o.perm.npy --as c --columns halves\nexport o.perm.npy --as json --inverse\n"
    "inspect o.perm.npy --json",
    f"gather {D} --out p.planes {CPU}\ninspect p.planes --json\neval --data p.planes --json\n"
    "find --data p.planes --out f.perm.txt --json\neval --data p.planes --perm f.perm.txt\n"
    "find --data p.planes --out g.perm.txt --certify --effort quick --json\n"
    "find --data p.planes --out h.perm.txt --start f.perm.txt --seed 2 --json\n"
    "find --data p.planes --out i.perm.txt --weight 1=0,5=2 --effort quick --json\n"
    "find --data p.planes --out j.perm.txt --memory 34M --effort quick --json",
    f"gather {D} --out p.planes --shards 3 {CPU}\ngather {D} --out p.planes --shards 3 --resume {CPU}\n"
    "find --data p.0*.planes --out f.perm.txt --effort quick --json\neval --data p.0*.planes",
    f"gather {D} --out p.planes --shard 2/3 {CPU}\ninspect p.0002-of-0003.planes --json",
    f"gather {D} --positions search --count 2000 --out p.planes {CPU}\ninspect p.planes",
    f"gather {D} --out p.planes --backend gpu --count 5000\nfind --data p.planes --out f.perm.txt --backend gpu --json",
    f"gather {D} --out p.planes {CPU}\nfind --data p.planes --out f.perm.txt --effort max --time-limit 3 --quiet",
    "inspect demo.nnue", "inspect demo.nnue --json", "inspect selfplay.binpack --json", "inspect demo-raw.toml",
    "trace --net demo.nnue --fen 'r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1' --json",
    "trace --net tiny.nnue --fen '4k3/8/8/8/8/8/4P3/4K3 w - - 0 1'",
    "serialize demo.nnue a.pt\nserialize demo.nnue a.safetensors\ninspect a.safetensors --json\n"
    "serialize a.safetensors b.nnue\nserialize a.pt c.nnue",
    "serialize demo.nnue a.nnue --ft-compression none\nserialize demo.nnue b.nnue --ft-compression leb128",
    "config optimize --count 5", "devices --json", "completions bash", "completions zsh", "man .",
    f"batch jobs.toml --dry-run\nbatch jobs.toml\nbatch jobs.toml",
    f"{RAW}\noptimize --layout demo-raw.toml {R} --out o.nnue --report o.json --backend cpu",
    f"{RAW}\noptimize --layout demo-raw.toml {R} --out o.nnue --perm p.txt --memory 60M --backend cpu --json\n"
    "apply p.txt --layout demo-raw.toml --net raw.nnue --out a.nnue\n"
    "verify --layout demo-raw.toml raw.nnue a.nnue --data selfplay.binpack --json",
    "optimize --net nothing.nnue --data selfplay.binpack", "optimize --net demo.nnue --data nothing.binpack",
    "inspect nothing", "apply selfplay.binpack --net demo.nnue", "find --data demo.nnue --out x",
    "verify demo.nnue selfplay.binpack", "serialize selfplay.binpack x.nnue", "gather", "optimize --count 0",
    f"optimize {D} --out o.nnue --perm o.perm.txt --report o.json --count 3000 --backend cpu\nreport o.json --out o.html\n"
    "export o.perm.txt --for viridithas\nexport o.perm.txt --for hobbes",
    "nets", "nets --json", "embed demo.nnue --out copy", "layouts", "layouts obsidian", "shims there",
    "features", "features --json", "features Full_Threats+HalfKAv2_hm^", "features HalfKAv2_hm --index 100",
    "features HalfKP --fen 'r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1' --json",
    "features Nonsense", "init HalfKAv2_hm --l1 64 --seed 3 begin.safetensors\ninspect begin.safetensors --json",
    "inspect --size demo.nnue --json", "serialize demo.nnue z.nnue --zero-unreachable\nverify demo.nnue z.nnue",
    f"{RAW}\ntrace --layout demo-raw.toml --net raw.nnue --fen '4k3/8/8/8/8/8/4P3/4K3 w - - 0 1' --json\n"
    f"gather --layout demo-raw.toml {R} --out p.planes {CPU}\neval --data p.planes --json",
    # Every format of data.
    *[f"inspect {data} --json\ngather --net demo.nnue --data {data} --out p.planes {CPU}"
      for data in ["null-move.plain", "null-move.bin", "ply0.bin", "bom.fens", "long.zst", "search.fens.gz"]],
    # Networks of Lc0, and in an engine.
    "inspect maia.pb.gz --json\nserialize maia.pb.gz m.safetensors\nverify maia.pb.gz maia.pb.gz",
    "inspect stockfish --json",
    # Real networks of other eras.
    *[f"inspect {net} --json\noptimize --net {net} --data small.binpack --count 4000 --out o.nnue --report o.json "
      f"--effort quick --backend cpu\nverify {net} o.nnue --data small.binpack --count 200 --json"
      for net in ["tiny.nnue", "lite.nnue", "sf17small.nnue", "sf14.nnue", "sf141.nnue", "sf171", "sf18.wasm"]],
    "optimize --net sf19.nnue --data small.binpack --count 4000 --out o.nnue --report o.json --effort quick --backend cpu",
    "optimize --net tiny.nnue --data search.fens.gz --count 4000 --out o.nnue --effort quick --backend cpu --json",
    "gather --net tiny.nnue --data fens2000.txt --out p.planes --backend cpu\neval --data p.planes --json",
    "inspect hm/* --json", "inspect hm.npy.gz",
    *[f"serialize {name}/{ckpt} out.nnue\nserialize {name}/{ckpt} out.safetensors\ninspect {name}/{ckpt} --json"
      for name, ckpt in [("head", "*.ckpt"), ("hm", "*.ckpt"), ("threats", "*.ckpt")]],
    # A search that is stopped and goes on.
    f"gather {D} --out p.planes {CPU}\n!kill 2 find --data p.planes --out f.perm.txt --effort max --checkpoint s.state "
    "--threads 1\nfind --data p.planes --out f.perm.txt --effort max --checkpoint s.state --threads 1",
]
JOBS = """[defaults]
data = ["selfplay.binpack"]
count = 3000
backend = "cpu"
[jobs.one]
net = "demo.nnue"
out-sha = "out"
report = "out/{job}.json"
"""
# Fields of JSON that tell about the machine and the moment.
FIELDS = {"seconds", "peak_rss_bytes", "version", "finished", "time", "modified", "adapter", "started", "mtime"}
TIMES = re.compile(r">seconds</th><td>[^<]*|\b\d+(\.\d+)? ?(s|ms|seconds?|MB|GB|kB|%/s)\b|\d+ positions/s")

# How far something is, which only slow machines say.
PROGRESS = re.compile(r"^[\w ]+: .*(a second|left)$")


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(value[key]) for key in value if key not in FIELDS}
    if isinstance(value, list):
        return [without_times(entry) for entry in value]
    return value


def normal(data, folder):
    """JSON, or lines of it, without times; other text without times; other bytes as they are."""
    try:
        text = data.decode().replace(str(folder), "FOLDER")
    except UnicodeDecodeError:
        return data
    try:
        return json.dumps(without_times(json.loads(text)), sort_keys=True, indent=1)
    except ValueError:
        pass
    lines = []
    for line in text.splitlines():
        if PROGRESS.match(line):
            continue
        try:
            lines.append(json.dumps(without_times(json.loads(line)), sort_keys=True))
        except ValueError:
            lines.append(TIMES.sub("TIME", re.sub(r"\.ftperm-\w+", "TEMPORARY", line)))
    return "\n".join(lines)


def missing_inputs(case):
    words = set(re.split(r"[\s/]+", case))
    return [name for name, path in INPUTS.items() if name in words and not path.exists()]


def run(program, case, folder):
    """What a case prints and writes: a list of (what, content)."""
    words = set(re.split(r"[\s/]+", case))
    for name, path in INPUTS.items():
        if name in words or name in ("demo.nnue", "selfplay.binpack"):
            if path.is_dir():
                shutil.copytree(path, folder / name)
            elif path.exists():
                os.symlink(path, folder / name)
    (folder / "jobs.toml").write_text(JOBS)
    seen = []
    environment = {**os.environ, "PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "100"}
    for number, line in enumerate(case.split("\n")):
        seconds = None
        if line.startswith("!kill "):
            _, seconds, line = line.split(" ", 2)
        process = subprocess.Popen(["bash", "-c", f'exec "{program}" {line}'], cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        if seconds:
            time.sleep(float(seconds))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            continue
        out, err = process.communicate(timeout=600)
        seen.append((f"{number}: exit code", process.returncode))
        seen.append((f"{number}: stdout", normal(out, folder)))
        seen.append((f"{number}: stderr", normal(err, folder)))
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and "jobs.toml" not in path.name:
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = gzip.decompress(data)
            seen.append((str(path.relative_to(folder)), normal(data, folder)))
    return seen


def differences(old, new):
    olds, news = dict(old), dict(new)
    for what in sorted(olds.keys() | news.keys()):
        if olds.get(what) != news.get(what):
            yield what, olds.get(what), news.get(what)


def show(value):
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def show_difference(old, new):
    """Of two texts the lines that differ, else both."""
    if not (isinstance(old, str) and isinstance(new, str)):
        return f"    old: {show(old)[:2000]}\n    new: {show(new)[:2000]}"
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "old", "new", lineterm="", n=0)
    return "\n".join(f"    {line[:500]}" for line in itertools.islice(lines, 40))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--only", default="", help="cases that hold this text")
    options = parser.parse_args()
    equal = differing = skipped = 0
    for case in CASES:
        if options.only not in case:
            continue
        missing = missing_inputs(case)
        if missing:
            skipped += 1
            print(f"skipped ({', '.join(missing)} missing): {case.splitlines()[0]}")
            continue
        seen = []
        for program in (options.old, options.new):
            with tempfile.TemporaryDirectory(prefix="compare-") as folder:
                seen.append(run(program.resolve(), case, pathlib.Path(folder)))
        found = list(differences(*seen))
        equal, differing = equal + (not found), differing + bool(found)
        if found:
            print(f"differs: {case}")
        for what, old, new in found:
            print(f"  {what}\n{show_difference(old, new)}")
        sys.stdout.flush()
    lines = sum(len(case.split("\n")) for case in CASES)
    print(f"{equal} cases equal, {differing} differ, {skipped} skipped; {len(CASES)} cases, {lines} command lines in all")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
