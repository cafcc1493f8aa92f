"""Generating pieces from a run, a primer, a source and sampling rules."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from musiclib.encodings.ids import with_vocabulary
from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN
from musiclib.models.latent import latent_vectors
from musiclib.sampling import compiled_loop, copying
from musiclib.sampling.choosing import CANDIDATES, choose
from musiclib.sampling.constraints import Constraints, Generated
from musiclib.sampling.marking import Marking, marking
from musiclib.sampling.primers import check_latents, check_run, music_ids, opened, opened_primer, primer_ids, source_ids
from musiclib.sampling.rules import Rules, check_whole, rules_of
from musiclib.score import Score

_MOST = 4096  # tokens of a piece whose length nobody gives, at most; and of a run that does not know its longest piece:
_LENGTH = 1000


class Sampled(NamedTuple):
    """Generated ids.

    Attributes:
        pieces: the ids of each piece, (n,) int32, without the primer.
        nats: -log P of each piece by the network's own logits, (count,).
        costs: of the constraints of each piece.
        ended: whether the network ended each piece, within its length.
        end: where they end, and ``alone``, how their last chord sounds; see ``constraints.Prepared``.
    """

    pieces: list[np.ndarray]
    nats: np.ndarray
    costs: list[dict[str, float]]
    ended: list[bool]
    end: float | None = None
    alone: bool = False


def generate(
    run,
    count: int = 1,
    length: int | None = None,
    primer: Score | str | os.PathLike | Sequence[str] | np.ndarray | None = None,
    include_primer: bool = True,
    source: Score | str | os.PathLike | None = None,
    latents: np.ndarray | None = None,
    seed: int | None = None,
    seconds: float | None = None,
    tempo: float | None = None,
    instrument: str | int | None = None,
    time_signature: str | None = None,
    **options,
) -> Generated:
    """Generates new pieces.

    Each ends where the network ends it. What its tokens do not say (tempo, time signature, dynamics, instruments) is
    that of the primer or the source, or else what is typical of the run's training pieces; the key is estimated.

    Args:
        run: a trained ``training.Run``.
        count: number of pieces, generated as one batch.
        length: most tokens of each piece, after the primer; None for as many as the run's longest training piece has,
            up to 4,096. Not with ``bars`` or ``seconds``.
        primer: what to continue: None for the start of a piece; a token, a list of tokens or an array of ids
            (``random_window``, ``random_notes``); a Score; or the path of a music file.
        include_primer: whether the pieces begin with the primer.
        source: of a conditional run: a Score, or the path of a music file.
        latents: of a run with a latent vector: (count, latent); None draws them from the prior.
        seed: makes the pieces repeatable.
        seconds: how long the new music is: as many whole bars as come nearest, after those that the primer has begun.
        tempo: in quarter notes per minute; None for the inherited one.
        instrument: of all parts: a General MIDI name such as ``"Violin"``, or program; None for the inherited one.
        time_signature: such as ``"3/4"``; None for the inherited one, and for ``bars`` 4/4 where there is none.
        **options: sampling rules such as ``temperature`` and ``top_p``, see ``sampling.Rules``, by default those of the
            run (``run.config.sampling``); and constraints such as ``bars=16``, ``key="D minor"`` and ``cadence=True``,
            see ``sampling.Constraints``.

    Returns:
        One Score for each piece, in a list whose ``costs`` say what the constraints cost each, in nats, and ``ended``
        whether the network ended it.

    Raises:
        ValueError: at an invalid option or token, or constraints that the run's tokens cannot fulfil.
        FileNotFoundError: where the primer is neither a token nor a file.
    """
    check_run(run)
    primer, source = opened_primer(run, primer), opened(source)
    marks = marking(run, primer, include_primer, source, tempo, instrument, time_signature)
    ids, tokens = primer_ids(run, primer)
    start = tokens if include_primer else []
    options = _in_bars(run, options, marks, seconds, run.encoding.decode(start).end)
    rules, constraints = _divided(run, options)
    total = None
    if constraints.bars:
        marks, total = marks._replace(in_bars=True), marks.total(constraints.bars)
    several = constraints.loop or constraints.key is not None
    candidates = count * CANDIDATES if several else count
    if several and latents is not None:
        latents = np.repeat(check_latents(run, latents, count), CANDIDATES, axis=0)
    condition = _condition(run, candidates, source, latents, seed)
    sampled = _sample(run, candidates, length, ids, start, condition, seed, rules, constraints, total)
    scores = [run.encoding.decode([*start, *run.vocabulary.to_tokens(piece)]) for piece in sampled.pieces]
    scores = [constraints.finish(score, sampled.end, sampled.alone) for score in scores]
    chosen, costs = range(count), sampled.costs
    if several:
        chosen, costs = choose(run, sampled.pieces, scores, costs, ids if include_primer else ids[:0], constraints)
    if start and not all(len(sampled.pieces[i]) for i in chosen):
        warnings.warn(
            "the network ended a piece with the primer and added nothing; give bars= or stop_at_end=False, or a primer"
            " that does not end a piece",
            stacklevel=2,
        )
    cut = sum(not sampled.ended[i] for i in chosen)
    if cut and rules.stop_at_end and length is None and not _has_one_length(run):
        warnings.warn(
            f"{cut} of {count} piece{'s' * (count > 1)} did not end within the length of the longest training piece and"
            " stops there; ask for bars= or seconds=, lower the temperature, or train the network longer",
            stacklevel=2,
        )
    return Generated([marks.apply(scores[i]) for i in chosen], costs, [sampled.ended[i] for i in chosen])


def generate_ids(
    run,
    count: int = 1,
    length: int | None = None,
    primer: np.ndarray | None = None,
    source: np.ndarray | None = None,
    latents: np.ndarray | None = None,
    seed: int | None = None,
    **options,
) -> list[np.ndarray]:
    """Generates ids; ``generate`` turns them into music.

    Args:
        run: a trained ``training.Run``.
        count: number of pieces, generated as one batch.
        length: most tokens of each piece; see ``generate``.
        primer: (n,) ids to continue; None for the start of a piece.
        source: (n,) ids, of a conditional run.
        latents: (count, latent), of a run with a latent vector; None draws them from the prior.
        seed: makes the pieces repeatable.
        **options: sampling rules and constraints, as in ``generate``, except ``loop``.

    Returns:
        One int32 array for each piece, without the primer.

    Raises:
        ValueError: at an invalid value.
    """
    check_run(run)
    primer = music_ids(run, [] if primer is None else primer)
    condition = _condition(run, count, source, latents, seed)
    rules, constraints = _divided(run, options)
    if constraints.loop:
        raise ValueError("generate_ids takes no loop, which needs music; use sampling.generate")
    pieces = _sample(run, count, length, primer, [], condition, seed, rules, constraints).pieces
    return [with_vocabulary(piece, run.vocabulary.fingerprint) for piece in pieces]


def generate_targets(run, count: int, length: int, source: np.ndarray, seed: int | None, **rules) -> Sampled:
    """Generates ids from a source, (n,), of a conditional run, with their likelihoods."""
    condition = _condition(run, count, source, None, seed)
    return _sample(run, count, length, np.zeros(0, np.int32), [], condition, seed, rules_of(run, rules), Constraints())


def _condition(run, count: int, source, latents: np.ndarray | None, seed: int | None) -> np.ndarray | None:
    """Checks the count and the seed, and returns what the pieces are conditioned on: a source or latent vectors."""
    check_whole("count", count, 1)
    if seed is not None:
        check_whole("seed", seed, 0)
    source = source_ids(run, source)
    if run.model.latent_size is None and latents is not None:
        raise ValueError("this run has no latent vectors; leave latents out")
    if run.model.latent_size is None:
        return source
    if latents is None:
        return latent_vectors(run.model.latent_size, count, seed)
    return check_latents(run, latents, count)


def _sample(
    run,
    count: int,
    length: int | None,
    primer: np.ndarray,
    start: Sequence[str],
    condition: np.ndarray | None,
    seed: int | None,
    rules: Rules,
    constraints: Constraints,
    total: float | None = None,
) -> Sampled:
    """Generates ids; the primer and the condition are already checked, and ``total`` is the length of the bars."""
    if constraints.bars and length is not None:
        raise ValueError(
            f"bars and seconds determine the length of a piece; leave length={length!r} out, or both of them"
        )
    if length is not None:
        check_whole("length", length, 1)
    context = run.model.context_length
    if context is not None and len(primer) > context:
        warnings.warn(
            f"the primer has {len(primer)} tokens and this network has a context_length of {context}: only the last"
            f" {context} influence the first generated tokens",
            stacklevel=3,
        )
    source_only = _source_only(run)
    guard = copying.checked(rules.avoid_copying, run.vocabulary, len(RESERVED) + len(source_only))
    pace = getattr(run.model, "pace", None)  # with one, the source determines the length
    ends = rules.stop_at_end and pace is None or run.model.latent_size is not None or constraints.bars
    barred = (PADDING, START, UNKNOWN, *(() if ends else (END,)), *source_only)
    prepared = constraints.prepare(run, barred, start, total) if constraints != Constraints() else None
    if constraints.bars:
        length = prepared.longest
    elif length is None:
        length = _longest(run, primer, condition)
    limits = prepared and prepared.limits
    generated, nats, costs = compiled_loop.run(
        run.model, rules, guard, barred, count, length, primer, condition, seed, limits
    )
    pieces = [piece[: np.argmax(piece == END)] if END in piece else piece for piece in generated]
    costs = [prepared.costs(stages) if prepared else {} for stages in costs]
    ended = [END in piece for piece in generated]
    if not constraints.bars:
        return Sampled(pieces, nats, costs, ended)
    if not all(ended):
        raise ValueError(
            f"a piece had not filled its {constraints.bars} bars after {length} tokens; lower the temperature, or give"
            " a top_p such as 0.95"
        )
    return Sampled([prepared.close(piece) for piece in pieces], nats, costs, ended, prepared.end, prepared.alone)


def _longest(run, primer: np.ndarray, condition: np.ndarray | None) -> int:
    """Returns the most tokens of a piece whose length nobody gives."""
    if run.model.latent_size:
        return max(run.model.length - len(primer), 1)
    if getattr(run.model, "pace", None) is not None:
        return max(run.model.pace * len(condition) - len(primer), 1)
    longest = run.typical.get("longest", _LENGTH - 1)
    return min(longest + 1, _MOST)  # and the token of the end


def _has_one_length(run) -> bool:
    """Returns whether the network or the source determines the length of a piece."""
    return bool(run.model.latent_size) or getattr(run.model, "pace", None) is not None


def _in_bars(run, options: dict, marks: Marking, seconds: float | None, begun: float) -> dict:
    """Returns the options with the number of bars that fill a duration, and the time signature of bars.

    ``begun`` is the length of the primer, in quarter lengths.
    """
    bars = options.get("bars")
    if bars is not None and seconds is not None:
        raise ValueError(f"give either bars or seconds, got bars={bars!r} and seconds={seconds!r}")
    if seconds is not None and _has_one_length(run):
        length = "this run makes phrases of one length" if run.model.latent_size else "the source determines the length"
        raise ValueError(f"{length}; leave seconds={seconds!r} out")
    if seconds is not None:
        bars = marks.bars(seconds, begun)
    if bars is not None:
        return {**options, "bars": bars, "time_signature": "{}/{}".format(*marks.metre)}
    if marks.time_signature is not None and "time_signature" in marks.keeps:
        raise ValueError("this run writes time signatures itself, in phrases of some bars; give bars= too")
    return options


def _divided(run, options: dict) -> tuple[Rules, Constraints]:
    """Divides options into sampling rules and constraints."""
    constraints = {name: value for name, value in options.items() if name in Constraints.__dataclass_fields__}
    rules = {name: value for name, value in options.items() if name not in constraints}
    return rules_of(run, rules, [*Constraints.__dataclass_fields__]), Constraints(**constraints)


def _source_only(run) -> tuple[int, ...]:
    """Returns the ids of tokens that occur only in sources."""
    if run.source_encoding in (None, run.encoding):
        return ()
    tokens = enumerate(run.vocabulary.tokens[len(RESERVED) :], start=len(RESERVED))
    return tuple(i for i, token in tokens if not run.encoding.knows(token))
