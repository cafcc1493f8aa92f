"""One side of one row in a process of its own: prepares, then measures whenever it is told to.

Started by ``compare``, which writes a line for each measurement and reads one line of JSON back.
"""

from __future__ import annotations

import json
import os
import sys

from benchmarks.compare import find
from benchmarks.measure import Setting, Unavailable, forget_peak, peak_memory


def main(name: str, side: str, setting: str) -> None:
    """Prepares the side ``"baseline"`` or ``"ours"`` of a row and measures it line by line."""
    # Whatever libraries print goes to standard error: standard output is the line to ``compare``.
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    comparison, row = find(name)
    prepare = comparison.baseline if side == "baseline" else row.prepare
    try:
        run = prepare(Setting(**json.loads(setting)))
    except Unavailable as error:
        print(json.dumps({"unavailable": str(error)}), file=channel)
        return
    print(json.dumps({}), file=channel)
    for _ in sys.stdin:
        before = forget_peak()
        figure = run()
        value, remark = figure if isinstance(figure, tuple) else (figure, "")
        print(json.dumps({"value": value, "remark": remark, "memory": max(peak_memory() - before, 0.0)}), file=channel)


if __name__ == "__main__":
    main(*sys.argv[1:])
