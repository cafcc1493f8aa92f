"""Ties: joins tied notes, each pitch of a chord by itself."""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable


def join_ties(notes: Iterable[tuple]) -> list[list]:
    """Joins tied notes of one part.

    Args:
        notes: rows (onset, duration, pitch, velocity, tie); the tie is None, ``"start"``, ``"continue"`` or ``"stop"``.

    Returns:
        Rows [onset, duration, pitch, velocity]. A tie that leads to no note, or comes from none, is ignored.
    """
    joined: list[list] = []
    waiting: dict[int, list[list]] = collections.defaultdict(list)  # by pitch: notes with an open tie
    for onset, duration, pitch, velocity, tie in sorted(notes, key=lambda note: note[0]):
        if waiting[pitch]:  # those that have ended cannot be tied to later notes
            waiting[pitch] = [note for note in waiting[pitch] if note[0] + note[1] > onset - 1e-3]
        ends = (note for note in waiting[pitch] if math.isclose(note[0] + note[1], onset, abs_tol=1e-4))
        held = next(ends, None) if tie in ("continue", "stop") else None
        if held is None:
            joined.append([onset, duration, pitch, velocity])
            if tie in ("start", "continue"):
                waiting[pitch].append(joined[-1])
        else:
            held[1] = onset + duration - held[0]
            if tie == "stop":
                waiting[pitch].remove(held)
    return joined
