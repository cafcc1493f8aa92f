"""Which tokens keep a piece within its bars, as tables that the compiled loop looks up.

While a piece is generated, its state is the time that its tokens have filled. The tables give for each state the tokens
that may follow, and the state after each. A token may follow only where the end can still be reached, so that a piece
never runs into a place that nothing fills.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from musiclib.encodings import Encoding
from musiclib.encodings.base import Reading
from musiclib.encodings.vocabulary import END

_MOST_CELLS = 1 << 27  # of a table: 128 MB


class Plan(NamedTuple):
    """The bars of a piece, times in quarter lengths.

    Attributes:
        total: length of the piece.
        bar: length of its last bar.
        final: length of the last note or chord, with a cadence.
        tonic: pitch class of the tonic; None without a key.
        triad: pitch classes of the tonic chord.
        opening: whether the first note or chord is of the tonic chord.
        cadence: whether the last one is, with the tonic in the bass.
    """

    total: Fraction
    bar: Fraction
    final: Fraction
    tonic: int | None = None
    triad: frozenset[int] = frozenset()
    opening: bool = False
    cadence: bool = False


class Tables(NamedTuple):
    """Tables by state and token id.

    Attributes:
        allowed: (stages, states, vocabulary) bool: by the bars, then also by the opening and by the cadence, if any.
        following: (states, vocabulary) int32, the state after each token.
        overrun: (states,) bool, where the probability of a note after the end counts for the end.
        moving: (vocabulary,) bool, tokens with which time passes.
        ticks: (vocabulary,) int, the time of each token.
        places: the state after so many ticks.
        repeated: how often the last step is repeated at the end, so that the final chord is held.
        width: tokens of a step.
        apart: whether time passes between notes, which are written apart from their ends.
    """

    allowed: np.ndarray
    following: np.ndarray
    overrun: np.ndarray
    moving: np.ndarray
    ticks: np.ndarray
    places: np.ndarray
    repeated: int = 0
    width: int = 1
    apart: bool = False


def build(encoding: Encoding, readings: Sequence[Reading | None], usable: np.ndarray, plan: Plan) -> Tables:
    """Returns the tables of a vocabulary.

    Args:
        encoding: of the tokens.
        readings: of each id; None for one that is never generated.
        usable: (vocabulary,) bool, the ids that may be generated at all.
        plan: the bars.

    Raises:
        ValueError: if the encoding does not say how long its tokens are, or its steps do not fill these bars.
    """
    known = [reading for reading in readings if reading is not None]
    if any(reading.moves is None for reading in known):
        raise ValueError(
            f"bars: {type(encoding).__name__} does not say how long its tokens are; give it a method reading, or leave"
            " bars out"
        )
    tick = _common({reading.moves for reading in known} | {reading.lasts or Fraction(0) for reading in known})
    if not tick or plan.total % tick:
        raise ValueError(
            f"bars: {float(plan.total):g} quarter lengths are no whole number of the steps of {encoding},"
            f" {float(tick):g} each; choose another number of bars or another time signature"
        )
    total, bar, final = (int(time / tick) for time in (plan.total, plan.bar, plan.final))
    if (total + 2) * len(readings) > _MOST_CELLS:
        raise ValueError(
            f"bars: {total} steps of {float(tick):g} quarter lengths are too many for this run; ask for fewer"
        )
    ticks = np.array([-1 if reading is None else int(reading.moves / tick) for reading in readings])
    if any(reading.pitches and not reading.moves for reading in known):
        lasts = [-1 if reading is None or reading.lasts is None else int(reading.lasts / tick) for reading in readings]
        return _events(readings, usable, plan, ticks, np.array(lasts), total, bar, final)._replace(apart=True)
    return _steps(encoding, readings, usable, plan, ticks, total, final)


def _steps(encoding, readings, usable, plan: Plan, ticks: np.ndarray, total: int, final: int) -> Tables:
    """Tables of an encoding whose tokens last as long as the notes that they stand for."""
    voices, equal = getattr(encoding, "voices", "B"), len(set(ticks[ticks > 0].tolist())) == 1
    width = len(voices)
    # Of equal steps the last one is sampled once and repeated.
    repeated = max(final // width - 1, 0) if plan.cadence and equal else 0
    begins = np.array([reading is not None and reading.fills is not None for reading in readings])
    lead = int(begins.any())  # a state before the first step, where a phrase begins with its time signature
    end = total - repeated * width + lead
    states = np.arange(end + 1)[:, None]
    following = np.minimum(states + np.where(begins, lead, np.maximum(ticks, 0)), end)
    allowed = usable & (ticks > 0) & (states + ticks <= end) & (states >= lead)
    allowed[0, [i for i in np.flatnonzero(begins) if readings[i].fills == plan.total]] = True
    ends = states[:, 0] == end
    stages = [_reachable(allowed, following, ends)]
    lowest = np.array([[voices[(state - lead) % width] == "B"] for state in range(end + 1)])
    fits = np.array([_fits(reading, plan) for reading in readings]).T  # as the lowest voice, and as another
    if plan.opening:
        silent = [reading is not None and not reading.pitches for reading in readings]
        first = (states >= lead) & (states < lead + width)
        allowed = allowed & (~first | np.where(lowest & (width > 1), *fits) | silent)
        stages.append(_reachable(allowed, following, ends))
    if plan.cadence:
        last = (states >= lead) & (following > end - width)
        long_enough = True if equal else ticks >= final // 2
        closes = np.where(lowest | (width == 1), *fits) & long_enough
        stages.append(_reachable(allowed & (~last | closes), following, ends))
    # Where the last step is repeated, the network is not asked for what is there, nor for the end.
    tables = _padded(stages, following, ends & (repeated > 0), ticks, np.arange(total + 1) + lead)
    return tables._replace(repeated=repeated, width=width)


def _fits(reading: Reading | None, plan: Plan) -> tuple[bool, bool]:
    """Returns whether a token may be the last of the lowest voice, and of another one."""
    if reading is None or not reading.pitches or plan.tonic is None:
        return False, False
    classes = {pitch % 12 for pitch in reading.pitches}
    # Only MIDI pitches have an order: of pitch classes, the tonic need only be one.
    bass = reading.pitches[0] % 12 if max(reading.pitches) >= 12 else plan.tonic
    return classes <= plan.triad and plan.tonic in classes and bass == plan.tonic, classes <= plan.triad


def _events(readings, usable, plan: Plan, ticks, lasts, total: int, bar: int, final: int) -> Tables:
    """Tables of an encoding in which time passes between notes; the final chord begins at one place."""
    timed = bool(np.any(lasts > 0))  # notes are written with their durations
    pitches = np.array([r.pitches[0] % 12 if r is not None and r.pitches else -1 for r in readings])
    last = total - final if plan.cadence else total  # where the final chord begins
    # With a cadence there is one more state, ``begun``: at the same place, after the tonic.
    begun, places = last + 1, np.arange(total + 1) + (np.arange(total + 1) > last) * plan.cadence
    time = np.zeros(places[-1] + 1, int)
    time[places] = np.arange(total + 1)
    time[begun : begun + plan.cadence] = last
    states, at = np.arange(len(time))[:, None], time[:, None]
    moving, still = ticks > 0, usable & (ticks == 0)
    following = np.where(moving, places[np.minimum(at + np.maximum(ticks, 0), total)], states)
    # Notes that are written with their durations must begin before the end.
    passing = usable & moving & (at + ticks <= total - timed)
    allowed = passing | (still & (at < total) & (at + np.maximum(lasts, 0) <= total))
    ends = time >= total - bar if timed else time == total
    stages = [_reachable(allowed, following, ends)]
    chord = usable & np.isin(pitches, list(plan.triad))
    if plan.opening:
        allowed = allowed & ((at > 0) | (pitches < 0) | chord)
        stages.append(_reachable(allowed, following, ends))
    if plan.cadence:
        other = still & (pitches < 0) & (lasts != 0)  # the final chord's notes are not ended
        allowed = allowed & (~moving | (at + ticks <= last))
        allowed[last] = other | (usable & (pitches == plan.tonic))
        following[last, pitches >= 0] = begun
        allowed[begun] = other | chord | (passing[begun] & (not timed))
        allowed[begun + 1 :] = passing[begun + 1 :]
        ends = states[:, 0] == (begun if timed else len(time) - 1)
        stages.append(_reachable(allowed, following, ends))
    return _padded(stages, following, ends & timed, ticks, places)


def _reachable(allowed: np.ndarray, following: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Returns the allowed tokens after which an end can still be reached, and the end, (states, vocabulary) bool."""
    alive = ends.copy()
    for state in range(len(allowed) - 1, -1, -1):
        onwards = following[state][allowed[state] & (following[state] > state)]
        alive[state] |= bool(np.any(alive[onwards]))
    found = allowed & alive[following]
    found[:, END] = ends
    return found


def _padded(stages, following, overrun, ticks, places) -> Tables:
    # Rounded up to a power of two, so that other numbers of bars use the same compiled loop.
    room = max(1024, 1 << (len(following) - 1).bit_length()) - len(following)
    allowed = np.pad(np.stack(stages), ((0, 0), (0, room), (0, 0)))
    following = np.pad(following, ((0, room), (0, 0))).astype(np.int32)
    return Tables(allowed, following, np.pad(overrun, (0, room)), ticks > 0, ticks, places)


def _common(times: set[Fraction]) -> Fraction:
    """Returns the longest time of which all are multiples; 0 if all are 0."""
    tick = Fraction(0)
    for time in times:
        while time:
            tick, time = time, tick % time
    return tick
