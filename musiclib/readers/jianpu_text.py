r"""Jianpu reader: numbered musical notation, as text that people read and type.

``plots.jianpu`` writes this text. It stays near the input of jianpu-ly (https://github.com/ssb22/jianpu-ly), and any of
its tunes that uses these signs alone is read, too::

    title=Mo li hua
    composer=Trad.
    1=D 2/4 4=60
    3 3_5_ | 6_1'_1'_6_ | 5 5_6_ | 5 - || % a comment
    L: hao yi duo mei li di mo li hua

- ``1`` to ``7`` are the degrees of the major scale, ``0`` is a rest, each a quarter note long. ``1`` is the tonic from
  middle C to the B above it (jianpu-ly takes it an octave lower from G on). ``1'`` is an octave higher, ``1,`` lower,
  ``1''`` two octaves higher.
- ``#4``, ``b7``, ``##4``, ``bb7``: an accidental stands before the digit, and is good for this note alone.
- ``1_`` is an eighth note, ``1__`` a sixteenth, as many underlines as are drawn (``q1``, ``s1``, ``d1``, ``h1`` are the
  same with one to four); ``1.`` and ``1_.`` are dotted. Each ``-`` lengthens a note by a quarter: ``1 - -``.
- ``135`` is a chord: signs without a space or an underline between them sound together.
- ``1 ~1`` is one note: ``~`` ties a pitch to the same pitch just before it, also over a bar line and in chords
  (``135 ~13~5``). A ``~`` between spaces ties all pitches of the next note.
- ``3[ 1_ 2_ 3_ ]`` is a triplet, three in the time of two.
- ``|`` is a bar line, ``||`` the last one. With a metre, bars must fill it, but for the first (an upbeat), the last,
  and one before another metre.
- ``1=Bb`` is the key, ``6=G`` the same as a minor key, ``2=C`` to ``7=A`` as a mode. ``3/4`` is the metre, ``4=100``
  the tempo, ``4.=60`` with the dotted quarter as the beat. They may change within the first voice; a metre begins a
  bar.
- ``NextPart`` begins another part, ``NextVoice`` another voice of the same part, both from the start of the music;
  ``instrument=Flute`` names a part.
- ``L:`` and ``H:`` begin lines of lyrics, one syllable or Chinese character a note, ``_`` for a note without a new one.
  A Score has no lyrics: ``jianpu_lyrics`` reads them.
"""

from __future__ import annotations

import pathlib
import re
from fractions import Fraction

from musiclib.readers import text_file
from musiclib.readers.parsed import ParsedScore, UnreadableScore
from musiclib.score import DEFAULT_VELOCITY, Score, keys, meter

SUFFIXES = (".jianpu",)
MODES = {1: "major", 2: "dorian", 3: "phrygian", 4: "lydian", 5: "mixolydian", 6: "minor", 7: "locrian"}
_FIELD = re.compile(r"\s*(title|composer|instrument)=(.*)|\s*[LH]:(.*)")
_PITCH = re.compile(r"(~?)(#{0,2}|b{0,2})([1-7])('+|,+|)")
_SIGN = re.compile(
    r"(?P<space>\s+|%.*)|(?P<part>NextPart\b)|(?P<voice>NextVoice\b)|(?P<meter>\d+/\d+)(?:,\d+\.?)?|(?P<triplet>3\[)"
    r"|(?P<key>[1-7]=[A-Za-z#]+)|(?P<tempo>\d+\.?=\d+(?:\.\d+)?)|(?P<bar>\|[|\]]?)|(?P<end>\])|(?P<dash>-)"
    rf"|(?P<note>[qsdh]?(?:0|(?:{_PITCH.pattern.replace('(', '(?:')})+)_*\.*)|(?P<tie>~)"
)


def read_jianpu(text: str) -> Score:
    """Reads numbered musical notation (jianpu) from text; the module's docstring defines the signs.

    Args:
        text: the lines of a piece.

    Returns:
        The Score, with velocities of ``DEFAULT_VELOCITY``.

    Raises:
        UnreadableScore: at a wrong sign (with line and column), a bar that does not fill its metre, an unknown key, or
            if there are no notes.
    """
    return _parsed(text.split("\n")).score()


