"""Statistics of a piece of music.

The definitions are those of MusPy, on its grid of 24 steps per quarter note, with nan where a statistic is undefined.
Source: Dong et al., "MusPy: A Toolkit for Symbolic Music Generation" (ISMIR
2020); the entropy and the groove are from Wu and Yang, "The Jazz Transformer on the Front Line" (ISMIR
2020), the scale from Mogren, "C-RNN-GAN" (2016). Durations and density are plain means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from musiclib.score import Score, meter
from musiclib.score.checking import check_score, check_scores

STEPS = 24  # per quarter note
_MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])
_MINOR = np.array([1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0])  # natural
_SCALES = np.array([np.roll(scale, root) for scale in (_MAJOR, _MINOR) for root in range(12)])


def pitch_class_entropy(score: Score) -> float:
    """Returns how evenly the twelve pitch classes are used, in bits: 0 for a single one, log2 12 = 3.58 at most."""
    check_score(score, "pitch_class_entropy")
    score = score.pitched()
    shares = _pitch_classes(score) / len(score) if len(score) else np.full(12, np.nan)
    used = shares[shares != 0]
    return float(-np.sum(used * np.log2(used)))


def scale_consistency(score: Score) -> float:
    """Returns the largest share of the notes in one major or (natural) minor scale, 0 to 1."""
    check_score(score, "scale_consistency")
    score = score.pitched()
    counts = _pitch_classes(score)
    return float(counts @ best_scale(counts) / len(score)) if len(score) else np.nan


def best_scale(counts: np.ndarray) -> np.ndarray:
    """Returns the major or (natural) minor scale that holds most notes, (12,) of 0 and 1, by pitch-class counts."""
    return _SCALES[np.argmax(_SCALES @ counts)]


def groove_consistency(score: Score) -> float:
    """Returns how similar the rhythms of neighbouring bars are, 0 to 1.

    One minus the share of grid steps at which only one of two neighbouring bars has an onset. The first
    time signature after an upbeat gives the length of the bars, 4/4 without one.
    """
    check_score(score, "groove_consistency")
    score = score.pitched()
    onsets, ends = _steps(score)
    bar = round(STEPS * meter.bar_length(score.time_signatures))
    bars = int(ends.max(initial=0)) // bar + 1
    if bars < 2:
        return np.nan
    pattern = np.zeros(bars * bar, dtype=bool)
    pattern[onsets] = True
    pattern = pattern.reshape(bars, bar)
    return float(1 - np.mean(pattern[1:] != pattern[:-1]))


def note_density(score: Score) -> float:
    """Returns the mean number of notes per quarter length."""
    check_score(score, "note_density")
    score = score.pitched()
    return len(score) / score.end if len(score) else np.nan


def polyphony(score: Score) -> float:
    """Returns the mean number of pitches that sound at once, over the time in which any sounds."""
    check_score(score, "polyphony")
    score = score.pitched()
    sounding = _sounding(score)
    return float(sounding[sounding > 0].mean()) if len(score) else np.nan


def pitch_range(score: Score) -> float:
    """Returns the semitones between the lowest and the highest note."""
    check_score(score, "pitch_range")
    score = score.pitched()
    return float(np.ptp(score.pitch)) if len(score) else np.nan


def mean_duration(score: Score) -> float:
    """Returns the mean length of a note, in quarter lengths."""
    check_score(score, "mean_duration")
    score = score.pitched()
    return float(score.duration.mean()) if len(score) else np.nan


def duration_variety(score: Score) -> float:
    """Returns the entropy of the note lengths, in bits: 0 where all notes are equally long."""
    check_score(score, "duration_variety")
    score = score.pitched()
    onsets, ends = _steps(score)
    shares = np.unique(ends - onsets, return_counts=True)[1] / max(len(score), 1)
    return float(-np.sum(shares * np.log2(shares))) + 0.0 if len(score) else np.nan


STATISTICS: dict[str, Callable[[Score], float]] = {
    function.__name__: function
    for function in (
        pitch_class_entropy, scale_consistency, pitch_range, groove_consistency, note_density, mean_duration,
        duration_variety, polyphony,
    )
}  # fmt: skip


def measure(scores: Iterable[Score]) -> dict[str, np.ndarray]:
    """Returns one (scores,) float64 array per statistic."""
    scores = check_scores(scores, "measure")
    return {name: np.array([function(score) for score in scores]) for name, function in STATISTICS.items()}


def _pitch_classes(score: Score) -> np.ndarray:
    return np.bincount(score.pitch % 12, minlength=12)


def _steps(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first step of each note and the step after its last; every note has at least one."""
    onsets = np.round(score.onset * STEPS).astype(np.int64)
    return onsets, np.maximum(np.round((score.onset + score.duration) * STEPS).astype(np.int64), onsets + 1)


def _sounding(score: Score) -> np.ndarray:
    """Returns how many different pitches sound at each step, (steps,)."""
    onsets, ends = _steps(score)
    length = int(ends.max(initial=0))
    sounding = np.zeros(length, np.int64)
    for pitch in np.unique(score.pitch):
        here = score.pitch == pitch
        edges = np.zeros(length + 1, np.int64)
        np.add.at(edges, onsets[here], 1)
        np.add.at(edges, ends[here], -1)
        sounding += np.cumsum(edges[:-1]) > 0  # two parts on one pitch are one sound
    return sounding
