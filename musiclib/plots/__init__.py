"""Plots: piano rolls, staff and numbered notation, attention maps, training curves and the spread of statistics.

``staff`` engraves a score, ``jianpu`` writes it in numbered notation, both as SVG. Every other function draws on ``ax``
(a new figure if None) and returns it, without calling ``plt.show`` or changing matplotlib's settings.
"""

from musiclib.plots.attention_maps import attention
from musiclib.plots.engraving import Staff, staff
from musiclib.plots.jianpu_sheet import Jianpu, jianpu
from musiclib.plots.piano_rolls import compare, piano_roll, piano_rolls
from musiclib.plots.spread import spreads
from musiclib.plots.training_curves import history

__all__ = [
    "Jianpu", "Staff", "attention", "compare", "history", "jianpu", "piano_roll", "piano_rolls", "spreads", "staff",
]  # fmt: skip
