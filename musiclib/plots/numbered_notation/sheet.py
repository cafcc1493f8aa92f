"""Jianpu sheet: a score in numbered musical notation, as text and as a picture (SVG).

Sources: jianpu-ly (https://github.com/ssb22/jianpu-ly) for the text. For the picture, two descriptions of the notation,
https://tabledit.com/help/english/jianpu.shtml and https://owiki.org/wiki/Jianpu (octave dots below the underlines,
chords as stacks, the metre as a fraction), and a course, https://bbs.zgycgc.com/forum.php?tid=220555 (a 0 for each beat
of rest, beats set apart, aligned bar lines). They stand in for the national standard on numbered notation in music
publishing, GB/T 46845-2025, of which only the title was at hand.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

from musiclib import _atomic
from musiclib.plots.numbered_notation.drawing import draw
from musiclib.plots.numbered_notation.signs import Sheet, Sign, sheet
from musiclib.plots.printing import printed
from musiclib.readers.jianpu_text import MODES, syllables
from musiclib.score import Score, keys
from musiclib.score.checking import check_score
from musiclib.writers.readable import readable

BARS_A_LINE = 4  # of text


@dataclasses.dataclass(frozen=True, repr=False)
class Jianpu:
    """A sheet of numbered musical notation; a notebook shows its picture.

    Args:
        text: the notation as text, which ``readers.read_jianpu`` reads.
        svg: the picture. Note i of the score is the element ``jianpu-<i>``, and what is tied to it ``jianpu-<i>-1``,
            ``jianpu-<i>-2`` and so on; of equal notes, only one is drawn, within the elements of all.
        lyrics: the syllables of the first voice.
    """

    text: str
    svg: str
    lyrics: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Jianpu({len(self.text.splitlines())} lines of text)"

    def __str__(self) -> str:
        return self.text

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return self.svg  # within the page, where its elements can be found by their ids

    def save(self, path: str | pathlib.Path) -> pathlib.Path:
        """Saves the picture as ``.svg``, ``.png`` or ``.pdf``, or the text as ``.txt`` or ``.jianpu``, atomically.

        Raises:
            ValueError: if the suffix is another one.
            ImportError: without the package typst, if the suffix is ``.png`` or ``.pdf``.
        """
        contents = {".svg": self.svg, ".txt": self.text, ".jianpu": self.text}
        suffix = pathlib.Path(path).suffix.lower()
        if suffix in contents:
            return _atomic.write(path, contents[suffix].encode())
        if suffix not in (".png", ".pdf"):
            raise ValueError(f"Jianpu.save: give .svg, .png, .pdf, .txt or .jianpu, got {path!r}")
        return _atomic.write(path, printed([self.svg], suffix[1:]))


def jianpu(score: Score, lyrics: str | Sequence[str] = ()) -> Jianpu:
    """Writes a score in numbered musical notation (jianpu): 1 to 7 for the degrees of the major scale, 0 for rests.

    Onsets and durations are rounded to 1/12 of a quarter note. The key and the metre are estimated if the score states
    none. A minor key is written in its relative major, so that its tonic is 6. In the picture, an accidental holds for
    its digit and octave to the bar line; in the text, each note has its own.

    Args:
        score: at least one note; each voice of each part is a line. Percussion is left out, with a warning.
        lyrics: of the first voice, one syllable a note: a list, or a text, in which spaces and Chinese characters
            separate the syllables; ``_`` stands for a note without a new one.

    Returns:
        The text and the picture.

    Raises:
        ValueError: if the score is empty, longer than 4000 quarter notes, or more than four octaves from the middle
            one, or if there are more syllables than notes.
    """
    check_score(score, "jianpu")
    score = readable(score)
    page = sheet(score)
    words = tuple(syllables(lyrics) if isinstance(lyrics, str) else lyrics)
    return Jianpu(_text(page, score, words), draw(page, score, words), words)


def _text(page: Sheet, score: Score, lyrics: Sequence[str]) -> str:
    """Returns the text of a sheet, as ``readers.read_jianpu`` reads it."""
    about = {"title": score.title, "composer": score.composer}
    rows = [f"{name}={' '.join(text.split())}" for name, text in about.items() if text.strip()]
    for number, line in enumerate(page.lines):
        if number:
            rows += ["", "NextPart" if line.leads else "NextVoice"]
        name = " ".join(score.part_names[line.part].split())
        if line.leads and name != f"Part {line.part + 1}":
            rows.append(f"instrument={name}")
        if not number:
            rows.append(f"{_key_word(*page.keys[0])} {page.bars[0].signature} 4={_decimal(page.tempos[0])}")
        bars = []
        for bar, signs in zip(page.bars, line.bars, strict=True):
            words = [bar.signature] if bar.signature and not number and bar.start else []
            for sign in signs:
                if not number and sign.start:
                    words += [_key_word(*page.keys[sign.start])] if sign.start in page.keys else []
                    words += [f"4={_decimal(page.tempos[sign.start])}"] if sign.start in page.tempos else []
                words += ["3["] * (sign.triplet == "start") + [_word(sign)] + ["]"] * (sign.triplet == "stop")
            bars.append(" ".join(words))
        groups = [" | ".join(bars[at : at + BARS_A_LINE]) for at in range(0, len(bars), BARS_A_LINE)]
        rows += [f"{group} |" for group in groups[:-1]] + [f"{groups[-1]} ||"]
        rows += [f"L: {' '.join(lyrics)}"] if lyrics and not number else []
    return "\n".join(rows) + "\n"


def _word(sign: Sign) -> str:
    pitches = [
        "~" * (pitch.earlier > 0)
        + {-1: "b", 0: "", 1: "#"}[pitch.alter]
        + str(pitch.digit)
        + "'" * pitch.octave
        + "," * -pitch.octave
        for pitch in sign.pitches
    ]
    return ("".join(pitches) or "0") + "_" * sign.underlines + "." * sign.dots + " -" * sign.dashes


def _key_word(fifths: int, mode: str) -> str:
    """Returns a key such as 1=D or 6=B: the degree of its tonic, and its name."""
    digit = next((digit for digit, name in MODES.items() if name == mode), 6 if mode == "aeolian" else 1)
    letter, alter = keys.note_name(fifths + keys.DEGREES[digit - 1])
    return f"{digit}={letter}{'#' * alter}{'b' * -alter}"


def _decimal(rate: float) -> str:
    """Returns a tempo, rounded to hundredths."""
    return f"{rate:.2f}".rstrip("0").rstrip(".")
