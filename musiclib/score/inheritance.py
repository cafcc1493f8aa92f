"""Inheritance: tempo, metre, key, dynamics and instruments that a generated piece takes from other music.

Most encodings write notes only. What their tokens do not say comes from the music that a piece continues or answers
(``ending`` or ``whole``), or else from what is typical of the training corpus (``typical``). Percussion parts do not
count.
"""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from musiclib.score import estimates, meter
from musiclib.score.instruments import INSTRUMENTS
from musiclib.score.score import Score

KINDS = ("tempo", "time_signature", "velocity", "parts")  # what the tokens of an encoding may say beside notes
_MOST_PIECES = 2 / 3  # share of the pieces that must agree on a time signature or on their instruments


class Marks(NamedTuple):
    """What a piece takes from other music; an empty field leaves it as it is.

    Attributes:
        tempos: as in a Score.
        time_signatures: as in a Score.
        key_signatures: as in a Score.
        dynamics: (onset, velocity) pairs with linear interpolation between them; the last velocity holds on.
        programs: of the parts.
        part_names: of the parts.
    """

    tempos: tuple = ()
    time_signatures: tuple = ()
    key_signatures: tuple = ()
    dynamics: tuple[tuple[float, float], ...] = ()
    programs: tuple[int, ...] = ()
    part_names: tuple[str, ...] = ()

    def or_else(self, other: Marks) -> Marks:
        """Returns these marks, and the other ones where these are empty."""
        return Marks(*(own or others for own, others in zip(self, other, strict=True)))


def whole(score: Score) -> Marks:
    """Returns the marks of a piece, for a piece that begins with it, or is as long as it."""
    score = score.pitched()
    onsets, which = np.unique(score.onset, return_inverse=True)
    means = np.bincount(which, score.velocity) / np.bincount(which)
    dynamics = list(zip(onsets.tolist(), means.tolist(), strict=True))
    dynamics += [(score.end, float(np.median(score.velocity)))] if len(score) else []
    fields = (meter.moved(marks, 0.0, max(score.end, 1e-9)) for marks in (score.tempos, score.time_signatures))
    return Marks(*fields, score.key_signatures, tuple(dynamics), score.programs, _names(score))


def ending(score: Score) -> Marks:
    """Returns the marks at the end of a piece, for a piece that continues it and does not contain it."""
    score = score.pitched()
    marks = whole(score)
    signatures = meter.cut(marks.time_signatures, score.end, np.inf)
    return marks._replace(
        tempos=meter.moved(marks.tempos, score.end, np.inf),
        time_signatures=signatures,
        key_signatures=meter.moved(marks.key_signatures, score.end, np.inf),
        dynamics=((0.0, marks.dynamics[-1][1]),) if marks.dynamics else (),
    )


def typical(scores: Iterable[Score]) -> dict:
    """Returns what is typical of some pieces, as JSON values, each where there is such a value.

    ``tempo``: the median of the mean tempos of the pieces, in quarter notes per minute; ``velocity``: the median of
    their median velocities; ``time_signature`` (``[3, 4]``), ``programs`` and ``part_names``: those that two thirds of
    the pieces have.
    """
    tempos, velocities = [], []
    counts = {name: collections.Counter() for name in ("time_signature", "programs", "part_names")}
    for score in (score.pitched() for score in scores):
        if not len(score):
            continue
        tempos.append(60.0 * score.end / float(score.seconds_at(score.end)))
        velocities.append(float(np.median(score.velocity)))
        counts["time_signature"][_main(score.time_signatures, score.end)] += 1
        counts["programs"][score.programs] += 1
        counts["part_names"][_names(score)] += 1
    found = {}
    if tempos:
        found = {"tempo": round(float(np.median(tempos)), 3), "velocity": round(float(np.median(velocities)))}
    for name, counter in counts.items():
        commonest = counter.most_common(1)
        if commonest and commonest[0][0] and commonest[0][1] >= _MOST_PIECES * len(tempos):
            found[name] = list(commonest[0][0])
    return found


def of_typical(values: Mapping) -> Marks:
    """Returns the marks of ``typical``'s values."""
    return Marks(
        ((0.0, float(values["tempo"])),) if "tempo" in values else (),
        ((0.0, *values["time_signature"]),) if "time_signature" in values else (),
        dynamics=((0.0, float(values["velocity"])),) if "velocity" in values else (),
        programs=tuple(values.get("programs", ())),
        part_names=tuple(values.get("part_names", ())),
    )


def inherit(score: Score, marks: Marks, keeps: Collection[str]) -> Score:
    """Returns a piece with the marks that it lacks; without a key signature it gets the estimated one.

    Args:
        score: a decoded piece.
        marks: of other music.
        keeps: those of ``KINDS`` that its encoding keeps, which stay as they are.
    """
    changes = {}
    if "tempo" not in keeps and marks.tempos:
        changes["tempos"] = marks.tempos
    # Where time is in seconds, there are no bars.
    if not score.time_signatures and marks.time_signatures and not {"tempo", "time_signature"} & {*keeps}:
        changes["time_signatures"] = marks.time_signatures
    if "velocity" not in keeps and marks.dynamics and len(np.unique(score.velocity)) < 2:
        loudness = np.rint(np.interp(score.onset, *zip(*marks.dynamics, strict=True)))
        changes["velocity"] = np.clip(loudness, 1, 127).astype(np.int64)
    if not score.key_signatures and marks.key_signatures:
        changes["key_signatures"] = marks.key_signatures
    elif not score.key_signatures and len(score.pitched()):
        changes["key_signatures"] = ((0.0, *estimates.key(score)),)
    return score.replace(**changes, **_instruments(score, marks, keeps))


def _instruments(score: Score, marks: Marks, keeps: Collection[str]) -> dict:
    """Returns the programs and names of the parts: those of as many parts, or one instrument for all."""
    count, found = len(score.part_names), {}
    if "parts" in keeps and len(marks.programs) == count:
        found["programs"] = marks.programs
    elif len(set(marks.programs)) == 1:
        found["programs"] = marks.programs[:1] * count
    if len(marks.part_names) == count and ("parts" in keeps or count == 1):
        found["part_names"] = marks.part_names
    elif count == 1 and found.get("programs", score.programs) != score.programs:
        found["part_names"] = (INSTRUMENTS[marks.programs[0]],)
    return found


def _names(score: Score) -> tuple[str, ...]:
    """Returns the names of the parts; none where a Score has made up one."""
    made_up = any(name == f"Part {i}" for i, name in enumerate(score.part_names, 1))
    return () if made_up else score.part_names


def _main(signatures: meter.Signatures, end: float) -> tuple[int, int] | None:
    """Returns the time signature that is in force longest, (numerator, denominator); None without any."""
    lengths = collections.Counter()
    for number, (onset, *mark) in enumerate(signatures):
        later = signatures[number + 1][0] if number + 1 < len(signatures) else end
        lengths[tuple(mark)] += min(later, end) - min(onset, end)
    return lengths.most_common(1)[0][0] if lengths else None
