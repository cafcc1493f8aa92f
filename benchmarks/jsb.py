"""The benchmark of the JSB chorales: exact likelihood in nats per note, comparable with what is published.

    python -m benchmarks.jsb --data FILE --evaluate models/NAME [--evaluate ...] [--transpositions] [--ensemble]
    python -m benchmarks.jsb --data FILE [--model NAME] [--preset quick|full] [--minutes N] [--out models/NAME]

FILE is Jsb16thSeparated.json, or one of the same form with some of its splits. The first form prints a line for each
split that it holds; the second trains on ``train`` alone, in every key in which each voice stays within its range in
``train``, keeps the weights that are best on ``valid``, and then does as the first.

What is counted: -log P of every voice at every step of whole pieces, silence included, divided by how many these are,
over all pieces of a split together; the mean of the pieces' own means stands beside it. Each voice is predicted from
all steps before and the voices before it in its step (soprano, bass, alto, tenor), and from nothing else. Start and end
of a piece are not counted: probabilities are of pitches and silence alone, and sum to 1 over these.

Averages are likelihoods as well, and are reported apart. ``--transpositions`` asks a run about the piece in thirteen
keys and averages, note by note, the probabilities that its pitch is given in each; ``--ensemble`` averages those of
several runs. Which keys take part is known from the past alone: one leaves as soon as a voice in it has left its range,
not before. Every term is a distribution over the alphabet, or less where the key carries some pitches out of it, so the
average is one too.

The chorales that music21 ships hold the benchmark's test pieces: a run that learned from them, or from anything else
but ``train``, is refused.

Source: Nicolas Boulanger-Lewandowski et al., "Modeling Temporal Dependencies in High-Dimensional Sequences" (2012);
Cheng-Zhi Anna Huang et al., "Counterpoint by Convolution" (2017), whose chronological figure is this one, and "Music
Transformer" (2018).
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from benchmarks import jsb_grid, likelihood
from musiclib import config, corpus, dataset, training
from musiclib.corpus import jsb
from musiclib.encodings import Chorale
from musiclib.encodings.chorale import ORDER
from musiclib.encodings.vocabulary import RESERVED, START, UNKNOWN, Vocabulary
from musiclib.models.chorale_gru import pitches_of
from musiclib.score.voices import SILENT, from_grid

KEYS = range(-6, 7)  # semitones; the same for every piece

Splits = Mapping[str, Mapping[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Result:
    """What one split came to.

    Args:
        split: its name in the file.
        nats: -log P of each note, one array a piece.
    """

    split: str
    nats: tuple[np.ndarray, ...]

    @property
    def per_note(self) -> float:
        """The mean over all notes."""
        return float(np.concatenate(self.nats).mean())

    def __str__(self) -> str:
        per_piece = np.mean([piece.mean() for piece in self.nats])
        notes = sum(map(len, self.nats))
        pieces = f"{len(self.nats)} pieces, {notes:,} notes"
        return f"{self.split:<5}  {self.per_note:.4f} nats/note (per-piece mean {per_piece:.4f}, {pieces})"


def prepare(splits: Splits) -> dataset.Dataset:
    """Makes what a run is trained on: ``train`` in every key that its voices' ranges allow, ``valid`` to choose by.

    Raises:
        ValueError: where the file holds no ``train`` or no ``valid``.
    """
    for name in ("train", "valid"):
        if name not in splits:
            raise ValueError(f"this file holds no split {name!r}, only {', '.join(splits)}; training needs both")
    ranges = jsb_grid.voice_ranges(splits["train"].values())
    moved = {
        f"{name}{key:+d}" if key else name: jsb_grid.transposed(roll, key)
        for name, roll in splits["train"].items()
        for key in range(-12, 13)
        if key == 0 or jsb_grid.inside(jsb_grid.transposed(roll, key), ranges).all()
    }
    seen = {token for roll in moved.values() for token in jsb_grid.tokens(roll)}
    # In the order of Chorale's alphabet, so that ids rise with the pitch.
    vocabulary = Vocabulary([*RESERVED, *(token for token in Chorale().alphabet if token in seen)])
    split = corpus.Split(_corpus(moved), _corpus(splits["valid"]), _corpus({}))
    data = dataset.prepare(split, Chorale(), vocabulary=vocabulary)
    return dataclasses.replace(data, about={**data.about, "benchmark": "jsb", "voice_ranges": ranges})


def _corpus(rolls: Mapping[str, np.ndarray]) -> corpus.Corpus:
    return corpus.Corpus(tuple(rolls), tuple(from_grid(roll) for roll in rolls.values()))


def train(splits: Splits, settings: config.Config, folder: pathlib.Path) -> training.Run:
    """Trains a network on ``train`` and chooses its weights by ``valid``."""
    return training.train(prepare(splits), settings, folder)


def check(run: training.Run) -> None:
    """Raises ValueError where a run is none of this benchmark's: another encoding, or other music than ``train``."""
    if run.encoding != Chorale():
        raise ValueError(f"the benchmark counts over the tokens of {Chorale()}, and this run has {run.encoding}")
    names = run.about.get("dataset", {}).get("train_names", [])
    foreign = [name for name in names if not str(name).startswith("train/")]
    if foreign or not names:
        what = f"on {foreign[0]!r}" if foreign else "on music that it kept no list of"
        raise ValueError(
            f"this run was trained {what}, not on the benchmark's train split alone, and may know the test pieces;"
            " train one with python -m benchmarks.jsb"
        )


