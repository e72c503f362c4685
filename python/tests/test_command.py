"""The command that comes with the package."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import ftperm


def command(*words, **how):
    line = [sys.executable, "-m", "ftperm", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, **how)


def test_it_is_the_same_program(net, binary):
    assert command("--version").stdout == f"ftperm {ftperm.__version__}\n"
    assert command("inspect", net, "--json", "--no-config").stdout == binary("inspect", net, "--json")
    wrong = command("optimise")
    assert wrong.returncode == 2
    assert "optimize" in wrong.stderr
    missing = command("inspect", "nowhere.nnue")
    assert missing.returncode == 1
    assert missing.stderr.startswith("error: nowhere.nnue")


def test_the_script_is_installed():
    script = os.path.join(os.path.dirname(sys.executable), "ftperm")
    done = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert done.stdout == f"ftperm {ftperm.__version__}\n"


def test_jobs_of_batch_are_this_command_again(tmp_path, net, data):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "a.nnue").write_bytes(net.read_bytes())
    (tmp_path / "jobs.toml").write_text(
        f"""
        [jobs.a]
        net = "nets/a.nnue"
        data = [{json.dumps(str(data))}]
        out = "out/a.nnue"
        count = 500
        effort = "quick"
        """
    )
    done = command("batch", "jobs.toml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ftperm.verify(net, tmp_path / "out" / "a.nnue")


def test_no_copy_of_python_is_made(tmp_path, net):
    done = command("embed", net, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "inside another program" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_keeps_the_best_order(tmp_path, net, data):
    words = ["optimize", "--net", net, "--data", data, "--count", 20_000, "--effort", "max"]
    # How long reading and evaluating take, and when the search is at its end, depends on the machine and the build.
    for wait in (1, 2, 3, 5, 8):
        out = tmp_path / f"{wait}.nnue"
        line = [sys.executable, "-m", "ftperm", *words, "--out", out]
        child = subprocess.Popen(list(map(str, line)), stderr=subprocess.PIPE, text=True)
        time.sleep(wait)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=120)
        if "ending with the best order so far" in errors:
            assert child.returncode == 0, errors
            assert ftperm.verify(net, out)
            return
        # Too early, and nothing is written, or too late.
        assert out.exists() == (child.returncode == 0), errors
    pytest.fail("no Ctrl-C came while the program was searching")
