"""The compiled generation loop: it runs a network step by step for a whole batch of pieces, on every Keras backend.

The random numbers come from NumPy, so that a seed means the same on each backend. Long pieces are generated in
stretches, so that the memory of the loop does not grow with the piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from musiclib import config
from musiclib.encodings.vocabulary import END, PADDING, START
from musiclib.models.compiling import compiled, initial_state
from musiclib.sampling import copying, rules
from musiclib.sampling.limits import FORBIDDEN, Limits, apply, next_state

_PENALTY_WINDOW = 32  # last tokens that the repetition penalty counts
_STRETCH = 1024  # tokens that the compiled loop generates at once


class _Plan(NamedTuple):
    """The rules that a loop is compiled for; their values are arguments of the loop."""

    top_k: int | None
    use_top_p: bool
    greedy: bool
    use_penalty: bool
    barred: tuple[int, ...]  # ids that are never generated
    guard: tuple[int, int] | None  # limit and width of a guard against copying
    constrained: bool  # whether there are limits

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
    limits: Limits | None = None,
    given: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
        limits: the constraints of the pieces, or None.
        given: (length,) int32, ids after the primer that are given too; padding where the network chooses. None for no
            such id.

    Returns:
        int32, (count, time), the ids after the primer, padding after the end of a piece; -log P of the sampled ids of
        each piece by the network's own logits, float32, (count,); and the cost of each constraint in nats, float32,
        (count, constraints).

    Raises:
        KeyboardInterrupt: at Ctrl-C, after the stretch in progress; the message says how many tokens there were.
    """
    penalty = chosen.repetition_penalty
    plan = _Plan(
        chosen.top_k, chosen.top_p is not None, chosen.greedy, penalty != 1.0, tuple(barred), guard and guard.rules,
        limits is not None,
    )  # fmt: skip
    values = (np.float32(chosen.temperature), np.float32(chosen.top_p or 1.0), np.float32(penalty))
    values = (*values, guard.tables if guard else (), limits or ())
    carried = (*_initial(model, count, condition, plan.lookback), *_unlimited(count, limits))
    rng = np.random.default_rng(seed)
    generated = np.zeros((count, length), np.int32)  # takes no memory until it is written to
    steps = len(primer) + length
    known = primer if given is None else np.concatenate([primer, given])
    # Rounded up to a power of two, so that other lengths use the same compiled loop.
    room = min(max(64, 1 << (steps - 1).bit_length()), _STRETCH)
    sizes = tuple(tuple(array.shape) for array in keras.tree.flatten(carried))
    loop = compiled(model, (plan, room, sizes), _loop, plan)
    new = slice(0, 0)
    # A piece of one stretch has no bar, which could show its end alone.
    bar = tqdm(total=length, desc="generating", unit="token", delay=config.BAR_AFTER, disable=steps <= room)
    try:
        with bar:
            for begin in range(0, steps, room):
                size = min(room, steps - begin)
                forced = np.full((room,), PADDING, np.int32)
                here = known[begin : begin + size]
                forced[: len(here)] = here
                # Row by row from one generator: the numbers of a step do not depend on the length of the piece.
                uniforms = rng.random((room, count), dtype=np.float32)
                ids, carried = loop(uniforms, forced, np.int32(size), *values, carried)
                new = slice(max(begin - len(primer), 0), max(begin + size - len(primer), 0))
                generated[:, new] = ops.convert_to_numpy(ids)[:, size - (new.stop - new.start) : size]
                bar.update(new.stop - new.start)
                if np.all(ops.convert_to_numpy(carried[2])):
                    break  # every piece has ended
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"generation was stopped after {new.stop:,} of {length:,} tokens; nothing is returned"
        ) from None
    return generated[:, : new.stop], *(ops.convert_to_numpy(total) for total in carried[-2:])


def _initial(model, count: int, condition: np.ndarray | None, lookback: int) -> tuple:
    """Returns the loop's initial variables: last ids, recent ids, which pieces have ended, and the model's state."""
    if condition is not None and not model.latent_size:
        # Padded, so that sources of other lengths use the same compiled loop.
        room = max(64, 1 << (len(condition) - 1).bit_length())
        condition = np.pad(condition, (0, room - len(condition)), constant_values=PADDING)
    state = initial_state(model, count, condition)
    recent = ops.full((count, lookback), PADDING, dtype="int32")
    return ops.full((count,), START, "int32"), recent, ops.zeros((count,), "bool"), state


