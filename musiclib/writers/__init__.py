"""Writers: save a Score as a MIDI or MusicXML file, with atomic writes.

Two limits apply to both formats:

- A part cannot have overlapping notes of the same pitch, since a MIDI note-off names only the pitch. The earlier note
  is cut at the next onset; notes of the same onset are merged, with the longest duration and the highest velocity.
- Time signatures whose denominator is not a power of two are left out; note onsets do not change.

MIDI is exact to 1/1920 of a quarter note. MusicXML is quantized to 1/12 of a quarter note (sixteenths and triplets),
with ties, rests, tuplets and at most four voices per staff.
"""

from musiclib.writers.midi import write_midi
from musiclib.writers.musicxml import write_musicxml

__all__ = ["write_midi", "write_musicxml"]
