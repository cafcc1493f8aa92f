"""ABC voices: the bars of one voice, as its symbols are read one by one."""

from __future__ import annotations

import dataclasses
import math
import re
from fractions import Fraction

from musiclib.readers import abc_text
from musiclib.readers.abc_key import ACCIDENTALS, Key
from musiclib.readers.repeats import Bar
from musiclib.score.pitches import STEPS

MOST_BARS = 10_000  # with whole-bar rests
_JUMPS = {"D.C.": "da capo", "dacapo": "da capo", "D.S.": "dal segno", "dalsegno": "dal segno"}


@dataclasses.dataclass
class Note:
    """A note: its sounding pitch, and its written one without the accidental, which is ``alter``."""

    pitch: int
    written: int
    alter: Fraction
    duration: Fraction = Fraction(0)
    tied: bool = False


@dataclasses.dataclass
class Event:
    """A note, a chord or a rest, and its onset in the bar."""

    onset: Fraction
    duration: Fraction
    notes: list[Note]

    def scale(self, factor: Fraction) -> None:
        """Multiplies the duration."""
        self.duration *= factor
        for note in self.notes:
            note.duration *= factor


@dataclasses.dataclass
class VoiceBar:
    """A bar of one voice; the times of its marks are set when the bars of all voices are aligned."""

    events: list[Event] = dataclasses.field(default_factory=list)
    graces: list[tuple[Fraction, int, int]] = dataclasses.field(default_factory=list)  # beat, place, pitch
    length: Fraction = Fraction(0)
    meter: tuple[int, int] | None = None
    marks: Bar = dataclasses.field(default_factory=lambda: Bar(0, 0))


