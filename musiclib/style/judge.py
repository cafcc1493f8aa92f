"""Judge: a classifier of whole pieces by style, which shares nothing with the networks whose music it judges.

It counts sequences of intervals and of durations in each voice, and the scale degrees above the last note, and
classifies them by logistic regression. Time signature, key and tempo, which a transfer keeps, are not among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from musiclib.corpus import Corpus
from musiclib.score import Score, melody
from musiclib.score.checking import check_scores
from musiclib.score.voices import STEPS_PER_QUARTER, VOICES

_LENGTHS = (1, 2, 3)  # notes in a sequence


class Judge:
    """Tells the styles of pieces apart.

    Args:
        pieces: a labelled corpus that the judged network was not trained on.

    Raises:
        ValueError: where there are not two labels.
    """

    def __init__(self, pieces: Corpus) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        if len(set(pieces.labels)) < 2:
            raise ValueError(f"a judge needs pieces of at least two labels, got {sorted(set(pieces.labels))}")
        counts = TfidfVectorizer(analyzer=_features, min_df=2, sublinear_tf=True)
        self._pipeline = make_pipeline(counts, LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000))
        self._pipeline.fit(pieces.scores, pieces.labels)

    @property
    def styles(self) -> tuple[str, ...]:
        """The labels, in the order of the columns of ``probabilities``."""
        return tuple(str(style) for style in self._pipeline.classes_)

    def probabilities(self, scores: Sequence[Score]) -> np.ndarray:
        """Returns the probability of each style, (pieces, styles)."""
        return self._pipeline.predict_proba(check_scores(scores, "Judge"))

    def predict(self, scores: Sequence[Score]) -> list[str]:
        """Returns the likeliest style of each piece."""
        return [self.styles[i] for i in self.probabilities(scores).argmax(axis=1)]

    def accuracy(self, pieces: Corpus) -> dict[str, float]:
        """Returns the share of pieces whose label is recognized, of each label and as their mean, ``"mean"``."""
        right = np.array(self.predict(pieces.scores)) == np.array(pieces.labels)
        found = {label: float(right[np.array(pieces.labels) == label].mean()) for label in sorted(set(pieces.labels))}
        return {**found, "mean": float(np.mean([*found.values()]))}


def _features(score: Score) -> Iterator[str]:
    """Yields the sequences of intervals and durations of each voice, and its scale degrees."""
    score = score.pitched()
    four = score.part_names == VOICES
    for voice in range(len(VOICES)) if four else (0,):
        line = score.select(voice) if four else melody.top_line(score)
        order = np.argsort(line.onset, kind="stable")
        pitch = line.pitch[order]
        length = np.maximum(np.round(np.diff(line.onset[order]) * STEPS_PER_QUARTER), 1).astype(int).tolist()
        steps = np.diff(pitch).tolist()
        ratios = [round(float(np.log2(b / a)), 1) for a, b in zip(length, length[1:], strict=False)]
        for n in _LENGTHS:
            for i in range(len(steps) - n + 1):
                yield f"{voice} {steps[i : i + n]}"
            for i in range(len(ratios) - n + 1):
                yield f"{voice} {ratios[i : i + n]} times"
        if len(pitch):
            yield from (f"{voice} degree {degree}" for degree in ((pitch - pitch[-1]) % 12).tolist())
