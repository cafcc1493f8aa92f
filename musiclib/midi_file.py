"""MIDI file: its header, the bytes of its tracks, and what every reader of MIDI holds to.

The readers ``midi_music21`` and ``midi_symusic`` begin here, so that both refuse the same files with the same words.
"""

from __future__ import annotations

import re
import struct

from musiclib.draft import UnreadableScore

SUFFIXES = (".mid", ".midi")
MARKER = "musiclib"  # the text at the moved end of a ``closed`` track
DRUM_CHANNEL = 9  # counted from 0, as in the bytes; musicians call it 10
CHANNELS = 16
_END = b"\xff\x2f\x00"
_NUMBER = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f]")  # of variable length
_WAIT = re.compile(_NUMBER.pattern + rb"([\x00-\xff])")  # a delta time, and the byte after it
# A marker at the old end, and after one tick the end of every pitch on every channel, each with running status.
_CLOSING = b"".join(
    [
        bytes([0xFF, 0x06, len(MARKER)]),
        MARKER.encode(),
        *(
            bytes([1 if channel == 0 else 0, 0x80 | channel]) + b"\0".join(bytes([pitch, 0]) for pitch in range(128))
            for channel in range(CHANNELS)
        ),
        b"\0" + _END,
    ]
)


def split_tracks(data: bytes) -> tuple[int, list[bytes]]:
    """Splits a MIDI file.

    Args:
        data: the whole file.

    Returns:
        Ticks per quarter note, and the events of each track, as bytes.

    Raises:
        UnreadableScore: where it is no MIDI file, cut short, of several pieces, or timed in film frames.
    """
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


def closed(events: bytes) -> bytes:
    """Returns a track's events with its end moved a tick away and all notes ended there.

    A parser that drops notes without an end then shows them, as those that end at the new end. Where the track does
    not end as it should, it is returned as it is.
    """
    return events[: -len(_END)] + _CLOSING if events.endswith(_END) else events


def misleads(events: bytes) -> bool:
    """Tells whether a track goes on with a running status after a system exclusive message.

    The format ends a running status there, some files go on all the same, and symusic loses notes of such.
    """
    for start in re.finditer(rb"[\xf0\xf7]([\x80-\xff]{0,3}[\x00-\x7f])", events):
        end = start.end() + _number(start[1])
        if events[end - 1 : end] == b"\xf7" and (after := _WAIT.match(events, end)) and after[1][0] < 0x80:
            return True
    return False


def runs_over(events: bytes) -> bool:
    """Tells whether a track waits for longer than 2^31 ticks, after which parsers count on from below zero."""
    most = 1 << 31
    if sum(_number(found) for found in re.findall(rb"[\x80-\xff]{2,3}[\x00-\x7f]", events)) < most:
        return False  # whatever of these are times and not tempos or text: shorter times do not come to so much
    ticks = place = status = 0
    while place < len(events) and ticks < most and (wait := _NUMBER.match(events, place)):
        ticks, place = ticks + _number(wait[0]), wait.end()
        if events[place : place + 1] >= b"\x80":
            status, place = events[place], place + 1
        if status in (0xF0, 0xF7, 0xFF):
            size = _NUMBER.match(events, place + (status == 0xFF))
            place = size.end() + _number(size[0]) if size else len(events)
        else:
            place += 1 if status & 0xE0 == 0xC0 else 2
    return ticks >= most


def _number(digits: bytes) -> int:
    """Reads a number of variable length: seven bits a byte."""
    value = 0
    for byte in digits:
        value = value << 7 | byte & 0x7F
    return value


def check_note(pitch: int, velocity: int) -> None:
    """Raises UnreadableScore where a pitch or a velocity is not one of MIDI's, 0 to 127."""
    if not (0 <= pitch <= 127 and 0 <= velocity <= 127):
        raise UnreadableScore(f"damaged: pitch {pitch}, velocity {velocity}; get another copy")


def printable(name: str) -> str:
    """Returns a track's name without what cannot be seen: some are padded with zero bytes."""
    return "".join(filter(str.isprintable, name)).strip()
