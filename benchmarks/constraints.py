"""Constraints: what bars, keys, cadences and loops cost, how often they hold without being asked for, and ranking.

python -m benchmarks.constraints                  # all, some minutes on two cores
python -m benchmarks.constraints asked loops      # or some of asked, loops, ranked, speed
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings

import numpy as np

from musiclib import audio, corpus, evaluation, sampling, training
from musiclib.sampling.choosing import in_key
from musiclib.score import Score

RUNS = ("bach_lstm", "bach_gru_attention", "bach_transformer", "jsb_gru")
COUNT = 64
BARS, KEY, TONIC = 8, "D minor", 2
RULES = {"temperature": 0.9, "top_p": 0.95}
MELODIES = 37
RATE = 22050


def asked() -> None:
    """Prints how often pieces are as asked, with and without constraints, and what the constraints cost."""
    print(f"| {COUNT} pieces | {BARS} bars | in the scale | in {KEY} | ends on the tonic | key | bars | cadence |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    for name in RUNS:
        run = training.load_run(f"models/{name}")
        options = {"key": KEY, "bars": BARS, "cadence": True}
        alone = sampling.generate(run, COUNT, length=600 if name == "jsb_gru" else 250, seed=1, **RULES)
        held = sampling.generate(run, COUNT, seed=1, **options, **RULES)
        _row(f"{name}, alone", alone, [""] * 3)
        costs = [statistics.median(own[which] for own in held.costs) for which in ("key", "bars", "cadence")]
        _row(f"{name}, constrained", held, [f"{nats:.1f}" for nats in costs])


def _row(label: str, pieces: list[Score], costs: list[str]) -> None:
    pieces = [piece for piece in pieces if len(piece)]
    scale = sampling.Constraints(key=KEY).classes
    shares = (
        [abs(piece.end - 4 * BARS) < 1e-6 for piece in pieces],
        [set((piece.pitch % 12).tolist()) <= scale for piece in pieces],
        [in_key(piece, KEY) for piece in pieces],
        [TONIC in piece.pitch[piece.onset + piece.duration >= piece.end - 1e-6] % 12 for piece in pieces],
    )
    print(f"| {label} | {' | '.join(f'{np.mean(share):.0%}' for share in shares)} | {' | '.join(costs)} |")


def loops() -> None:
    """Prints how likely the return is after a piece, chosen or not, and the seams below the 95th percentile of flux."""
    print("| return of the first bar, 16 pieces of 4 bars | nats, median | quiet seams |")
    print("| --- | --: | --: |")
    for name in RUNS:
        run = training.load_run(f"models/{name}")
        found = sampling.generate(run, 16, bars=4, key="G major", loop=True, seed=2, **RULES)
        seams = [_seam(piece) for piece in found]
        single = [_alone(run, seed) for seed in range(16)]
        below = sum(seam < 0.95 for seam in seams)
        nats = statistics.median(costs["loop"] for costs in found.costs)
        print(f"| {name}, best of 8 | {nats:.1f} | {below} of {len(seams)} |")
        print(f"| {name}, any | {statistics.median(single):.1f} | |")


def _alone(run: training.Run, seed: int) -> float:
    """Returns the cost of the return of one piece that was not chosen: the only one of its candidates."""
    from musiclib.sampling import choosing

    constraints = sampling.Constraints(bars=4, key="G major", loop=True)
    ids = sampling.generate_ids(run, 1, bars=4, key="G major", seed=seed, **RULES)
    return choosing.return_costs(run, ids, np.zeros(0, np.int32), constraints)[0]


def _seam(piece: Score) -> float:
    """Returns the share of the moments at which notes begin whose spectral flux is below that at the seam."""
    samples = audio.synthesize_loop(piece, RATE)
    thrice = np.tile(samples.mean(axis=1), 3)
    onsets = np.unique(np.round(piece.seconds()[0] * RATE).astype(int))
    places = len(samples) + np.union1d([0], onsets)
    pairs = np.array([[thrice[i - 768 : i - 256], thrice[i - 256 : i + 256]] for i in places])
    spectra = np.log1p(1000 * np.abs(np.fft.rfft(pairs * np.hanning(512))))
    change = np.maximum(np.diff(spectra, axis=1), 0).sum(axis=(1, 2))
    return float(np.mean(change[1:] < change[0]))


def ranked() -> None:
    """Prints the parallels of harmonizations of held-out melodies: one version, and the best of eight."""
    run = training.load_run("models/bach_harmonizer")
    unseen = run.about["dataset"]["test_names"]
    chorales = corpus.load("bach", progress=False)
    scores = [s for name, s in zip(chorales.names, chorales.scores, strict=True) if name in unseen][:MELODIES]
    print("| voices to held-out melodies | parallels | of moves | share | seconds, median |")
    print("| --- | --: | --: | --: | --: |")
    for label, candidates in (("one version", 1), ("best of 8", 8), ("best of 32", 32)):
        voices, seconds = [], []
        for seed, score in enumerate(scores):
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # melodies beyond the training range are moved
                voices += sampling.harmonize(run, score.select(0), candidates=candidates, seed=seed, temperature=0.6)
            seconds.append(time.perf_counter() - start)
        _parallels(label, voices, f"{statistics.median(seconds):.2f}")
    _parallels("Bach", scores, "")


def _parallels(label: str, scores: list[Score], seconds: str) -> None:
    found, moves = map(sum, zip(*map(evaluation.parallels, scores), strict=True))
    print(f"| {label} | {found} | {moves} | {found / moves:.1%} | {seconds} |")


def speed() -> None:
    """Prints the seconds from asking for sixteen bars to their sound, the first time and later ones."""
    print("| sixteen bars, generated and rendered | first, s | later, s |")
    print("| --- | --: | --: |")
    for name in RUNS:
        run, seconds = training.load_run(f"models/{name}"), []
        for seed in range(4):
            start = time.perf_counter()
            piece = sampling.generate(run, bars=16, key=KEY, cadence=True, seed=seed, **RULES)[0]
            audio.synthesize(piece, RATE)
            seconds.append(time.perf_counter() - start)
        print(f"| {name} | {seconds[0]:.1f} | {statistics.median(seconds[1:]):.1f} |")


TABLES = {"asked": asked, "loops": loops, "ranked": ranked, "speed": speed}

if __name__ == "__main__":
    for which in sys.argv[1:] or TABLES:
        TABLES[which]()
        print()
