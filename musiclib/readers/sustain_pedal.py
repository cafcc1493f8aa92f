"""Sustain pedal: piano MIDI whose notes are extended while the pedal is down.

The other readers return durations from note-on to note-off. Published results on piano performances often use
durations extended by the sustain pedal; this module computes them.
"""

from __future__ import annotations

import pathlib

import numpy as np

from musiclib.readers import midi_file
from musiclib.readers.read import read_score
from musiclib.score import Score


def read_sustained(path: str | pathlib.Path) -> Score:
    """Reads a MIDI file with symusic and extends its notes while the sustain pedal (controller 64) is down.

    The pedal applies to all parts of the file, as on a piano.

    Raises:
        FileNotFoundError: see ``read_score``.
        UnreadableScore: see ``read_score``.
    """
    import symusic

    score = read_score(path, reader="symusic")
    found = symusic.Score.from_midi(midi_file.load(pathlib.Path(path).expanduser()))
    pedals = [(pedal.time, pedal.time + pedal.duration) for track in found.tracks for pedal in track.pedals]
    return sustain(score, np.array(sorted(pedals), dtype=np.float64).reshape(-1, 2) / found.ticks_per_quarter)


def sustain(score: Score, pedals: np.ndarray) -> Score:
    """Extends notes that end while the pedal is down until it is released, or until the next note of that pitch.

    Args:
        score: notes with durations from note-on to note-off.
        pedals: (n, 2), times of pedal down and pedal up, in quarter lengths.

    Source: Ian Simon and Sageev Oore, "Performance RNN" (2017).
    """
    ends = score.onset + score.duration
    extended = ends.copy()
    for down, up in pedals.tolist():
        extended = np.where(ends >= down, np.maximum(extended, up), extended)
    following = np.full(len(score), np.inf)  # the next onset of the same pitch in the same part
    order = np.lexsort((score.onset, score.pitch, score.part))
    same = (np.diff(score.pitch[order]) == 0) & (np.diff(score.part[order]) == 0)
    following[order[:-1][same]] = score.onset[order[1:][same]]
    extended = np.where(extended > ends, np.maximum(np.minimum(extended, following), ends), ends)
    return score.replace(duration=np.where(extended > ends, extended - score.onset, score.duration))
