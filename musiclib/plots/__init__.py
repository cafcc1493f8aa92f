"""Plots: piano rolls, attention maps, training curves and the spread of statistics.

Every function draws on ``ax`` (a new figure if None) and returns it, without calling ``plt.show`` or changing
matplotlib's settings.
"""

from musiclib.plots.attention_maps import attention
from musiclib.plots.piano_rolls import compare, piano_roll, piano_rolls
from musiclib.plots.spread import spreads
from musiclib.plots.training_curves import history

__all__ = ["attention", "compare", "history", "piano_roll", "piano_rolls", "spreads"]
