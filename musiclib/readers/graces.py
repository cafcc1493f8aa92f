"""Grace notes: placed just before the beat that they lead to, so that every notated onset stays where it is."""

from __future__ import annotations

import numpy as np

LENGTH = 0.125  # quarter lengths of a grace note, if there is room for it


def before_the_beat(graces: np.ndarray, notes: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Turns grace notes into notes between the previous onset of their part and the beat that they lead to.

    Args:
        graces: (n, 5), rows (onset of the beat, place in their group from 0, pitch, velocity, part).
        notes: (m, 4), the other notes, rows that begin with the onset.
        part: (m,), their parts.

    Returns:
        Rows (onset, duration, pitch, velocity), the part of each, and the number of grace notes left out, since there
        is no room before the first beat of a piece.
    """
    rows, parts, early = [], [], 0
    graces = graces[np.lexsort((graces[:, 0], graces[:, 4]))]
    onsets = {owner: np.unique(notes[part == owner, 0]) for owner in np.unique(graces[:, 4]).tolist()}
    ends = np.flatnonzero(np.any(np.diff(graces[:, [0, 4]], axis=0) != 0, axis=1)) + 1
    for group in np.split(graces, ends):
        beat, owner = float(group[0, 0]), float(group[0, 4])
        if beat == 0:
            early += len(group)
            continue
        place = int(np.searchsorted(onsets[owner], beat))
        previous = float(onsets[owner][place - 1]) if place else 0.0
        count = int(group[:, 1].max()) + 1
        length = min(LENGTH, (beat - previous) / (count + 1))
        for _, place, pitch, velocity, _ in group.tolist():
            rows.append((beat - (count - place) * length, length, pitch, velocity))
            parts.append(int(owner))
    return np.array(rows).reshape(-1, 4), np.array(parts, dtype=np.int64), early
