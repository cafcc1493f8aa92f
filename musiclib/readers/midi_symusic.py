"""MIDI by symusic: the same notes as music21's parser finds, some hundred times as fast.

Each track is handed to symusic alone, so that its number is known, and its notes come back as columns. symusic makes
one list of notes for each channel and program, and does not say which channel it was; ``_by_channel`` finds that out.

Where the result differs from ``midi_music21``:

- A program that another track sets for a channel is not seen.
- Nor is one that comes on the tick of the part's first note, but after it.
- Of several names in one track the last holds, not the first, unless the track begins with its name.
- A tempo or time signature with too few or too many bytes counts; music21's reader passes it over.
- What is damaged may be refused by one of them alone.
"""

from __future__ import annotations

import struct

import numpy as np

from musiclib.readers import midi_file
from musiclib.readers.parsed import ParsedScore, UnreadableScore

_PRELUDE_NOTE = (0, 0, 0, 1)  # onset, duration, pitch and velocity of the notes that ``_by_channel`` adds


def read(data: bytes) -> ParsedScore:
    """Reads a MIDI file: one part for each channel with notes in each track.

    Args:
        data: the whole file.

    Raises:
        UnreadableScore: where it is damaged or of a kind that is not one piece.
    """
    parsed = ParsedScore()
    division, tracks = midi_file.split_tracks(data)
    for body in tracks:
        midi_file.check_track(body)
        body = midi_file.closed(body)
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
        channels: dict[int, list] = {}
        for channel, track in _by_channel(found.tracks, body, division):
            notes, unended = _notes(track, division, last)
            if not notes[:, 1].all():
                whole = notes[:, 1] > 0
                if not track.is_drum:
                    parsed.zero_length += int(np.sum(~whole & np.any(notes != _PRELUDE_NOTE, axis=1)))
                notes = notes[whole]
            if track.is_drum:
                parsed.percussion += len(notes)
                continue
            parsed.unended += unended
            if len(notes):
                channels.setdefault(channel, []).append((notes[:, 0].min(), track, notes))
        for _, lists in sorted(channels.items()):
            _, first, _ = min(lists, key=lambda entry: entry[0])
            notes = np.concatenate([notes for _, _, notes in lists])
            parsed.parts.append((midi_file.printable(_name(body, first.name)), first.program, notes))
    return parsed


def _parse(body: bytes, division: int):
    """Gives one track to symusic, as a MIDI file of its own."""
    import symusic

    head = struct.pack(">4sIHHH4sI", b"MThd", 6, 0, 1, division, b"MTrk", len(body))
    try:
        return symusic.Score.from_midi(head + body)
    except (RuntimeError, ValueError) as error:  # such as "Unexpected running status!"
        cause = " ".join(str(error).removeprefix("MiniMidi: ").split())[:200]
        raise UnreadableScore(f"it is damaged, get another copy (symusic: {cause})") from error


def _columns(events, *names: str) -> list[list]:
    """Returns columns of tempos or time signatures as lists: there are few of them."""
    if not len(events):  # most tracks have none
        return [[] for _ in names]
    columns = events.numpy()
    return [columns[name].tolist() for name in names]


def _notes(track, division: int, last: int | None) -> tuple[np.ndarray, int]:
    """Returns the notes of a symusic track as rows (onset, duration, pitch, velocity), (n, 4).

    Notes that end on the tick ``last`` were ended by ``midi_file.closed``; they are left out, and their number is
    returned beside.
    """
    columns = track.notes.numpy()
    onset, duration = columns["time"], columns["duration"]
    if ((onset | duration) < 0).any():
        raise UnreadableScore("its times run past what can be counted; it is damaged, get another copy")
    # symusic keeps them in eight bits with a sign: 200 would come as -56.
    pitch, velocity = columns["pitch"].view(np.uint8), columns["velocity"].view(np.uint8)
    wrong = np.flatnonzero((pitch > 127) | (velocity > 127))
    if wrong.size:
        midi_file.check_note(int(pitch[wrong[0]]), int(velocity[wrong[0]]))
    table = np.stack([onset / division, duration / division, pitch, velocity], axis=1)
    whole = onset + duration != last
    return (table, 0) if whole.all() else (table[whole], int(np.sum(~whole)))


def _name(body: bytes, last: str) -> str:
    """Returns the name that a track begins with, where it does; otherwise the last one in it, as symusic has it."""
    if body[:3] == b"\x00\xff\x03" and len(body) > 3 and body[3] < 128:
        return body[4 : 4 + body[3]].decode("utf-8", errors="replace")
    return last


def _by_channel(tracks: list, body: bytes, division: int) -> list[tuple[int, object]]:
    """Returns (channel, list of notes) of what symusic made of one track; the number of a lone channel is 0.

    symusic sorts its lists by channel, then program, but names neither the channel nor where the next begins. So a
    track of several lists is read again with a prelude, in which each channel plays a note without length with each
    of the programs. Then there is a list for every channel and program, and its place tells the channel.
    """
    if len(tracks) < 2:
        return [(0, track) for track in tracks]
    programs = sorted({track.program for track in tracks})
    if programs[-1] > 127:
        raise UnreadableScore(f"it is damaged, get another copy (program {programs[-1]}, not 0 to 127)")
    prelude = bytearray()
    for channel in range(midi_file.CHANNELS):
        for program in programs:
            prelude += bytes([0, 0xC0 | channel, program, 0, 0x90 | channel, 0, 1, 0, 0x80 | channel, 0, 0])
        prelude += bytes([0, 0xC0 | channel, 0])  # which is where every channel begins
    table = list(_parse(bytes(prelude) + body, division).tracks)
    return [(place // len(programs), track) for place, track in enumerate(table)]
