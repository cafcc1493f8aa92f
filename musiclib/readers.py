"""Readers: a music file, or a music21 stream, becomes a Score.

``read_score`` takes MIDI, MusicXML, kern, ABC and whatever else music21 reads; ``score_from_music21`` takes a
stream that is already there. music21 is imported only when one of the two is called. In both:

- A note tied to the next one is one note; in a chord each pitch is tied for itself.
- Music is taken as written: repeats are not played twice, ornaments not played out.
- Percussion (MIDI channel 10, unpitched notes) and chord symbols are left out, and so are notes without a
  length: grace notes, MIDI notes that end on the tick where they begin, and MIDI notes that never end.
- Velocities are the ones in the file; notation that has none gets ``DEFAULT_VELOCITY``, whatever its dynamics.
- Pitches are the ones that sound, also where a transposing instrument is notated otherwise.

MIDI is read event by event, to the tick. ``music21.converter`` rounds it to a grid or, told not to, still makes
chords of notes less than a sixty-fourth apart. For its grid: ``score_from_music21(music21.converter.parse(path))``.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import io
import itertools
import math
import pathlib
import struct
import traceback
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from musiclib.score import DEFAULT_VELOCITY, Score

if TYPE_CHECKING:
    import music21

MIDI_SUFFIXES = (".mid", ".midi")
FORMATS = "MIDI (.mid, .midi), MusicXML (.musicxml, .xml, .mxl), kern (.krn) and ABC (.abc)"
LONGEST_DELTA = 0x0FFFFFFF  # ticks: four bytes of seven bits, the most that a MIDI file can hold
DRUM_CHANNEL = 10


class UnreadableScore(ValueError):
    """A file or stream that cannot be read as music, or that holds no pitched note; the message says why."""


def read_score(path: str | pathlib.Path, part: int | str | None = None) -> Score:
    """Reads a music file.

    Args:
        path: a file; its suffix tells the format.
        part: take only this part, by number (from 0) or by name; all parts where None. A name that several parts
            bear is numbered from the second on: ``Piano``, ``Piano 2``.

    Returns:
        The music, times in quarter lengths. A MIDI file has one part for each channel with notes in each track,
        named after the track, with the program in force at its first note.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableScore: where the file is damaged, of an unknown format, several pieces, or without pitched notes.
        ValueError: where ``path`` is a folder, or where there is no such part; the message lists those there are.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a file; read a whole folder with corpus.load")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}, seen from {pathlib.Path.cwd()}; check it or give a full path")
    sink = io.StringIO()  # what music21 prints or warns of is for its developers
    with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        warnings.simplefilter("ignore")
        try:
            is_midi = path.suffix.lower() in MIDI_SUFFIXES
            score = (_read_midi(path.read_bytes()) if is_midi else _convert(_parse(path))).score()
        except UnreadableScore as error:
            raise UnreadableScore(f"cannot read {path}: {error}") from error.__cause__
        except Exception as error:  # parsers fail in every way there is, from IndexError to zipfile's own
            traceback.clear_frames(error.__traceback__)  # closes files that music21 leaves open when it fails
            cause = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise UnreadableScore(f"cannot read {path}: damaged or misnamed; get another copy ({cause})") from error
    return score if part is None else score.select(part)


def score_from_music21(stream: music21.stream.Stream, part: int | str | None = None) -> Score:
    """Turns a music21 stream into a Score; the stream is not changed.

    Args:
        stream: a score, a part, a measure or any other stream with notes in it.
        part: take only this part, by number (from 0) or by name; all parts where None.

    Returns:
        The music, one part for each ``music21.stream.Part``, also where that part is silent.

    Raises:
        TypeError: where ``stream`` is not a music21 stream.
        UnreadableScore: where it is an Opus of several pieces, or has no pitched notes.
        ValueError: where there is no such part; the message lists those there are.
    """
    if not getattr(stream, "isStream", False):
        raise TypeError(f"score_from_music21 takes a music21 stream, not {type(stream).__name__}; try read_score")
    score = _convert(stream).score()
    return score if part is None else score.select(part)


