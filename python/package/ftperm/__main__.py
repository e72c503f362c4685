"""The command `ftperm`, also as `python -m ftperm`."""

import sys
from typing import NoReturn

from ._ftperm import main as _main


def main() -> NoReturn:
    """Runs the command line of this process and ends with its exit code."""
    words = ["ftperm", *sys.argv[1:]]
    sys.exit(_main(words, [sys.executable, "-m", "ftperm"]))


if __name__ == "__main__":
    main()
