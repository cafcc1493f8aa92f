"""Plots: piano rolls, attention maps, training curves and the spread of statistics.

Every function draws on ``ax``, makes axes where it is None, and returns them. None shows a figure or changes a setting
of matplotlib, so that a notebook cell's last line is the picture.
"""

from musiclib.plots.attention_maps import attention
from musiclib.plots.piano_rolls import compare, piano_roll
from musiclib.plots.spread import spreads
from musiclib.plots.training_curves import history

__all__ = ["attention", "compare", "history", "piano_roll", "spreads"]
