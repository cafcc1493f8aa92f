"""Evaluation: how well a run predicts, how like real music its pieces are, and how much it copies.

``card`` puts all of it side by side. ``likelihood`` and ``tokens`` look at ids, ``statistics`` and
``originality`` at scores, whatever their encoding, ``voice_leading`` at scores in voices; ``distances`` compares two
sets of figures.
"""

from musiclib.evaluation.comparison import card
from musiclib.evaluation.distances import Likeness, likeness
from musiclib.evaluation.likelihood import nats_per_token
from musiclib.evaluation.ngram import NGram, best_ngram
from musiclib.evaluation.originality import Originality, Passage
from musiclib.evaluation.report import Card
from musiclib.evaluation.statistics import STATISTICS, measure
from musiclib.evaluation.tokens import most_frequent_share, seen_share
from musiclib.evaluation.voice_leading import parallels

__all__ = [
    "STATISTICS",
    "Card",
    "Likeness",
    "NGram",
    "Originality",
    "Passage",
    "best_ngram",
    "card",
    "likeness",
    "measure",
    "most_frequent_share",
    "nats_per_token",
    "parallels",
    "seen_share",
]
