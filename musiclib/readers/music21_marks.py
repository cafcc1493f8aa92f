"""Marks of a music21 stream: tempos, time and key signatures, upbeats, repeats."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from musiclib.readers.parsed import ParsedScore
from musiclib.readers.repeats import Bar
from musiclib.score import keys

if TYPE_CHECKING:
    import music21


def add_mark(parsed: ParsedScore, onset: float, element: music21.base.Music21Object, semitones: int) -> None:
    """Adds a tempo, a time signature or a key signature; if parts differ, the first one wins.

    Args:
        parsed: the score to add to.
        onset: quarter lengths from the start of the piece.
        element: any element of a stream; others are ignored.
        semitones: the transposition of the part, which its key signatures follow.
    """
    from music21 import tempo
    from music21.key import KeySignature
    from music21.meter import TimeSignature

    if isinstance(element, (tempo.MetronomeMark, tempo.MetricModulation)):
        mark = element if isinstance(element, tempo.MetronomeMark) else element.newMetronome
        if mark and mark.getQuarterBPM():
            parsed.tempos.setdefault(onset, (round(float(mark.getQuarterBPM()), 9),))
    elif isinstance(element, TimeSignature) and element.numerator and element.denominator:
        parsed.signatures.setdefault(onset, (element.numerator, element.denominator))
    elif isinstance(element, KeySignature) and abs(element.sharps or 0) <= keys.MOST_FIFTHS:
        key = onset, element.sharps or 0, getattr(element, "mode", None) or ""
        parsed.keys.setdefault(onset, keys.transposed((key,), semitones)[0][1:])


def bar_starts(part: music21.stream.Stream, starts: Mapping[str, Sequence]) -> Sequence | None:
    """Returns the starts of the bars of a part."""
    return starts.get(part_id(part, starts))


def part_id(part: music21.stream.Stream, known: Collection[str]) -> str:
    """Returns the id of a part in its MusicXML file, one of ``known``; a staff has that of its part."""
    names = (group.rpartition("-Staff")[0] or group for group in part.groups)
    return next((name for name in names if name in known), "")


def bars(parts: Sequence[music21.stream.Stream], starts: Mapping[str, Sequence] | None) -> list[Bar]:
    """Returns the bars of the first part with the repeats of all parts."""
    from music21 import bar as barlines
    from music21 import repeat

    found: list[Bar] = []
    for part in parts:
        measures = list(part.getElementsByClass("Measure"))
        onsets = (starts and bar_starts(part, starts)) or [part.elementOffset(measure) for measure in measures]
        onsets = [*map(float, onsets), float(part.highestTime)][: len(measures) + 1]
        for number, measure in enumerate(measures):
            if number == len(found):
                found.append(Bar(onsets[number], onsets[number + 1]))
            bar = found[number]
            for line in (measure.leftBarline, measure.rightBarline):
                if isinstance(line, barlines.Repeat):
                    bar.opens |= line.direction == "start"
                    bar.times = max(bar.times, (line.times or 2) if line.direction == "end" else 1)
            for bracket in measure.getSpannerSites("RepeatBracket"):
                bar.endings = tuple(bracket.numberRange)
            for sign in measure.getElementsByClass(repeat.RepeatExpression):
                text = sign.getText().lower()
                bar.segno |= isinstance(sign, repeat.Segno)
                bar.fine |= isinstance(sign, repeat.Fine)
                bar.to_coda |= isinstance(sign, repeat.Coda) and text.startswith("to")
                bar.coda |= isinstance(sign, repeat.Coda) and not text.startswith("to")
                if isinstance(sign, repeat.RepeatExpressionCommand):
                    bar.jump = "da capo" if "DaCapo" in sign.classes[0] else "dal segno"
    return found
