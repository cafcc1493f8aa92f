"""The card: real music, counting and every run, side by side.

Everything is compared as the encoding knows it: held-out pieces are encoded, cut to the length of what
is generated, and decoded, so that no difference is one that no network could help.
"""

from __future__ import annotations

from collections.abc import Mapping

from musiclib import corpus as corpora
from musiclib import ngram, sampling
from musiclib.encodings import Encoding
from musiclib.evaluation.likelihood import nats_per_token
from musiclib.evaluation.likeness import likeness
from musiclib.evaluation.originality import Originality
from musiclib.evaluation.report import LENGTHS, Card, Column
from musiclib.evaluation.statistics import STATISTICS, measure
from musiclib.pieces import Pieces
from musiclib.runs import Run
from musiclib.score import Score
from musiclib.vocabulary import END, START


def card(
    runs: Mapping[str, Run],
    corpus: corpora.Split,
    count: int | None = None,
    length: int = 200,
    seed: int = 0,
    **options,
) -> Card:
    """Evaluates runs on the test pieces of a split corpus.

    Columns are the test pieces themselves (one column for each encoding, the yardstick), an n-gram
    that learned from the same training pieces, in the transpositions of the first run, and the
    runs. Pieces are composed from the start, as many as there are test pieces. The likeness in the column
    of real music is that of the validation pieces: what other real music reaches.

    Args:
        runs: a name for the table, and the run.
        corpus: the split that the runs were trained with; ``corpus.split(music)``.
        count: pieces to compose; as many as test pieces where None.
        length: tokens a piece, at most; real pieces are cut to as many.
        seed: of what is composed.
        **options: see ``sampling.generate_ids``; for example ``temperature`` or ``avoid_copying``.

    Raises:
        ValueError: where there is no run or no test piece, or a run was trained on one of them.
    """
    _check(runs, corpus)
    first = next(iter(runs.values()))
    count = count or len(corpus.test)
    options = {"stop_at_end": True, **options}
    notes, worlds, columns, sampled = _notes(corpus, count, length, options), {}, [], []
    for name, run in runs.items():
        key = repr(run.encoding.to_config())
        if key not in worlds:
            worlds[key] = _World(run.encoding, corpus, length)
            label = "real music" if len(worlds) == 1 else f"real music, as {run.encoding.name}"
            columns.append(worlds[key].real(label))
        if not columns[1:]:
            columns.append(_counted(run, corpus, worlds[key], count, length, seed))
        pieces = sampling.generate(run, count, length, seed=seed, **options)
        nats = None
        if run.encoding == first.encoding and run.vocabulary.tokens == first.vocabulary.tokens:
            nats = nats_per_token(run, _ids(run, corpus.test.scores))
        else:
            notes.append(
                f"{name}: no surprise is given, as its tokens are others than those of {next(iter(runs))}, and a figure"
                " for each token compares only where the tokens are the same."
            )
        trained = set(run.about.get("dataset", {}).get("train_names", corpus.train.names))
        if trained != set(corpus.train.names):
            notes.append(
                f"{name} learned from {len(trained)} pieces and is compared here with the {len(corpus.train)} training"
                " pieces of this split, which are others: what it has quoted from elsewhere is not found."
            )
        sampled.append(worlds[key].column(name, "run", nats, pieces))
    about = {
        "pieces": count,
        "length": length,
        "seed": seed,
        "options": {name: value if isinstance(value, (int, float, str)) else str(value)
                    for name, value in options.items()},
        "test_names": list(corpus.test.names),
    }  # fmt: skip
    return Card((*columns, *sampled), about, tuple(notes))


class _World:
    """Music as one encoding knows it: what the test pieces are like, and what was there to copy."""

    def __init__(self, encoding: Encoding, corpus: corpora.Split, length: int) -> None:
        def seen(scores, length=None) -> list[Score]:
            return [encoding.decode(encoding.encode(score)[:length]) for score in scores]

        self.test = seen(corpus.test.scores, length)
        self.statistics, self.other = measure(self.test), measure(seen(corpus.validation.scores, length))
        self.originality = Originality(seen(corpus.train.scores), corpus.train.names)

    def real(self, name: str) -> Column:
        return self._column(name, "real", None, self.test, self.statistics, self.other)

    def column(self, name: str, kind: str, nats: float | None, pieces: list[Score]) -> Column:
        statistics = measure(pieces)
        return self._column(name, kind, nats, pieces, statistics, statistics)

    def _column(self, name, kind, nats, pieces, statistics, compared) -> Column:
        alike = {key: likeness(self.statistics[key], compared[key]) for key in STATISTICS}
        seen = {length: self.originality.seen_share(pieces, length) for length in LENGTHS}
        return Column(name, kind, nats, statistics, alike, seen, self.originality.longest(pieces))


def _counted(run: Run, corpus: corpora.Split, world: _World, count: int, length: int, seed: int) -> Column:
    """Trains an n-gram on what the run was trained on, and makes its column."""
    transpositions = run.about.get("dataset", {}).get("transpositions", [0])
    train = (
        score for i in range(len(corpus.train))
        for score in corpus.train.take([i]).transposed(transpositions).scores
    )  # fmt: skip
    model = ngram.best_ngram(_ids(run, train), _ids(run, corpus.validation.scores or corpus.test.scores),
                             len(run.vocabulary), range(2, 5))  # fmt: skip
    pieces = model.generate(count, length, seed)
    scores = [run.encoding.decode(run.vocabulary.to_tokens(piece)) for piece in pieces]
    nats = model.nats_per_token(_ids(run, corpus.test.scores))
    return world.column(f"counting ({model.order} in a row)", "n-gram", nats, scores)


def _ids(run: Run, scores) -> Pieces:
    tokens = (run.encoding.encode(score) for score in scores)
    return Pieces.from_lists([START, *run.vocabulary.to_ids(t, allow_unknown=True), END] for t in tokens)


def _check(runs: Mapping[str, Run], corpus: corpora.Split) -> None:
    if not isinstance(corpus, corpora.Split):
        raise ValueError(f"card needs a split corpus, got {type(corpus).__name__}; give it corpus.split(music)")
    if not runs or not len(corpus.test):
        raise ValueError(f"card needs a run and a test piece at least, got {len(runs)} and {len(corpus.test)}")
    for name, run in runs.items():
        met = sorted(set(run.about.get("dataset", {}).get("train_names", ())) & set(corpus.test.names))
        if met:
            raise ValueError(
                f"the run {name!r} was trained on {len(met)} of these {len(corpus.test)} test pieces, such as"
                f" {met[0]!r}; split the corpus as it was split for that run, with the same shares and seed"
            )


def _notes(corpus: corpora.Split, count: int, length: int, options: dict) -> list[str]:
    rules = ", ".join(f"{name} {value}" for name, value in options.items() if name != "stop_at_end") or "temperature 1"
    return [
        f"Real music is {len(corpus.test)} pieces that nothing was learned from; each other column is {count} pieces"
        f" that were composed from the start ({rules}). All end after {length} tokens, if not before.",
        "In brackets stands the overlap with real music in that row: 100% where its pieces lie among the real ones as"
        " real ones do, 0% where no piece does. In the column of real music it is that of other real pieces, the most"
        " to be hoped for.",
        "Counting is a table of which token followed which: what a network must beat to have learned more than that.",
        "Known notes and long quotations are normal as far as real music has them too, and copying beyond that. They"
        " are looked for in every key and octave.",
    ]
