"""The comparison: real music, counting and every run, side by side on one card.

Everything is compared as the encoding knows it: held-out pieces are encoded, cut to the length of what
is generated, and decoded, so that no difference is one that no network could help.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tqdm.auto import tqdm

from musiclib import sampling
from musiclib.corpus import Split
from musiclib.dataset import Pieces
from musiclib.dataset.pieces import from_start_to_end
from musiclib.encodings import Encoding
from musiclib.evaluation.distances import chance_of_overlap, likeness
from musiclib.evaluation.likelihood import nats_per_token
from musiclib.evaluation.ngram import NGram, best_ngram
from musiclib.evaluation.originality import Originality
from musiclib.evaluation.report import LENGTHS, Card, Column
from musiclib.evaluation.statistics import STATISTICS, measure
from musiclib.sampling.primers import check_run
from musiclib.score import Score
from musiclib.training import Run


def card(
    runs: Mapping[str, Run],
    split: Split,
    count: int | None = None,
    length: int = 200,
    seed: int = 0,
    progress: bool = True,
    **options,
) -> Card:
    """Evaluates runs on the test pieces of a split split.

    Runs of one encoding and vocabulary make a group, and each group has three kinds of column: the test pieces
    themselves, which are the yardstick; an n-gram that learned from the same training pieces, in the
    transpositions of the group's first run; and the runs. Nats per token are compared within a group alone.
    Pieces are composed from the start. The likeness in the column of real music is that of the validation
    pieces: what other real music reaches.

    Args:
        runs: a name for the table, and the run.
        split: the split corpus that the runs were trained with; ``corpus.split(music)``.
        count: pieces to compose; as many as there are test pieces where None.
        length: tokens a piece, at most; real pieces are cut to as many.
        seed: of what is composed; the same seed makes the same card.
        progress: show a bar, with what is being measured.
        **options: see ``sampling.generate_ids``; for example ``temperature`` or ``avoid_copying``.

    Raises:
        ValueError: where there is no run or no test piece, or a run was trained on one of them.
    """
    _check(runs, split, count, length)
    count = count or len(split.test)
    options = {"stop_at_end": True, **options}
    groups: dict[tuple[Encoding, tuple[str, ...]], dict[str, Run]] = {}
    for name, run in runs.items():
        groups.setdefault((run.encoding, run.vocabulary.tokens), {})[name] = run
    columns = _columns(groups, split, count, length, seed, options)
    steps = 2 * len(groups) + len(runs)
    columns = tuple(tqdm(columns, "the card", steps, unit="column", disable=not progress))
    about = {
        "test_pieces": list(split.test.names),
        "composed_pieces": count,
        "tokens_a_piece": length,
        "seed": seed,
        **{
            name: value if isinstance(value, (int, float, type(None))) else str(value)
            for name, value in options.items()
        },
    }
    return Card(columns, about, tuple(_notes(runs, split, len(groups), about, options)))


def _columns(groups: Mapping, split: Split, count: int, length: int, seed: int, options: dict) -> Iterator[Column]:
    """Yields the columns of the card, group after group, each when it is measured."""
    measures = {}
    for tokens, (encoding, _), group in zip(_names(groups), groups, groups.values(), strict=True):
        first = next(iter(group.values()))
        if encoding not in measures:
            measures[encoding] = _Measure(encoding, split, length)
        measure_of = measures[encoding]
        ending = f" ({tokens})" if len(groups) > 1 else ""
        yield measure_of.real_column(f"real music{ending}", tokens)
        counted = _count(first, split)
        pieces = [_score(first, ids) for ids in counted.generate(count, length, seed)]
        nats = counted.nats_per_token(_ids(first, split.test.scores))
        yield measure_of.column(f"counting{ending}", "n-gram", tokens, nats, pieces)
        for name, run in group.items():
            nats = None if _learned_elsewhere(run, split) else nats_per_token(run, _ids(run, split.test.scores))
            pieces = sampling.generate(run, count, length, seed=seed, **options)
            yield measure_of.column(name, "run", tokens, nats, pieces)


class _Measure:
    """Measures music as one encoding knows it against the test pieces, and against what was there to copy."""

    def __init__(self, encoding: Encoding, split: Split, length: int) -> None:
        def known(scores: Iterable[Score], length: int | None = None) -> list[Score]:
            return [encoding.decode(encoding.encode(score)[:length]) for score in scores]

        self.test = known(split.test.scores, length)
        self.statistics = measure(self.test)
        self.other = measure(known(split.validation.scores, length))
        self.originality = Originality(known(split.train.scores), split.train.names)

    def real_column(self, name: str, tokens: str) -> Column:
        return self._column(name, "real", tokens, None, self.test, self.statistics, self.other)

    def column(self, name: str, kind: str, tokens: str, nats: float, pieces: list[Score]) -> Column:
        statistics = measure(pieces)
        return self._column(name, kind, tokens, nats, pieces, statistics, statistics)

    def _column(self, name, kind, tokens, nats, pieces, statistics, compared) -> Column:
        alike = {key: likeness(self.statistics[key], compared[key]) for key in STATISTICS}
        seen = {length: self.originality.seen_share(pieces, length) for length in LENGTHS}
        chance, longest = chance_of_overlap(self.statistics, compared), self.originality.longest(pieces)
        return Column(name, kind, tokens, nats, statistics, alike, chance, seen, longest, pieces)


def _names(groups: Iterable[tuple]) -> list[str]:
    """Returns a name for the tokens of each group: the encoding's, numbered where two groups share it."""
    names = []
    for encoding, _ in groups:
        same = sum(name.split()[0] == encoding.name for name in names)
        names.append(f"{encoding.name} {same + 1}" if same else encoding.name)
    return names


