"""Quantizing: moves notes towards a grid, whose beats are those of the score or are found from the onsets."""

from __future__ import annotations

from numbers import Real

import numpy as np

from musiclib.score import beats

BEATS = (None, "score", "onsets")
CHORD = 0.04  # seconds: notes that begin within this time are one chord
LONGEST_MUSIC = 3 * 3600  # seconds
LONGEST = 1.0  # seconds: a longer note is no stronger accent
_PERIODS = (1, 1 / 2, 1 / 3, 1 / 4, 1 / 6)  # quarter lengths, of grids that notes may follow
_CONCENTRATED = 0.15  # a lower concentration of the onsets about every grid is that of chance
_EXACT = 0.01  # quarter lengths: largest deviation of a note that was written, not played
_FEW = 16  # onsets: of fewer, nothing can be told


def check(grid: float, strength: float, beats: str | None) -> None:
    """Raises ValueError at options of ``Score.quantize`` that are out of range."""
    numbers = [isinstance(value, Real) and not isinstance(value, bool) for value in (grid, strength)]
    if not all(numbers):
        raise ValueError(f"quantize: grid and strength must be numbers, got {grid!r} and {strength!r}")
    if not 0 < grid < np.inf:
        raise ValueError(
            f"quantize: grid must be a step above 0 quarter lengths, such as 1/4 for sixteenths, got {grid}"
        )
    if not 0 <= strength <= 1:
        raise ValueError(f"quantize: strength must lie between 0 (as it is) and 1 (on the grid), got {strength}")
    if beats not in BEATS:
        raise ValueError(f"quantize: beats must be 'score', 'onsets' or None for the one that fits, got {beats!r}")


def is_free(onset: np.ndarray) -> bool:
    """Tells whether music was played without regard to its tempo map, as recorded at MIDI's default tempo.

    Its onsets then lie anywhere between the beats: their mean resultant length, 1 where all have the same position in
    a grid, is near 0 for every grid. Nicholas Fisher, "Statistical Analysis of Circular Data" (1993).

    Args:
        onset: (n,) quarter lengths. A few onsets are never free.
    """
    onset = np.unique(np.round(onset, 3))
    if len(onset) < _FEW or np.mean(off_grid(onset, 12, _EXACT) & off_grid(onset, 8, _EXACT)) < 0.1:
        return False
    resultant = max(abs(np.mean(np.exp(2j * np.pi * onset / period))) for period in _PERIODS)
    return bool(resultant < _CONCENTRATED + 1 / np.sqrt(len(onset)))


def off_grid(onset: np.ndarray, steps_per_quarter: float, tolerance: float) -> np.ndarray:
    """Tells which onsets, in quarter lengths, are further than the tolerance from every step of a grid."""
    return np.abs(onset - np.round(onset * steps_per_quarter) / steps_per_quarter) > tolerance


def beats_of(starts: np.ndarray, ends: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Finds the beats of a performance, of which each becomes a quarter note.

    Loud and long notes and chords of many notes are stronger accents. Silence before the first note is rounded to
    whole beats.

    Args:
        starts: (n,) seconds, n above 0.
        ends: (n,) seconds.
        velocity: (n,) MIDI velocities.

    Returns:
        (beats,) seconds, in ascending order, the first where the music is to begin and the last after its end.

    Raises:
        ValueError: if the music lasts more than three hours.
    """
    length = ends.max() - starts.min()
    if not length <= LONGEST_MUSIC:
        raise ValueError(
            f"this music lasts {length:.3g} seconds, more than the {LONGEST_MUSIC:,} in which beats are looked for;"
            " quantize parts of it, cut with score.slice, or give beats='score'"
        )
    chord = chords(starts)
    size = np.bincount(chord)
    onset, length, loudness = (
        np.bincount(chord, values) / size for values in (starts, np.minimum(ends - starts, LONGEST), velocity)
    )
    accents = np.sqrt(size) * (0.3 + length) * loudness
    times = beats.beat_times(onset, accents / accents.mean())
    if len(times) > 2 and times[1] - starts.min() < CHORD:
        times = times[1:]  # the music begins on this beat, a little early
    first, last = np.diff(times)[[0, -1]]
    before = np.arange(round(times[0] / first), 0, -1)
    after = np.arange(1, 2 + max(0, np.ceil((ends.max() - times[-1]) / last)))
    return np.concatenate([times[0] - before * first, times, times[-1] + after * last])


def chords(starts: np.ndarray) -> np.ndarray:
    """Numbers the chords of a performance, (n,) int64: notes that begin within 40 ms, in ascending order."""
    order = np.argsort(starts, kind="stable")
    numbers, number, first = np.zeros(len(starts), np.int64), -1, -np.inf
    for note, start in zip(order.tolist(), starts[order].tolist(), strict=True):
        if start - first > CHORD:
            number, first = number + 1, start
        numbers[note] = number
    return numbers


def towards_grid(
    onset: np.ndarray, end: np.ndarray, grid: float, strength: float, chord: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Moves notes towards a grid.

    Args:
        onset: (n,) quarter lengths.
        end: (n,) quarter lengths. On the grid, a note lasts at least one step.
        grid: quarter lengths of a step.
        strength: 0 leaves the notes where they are, 1 moves them onto the grid.
        chord: (n,) the chord of each note; its notes move to the same step. None moves each on its own.

    Returns:
        The new onsets and durations.
    """
    around = onset if chord is None else (np.bincount(chord, onset) / np.bincount(chord))[chord]
    start = np.round(around / grid)
    stop = np.maximum(np.round(end / grid), start + 1)
    moved = (1 - strength) * onset + strength * start * grid
    return moved, (1 - strength) * (end - onset) + strength * (stop - start) * grid


def quantized(score, grid: float, strength: float, beats: str | None):
    """Returns a Score with its notes moved towards a grid; see ``Score.quantize``."""
    check(grid, strength, beats)
    if not len(score):
        return score
    if (beats or ("onsets" if is_free(score.onset) else "score")) == "score":
        onset, duration = towards_grid(score.onset, score.onset + score.duration, grid, strength)
        return _distinct(score.replace(onset=onset, duration=duration))
    with np.errstate(over="ignore", invalid="ignore"):  # times that overflow are rejected as too long
        starts, ends = score.seconds()
    times = beats_of(starts, ends, score.velocity)
    places = [np.interp(seconds, times, np.arange(len(times))) for seconds in (starts, ends)]
    onset, duration = towards_grid(*places, grid, strength, chords(starts))
    signatures = {
        name: tuple(
            (float(np.round(np.interp(score.seconds_at(mark[0]), times, np.arange(len(times))))), *mark[1:])
            for mark in getattr(score, name)
        )
        for name in ("time_signatures", "key_signatures")
    }
    tempos = tuple(enumerate((60 / np.diff(times)).tolist()))
    return _distinct(score.replace(onset=onset, duration=duration, tempos=tempos, **signatures))


def _distinct(score):
    """Returns a Score with one of the notes that have the same onset, pitch and part: the longest."""
    order = np.lexsort((-score.duration, score.pitch, score.part, score.onset))
    keys = np.stack([score.onset, score.part, score.pitch])[:, order]
    kept = np.sort(order[np.append(True, np.any(np.diff(keys) != 0, axis=0))])
    columns = ("onset", "duration", "pitch", "velocity", "part")
    return score if len(kept) == len(score) else score.replace(**{name: getattr(score, name)[kept] for name in columns})