def _unlimited(count: int, limits: Limits | None) -> tuple:
    """Returns the initial state of the limits, (count,), and the nats, (count,), and costs, (count, stages), so far."""
    state = np.full(count, limits.state if limits else 0, np.int32)
    return state, np.zeros(count, np.float32), np.zeros((count, limits.stages if limits else 0), np.float32)


def _loop(model_reference, plan, uniforms, forced, steps, temperature, top_p, penalty, tables, limits, carried):
    """Generates one stretch.

    Args:
        model_reference: a weak reference to the model.
        plan: the rules that apply.
        uniforms: (room, count) random numbers, one row per step.
        forced: (room,) ids that are given, padding where the network chooses.
        steps: number of steps, up to ``room``.
        temperature: of the sampling.
        top_p: cumulative probability of the likeliest tokens to choose from.
        penalty: repetition penalty.
        tables: of the guard against copying; empty without one.
        limits: the constraints; empty without any.
        carried: from ``_initial`` or the previous stretch.

    Returns:
        (count, room) ids, and the variables for the next stretch.
    """
    model, lookback = model_reference(), plan.lookback
    room, count = uniforms.shape
    bars = np.zeros((model.vocabulary_size,), np.float32)
    bars[list(plan.barred)] = rules.NEVER
    places = ops.arange(room + lookback)[None, :]

    def next_ids(logits, i, written, place):
        """Returns the next ids, and what the constraints cost."""
        logits, costs = ops.cast(logits, "float32") + bars, ops.zeros((count, 0))
        if plan.constrained:
            logits, is_open, costs = apply(logits, place, limits)
        if plan.guard:
            limit, width = plan.guard
            recent = ops.slice(written, (0, i + lookback - limit), (count, limit))
            logits = copying.bar(logits, recent, tables, width)
        if plan.use_penalty:
            recent = ops.slice(written, (0, i + lookback - _PENALTY_WINDOW), (count, _PENALTY_WINDOW))
            logits = rules.repetition_penalty(logits, recent, penalty)
        if plan.constrained:  # again, so that another rule gives way where both leave nothing
            logits = ops.where(is_open, logits, FORBIDDEN)
        if plan.greedy:
            return ops.cast(ops.argmax(logits, axis=-1), "int32"), costs
        logits = rules.temperature(logits, temperature)
        if plan.top_k is not None:
            logits = rules.top_k(logits, plan.top_k)
        if plan.use_top_p:
            logits = rules.top_p(logits, top_p)
        return rules.choose(logits, ops.take(uniforms, i, axis=0)), costs

    def body(i, ids, written, ended, state, place, nats, costs):
        logits, state = model.step(ids, state)
        given = ops.take(forced, i)
        chosen, new = next_ids(logits, i, written, place)
        ids = ops.where(given == PADDING, chosen, given)
        ids = ops.where(ended, PADDING, ids)
        free = ops.logical_and(given == PADDING, ops.logical_not(ended))
        own = ops.log_softmax(ops.cast(logits, "float32"))
        own = ops.take_along_axis(own, ids[:, None], axis=-1)[:, 0]
        nats = nats - ops.where(free, own, 0.0)
        if plan.constrained:
            place = ops.where(free, next_state(place, ids, limits), place)
            costs = costs + ops.where(free[:, None], new, 0.0)
        ended = ops.logical_or(ended, ids == END)
        # The first ``lookback`` places are the ids before this stretch, which the rules use.
        written = ops.where(places == i + lookback, ids[:, None], written)
        return i + 1, ids, written, ended, state, place, nats, costs

    def unfinished(i, ids, written, ended, *_):
        return ops.logical_and(i < steps, ops.logical_not(ops.all(ended)))

    ids, before, ended, *carried = carried
    written = ops.concatenate([before, ops.full((count, room), PADDING, dtype="int32")], axis=1)
    start = (ops.convert_to_tensor(0, "int32"), ids, written, ended, *carried)
    _, ids, written, ended, *carried = ops.while_loop(unfinished, body, start)
    # Only the last stretch may be shorter, and nothing follows it.
    return written[:, lookback:], (ids, written[:, room:], ended, *carried)
