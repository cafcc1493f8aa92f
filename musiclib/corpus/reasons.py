"""Reasons: why files were skipped, in a few lines however many there are."""

from __future__ import annotations

import collections
import pathlib
import re
from collections.abc import Sequence

_MOST_LINES = 9
_MOST_NAMES = 5  # of the files with one reason
_LONGEST = 300  # characters of a reason
_DETAILS = re.compile(r"; its parts are| \(")  # what follows differs from file to file


def grouped(skipped: Sequence[tuple[str, str]]) -> str:
    """Returns the reasons, most frequent first, one a line, with how many files have each and the names of some.

    Reasons that differ in a detail alone, such as the parts that a file has, are one; its first file's is shown.

    Args:
        skipped: pairs (path, error message), as in ``Corpus.skipped``.
    """
    groups: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
    for path, message in skipped:
        reason = _without_path(path, message)
        groups[_DETAILS.split(reason)[0]].append((path, reason))
    ordered = sorted(groups.values(), key=len, reverse=True)
    shown = ordered if len(ordered) <= _MOST_LINES else ordered[: _MOST_LINES - 1]
    lines = [_line(group) for group in shown]
    if rest := ordered[len(shown) :]:
        lines.append(f"{sum(map(len, rest)):,} files for {len(rest)} other reasons")
    return "\n".join(f"  {line}" for line in lines)


def _line(group: list[tuple[str, str]]) -> str:
    reason = group[0][1]
    reason = reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}..."
    if len(group) == 1:
        return f"{group[0][0]}: {reason}"
    names = ", ".join(pathlib.Path(path).name for path, _ in group[:_MOST_NAMES])
    which = f"{names}" if len(group) <= _MOST_NAMES else f"such as {names}"
    return f"{len(group):,} files ({which}): {reason}"


def _without_path(path: str, message: str) -> str:
    """Returns an error message without the path that stands in it; of a piece of a file, the path ends in ``#3``."""
    for file in (path, path.rpartition("#")[0]):
        message = message.removeprefix(f"cannot read {file}: ") if file else message
    return " ".join(message.split())
