"""Generating pieces from a run, a primer, a source and sampling rules."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN
from musiclib.models.latent import latent_vectors
from musiclib.sampling import compiled_loop, copying
from musiclib.sampling.choosing import CANDIDATES, choose
from musiclib.sampling.constraints import Constraints, Generated
from musiclib.sampling.primers import check_latents, check_run, music_ids, primer_ids, source_ids
from musiclib.sampling.rules import Rules, check_whole, is_number, rules_of
from musiclib.score import Score
from musiclib.score.instruments import INSTRUMENTS, program

_LENGTH = 200  # tokens of a piece by default


class Sampled(NamedTuple):
    """Generated ids.

    Attributes:
        pieces: the ids of each piece, (n,) int32, without the primer.
        nats: -log P of each piece by the network's own logits, (count,).
        costs: of the constraints of each piece.
        end: where they end, and ``alone``, how their last chord sounds; see ``constraints.Prepared``.
    """

    pieces: list[np.ndarray]
    nats: np.ndarray
    costs: list[dict[str, float]]
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
    tempo: float | None = None,
    instrument: str | int | None = None,
    **options,
) -> Generated:
    """Generates new pieces.

    Args:
        run: a trained ``training.Run``.
        count: number of pieces, generated as one batch.
        length: most tokens of each piece, after the primer; None for 200, or as many as ``bars`` need, or of a run with
            a latent vector the whole phrase.
        primer: what to continue: None for the start of a piece; a token, a list of tokens or an array of ids
            (``random_window``, ``random_notes``); a Score; or the path of a music file.
        include_primer: whether the pieces begin with the primer.
        source: of a conditional run: a Score, or the path of a music file.
        latents: of a run with a latent vector: (count, latent); None draws them from the prior. Its pieces end by
            themselves.
        seed: makes the pieces repeatable.
        tempo: of the pieces, in quarter notes per minute; None for that of the encoding.
        instrument: of all parts: a General MIDI name such as ``"Violin"``, or program; None for the encoding's.
        **options: sampling rules such as ``temperature`` and ``top_p``, see ``sampling.Rules``; and constraints such as
            ``bars=16``, ``key="D minor"`` and ``cadence=True``, see ``sampling.Constraints``.

    Returns:
        One Score for each piece, in a list whose ``costs`` say what the constraints cost each, in nats.

    Raises:
        ValueError: at an invalid option or token, or constraints that the run's tokens cannot fulfil.
        FileNotFoundError: where the primer is neither a token nor a file.
    """
    check_run(run)
    changes = _changes(tempo, instrument)
    ids, tokens = primer_ids(run, primer)
    rules, constraints = _divided(options)
    start = tokens if include_primer else []
    several = constraints.loop or constraints.key is not None
    candidates = count * CANDIDATES if several else count
    if several and latents is not None:
        latents = np.repeat(check_latents(run, latents, count), CANDIDATES, axis=0)
    condition = _condition(run, candidates, source, latents, seed)
    sampled = _sample(run, candidates, length, ids, start, condition, seed, rules, constraints)
    scores = [run.encoding.decode([*start, *run.vocabulary.to_tokens(piece)]) for piece in sampled.pieces]
    scores, costs = [constraints.finish(score, sampled.end, sampled.alone) for score in scores], sampled.costs
    if several:
        scores, costs = choose(run, sampled.pieces, scores, costs, ids if include_primer else ids[:0], constraints)
    return Generated([_played(score, changes) for score in scores], costs)


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
        length: tokens of each piece; None for 200, or of a run with a latent vector the whole phrase.
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
    rules, constraints = _divided(options)
    if constraints.loop:
        raise ValueError("generate_ids takes no loop, which needs music; use sampling.generate")
    return _sample(run, count, length, primer, [], condition, seed, rules, constraints).pieces


def generate_targets(run, count: int, length: int, source: np.ndarray, seed: int | None, **rules) -> Sampled:
    """Generates ids from a source, (n,), of a conditional run, with their likelihoods."""
    condition = _condition(run, count, source, None, seed)
    return _sample(run, count, length, np.zeros(0, np.int32), [], condition, seed, rules_of(rules), Constraints())


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
) -> Sampled:
    """Generates ids; the primer and the condition are already checked."""
    given = length
    if length is None:
        length = max(run.model.length - len(primer), 1) if run.model.latent_size else _LENGTH
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
    ends = rules.stop_at_end or run.model.latent_size is not None or constraints.bars  # a phrase has its length
    barred = (PADDING, START, UNKNOWN, *(() if ends else (END,)), *source_only)
    prepared = constraints.prepare(run, barred, start) if constraints != Constraints() else None
    if constraints.bars and given is None:
        length = prepared.longest
    limits = prepared and prepared.limits
    generated, nats, costs = compiled_loop.run(
        run.model, rules, guard, barred, count, length, primer, condition, seed, limits
    )
    pieces = [piece[: np.argmax(piece == END)] if END in piece else piece for piece in generated]
    costs = [prepared.costs(stages) if prepared else {} for stages in costs]
    if not constraints.bars:
        return Sampled(pieces, nats, costs)
    if any(END not in piece for piece in generated):
        raise ValueError(
            f"a piece had not filled its {constraints.bars} bars after {length} tokens; give a larger length, or lower"
            " the temperature"
        )
    return Sampled([prepared.close(piece) for piece in pieces], nats, costs, prepared.end, prepared.alone)


def _divided(options: dict) -> tuple[Rules, Constraints]:
    """Divides options into sampling rules and constraints."""
    constraints = {name: options.pop(name) for name in [*options] if name in Constraints.__dataclass_fields__}
    return rules_of(options, [*Constraints.__dataclass_fields__]), Constraints(**constraints)


def _changes(tempo: float | None, instrument: str | int | None) -> dict:
    """Checks a tempo and an instrument, and returns the fields of a Score that they change."""
    if tempo is not None and not (is_number(tempo) and 1 <= tempo <= 1000):
        raise ValueError(f"tempo must be from 1 to 1000 quarter notes per minute, got {tempo!r}")
    changes = {} if tempo is None else {"tempos": ((0.0, float(tempo)),)}
    return changes if instrument is None else {**changes, "program": program(instrument)}


def _played(score: Score, changes: dict) -> Score:
    """Returns a piece with another tempo or instrument; a single part is named after it."""
    fields = dict(changes)
    if "program" in fields:
        number, parts = fields.pop("program"), len(score.part_names)
        fields["programs"] = (number,) * parts
        fields |= {"part_names": (INSTRUMENTS[number],)} if parts == 1 else {}
    return score.replace(**fields)


def _source_only(run) -> tuple[int, ...]:
    """Returns the ids of tokens that occur only in sources."""
    if run.source_encoding in (None, run.encoding):
        return ()
    tokens = enumerate(run.vocabulary.tokens[len(RESERVED) :], start=len(RESERVED))
    return tuple(i for i, token in tokens if not run.encoding.knows(token))