def _count(run: Run, split: Split) -> NGram:
    """Counts what the run was trained on; the order is the one that predicts the validation pieces best."""
    transpositions = run.about.get("dataset", {}).get("transpositions", [0])
    # One piece after the other: in twelve keys at once, a large corpus would fill the memory.
    train = (
        score for i in range(len(split.train))
        for score in split.train.take([i]).transposed(transpositions).scores
    )  # fmt: skip
    chosen_by = split.validation.scores or split.train.scores
    return best_ngram(_ids(run, train), _ids(run, chosen_by), len(run.vocabulary), range(2, 5))


def _ids(run: Run, scores: Iterable[Score]) -> Pieces:
    tokens = (run.encoding.encode(score) for score in scores)
    return Pieces.from_lists(from_start_to_end(run.vocabulary.to_ids(t, allow_unknown=True)) for t in tokens)


def _score(run: Run, ids) -> Score:
    return run.encoding.decode(run.vocabulary.to_tokens(ids))


def _check(runs: Mapping[str, Run], split: Split, count, length) -> None:
    if not isinstance(runs, Mapping):
        raise ValueError(f"card needs its runs by name, got {type(runs).__name__}; give it {{'my run': run}}")
    if not isinstance(split, Split):
        raise ValueError(f"card needs a split corpus, got {type(split).__name__}; give it corpus.split(music)")
    if not runs or not len(split.test):
        raise ValueError(f"card needs a run and a test piece at least, got {len(runs)} and {len(split.test)}")
    for name, value in (("count", count), ("length", length)):
        if value is not None and not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{name} must be a whole number of at least 1, got {value}")
    for name, run in runs.items():
        check_run(run)
        if run.source_encoding is not None:
            raise ValueError(
                f"the run {name!r} answers to a source, and a card compares what composes by itself; leave it out"
            )
        met = sorted(_learned_from(run) & set(split.test.names))
        if met:
            raise ValueError(
                f"the run {name!r} was trained on {len(met)} of these {len(split.test)} test pieces, such as"
                f" {met[0]!r}; split the corpus as it was split for that run, with the same shares and seed"
            )


def _learned_from(run: Run) -> set[str]:
    return set(run.about.get("dataset", {}).get("train_names", ()))


def _learned_elsewhere(run: Run, split: Split) -> bool:
    """Tells whether a run learned from pieces that the corpus does not name: it may have met any of the test pieces."""
    return not _learned_from(run) <= {*split.train.names, *split.validation.names}


def _notes(runs: Mapping[str, Run], split: Split, groups: int, about: dict, options: dict) -> Iterable[str]:
    rules = ", ".join(f"{name} {value}" for name, value in options.items() if name != "stop_at_end") or "temperature 1"
    yield (
        f"Pieces of real music, from which nothing was learned: {len(split.test)}. Pieces in each other column,"
        f" composed from the start ({rules}): {about['composed_pieces']}. All end after {about['tokens_a_piece']}"
        " tokens, if not before."
    )
    if len(split.test) < 3:
        yield "Overlaps and distances need three pieces of real music at least, and are left out."
    yield (
        "In brackets stands the overlap with real music in that row: 100% where its pieces lie among the real ones as"
        " real ones do, 0% where no piece does. In the column of real music it is that of other real pieces: nothing"
        " is to be hoped for beyond it, and where a figure lies above, that is chance."
    )
    yield "Counting is a table of which token followed which: what a network must beat to have learned more than that."
    yield (
        "Known notes and long quotations are normal as far as real music has them too, and copying beyond that. They"
        " are looked for in every key and octave."
    )
    if groups > 1:
        yield (
            "The runs write music as different tokens. Surprise is for each token, so it compares only within its own"
            " row; everything else is measured in notes, beside the real music that the same tokens give."
        )
    for name, run in runs.items():
        learned_from = _learned_from(run)
        if _learned_elsewhere(run, split):
            unnamed = len(learned_from - {*split.train.names, *split.validation.names})
            yield (
                f"{name} learned from {len(learned_from)} pieces, of which this corpus does not name {unnamed}. It may"
                " know a test piece by another name, so its surprise is left out; and what it quoted from elsewhere is"
                " not found."
            )
        elif learned_from and learned_from != set(split.train.names):
            yield (
                f"{name} learned from {len(learned_from)} pieces, and passages are looked up in the {len(split.train)}"
                " training pieces of this split, which are others."
            )
