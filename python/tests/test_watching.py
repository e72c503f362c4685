"""Progress, early ends, and threads."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import ftperm

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@pytest.fixture(scope="module")
def noise():
    """Something to search for a long time on."""
    return np.random.default_rng(1).random((20_000, 128)) < 0.7


def test_progress_is_told(net, data, noise):
    told = []
    ftperm.optimize(net, data, count=2000, progress=lambda *step: told.append(step))
    assert {"searching", "verifying"} <= {stage for stage, _, _ in told}
    assert all(0 <= done <= total for _, done, total in told if total)
    told.clear()
    ftperm.find(noise, effort="quick", progress=lambda *step: told.append(step))
    assert {stage for stage, _, _ in told} == {"searching"}


def test_work_of_no_time_is_told():
    zero = np.zeros((64, 8), bool)
    zero[::2, ::2] = True
    for _ in range(20):
        told = []
        ftperm.find(zero, effort="quick", progress=lambda *step: told.append(step))
        assert {stage for stage, _, _ in told} == {"searching"}


def test_nobody_hears_of_the_work_of_others(net, data, tmp_path):
    heard = {"optimize": [], "gather": []}

    def optimize():
        ftperm.optimize(net, data, count=2000, effort="quick", progress=lambda *step: heard["optimize"].append(step))

    def gather():
        out = tmp_path / "g.planes"
        ftperm.gather(net, data, out=out, count=2000, progress=lambda *step: heard["gather"].append(step))

    threads = [threading.Thread(target=work) for work in (optimize, gather, optimize, gather)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stages = {name: {stage for stage, _, _ in told} for name, told in heard.items()}
    assert "searching" in stages["optimize"]
    assert stages["gather"] and "searching" not in stages["gather"] and "verifying" not in stages["gather"]


def test_false_ends_a_search_with_the_best_so_far(noise):
    begun = time.monotonic()
    found = ftperm.find(noise, effort="max", progress=lambda stage, done, total: False)
    assert time.monotonic() - begun < 30
    assert found.interrupted
    assert found.after >= found.before


def test_an_exception_of_the_callback_is_raised(tmp_path, net, data, noise):
    class Enough(Exception):
        pass

    def enough(stage, done, total):
        raise Enough

    with pytest.raises(Enough):
        ftperm.find(noise, effort="max", progress=enough)
    with pytest.raises(Enough):
        ftperm.optimize(net, data, effort="max", progress=enough)


def test_tqdm_shows_bars(noise, capsys):
    pytest.importorskip("tqdm")
    ftperm.find(noise, effort="quick", progress=True)
    assert "searching" in capsys.readouterr().err


def test_other_threads_go_on(noise):
    counted = 0
    done = threading.Event()

    def work():
        ftperm.find(noise, effort="normal", time_limit=2)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.is_set():
        counted += 1
        time.sleep(0.001)
    thread.join()
    assert counted > 50


def test_commands_of_several_threads_wait_for_one_another(net):
    found = []
    threads = [threading.Thread(target=lambda: found.append(ftperm.inspect(net))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6 and all(report == found[0] for report in found)


def run(script: str, *, after: str, words=()) -> "subprocess.CompletedProcess[str]":
    """Runs a script, and interrupts it a moment after it has printed this."""
    line = [sys.executable, "-u", "-c", textwrap.dedent(script), *map(str, words)]
    child = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out = ""
    while after not in out:
        read = child.stdout.readline()
        assert read, child.stderr.read()
        out += read
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    rest, errors = child.communicate(timeout=120)
    return subprocess.CompletedProcess(line, child.returncode, out + rest, errors)


@POSIX
def test_ctrl_c_keeps_the_best_order():
    done = run(
        """
        import numpy as np, ftperm
        noise = np.random.default_rng(1).random((20_000, 128)) < 0.7
        told = lambda stage, done, total: print(stage)
        found = ftperm.find(noise, effort="max", progress=told)
        print("kept", found.interrupted, found.after > found.before, len(found.permutation))
        """,
        after="searching",
    )
    assert done.returncode == 0, done.stderr
    assert "kept True True 128" in done.stdout


@POSIX
def test_ctrl_c_writes_the_best_network(tmp_path, net, data):
    out = tmp_path / "out.nnue"
    done = run(
        """
        import sys, ftperm
        told = lambda stage, done, total: print(stage)
        net, data, out = sys.argv[1:]
        found = ftperm.optimize(net, data, out=out, effort="max", count=20_000, progress=told)
        print("kept", found.interrupted, found.after > found.before)
        """,
        after="searching",
        words=(net, data, out),
    )
    assert done.returncode == 0, done.stderr
    assert "kept True True" in done.stdout
    assert ftperm.verify(net, out)


@POSIX
def test_ctrl_c_before_an_order_is_raised(tmp_path, net):
    """The data are a pipe that nobody writes into."""
    pipe = tmp_path / "data.plain"
    os.mkfifo(pipe)
    keeper = os.open(pipe, os.O_RDWR)
    out = tmp_path / "out.nnue"
    # So much that its format is known and reading has begun.
    games = "fen rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1\nmove e2e4\nscore 1\nply 0\nresult 0\ne\n"
    done = None
    try:
        os.write(keeper, (games * 400).encode())
        script = """
            import sys, threading, time, os, ftperm
            print("begun")
            def feed():
                # Something more to read, so that the reader looks up.
                time.sleep(1.5)
                with open(sys.argv[2], "ab", buffering=0) as pipe:
                    games = sys.argv[4].encode() * 400
                    for _ in range(4000):
                        pipe.write(games)
            threading.Thread(target=feed, daemon=True).start()
            try:
                ftperm.optimize(sys.argv[1], sys.argv[2], out=sys.argv[3], count=10**9)
            except KeyboardInterrupt:
                print("raised")
                os._exit(0)
        """
        done = run(script, after="begun", words=(net, pipe, out, games))
    finally:
        os.close(keeper)
    assert "raised" in done.stdout, done.stderr
    assert not out.exists()
    assert list(tmp_path.iterdir()) == [pipe]
