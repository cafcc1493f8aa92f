"""Taste: what of a listener's taste can be heard, and which music would suit it best.

Factors say which pieces suit a listener, but only pieces that somebody has rated have factors. A linear regression
predicts them from the latent vector of a piece, the mean of its phrases' latent vectors in a variational autoencoder.
So every point of the latent space has a score for every listener.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from musiclib.corpus import Corpus
from musiclib.recommend.factors import Factors
from musiclib.sampling import latent
from musiclib.score import Score
from musiclib.score.checking import check_scores

_STRENGTHS = np.logspace(-2, 4, 13)  # of the ridge regression, chosen by cross-validation
_FOLDS = 5


def phrases(run, score: Score) -> list[Score]:
    """Returns the phrases of a piece that a run can encode: whole ones, in the metres that it knows."""
    return [run.encoding.decode(tokens) for tokens in run.encoding.examples(score)]


def vectors(run, scores: Sequence[Score]) -> np.ndarray:
    """Returns the latent vectors of pieces, (pieces, latent) float32: the means over their phrases.

    Raises:
        ValueError: where a piece has no phrase in a metre that the run knows.
    """
    parts = [phrases(run, score) for score in check_scores(scores, "vectors")]
    for number, part in enumerate(parts):
        if not part:
            raise ValueError(
                f"piece {number} has no phrase of {run.encoding.bars} bars in {', '.join(run.encoding.metres)}; leave"
                " it out, as taste.known does"
            )
    z, ends = latent.encode(run, [phrase for part in parts for phrase in part]), np.cumsum([0, *map(len, parts)])
    return np.add.reduceat(z, ends[:-1]) / np.diff(ends)[:, None]


def known(run, pieces: Corpus) -> Corpus:
    """Returns the pieces that have at least two phrases in a metre that the run knows."""
    return pieces.take(i for i, score in enumerate(pieces.scores) if len(run.encoding.examples(score)) >= 2)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Taste:
    """The linear map from latent vectors to the factors of pieces, and the distribution of the catalogue's vectors.

    Args:
        run: a trained run of a VAE.
        factors: fitted on ratings of the catalogue.
        catalogue: the rated pieces.
        latents: (pieces, latent), of the catalogue.
        weights: (size, latent), of the regression.
        r2: coefficient of determination of the predicted factors, of pieces that the regression was not fitted on.
        mean: (latent,), of the catalogue's vectors.
        covariance: (latent, latent), of the same.
    """

    run: object
    factors: Factors
    catalogue: Corpus
    latents: np.ndarray
    weights: np.ndarray
    r2: float
    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def fit(cls, run, factors: Factors, catalogue: Corpus) -> Taste:
        """Fits the regression, and a normal distribution to the catalogue's vectors.

        Raises:
            ValueError: where the catalogue is not that of the ratings, has fewer than 20 pieces, or one without a
                phrase.
        """
        from sklearn.covariance import ledoit_wolf
        from sklearn.linear_model import RidgeCV
        from sklearn.metrics import r2_score
        from sklearn.model_selection import cross_val_predict

        if tuple(catalogue.names) != tuple(factors.ratings.pieces):
            raise ValueError("the factors were fitted on other pieces; load the ratings with pieces=catalogue.names")
        if len(catalogue) < 4 * _FOLDS:
            raise ValueError(f"a catalogue of {len(catalogue)} pieces is too small; give at least {4 * _FOLDS}")
        z, ridge = vectors(run, catalogue.scores), RidgeCV(_STRENGTHS)
        heard = factors.popularity > 0  # the factors of other pieces say nothing
        if heard.sum() < 4 * _FOLDS:
            raise ValueError(f"only {heard.sum()} pieces have ratings; at least {4 * _FOLDS} need some")
        predicted = cross_val_predict(ridge, z[heard], factors.pieces[heard], cv=_FOLDS)
        r2 = r2_score(factors.pieces[heard], predicted, multioutput="variance_weighted")
        weights = ridge.fit(z[heard], factors.pieces[heard]).coef_
        return cls(run, factors, catalogue, z, weights, float(r2), z.mean(axis=0), ledoit_wolf(z)[0])

    def direction(self, listener: str | Mapping[str, float]) -> np.ndarray:
        """Returns the direction of the latent space that the listener likes, (latent,).

        Its length is such that the catalogue's pieces differ in ``score`` by a standard deviation of 1.

        Raises:
            ValueError: where nothing is known of the listener.
        """
        profile = self.factors.profile(listener)
        if not profile.nnz:
            raise ValueError(f"there are no ratings of {listener!r}, so its taste is unknown; give some, by piece")
        direction = self.factors.listeners(profile)[0] @ self.weights
        return direction / max(float(np.sqrt(direction @ self.covariance @ direction)), 1e-12)

    def score(self, listener: str | Mapping[str, float], z: np.ndarray) -> np.ndarray:
        """Returns how well latent vectors (n, latent) suit a listener, (n,), in the catalogue's standard deviations."""
        return (z - self.mean) @ self.direction(listener)

    def maximum(self, listener: str | Mapping[str, float], radius: float) -> np.ndarray:
        """Returns the point of the highest score at a distance from the catalogue's mean, (latent,).

        With the catalogue's normal distribution N(m, S) for a prior and the direction w, the maximum of log N(z; m, S)
        + radius w z is z = m + radius S w, since w S w = 1.

        Args:
            listener: as for ``Factors.recommend``.
            radius: in standard deviations; 0 is the mean, and a catalogue of a few hundred pieces ends at about 3.
        """
        return self.mean + radius * self.covariance @ self.direction(listener)
