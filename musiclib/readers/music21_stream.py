"""music21 streams: their notes as a ParsedScore.

Ties are joined here, since music21 joins a chord only if all of its notes are tied.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from musiclib.readers import music21_marks as marks
from musiclib.readers.midi_file import DRUM_CHANNEL
from musiclib.readers.parsed import ParsedScore, UnreadableScore
from musiclib.readers.ties import join_ties
from musiclib.score import DEFAULT_VELOCITY
from musiclib.score.instruments import DRUM_KIT

if TYPE_CHECKING:
    import music21

FORMATS = "MIDI (.mid, .midi, .kar), MusicXML (.musicxml, .xml, .mxl), kern (.krn) and ABC (.abc)"


def read(path: pathlib.Path) -> list[ParsedScore]:
    """Parses a file in another format of music21; raises UnreadableScore if its suffix is unknown."""
    stream = _parse(path)
    return [convert(piece) for piece in (stream.scores if "Opus" in stream.classes else [stream])]


def convert(stream: music21.stream.Stream, starts: Mapping[str, Sequence] | None = None) -> ParsedScore:
    """Converts a music21 stream.

    Args:
        stream: any stream with notes.
        starts: for each part of a MusicXML file by its id, the starts of its bars and the end of the last one, in
            quarter lengths; None takes them from the stream.

    Raises:
        UnreadableScore: if it is an Opus of several pieces.
    """
    from music21 import chord, harmony, instrument, note, percussion

    if "Opus" in stream.classes:
        remedy = "give score_from_music21 one of music21.converter.parse(path).scores"
        raise UnreadableScore(f"it contains {len(stream.scores)} pieces; {remedy}")
    parsed = ParsedScore()
    beside: list[tuple[str, int, list]] = []  # percussion of parts that have pitched notes, too
    if stream.metadata:
        # As written: music21's bestTitle turns "Widow, The" round.
        titles = [str(text) for name in ("title", "movementName") for text in stream.metadata[name]]
        parsed.title, parsed.composer = next(iter(titles), ""), stream.metadata.composer or ""
    parts = [] if "Part" in stream.classes else list(stream.getElementsByClass("Part"))
    for start, source in [(0.0, stream), *((stream.elementOffset(part), part) for part in parts)]:
        notes: list[tuple] = []
        hits: list[tuple] = []  # percussion of which the drum is known
        unknown = parsed.percussion
        first, semitones, drums = None, 0, False
        graces, beat = 0, None  # grace notes since the last beat, and where they lead
        written = (stream if source.atSoundingPitch == "unknown" else source).atSoundingPitch is False
        for onset, element in _leaves(source, start, source is stream, starts and marks.bar_starts(source, starts)):
            if isinstance(element, (note.Note, chord.Chord)):
                if isinstance(element, harmony.Harmony) and not element.writeAsChord:
                    continue
                graces = graces + 1 if beat == onset else 0
                beat = onset if element.duration.isGrace else None
                for member in element.notes if isinstance(element, chord.Chord) else (element,):
                    tie = member.tie.type if member.tie else None
                    if drums:
                        if element.quarterLength > 0:
                            row = onset, element.quarterLength, member.pitch.midi, _velocity(member, element), tie
                            hits.append(row)
                        else:
                            parsed.percussion += 1
                        continue
                    pitch = math.floor(member.pitch.ps + 0.5) + semitones
                    if element.duration.isGrace:
                        row = float(onset), graces, pitch, _velocity(member, element), len(parsed.parts)
                        parsed.graces.append(row)
                    elif element.quarterLength > 0:
                        notes.append((onset, element.quarterLength, pitch, _velocity(member, element), tie))
                        parsed.microtones += member.pitch.ps % 1 != 0
            elif isinstance(element, (note.Unpitched, percussion.PercussionChord)):
                parsed.percussion += len(getattr(element, "notes", [element]))
            elif isinstance(element, instrument.Instrument):
                first = first or element
                drums = element.midiChannel == DRUM_CHANNEL
                semitones = round(element.transposition.semitones) if written and element.transposition else 0
            else:
                marks.add_mark(parsed, float(onset), element, semitones)
        if notes or hits or source is not stream or not parts:  # a score with parts has marks, but is not a part
            name = getattr(source, "partName", None) or (first and (first.partName or first.instrumentName))
            if notes or not (hits or parsed.percussion > unknown):
                parsed.parts.append((name or "", (first and first.midiProgram) or 0, join_ties(notes)))
                beside += [(name or "", DRUM_KIT, join_ties(hits))] * bool(hits)
            else:
                parsed.parts.append((name or "", DRUM_KIT, join_ties(hits)))
    parsed.parts += beside
    parsed.bars = marks.bars(parts or [stream], starts)
    measures = (part.getElementsByClass("Measure").first() for part in parts or [stream])
    if getattr(next((bar for bar in measures if bar is not None), None), "paddingLeft", 0):
        parsed.add_upbeat()
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


def _leaves(
    stream: music21.stream.Stream, start: float, skip_parts: bool, starts: Sequence | None = None
) -> Iterator[tuple]:
    """Yields (onset, element) of all elements of a stream, its measures and voices."""
    bars = iter(starts or ())
    for element in stream.elements:
        onset = start + stream.elementOffset(element)
        if not element.isStream:
            yield onset, element
        elif not (skip_parts and "Part" in element.classes):
            if starts and "Measure" in element.classes:
                onset = start + next(bars)
            yield from _leaves(element, onset, False)


def _velocity(*sources: music21.note.NotRest) -> int:
    """Returns the first explicit velocity: either each note of a chord has one, or only the chord."""
    for source in sources:
        if source.hasVolumeInformation() and source.volume.velocity is not None:
            return min(max(round(source.volume.velocity), 1), 127)
    return DEFAULT_VELOCITY
