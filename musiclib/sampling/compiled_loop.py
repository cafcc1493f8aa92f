"""The compiled generation loop: it runs a network step by step for a whole batch of pieces, on every Keras backend.

The random numbers come from NumPy, so that a seed means the same on each backend. Long pieces are generated in
stretches, so that the memory of the loop does not grow with the piece.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from musiclib.encodings.vocabulary import END, PADDING, START
from musiclib.sampling import copying, rules

_PENALTY_WINDOW = 32  # last tokens that the repetition penalty counts
_STRETCH = 1024  # tokens that the compiled loop generates at once
_LOOPS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # compiled functions of each model, by key


class _Plan(NamedTuple):
    """The rules that a loop is compiled for; their values are arguments of the loop."""

    top_k: int | None
    use_top_p: bool
    greedy: bool
    use_penalty: bool
    barred: tuple[int, ...]  # ids that are never generated
    guard: tuple[int, int] | None  # limit and width of a guard against copying

    @property
    def lookback(self) -> int:
        """Number of past tokens that the rules use."""
        return max(_PENALTY_WINDOW, self.guard[0] if self.guard else 0)


def run(
    model,
    chosen: rules.Rules,
    guard: copying.Guard | None,
    barred: Sequence[int],
    count: int,
    length: int,
    primer: np.ndarray,
    condition: np.ndarray | None,
    seed: int | None,
) -> np.ndarray:
    """Generates ids.

    Args:
        model: an autoregressive model.
        chosen: the sampling rules.
        guard: against copying, or None.
        barred: ids that are never generated.
        count: number of pieces.
        length: tokens of each piece.
        primer: (n,) int32, ids to continue.
        condition: what the pieces are conditioned on: the ids of a source, (n,) int32, or latent vectors, (count,
            latent) float32; None for an unconditional model.
        seed: random seed.

    Returns:
        int32, (count, time), the ids after the primer; padding after the end of a piece.
    """
    penalty = chosen.repetition_penalty
    plan = _Plan(
        chosen.top_k, chosen.top_p is not None, chosen.greedy, penalty != 1.0, tuple(barred), guard and guard.rules
    )
    values = (np.float32(chosen.temperature), np.float32(chosen.top_p or 1.0), np.float32(penalty))
    values = (*values, guard.tables if guard else ())
    carried = _initial(model, count, condition, plan.lookback)
    rng = np.random.default_rng(seed)
    generated = np.zeros((count, length), np.int32)  # takes no memory until it is written to
    steps = len(primer) + length
    # Rounded up to a power of two, so that other lengths use the same compiled loop.
    room = min(max(64, 1 << (steps - 1).bit_length()), _STRETCH)
    sizes = tuple(tuple(array.shape) for array in keras.tree.flatten(carried))
    loop = compiled(model, (plan, room, sizes), _loop, plan)
    for begin in range(0, steps, room):
        size = min(room, steps - begin)
        forced = np.full((room,), PADDING, np.int32)
        given = primer[begin : begin + size]
        forced[: len(given)] = given
        # Row by row from one generator: the numbers of a step do not depend on the length of the piece.
        uniforms = rng.random((room, count), dtype=np.float32)
        ids, carried = loop(uniforms, forced, np.int32(size), *values, carried)
        new = slice(max(begin - len(primer), 0), max(begin + size - len(primer), 0))
        generated[:, new] = ops.convert_to_numpy(ids)[:, len(given) : size]
        if np.all(ops.convert_to_numpy(carried[2])):
            break  # every piece has ended
    return generated[:, : new.stop]


def compiled(model, key: tuple, function, *arguments, xla: bool = True):
    """Returns a compiled function, from the model's cache by ``key``.

    Each size has its own: TensorFlow warns where one function is retraced for many sizes.

    Args:
        model: the network.
        key: names the function, and the sizes that it is compiled for.
        function: takes a reference to the model, ``arguments``, and the arrays it is called with.
        *arguments: constants.
        xla: whether TensorFlow compiles it with XLA.
    """
    loops = _LOOPS.setdefault(model, {})
    if key not in loops:
        # A weak reference: otherwise the cached function would keep its model alive forever.
        loops[key] = _compile(functools.partial(function, weakref.ref(model), *arguments), model, xla)
    return loops[key]


def _initial_state(model_reference, count: int, condition):
    return model_reference().initial_state(count, condition)


def _compile(function, model, xla: bool):
    """Compiles a function of arrays on TensorFlow or JAX."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # XLA takes a third of the time for one piece: it avoids the overhead between small operations.
        return tf.function(function, autograph=False, jit_compile=xla)
    if backend == "jax":
        import jax

        # Weights are arguments: otherwise jit would compile those of the first call as constants.
        @jax.jit
        def stateless(weights, *arguments):
            with keras.StatelessScope(state_mapping=list(zip(variables, weights, strict=True))):
                return function(*arguments)

        variables = model.variables
        return lambda *arguments: stateless([variable.value for variable in variables], *arguments)
    return function


