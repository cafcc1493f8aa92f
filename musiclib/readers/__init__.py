"""Readers: parsers that turn a music file or a music21 stream into a Score.

``read_score`` reads MIDI, MusicXML, kern, ABC, jianpu and the other formats of music21; ``read_jianpu`` reads numbered
notation from text; ``read_scores`` reads files of several pieces, such as tune books; ``score_from_music21`` converts a
music21 stream. music21 and symusic are imported only when they are needed. All readers follow the same rules:

- Tied notes become one note; in a chord each pitch is tied separately.
- Every bar sounds once, as written; ``repeats=True`` plays out repeats. Ornaments are not expanded.
- Grace notes are left out; ``grace_notes=True`` keeps them, as short notes just before the beat.
- Percussion (MIDI channel 10, unpitched notes) is left out; ``percussion=True`` keeps it, as parts of their own.
- Notes of MIDI last from note-on to note-off; ``pedal=True`` extends them while the sustain pedal is down.
- Chord symbols, cue notes and MIDI notes of duration 0 or without a note-off are left out.
- If a bar of one part is too short or too long, the next bar starts where the longest part ends.
- Velocities are read from the file; notation without velocities gets ``DEFAULT_VELOCITY``; dynamics are ignored.
- Pitches are sounding pitches, also for transposing instruments.

If notes of one pitch overlap, a note-off ends the note with the earliest note-on. MIDI is read to the tick; for times
quantized by music21, use ``score_from_music21(music21.converter.parse(path))``.
"""

from musiclib.readers.jianpu_text import jianpu_lyrics, read_jianpu
from musiclib.readers.parsed import IrregularBars, LostNotes, RoundedPitches, UnreadableScore
from musiclib.readers.read import Piece, chosen_parts, read_pieces, read_score, read_scores, score_from_music21
from musiclib.readers.registry import READERS, SUFFIXES, Reader, find_reader

__all__ = [
    "READERS", "SUFFIXES", "IrregularBars", "LostNotes", "Piece", "Reader", "RoundedPitches", "UnreadableScore",
    "chosen_parts", "find_reader", "jianpu_lyrics", "read_jianpu", "read_pieces", "read_score", "read_scores",
    "score_from_music21",
]  # fmt: skip
