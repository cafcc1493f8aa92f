"""The loop that generates: one compiled program for all pieces at once, on every Keras backend.

The random numbers come from NumPy, so that a seed means the same on each. A long piece is made in stretches: what the
loop holds while it runs does not grow with the piece.
"""

from __future__ import annotations

import functools
import os
import warnings
import weakref
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from musiclib import encodings
from musiclib.sampling import copying, rules
from musiclib.sampling.primers import check_run, music_ids, primer_ids, source_ids
from musiclib.score import Score
from musiclib.vocabulary import END, PADDING, RESERVED, START, UNKNOWN

_PENALTY_WINDOW = 32  # tokens back that a repetition is counted in; over a whole piece, every token is one
_STRETCH = 1024  # tokens that the compiled loop makes at once


def generate(
    run,
    count: int = 1,
    length: int = 200,
    primer: Score | str | os.PathLike | Sequence[str] | np.ndarray | None = None,
    include_primer: bool = True,
    source: Score | str | os.PathLike | None = None,
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
        source: what the pieces answer to, for a run that was trained on pairs: a Score, or the path of a music file.
        **options: see ``generate_ids``.

    Returns:
        One Score a piece.

    Raises:
        ValueError: at an option or token that cannot be.
        FileNotFoundError: where the primer is neither a token nor a file.
    """
    check_run(run)
    ids, tokens = primer_ids(run, primer)
    pieces = generate_ids(run, count, length, ids, source=source_ids(run, source), **options)
    start = tokens if include_primer else []
    return [run.encoding.decode([*start, *run.vocabulary.to_tokens(piece)]) for piece in pieces]


def generate_ids(
    run,
    count: int = 1,
    length: int = 200,
    primer: np.ndarray | None = None,
    *,
    source: np.ndarray | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    greedy: bool = False,
    repetition_penalty: float = 1.0,
    stop_at_end: bool = False,
    avoid_copying: copying.Guard | None = None,
    seed: int | None = None,
) -> list[np.ndarray]:
    """Generates ids; ``generate`` turns them into music.

    Args:
        run: a trained ``training.Run``.
        count: pieces, generated as one batch.
        length: tokens a piece.
        primer: (n,) ids to go on from; None for the start of a piece.
        source: (n,) ids to answer to, for a run that was trained on pairs.
        temperature: above 0; lower is safer, higher is bolder.
        top_k: choose among so many of the likeliest tokens; None for all.
        top_p: choose among the likeliest tokens that make up this probability, in (0, 1].
        greedy: always take the likeliest token.
        repetition_penalty: above 1, tokens heard lately become less likely.
        stop_at_end: let a piece end where the network ends it; otherwise it never does,
            and every piece has ``length`` tokens.
        avoid_copying: ``Guard(data, 16)``: no more than 16 tokens in a row that stand in a dataset's
            training pieces; None lets the network quote as much as it likes.
        seed: makes the pieces repeatable.

    Returns:
        One int32 array a piece, without the primer.

    Raises:
        ValueError: at a value that cannot be; the message names it.
    """
    check_run(run)
    rules.check(count, length, temperature, top_k, top_p, repetition_penalty, seed)
    primer, source = music_ids(run, [] if primer is None else primer), source_ids(run, source)
    context = run.model.context_length
    if context is not None and len(primer) > context:
        warnings.warn(
            f"the primer has {len(primer)} tokens and this network looks back on {context} at a time: what it writes"
            " first follows the last of them",
            stacklevel=2,
        )
    of_sources = _of_sources_alone(run)
    guard = copying.checked(avoid_copying, run.vocabulary, len(RESERVED) + len(of_sources))
    chosen = (top_k, top_p is not None, greedy, repetition_penalty != 1.0, stop_at_end, of_sources)
    chosen = (*chosen, guard and guard.rules)
    values = (np.float32(temperature), np.float32(top_p or 1.0), np.float32(repetition_penalty))
    values = (*values, guard.tables if guard else ())
    carried = _beginning(run.model, count, source, _lookback(chosen))
    generated = _run_loop(run.model, chosen, values, carried, length, primer, np.random.default_rng(seed))
    return [piece[: np.argmax(piece == END)] if END in piece else piece for piece in generated]


def _run_loop(model, chosen: tuple, values: tuple, carried: tuple, length: int, primer: np.ndarray, rng) -> np.ndarray:
    """Runs the compiled loop, one stretch after the other, and returns what comes after the primer, (count, time)."""
    count = carried[0].shape[0]
    generated = np.zeros((count, length), np.int32)  # which takes no memory before it is written to
    steps = len(primer) + length
    # Rounded up to a power of two, so that other lengths meet the same compiled loop.
    room = min(max(64, 1 << (steps - 1).bit_length()), _STRETCH)
    loop = _compiled_loop(model, chosen, room, carried)
    for begin in range(0, steps, room):
        size = min(room, steps - begin)
        forced = np.full((room,), PADDING, np.int32)
        given = primer[begin : begin + size]
        forced[: len(given)] = given
        # Row by row from one generator: the numbers of a step are the same however long the piece becomes.
        uniforms = rng.random((room, count), dtype=np.float32)
        ids, carried = loop(uniforms, forced, np.int32(size), *values, carried)
        new = slice(max(begin - len(primer), 0), max(begin + size - len(primer), 0))
        generated[:, new] = ops.convert_to_numpy(ids)[:, len(given) : size]
        if np.all(ops.convert_to_numpy(carried[2])):
            break  # every piece has ended
    return generated[:, : new.stop]


def _of_sources_alone(run) -> tuple[int, ...]:
    """Returns the ids that stand in sources and that the encoding of what is written does not know."""
    if run.source_encoding in (None, run.encoding):
        return ()
    tokens = enumerate(run.vocabulary.tokens[len(RESERVED) :], start=len(RESERVED))
    return tuple(i for i, token in tokens if not encodings.knows(run.encoding, token))


_LOOPS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def _compiled_loop(model, chosen: tuple, room: int, carried: tuple):
    """Returns the compiled loop of a model for a set of rules and sizes, made once.

    For each size one of its own: TensorFlow takes a function that meets many sizes for a mistake, and warns.
    """
    loops = _LOOPS.setdefault(model, {})
    key = (chosen, room, tuple(tuple(array.shape) for array in keras.tree.flatten(carried)))
    if key not in loops:
        # A weak reference: a loop that held its model would keep it alive in the cache for ever.
        loops[key] = _compile(functools.partial(_loop, weakref.ref(model), chosen), model)
    return loops[key]


def _compiled_reading(model, count: int, room: int):
    """Returns the compiled ``initial_state`` of a model that answers to a source, made once for each size."""
    loops = _LOOPS.setdefault(model, {})
    if ("source", count, room) not in loops:
        # Without XLA, which cannot take in cuDNN's recurrent kernels.
        loops["source", count, room] = _compile(functools.partial(_read, weakref.ref(model), count), model, xla=False)
    return loops["source", count, room]


def _read(model_reference, count: int, source):
    return model_reference().initial_state(count, source)


def _compile(function, model, xla: bool = True):
    """Compiles a function of arrays on TensorFlow or JAX."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # With XLA: one piece takes a third of the time, most of which is spent between small operations.
        return tf.function(function, autograph=False, jit_compile=xla)
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


def _lookback(chosen: tuple) -> int:
    """Returns how many tokens back the rules look."""
    guard = chosen[-1]
    return max(_PENALTY_WINDOW, guard[0] if guard else 0)


def _beginning(model, count: int, source: np.ndarray | None, lookback: int) -> tuple:
    """Returns what the loop carries from step to step: last ids, what was heard lately, who has ended, the state."""
    if source is None:
        state = model.initial_state(count)
    else:  # filled up, so that sources of other lengths meet the same compiled loop
        room = max(64, 1 << (len(source) - 1).bit_length())
        padded = np.pad(source, (0, room - len(source)), constant_values=PADDING)
        state = _compiled_reading(model, count, room)(padded)
    heard = ops.full((count, lookback), PADDING, dtype="int32")
    return ops.full((count,), START, "int32"), heard, ops.zeros((count,), "bool"), state


def _loop(model_reference, chosen, uniforms, forced, steps, heat, nucleus, penalty, tables, carried):
    """Steps the model along, up to a stretch.

    Args:
        model_reference: a weak reference to the model.
        chosen: which rules apply.
        uniforms: (room, count) random numbers, one row a step.
        forced: (room,) ids that are given, padding where the network chooses.
        steps: how many to take, up to ``room``.
        heat, nucleus, penalty: the values of the rules.
        tables: of the guard against copying; empty without one.
        carried: what ``_beginning`` or the stretch before returned.

    Returns:
        (count, room) ids, and what is carried on.
    """
    model = model_reference()
    k, use_top_p, greedy, use_penalty, stop_at_end, foreign, guard = chosen
    lookback = _lookback(chosen)
    room, count = uniforms.shape
    barred = [PADDING, START, UNKNOWN, *([] if stop_at_end else [END]), *foreign]
    bars = np.zeros((model.vocabulary_size,), np.float32)
    bars[barred] = rules.NEVER
    places = ops.arange(room + lookback)[None, :]

    def next_ids(logits, i, heard):
        logits = ops.cast(logits, "float32") + bars
        if guard:
            limit, width = guard
            recent = ops.slice(heard, (0, i + lookback - limit), (count, limit))
            logits = copying.bar(logits, recent, tables, width)
        if use_penalty:
            recent = ops.slice(heard, (0, i + lookback - _PENALTY_WINDOW), (count, _PENALTY_WINDOW))
            logits = rules.repetition_penalty(logits, recent, penalty)
        if greedy:
            return ops.cast(ops.argmax(logits, axis=-1), "int32")
        logits = rules.temperature(logits, heat)
        if k is not None:
            logits = rules.top_k(logits, k)
        if use_top_p:
            logits = rules.top_p(logits, nucleus)
        return rules.choose(logits, ops.take(uniforms, i, axis=0))

    def body(i, ids, heard, ended, state):
        logits, state = model.step(ids, state)
        given = ops.take(forced, i)
        ids = ops.where(given == PADDING, next_ids(logits, i, heard), given)
        ids = ops.where(ended, PADDING, ids)
        ended = ops.logical_or(ended, ids == END)
        # The first places are what was heard before, so that what the rules look back on always has its length.
        heard = ops.where(places == i + lookback, ids[:, None], heard)
        return i + 1, ids, heard, ended, state

    def unfinished(i, ids, heard, ended, state):
        return ops.logical_and(i < steps, ops.logical_not(ops.all(ended)))

    ids, before, ended, state = carried
    heard = ops.concatenate([before, ops.full((count, room), PADDING, dtype="int32")], axis=1)
    start = (ops.convert_to_tensor(0, "int32"), ids, heard, ended, state)
    _, ids, heard, ended, state = ops.while_loop(unfinished, body, start)
    # Only the last stretch may be cut short, and nothing comes after it.
    return heard[:, lookback:], (ids, heard[:, room:], ended, state)
