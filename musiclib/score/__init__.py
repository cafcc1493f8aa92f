"""Score: the representation of music that all other modules use.

``meter`` computes bar lines, ``estimates`` a key and a time signature that are not stated, ``beats`` the beats of a
performance, ``quantizing`` moves notes to a grid. ``melody`` is the top line, ``voices`` four parts on a grid,
``voice_leading`` parallels, ``scales`` and ``instruments`` their names, ``passages`` n-grams within pieces, ``packing``
a score as bytes, ``inheritance`` what a piece takes from other music, ``parts`` the numbers of parts that are named,
``fields`` the forms of the fields, ``checking`` what was given in the place of a Score.
"""

from musiclib.score import melody, meter
from musiclib.score.pitches import pitch_name, pitch_number
from musiclib.score.score import COLUMNS, DEFAULT_TEMPO, DEFAULT_VELOCITY, Score

__all__ = [
    "COLUMNS", "DEFAULT_TEMPO", "DEFAULT_VELOCITY", "Score", "melody", "meter", "pitch_name", "pitch_number",
]  # fmt: skip
