"""Score: the representation of music that all modules of musiclib use.

Notes are NumPy columns, sorted by onset, then part, then pitch. Times are in quarter lengths (1.0 is a quarter note),
as in music21; ``seconds`` converts them with the tempo map.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from musiclib.score import fields, keys, meter, parts, quantizing
from musiclib.score.instruments import DRUM_KIT

DEFAULT_TEMPO = 120.0  # quarter notes per minute, MIDI's default
DEFAULT_VELOCITY = 80
COLUMNS = ("onset", "duration", "pitch", "velocity", "part")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Score:
    """An immutable piece of music.

    Args:
        onset: (n,) float64, quarter lengths from the start, 0 or later.
        duration: (n,) float64, quarter lengths, above 0.
        pitch: (n,) int64, MIDI pitch, 0 to 127 (60 is middle C, written C4).
        velocity: (n,) int64, MIDI velocity, 1 to 127.
        part: (n,) int64, index into ``part_names``.
        tempos: pairs (onset, quarter notes per minute), sorted by onset.
        time_signatures: triples (onset, numerator, denominator); ``meter`` computes the bar lines.
        part_names: one name per part; ``Part 1``, ``Part 2``, ... by default.
        programs: General MIDI program of each part, 0 to 127 (0 is a piano); 128, ``instruments.DRUM_KIT``, makes it a
            percussion part, whose pitches are the drums of ``instruments.DRUMS``.
        key_signatures: triples (onset, fifths, mode): the number of sharps, negative for flats, and the mode, such as
            ``"minor"``, or ``""`` if the file does not state it.
        title: the title of the piece, or ``""``.
        composer: its composer, or ``""``.

    Raises:
        ValueError: if the columns differ in length or a value is out of range.
    """

    onset: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    part: np.ndarray
    tempos: tuple[tuple[float, float], ...] = ((0.0, DEFAULT_TEMPO),)
    time_signatures: tuple[tuple[float, int, int], ...] = ()
    part_names: tuple[str, ...] = ()
    programs: tuple[int, ...] = ()
    key_signatures: tuple[tuple[float, int, str], ...] = ()
    title: str = ""
    composer: str = ""

    def __post_init__(self) -> None:
        columns = {}
        for name in COLUMNS:
            # Floats first: they represent music21's fractions, and a pitch of 60.5 must not be truncated silently.
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.size and not np.all(np.isfinite(values)):
                raise ValueError(f"Score: {name} has a value that is not finite; every {name} must be a number")
            if name in ("onset", "duration"):
                columns[name] = values
            else:
                columns[name] = values.astype(np.int64)
                if values.size and np.any(columns[name] != values):
                    raise ValueError(f"Score: {name} must be whole numbers, got {values[columns[name] != values][0]}")
        lengths = {name: column.shape for name, column in columns.items()}
        if len(set(lengths.values())) != 1 or columns["onset"].ndim != 1:
            raise ValueError(f"Score: the columns must be one-dimensional and equally long, got {lengths}")
        _check_range(columns["onset"], "onset", 0.0, np.inf)
        _check_range(columns["duration"], "duration", np.nextafter(0.0, 1.0), np.inf)
        _check_range(columns["pitch"], "pitch", 0, 127)
        _check_range(columns["velocity"], "velocity", 1, 127)
        _check_range(columns["part"], "part", 0, np.inf)
        order = np.lexsort((columns["pitch"], columns["part"], columns["onset"]))
        for name, column in columns.items():
            column = column[order]  # a copy: the caller's array stays writable
            column.setflags(write=False)
            object.__setattr__(self, name, column)
        self._set_parts()
        self._set_maps()

    def _set_parts(self) -> None:
        names = fields.listed("part_names", self.part_names, "('Melody', 'Bass')")
        programs = fields.listed("programs", self.programs, "(0, 32)")
        count = max(int(self.part.max()) + 1 if len(self) else 0, len(names), len(programs))
        names += [f"Part {i + 1}" for i in range(len(names), count)]
        programs += [0] * (count - len(programs))
        fields.check_programs(programs, DRUM_KIT)
        object.__setattr__(self, "part_names", tuple(str(name) for name in names))
        object.__setattr__(self, "programs", tuple(int(program) for program in programs))

    def _set_maps(self) -> None:
        # Of two at the same onset, the later in the list wins.
        tempos = fields.rows("tempos", self.tempos, ("onset", "quarter notes per minute"))
        tempos = sorted({float(onset): float(tempo) for onset, tempo in tempos}.items())
        for onset, tempo in tempos:
            if not (np.isfinite(onset) and onset >= 0 and np.isfinite(tempo) and tempo > 0):
                raise ValueError(f"Score: a tempo needs an onset of 0 or more and a rate above 0, got {(onset, tempo)}")
        if not tempos or tempos[0][0] > 0:
            tempos.insert(0, (0.0, DEFAULT_TEMPO))
        object.__setattr__(self, "tempos", tuple(tempos))
        marks = fields.rows("time_signatures", self.time_signatures, ("onset", "numerator", "denominator"))
        marks = {float(onset): (int(upper), int(lower)) for onset, upper, lower in marks}
        signatures = tuple((onset, *mark) for onset, mark in sorted(marks.items()))
        for onset, numerator, denominator in signatures:
            if not (np.isfinite(onset) and onset >= 0 and numerator > 0 and denominator > 0):
                raise ValueError(f"Score: not a time signature: {numerator}/{denominator} at onset {onset}")
        object.__setattr__(self, "time_signatures", signatures)
        signatures = fields.rows("key_signatures", self.key_signatures, ("onset", "fifths", "mode"))
        object.__setattr__(self, "key_signatures", keys.checked(signatures))
        object.__setattr__(self, "title", str(self.title))
        object.__setattr__(self, "composer", str(self.composer))

    @classmethod
    def from_notes(cls, notes: Iterable[tuple], **fields) -> Score:
        """Creates a Score from rows (onset, duration, pitch[, velocity[, part]])."""
        defaults = (None, None, None, DEFAULT_VELOCITY, 0)
        rows = [tuple(row) + defaults[len(row) :] for row in notes]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
        return cls(**dict(zip(COLUMNS, columns, strict=True)), **fields)

    def __len__(self) -> int:
        return len(self.onset)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in dataclasses.fields(self)
        )

    __hash__ = None

    def __repr__(self) -> str:
        return f"Score({len(self)} notes, {self.end:g} quarter lengths, parts: {', '.join(self.part_names) or 'none'})"

    @property
    def end(self) -> float:
        """The end of the last note, in quarter lengths; 0 for an empty score."""
        return float(np.max(self.onset + self.duration)) if len(self) else 0.0

    def replace(self, **changes) -> Score:
        """Returns a copy with some fields replaced; raises ValueError at a field that a Score does not have."""
        fields.check_names([*changes], [field.name for field in dataclasses.fields(self)])
        return dataclasses.replace(self, **changes)

    @property
    def is_percussion(self) -> np.ndarray:
        """(n,) bool, whether a note belongs to a percussion part."""
        return np.array(self.programs, np.int64)[self.part] == DRUM_KIT

    def pitched(self) -> Score:
        """Returns the score without percussion parts; without any, the score itself."""
        kept = [i for i, program in enumerate(self.programs) if program != DRUM_KIT]
        return self if len(kept) == len(self.programs) else self._with_parts(kept)

    def can_transpose(self, semitones: int) -> bool:
        """Returns whether all pitches but percussion stay within 0 to 127 when transposed by ``semitones``."""
        moved = self.pitch[~self.is_percussion] + semitones
        return not len(moved) or bool(0 <= moved.min() and moved.max() <= 127)

    def transpose(self, semitones: int) -> Score:
        """Returns the score and its keys transposed, percussion as it is.

        Raises:
            ValueError: if a pitch would leave 0 to 127.
        """
        if not self.can_transpose(semitones):
            pitches = self.pitch[~self.is_percussion]
            raise ValueError(
                f"transposing by {semitones} takes pitches {pitches.min()} to {pitches.max()} out of 0 to 127;"
                " choose a smaller interval"
            )
        return self.replace(
            pitch=self.pitch + np.where(self.is_percussion, 0, semitones),
            key_signatures=keys.transposed(self.key_signatures, semitones),
        )

    def select(self, part: int | str | Sequence[int | str]) -> Score:
        """Returns one part, or several in the order in which they are given, as a new Score.

        Args:
            part: a number (from 0) or a name, or a list of them. A name in other upper and lower case is found, too,
                where none is equal to it.

        Raises:
            ValueError: if a part is unknown, ambiguous or named twice, or the list is empty; the message lists the
                available ones.
        """
        return self._with_parts(parts.numbers(self.part_names, part))

    def _with_parts(self, kept: list[int]) -> Score:
        """Returns the parts with these numbers, in this order."""
        place = np.full(len(self.part_names), -1)
        place[kept] = np.arange(len(kept))
        columns = {name: getattr(self, name)[place[self.part] >= 0] for name in COLUMNS}
        columns["part"] = place[columns["part"]]
        names, programs = (tuple(values[i] for i in kept) for values in (self.part_names, self.programs))
        return self.replace(**columns, part_names=names, programs=programs)

    def then(self, other: Score, start: float | None = None) -> Score:
        """Concatenates two scores, part by part, with the tempos, signatures and title of this one.

        Args:
            other: the score to append.
            start: onset of the appended score, in quarter lengths; None appends it at the end of this one.

        Raises:
            ValueError: if a part is percussion in one of them only.
        """
        for i, programs in enumerate(zip(self.programs, other.programs, strict=False)):
            if programs.count(DRUM_KIT) == 1:
                raise ValueError(f"part {i} is percussion in one of the scores only; select() the same parts of both")
        columns = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in COLUMNS}
        columns["onset"][len(self) :] += self.end if start is None else start
        longer = max(self, other, key=lambda score: len(score.part_names))
        return self.replace(**columns, part_names=longer.part_names, programs=longer.programs)

    def slice(self, start: float, end: float) -> Score:
        """Returns the notes with onsets in [start, end), shifted to 0 and cut at ``end``.

        Bar lines are preserved: if ``start`` cuts a bar, its rest is an upbeat.

        Args:
            start: quarter lengths.
            end: quarter lengths, above ``start``.
        """
        if not end > start:
            raise ValueError(f"slice: end must lie after start, got start={start} and end={end}")
        keep = (self.onset >= start) & (self.onset < end)
        columns = {name: getattr(self, name)[keep] for name in COLUMNS}
        columns["duration"] = np.minimum(columns["duration"], end - columns["onset"])
        columns["onset"] = columns["onset"] - start
        return self.replace(
            **columns,
            tempos=meter.moved(self.tempos, start, end),
            time_signatures=meter.cut(self.time_signatures, start, end),
            key_signatures=meter.moved(self.key_signatures, start, end),
        )

    def quantize(self, grid: float = 1 / 4, strength: float = 1.0, beats: str | None = None) -> Score:
        """Moves the onsets and ends of the notes towards a grid.

        Where the notes follow the beats of the score, tempos and signatures stay. Where they do not, as in a
        performance recorded at MIDI's default tempo, the beats are found from the onsets (``score.beats``): each
        becomes a quarter note with a tempo of its own, so that the music sounds as it was played. Such a beat may be
        half or twice the one that is written, and bar lines are not found. Notes that become equal are one.

        Args:
            grid: the step in quarter lengths: 1/4 for sixteenths, 1/12 for sixteenths and triplets.
            strength: 0 leaves the notes where they are, 1 moves them onto the grid; between, a part of the way.
            beats: ``"score"`` for the beats of the score, ``"onsets"`` to find them; None tells by the onsets.

        Raises:
            ValueError: at an option that is out of range, or if the beats of more than three hours are to be found.
        """
        return quantizing.quantized(self, grid, strength, beats)

    def seconds_at(self, quarters: np.ndarray | float) -> np.ndarray:
        """Converts positions in quarter lengths to seconds with the tempo map."""
        onsets, tempos = np.array(self.tempos).T
        starts = np.concatenate([[0.0], np.cumsum(np.diff(onsets) * 60.0 / tempos[:-1])])
        quarters = np.asarray(quarters, dtype=np.float64)
        segment = np.maximum(np.searchsorted(onsets, quarters, side="right") - 1, 0)
        return starts[segment] + (quarters - onsets[segment]) * 60.0 / tempos[segment]

    def seconds(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the starts and ends of the notes, two (n,) arrays in seconds."""
        return self.seconds_at(self.onset), self.seconds_at(self.onset + self.duration)


def _check_range(column: np.ndarray, name: str, low: float, high: float) -> None:
    outside = column[(column < low) | (column > high)]
    if outside.size:
        above = "above 0" if name == "duration" else "0 or more"
        limits = f"between {low} and {high}" if np.isfinite(high) else above
        raise ValueError(f"Score: {name} must be {limits}, got {outside[0]}")
