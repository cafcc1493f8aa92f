"""MIDI reader based on symusic: the same notes as ``midi_music21``, about a hundred times faster.

Each track is parsed separately, so that its number is known; notes are NumPy columns. symusic returns one list of
notes per channel and program, without the channel number, which ``_by_channel`` recovers.

Differences from ``midi_music21``:

- A program change for the same channel in another track is ignored.
- So is one on the tick of the part's first note that comes after that note.
- Of several names in one track the last wins, not the first, unless the track begins with its name.
- A tempo or time signature of the wrong length is used; ``midi_music21`` ignores it.
- Some damaged files are rejected by only one of the two.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

import numpy as np

from musiclib.readers import midi_file
from musiclib.readers.parsed import ParsedScore, UnreadableScore
from musiclib.score.instruments import DRUM_KIT

CONTROLLER = "Get control_"  # begins symusic's error at a controller above 127, which decides no note
_PROGRAMS = re.compile(rb"[\xc0-\xcf](?=[\x00-\x7f])")  # what may be a program change
_PRELUDE_NOTE = (0, 0, 0, 1)  # onset, duration, pitch, velocity of the notes that ``_by_channel`` adds


def read(data: bytes) -> ParsedScore:
    """Parses a MIDI file: one part for each channel with notes in each track.

    Args:
        data: the content of the file.

    Raises:
        UnreadableScore: if the file is damaged, or a MIDI file of several pieces.
    """
    parsed = ParsedScore()
    division, tracks = midi_file.split_tracks(data)
    for number, events in enumerate(tracks):
        midi_file.check_track(events)
        body = midi_file.closed(events)
        found = _parse(body, division)
        marks = found.markers
        last = marks[-1].time + 1 if len(marks) and marks[-1].text == midi_file.MARKER else None
        for onset, rate in zip(*_columns(found.tempos, "time", "mspq"), strict=True):
            if rate > 0:
                parsed.tempos[onset / division] = (60e6 / rate,)
        for onset, upper, lower in zip(
            *_columns(found.time_signatures, "time", "numerator", "denominator"), strict=True
        ):
            if upper > 0 and lower > 0:
                parsed.signatures[onset / division] = (upper, lower)
        for onset, fifths, minor in zip(*_columns(found.key_signatures, "time", "key", "tonality"), strict=True):
            midi_file.add_key(parsed, onset / division, fifths, minor)
        channels: dict[int, list] = {}
        for channel, track in _by_channel(found.tracks, body, division):
            notes, unended = _notes(track, division, last)
            empty = 0
            if not notes[:, 1].all():
                positive = notes[:, 1] > 0
                empty = int(np.sum(~positive & np.any(notes != _PRELUDE_NOTE, axis=1)))
                notes = notes[positive]
            if track.is_drum:
                parsed.zero_length_drums += empty
                parsed.unended_drums += unended
            else:
                parsed.zero_length += empty
                parsed.unended += unended
            if len(notes):
                channels.setdefault(channel, []).append((notes[:, 0].min(), track, notes))
        for _, lists in sorted(channels.items()):
            _, first, _ = min(lists, key=lambda entry: entry[0])
            notes = np.concatenate([notes for _, _, notes in lists])
            program = DRUM_KIT if first.is_drum else first.program
            parsed.parts.append((midi_file.printable(_name(body, first.name)), program, notes))
        midi_file.add_pedals(parsed, _pedals(list(found.tracks), body, division), division)
        if number == 0 and not (parsed.parts or parsed.lost):
            parsed.title = midi_file.title(events)
    return parsed


def _parse(body: bytes, division: int):
    """Parses one track with symusic, as a MIDI file with a single track."""
    import symusic

    head = struct.pack(">4sIHHH4sI", b"MThd", 6, 0, 1, division, b"MTrk", len(body))
    try:
        return symusic.Score.from_midi(head + body)
    except (RuntimeError, ValueError) as error:  # such as "Unexpected running status!"
        cause = " ".join(str(error).removeprefix("MiniMidi: ").split())[:200]
        raise UnreadableScore(f"it is damaged, get another copy (symusic: {cause})") from error


def _columns(events, *names: str) -> list[list]:
    """Returns columns of tempos or time signatures as lists."""
    if not len(events):  # most tracks have none
        return [[] for _ in names]
    columns = events.numpy()
    return [columns[name].tolist() for name in names]


def _notes(track, division: int, last: int | None) -> tuple[np.ndarray, int]:
    """Returns the notes of a symusic track as rows (onset, duration, pitch, velocity), (n, 4).

    Notes that end on the tick ``last`` had no note-off before ``midi_file.closed``; they are left out and counted in
    the second return value.
    """
    columns = track.notes.numpy()
    onset, duration = columns["time"], columns["duration"]
    if ((onset | duration) < 0).any():
        raise UnreadableScore("its times exceed 2^31 ticks; it is damaged, get another copy")
    # symusic stores them as signed bytes: 200 would be -56.
    pitch, velocity = columns["pitch"].view(np.uint8), columns["velocity"].view(np.uint8)
    wrong = np.flatnonzero((pitch > 127) | (velocity > 127))
    if wrong.size:
        midi_file.check_note(int(pitch[wrong[0]]), int(velocity[wrong[0]]))
    table = np.stack([onset / division, duration / division, pitch, velocity], axis=1)
    ended = onset + duration != last
    return (table, 0) if ended.all() else (table[ended], int(np.sum(~ended)))


def _name(body: bytes, last: str) -> str:
    """Returns the track name if it is the first event of the track; otherwise the last name, as symusic does."""
    if body[:3] == b"\x00\xff\x03" and len(body) > 3 and body[3] < 128:
        return body[4 : 4 + body[3]].decode("utf-8", errors="replace")
    return last


def _by_channel(tracks: list, body: bytes, division: int) -> list[tuple[int, object]]:
    """Returns (channel, symusic track) pairs of one MIDI track; if there is only one, its channel is given as 0.

    symusic sorts its note lists by channel, then program, but does not store the channel. So a track with several
    lists is parsed again with a prelude, in which each channel plays a note of duration 0 with each program. Then
    every channel and program has a list, and the position of a list gives its channel.
    """
    if len(tracks) < 2:
        return [(0, track) for track in tracks]
    return _by_channel_of(range(midi_file.CHANNELS), sorted({track.program for track in tracks}), body, division)


def _by_channel_of(
    channels: Sequence[int], programs: Sequence[int], body: bytes, division: int
) -> list[tuple[int, object]]:
    """Returns (channel, symusic track) pairs, one for each of these channels and programs, which are all that occur."""
    if programs[-1] > 127:
        raise UnreadableScore(f"it is damaged, get another copy (program {programs[-1]}, not 0 to 127)")
    prelude = bytearray()
    for channel in channels:
        for program in programs:
            prelude += bytes([0, 0xC0 | channel, program, 0, 0x90 | channel, 0, 1, 0, 0x80 | channel, 0, 0])
        prelude += bytes([0, 0xC0 | channel, 0])  # the default program of every channel
    table = list(_parse(bytes(prelude) + body, division).tracks)
    return [(channels[place // len(programs)], track) for place, track in enumerate(table)]


def _pedals(tracks: list, body: bytes, division: int) -> dict[int, list[tuple[int, int]]]:
    """Returns the events (tick, value) of the sustain pedal by channel.

    Args:
        tracks: what symusic found in the track.
        body: the track.
        division: ticks per quarter note.

    symusic drops controllers of channels without notes. A track that may have some is parsed again, with the prelude.
    """
    controllers, programs = _channels(0xB0, body), [match.start() for match in _PROGRAMS.finditer(body)]
    if not controllers or midi_file.PEDAL not in body:
        return {}
    alone = len(tracks) == 1 and len(controllers) == 1 and controllers == _channels(0x90, body)
    if alone and programs[1:] == [] and all(place < body.index(0xB0 | controllers[0]) for place in programs):
        pairs = [(controllers[0], tracks[0])]
    else:
        channels = sorted({*controllers, *_channels(0x90, body)})
        changes = {0, *(body[place + 1] for place in programs), *(track.program for track in tracks)}
        pairs = _by_channel_of(channels, sorted(changes), body, division)
    found: dict[int, list[tuple[int, int]]] = {}
    for channel, track in pairs:
        if not len(track.controls):
            continue
        columns = track.controls.numpy()
        pedal = columns["number"] == midi_file.PEDAL
        if pedal.any():
            events = zip(columns["time"][pedal].tolist(), columns["value"][pedal].tolist(), strict=True)
            found.setdefault(channel, []).extend(events)
    return {channel: sorted(events, key=lambda event: event[0]) for channel, events in found.items()}


def _channels(kind: int, body: bytes) -> list[int]:
    """Returns the channels that may have events of a kind, of which this is the status byte for the first channel."""
    return [channel for channel in range(midi_file.CHANNELS) if kind | channel in body]
