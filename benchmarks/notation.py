"""Notation: how long staff and numbered notation take, and how often the estimated key and metre are right.

python -m benchmarks.notation             # both, a minute or two on two cores
python -m benchmarks.notation speed       # or estimates
"""

from __future__ import annotations

import collections
import statistics
import sys
import time

from musiclib import corpus, plots
from musiclib.score import Score, estimates

BARS = 16
REPEATS = 7
COLLECTIONS = ("bach", "oneills1850", "airdsAirs", "ryansMammoth")


def speed() -> None:
    """Prints the seconds of notation, after a first call, in which Verovio is imported."""
    chorales = corpus.load("bach", limit=20, progress=False).scores
    chorale = next(score for score in chorales if score.end >= 4 * BARS).slice(0, 4 * BARS)
    print(f"{chorale}\n\n| notation of {BARS} bars | median, s | longest of {REPEATS} | first call |")
    print("| --- | --: | --: | --: |")
    staff = {"staff": plots.staff, "staff, with colours and names": lambda s: plots.staff(s, color="parts", names=True)}
    for name, write in (staff | {"jianpu": plots.jianpu, "follow": plots.follow}).items():
        first, *times = [_seconds(write, chorale) for _ in range(REPEATS + 1)]
        print(f"| {name} | {statistics.median(times):.3f} | {max(times):.3f} | {first:.2f} |")


def _seconds(write, score: Score) -> float:
    start = time.perf_counter()
    write(score)
    return time.perf_counter() - start


def estimated() -> None:
    """Prints the share of held-out pieces whose stated signatures are found, beside baselines without notes."""
    print("| corpus | pieces | answer | key signature | time signature | duple, triple or compound |")
    print("| --- | --: | --- | --: | --: | --: |")
    for name in COLLECTIONS:
        split = corpus.split(corpus.load(name, progress=False), validation=0, test=0.5, seed=0)
        known, held_out = ([stated(score) for score in part.scores] for part in (split.train, split.test))
        commonest = [collections.Counter(given).most_common(1)[0][0] for given in zip(*known, strict=True)]
        answers = {
            "estimates": [
                (estimates.key(score)[0], estimates.time_signature(score), metre(estimates.time_signature(score)))
                for score in split.test.scores
            ],
            "C major, 4/4": [(0, (4, 4), "duple")] * len(held_out),
            "commonest of the other half": [tuple(commonest)] * len(held_out),
        }
        for label, given in answers.items():
            shares = []
            for one, true in zip(zip(*given, strict=True), zip(*held_out, strict=True), strict=True):
                pairs = [(a, b) for a, b in zip(one, true, strict=True) if b is not None]
                shares.append(f"{statistics.fmean(a == b for a, b in pairs):.1%}")
            print(f"| {name} | {len(held_out)} | {label} | {' | '.join(shares)} |", flush=True)


def stated(score: Score) -> tuple[int | None, tuple[int, int] | None, str | None]:
    """Returns the fifths of the first key signature, the time signature that holds longest, and its metre."""
    fifths = score.key_signatures[0][1] if score.key_signatures else None
    lengths: collections.Counter[tuple[int, int]] = collections.Counter()
    ends = [onset for onset, *_ in score.time_signatures[1:]] + [score.end]
    for (onset, *mark), end in zip(score.time_signatures, ends, strict=False):
        lengths[tuple(mark)] += end - onset
    longest = lengths.most_common(1)[0][0] if lengths else None
    return fifths, longest, longest and metre(longest)


def metre(signature: tuple[int, int]) -> str:
    """Returns the metre of a time signature."""
    beats, unit = signature
    if unit >= 8 and beats % 3 == 0 and beats > 3:
        return "compound"
    return "triple" if beats == 3 else "duple"


if __name__ == "__main__":
    for part in sys.argv[1:] or ("speed", "estimates"):
        print(f"\n{part}\n", flush=True)
        {"speed": speed, "estimates": estimated}[part]()
