"""Generating pieces from a run, a primer, a source and sampling rules."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import numpy as np

from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN
from musiclib.models.latent import latent_vectors
from musiclib.sampling import compiled_loop, copying
from musiclib.sampling.primers import check_latents, check_run, music_ids, primer_ids, source_ids
from musiclib.sampling.rules import Rules, check_whole
from musiclib.score import Score

_LENGTH = 200  # tokens of a piece by default


def generate(
    run,
    count: int = 1,
    length: int | None = None,
    primer: Score | str | os.PathLike | Sequence[str] | np.ndarray | None = None,
    include_primer: bool = True,
    source: Score | str | os.PathLike | None = None,
    latents: np.ndarray | None = None,
    seed: int | None = None,
    **rules,
) -> list[Score]:
    """Generates new pieces.

    Args:
        run: a trained ``training.Run``.
        count: number of pieces, generated as one batch.
        length: tokens of each piece, after the primer; None for 200, or of a run with a latent vector the whole phrase.
        primer: what to continue: None for the start of a piece; a token, a list of tokens or an array of ids
            (``random_window``, ``random_notes``); a Score; or the path of a music file.
        include_primer: whether the pieces begin with the primer.
        source: of a conditional run: a Score, or the path of a music file.
        latents: of a run with a latent vector: (count, latent); None draws them from the prior. Its pieces end by
            themselves.
        seed: makes the pieces repeatable.
        **rules: sampling rules such as ``temperature`` and ``top_p``; see ``sampling.Rules``.

    Returns:
        One Score for each piece.

    Raises:
        ValueError: at an invalid option or token.
        FileNotFoundError: where the primer is neither a token nor a file.
    """
    check_run(run)
    ids, tokens = primer_ids(run, primer)
    condition = _condition(run, count, source, latents, seed)
    pieces = _generate(run, count, length, ids, condition, seed, Rules(**rules))
    start = tokens if include_primer else []
    return [run.encoding.decode([*start, *run.vocabulary.to_tokens(piece)]) for piece in pieces]


def generate_ids(
    run,
    count: int = 1,
    length: int | None = None,
    primer: np.ndarray | None = None,
    source: np.ndarray | None = None,
    latents: np.ndarray | None = None,
    seed: int | None = None,
    **rules,
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
        **rules: sampling rules such as ``temperature`` and ``top_p``; see ``sampling.Rules``.

    Returns:
        One int32 array for each piece, without the primer.

    Raises:
        ValueError: at an invalid value.
    """
    check_run(run)
    primer = music_ids(run, [] if primer is None else primer)
    condition = _condition(run, count, source, latents, seed)
    return _generate(run, count, length, primer, condition, seed, Rules(**rules))


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


def _generate(
    run,
    count: int,
    length: int | None,
    primer: np.ndarray,
    condition: np.ndarray | None,
    seed: int | None,
    rules: Rules,
) -> list[np.ndarray]:
    """Generates ids; the primer and the condition are already checked."""
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
    ends = rules.stop_at_end or run.model.latent_size is not None  # a phrase has its length
    barred = (PADDING, START, UNKNOWN, *(() if ends else (END,)), *source_only)
    generated = compiled_loop.run(run.model, rules, guard, barred, count, length, primer, condition, seed)
    return [piece[: np.argmax(piece == END)] if END in piece else piece for piece in generated]


def _source_only(run) -> tuple[int, ...]:
    """Returns the ids of tokens that occur only in sources."""
    if run.source_encoding in (None, run.encoding):
        return ()
    tokens = enumerate(run.vocabulary.tokens[len(RESERVED) :], start=len(RESERVED))
    return tuple(i for i, token in tokens if not run.encoding.knows(token))
