"""Corpus: many scores, read in parallel, cached, and split into training, validation and test pieces.

``load`` takes a corpus that music21 ships, a folder of your own, or a download (MAESTRO, the JSB chorales); ``split``
keeps pieces that share a tune on one side.
"""

from musiclib.corpus.corpus import Corpus
from musiclib.corpus.loading import load
from musiclib.corpus.splitting import Split, split

__all__ = ["Corpus", "Split", "load", "split"]
