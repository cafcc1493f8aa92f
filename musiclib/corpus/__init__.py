"""Corpus: many scores, parsed in parallel, cached, and split into training, validation and test pieces.

``load`` takes a corpus in music21, a folder, or a download (MAESTRO, the JSB chorales); ``split`` keeps pieces with
the same melody in the same set.
"""

from musiclib.corpus.corpus import Corpus, join
from musiclib.corpus.loading import load
from musiclib.corpus.prepared import load_prepared
from musiclib.corpus.splitting import Split, split

__all__ = ["Corpus", "Split", "join", "load", "load_prepared", "split"]