class Voice:
    """One voice, which symbols are added to.

    Args:
        unit: the unit note length, in whole notes.
        meter: (numerator, denominator), or None for free meter.
        key: the key.
        semitones: how much higher than written it sounds.
    """

    def __init__(self, unit: Fraction, meter: tuple[int, int] | None, key: Key, semitones: int = 0) -> None:
        self.unit, self.meter, self.key, self.semitones = unit, meter, key, semitones
        self.name, self.program, self.drums = "", 0, False
        self.midi_semitones = 0  # of %%MIDI transpose
        self.has_bar_lines = True  # otherwise an accidental counts for its note alone
        self.microtones = 0
        self.bars = [VoiceBar()]
        self.cursor = Fraction(0)  # in quarter lengths from the start of the bar
        self.altered: dict[str, Fraction] = {}  # accidentals of this bar
        self.held: dict[int, Fraction] = {}  # accidentals of notes tied into this bar, by written pitch
        self.last: Event | None = None  # what a tie or a broken rhythm changes
        self.broken = ""  # the signs of a broken rhythm before the next event
        self.tuplet = (0, Fraction(1))  # events left, and their factor
        self.waiting: list[int] = []  # grace notes before their beat
        self.chord: Event | None = None
        self.endings: tuple[int, ...] = ()

    @property
    def bar(self) -> VoiceBar:
        """The current bar."""
        return self.bars[-1]

    def add(self, symbol: re.Match) -> None:
        """Adds a symbol of ``abc_text.symbols``, other than a field."""
        if symbol["note"]:
            self._add_note(symbol)
        elif symbol["bar"]:
            self._end_bar(symbol)
        elif symbol["rest"] and not self.chord:
            self._add_rest(symbol["rest"], abc_text.length(symbol["length"]))
        elif symbol["grace"] is not None:
            for found in abc_text.symbols(symbol["grace"]):
                if found["note"]:
                    self.waiting.append(self._note(found).pitch)
        elif symbol["tuplet"]:
            self._begin_tuplet(int(symbol["tuplet"]), symbol["time"], symbol["count"])
        elif symbol["chord"]:
            self.check_closed()
            self.chord = Event(self.cursor, Fraction(0), [])
        elif symbol["end"]:
            self._end_chord(abc_text.length(symbol["times"]))
        elif symbol["broken"] and self.last:
            self.broken = symbol["broken"]
        elif symbol["tie"] and (self.last or self.chord):
            for note in self.chord.notes[-1:] if self.chord else self.last.notes:
                note.tied = True
        elif symbol["overlay"]:
            self._close_layer()
            self.cursor, self.last = Fraction(0), None
        elif symbol["decoration"]:
            self._decorate(symbol["decoration"])

    def check_closed(self) -> None:
        """Raises ValueError if a chord is open."""
        if self.chord:
            raise ValueError("a chord is not closed")

    def end(self) -> None:
        """Ends the voice: its last bar needs no bar line."""
        self._next_bar()
        self.bars = [bar for bar in self.bars if bar.events]

    def _add_note(self, symbol: re.Match) -> None:
        note = self._note(symbol)
        note.duration = 4 * self.unit * abc_text.length(symbol["note"][symbol.end("octave") - symbol.start() :])
        if self.chord:
            self.chord.notes.append(note)
            self.chord.duration = self.chord.duration or note.duration
        else:
            self._add_event(Event(self.cursor, note.duration, [note]))

    def _note(self, symbol: re.Match) -> Note:
        """Returns a note with its accidental: its own, of the note tied to it, of the bar, or of the key."""
        step, marks = symbol["step"], symbol["octave"]
        written = 60 + 12 * (step.islower() + marks.count("'") - marks.count(",")) + STEPS[step.upper()]
        step = step.upper()
        alter = Fraction(self.key.steps.get(step, 0))
        if symbol["accidental"]:
            alter = Fraction(ACCIDENTALS[symbol["accidental"]])
            alter *= abc_text.length(symbol["part"]) if symbol["part"] else 1
            if self.has_bar_lines:
                self.altered[step] = alter
        elif written in self.held and not self.cursor:
            alter = self.held[written]
        elif step in self.altered:
            alter = self.altered[step]
        self.microtones += alter.denominator > 1
        # Half a semitone is rounded to the note that is written: ^/F is F.
        sharps = math.ceil(abs(alter) - Fraction(1, 2)) if alter.denominator > 1 else abs(alter.numerator)
        pitch = written + (sharps if alter > 0 else -sharps) + self.semitones + self.midi_semitones
        if not 0 <= pitch <= 127:
            raise ValueError(f"the pitch {pitch} of {symbol[0]!r} is not between 0 and 127")
        return Note(pitch, written, alter)

    def _add_rest(self, kind: str, count: Fraction) -> None:
        if kind in "zx":
            self._add_event(Event(self.cursor, 4 * self.unit * count, []))
            return
        if not 0 < count <= MOST_BARS - len(self.bars):
            raise ValueError(f"a rest of {float(count):g} bars")
        for number in range(int(count)):
            if number:
                self._next_bar()
            self._add_event(Event(self.cursor, self._bar_length(), []))

    def _bar_length(self) -> Fraction:
        return Fraction(4 * self.meter[0], self.meter[1]) if self.meter else Fraction(4)

    def _begin_tuplet(self, notes: int, time: str | None, count: str | None) -> None:
        compound = self.meter is not None and self.meter[0] % 3 == 0 and self.meter[0] > 3
        usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(notes, 3 if compound else 2)
        if not notes:
            raise ValueError("a tuplet of 0 notes")
        self.tuplet = int(count or notes), Fraction(int(time or usual), notes)

    def _end_chord(self, times: Fraction) -> None:
        if self.chord is None:
            return
        event, self.chord = self.chord, None
        event.scale(times)
        if event.notes:
            self._add_event(event)

    def _add_event(self, event: Event) -> None:
        """Adds a note, a chord or a rest at the cursor, with the factors of tuplets and broken rhythm."""
        left, ratio = self.tuplet
        self.tuplet = max(left - 1, 0), ratio
        event.scale(ratio if left else Fraction(1))
        if self.broken and self.last:
            self._break(self.last, event)
        self._place_graces()
        self.bar.events.append(event)
        self.cursor += event.duration
        self.last = event

    def _place_graces(self) -> None:
        self.bar.graces += [(self.cursor, place, pitch) for place, pitch in enumerate(self.waiting)]
        self.waiting = []

    def _break(self, last: Event, event: Event) -> None:
        """Lengthens one of two equal events by a half and shortens the other: ``>`` the first, ``<`` the second.

        Where the short one is written out already, as in ``D>D/``, only the other changes; of other unequal events, as
        in the second pair of ``D>D>D``, neither does.
        """
        short = Fraction(1, 2 ** min(len(self.broken), 8))
        begun = last.duration
        before, after = (2 - short, short) if self.broken[0] == ">" else (short, 2 - short)
        if event.duration == begun or (before > 1 and event.duration == begun * short):
            last.scale(before)
        if begun == event.duration or (after > 1 and begun == event.duration * short):
            event.scale(after)
        if self.bar.events and self.bar.events[-1] is last:
            self.cursor = last.onset + last.duration
            event.onset = self.cursor
        elif len(self.bars) > 1 and last in self.bars[-2].events:  # a bar line stands between them
            self.bars[-2].length = max(other.onset + other.duration for other in self.bars[-2].events)
        self.broken = ""

    def _close_layer(self) -> None:
        self._place_graces()
        self.bar.length = max(self.bar.length, self.cursor)

    def _next_bar(self) -> None:
        """Ends the current bar if there is music in it."""
        self._close_layer()
        self.bar.meter, self.bar.marks.endings = self.meter, self.endings
        self.cursor = Fraction(0)
        if self.bar.length or self.bar.events:
            self.bars.append(VoiceBar())

    def _end_bar(self, symbol: re.Match) -> None:
        line, ending = symbol["bar"], symbol["after"] or symbol["ending"]
        if not symbol["ending"]:
            self.check_closed()
            tied = ((event, note) for event in self.bar.events for note in event.notes if note.tied)
            end = max(self.bar.length, self.cursor)
            held = {note.written: note.alter for event, note in tied if event.onset + note.duration == end}
            self.held = held if self.bar.events else self.held  # two bar lines count as one
            self._next_bar()
            self.altered = {}
        bare = line.rstrip("0123456789,-[") if ending else line
        closing = len(bare) - len(bare.lstrip(":")) if "|" in bare else len(bare) // 2 if bare else 0
        if closing and len(self.bars) > 1:
            self.bars[-2].marks.times = closing + 1
        opening = len(bare) - len(bare.rstrip(":")) if "|" in bare else closing
        self.bar.marks.opens |= opening > 0
        if closing or opening or any(mark in bare for mark in ("||", "|]", "[|")):
            self.endings = ()
        if ending:
            self.endings = tuple(
                number
                for first, last in re.findall(r"(\d{1,2})(?:-(\d{1,2}))?", ending)
                for number in range(int(first), int(last or first) + 1)
            )

    def _decorate(self, name: str) -> None:
        marks = self.bar.marks
        marks.segno |= name == "segno"
        marks.coda |= name == "coda"
        marks.fine |= name == "fine"
        marks.to_coda |= name.replace(" ", "").lower() in ("dacoda", "tocoda")
        jump = next((jump for start, jump in _JUMPS.items() if name.startswith(start)), "")
        marks.jump = jump or marks.jump
