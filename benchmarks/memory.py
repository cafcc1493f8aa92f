"""Memory: an epoch of lazy batches, against every window as one-hot rows."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tracemalloc
from collections.abc import Callable

from benchmarks import music, textbook
from benchmarks.measure import Comparison, Row, Setting, Unavailable
from musiclib.encodings.vocabulary import RESERVED


def _peak(function: Callable[[], object]) -> float:
    """Returns the most memory that a call had allocated at once, in MB; NumPy reports its arrays exactly."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / 1024**2
    finally:
        tracemalloc.stop()


def available_memory() -> float:
    """Returns the bytes that a process can still be given; where the system does not tell, half of all there are."""
    with contextlib.suppress(OSError, StopIteration):
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024.0
    return 0.5 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def need_memory(count: int, size: int) -> None:
    """Refuses one-hot windows that would not fit, before the system ends the process for them."""
    needed, free = count * textbook.WINDOW * size * 4, available_memory()
    if needed > 0.8 * free:
        raise Unavailable(f"the one-hot windows take {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free")


def _one_hot(setting: Setting) -> Callable[[], float]:
    pieces = music.names(setting)
    vocabulary = music.vocabulary(pieces)
    numbers, size = music.numbers(pieces, vocabulary), len(vocabulary) - len(RESERVED)
    need_memory(len(numbers), size)
    return lambda: _peak(lambda: textbook.one_hot_windows(numbers, size))


def _lazy(setting: Setting) -> Callable[[], float]:
    from musiclib.dataset import Windows

    pieces = music.names(setting)
    ids = music.ids(pieces, music.vocabulary(pieces))

    def epoch() -> None:
        windows = Windows(ids, textbook.WINDOW, textbook.BATCH_SIZE, targets="last", seed=0)
        for index in range(len(windows)):
            windows[index]
        windows.on_epoch_end()

    return lambda: _peak(epoch)


COMPARISONS = (
    Comparison(
        rows=(Row("windows_memory", "memory for an epoch of windows", _lazy, 200),),
        unit="MB",
        against="one-hot arrays",
        baseline=_one_hot,
    ),
)
