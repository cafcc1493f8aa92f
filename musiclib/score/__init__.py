"""Score: the form of music that every other room reads or writes.

``meter`` knows where bars begin, ``melody`` the top line, ``voices`` four parts on a grid, ``passages`` runs of
consecutive items, ``packing`` a score as bytes.
"""

from musiclib.score import melody, meter
from musiclib.score.pitches import pitch_name, pitch_number
from musiclib.score.score import COLUMNS, DEFAULT_TEMPO, DEFAULT_VELOCITY, Score

__all__ = [
    "COLUMNS",
    "DEFAULT_TEMPO",
    "DEFAULT_VELOCITY",
    "Score",
    "melody",
    "meter",
    "pitch_name",
    "pitch_number",
]
