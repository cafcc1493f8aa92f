"""How well ``Score.quantize`` finds the beats of simulated performances, whose written onsets are known.

    python -m benchmarks.beats    # half a minute on two cores, once the corpora are read

Pieces of music21's corpus are performed at a random tempo of 70 to 130, which rises and falls by 15 %, with a random
deviation of each note of 20 ms, and saved at MIDI's default tempo of 120.
"""

from __future__ import annotations

import numpy as np

from musiclib import corpus
from musiclib.score import DEFAULT_TEMPO, Score

SOURCES = {"bach": 60, "ryansMammoth": 100, "essenFolksong/han1": 60, "haydn": None, "mozart": 12}
RUBATO = 0.15  # of the tempo
JITTER = 0.02  # seconds
FEWEST = 40  # notes of a piece
LONGEST = 200  # quarter lengths


def main() -> None:
    """Prints the share of onsets that come back to their place, by corpus."""
    print("| corpus | pieces | onsets that come back, mean | median | pieces with 90 % | at half, same, double beats |")
    print("| --- | --: | --: | --: | --: | --: |")
    for source, limit in SOURCES.items():
        scores = [score.slice(0, LONGEST) for score in corpus.load(source, limit=limit, progress=False).scores]
        found = [returned(*performed(score, seed)) for seed, score in enumerate(scores) if len(score) >= FEWEST]
        shares, levels = (np.array(column) for column in zip(*found, strict=True))
        counts = ", ".join(str(np.sum(levels == level)) for level in (0.5, 1, 2))
        print(
            f"| `{source}` | {len(shares)} | {np.mean(shares):.0%} | {np.median(shares):.0%}"
            f" | {np.mean(shares >= 0.9):.0%} | {counts} |"
        )


def performed(score: Score, seed: int, tempo: float | None = None, jitter: float = JITTER) -> tuple[Score, np.ndarray]:
    """Returns a performance of a score, saved at a constant tempo of 120, and its written onsets in the same order.

    Args:
        score: as it is written.
        seed: random seed of the performance.
        tempo: in quarter notes per minute, on average; None for a random one of 70 to 130.
        jitter: standard deviation of each onset and end, in seconds.
    """
    rng = np.random.default_rng(seed)
    tempo = rng.uniform(70, 130) if tempo is None else tempo
    times = np.arange(0, score.end + 1, 0.25)  # quarter lengths
    curve = 0.7 * np.sin(times * 2 * np.pi / 16 + rng.uniform(0, 7)) + 0.3 * np.sin(times + rng.uniform(0, 7))
    lengths = 0.25 * 60 / (tempo * (1 + RUBATO * curve / np.abs(curve).max()))
    seconds = 1 + np.cumsum(lengths) - lengths
    starts, ends = (np.interp(when, times, seconds) for when in (score.onset, score.onset + score.duration))
    starts = starts + rng.normal(0, jitter, len(score))
    lasts = np.maximum(ends + rng.normal(0, jitter, len(score)) - starts, 0.03)
    onset, duration = starts * DEFAULT_TEMPO / 60, lasts * DEFAULT_TEMPO / 60
    order = np.lexsort((score.pitch, score.part, onset))
    music = Score(onset, duration, score.pitch, score.velocity, score.part, part_names=score.part_names)
    return music, score.onset[order]


def returned(performance: Score, written: np.ndarray) -> tuple[float, float]:
    """Returns the share of the onsets that quantizing moves to where they are written, and the level of the beat.

    Where they are relative to each other counts, at the written beat (1), at a beat of twice (0.5) or half (2) of it.
    """
    found = performance.quantize(beats="onsets")
    # Quantizing sorts the notes of a chord anew, so that each onset is looked for among the notes of its pitch.
    order, other = np.lexsort((performance.onset, performance.pitch)), np.lexsort((found.onset, found.pitch))
    written, onsets = written[order], found.onset[other]
    shares = {}
    for level in (0.5, 1.0, 2.0):
        _, counts = np.unique(np.round((onsets - level * written) * 24), return_counts=True)
        shares[level] = counts.max() / len(written)
    level = max(shares, key=shares.get)
    return float(shares[level]), level


if __name__ == "__main__":
    main()
