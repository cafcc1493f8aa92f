"""MIDI file: header, track chunks and checks.

Both MIDI readers, ``midi_music21`` and ``midi_symusic``, start here, so they reject the same files.
"""

from __future__ import annotations

import pathlib
import re
import struct
from collections.abc import Mapping

from musiclib.readers.parsed import ParsedScore, UnreadableScore
from musiclib.readers.sustain_pedal import pedal_spans
from musiclib.score import keys

SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
LONGEST = (1 << 31) - 1  # ticks
MARKER = "musiclib"  # text of the marker event that ``closed`` adds
DRUM_CHANNEL = 9  # counted from 0; channel 10 in MIDI's own numbering
CHANNELS = 16
PEDAL = 64  # the controller of the sustain pedal
_END = b"\xff\x2f\x00"
_HIGH = bytes(128) + b"\1" * 128  # translation table: 1 for bytes with the highest bit set
_NUMBER = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f]")  # a variable-length quantity
_DELTA = re.compile(_NUMBER.pattern + rb"([\x00-\xff])")  # a delta time, and the byte after it
# A marker at the old end of track, a text event one tick later, and note-offs of every pitch, with running status.
_MARK = bytes([0xFF, 0x06, len(MARKER)]) + MARKER.encode() + b"\1\xff\1\0"
_OFFS = [
    bytes([0, 0x80 | channel]) + b"\0".join(bytes([pitch, 0]) for pitch in range(128)) for channel in range(CHANNELS)
]


def load(path: pathlib.Path) -> bytes:
    """Loads a MIDI file, also one within a RIFF file (RMID), as Windows players save them."""
    data = path.read_bytes()
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        place = 12
        while place + 8 <= len(data):
            name, length = struct.unpack("<4sI", data[place : place + 8])
            if name == b"data":
                return data[place + 8 : place + 8 + length]
            place += 8 + length + length % 2
        raise UnreadableScore("it is a RIFF file without MIDI data; get another copy")
    return data


def split_tracks(data: bytes) -> tuple[int, list[bytes]]:
    """Splits a MIDI file.

    Args:
        data: the whole file.

    Returns:
        Ticks per quarter note, and the events of each track, as bytes.

    Raises:
        UnreadableScore: if it is not a MIDI file, truncated, of format 2 or in SMPTE time.
    """
    if data[:4] != b"MThd" or len(data) < 14:
        raise UnreadableScore("it does not begin as a MIDI file does; get a complete copy")
    length, kind, count, division = struct.unpack(">IHHH", data[4:14])
    if kind > 1:
        raise UnreadableScore(f"it is MIDI of format {kind}, several independent pieces; save it as format 0 or 1")
    if division == 0 or division & 0x8000:
        raise UnreadableScore(f"its time division {division:#06x} is not in ticks per quarter note; save it in ticks")
    tracks: list[bytes] = []
    position = 8 + length
    while position + 8 <= len(data) and len(tracks) < count:
        name, length = struct.unpack(">4sI", data[position : position + 8])
        position += 8 + length
        if position > len(data):
            raise UnreadableScore(f"it ends {position - len(data)} bytes too early; it is truncated, get another copy")
        if name == b"MTrk":  # other chunks between the tracks are skipped
            tracks.append(data[position - length : position])
    return division, tracks


def closed(events: bytes) -> bytes:
    """Moves a track's end one tick later and adds note-offs for all pitches there.

    Notes without a note-off, which symusic drops, then end on that last tick and can be counted. A track without an
    end-of-track event is returned unchanged.
    """
    if not events.endswith(_END):
        return events
    # This byte may also be data; then the note-offs of that channel have no effect.
    offs = [_OFFS[channel] for channel in range(CHANNELS) if bytes([0x90 | channel]) in events]
    return b"".join([events[: -len(_END)], _MARK, *offs, b"\0", _END])


def misleads(events: bytes) -> bool:
    """Returns whether a track continues a running status after a system exclusive message.

    This breaks the MIDI specification, but some files do it, and symusic then loses notes.
    """
    if b"\xf0" not in events and b"\xf7" not in events:
        return False
    for start in re.finditer(rb"[\xf0\xf7]([\x80-\xff]{0,3}[\x00-\x7f])", events):
        end = start.end() + _number(start[1])
        if events[end - 1 : end] == b"\xf7" and (after := _DELTA.match(events, end)) and after[1][0] < 0x80:
            return True
    return False


def check_track(events: bytes) -> None:
    """Rejects tracks on which symusic crashes or returns wrong times.

    These have pitches above 127, which symusic uses as an array index, or times above 2^31 ticks, where its integers
    overflow. A quick regular-expression check clears most tracks.

    Raises:
        UnreadableScore: if the track has such a pitch or time.
    """
    bare = re.sub(rb"\xff\x51\x03[\x00-\xff]{3}", b"", events)  # without tempos, whose bytes look like long times
    # Only delta times of four bytes can add up to 2^31 ticks in a file of a few MB.
    numbers = re.findall(rb"[\x80-\xff]{3}[\x00-\x7f]", bare) if b"\1\1\1" in bare.translate(_HIGH) else []
    # Only on the last channel is the index out of bounds; on others the wrong pitch shows up among the notes.
    last = (b"\x8f" in bare or b"\x9f" in bare) and re.search(rb"[\x8f\x9f][\x80-\xff]", bare)
    if sum(map(_number, numbers)) <= LONGEST and not last:
        return
    ticks = place = status = 0
    while place < len(events) and (delta := _NUMBER.match(events, place)):
        ticks, place = ticks + _number(delta[0]), delta.end()
        if ticks > LONGEST:
            raise UnreadableScore("its times exceed 2^31 ticks; it is damaged, get another copy")
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
    """Decodes a variable-length quantity: seven bits per byte."""
    value = 0
    for byte in digits:
        value = value << 7 | byte & 0x7F
    return value


def check_note(pitch: int, velocity: int) -> None:
    """Raises UnreadableScore if a pitch or a velocity is outside MIDI's range, 0 to 127."""
    if not (0 <= pitch <= 127 and 0 <= velocity <= 127):
        raise UnreadableScore(f"damaged: pitch {pitch}, velocity {velocity}; get another copy")


def add_key(parsed: ParsedScore, onset: float, fifths: int, minor: int) -> None:
    """Adds a key signature event: signed bytes of -7 to 7 fifths, and 0 for major, 1 for minor; others are ignored."""
    fifths = (fifths + 128) % 256 - 128
    if abs(fifths) <= keys.MOST_FIFTHS and minor in (0, 1):
        parsed.keys[onset] = (fifths, "minor" if minor else "major")


def add_pedals(parsed: ParsedScore, events: Mapping[int, list[tuple[int, int]]], division: int) -> None:
    """Adds the sustain pedal of each channel of a track, but that of drums.

    Args:
        parsed: the score to add to.
        events: by channel, (tick, value) of each event of controller 64, in order.
        division: ticks per quarter note.
    """
    for channel, found in events.items():
        if channel != DRUM_CHANNEL:
            spans = pedal_spans(found)
            parsed.pedal_events += len(found) if spans else 0  # in many files it is never down
            parsed.pedals += [(down / division, up / division) for down, up in spans]


def title(events: bytes) -> str:
    """Returns the name in a track: in a first track without notes the title of the piece."""
    found = re.search(rb"\xff\x03([\x00-\x7f])", events)
    return printable(events[found.end() : found.end() + found[1][0]].decode("utf-8", "replace")) if found else ""


def printable(name: str) -> str:
    """Removes unprintable characters from a track's name: some are padded with zero bytes."""
    return "".join(filter(str.isprintable, name)).strip()
