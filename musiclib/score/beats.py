"""Beats: when the beats are in music that was played, found from its onsets.

Each beat is matched with a profile of where in a beat notes begin. Dynamic programming finds the sequence of beats that
fits all onsets best while the tempo changes little from one beat to the next.

Source: Daniel Ellis, "Beat Tracking by Dynamic Programming" (2007), with the tempo as a part of the state and a profile
of the positions in a beat, as in Nick Whiteley, Taylan Cemgil and Simon Godsill, "Bayesian Modelling of Temporal
Structure in Musical Audio" (2006).
"""

from __future__ import annotations

import numpy as np

RATE = 100  # frames per second
SHORTEST, LONGEST, TEMPOS = 0.3, 1.2, 46  # seconds of a beat, and how many tempos between
USUAL, SPREAD = 0.6, 0.4  # seconds of the commonest beat; standard deviation of its logarithm
CHANGE = 0.05  # standard deviation of the logarithm of the tempo from one beat to the next
JITTER = 0.025  # seconds: standard deviation of an onset from its position in the beat
ELSEWHERE = 0.03  # share of the onsets that begin anywhere in the beat
# Share of the other onsets at each position in a beat: on the beat, at its half, quarters and thirds.
POSITIONS = ((0, 0.53), (1 / 2, 0.24), (1 / 4, 0.1), (3 / 4, 0.1), (1 / 3, 0.015), (2 / 3, 0.015))


def beat_times(onsets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the beats, from the last one at or before the first onset to the first one after the last onset.

    Args:
        onsets: (n,) seconds, at least one, in ascending order.
        weights: (n,) how strong an accent each is, 1 on average.

    Returns:
        (beats,) seconds, in ascending order; the first may lie before 0.
    """
    periods = np.unique(np.round(np.geomspace(SHORTEST, LONGEST, TEMPOS) * RATE).astype(np.int64))
    lead = int(periods[-1])
    frames = np.round((onsets - onsets[0]) * RATE).astype(np.int64) + lead
    last = int(frames[-1])
    fits = _fits(np.bincount(frames, weights, last + lead + 1), periods)
    changes = -0.5 * (np.log(periods[:, None] / periods) / CHANGE) ** 2  # (before, after)
    usual = -0.5 * (np.log(periods / (USUAL * RATE)) / SPREAD) ** 2
    # The best sequence of beats with a beat at this frame, by the period of the one that follows; and the period of the
    # one before it.
    begun = np.full(fits.shape, -np.inf)
    before = np.zeros(fits.shape, np.int8)
    begun[: lead + 1] = usual
    columns = np.arange(len(periods))
    best, end = -np.inf, (0, 0)
    for frame in range(lead + 1, len(fits)):
        ended = begun[frame - periods, columns] + fits[frame]
        totals = ended[:, None] + changes
        before[frame] = totals.argmax(axis=0)
        begun[frame] = totals[before[frame], columns]
        if frame > last:
            inside = np.where(frame - periods <= last, ended, -np.inf)
            if inside.max() > best:
                best, end = inside.max(), (frame, int(inside.argmax()))
    frame, tempo = end
    beats = [int(frame)]
    while beats[-1] > lead:
        start = beats[-1] - int(periods[tempo])
        tempo = before[start, tempo]
        beats.append(start)
    return (np.array(beats[::-1]) - lead) / RATE + onsets[0]


def _fits(strength: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Returns how well a beat of each period that ends at each frame fits the onsets within it, (frames, periods).

    The logarithm of the onsets' likelihood, against that of onsets at any time.
    """
    fits = np.zeros((len(strength), len(periods)), np.float32)
    for column, period in enumerate(periods.tolist()):
        profile = np.log(_profile(period))
        # The beat that ends at a frame begins a period before it.
        fits[period:, column] = np.convolve(strength, profile[::-1])[period - 1 : len(strength) - 1]
    return fits


def _profile(period: int) -> np.ndarray:
    """Returns the density of onsets in each frame of a beat, 1 on average."""
    phase = np.arange(period) / period
    width = JITTER * RATE / period
    density = np.zeros(period)
    for position, share in POSITIONS:
        distance = (phase - position + 0.5) % 1 - 0.5
        density += share * np.exp(-0.5 * (distance / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return ELSEWHERE + (1 - ELSEWHERE) * density
