"""What readers left out of the pieces of a corpus, in words."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

from musiclib.readers.parsed import GRACE_NOTES, PEDAL, PERCUSSION, counted

_REMEDIES = {
    PERCUSSION: "percussion=True keeps them",
    GRACE_NOTES: "grace_notes=True keeps them",
    PEDAL: "pedal=True extends its notes",
}


def described(left_out: Sequence[Mapping[str, int]], remedies: bool = True) -> str:
    """Returns what was left out, such as ``16 percussion notes in 3 pieces; the pedal of 1 piece``; empty if nothing.

    Args:
        left_out: for each piece, the number of notes by kind.
        remedies: say which option keeps them, too.
    """
    notes, pieces = collections.Counter(), collections.Counter()
    for kinds in left_out:
        notes.update(kinds)
        pieces.update(kinds.keys())
    found = []
    for kind, count in pieces.items():
        where = f"{count:,} piece{'s' * (count > 1)}"
        text = f"the pedal of {where}" if kind == PEDAL else f"{counted(notes[kind], kind)} in {where}"
        found.append(f"{text} ({_REMEDIES[kind]})" if remedies and kind in _REMEDIES else text)
    return "; ".join(found)
