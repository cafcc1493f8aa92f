"""ABC reader: tunes of one or more voices.

music21 was tried: it reads two of the nineteen cases of tests/test_abc.py right, Verovio 6.4.1 two, too. abc2xml reads
fifteen, but its package forces versions of setuptools and pyparsing. abc2midi, which symusic brings along, plays grace
notes and repeats; tests/soak/compare_readers.py compares with it.

Source: the ABC music standard, version 2.1 (2011), https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import pathlib
import re
from fractions import Fraction

from musiclib.readers import abc_key, abc_text, alignment, text_file
from musiclib.readers.abc_key import Key
from musiclib.readers.abc_voice import Voice
from musiclib.readers.parsed import ParsedScore, UnreadableScore
from musiclib.readers.repeats import play_order
from musiclib.readers.ties import join_ties
from musiclib.score import DEFAULT_VELOCITY, keys
from musiclib.score.instruments import DRUM_KIT

SUFFIXES = abc_text.SUFFIXES


def read(path: pathlib.Path) -> list[ParsedScore | UnreadableScore]:
    """Parses the tunes of an ABC file; a damaged one is an error in its place, with the line.

    Raises:
        UnreadableScore: if there is no tune.
    """
    return [_read_tune(tune) for tune in abc_text.split(text_file.lines(path))]


def _read_tune(tune: list[abc_text.Line]) -> ParsedScore | UnreadableScore:
    try:
        return _Tune(tune).parsed()
    except UnreadableScore as error:
        return error
    except OverflowError:
        return UnreadableScore("it has a time too long to count; look for a wrong note length in it")


class _Tune:
    """A tune as its lines are read."""

    def __init__(self, tune: list[abc_text.Line]) -> None:
        self.score = ParsedScore()
        self.unit: Fraction | None = None
        self.meter: tuple[int, int] | None = (4, 4)
        self.key = Key()
        self.tempo = ""
        self.order = ""  # of parts, such as AABA
        self.sections: dict[str, int] = {}  # the first bar of each part
        self.semitones = 0
        self.composer = ""
        self.midi: list[tuple[str, str]] = []  # directives of the header, after the voice that they are for, or ""
        self.voices: dict[str, Voice] = {}
        self.declared: dict[str, str] = {}
        self.current = ""
        self.in_body = False
        self.marks: list[tuple[str, str, int, Fraction, tuple]] = []  # kind, voice, bar, time in the bar, value
        last = len(tune) - 1
        for place, (number, field, text) in enumerate(tune):
            try:
                if field:
                    self._set(field, text)
                elif self.in_body:
                    self._add(text)
                if place == last:  # chords may go on from line to line, as mail programs break them
                    for voice in self.voices.values():
                        voice.check_closed()
            except (ValueError, ArithmeticError) as error:
                what = "a note length with a zero" if isinstance(error, ZeroDivisionError) else error
                raise UnreadableScore(f"line {number}: {what}; mend the file, or get another copy") from error

    @property
    def voice(self) -> Voice:
        """The current voice, which is made when its music begins."""
        if self.current not in self.voices:
            voice = Voice(self.unit, self.meter, self.key, self.semitones)
            self.voices[self.current] = voice
            for owner, text in [*self.midi, ("", self.declared.get(self.current, ""))]:
                if owner in ("", self.current):
                    self._describe(voice, text)
        return self.voices[self.current]

    def _add(self, text: str) -> None:
        for symbol in abc_text.symbols(text):
            if symbol["field"]:
                self._set(symbol["field"], symbol["value"].strip())
            else:
                self.voice.add(symbol)

    def _set(self, field: str, text: str) -> None:
        """Takes a field of the header, of the body, or between notes."""
        if field == "T" and not self.in_body:
            self.score.title = self.score.title or text
        elif field == "C" and not self.in_body:
            self.score.composer = self.score.composer or text
        elif field == "X":
            self.composer, self.score.composer = self.score.composer, ""  # the one of the file, unless the tune has one
        elif field == "L":
            unit = abc_text.unit(text)
            if self.in_body:
                self.voice.unit = unit
            else:
                self.unit = unit
        elif field == "M":
            found = abc_text.meter(text)
            if self.in_body:
                self.voice.meter = found
                self._mark("M", found)
            else:
                self.meter = found
        elif field == "Q":
            if self.in_body:
                self._mark("Q", (abc_text.tempo(text, self.voice.unit),))
            else:
                self.tempo = text
        elif field == "P" and not self.in_body:
            self.order = text
        elif field == "P" and self.current == next(iter(self.declared), self.current):
            self.sections.setdefault(text[:1], len(self.voice.bars) - 1)
        elif field == "K":
            self._set_key(text)
        elif field == "V":
            self._set_voice(text)
        elif field == "I" and text.startswith("MIDI"):
            if self.in_body:
                self._describe(self.voice, text)
            else:
                self.midi.append((self.current, text))

    def _set_key(self, text: str) -> None:
        old = self.voice.key if self.in_body else self.key
        key, shift = abc_key.key(text, old), abc_key.semitones(text)
        if self.in_body:
            self.voice.key = key
            self.voice.semitones = self.voice.semitones if shift is None else shift
            if key is not old:
                self._mark_key(key)
            return
        self.key, self.semitones, self.in_body = key, shift or 0, True
        if self.unit is None:
            short = self.meter is not None and Fraction(*self.meter) < Fraction(3, 4)
            self.unit = Fraction(1, 16 if short else 8)
        self.current = next(iter(self.declared), "")
        self._mark_key(key)
        self._mark("M", self.meter)
        self._mark("Q", (abc_text.tempo(self.tempo, self.unit),))

    def _set_voice(self, text: str) -> None:
        name = (text.split() or [""])[0]
        if name not in self.declared:
            self.declared[name] = text
        elif name in self.voices:
            self._describe(self.voices[name], text)
        else:
            self.declared[name] += text[len(name) :]
        self.current = name

    def _describe(self, voice: Voice, text: str) -> None:
        """Takes the options of ``V:``, or a MIDI directive."""
        if found := re.match(r"MIDI\s+program\s+(?:\d+\s+)?(\d+)", text):
            if not any(event.notes for bar in voice.bars for event in bar.events):  # the one of the first note
                voice.program = min(int(found[1]), 127)
        elif found := re.match(r"MIDI\s+channel\s+(\d+)", text):
            voice.drums = int(found[1]) == 10
        elif found := re.match(r"MIDI\s+transpose\s+(-?\d+)", text):
            voice.midi_semitones = int(found[1])
        elif text.startswith("MIDI nobarlines"):
            voice.has_bar_lines = False
        elif not text.startswith("MIDI"):
            found = abc_key.options(text)
            voice.name = found.get("name") or found.get("nm") or voice.name
            shift = abc_key.semitones(text)
            voice.semitones = voice.semitones if shift is None else shift

    def _mark_key(self, key: Key) -> None:
        """Marks the key signature at sounding pitch."""
        sounding = ((0.0, key.fifths, key.mode),)
        if abs(key.fifths) <= keys.MOST_FIFTHS:
            self._mark("K", keys.transposed(sounding, self.voice.semitones + self.voice.midi_semitones)[0][1:])

    def _mark(self, kind: str, value: tuple | None) -> None:
        voice = self.voice
        if value is None or value[0] is None:
            return  # free meter, or a tempo in words
        self.marks.append((kind, self.current, len(voice.bars) - 1, voice.cursor, value))

    def parsed(self) -> ParsedScore:
        """Returns the tune with the bars of its voices aligned."""
        self.score.composer = self.score.composer or self.composer
        voices = {name: self.voices[name] for name in ["", *self.declared] if name in self.voices}
        for voice in voices.values():
            voice.end()
        voices = {name: voice for name, voice in voices.items() if voice.bars}
        starts = self._align(voices)
        for name, voice in voices.items():
            self._add_part(voice, voice.name or name, starts)
        marks = {"M": self.score.signatures, "Q": self.score.tempos, "K": self.score.keys}
        for kind, name, place, time, value in self.marks:
            onset = float(starts[min(place, len(starts) - 1)] + time)
            if onset not in marks[kind] or name == next(iter(voices), ""):  # if voices differ, the first one wins
                marks[kind][onset] = value
        self._add_bars(voices, starts)
        return self.score

    def _align(self, voices: dict[str, Voice]) -> list[Fraction]:
        """Returns where each bar starts, and the end."""
        rows: list[dict[str, tuple[Fraction, Fraction]]] = []
        for name, voice in voices.items():
            for place, bar in enumerate(voice.bars):
                rows += [{}] * (place == len(rows))
                rows[place] = rows[place] | {name: (bar.length, 4 * Fraction(*bar.meter) if bar.meter else Fraction(0))}
        starts, irregular = alignment.align(rows)
        self.score.irregular = [(voices[name].name or name, *counts) for name, counts in irregular.items()]
        return starts

    def _add_part(self, voice: Voice, name: str, starts: list[Fraction]) -> None:
        part = len(self.score.parts)
        rows = []
        for bar, start in zip(voice.bars, starts, strict=False):  # the end comes last
            for event in bar.events:
                for note in event.notes:
                    tie = "continue" if note.tied else "stop"  # joined only to a tied note that ends there
                    rows.append((start + event.onset, note.duration, note.pitch, DEFAULT_VELOCITY, tie))
            self.score.graces += [(float(start + beat), *row, DEFAULT_VELOCITY, part) for beat, *row in bar.graces]
        program = DRUM_KIT if voice.drums else voice.program
        self.score.parts.append((name, program, [[*map(float, row)] for row in join_ties(rows)]))
        self.score.microtones += voice.microtones

    def _add_bars(self, voices: dict[str, Voice], starts: list[Fraction]) -> None:
        """Adds the repeats of the first voice, the order of the parts, and an upbeat."""
        for voice in [*voices.values()][:1]:
            for place, bar in enumerate(voice.bars):
                bar.marks.start, bar.marks.end = float(starts[place]), float(starts[place + 1])
                self.score.bars.append(bar.marks)
        self.score.add_upbeat()
        for letter in abc_text.part_order(self.order):
            if letter in self.sections:  # a part without music is passed over
                start = self.sections[letter]
                end = min((place for place in self.sections.values() if place > start), default=None)
                self.score.order += play_order(self.score.bars[start:end])