def _initial(model, count: int, condition: np.ndarray | None, lookback: int) -> tuple:
    """Returns the loop's initial variables: last ids, recent ids, which pieces have ended, and the model's state."""
    if condition is None:
        state = model.initial_state(count)
    else:
        if not model.latent_size:  # padded, so that sources of other lengths use the same compiled loop
            room = max(64, 1 << (len(condition) - 1).bit_length())
            condition = np.pad(condition, (0, room - len(condition)), constant_values=PADDING)
        # Without XLA, which cannot use cuDNN's recurrent kernels.
        key = ("initial", count, condition.shape)
        state = compiled(model, key, _initial_state, count, xla=False)(condition)
    recent = ops.full((count, lookback), PADDING, dtype="int32")
    return ops.full((count,), START, "int32"), recent, ops.zeros((count,), "bool"), state


def _loop(model_reference, plan, uniforms, forced, steps, temperature, top_p, penalty, tables, carried):
    """Generates one stretch.

    Args:
        model_reference: a weak reference to the model.
        plan: the rules that apply.
        uniforms: (room, count) random numbers, one row per step.
        forced: (room,) ids of the primer, padding where the network chooses.
        steps: number of steps, up to ``room``.
        temperature: of the sampling.
        top_p: cumulative probability of the likeliest tokens to choose from.
        penalty: repetition penalty.
        tables: of the guard against copying; empty without one.
        carried: from ``_initial`` or the previous stretch.

    Returns:
        (count, room) ids, and the variables for the next stretch.
    """
    model, lookback = model_reference(), plan.lookback
    room, count = uniforms.shape
    bars = np.zeros((model.vocabulary_size,), np.float32)
    bars[list(plan.barred)] = rules.NEVER
    places = ops.arange(room + lookback)[None, :]

    def next_ids(logits, i, written):
        logits = ops.cast(logits, "float32") + bars
        if plan.guard:
            limit, width = plan.guard
            recent = ops.slice(written, (0, i + lookback - limit), (count, limit))
            logits = copying.bar(logits, recent, tables, width)
        if plan.use_penalty:
            recent = ops.slice(written, (0, i + lookback - _PENALTY_WINDOW), (count, _PENALTY_WINDOW))
            logits = rules.repetition_penalty(logits, recent, penalty)
        if plan.greedy:
            return ops.cast(ops.argmax(logits, axis=-1), "int32")
        logits = rules.temperature(logits, temperature)
        if plan.top_k is not None:
            logits = rules.top_k(logits, plan.top_k)
        if plan.use_top_p:
            logits = rules.top_p(logits, top_p)
        return rules.choose(logits, ops.take(uniforms, i, axis=0))

    def body(i, ids, written, ended, state):
        logits, state = model.step(ids, state)
        given = ops.take(forced, i)
        ids = ops.where(given == PADDING, next_ids(logits, i, written), given)
        ids = ops.where(ended, PADDING, ids)
        ended = ops.logical_or(ended, ids == END)
        # The first ``lookback`` places are the ids before this stretch, which the rules use.
        written = ops.where(places == i + lookback, ids[:, None], written)
        return i + 1, ids, written, ended, state

    def unfinished(i, ids, written, ended, state):
        return ops.logical_and(i < steps, ops.logical_not(ops.all(ended)))

    ids, before, ended, state = carried
    written = ops.concatenate([before, ops.full((count, room), PADDING, dtype="int32")], axis=1)
    start = (ops.convert_to_tensor(0, "int32"), ids, written, ended, state)
    _, ids, written, ended, state = ops.while_loop(unfinished, body, start)
    # Only the last stretch may be shorter, and nothing follows it.
    return written[:, lookback:], (ids, written[:, room:], ended, state)
