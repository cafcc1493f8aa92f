"""The comparison of real music, the n-gram baseline and every run on one card.

Held-out pieces are encoded, cut to the length of the generated ones, and decoded again, so that losses of the encoding
do not count as differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from tqdm.auto import tqdm

from musiclib import config, sampling
from musiclib.corpus import Split
from musiclib.corpus.splitting import check_split
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
    """Evaluates runs on the test pieces of a split corpus.

    Runs with the same encoding and vocabulary form a group. Each group has three kinds of columns: the test pieces,
    as the reference; the n-gram baseline, trained on the same pieces in the transpositions of the group's first run;
    and the runs. Nats per token are comparable only within a group. Pieces are generated without a primer. The
    likeness in the column of real music is that of the validation pieces.

    Args:
        runs: each run by its name in the table.
        split: the split corpus that the runs were trained with; ``corpus.split(music)``.
        count: number of pieces to generate; None for as many as there are test pieces.
        length: maximum tokens per piece; real pieces are cut to the same length.
        seed: random seed of the generated pieces.
        progress: show a progress bar if it takes more than a few seconds.
        **options: see ``sampling.generate_ids``; for example ``temperature`` or ``avoid_copying``.

    Raises:
        ValueError: where there is no run or no test piece, or a run was trained on a test piece.
    """
    _check(runs, split, count, length)
    count = count or len(split.test)
    groups: dict[tuple[Encoding, tuple[str, ...]], dict[str, Run]] = {}
    for name, run in runs.items():
        groups.setdefault((run.encoding, run.vocabulary.tokens), {})[name] = run
    columns = _columns(groups, split, count, length, seed, progress, options)
    steps = 2 * len(groups) + len(runs)
    columns = tuple(tqdm(columns, "the card", steps, unit="column", delay=config.BAR_AFTER, disable=not progress))
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


def _columns(
    groups: Mapping, split: Split, count: int, length: int, seed: int, progress: bool, options: dict
) -> Iterator[Column]:
    """Yields the columns of the card, group by group."""
    measures = {}
    for tokens, (encoding, _), group in zip(_names(groups), groups, groups.values(), strict=True):
        first = next(iter(group.values()))
        if encoding not in measures:
            measures[encoding] = _Measure(encoding, split, length)
        measured = measures[encoding]
        suffix = f" ({tokens})" if len(groups) > 1 else ""
        yield measured.real_column(f"real music{suffix}", tokens)
        ngram = _ngram(first, split)
        pieces = [_score(first, ids) for ids in ngram.generate(count, length, seed)]
        nats = ngram.nats_per_token(_ids(first, split.test.scores))
        yield measured.column(f"counting{suffix}", "n-gram", tokens, nats, pieces)
        for name, run in group.items():
            comparable = run.model.has_likelihood and not _has_unknown_pieces(run, split)
            nats = nats_per_token(run, _ids(run, split.test.scores), progress=progress) if comparable else None
            pieces = [_score(run, ids) for ids in sampling.generate_ids(run, count, length, seed=seed, **options)]
            yield measured.column(name, "run", tokens, nats, pieces)


class _Measure:
    """Compares music of one encoding with the test pieces, and looks for passages of the training pieces."""

    def __init__(self, encoding: Encoding, split: Split, length: int) -> None:
        def decoded(scores: Sequence[Score]) -> list[Score]:
            examples = [tokens[:length] for score in scores for tokens in encoding.examples(score)]
            # Of an encoding of phrases as many as there are pieces, by chance.
            chosen = np.random.default_rng(0).permutation(len(examples))[: len(scores)]
            return [encoding.decode(examples[i]) for i in sorted(chosen.tolist())]

        self.test = decoded(split.test.scores)
        self.statistics = measure(self.test)
        self.other = measure(decoded(split.validation.scores))
        train = [encoding.decode(encoding.encode(score)) for score in split.train.scores]
        self.originality = Originality(train, split.train.names)

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
    """Returns the name of each group's encoding, numbered where groups share it."""
    names = []
    for encoding, _ in groups:
        same = sum(name.split()[0] == encoding.name for name in names)
        names.append(f"{encoding.name} {same + 1}" if same else encoding.name)
    return names


