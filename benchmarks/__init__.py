"""Benchmarks: the recipes of the tutorials beside musiclib, measured in one run.

``textbook`` is what is compared with, ``compare`` runs it all; the rows of the table are in
``reading``, ``memory``, ``training``, ``generation``, ``pytorch`` and ``gpu``.
"""

import musiclib  # noqa: F401  # before Keras is, so that TensorFlow starts without its greeting
