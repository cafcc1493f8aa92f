"""kern reader: one part for each ``**kern`` spine of a Humdrum file.

Tokens of one line sound together; a spine may split, merge and split again, as voices of its staff. music21 loses
notes where it splits twice. Verovio 6.4.1 was tried: it writes arpeggios one note after the other, and in one of nine
movements (tests/test_kern.py) two thirds of the notes were late.

Source: David Huron, "The Humdrum Toolkit: Reference Manual" (1994), chapter on ``**kern``.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
import re
from collections.abc import Iterator
from fractions import Fraction

from musiclib.readers import text_file
from musiclib.readers.parsed import ParsedScore, UnreadableScore
from musiclib.readers.repeats import Bar
from musiclib.readers.ties import join_ties
from musiclib.score import DEFAULT_VELOCITY, keys
from musiclib.score.pitches import STEPS

SUFFIXES = (".krn",)
_FINEST = 512  # bits of the denominator of a time: sums of hostile lengths grow without end
_LENGTH = re.compile(r"(\d+)(?:%(\d+))?(\.*)")
_PITCH = re.compile(r"([a-g]+|[A-G]+)(#+|-+)?")
_KEY = re.compile(r"\*k\[([a-g#n-]*)\]")
_TONIC = re.compile(r"\*([A-Ga-g])([#-]?):(\w*)")
_METER = re.compile(r"\*M(\d+(?:\+\d+)*)/(\d+)(?:%(\d+))?")
_TEMPO = re.compile(r"\*MM(\d+\.?\d*)")
_MODES = {mode[:3]: mode for mode in keys.MODES}


def read(path: pathlib.Path) -> list[ParsedScore]:
    """Parses a Humdrum file: its pieces, one after the other.

    Raises:
        UnreadableScore: if it is damaged; the message has the line.
    """
    pieces: list[_Piece] = []
    records: list[tuple[int, str, str]] = []  # the piece that a reference record belongs to, its name and its value
    for number, line in enumerate(text_file.lines(path), 1):
        if line.startswith("!!!"):
            name, _, value = line[3:].partition(":")
            inside = bool(pieces and pieces[-1].spines)
            records.append((len(pieces) - inside, name.partition("@")[0].strip(), value.strip()))
        elif line.strip() and not line.startswith("!"):
            tokens = line.split("\t")
            if not pieces or not pieces[-1].spines:
                if not line.startswith("**"):
                    raise UnreadableScore(f"line {number} is not kern: {line[:40]!r} is outside all spines")
                pieces.append(_Piece(tokens))
                continue
            if len(tokens) != len(pieces[-1].spines):
                raise UnreadableScore(
                    f"line {number} has {len(tokens)} columns, not {len(pieces[-1].spines)}; it is damaged, get a copy"
                )
            try:
                pieces[-1].add(tokens)
            except (ValueError, ArithmeticError) as error:
                raise UnreadableScore(
                    f"line {number} is not kern ({error}); it is damaged, get another copy"
                ) from error
    if not pieces:
        raise UnreadableScore("it has no **kern spine; it is empty or misnamed")
    if pieces[-1].spines:
        raise UnreadableScore(f"it ends at line {number} without '*-'; it is truncated, get another copy")
    about: list[dict[str, str]] = [{} for _ in pieces]
    for place, name, value in records:
        about[min(place, len(pieces) - 1)].setdefault(name, value)
    return [piece.parsed(about[0] | own) for piece, own in zip(pieces, about, strict=True)]


@dataclasses.dataclass
class _Spine:
    """One column: its kind, its part, and the time at which its last note ends."""

    kind: str
    part: int
    end: Fraction = Fraction(0)


class _Piece:
    """A piece as it grows, line by line."""

    def __init__(self, kinds: list[str]) -> None:
        self.now = self.bar = Fraction(0)  # the time that all spines have reached, and the start of the bar
        self.last = Fraction(-1)  # the onset of the last line of notes
        self.spines = [_Spine(kind, part) for part, kind in enumerate(kinds)]
        self.kern = [part for part, kind in enumerate(kinds) if kind == "**kern"]
        if not self.kern:
            raise UnreadableScore(f"it has no **kern spine, only {', '.join(kinds)[:60]}")
        self.notes: dict[int, list[tuple]] = collections.defaultdict(list)
        self.graces: dict[int, list[tuple[Fraction, int, int]]] = collections.defaultdict(list)
        self.waiting: dict[int, list[list[int]]] = collections.defaultdict(list)  # grace notes before their beat
        self.names: dict[int, str] = {}
        self.codes: dict[int, str] = {}
        self.score = ParsedScore()
        self.lines: list[tuple[Fraction, str]] = []  # bar lines
        self.labels: dict[tuple[Fraction, str], None] = {}  # sections
        self.modes: dict[float, str] = {}  # by onset, for the key signature there
        self.expansion: list[str] = []
        self.irregular: dict[int, list[int]] = collections.defaultdict(lambda: [0, 0])

    def add(self, tokens: list[str]) -> None:
        """Adds one line."""
        self.now = max((spine.end for spine in self.spines if spine.kind == "**kern"), default=self.now)
        if self.now.denominator.bit_length() > _FINEST:
            raise ValueError("its lengths have no common measure")
        if tokens[0].startswith("*"):
            later = (spine.end for spine in self.spines if spine.kind == "**kern" and spine.end > self.last)
            reached, self.now = self.now, min(later, default=self.now)  # a long note may still sound after these marks
            self._interpret(tokens)
            self.now = reached
        elif tokens[0].startswith("="):
            self._end_bar(next((token for token in tokens if token.startswith("=")), "="))
        else:
            self._sound(tokens)

    def _interpret(self, tokens: list[str]) -> None:
        for spine, token in zip(self.spines, tokens, strict=True):
            if spine.kind == "**kern":
                self._mark(spine.part, token)
        self.spines = list(self._routed(tokens))

    def _mark(self, part: int, token: str) -> None:
        """Takes a tempo, a signature, an instrument or a section."""
        onset = float(self.now)
        if found := _METER.match(token):
            if int(found[2]) == 0:
                raise ValueError(f"the meter {token!r} has a zero")
            beats, unit = sum(map(int, found[1].split("+"))), int(found[2])
            if found[3]:  # a beat such as 3%2, two thirds of a whole note
                beats, unit = Fraction(beats * int(found[3]), unit).as_integer_ratio()
            self.score.signatures.setdefault(onset, (beats, unit))
        elif found := _KEY.fullmatch(token):
            fifths = found[1].count("#") - found[1].count("-")
            if abs(fifths) <= keys.MOST_FIFTHS:
                self.score.keys.setdefault(onset, (fifths, self.modes.get(onset, "")))
        elif found := _TONIC.fullmatch(token):
            self.modes[onset] = _MODES.get(found[3]) or ("minor" if found[1].islower() else "major")
            if onset in self.score.keys:
                self.score.keys[onset] = (self.score.keys[onset][0], self.modes[onset])
        elif (found := _TEMPO.match(token)) and float(found[1]) > 0:
            self.score.tempos.setdefault(onset, (float(found[1]),))
        elif token.startswith('*I"'):
            self.names.setdefault(part, token[3:])
        elif token.startswith("*I") and token[2:].isalpha() and not token.startswith(("*IC", "*IG", "*ITr")):
            self.codes.setdefault(part, token[2:])
        elif token.startswith("*>[") and not self.expansion:
            self.expansion = token[3:].rstrip("]").split(",")
        elif token.startswith("*>") and "[" not in token:
            self.labels[self.now, token[2:]] = None

    def _routed(self, tokens: list[str]) -> Iterator[_Spine]:
        """Yields the spines after splits (``*^``), merges (``*v``), exchanges (``*x``) and ends (``*-``)."""
        place = 0
        while place < len(tokens):
            spine, token = self.spines[place], tokens[place]
            place += 1
            if token == "*v":
                group = [spine]
                while place < len(tokens) and tokens[place] == "*v" and self.spines[place].part == spine.part:
                    group.append(self.spines[place])
                    place += 1
                yield _Spine(spine.kind, spine.part, max(other.end for other in group))
            elif token == "*x" and place < len(tokens) and tokens[place] == "*x":
                yield from (self.spines[place], spine)
                place += 1
            elif token.startswith("**"):
                yield _Spine(token, spine.part, spine.end)
            elif token != "*-":
                yield spine
                if token in ("*^", "*+"):
                    yield dataclasses.replace(spine)

    def _end_bar(self, line: str) -> None:
        full = {spine.part for spine in self.spines if spine.end == self.now}
        started = {spine.part for spine in self.spines if spine.kind == "**kern" and spine.end > self.bar}
        for part in started - full:
            self.irregular[part][0] += 1
        for spine in self.spines:
            spine.end = self.now
        self.bar = self.now
        self.lines.append((self.now, line))

    def _sound(self, tokens: list[str]) -> None:
        """Adds the notes of one line, which start together, when the longest note before them has ended."""
        pairs = [
            (spine, token.split(" "))
            for spine, token in zip(self.spines, tokens, strict=True)
            if spine.kind == "**kern" and token != "."
        ]
        timed, graces = [], collections.defaultdict(list)
        for spine, chord in pairs:
            if any("q" in token.lower() for token in chord):
                graces[spine.part] += [_pitch(token) for token in chord if _PITCH.search(token)]
            else:
                timed.append((spine, chord))
        for part, row in graces.items():
            self.waiting[part].append(row)
        onset = max([self.last, *(spine.end for spine, _ in timed)])  # not before the line above, whatever is missing
        self.last = onset if timed else self.last
        for spine, chord in timed:
            self._place_graces(spine.part, onset)
            first = _duration(chord[0])
            for token in chord:
                duration = _duration(token) or first
                spine.end = max(spine.end, onset + duration) if token is not chord[0] else onset + duration
                if "r" not in token and _PITCH.search(token):
                    tie = "start" if "[" in token else "continue" if "_" in token else "stop" if "]" in token else None
                    self.notes[spine.part].append((onset, duration, _pitch(token), DEFAULT_VELOCITY, tie))

    def _place_graces(self, part: int, beat: Fraction) -> None:
        rows = self.waiting.pop(part, [])
        self.graces[part] += [(beat, place, pitch) for place, row in enumerate(rows) for pitch in row]

    def parsed(self, comments: dict[str, str]) -> ParsedScore:
        """Returns the piece, when all of its lines are added."""
        score = self.score
        score.title, score.composer = comments.get("OTL", ""), comments.get("COM", "")
        for index, part in enumerate(reversed(self.kern)):  # kern has the lowest part first
            name, program = _instrument(self.codes.get(part))
            rows = [[float(row[0]), float(row[1]), *row[2:]] for row in join_ties(self.notes[part])]
            score.parts.append((self.names.get(part) or name, program, rows))
            self._place_graces(part, self.now)
            score.graces += [(float(beat), *row, DEFAULT_VELOCITY, index) for beat, *row in self.graces[part]]
            if part in self.irregular:
                score.irregular.append((score.parts[-1][0] or f"Part {index + 1}", *self.irregular[part]))
        self._add_bars(score)
        return score

    def _add_bars(self, score: ParsedScore) -> None:
        """Adds the bars, an upbeat before the first of them, and the order of the sections."""
        edges = sorted({Fraction(0), self.now, *(time for time, _ in self.lines)})
        score.bars = [Bar(float(start), float(end)) for start, end in itertools.pairwise(edges)]
        places = {edge: place for place, edge in enumerate(edges)}
        for time, line in self.lines:
            place = places[time]
            if place and re.search(r":[|!]", line):
                score.bars[place - 1].times = 2
            if place < len(score.bars) and re.search(r"[|!]:", line):
                score.bars[place].opens = True
        score.add_upbeat()
        ends = [*(time for time, _ in self.labels), self.now][1:]
        sections = {name: (float(time), float(end)) for (time, name), end in zip(self.labels, ends, strict=True)}
        if self.expansion and all(name in sections for name in self.expansion):
            score.order = [sections[name] for name in self.expansion]


def _duration(token: str) -> Fraction:
    """Returns quarter lengths: ``4.`` is 3/2, ``20%3`` is 3/5, ``0`` a breve; 0 without a number."""
    found = _LENGTH.search(token)
    if not found:
        return Fraction(0)
    number, dots = int(found[1]), len(found[3])
    whole = Fraction(2) ** len(found[1]) if number == 0 else Fraction(int(found[2] or 1), number)
    return 4 * whole * (2 - Fraction(1, 2**dots))


def _pitch(token: str) -> int:
    """Returns the MIDI pitch: ``c`` is 60, ``CC#`` 37."""
    letters, accidentals = _PITCH.search(token).groups(default="")
    octave = 4 + len(letters) if letters[0].islower() else 5 - len(letters)
    pitch = 12 * octave + STEPS[letters[0].upper()] + accidentals.count("#") - accidentals.count("-")
    if not 0 <= pitch <= 127:
        raise ValueError(f"pitch {pitch} of {token!r} is not between 0 and 127")
    return pitch


def _instrument(code: str | None) -> tuple[str, int]:
    """Returns the name and the General MIDI program of a Humdrum instrument code, such as ``piano``."""
    from music21.humdrum.instruments import HumdrumInstrumentException, fromHumdrumInstrument

    try:
        instrument = fromHumdrumInstrument(code)
    except HumdrumInstrumentException:
        return "", 0
    return instrument.instrumentName or "", instrument.midiProgram or 0
