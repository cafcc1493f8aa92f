"""ABC keys and voices: the values of the fields ``K:`` and ``V:``."""

from __future__ import annotations

import dataclasses
import re

from musiclib.score.keys import STEPS

ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
# Sharps of a mode more than those of the major key with the same tonic.
_MODES = {
    "maj": ("major", 0), "ion": ("ionian", 0), "min": ("minor", -3), "aeo": ("aeolian", -3), "mix": ("mixolydian", -1),
    "dor": ("dorian", -2), "phr": ("phrygian", -4), "lyd": ("lydian", 1), "loc": ("locrian", -5),
}  # fmt: skip
_TONIC = re.compile(r"\s*([A-G])([#b]?)\s*([A-Za-z]*)")
_OPTION = re.compile(r"\b([A-Za-z]+)\s*=\s*(\"[^\"]*\"|\S+)")
_OCTAVE_CLEF = re.compile(r"(?:treble|alto|tenor|bass|soprano|mezzosoprano|baritone|[GCF]\d?)\d?([+-]?)(8|15)\b")


@dataclasses.dataclass(frozen=True)
class Key:
    """A key: the alteration of each step, and its signature.

    Args:
        steps: sharps of each altered step; flats are negative.
        fifths: sharps of the signature; flats are negative.
        mode: the mode, or ``""`` if it is not stated.
    """

    steps: dict[str, int] = dataclasses.field(default_factory=dict)
    fifths: int = 0
    mode: str = ""


def key(text: str, old: Key) -> Key:
    """Returns the key of ``K:``; the old one if only a clef or a transposition is given."""
    if text.startswith(("HP", "Hp")):  # bagpipes sound F and C sharp, also where no signature is written
        return Key({"F": 1, "C": 1}, 2, "")
    text = re.sub(r'\b[a-z]\w*=("[^"]*"|\S+)', "", text).strip()  # middle=d is no accidental
    name, *rest = re.split(r"\s+", text or "-")
    if name == "none":
        return Key()
    found = _TONIC.match(text)
    bare = re.match(r"\s*(?:exp\b|[\^_=]+[a-gA-G])", text)
    if not found and not bare:
        return old
    fifths, mode = 0, ""
    if found:
        words = [found[3][:3].lower()] + [word[:3].lower() for word in rest[:1]]
        name = next((word for word in words if word in _MODES), "min" if found[3].lower() == "m" else "maj")
        mode, more = _MODES[name]
        fifths = STEPS.index(found[1]) - 1 + {"#": 7, "b": -7, "": 0}[found[2]] + more
    explicit = re.search(r"\bexp\b", text)
    steps = {} if explicit else signature(fifths)
    changes = re.findall(r"(\^\^?|__?|=)([a-gA-G])(?![\w=])", text)
    steps |= {step.upper(): ACCIDENTALS[sign] for sign, step in changes}
    if explicit or changes:
        fifths, mode = sum(steps.values()), ""
    return Key(steps, fifths, mode)


def signature(fifths: int) -> dict[str, int]:
    """Returns the alteration of each step by a key signature; beyond seven sharps they are doubled."""
    sharps: dict[str, int] = {}
    for place in range(abs(fifths)):
        step = STEPS[place % 7] if fifths > 0 else STEPS[-1 - place % 7]
        sharps[step] = sharps.get(step, 0) + (1 if fifths > 0 else -1)
    return sharps


def options(text: str) -> dict[str, str]:
    """Returns the options of ``K:`` or ``V:``, such as ``transpose=-2``."""
    return {name.lower(): value.strip('"') for name, value in _OPTION.findall(text)}


def semitones(text: str) -> int | None:
    """Returns how much higher than written a voice sounds by octave, transposition and clef; None if unsaid."""
    found = options(text)
    total = None
    if clef := _OCTAVE_CLEF.search(text):
        total = 12 * (2 if clef[2] == "15" else 1) * (-1 if clef[1] == "-" else 1 if clef[1] else 0)
    for name, size in (("octave", 12), ("transpose", 1), ("t", 1)):
        if re.fullmatch(r"[+-]?\d{1,3}", found.get(name, "")):
            total = (total or 0) + size * int(found[name])
    return total
