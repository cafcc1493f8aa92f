"""Readers: a music file, or a music21 stream, becomes a Score.

``read_score`` takes MIDI, MusicXML, kern, ABC and whatever else music21 reads; ``score_from_music21`` takes a stream
that is already there; ``read_sustained`` reads piano MIDI as the sustain pedal lets it sound. music21 and symusic are
imported only when a file needs them. All readers hold to the same rules:

- Tied notes are one note; in a chord each pitch is tied for itself.
- Music is read as written: repeats are not played out, nor are ornaments.
- Percussion (MIDI channel 10, unpitched notes) and chord symbols are left out, and so are notes without a length:
  grace notes, MIDI notes that end on the tick where they begin, and MIDI notes that never end.
- Velocities are the ones in the file; notation that has none gets ``DEFAULT_VELOCITY``, whatever its dynamics.
- Pitches are sounding pitches, also where a transposing instrument is notated otherwise.

Of notes that overlap on one pitch, the first to begin is the first to end. MIDI is read to the tick; for the grid that
music21 rounds it to, use ``score_from_music21(music21.converter.parse(path))``.
"""

from musiclib.readers.parsed import LostNotes, UnreadableScore
from musiclib.readers.read import READERS, SUFFIXES, Reader, find_reader, read_score, read_with, score_from_music21
from musiclib.readers.sustain_pedal import read_sustained

__all__ = [
    "READERS",
    "SUFFIXES",
    "LostNotes",
    "Reader",
    "UnreadableScore",
    "find_reader",
    "read_score",
    "read_sustained",
    "read_with",
    "score_from_music21",
]
