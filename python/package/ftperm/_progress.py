"""What is told while work is under way."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional, Union

Callback = Callable[[str, int, int], Any]
Progress = Union[None, bool, Callback]


@contextmanager
def watching(progress: Progress) -> Iterator[Optional[Callback]]:
    """The function to call: the one that was given, one with bars of tqdm for True, or none."""
    if progress is None or progress is False:
        yield None
    elif progress is True:
        bars = _bars()
        try:
            yield bars
        finally:
            if bars is not None:
                bars.close()
    else:
        yield progress


class _Bars:
    """A bar of tqdm for each stage."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self._bar: Any = None
        self._stage: Optional[str] = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = self._make(total=total or None, desc=stage)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _bars() -> Optional[_Bars]:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return _Bars(tqdm)
