"""MIDI file: its header, the bytes of its tracks, and what every reader of MIDI holds to.

The readers ``midi_music21`` and ``midi_symusic`` begin here, so that both refuse the same files with the same words.
"""

from __future__ import annotations

import re
import struct

from musiclib.readers.parsed import UnreadableScore

SUFFIXES = (".mid", ".midi")
LONGEST = (1 << 31) - 1  # ticks
MARKER = "musiclib"  # the text at the moved end of a ``closed`` track
DRUM_CHANNEL = 9  # counted from 0, as in the bytes; musicians call it 10
CHANNELS = 16
_END = b"\xff\x2f\x00"
_HIGH = bytes(128) + b"\1" * 128  # bytes with and without the highest bit
_NUMBER = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f]")  # of variable length
_WAIT = re.compile(_NUMBER.pattern + rb"([\x00-\xff])")  # a delta time, and the byte after it
# A marker at the old end; text after one tick; and the end of every pitch on a channel, with running status.
_MARK = bytes([0xFF, 0x06, len(MARKER)]) + MARKER.encode() + b"\1\xff\1\0"
_OFFS = [
    bytes([0, 0x80 | channel]) + b"\0".join(bytes([pitch, 0]) for pitch in range(128)) for channel in range(CHANNELS)
]


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
    if not events.endswith(_END):
        return events
    # The status byte of a channel's notes may stand there for something else; then its ends end nothing.
    offs = [_OFFS[channel] for channel in range(CHANNELS) if bytes([0x90 | channel]) in events]
    return b"".join([events[: -len(_END)], _MARK, *offs, b"\0", _END])


def misleads(events: bytes) -> bool:
    """Tells whether a track goes on with a running status after a system exclusive message.

    The format ends a running status there, some files go on all the same, and symusic loses notes of such.
    """
    if b"\xf0" not in events and b"\xf7" not in events:
        return False
    for start in re.finditer(rb"[\xf0\xf7]([\x80-\xff]{0,3}[\x00-\x7f])", events):
        end = start.end() + _number(start[1])
        if events[end - 1 : end] == b"\xf7" and (after := _WAIT.match(events, end)) and after[1][0] < 0x80:
            return True
    return False


def check_track(events: bytes) -> None:
    """Finds what a parser that trusts the bytes goes wrong or dies of.

    That are pitches above 127, which symusic takes for a place in its memory, and times of more than 2^31 ticks, after
    which it counts on from below zero. A quick look tells that most tracks can hold neither.

    Raises:
        UnreadableScore: where there is one.
    """
    bare = re.sub(rb"\xff\x51\x03[\x00-\xff]{3}", b"", events)  # without tempos, whose bytes look like long times
    # Times of fewer than four bytes come to so much in no file of a few MB.
    numbers = re.findall(rb"[\x80-\xff]{3}[\x00-\x7f]", bare) if b"\1\1\1" in bare.translate(_HIGH) else []
    # Below the last channel such a pitch reaches into the next one's place, and is seen among the notes.
    last = (b"\x8f" in bare or b"\x9f" in bare) and re.search(rb"[\x8f\x9f][\x80-\xff]", bare)
    if sum(map(_number, numbers)) <= LONGEST and not last:
        return
    ticks = place = status = 0
    while place < len(events) and (wait := _NUMBER.match(events, place)):
        ticks, place = ticks + _number(wait[0]), wait.end()
        if ticks > LONGEST:
            raise UnreadableScore("its times run past what can be counted; it is damaged, get another copy")
        if events[place : place + 1] >= b"\x80":
            status, place = events[place], place + 1
        if status in (0xF0, 0xF7, 0xFF):
            size = _NUMBER.match(events, place + (status == 0xFF))
            place = size.end() + _number(size[0]) if size else len(events)
            continue
        data = events[place : place + (1 if status & 0xE0 == 0xC0 else 2)]
        if status & 0xE0 == 0x80 and len(data) == 2:
            check_note(*data)
        place += len(data) or 1


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
