"""MIDI reader based on music21's event parser, exact to the tick.

``music21.converter`` quantizes; even without that it merges notes less than a sixty-fourth apart into chords.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import TYPE_CHECKING

from musiclib.readers import midi_file
from musiclib.readers.parsed import ParsedScore, UnreadableScore
from musiclib.score.instruments import DRUM_KIT

if TYPE_CHECKING:
    import music21

LONGEST_DELTA = 0x0FFFFFFF  # ticks: the largest variable-length quantity, four bytes of seven bits


def read(data: bytes) -> ParsedScore:
    """Parses a MIDI file: one part for each channel with notes in each track.

    Args:
        data: the content of the file.

    Raises:
        UnreadableScore: if the file is damaged, or a MIDI file of several pieces.
    """
    from music21.midi import ChannelVoiceMessages, MetaEvents

    parsed = ParsedScore()
    division, tracks = midi_file.split_tracks(data)
    names: dict[int, str] = {}
    programs: list[tuple[int, int, float, int]] = []  # channel, track, onset, program
    parts: dict[tuple[int, int], list[tuple]] = collections.defaultdict(list)  # by track and channel
    for track, body in enumerate(tracks):
        sounding: dict[tuple[int, int], collections.deque] = collections.defaultdict(collections.deque)
        pedals: dict[int, list[tuple[int, int]]] = collections.defaultdict(list)  # by channel
        for tick, event in _events(body):
            kind, onset = event.type, tick / division
            if kind in (ChannelVoiceMessages.NOTE_ON, ChannelVoiceMessages.NOTE_OFF):
                key = event.channel, event.pitch
                midi_file.check_note(event.pitch, event.velocity)
                if event.isNoteOn():
                    sounding[key].append((tick, event.velocity))
                elif sounding[key]:  # the note-off ends the earliest note, as in the other readers
                    start, velocity = sounding[key].popleft()
                    if tick == start:
                        drum = event.channel - 1 == midi_file.DRUM_CHANNEL
                        parsed.zero_length_drums += drum
                        parsed.zero_length += not drum
                    else:
                        note = start / division, (tick - start) / division, event.pitch, velocity
                        parts[track, event.channel].append(note)
            elif kind == ChannelVoiceMessages.CONTROLLER_CHANGE and event.parameter1 == midi_file.PEDAL:
                pedals[event.channel - 1].append((tick, event.parameter2))
            elif kind == ChannelVoiceMessages.PROGRAM_CHANGE:
                programs.append((event.channel, track, onset, event.data))
            elif kind == MetaEvents.SEQUENCE_TRACK_NAME:
                names.setdefault(track, midi_file.printable(event.data.decode("utf-8", errors="replace")))
            elif kind == MetaEvents.SET_TEMPO and len(event.data) == 3 and any(event.data):
                parsed.tempos[onset] = (60e6 / int.from_bytes(event.data, "big"),)
            elif kind == MetaEvents.TIME_SIGNATURE and len(event.data) > 1 and event.data[0] and event.data[1] < 8:
                parsed.signatures[onset] = (event.data[0], 2 ** event.data[1])
            elif kind == MetaEvents.KEY_SIGNATURE and len(event.data) == 2:
                midi_file.add_key(parsed, onset, *event.data)
        for (channel, _), begun in sounding.items():
            drum = channel - 1 == midi_file.DRUM_CHANNEL
            parsed.unended_drums += drum * len(begun)
            parsed.unended += (not drum) * len(begun)
        midi_file.add_pedals(parsed, pedals, division)
        if track == 0 and not (parts or parsed.lost):
            parsed.title = midi_file.title(body)
    for (track, channel), notes in sorted(parts.items()):
        if channel - 1 == midi_file.DRUM_CHANNEL:
            parsed.parts.append((names.get(track, ""), DRUM_KIT, notes))
            continue
        begin = min(notes)[0]
        # A track's own program change takes precedence over one of another track for the same channel.
        past = [(owner == track, at, program) for on, owner, at, program in programs if on == channel and at <= begin]
        past.sort(key=lambda change: change[:2])  # at the same time the last one in the file wins
        parsed.parts.append((names.get(track, ""), past[-1][2] if past else 0, notes))
    return parsed


def _events(data: bytes) -> Iterator[tuple[int, music21.midi.MidiEvent]]:
    """Yields (tick, event) of one track; unlike music21's own loop, raises UnreadableScore at invalid bytes."""
    from music21 import midi

    tick, status = 0, None
    while data:
        delta, data = midi.getVariableLengthNumber(data)
        tick += delta
        if delta > LONGEST_DELTA or not data or (data[0] < 0x80 and status is None):
            raise UnreadableScore(f"not a MIDI event at tick {tick}; it is damaged, get another copy")
        event = midi.MidiEvent()
        event.lastStatusByte = status
        data = event.read(data)
        if isinstance(event.type, (midi.ChannelVoiceMessages, midi.ChannelModeMessages)):
            status = event.lastStatusByte  # running status survives system messages, as some files expect
        yield tick, event