@dataclasses.dataclass
class _Draft:
    """What a reader collects before it becomes a Score."""

    parts: list[tuple[str, int, list]] = dataclasses.field(default_factory=list)  # name, program, notes
    tempos: dict[float, tuple] = dataclasses.field(default_factory=dict)
    signatures: dict[float, tuple] = dataclasses.field(default_factory=dict)
    percussion: int = 0  # notes left out

    def score(self) -> Score:
        rows = [(*note, index) for index, (_, _, notes) in enumerate(self.parts) for note in notes]
        if not rows:
            what = f"only percussion, {self.percussion} unpitched notes" if self.percussion else "no notes"
            raise UnreadableScore(f"this music holds {what}; choose some with pitched notes that have a length")
        names: list[str] = []
        for index, (name, _, _) in enumerate(self.parts):
            name = name or f"Part {index + 1}"
            numbered = itertools.chain([name], (f"{name} {copy}" for copy in itertools.count(2)))
            names.append(next(name for name in numbered if name not in names))  # so that each can be chosen by name
        maps = {"tempos": _changes(self.tempos), "time_signatures": _changes(self.signatures)}
        return Score.from_notes(rows, part_names=tuple(names), programs=tuple(part[1] for part in self.parts), **maps)


def _changes(marks: dict[float, tuple]) -> tuple[tuple, ...]:
    """Sorts marks by onset, without those that say again what already holds."""
    changes: list[tuple] = []
    for onset, mark in sorted(marks.items()):
        if not changes or changes[-1][1:] != mark:
            changes.append((onset, *mark))
    return tuple(changes)


def _midi_tracks(data: bytes) -> tuple[int, list[bytes]]:
    """Splits a MIDI file into its ticks per quarter note and the bytes of its tracks."""
    if data[:4] != b"MThd" or len(data) < 14:
        raise UnreadableScore("it does not begin as a MIDI file does; get a complete copy")
    length, kind, count, division = struct.unpack(">IHHH", data[4:14])
    if kind > 1:
        raise UnreadableScore(f"it is MIDI of format {kind}, not one piece in one time; save it as format 0 or 1")
    if division == 0 or division & 0x8000:
        raise UnreadableScore(f"its time division {division:#06x} is not in ticks per quarter note; save it with such")
    tracks: list[bytes] = []
    position = 8 + length
    while position + 8 <= len(data) and len(tracks) < count:
        name, length = struct.unpack(">4sI", data[position : position + 8])
        position += 8 + length
        if position > len(data):
            raise UnreadableScore(f"it ends {position - len(data)} bytes too early; it is cut short, get another copy")
        if name == b"MTrk":  # the format allows other chunks between the tracks, to be passed over
            tracks.append(data[position - length : position])
    return division, tracks


def _midi_events(data: bytes) -> Iterator[tuple[int, music21.midi.MidiEvent]]:
    """Yields (tick, event) of one track; unlike music21's own loop, stops at what it cannot read."""
    from music21 import midi

    tick, status = 0, None
    while data:
        delta, data = midi.getVariableLengthNumber(data)
        tick += delta
        if delta > LONGEST_DELTA or not data or (data[0] < 0x80 and status is None):
            raise UnreadableScore(f"what follows at tick {tick} is no MIDI event; it is damaged, get another copy")
        event = midi.MidiEvent()
        event.lastStatusByte = status
        data = event.read(data)
        if isinstance(event.type, (midi.ChannelVoiceMessages, midi.ChannelModeMessages)):
            status = event.lastStatusByte  # not of system messages: files go on with the channel's after those
        yield tick, event


