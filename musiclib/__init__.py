"""musiclib: music generation with Keras, from MIDI files to sampled music.

The way of the music, one module a step::

    readers -> score -> encodings -> vocabulary -> dataset -> windows -> models
    training -> sampling -> writers, audio, plots, evaluation

Importing this package loads none of them, and no TensorFlow; take what a
notebook needs: ``from musiclib import corpus, encodings, training``.
TensorFlow then starts without its greeting (see ``quiet``).
"""

from musiclib import quiet

__version__ = "0.1.0"

quiet.tensorflow()
