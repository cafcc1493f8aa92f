"""What a comparison is made of, and how one of its sides is measured.

A comparison has a baseline and one or more rows that are set against it. Each side has a
process of its own, so that neither its memory nor its threads touch the others; ``compare``
starts them, waits until all are prepared, and then lets them run one after the other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import resource
import sys
import time
from collections.abc import Callable


class Unavailable(Exception):
    """What a side cannot run for on this machine: a package, a GPU, memory; a sentence that the table shows."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What every side of a run is given.

    Args:
        data: a folder of MIDI files.
        scratch: a folder that the processes of one run share.
        quick: train on an eighth of the pieces.
    """

    data: str
    scratch: str
    quick: bool = False


# A side is prepared with the setting, which is not measured, and then run, once a repeat; a run returns its
# figure in the comparison's unit, or the figure and a remark.
Figure = float | tuple[float, str]
Prepare = Callable[[Setting], Callable[[], Figure]]


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        name: what ``--only`` calls it.
        what: what is measured.
        prepare: musiclib's side.
        at_least: the ratio it has to reach; None where there is nothing to reach.
    """

    name: str
    what: str
    prepare: Prepare
    at_least: float | None = None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Rows that are set against one baseline.

    Args:
        rows: musiclib's sides.
        unit: of the figures.
        against: what the baseline is; empty where there is none.
        baseline: the baseline's side.
        more_is_better: a rate, not a cost.
        once: never repeated, since one run takes minutes.
        on_gpu: leave the GPU visible; elsewhere it is hidden, so that figures are the processor's.
    """

    rows: tuple[Row, ...]
    unit: str
    against: str = ""
    baseline: Prepare | None = None
    more_is_better: bool = False
    once: bool = False
    on_gpu: bool = False

    def ratio(self, baseline: float, ours: float) -> float:
        """How many times better than the baseline."""
        return ours / baseline if self.more_is_better else baseline / ours


def seconds(function: Callable[[], object]) -> float:
    """Times one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def peak_memory() -> float:
    """Returns the most memory this process has had at once since ``forget_peak``, in MB."""
    with contextlib.suppress(OSError, StopIteration):
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    scale = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def forget_peak() -> float:
    """Lets ``peak_memory`` begin anew, where the system can, and returns what is in use, in MB."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()
