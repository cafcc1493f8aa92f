"""Notation: MusicXML, kern, ABC and whatever else music21 parses, and music21's own streams.

Ties are joined here rather than by music21, which joins a chord only where all of its notes are tied.
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
    """Reads a file of notation; raises UnreadableScore where its suffix is of no known format."""
    return convert(_parse(path))


def convert(stream: music21.stream.Stream) -> ParsedScore:
    """Collects what a music21 stream holds; raises UnreadableScore where it is an Opus of several pieces."""
    from music21 import chord, harmony, instrument, note, percussion, tempo
    from music21.meter import TimeSignature

    if "Opus" in stream.classes:
        remedy = "give score_from_music21 one of music21.converter.parse(path).scores"
        raise UnreadableScore(f"it holds {len(stream.scores)} pieces; {remedy}")
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
                if mark and mark.getQuarterBPM():  # where parts differ, the first holds
                    parsed.tempos.setdefault(float(onset), (float(mark.getQuarterBPM()),))
            elif isinstance(element, TimeSignature) and element.numerator and element.denominator:
                parsed.signatures.setdefault(float(onset), (element.numerator, element.denominator))
        if notes or source is not stream or not parts:  # the score around the parts has marks, but is no part
            name = getattr(source, "partName", None) or (first and (first.partName or first.instrumentName))
            parsed.parts.append((name or "", (first and first.midiProgram) or 0, _join_ties(notes)))
    _add_upbeat(parsed, parts or [stream])
    return parsed


def _parse(path: pathlib.Path) -> music21.stream.Stream:
    """Parses a notation file from its source: music21's own cache of parsed files may be stale."""
    from music21 import converter

    parser = converter.Converter()
    suffixes = {suffix for kind in parser.subConvertersList("input") for suffix in kind.registerInputExtensions}
    if path.suffix.lower().removeprefix(".") not in suffixes:
        raise UnreadableScore(f"no known format has the suffix {path.suffix!r}; formats that work are {FORMATS}")
    parser.parseFileNoPickle(path)
    return parser.stream


def _add_upbeat(parsed: ParsedScore, parts: list[music21.stream.Stream]) -> None:
    """Gives a first bar that is not full a time signature of its own, so that the bars after it begin where they do."""
    first = next((bar for part in parts if (bar := part.getElementsByClass("Measure").first()) is not None), None)
    if first is None or not first.paddingLeft or 0.0 not in parsed.signatures:
        return
    length, signature = float(first.highestTime), parsed.signatures[0.0]
    short = meter.short_bar(length, signature[1])
    if short is not None:
        parsed.signatures[0.0] = short
        parsed.signatures.setdefault(length, signature)


def _leaves(stream: music21.stream.Stream, start: float, skip_parts: bool) -> Iterator[tuple]:
    """Yields (onset, element) of what is in a stream, in its measures and in their voices."""
    for element in stream.elements:
        onset = start + stream.elementOffset(element)
        if not element.isStream:
            yield onset, element
        elif not (skip_parts and "Part" in element.classes):
            yield from _leaves(element, onset, False)


def _velocity(*sources: music21.note.NotRest) -> int:
    """Returns the first explicit velocity: a chord's notes may each have one, or only the chord."""
    for source in sources:
        if source.hasVolumeInformation() and source.volume.velocity is not None:
            return min(max(round(source.volume.velocity), 1), 127)
    return DEFAULT_VELOCITY


def _join_ties(notes: list[tuple]) -> list[list]:
    """Makes one note of tied ones: (onset, duration, pitch, velocity, tie) in, without the tie out."""
    joined: list[list] = []
    waiting: dict[int, list[list]] = collections.defaultdict(list)  # by pitch: notes whose tie leads on
    for onset, duration, pitch, velocity, tie in sorted(notes, key=lambda note: note[0]):
        ends = (note for note in waiting[pitch] if math.isclose(note[0] + note[1], onset, abs_tol=1e-4))
        held = next(ends, None) if tie in ("continue", "stop") else None
        if held is None:  # also where a tie comes from nowhere: such a note stands for itself
            joined.append([onset, duration, pitch, velocity])
            if tie in ("start", "continue"):
                waiting[pitch].append(joined[-1])
        else:
            held[1] = onset + duration - held[0]
            if tie == "stop":
                waiting[pitch].remove(held)
    return joined
