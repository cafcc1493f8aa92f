"""Notation reader: MusicXML, kern, ABC and the other formats of music21, and music21 streams.

Ties are joined here, since music21 joins a chord only if all of its notes are tied.
"""

from __future__ import annotations

import collections
import math
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from musiclib.readers.parsed import ParsedScore, UnreadableScore
from musiclib.score import DEFAULT_VELOCITY, meter

if TYPE_CHECKING:
    import music21

FORMATS = "MIDI (.mid, .midi), MusicXML (.musicxml, .xml, .mxl), kern (.krn) and ABC (.abc)"


def read(path: pathlib.Path) -> ParsedScore:
    """Parses a notation file; raises UnreadableScore if its suffix is unknown."""
    return convert(_parse(path))


def convert(stream: music21.stream.Stream) -> ParsedScore:
    """Converts a music21 stream; raises UnreadableScore if it is an Opus of several pieces."""
    from music21 import chord, harmony, instrument, note, percussion, tempo
    from music21.meter import TimeSignature

    if "Opus" in stream.classes:
        remedy = "give score_from_music21 one of music21.converter.parse(path).scores"
        raise UnreadableScore(f"it contains {len(stream.scores)} pieces; {remedy}")
    parsed = ParsedScore()
    parts = [] if "Part" in stream.classes else list(stream.getElementsByClass("Part"))
    for start, source in [(0.0, stream), *((stream.elementOffset(part), part) for part in parts)]:
        notes: list[tuple] = []
        first, semitones = None, 0
        written = (stream if source.atSoundingPitch == "unknown" else source).atSoundingPitch is False
        for onset, element in _leaves(source, start, source is stream):
            if isinstance(element, (note.Note, chord.Chord)):
                symbol = isinstance(element, harmony.Harmony) and not element.writeAsChord
                if element.quarterLength > 0 and not symbol:
                    for member in element.notes if isinstance(element, chord.Chord) else (element,):
                        pitch, tie = member.pitch.midi + semitones, member.tie.type if member.tie else None
                        notes.append((onset, element.quarterLength, pitch, _velocity(member, element), tie))
            elif isinstance(element, (note.Unpitched, percussion.PercussionChord)):
                parsed.percussion += 1
            elif isinstance(element, instrument.Instrument):
                first = first or element
                semitones = round(element.transposition.semitones) if written and element.transposition else 0
            elif isinstance(element, (tempo.MetronomeMark, tempo.MetricModulation)):
                mark = element if isinstance(element, tempo.MetronomeMark) else element.newMetronome
                if mark and mark.getQuarterBPM():  # if parts differ, the first one wins
                    parsed.tempos.setdefault(float(onset), (float(mark.getQuarterBPM()),))
            elif isinstance(element, TimeSignature) and element.numerator and element.denominator:
                parsed.signatures.setdefault(float(onset), (element.numerator, element.denominator))
        if notes or source is not stream or not parts:  # a score with parts has marks, but is not a part
            name = getattr(source, "partName", None) or (first and (first.partName or first.instrumentName))
            parsed.parts.append((name or "", (first and first.midiProgram) or 0, _join_ties(notes)))
    _add_upbeat(parsed, parts or [stream])
    return parsed


def _parse(path: pathlib.Path) -> music21.stream.Stream:
    """Parses a notation file without music21's cache, which may be stale."""
    from music21 import converter

    parser = converter.Converter()
    suffixes = {suffix for kind in parser.subConvertersList("input") for suffix in kind.registerInputExtensions}
    if path.suffix.lower().removeprefix(".") not in suffixes:
        raise UnreadableScore(f"no known format has the suffix {path.suffix!r}; formats that work are {FORMATS}")
    parser.parseFileNoPickle(path)
    return parser.stream


def _add_upbeat(parsed: ParsedScore, parts: list[music21.stream.Stream]) -> None:
    """Adds a time signature for an incomplete first bar (upbeat), so that the following bar lines are right."""
    first = next((bar for part in parts if (bar := part.getElementsByClass("Measure").first()) is not None), None)
    if first is None or not first.paddingLeft or 0.0 not in parsed.signatures:
        return
    length, signature = float(first.highestTime), parsed.signatures[0.0]
    short = meter.short_bar(length, signature[1])
    if short is not None:
        parsed.signatures[0.0] = short
        parsed.signatures.setdefault(length, signature)


def _leaves(stream: music21.stream.Stream, start: float, skip_parts: bool) -> Iterator[tuple]:
    """Yields (onset, element) of all elements of a stream, its measures and voices."""
    for element in stream.elements:
        onset = start + stream.elementOffset(element)
        if not element.isStream:
            yield onset, element
        elif not (skip_parts and "Part" in element.classes):
            yield from _leaves(element, onset, False)


def _velocity(*sources: music21.note.NotRest) -> int:
    """Returns the first explicit velocity: either each note of a chord has one, or only the chord."""
    for source in sources:
        if source.hasVolumeInformation() and source.volume.velocity is not None:
            return min(max(round(source.volume.velocity), 1), 127)
    return DEFAULT_VELOCITY


def _join_ties(notes: list[tuple]) -> list[list]:
    """Joins tied notes: takes (onset, duration, pitch, velocity, tie), returns them without the tie."""
    joined: list[list] = []
    waiting: dict[int, list[list]] = collections.defaultdict(list)  # by pitch: notes with an open tie
    for onset, duration, pitch, velocity, tie in sorted(notes, key=lambda note: note[0]):
        ends = (note for note in waiting[pitch] if math.isclose(note[0] + note[1], onset, abs_tol=1e-4))
        held = next(ends, None) if tie in ("continue", "stop") else None
        if held is None:  # also a note with a tie from no note
            joined.append([onset, duration, pitch, velocity])
            if tie in ("start", "continue"):
                waiting[pitch].append(joined[-1])
        else:
            held[1] = onset + duration - held[0]
            if tie == "stop":
                waiting[pitch].remove(held)
    return joined
