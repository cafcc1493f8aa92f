"""Training: a dataset and a configuration in, a run out, by one loop for every family of networks.

``train`` is the loop, ``load_run`` loads what it saved. ``distribution`` serves training on several machines.
"""

from musiclib.training import distribution
from musiclib.training.loop import set_seed, train
from musiclib.training.run import Run, load_run

__all__ = ["Run", "distribution", "load_run", "set_seed", "train"]
