"""Sampling: from a trained run to new music.

Each rule that shapes the choice of the next token is one small function over logits.
``generate`` steps the network through one compiled loop, all pieces at once, on every
Keras backend; the random numbers come from NumPy, so that a seed means the same on each.
"""

from __future__ import annotations

import functools
import os
import pathlib
import warnings
import weakref
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from musiclib import readers
from musiclib.pieces import Pieces
from musiclib.score import Score
from musiclib.vocabulary import END, PADDING, RESERVED, START, UNKNOWN, Vocabulary

_NEVER = -1e9  # a logit that is never sampled
_PENALTY_WINDOW = 32  # tokens back that a repetition is counted in; over a whole piece, every token is one


def temperature(logits, value):
    """Divides logits by a temperature: below 1 the likely tokens gain, above 1 the others.

    Args:
        logits: (batch, vocabulary).
        value: above 0.
    """
    return logits / value


def top_k(logits, k: int):
    """Keeps the ``k`` likeliest tokens of each row, and ties with the last of them; (batch, vocabulary)."""
    smallest = ops.top_k(logits, k=min(k, logits.shape[-1]))[0][:, -1:]
    return ops.where(logits < smallest, _NEVER, logits)


def top_p(logits, p):
    """Keeps the fewest likely tokens whose probabilities add up to at least ``p``; (batch, vocabulary).

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020).
    """
    ordered = -ops.sort(-logits, axis=-1)
    probabilities = ops.softmax(ordered, axis=-1)
    before = ops.cumsum(probabilities, axis=-1) - probabilities
    smallest = ops.min(ops.where(before < p, ordered, -_NEVER), axis=-1, keepdims=True)
    return ops.where(logits < smallest, _NEVER, logits)


def repetition_penalty(logits, recent, penalty):
    """Makes tokens that were played lately less likely.

    Args:
        logits: (batch, vocabulary).
        recent: (batch, n) ids; padding counts for nothing.
        penalty: 1 changes nothing; above 1 divides positive logits and multiplies negative ones.

    Source: Keskar et al., "CTRL" (2019), here over the last tokens instead of all.
    """
    heard = ops.max(ops.one_hot(recent, logits.shape[-1], dtype=logits.dtype), axis=1)
    heard = heard * ops.cast(ops.arange(logits.shape[-1]) != PADDING, logits.dtype)
    penalised = ops.where(logits > 0, logits / penalty, logits * penalty)
    return ops.where(heard > 0, penalised, logits)


def choose(logits, uniform):
    """Draws a token of each row by its probability.

    Args:
        logits: (batch, vocabulary).
        uniform: (batch,) random numbers in [0, 1).

    Returns:
        int32, (batch,).
    """
    cumulative = ops.cumsum(ops.softmax(logits, axis=-1), axis=-1)
    # Scaled by the last sum: rounding leaves it a little beside 1, and no draw may fall past it.
    drawn = ops.sum(ops.cast(cumulative <= uniform[:, None] * cumulative[:, -1:], "int32"), axis=-1)
    return ops.minimum(drawn, logits.shape[-1] - 1)


def random_window(pieces: Pieces, length: int, seed: int | None = None) -> np.ndarray:
    """Returns ``length`` ids from a random place of a random piece, to use as a primer.

    Raises:
        ValueError: where every piece is shorter.
    """
    long_enough = [piece for piece in pieces if len(piece) >= length + 2]
    if not long_enough:
        raise ValueError(f"no piece has {length} tokens; ask for a shorter window")
    rng = np.random.default_rng(seed)
    piece = long_enough[rng.integers(len(long_enough))]
    start = rng.integers(1, len(piece) - length)
    return np.array(piece[start : start + length])


def random_notes(vocabulary: Vocabulary, length: int, seed: int | None = None) -> np.ndarray:
    """Returns ``length`` ids drawn evenly from the vocabulary, to use as a primer."""
    return np.random.default_rng(seed).integers(len(RESERVED), len(vocabulary), length, dtype=np.int32)