def _ngram(run: Run, split: Split) -> NGram:
    """Returns the n-gram baseline of the run's training pieces, of the order with the lowest validation loss."""
    transpositions = run.about.get("dataset", {}).get("transpositions", [0])
    # One piece at a time: a large corpus in twelve keys would not fit into memory.
    train = (
        score for i in range(len(split.train))
        for score in split.train.take([i]).transposed(transpositions).scores
    )  # fmt: skip
    chosen_by = split.validation.scores or split.train.scores
    return best_ngram(_ids(run, train), _ids(run, chosen_by), len(run.vocabulary), range(2, 5))


def _ids(run: Run, scores: Iterable[Score]) -> Pieces:
    tokens = (tokens for score in scores for tokens in run.encoding.examples(score))
    return Pieces.from_lists(from_start_to_end(run.vocabulary.to_ids(t, allow_unknown=True)) for t in tokens)


def _score(run: Run, ids) -> Score:
    return run.encoding.decode(run.vocabulary.to_tokens(ids))


def _check(runs: Mapping[str, Run], split: Split, count, length) -> None:
    if not isinstance(runs, Mapping):
        raise ValueError(f"card needs runs by name, got {type(runs).__name__}; pass {{'my run': run}}")
    check_split(split, "card")
    if not runs or not len(split.test):
        raise ValueError(f"card needs at least a run and a test piece, got {len(runs)} and {len(split.test)}")
    for name, value in (("count", count), ("length", length)):
        if value is not None and not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{name} must be a whole number of at least 1, got {value}")
    for name, run in runs.items():
        check_run(run)
        if run.source_encoding is not None:
            raise ValueError(
                f"the run {name!r} is conditional, and a card compares unconditional runs only; leave it out"
            )
        leaked = sorted(_train_names(run) & set(split.test.names))
        if leaked:
            raise ValueError(
                f"the run {name!r} was trained on {len(leaked)} of these {len(split.test)} test pieces, such as"
                f" {leaked[0]!r}; split the corpus as for that run, with the same shares and seed"
            )


def _train_names(run: Run) -> set[str]:
    return set(run.about.get("dataset", {}).get("train_names", ()))


def _has_unknown_pieces(run: Run, split: Split) -> bool:
    """Returns whether a run was trained on pieces that are not in the split: test pieces may be among them."""
    return not _train_names(run) <= {*split.train.names, *split.validation.names}


def _notes(runs: Mapping[str, Run], split: Split, groups: int, about: dict, options: dict) -> Iterable[str]:
    own = {name: run.config.sampling for name, run in runs.items() if run.config.sampling}
    rules = [f"{name} {value}" for name, value in options.items()] or ["temperature 1"]
    rules += [f"{name} by its own {', '.join(f'{rule} {value}' for rule, value in own[name].items())}" for name in own]
    yield (
        f"Held-out pieces of real music: {len(split.test)}. Generated pieces in each other column, without a primer"
        f" ({'; '.join(rules)}): {about['composed_pieces']}. All are cut after {about['tokens_a_piece']} tokens."
    )
    if len(split.test) < 3:
        yield "Overlaps and distances need three pieces of real music at least, and are left out."
    yield (
        "The overlap with real music in a row is given in brackets: from 0%, nothing in common, to 100%, the same"
        " distribution. In the column of real music it is that of other real pieces, the best value to expect; higher"
        " ones are chance."
    )
    yield "Counting is the n-gram baseline: a network must beat it to have learned more than which token follows which."
    yield (
        "Real music has known notes and long quotations too; what exceeds its values is copying. They are searched for"
        " in every key and octave."
    )
    if groups > 1:
        yield (
            "The runs have different tokens. Surprise is per token, so it is comparable only within its own row;"
            " everything else is measured in notes, next to real music in the same tokens."
        )
    for name, run in runs.items():
        train_names = _train_names(run)
        if _has_unknown_pieces(run, split):
            unnamed = len(train_names - {*split.train.names, *split.validation.names})
            yield (
                f"{name} learned from {len(train_names)} pieces, of which this corpus does not name {unnamed}. They may"
                " include a test piece under another name, so its surprise is left out; quotations from them are not"
                " found."
            )
        elif train_names and train_names != set(split.train.names):
            yield (
                f"{name} learned from {len(train_names)} pieces, and passages are looked up in the {len(split.train)}"
                " training pieces of this split, which are not the same."
            )
