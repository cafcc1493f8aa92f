"""Training: from a dataset and a configuration to a run.

``train`` trains any network, ``load_run`` loads a saved run, ``distribution`` is for training on several machines.
"""

from musiclib.training import distribution
from musiclib.training.loop import set_seed, train
from musiclib.training.run import Run, load_run

__all__ = ["Run", "distribution", "load_run", "set_seed", "train"]
