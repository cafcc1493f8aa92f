"""Recommend: from ratings to recommended pieces, and to new music for a listener.

``load`` reads ratings; ``Popular``, ``UserNeighbours``, ``ItemNeighbours`` and ``Factors`` recommend, ``evaluate``
measures them beside ``Chance``. ``Taste`` predicts from the latent vector of a piece how well it suits a listener, and
``Composer`` makes pieces for one. ``Listeners`` simulates listeners whose likes are known.
"""

from musiclib.recommend.composing import Candidate, Composer
from musiclib.recommend.factors import Factors
from musiclib.recommend.filtering import Chance, Popular, Recommender
from musiclib.recommend.measures import Measures, evaluate
from musiclib.recommend.neighbours import ItemNeighbours, UserNeighbours
from musiclib.recommend.rating_file import load
from musiclib.recommend.ratings import Ratings
from musiclib.recommend.simulated import Listeners
from musiclib.recommend.taste import Taste, known

__all__ = [
    "Candidate", "Chance", "Composer", "Factors", "ItemNeighbours", "Listeners", "Measures", "Popular", "Ratings",
    "Recommender", "Taste", "UserNeighbours", "evaluate", "known", "load",
]  # fmt: skip