def evaluate(runs: Sequence[training.Run], splits: Splits, keys: Iterable[int] = (0,)) -> list[Result]:
    """Returns what each split comes to; with several runs or keys, under the average of their probabilities.

    Raises:
        ValueError: where a run is none of this benchmark's, or a piece has a pitch that it gives no probability.
    """
    for run in runs:
        check(run)
    keys = sorted({0, *keys})
    results = []
    for split, rolls in splits.items():
        names = sorted(rolls, key=lambda name: len(rolls[name]))  # pieces of like length go through a network together
        chances = [_chances(run, {name: rolls[name] for name in names}, keys) for run in runs]
        nats = {}
        for name, *parts in zip(names, *chances, strict=True):
            nats[name] = -np.log(sum(total for total, _ in parts) / sum(terms for _, terms in parts))
        results.append(Result(split, tuple(nats[name] for name in rolls)))
    return results


def _chances(run: training.Run, rolls: Mapping[str, np.ndarray], keys: Sequence[int]) -> Iterator[tuple]:
    """Yields two arrays (notes,) a piece: each note's probability summed over keys, and how many keys these are."""
    sung = [pitch for pitch in pitches_of(run.vocabulary) if pitch not in (None, SILENT)]
    ranges = run.about["dataset"].get("voice_ranges") or [(min(sung), max(sung))] * len(ORDER)
    for name, roll in rolls.items():
        strange = [token for token in jsb_grid.tokens(roll) if token not in run.vocabulary]
        if strange:
            raise ValueError(f"the run gives {strange[0]} of {name} no probability, for it was trained on no such note")
    moved = [[jsb_grid.transposed(roll, key) for key in keys] for roll in rolls.values()]
    rows = [_ids(run.vocabulary, other) for piece in moved for other in piece]
    predictions = zip(rows, likelihood.log_probabilities(run, rows), strict=True)
    for piece in moved:
        total, terms = 0.0, 0
        for key, other, (row, predicted) in zip(keys, piece, predictions, strict=False):
            ids = row[1:, None]
            given = np.exp(np.take_along_axis(predicted, np.maximum(ids - len(RESERVED), 0), axis=1))
            given = np.where(ids == UNKNOWN, 0.0, given)[:, 0]
            # A key takes part as long as all that came before has stayed in the ranges; the piece's own always does.
            stayed = np.logical_and.accumulate(jsb_grid.inside(other, ranges)[:, ORDER].ravel())
            takes_part = np.concatenate([[True], stayed[:-1]]) | (key == 0)
            total, terms = total + given * takes_part, terms + takes_part
        yield total, terms


def _ids(vocabulary: Vocabulary, roll: np.ndarray) -> np.ndarray:
    return np.concatenate([[START], vocabulary.to_ids(jsb_grid.tokens(roll), allow_unknown=True)])


def report(runs: Mapping[str, training.Run], splits: Splits, transpositions: bool, ensemble: bool) -> list[Result]:
    """Prints a line a split for each run alone, and apart from those for the averages that were asked for."""
    blocks = [(name, [run], (0,)) for name, run in runs.items()]
    if transpositions:
        blocks += [(f"{name}, averaged over {len(KEYS)} keys", [run], KEYS) for name, run in runs.items()]
    if ensemble:
        blocks.append((f"{len(runs)} runs averaged", list(runs.values()), (0,)))
        if transpositions:
            blocks.append((f"{len(runs)} runs averaged over {len(KEYS)} keys", list(runs.values()), KEYS))
    results = []
    for title, chosen, keys in blocks:
        if len(blocks) > 1:
            print(f"{title}:", flush=True)
        for split in splits:
            results += evaluate(chosen, {split: splits[split]}, keys)
            print(results[-1], flush=True)
    return results


def main(arguments: Sequence[str] | None = None) -> list[Result]:
    """Does what the command line asks for, and returns what it printed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jsb", description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="Jsb16thSeparated.json, or one of its form with some splits")
    parser.add_argument("--evaluate", action="append", metavar="RUN", help="measure this run; may be given again")
    parser.add_argument("--transpositions", action="store_true", help="also average each run over thirteen keys")
    parser.add_argument("--ensemble", action="store_true", help="also average the runs")
    parser.add_argument("--model", default="stacked_lstm", choices=likelihood.MODELS, help="the network to train")
    parser.add_argument("--preset", help="quick or full (default: MUSICLIB_PRESET, or quick)")
    parser.add_argument("--minutes", type=float, help="end the training after so many minutes")
    parser.add_argument("--seed", type=int, default=0, help="of the training (default: 0)")
    parser.add_argument("--out", default="models/jsb", help="where the trained run goes (default: models/jsb)")
    options = parser.parse_args(arguments)
    try:
        if options.ensemble and len(set(options.evaluate or [])) < 2:
            raise ValueError("--ensemble averages several runs; name each with an --evaluate of its own")
        splits = jsb.load(options.data)
        if not options.evaluate:
            settings = config.preset(options.preset, options.model).replace(seed=options.seed, minutes=options.minutes)
            train(splits, settings, pathlib.Path(options.out))
        runs = {str(folder): training.load_run(folder) for folder in options.evaluate or [options.out]}
        return report(runs, splits, options.transpositions, options.ensemble)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"benchmarks.jsb: {error}")


if __name__ == "__main__":
    main()
