"""Sustain pedal: notes that are extended while the pedal is down.

Without it, durations of MIDI are those from note-on to note-off. Published results on piano performances often use
durations that the pedal extends.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from musiclib.score import Score

DOWN = 64  # the smallest value of a pedal that is down


def pedal_spans(events: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns the spans (down, up) of one pedal, in ticks; a pedal that is never released has no last span.

    Args:
        events: (tick, value) of each of its events, in order.
    """
    spans, down = [], None
    for tick, value in events:
        if value >= DOWN and down is None:
            down = tick
        elif value < DOWN and down is not None:
            spans.append((down, tick))
            down = None
    return spans


def sustain(score: Score, pedals: np.ndarray) -> Score:
    """Extends notes that end while the pedal is down until it is released, or until the next note of that pitch.

    The pedal applies to all parts, as on a piano, but for percussion.

    Args:
        score: notes with durations from note-on to note-off.
        pedals: (n, 2), times of pedal down and pedal up, in quarter lengths; of several pedals, one that is down is
            enough.

    Source: Ian Simon and Sageev Oore, "Performance RNN" (2017).
    """
    ends = score.onset + score.duration
    downs, ups = _joined(pedals)
    if not len(score) or not len(downs):
        return score
    span = np.searchsorted(downs, ends, side="right") - 1
    extended = np.where((span >= 0) & ~score.is_percussion, np.maximum(ends, ups[span]), ends)
    following = np.full(len(score), np.inf)  # the next onset of the same pitch in the same part
    order = np.lexsort((score.onset, score.pitch, score.part))
    same = (np.diff(score.pitch[order]) == 0) & (np.diff(score.part[order]) == 0)
    following[order[:-1][same]] = score.onset[order[1:][same]]
    extended = np.where(extended > ends, np.maximum(np.minimum(extended, following), ends), ends)
    return score.replace(duration=np.where(extended > ends, extended - score.onset, score.duration))


def _joined(pedals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the times at which pedals that overlap go down and up, as one pedal, each (n,) and ascending."""
    pedals = pedals[np.argsort(pedals[:, 0], kind="stable")]
    ups = np.maximum.accumulate(pedals[:, 1])
    first = np.append(True, pedals[1:, 0] >= ups[:-1])[: len(pedals)]
    last = np.append(first[1:], True)[: len(pedals)]
    return pedals[first, 0], ups[last]
