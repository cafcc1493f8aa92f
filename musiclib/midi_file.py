"""MIDI file: its header, the bytes of its tracks, and what every reader of MIDI holds to.

The readers ``midi_music21`` and ``midi_symusic`` begin here, so that both refuse the same files with the same words.
"""

from __future__ import annotations

import struct

from musiclib.draft import UnreadableScore

SUFFIXES = (".mid", ".midi")
DRUM_CHANNEL = 9  # counted from 0, as in the bytes; musicians call it 10


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


def check_note(pitch: int, velocity: int) -> None:
    """Raises UnreadableScore where a pitch or a velocity is not one of MIDI's, 0 to 127."""
    if not (0 <= pitch <= 127 and 0 <= velocity <= 127):
        raise UnreadableScore(f"damaged: pitch {pitch}, velocity {velocity}; get another copy")


def printable(name: str) -> str:
    """Returns a track's name without what cannot be seen: some are padded with zero bytes."""
    return "".join(filter(str.isprintable, name)).strip()
