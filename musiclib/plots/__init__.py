"""Plots: piano rolls, notation, a player, attention maps, training curves and the spread of statistics.

``staff`` writes a score in staff notation, ``jianpu`` in numbered notation, and ``follow`` plays it and moves along.
Every other function draws on ``ax`` (a new figure if None) and returns it, without calling ``plt.show`` or changing
matplotlib's settings.
"""

from musiclib.plots.attention_maps import attention
from musiclib.plots.follow import Player, follow
from musiclib.plots.numbered_notation.sheet import Jianpu, jianpu
from musiclib.plots.piano_rolls import compare, piano_roll, piano_rolls
from musiclib.plots.spectrograms import spectrogram
from musiclib.plots.spread import spreads
from musiclib.plots.staff_notation.engraving import Staff, staff
from musiclib.plots.training_curves import history

__all__ = [
    "Jianpu", "Player", "Staff", "attention", "compare", "follow", "history", "jianpu", "piano_roll", "piano_rolls",
    "spectrogram", "spreads", "staff",
]  # fmt: skip