def generate(
    run,
    count: int = 1,
    length: int = 200,
    primer: Score | str | os.PathLike | Sequence[str] | np.ndarray | None = None,
    include_primer: bool = True,
    **options,
) -> list[Score]:
    """Composes new pieces.

    Args:
        run: a trained ``training.Run``.
        count: pieces, generated as one batch.
        length: tokens a piece, beyond the primer.
        primer: what comes before: None for the start of a piece; a token (one note), a list
            of tokens or an array of ids (``random_window``, ``random_notes``); a Score; or
            the path of a music file.
        include_primer: let the pieces begin with the primer.
        **options: see ``generate_ids``.

    Returns:
        One Score a piece.

    Raises:
        ValueError: at an option or token that cannot be, or a primer longer than the network takes.
        FileNotFoundError: where the primer is neither a token nor a file.
    """
    ids = primer_ids(run, primer)
    pieces = generate_ids(run, count, length, ids, **options)
    start = ids if include_primer else ids[:0]
    return [run.encoding.decode(run.vocabulary.to_tokens([*start, *piece])) for piece in pieces]


def primer_ids(run, primer: Score | str | os.PathLike | Sequence[str] | np.ndarray | None) -> np.ndarray:
    """Turns any kind of primer (see ``generate``) into ids, (n,) int32; none for a piece's start."""
    if primer is None:
        return np.zeros(0, np.int32)
    if isinstance(primer, str) and primer in run.vocabulary:
        primer = [primer]
    if isinstance(primer, (str, os.PathLike)):
        if not pathlib.Path(primer).exists():
            raise FileNotFoundError(
                f"the primer {str(primer)!r} is neither a file nor a token of this run; tokens read like"
                f" {run.vocabulary.tokens[len(RESERVED)]!r}"
            )
        primer = readers.read_score(primer)
    if isinstance(primer, Score):
        ids = run.vocabulary.to_ids(run.encoding.encode(primer), allow_unknown=True)
        unknown = int(np.sum(ids == UNKNOWN))
        if unknown * 2 > len(ids):
            raise ValueError(
                f"{unknown} of the primer's {len(ids)} tokens are not in this run's vocabulary; choose music that is"
                " closer to what it was trained on, or transpose it"
            )
        if unknown:
            warnings.warn(f"{unknown} of the primer's {len(ids)} tokens are unknown to this run", stacklevel=3)
        return ids
    if len(primer) and isinstance(primer[0], str):
        return run.vocabulary.to_ids(primer)
    return _music_ids(run, primer)


def _music_ids(run, ids: np.ndarray) -> np.ndarray:
    """Checks the ids of a primer and drops those of padding, start and end, which stand for no music."""
    ids, limit = np.asarray(ids, dtype=np.int32).reshape(-1), len(run.vocabulary) - 1
    if ids.size and not (0 <= ids.min() and ids.max() <= limit):
        raise ValueError(f"a primer's ids must lie between 0 and {limit}, got {ids.min()} to {ids.max()}")
    return ids[~np.isin(ids, (PADDING, START, END))]


def generate_ids(
    run,
    count: int = 1,
    length: int = 200,
    primer: np.ndarray | None = None,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    greedy: bool = False,
    repetition_penalty: float = 1.0,
    stop_at_end: bool = False,
    seed: int | None = None,
) -> list[np.ndarray]:
    """Generates ids; ``generate`` turns them into music.

    Args:
        run: a trained ``training.Run``.
        count: pieces, generated as one batch.
        length: tokens a piece.
        primer: (n,) ids to go on from; None for the start of a piece.
        temperature: above 0; lower is safer, higher is bolder.
        top_k: choose among so many of the likeliest tokens; None for all.
        top_p: choose among the likeliest tokens that make up this probability, in (0, 1].
        greedy: always take the likeliest token.
        repetition_penalty: above 1, tokens heard lately become less likely.
        stop_at_end: let a piece end where the network ends it; otherwise it never does,
            and every piece has ``length`` tokens.
        seed: makes the pieces repeatable.

    Returns:
        One int32 array a piece, without the primer.

    Raises:
        ValueError: at a value that cannot be; the message names it.
    """
    _check(count, length, temperature, top_k, top_p, repetition_penalty)
    primer = _music_ids(run, [] if primer is None else primer)
    context = run.model.context_length
    if run.model.targets == "last" and len(primer) > context:
        raise ValueError(
            f"the primer has {len(primer)} tokens and this network looks back on {context};"
            f" shorten it to {context} at most, for example with score.slice"
        )
    # Rounded up to a power of two, so that other lengths meet the same compiled loop.
    steps = len(primer) + length
    room = max(64, 1 << (steps - 1).bit_length())
    forced = np.full((room,), PADDING, np.int32)
    forced[: len(primer)] = primer
    uniforms = np.random.default_rng(seed).random((room, count), dtype=np.float32)
    rules = (top_k, top_p is not None, greedy, repetition_penalty != 1.0, stop_at_end)
    loop = _compiled_loop(run.model, rules)
    generated = loop(uniforms, forced, np.int32(steps), np.float32(temperature), np.float32(top_p or 1.0),
                     np.float32(repetition_penalty))  # fmt: skip
    pieces = ops.convert_to_numpy(generated)[:, _PENALTY_WINDOW + len(primer) : _PENALTY_WINDOW + steps]
    return [piece[: np.argmax(piece == END)] if END in piece else piece for piece in pieces]


