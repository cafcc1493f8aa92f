"""Parsed score: the output of a parser before it becomes a Score, and the rules that all readers share.

Notes of duration 0 or without a note-off are left out and counted, and so are percussion and grace notes, unless they
are asked for; repeats are played out and the pedal extends notes on request; duplicate part names are numbered;
repeated tempos and signatures are dropped, and titles that are the name of a file; pieces longer than a day are
rejected.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re

import numpy as np

from musiclib.readers.graces import before_the_beat
from musiclib.readers.repeats import Bar, changes, play_order, played
from musiclib.readers.sustain_pedal import sustain
from musiclib.score import Score, meter
from musiclib.score.instruments import DRUM_KIT

MOST_NOTES = 10_000_000  # when repeats are played out: more than that are damaged repeats
LONGEST_HOURS = 24  # a longer piece is a damaged file, or Satie
# Programs that export a piece without a title write such a name as bwv337.mxl in its place.
_FILE_NAME = re.compile(r"\.(mxl|musicxml|xml|midi?|kar|krn|abc|mei|msc[xz]|musx?|sib|capx?)$", re.IGNORECASE)


# What is left out of a Score, by kind, as ``ParsedScore.left_out`` names it.
PERCUSSION, UNPITCHED = "percussion notes", "unpitched notes of no known drum"
GRACE_NOTES, PEDAL = "grace notes", "pedal events"
LOST = ("notes that never end", "notes without a length", "notes before the first beat")
_SINGULAR = {"notes that never end": "note that never ends"}


def counted(count: int, kind: str) -> str:
    """Returns a number of notes of a kind as words, such as ``2 notes without a length``."""
    return f"{count:,} {kind if count > 1 else _SINGULAR.get(kind, kind.replace('notes', 'note'))}"


class UnreadableScore(ValueError):
    """A file or stream that cannot be parsed or has no pitched notes.

    ``reason`` is the error message without the file name.
    """

    def __init__(self, reason: str, path: object = None) -> None:
        super().__init__(reason if path is None else f"cannot read {path}: {reason}")
        self.reason = reason
        self.path = path

    def __reduce__(self) -> tuple:
        return type(self), (self.reason, self.path)  # to be pickled between processes


class LostNotes(UserWarning):
    """Some notes were left out; the message says which and how many."""


class IrregularBars(UserWarning):
    """Some bars of a part are longer or shorter than those of the other parts; the message says how many."""


class RoundedPitches(UserWarning):
    """Quarter tones were rounded to semitones."""


@dataclasses.dataclass
class ParsedScore:
    """Parts, tempos, signatures and repeats of a parsed file.

    Args:
        parts: triples (name, General MIDI program, or ``DRUM_KIT`` for percussion, notes); the notes are rows (onset,
            duration, pitch, velocity), a list or an (n, 4) array, times in quarter lengths.
        tempos: (quarter notes per minute,) by onset.
        signatures: (numerator, denominator) by onset.
        keys: (fifths, mode) by onset.
        title: the title, or ``""``; the name of a file is none.
        composer: the composer, or ``""``.
        graces: grace notes, rows (onset of the note that they lead to, place in their group from 0, pitch, velocity,
            index of the part).
        bars: the written bars with their repeat signs; empty if the format has none.
        order: the spans (start, end) in the order in which they sound, where the file states it; otherwise it follows
            from the repeat signs.
        pedals: spans (down, up) of the sustain pedal.
        pedal_events: number of its events in the file.
        percussion: number of unpitched notes of which the drum is not known, so that they are in no part.
        unended_drums: number of percussion notes without a note-off that were left out.
        zero_length_drums: number of percussion notes of duration 0 that were left out.
        unended: number of notes without a note-off that were left out.
        zero_length: number of notes of duration 0 that were left out.
        early: number of grace notes before the first beat, which were left out.
        microtones: number of notes whose pitch was rounded to a semitone.
        irregular: for each part with irregular bars, (name, bars that are too short, bars that are too long).
        left_out: set by ``score``: how many notes, and events of the pedal, were left out, by kind.
    """

    parts: list[tuple[str, int, list | np.ndarray]] = dataclasses.field(default_factory=list)
    tempos: dict[float, tuple] = dataclasses.field(default_factory=dict)
    signatures: dict[float, tuple] = dataclasses.field(default_factory=dict)
    keys: dict[float, tuple] = dataclasses.field(default_factory=dict)
    title: str = ""
    composer: str = ""
    graces: list[tuple] = dataclasses.field(default_factory=list)
    bars: list[Bar] = dataclasses.field(default_factory=list)
    order: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    pedals: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    pedal_events: int = 0
    percussion: int = 0
    unended_drums: int = 0
    zero_length_drums: int = 0
    unended: int = 0
    zero_length: int = 0
    early: int = 0
    microtones: int = 0
    irregular: list[tuple[str, int, int]] = dataclasses.field(default_factory=list)
    left_out: dict[str, int] = dataclasses.field(default_factory=dict)

    def score(
        self, grace_notes: bool = False, repeats: bool = False, pedal: bool = False, percussion: bool = False
    ) -> Score:
        """Returns the Score.

        Args:
            grace_notes: keep grace notes, as short notes just before the beat; otherwise they are left out.
            repeats: play out repeats, endings and jumps; otherwise every bar sounds once, as written.
            pedal: extend notes while the sustain pedal is down.
            percussion: keep percussion parts; otherwise they are left out.

        Raises:
            UnreadableScore: if there are no notes, or the piece is too long.
        """
        kept = [i for i, (_, program, _) in enumerate(self.parts) if percussion or program != DRUM_KIT]
        if percussion:
            self.unended += self.unended_drums
            self.zero_length += self.zero_length_drums
        notes = [np.asarray(self.parts[i][2], dtype=np.float64).reshape(-1, 4) for i in kept]
        table = np.concatenate([np.zeros((0, 4)), *notes])
        part = np.repeat(np.arange(len(notes)), [len(rows) for rows in notes])
        keep = table[:, 1] > 0
        self.zero_length += int(np.sum(~keep))
        table, part = table[keep], part[keep]
        if not len(table):
            drums = self._drums_left_out(percussion)
            unpitched = drums + self.percussion
            what = f"only percussion, {unpitched} unpitched notes" if unpitched else "no notes"
            what += f", but for {self.lost}" if self.lost else ""
            remedy = ", or keep them with percussion=True" if drums else ""
            raise UnreadableScore(
                f"this music has {what}; choose a file with pitched notes of positive duration{remedy}"
            )
        maps = {"tempos": changes(self.tempos), "key_signatures": changes(self.keys), "time_signatures": self._meters()}
        graces = np.array(self.graces, dtype=np.float64).reshape(-1, 5)
        graces = graces[np.isin(graces[:, 4], kept)]
        written, graces[:, 4] = len(graces), np.searchsorted(kept, graces[:, 4])
        spans = self.order or play_order(self.bars) if repeats else []
        if self.order and spans or len(spans) > 1:
            onsets, (starts, ends) = np.sort(table[:, 0]), np.array(spans).T
            if (count := np.sum(np.searchsorted(onsets, ends) - np.searchsorted(onsets, starts))) > MOST_NOTES:
                raise UnreadableScore(f"its repeats play {count:,} notes, and {MOST_NOTES:,} is the maximum")
            (table, part, graces), maps = played(spans, (table, part, graces), maps)
        if grace_notes and len(graces):
            rows, parts, self.early = before_the_beat(graces, table, part)
            table, part = np.concatenate([table, rows]), np.concatenate([part, parts])
        # A Score sorts by onset, part and pitch; ties are sorted here by duration, then velocity, so that the result
        # does not depend on the order in which a reader finds the notes.
        table, part = (column[np.lexsort((table[:, 3], table[:, 1]))] for column in (table, part))
        names, programs = _unique_names([self.parts[i][:2] for i in kept]), tuple(self.parts[i][1] for i in kept)
        title = " ".join(self.title.split())
        about = {"title": "" if _FILE_NAME.search(title) else title, "composer": " ".join(self.composer.split())}
        score = Score(*table.T, part, part_names=names, programs=programs, **maps, **about)
        score = sustain(score, np.array(self.pedals, dtype=np.float64).reshape(-1, 2)) if pedal else score
        hours = float(score.seconds_at((score.onset + score.duration).max())) / 3600
        if not hours <= LONGEST_HOURS:
            raise UnreadableScore(
                f"it lasts {hours:,.0f} hours, and {LONGEST_HOURS} is the maximum; look for a wrong time in it"
            )
        counts = {
            PERCUSSION: self._drums_left_out(percussion),
            UNPITCHED: self.percussion,
            GRACE_NOTES: 0 if grace_notes else written,
            PEDAL: 0 if pedal else self.pedal_events,
            **self._lost,
        }
        self.left_out = {kind: int(count) for kind, count in counts.items() if count}
        return score

    def _drums_left_out(self, kept: bool) -> int:
        """Returns the number of notes of percussion parts, if these are not kept."""
        return sum(len(rows) for _, program, rows in self.parts if program == DRUM_KIT and not kept)

    def add_upbeat(self) -> None:
        """Gives a first bar that is shorter than its meter a time signature, so that the next bar lines are right."""
        if self.bars and 0.0 in self.signatures:
            length, signature = self.bars[0].end, self.signatures[0.0]
            short = meter.short_bar(length, signature[1])
            if short and length < 4 * signature[0] / signature[1]:
                self.signatures[0.0] = short
                self.signatures.setdefault(length, signature)

    def _meters(self) -> tuple[tuple, ...]:
        """Returns the time signatures without those that repeat the one before on a bar line of its own."""
        found: list[tuple] = []
        for onset, mark in sorted(self.signatures.items()):
            bars = (onset - found[-1][0]) * mark[1] / (4 * mark[0]) if found and found[-1][1:] == mark else 0.5
            if not math.isclose(bars, round(bars), abs_tol=1e-6):
                found.append((onset, *mark))
        return tuple(found)

    @property
    def _lost(self) -> dict[str, int]:
        """The number of notes that no option keeps, by kind."""
        return dict(zip(LOST, (self.unended, self.zero_length, self.early), strict=True))

    @property
    def lost(self) -> str:
        """Describes the notes that were left out, such as ``3 notes that never end``; empty if there are none."""
        return " and ".join(counted(count, kind) for kind, count in self._lost.items() if count)

    def warnings(self) -> list[UserWarning]:
        """Returns what a reader should be told of this piece, one warning of each kind."""
        found: list[UserWarning] = []
        if self.lost:
            found.append(LostNotes(f"left out {self.lost}"))
        if self.microtones:
            found.append(RoundedPitches(f"rounded {self.microtones} microtones to semitones"))
        if self.irregular:
            parts = "; ".join(
                f"{name}: " + " and ".join(f"{count} too {kind}" for count, kind in counts if count)
                for name, short, long in self.irregular
                for counts in [((short, "short"), (long, "long"))]
            )
            found.append(IrregularBars(f"bars that do not fit the other parts, and were aligned with them: {parts}"))
        return found


def _unique_names(parts: list[tuple[str, int]]) -> tuple[str, ...]:
    """Returns a name for each part (name, program), by which it is selected.

    Pitched parts come first, so that their names are the same whether percussion is kept or not.
    """
    names = [""] * len(parts)
    order = sorted(range(len(parts)), key=lambda i: parts[i][1] == DRUM_KIT)
    for number, i in enumerate(order, 1):
        name = parts[i][0] or ("Drums" if parts[i][1] == DRUM_KIT else f"Part {number}")
        copies = itertools.chain([name], (f"{name} {copy}" for copy in itertools.count(2)))
        names[i] = next(copy for copy in copies if copy not in names)
    return tuple(names)
