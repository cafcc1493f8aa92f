"""Sustain pedal: piano MIDI as it sounds, where notes ring on while the pedal is down.

The other readers give durations as the keys were held. Published figures on piano performances count durations that
the sustain pedal extends; this reads files in that way.
"""

from __future__ import annotations

import pathlib

import numpy as np

from musiclib.readers.read import read_score
from musiclib.score import Score


def read_sustained(path: str | pathlib.Path) -> Score:
    """Reads a MIDI file with symusic and lets its notes ring on while the pedal (controller 64) is down.

    All parts of the file share its pedals: it is meant for a piano.

    Raises:
        FileNotFoundError: as ``read_score``.
        UnreadableScore: as ``read_score``.
    """
    import symusic

    score = read_score(path, reader="symusic")
    found = symusic.Score(str(path))
    pedals = [(pedal.time, pedal.time + pedal.duration) for track in found.tracks for pedal in track.pedals]
    return sustain(score, np.array(sorted(pedals), dtype=np.float64).reshape(-1, 2) / found.ticks_per_quarter)


def sustain(score: Score, pedals: np.ndarray) -> Score:
    """Lets the notes that end while a pedal is down last until it comes up, or until their pitch begins again.

    Args:
        score: the keys as they were pressed.
        pedals: (n, 2), when the pedal goes down and when it comes up, in quarter lengths.

    Source: the rule is that of Ian Simon and Sageev Oore, "Performance RNN" (2017).
    """
    ends = score.onset + score.duration
    rings = ends.copy()
    for down, up in pedals.tolist():
        rings = np.where(ends >= down, np.maximum(rings, up), rings)
    following = np.full(len(score), np.inf)  # the next onset of the same pitch in the same part
    order = np.lexsort((score.onset, score.pitch, score.part))
    same = (np.diff(score.pitch[order]) == 0) & (np.diff(score.part[order]) == 0)
    following[order[:-1][same]] = score.onset[order[1:][same]]
    rings = np.where(rings > ends, np.maximum(np.minimum(rings, following), ends), ends)
    return score.replace(duration=np.where(rings > ends, rings - score.onset, score.duration))
