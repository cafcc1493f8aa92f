"""ABC text: a file as tunes, and a line of music as symbols.

Source: the ABC music standard, version 2.1 (2011), https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

from musiclib.readers.parsed import UnreadableScore

SUFFIXES = (".abc",)
MOST_DIGITS = 40  # of a note length
MOST_PARTS = 200  # in the order of parts
_BODY_FIELDS = "IKLMNPQRTUVWmrsw"  # fields that may stand between lines of music
_LENGTH = r"(\d*)(/*)(\d*)"
_NOTE = r"(?:(?P<accidental>\^\^?|__?|=)(?P<part>\d{0,4}/?\d{0,4}))?(?P<step>[A-Ga-g])(?P<octave>[,']*)" + _LENGTH
_SYMBOL = re.compile(
    "|".join(
        [
            r'"[^"]*"|\["[^"]*"(?=[^]|]*\|)',  # chord symbols and annotations; an ending that is named by a text
            r"!(?P<decoration>(?:D\.|[DT][ao] )[^!|]*|[^!|\s]*)!|\+[^+|\s]*\+",  # the second are decorations of old
            r"\[(?P<field>[A-Za-z]):(?P<value>[^\]]{0,999})\]",
            r"(?P<bar>(?::*\[?\|[|\]:]*|::+)(?:\[?(?P<after>\d[\d,-]*))?|\[(?P<ending>\d[\d,-]*))",
            r"\{/?(?P<grace>[^}]*)\}",
            r"\((?P<tuplet>\d+)(?::(?P<time>\d*))?(?::(?P<count>\d*))?",
            f"(?P<note>{_NOTE})",
            r"(?P<rest>[zxZX])(?P<length>\d*/*\d*)",
            r"(?P<chord>\[)",
            r"(?P<end>\])(?P<times>\d*/*\d*)",
            r"(?P<broken><+|>+)",
            r"(?P<tie>-)",
            r"(?P<overlay>&)",
            r"y\d*/*\d*",  # space on the page
            r"[\s.~H-Wh-w()\\`*$#;?@\d/,':]",  # slurs, decorations of one letter, and what the standard ignores
        ]
    )
)


Line = tuple[int, str, str]  # its number in the file, the field or "", and the text


def split(lines: Iterable[str]) -> list[list[Line]]:
    """Splits the lines of a file into its tunes; fields before the first one count for all.

    Raises:
        UnreadableScore: if there is no tune.
    """
    head: list[Line] = []
    tunes: list[list[Line]] = []
    inside = False
    typeset = False  # between %%begintext and %%endtext
    for number, raw in enumerate(lines, 1):
        if found := re.match(r"%%(begin|end)(?:text|ps|svg)", raw):
            typeset = found[1] == "begin"
        line = _without_comment("%" if typeset else raw)
        field = line[:1] if _is_field(line) else ""
        if field == "X" or (field == "K" and not tunes and not inside):  # a tune without a number
            tunes.append([*head])
            inside = True
        elif not raw.strip():
            inside = False
            continue
        if inside or not tunes:
            (tunes[-1] if inside else head).append((number, field, line[2:].strip() if field else line))
    if not tunes:
        raise UnreadableScore("it has no tune; a tune in ABC begins with X: and has a K: before its notes")
    return tunes


def _without_comment(line: str) -> str:
    """Returns a line without its comment; a MIDI directive becomes a field ``I``."""
    if line.startswith("%%MIDI"):
        return "I:" + line[2:]
    return re.sub(r"(?<!\\)%.*", "", line).rstrip()


def _is_field(line: str) -> bool:
    if line.startswith("+:"):  # goes on with the field before it
        return True
    if line[1:2] != ":" or not line[:1].isalpha():
        return False
    return line[0] in _BODY_FIELDS or line[2:3] not in ("|", ":", "")


def symbols(text: str) -> Iterator[re.Match]:
    """Yields the symbols of a line of music; the name of a group tells what it is.

    Raises:
        ValueError: at what is not ABC.
    """
    place = 0
    while place < len(text):
        found = _SYMBOL.match(text, place)
        if found is None:
            if not text[place].isprintable() or text[place] in '"{':
                raise ValueError(f"not ABC: {text[place : place + 20]!r}")
            place += 1  # a stray character
            continue
        yield found
        place = found.end()


def length(text: str) -> Fraction:
    """Returns a note length in units: ``3/2``, ``2``, ``/``, ``//`` or ``""``."""
    upper, slashes, lower = re.fullmatch(_LENGTH, text).groups()
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a note length of {len(text)} characters")
    return Fraction(int(upper or 1), int(lower) if lower else 2 ** len(slashes))


def meter(text: str) -> tuple[int, int] | None:
    """Returns (numerator, denominator) of ``M:``; None for free meter."""
    text = text.strip()
    if text in ("C", "C|"):
        return (4, 4) if text == "C" else (2, 2)
    found = re.match(r"\(?(\d+(?:\s*\+\s*\d+)*)\)?\s*/\s*(\d+)", text)
    if not found:
        return None
    numerator, denominator = sum(map(int, found[1].split("+"))), int(found[2])
    if not numerator or not denominator:
        raise ValueError(f"the meter {text!r} has a zero")
    if max(numerator, denominator) > 1024:
        raise ValueError(f"the meter {text[:40]!r} is too long")
    return numerator, denominator


def unit(text: str) -> Fraction:
    """Returns the unit note length of ``L:``, in whole notes."""
    found = re.fullmatch(r"(\d{1,4})(?:/(\d{1,4}))?", text.replace(" ", "") or "1/8")
    if not found or not int(found[1]):
        raise ValueError(f"the unit note length {text[:40]!r} is not above 0")
    return Fraction(int(found[1]), int(found[2] or 1))


def part_order(text: str) -> str:
    """Returns the parts of ``P:`` in the order in which they sound: ``A2(BC)2`` is ``AABCBC``."""
    text = re.sub(r"[^A-Za-z()\d]", "", text)
    new = re.sub(r"([A-Za-z])(\d)", lambda found: found[1] * int(found[2]), text[:MOST_PARTS])
    while new != text:  # from the innermost parentheses outwards
        text = new[:MOST_PARTS]
        new = re.sub(r"\(([A-Za-z]*)\)(\d?)", lambda found: found[1] * int(found[2] or 1), text)
    return text


def tempo(text: str, unit: Fraction) -> float | None:
    """Returns quarter notes per minute of ``Q:``, such as ``"Allegro" 1/4=120``; None without a number.

    Args:
        text: the value of the field.
        unit: the unit note length, in whole notes; what the outdated ``Q:120`` counts.
    """
    text = re.sub(r'"[^"]*"', "", text)
    beats, equals, rate = text.rpartition("=")
    found = re.match(r"\s*(\d+\.?\d*)", rate)
    if not found:
        return None
    lengths = [Fraction(int(upper), int(lower)) for upper, lower in re.findall(r"(\d+)\s*/\s*(\d+)", beats)]
    if equals and not lengths:  # C=120 or C3=40 counts units
        lengths = [unit * int((re.search(r"\d+", beats) or [1])[0])]
    return float(4 * (sum(lengths) or unit) * Fraction(found[1])) or None
