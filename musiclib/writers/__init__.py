"""Writers: a Score becomes a MIDI or a MusicXML file.

A file that is there is replaced only once the new one is complete. Two limits of the formats hold for both:

- No part holds two overlapping notes of one pitch, since a MIDI note-off names only the pitch. The earlier note is cut
  where the later one begins; of two that begin together the longer stays, with the higher velocity.
- A time signature whose denominator is not a power of two is left out, and the one before it goes on: MIDI stores the
  exponent, and notation has no such note value. No note moves by this.

MIDI is exact to 1/1920 of a quarter. Notation is for reading: it is rounded to twelfths of a quarter, which hold
sixteenths and triplets, with ties, rests, tuplets and at most four voices a staff.
"""

from musiclib.writers.midi import write_midi
from musiclib.writers.musicxml import write_musicxml

__all__ = ["write_midi", "write_musicxml"]
