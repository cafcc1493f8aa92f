"""Evaluation: loss on held-out pieces, similarity of generated pieces to real ones, and copying from training pieces.

``card`` reports all of it; ``latent`` measures a VAE, ``bars`` phrases in four voices, ``gaps`` what a network fills
in, ``spectral`` frames of sound.
``likelihood``, ``ngram`` and ``tokens`` work on ids, ``surprise`` on the notes of one score, ``statistics`` and
``originality`` on scores of any encoding, ``parallels`` on scores in voices; ``distances`` compares two sets of
statistics.
"""

from musiclib.evaluation import bars, gaps, latent, spectral
from musiclib.evaluation.comparison import card
from musiclib.evaluation.distances import Likeness, likeness
from musiclib.evaluation.likelihood import nats_per_token
from musiclib.evaluation.ngram import NGram, best_ngram
from musiclib.evaluation.originality import Originality, Passage
from musiclib.evaluation.report import Card
from musiclib.evaluation.statistics import STATISTICS, measure
from musiclib.evaluation.surprise import surprise
from musiclib.evaluation.tokens import most_frequent_share, seen_share
from musiclib.score.voice_leading import parallels

__all__ = [
    "STATISTICS", "Card", "Likeness", "NGram", "Originality", "Passage", "bars", "best_ngram", "card", "gaps",
    "latent", "likeness", "measure", "most_frequent_share", "nats_per_token", "parallels", "seen_share",
    "spectral", "surprise",
]  # fmt: skip
