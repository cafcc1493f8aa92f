"""Readers: parsers that turn a music file or a music21 stream into a Score.

``read_score`` reads MIDI, MusicXML, kern, ABC and the other formats of music21; ``score_from_music21`` converts a
music21 stream; ``read_sustained`` reads piano MIDI with the sustain pedal applied to the durations. music21 and
symusic are imported only when they are needed. All readers follow the same rules:

- Tied notes become one note; in a chord each pitch is tied separately.
- Repeats and ornaments are not expanded.
- Percussion (MIDI channel 10, unpitched notes), chord symbols and notes of duration 0 are left out: grace notes, MIDI
  notes whose note-off is on the tick of their note-on, and MIDI notes without a note-off.
- Velocities are read from the file; notation without velocities gets ``DEFAULT_VELOCITY``; dynamics are ignored.
- Pitches are sounding pitches, also for transposing instruments.

If notes of one pitch overlap, a note-off ends the note with the earliest note-on. MIDI is read to the tick; for times
quantized by music21, use ``score_from_music21(music21.converter.parse(path))``.
"""

from musiclib.readers.parsed import LostNotes, UnreadableScore
from musiclib.readers.read import READERS, SUFFIXES, Reader, find_reader, read_score, read_with, score_from_music21
from musiclib.readers.sustain_pedal import read_sustained

__all__ = [
    "READERS", "SUFFIXES", "LostNotes", "Reader", "UnreadableScore", "find_reader", "read_score", "read_sustained",
    "read_with", "score_from_music21",
]  # fmt: skip
