"""Plots: staff notation, piano rolls, attention maps, training curves and the spread of statistics.

``staff`` engraves a score, for notebooks and as SVG or PDF. Every other function draws on ``ax`` (a new figure if None)
and returns it, without calling ``plt.show`` or changing matplotlib's settings.
"""

from musiclib.plots.attention_maps import attention
from musiclib.plots.engraving import Staff, staff
from musiclib.plots.piano_rolls import compare, piano_roll, piano_rolls
from musiclib.plots.spread import spreads
from musiclib.plots.training_curves import history

__all__ = ["Staff", "attention", "compare", "history", "piano_roll", "piano_rolls", "spreads", "staff"]
