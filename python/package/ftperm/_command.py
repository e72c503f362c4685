"""Running commands in this process, by the options of the command line."""

from __future__ import annotations

import json
import os
from typing import Any, Iterable, Union

from ._errors import Error
from ._ftperm import run
from ._progress import Progress, watching

Paths = Union[str, "os.PathLike[str]", Iterable[Union[str, "os.PathLike[str]"]]]


def paths(given: Paths) -> list[str]:
    """One path or several, as text."""
    if isinstance(given, (str, os.PathLike)):
        given = [given]
    return [os.fspath(path) for path in given]


def words(command: str, positional: Iterable[str], options: dict[str, Any]) -> list[str]:
    """The command line. An option that is None or False is left out; one that is True has no value."""
    line = ["ftperm", "--json", "--no-config", command]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            line.append(option)
        elif isinstance(value, (list, tuple)):
            line.extend(f"{option}={_text(each)}" for each in value)
        else:
            line.append(f"{option}={_text(value)}")
    return [*line, "--", *positional] if positional else line


def _text(value: Any) -> str:
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def called(
    command: str,
    positional: Iterable[str],
    options: dict[str, Any],
    progress: Progress = None,
) -> tuple[dict[str, Any], "Error | None"]:
    """What the command reports, and what it failed with although it reported something."""
    with watching(progress) as callback:
        printed, error = run(words(command, list(positional), options), callback)
    if not printed.strip():
        raise error if error is not None else Error(f"{command} says nothing")
    return json.loads(printed), error


def report_of(
    command: str,
    positional: Iterable[str],
    options: dict[str, Any],
    progress: Progress = None,
) -> dict[str, Any]:
    """What the command reports.

    Raises:
        Error: it failed.
    """
    report, error = called(command, positional, options, progress)
    if error is not None:
        raise error
    return report
