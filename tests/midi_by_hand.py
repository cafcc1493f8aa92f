"""MIDI files made byte by byte, also those that no library would write."""

import struct

NOTE_ON, NOTE_OFF, PROGRAM = 0x90, 0x80, 0xC0


def number(value):
    """A MIDI variable-length number."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.insert(0, value & 0x7F | 0x80)
    return bytes(parts)


def midi_bytes(*tracks, division=480, kind=1, count=None):
    """A MIDI file by hand: each track a list of (ticks to wait, status and data bytes)."""
    data = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks) if count is None else count, division)
    for events in tracks:
        body = b"".join(number(wait) + bytes(event) for wait, event in events) + b"\0\xff\x2f\0"
        data += b"MTrk" + struct.pack(">I", len(body)) + body
    return data


def name_event(text):
    return 0, bytes([0xFF, 0x03, len(text)]) + text.encode()


def note_events(pitch, velocity=64, ticks=480, channel=0):
    return [(0, [NOTE_ON | channel, pitch, velocity]), (ticks, [NOTE_OFF | channel, pitch, 0])]
