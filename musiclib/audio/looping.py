"""Loops: renders a score so that its end passes into its beginning without a click."""

from __future__ import annotations

import math
import pathlib

import numpy as np

from musiclib.audio.synthesis import LONGEST_TAIL, synthesize
from musiclib.score import Score, meter
from musiclib.score.checking import check_score


def synthesize_loop(score: Score, sample_rate: int = 44100, soundfont: str | pathlib.Path | None = None) -> np.ndarray:
    """Renders a score as audio that a player may repeat, such as a piece of ``sampling.generate(..., loop=True)``.

    The piece lasts to the bar line at or after its last note; what rings on after that sounds at the beginning.

    Args:
        score: as in ``synthesize``.
        sample_rate: as in ``synthesize``.
        soundfont: as in ``synthesize``.

    Returns:
        (samples, 2) float32, left and right, exactly as long as the piece.

    Raises:
        FileNotFoundError: as ``synthesize``.
        ValueError: as ``synthesize``.
    """
    check_score(score, "synthesize_loop")
    if not len(score):
        return synthesize(score, sample_rate, soundfont)  # raises
    length = _to_bar_line(score)
    seconds = float(score.seconds_at(length))
    # The last repetition but one sounds as every later one does: what is before it has rung out.
    before = math.ceil(LONGEST_TAIL / seconds)
    whole = score
    for i in range(1, before + 2):
        whole = whole.then(score, i * length)
    tempos = [(onset + i * length, tempo) for i in range(before + 2) for onset, tempo in score.tempos]
    audio = synthesize(whole.replace(tempos=tuple(tempos)), sample_rate, soundfont)
    first, last = (round(seconds * sample_rate * i) for i in (before, before + 1))
    return audio[first:last]


def _to_bar_line(score: Score) -> float:
    """Returns the first bar line at or after the end of a score, in quarter lengths; of 4/4 without a signature."""
    signatures = meter.from_start(score.time_signatures)
    line = float(meter.bar_lines(signatures, score.end)[-1])  # of the last bar
    _, upper, lower = [mark for mark in signatures if mark[0] <= line][-1]
    return line + 4 * upper / lower
