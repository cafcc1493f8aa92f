"""Staves: on which staves the parts of a score are written, with which clefs, and in which layers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from musiclib.score import Score
from musiclib.score.voices import VOICES
from musiclib.writers.notation import voices_of

MIDDLE_C = 60
KEYBOARDS = (*range(8), *range(16, 21), 46)  # General MIDI: pianos, organs, and the harp, which has two staves, too
LOW, HIGH = 55, 65  # a keyboard part with lower and with higher notes than these has a staff for each hand
HANDS = (("G", 2, 0), ("F", 4, 0))  # clefs of the right and the left hand, and of the two staves of a choir
FAR = 7  # semitones beyond middle C, from where a note costs twice as much
HAND = 12  # semitones that a hand reaches
HOLDING, IDLE = 9.0, 1.0  # what it costs to play on while holding a note, and to leave a hand without notes
# Clefs as (shape, line, octaves up), the pitch of their middle line, and how unusual they are, in semitones.
CLEFS = {
    ("G", 2, 0): (71, 0.0), ("F", 4, 0): (50, 0.0), ("G", 2, -1): (59, 5.0), ("G", 2, 1): (83, 4.0),
    ("F", 4, -1): (38, 4.0), ("G", 2, 2): (95, 12.0), ("F", 4, -2): (26, 12.0),
}  # fmt: skip
STAFF_HEIGHT = 10  # semitones from the middle line that need at most one ledger line
OCTAVE_CLEF, GUITARS = ("G", 2, -1), range(24, 32)  # General MIDI programs of what is written in it, as is a tenor


class Staff(NamedTuple):
    """A staff: its label, its clef as (shape, line, octaves up), and its layers, each the notes of one voice.

    If ``fixed``, a layer is a singer's: it shows its rests, and its stems point up or down throughout.
    """

    label: tuple[str, ...]
    clef: tuple[str, int, int]
    layers: list[np.ndarray]
    fixed: bool = False


def staves_of(score: Score, notes: np.ndarray, staves: str) -> list[tuple[str, list[Staff]]]:
    """Returns groups of staves, each as (symbol, staves): ``"brace"`` for a keyboard, ``"bracket"`` or ``""``.

    Args:
        score: names and programs of the parts.
        notes: its notes on the grid of notation; parts without notes have no staff.
        staves: ``"closed"`` writes a choir on two staves, ``"parts"`` every part on its own, ``"auto"`` the first
            where the parts are soprano, alto, tenor and bass.

    Raises:
        ValueError: if ``staves`` is unknown, or ``"closed"`` is asked of other than four parts.
    """
    if staves not in ("auto", "parts", "closed"):
        raise ValueError(f'staff: staves must be "auto", "parts" or "closed", got {staves!r}')
    lines = [notes[notes["part"] == part] for part in range(len(score.part_names))]
    names = score.part_names
    if staves == "closed" and len(lines) != len(VOICES):
        raise ValueError(f'staff: staves="closed" needs four parts, this score has {len(lines)}; take staves="parts"')
    if staves == "closed" or (staves == "auto" and names == VOICES):
        pairs = ((0, 1), (2, 3))
        choir = [
            Staff((names[high], names[low]), clef, [lines[high], lines[low]], True)
            for (high, low), clef in zip(pairs, HANDS, strict=True)
        ]
        return [("bracket", choir)]
    playing = [part for part, line in enumerate(lines) if len(line)]
    keyboards = [part for part in playing if score.programs[part] in KEYBOARDS]
    if staves == "auto" and len(playing) == len(keyboards) == 2:  # a part for each hand
        return [("brace", [Staff((), _clef(lines[part]), voices_of(lines[part])) for part in playing])]
    groups: list[tuple[str, list[Staff]]] = []
    for part in playing:
        line, label = lines[part], (names[part],) if len(playing) > 1 else ()
        wide = line["pitch"].min() < LOW and line["pitch"].max() > HIGH
        if staves == "auto" and keyboards == [part] and wide:  # several such parts are voices, or nothing is known
            right = _right_hand(line)
            hands = zip((line[right], line[~right]), HANDS, strict=True)
            groups.append(
                ("brace", [Staff(label, _clef(hand) if len(hand) else clef, voices_of(hand)) for hand, clef in hands])
            )
        else:
            if not groups or groups[-1][0] == "brace":
                groups.append(("bracket", []))
            clef = _clef(line, "tenor" in names[part].lower() or score.programs[part] in GUITARS)
            groups[-1][1].append(Staff(label, clef, voices_of(line)))
    return [("" if symbol == "bracket" and len(group) == 1 else symbol, group) for symbol, group in groups]


def _clef(notes: np.ndarray, octave: bool = False) -> tuple[str, int, int]:
    """Returns the clef in which notes need the fewest ledger lines; a tenor's or a guitar's if ``octave``."""

    def cost(clef: tuple[str, int, int]) -> float:
        middle, unusual = CLEFS[clef]
        outside = np.maximum(np.abs(notes["pitch"] - middle) - STAFF_HEIGHT, 0)
        return float(outside.mean()) + (0.0 if octave and clef == OCTAVE_CLEF else unusual)

    return min(CLEFS, key=cost)


def _right_hand(notes: np.ndarray) -> np.ndarray:
    """Returns which notes the right hand plays: the upper ones of each onset, split where both hands reach them.

    A split costs less if notes stay on their side of middle C, if no hand has to stretch over more than an octave,
    plays on while it holds a note, or has all the notes while the other is free, and if each stays where it was.
    """
    right = np.zeros(len(notes), dtype=bool)
    order = np.lexsort((notes["pitch"], notes["start"]))
    places: list[float | None] = [None, None]  # mean pitch of what the left and the right hand played last
    free = [0, 0]  # the step from which they hold nothing
    for chord in np.split(order, np.flatnonzero(np.diff(notes["start"][order])) + 1):
        pitches, now = notes["pitch"][chord], int(notes["start"][chord[0]])

        def cost(split: int, pitches: np.ndarray = pitches, now: int = now) -> float:
            total = 0.0
            for hand, members in enumerate((pitches[:split], pitches[split:])):
                if len(members):
                    side = members - MIDDLE_C if hand == 0 else MIDDLE_C - members
                    total += (
                        np.maximum(side, 0).sum()
                        + np.maximum(side - FAR, 0).sum()
                        + 3 * max(members[-1] - members[0] - HAND, 0)
                    )
                    total += 0 if places[hand] is None else abs(members.mean() - places[hand]) / 2
                    total += HOLDING * (free[hand] > now)
                elif len(pitches) > 1:
                    total += IDLE * (free[hand] <= now)
            return total

        split = min(range(len(chord) + 1), key=cost)
        right[chord[split:]] = True
        for hand, members in enumerate((chord[:split], chord[split:])):
            if len(members):
                places[hand], free[hand] = float(notes["pitch"][members].mean()), int(notes["end"][members].max())
    return right