def _read_midi(data: bytes) -> _Draft:
    from music21.midi import ChannelVoiceMessages, MetaEvents

    draft = _Draft()
    division, tracks = _midi_tracks(data)
    names: dict[int, str] = {}
    programs: list[tuple[int, int, int, int]] = []  # channel, track, tick, program
    parts: dict[tuple[int, int], list[tuple]] = collections.defaultdict(list)  # by track and channel
    for track, body in enumerate(tracks):
        sounding: dict[tuple[int, int], collections.deque] = collections.defaultdict(collections.deque)
        for tick, event in _midi_events(body):
            kind, onset = event.type, tick / division
            if kind in (ChannelVoiceMessages.NOTE_ON, ChannelVoiceMessages.NOTE_OFF):
                key = event.channel, event.pitch
                if event.pitch > 127 or event.velocity > 127:
                    raise UnreadableScore(f"damaged: pitch {event.pitch}, velocity {event.velocity}; get another copy")
                if event.isNoteOn():
                    sounding[key].append((tick, event.velocity))
                elif sounding[key]:  # the first to begin is the first to end, as in other readers
                    start, velocity = sounding[key].popleft()
                    if event.channel == DRUM_CHANNEL:
                        draft.percussion += 1
                    elif tick > start:
                        note = start / division, (tick - start) / division, event.pitch, velocity
                        parts[track, event.channel].append(note)
            elif kind == ChannelVoiceMessages.PROGRAM_CHANGE:
                programs.append((event.channel, track, onset, event.data))
            elif kind == MetaEvents.SEQUENCE_TRACK_NAME:
                text = event.data.decode("utf-8", errors="replace")
                names.setdefault(track, "".join(filter(str.isprintable, text)).strip())
            elif kind == MetaEvents.SET_TEMPO and len(event.data) == 3 and any(event.data):
                draft.tempos[onset] = (60e6 / int.from_bytes(event.data, "big"),)
            elif kind == MetaEvents.TIME_SIGNATURE and len(event.data) > 1 and event.data[0] and event.data[1] < 8:
                draft.signatures[onset] = (event.data[0], 2 ** event.data[1])
    for (track, channel), notes in sorted(parts.items()):
        begin = min(notes)[0]
        # A track's own program goes before one that another track sets for the same channel.
        past = [(owner == track, at, program) for on, owner, at, program in programs if on == channel and at <= begin]
        draft.parts.append((names.get(track, ""), max(past)[2] if past else 0, notes))
    return draft


def _parse(path: pathlib.Path) -> music21.stream.Stream:
    """Parses a notation file from its source: music21's own cache of parsed files may be stale."""
    from music21 import converter

    parser = converter.Converter()
    suffixes = {suffix for kind in parser.subConvertersList("input") for suffix in kind.registerInputExtensions}
    if path.suffix.lower().removeprefix(".") not in suffixes:
        raise UnreadableScore(f"no known format has the suffix {path.suffix!r}; formats that work are {FORMATS}")
    parser.parseFileNoPickle(path)
    return parser.stream


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


def _convert(stream: music21.stream.Stream) -> _Draft:
    from music21 import chord, harmony, instrument, meter, note, percussion, tempo

    if "Opus" in stream.classes:
        remedy = "give score_from_music21 one of music21.converter.parse(path).scores"
        raise UnreadableScore(f"it holds {len(stream.scores)} pieces; {remedy}")
    draft = _Draft()
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
                draft.percussion += 1
            elif isinstance(element, instrument.Instrument):
                first = first or element
                semitones = round(element.transposition.semitones) if written and element.transposition else 0
            elif isinstance(element, (tempo.MetronomeMark, tempo.MetricModulation)):
                mark = element if isinstance(element, tempo.MetronomeMark) else element.newMetronome
                if mark and mark.getQuarterBPM():  # where parts differ, the first holds
                    draft.tempos.setdefault(float(onset), (float(mark.getQuarterBPM()),))
            elif isinstance(element, meter.TimeSignature) and element.numerator and element.denominator:
                draft.signatures.setdefault(float(onset), (element.numerator, element.denominator))
        if notes or source is not stream or not parts:  # the score around the parts has marks, but is no part
            name = getattr(source, "partName", None) or (first and (first.partName or first.instrumentName))
            draft.parts.append((name or "", (first and first.midiProgram) or 0, _join_ties(notes)))
    return draft