def _check(count, length, temperature, top_k, top_p, repetition_penalty) -> None:
    for name, value in (("count", count), ("length", length), ("top_k", top_k)):
        if value is not None and not (isinstance(value, (int, np.integer)) and value >= 1):
            raise ValueError(f"{name} must be a whole number of at least 1, got {value}")
    if not 1e-3 <= temperature < float("inf"):
        raise ValueError(
            f"temperature must be above 0, at least 0.001, got {temperature}; for the likeliest token pass greedy=True"
        )
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must lie above 0 and up to 1, got {top_p}; 1 keeps every token")
    if not 0 < repetition_penalty < float("inf"):
        raise ValueError(f"repetition_penalty must be above 0, got {repetition_penalty}; 1 changes nothing")


_LOOPS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def _compiled_loop(model, rules: tuple):
    """Returns the compiled loop of a model for a set of rules, made once."""
    loops = _LOOPS.setdefault(model, {})
    if rules not in loops:
        # A weak reference: a loop that held its model would keep it alive in the cache for ever.
        loops[rules] = _compile(functools.partial(_loop, weakref.ref(model), rules), model)
    return loops[rules]


def _compile(function, model):
    """Compiles a function of arrays on TensorFlow or JAX."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # With XLA: one piece takes a third of the time, most of which is spent between small operations.
        return tf.function(function, autograph=False, jit_compile=True)
    if backend == "jax":
        import jax

        # Weights are passed in: jit would bake those of the first call into the program.
        @jax.jit
        def stateless(weights, *arguments):
            with keras.StatelessScope(state_mapping=list(zip(variables, weights, strict=True))):
                return function(*arguments)

        variables = model.variables
        return lambda *arguments: stateless([variable.value for variable in variables], *arguments)
    return function


def _loop(model_reference, rules, uniforms, forced, steps, heat, nucleus, penalty):
    """Steps the model along: (room, count) uniforms and (room,) forced ids to (count, room) ids."""
    model = model_reference()
    k, use_top_p, greedy, use_penalty, stop_at_end = rules
    room, count = uniforms.shape
    barred = [PADDING, START, UNKNOWN] + ([] if stop_at_end else [END])
    bars = np.zeros((model.vocabulary_size,), np.float32)
    bars[barred] = _NEVER
    places = ops.arange(room + _PENALTY_WINDOW)[None, :]

    def next_ids(logits, i, heard):
        logits = ops.cast(logits, "float32") + bars
        if use_penalty:
            recent = ops.slice(heard, (0, i), (count, _PENALTY_WINDOW))
            logits = repetition_penalty(logits, recent, penalty)
        if greedy:
            return ops.cast(ops.argmax(logits, axis=-1), "int32")
        logits = temperature(logits, heat)
        if k is not None:
            logits = top_k(logits, k)
        if use_top_p:
            logits = top_p(logits, nucleus)
        return choose(logits, ops.take(uniforms, i, axis=0))

    def body(i, ids, heard, ended, state):
        logits, state = model.step(ids, state)
        given = ops.take(forced, i)
        ids = ops.where(given == PADDING, next_ids(logits, i, heard), given)
        ids = ops.where(ended, PADDING, ids)
        ended = ops.logical_or(ended, ids == END)
        # The first places stay padding, so that the penalty's window always has its length.
        heard = ops.where(places == i + _PENALTY_WINDOW, ids[:, None], heard)
        return i + 1, ids, heard, ended, state

    def unfinished(i, ids, heard, ended, state):
        return ops.logical_and(i < steps, ops.logical_not(ops.all(ended)))

    ids = ops.full((count,), START, dtype="int32")
    heard = ops.full((count, room + _PENALTY_WINDOW), PADDING, dtype="int32")
    ended = ops.zeros((count,), dtype="bool")
    start = (ops.convert_to_tensor(0, "int32"), ids, heard, ended, model.initial_state(count))
    return ops.while_loop(unfinished, body, start)[2]