def jianpu_lyrics(text: str) -> list[str]:
    """Returns the syllables of the lines of lyrics (``L:`` and ``H:``) of a piece in jianpu text."""
    found = (_FIELD.match(line) for line in text.split("\n"))
    return syllables(" ".join(field[3] for field in found if field and field[3]))


def syllables(text: str) -> list[str]:
    """Splits lyrics at spaces, and before every Chinese character; punctuation stays with the syllable before it."""
    return re.findall(r"[\u3400-\u9fff][^\w\s]*|[^\s\u3400-\u9fff]+", text)


def read(path: pathlib.Path) -> list[ParsedScore]:
    """Parses a file in UTF-8."""
    return [_parsed(text_file.lines(path))]


_PLAIN = str.maketrans("♯♭’＃，｜", "#b'#,|")  # what word processors and Chinese keyboards make of the signs


def _parsed(lines: list[str]) -> ParsedScore:
    tune = _Tune()
    for number, line in enumerate(lines, 1):
        field = _FIELD.match(line)
        if not field:
            tune.read_line(number, line.translate(_PLAIN))
        elif field[1] == "instrument":
            tune.score.parts[-1] = (" ".join(field[2].split()), *tune.score.parts[-1][1:])
        elif field[1]:
            setattr(tune.score, field[1], field[2])
    tune.read_line(len(lines), "|")
    tune.end_voice()
    return tune.score


