"""Endings: how often pieces end on a chord that ends pieces, where they are cut and where the network ends them.

python -m benchmarks.endings      # some minutes on two cores
"""

from __future__ import annotations

import numpy as np

from musiclib import corpus, sampling, training
from musiclib.score import Score, estimates

COUNT = 100
CUT = {"jsb_gru": 800}  # tokens after which pieces are cut: some twelve bars
OTHERS = 200
SHORT = 16.0  # quarter lengths: four bars
TRIADS = ((0, 4, 7), (0, 3, 7))
RULES = {"temperature 1": {"temperature": 1.0, "top_p": None}, "0.9, top-p 0.95": {"temperature": 0.9, "top_p": 0.95}}


def main() -> None:
    """Prints a row for real chorales, and for each run, its pieces cut and ended, by two rules."""
    print(
        "| pieces | rules | ended | on a triad in root position | on the tonic triad | under four bars | bars, median |"
    )
    print("| --- | --- | --: | --: | --: | --: | --: |")
    chorales = corpus.load("bach", progress=False).scores
    _row("Bach", "", chorales, [True] * len(chorales))
    for name in ("bach_lstm", "bach_gru_attention", "bach_transformer", "jsb_gru"):
        run = training.load_run(f"models/{name}")
        for rules, options in RULES.items():
            cut = sampling.generate(run, COUNT, CUT.get(name, OTHERS), seed=0, stop_at_end=False, **options)
            _row(f"{name}, cut", rules, cut, cut.ended)
            ended = sampling.generate(run, COUNT, seed=0, **options)
            _row(f"{name}, ended", rules, ended, ended.ended)


def _row(label: str, rules: str, scores: list[Score], ended: list[bool]) -> None:
    scores = [score for score in scores if len(score)]
    shares = (ended, [_root(s) is not None for s in scores], [_root(s) == _tonic(s) for s in scores])
    short = [score.end < SHORT for score in scores]
    cells = [f"{np.mean(share):.0%}" for share in (*shares, short)]
    print(f"| {label} | {rules} | {' | '.join(cells)} | {np.median([score.end / 4 for score in scores]):.0f} |")


def _root(score: Score) -> int | None:
    """Returns the root of the last chord if it is a major or minor triad, its fifth left out or not, over its root."""
    last = score.pitch[score.onset + score.duration >= score.end - 1e-6]
    bass, classes = int(last.min()) % 12, {*(last % 12).tolist()}
    for triad in TRIADS:
        notes = {(bass + step) % 12 for step in triad}
        if classes <= notes and (bass + triad[1]) % 12 in classes:
            return bass
    return None


def _tonic(score: Score) -> int:
    fifths, mode = estimates.key(score)
    return (7 * fifths + 9 * (mode == "minor")) % 12


if __name__ == "__main__":
    main()