class _Tune:
    """A piece as its signs are read. Times are in quarter lengths."""

    def __init__(self) -> None:
        self.score = ParsedScore(parts=[("", 0, [])])
        self.lengths: list[Fraction] = []  # of the bars of the first voice, once that is read
        self.begin_voice()

    def begin_voice(self) -> None:
        """Starts a voice at the beginning of the piece."""
        self.now = self.bar = Fraction(0)
        self.bars: list[tuple[Fraction, Fraction, int]] = []  # start, length and line
        self.ratio = Fraction(1)  # of a triplet
        self.last: list[list] | None = None  # the notes of the last sign, [] for a rest
        self.ending: dict[int, list] = {}  # by pitch: the last note
        self.tied = False
        self.line = 0

    def read_line(self, line: int, text: str) -> None:
        """Reads the signs of a line."""
        place, self.line = 0, line
        while place < len(text):
            sign = _SIGN.match(text, place)
            try:
                if not sign:
                    raise ValueError(f"{text[place]!r} is no sign of jianpu here")
                if sign.lastgroup != "space":
                    getattr(self, f"_{sign.lastgroup}")(sign[sign.lastgroup])
            except (ValueError, ZeroDivisionError) as error:
                raise UnreadableScore(f"line {line}, column {place + 1}: {error}; mend the text there") from None
            place = sign.end()

    def _note(self, text: str) -> None:
        underlines = "_qsdh".index(text[0]) if text[0] in "qsdh" else text.count("_")
        length = self.ratio * (2 - Fraction(1, 2 ** text.count("."))) / 2**underlines
        self.last, fifths = (
            [],
            max((at, key) for at, key in {-1: (0,), **self.score.keys}.items() if at <= self.now)[1][0],
        )
        for tie, accidental, digit, marks in _PITCH.findall(text):
            alter = len(accidental) * (1 if "#" in accidental else -1)
            octave = len(marks) * (1 if "'" in marks else -1)
            pitch = keys.degree_pitch(int(digit), alter, octave, fifths)
            if not 0 <= pitch <= 127:
                raise ValueError(f"{text!r} is out of the range of MIDI, 0 to 127")
            note = self.ending.get(pitch)
            if tie or self.tied:
                if note is None or note[0] + note[1] != self.now:
                    raise ValueError(f"{text!r} is tied, but the same pitch does not end just before it")
                note[1] += length
            else:
                note = self.ending[pitch] = [self.now, length, pitch, DEFAULT_VELOCITY]
                self.score.parts[-1][2].append(note)
            self.last.append(note)
        self.tied = False
        self.now += length

    def _dash(self, _: str) -> None:
        if self.last is None:
            raise ValueError("a dash lengthens a note, and there is none before it in this bar")
        for note in self.last:
            note[1] += self.ratio
        self.now += self.ratio

    def _tie(self, _: str) -> None:
        self.tied = True

    def _triplet(self, _: str) -> None:
        self.ratio = Fraction(2, 3)

    def _end(self, _: str) -> None:
        self.ratio = Fraction(1)

    def _mark(self, marks: dict, value: tuple) -> None:
        """Takes a key, metre or tempo, which later voices may repeat."""
        if not self.lengths:
            marks[self.now] = value
        elif marks.get(self.now) != value:
            raise ValueError("keys, metres and tempos change in the first voice; a later one may only repeat them")

    def _key(self, text: str) -> None:
        degree, accidentals, letter = int(text[0]), re.sub("[A-G]", "", text[2:]), re.sub("[#b]", "", text[2:])
        if letter not in tuple(keys.STEPS) or len(accidentals) > 1:
            raise ValueError(f"{text} is no key; write one such as 1=C, 1=F#, 1=Bb or 6=A")
        alter = accidentals.count("#") - accidentals.count("b")
        fifths = keys.STEPS.index(letter) - 1 + 7 * alter - keys.DEGREES[degree - 1]
        if abs(fifths) > keys.MOST_FIFTHS:
            raise ValueError(f"{text} is a key of {abs(fifths)} sharps or flats, and {keys.MOST_FIFTHS} is the maximum")
        self._mark(self.score.keys, (fifths, MODES[degree]))

    def _tempo(self, text: str) -> None:
        unit, rate = text.split("=")
        if not int(unit.strip(".")) or not float(rate):
            raise ValueError(f"{text} is no tempo")
        beat = Fraction(4, int(unit.strip("."))) * (Fraction(3, 2) if "." in unit else 1)
        self._mark(self.score.tempos, (float(Fraction(rate) * beat),))

    def _meter(self, text: str) -> None:
        if self.now != self.bar:
            raise ValueError(f"the metre {text} stands within a bar; put a bar line before it")
        upper, lower = map(int, text.split("/"))
        if not upper * lower:
            raise ValueError(f"{text} is no metre")
        self._mark(self.score.signatures, (upper, lower))

    def _bar(self, _: str) -> None:
        if self.ratio != 1:
            raise ValueError("the triplet before this bar line is not closed by a ]")
        if self.now > self.bar:  # not at the beginning of a line
            self.bars.append((self.bar, self.now - self.bar, self.line))
        self.bar, self.last = self.now, None

    def end_voice(self) -> None:
        """Checks the bars of a voice: by the metre those of the first, by the first voice those of the others."""
        self._bar("")
        marks = sorted(self.score.signatures.items())
        for number, (start, length, line) in enumerate(self.bars):
            last = number == len(self.bars) - 1
            if self.lengths:
                full = self.lengths[number] if number < len(self.lengths) else Fraction(0)
                fits, what = length == full or (last and length < full), "the first voice"
            else:
                signature = max(((at, mark) for at, mark in marks if at <= start), default=(0, None))[1]
                if signature is None:
                    continue
                full, what = Fraction(4 * signature[0], signature[1]), "{}/{}".format(*signature)
                short = not number or last or self.bars[number + 1][0] in self.score.signatures
                fits = length == full or (short and length < full)
                if number == 0 and length < full and not last and self.bars[1][0] not in self.score.signatures:
                    upbeat = meter.short_bar(float(length), signature[1])
                    fits = upbeat is not None
                    self.score.signatures |= {Fraction(0): upbeat, length: signature}
            if not fits:
                raise UnreadableScore(
                    f"line {line}: bar {number + 1} lasts {float(length):g} quarter notes, and in {what} it lasts"
                    f" {float(full):g}; mend its durations or its bar lines"
                )
        self.lengths = self.lengths or [length for _, length, _ in self.bars]

    def _part(self, _: str) -> None:
        self._voice("")
        self.score.parts.append(("", 0, []))

    def _voice(self, _: str) -> None:
        self.end_voice()
        self.begin_voice()
