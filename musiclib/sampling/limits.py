"""Limits: the constraints of a piece as the compiled loop applies them to logits, and what each costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from keras import ops

from musiclib.encodings.vocabulary import END
from musiclib.models.autoregressive import NEVER

FORBIDDEN = 2 * NEVER  # below what other rules bar, so that these yield where nothing else is left


class Limits(NamedTuple):
    """Arrays of the constraints, for a vocabulary of ids.

    Attributes:
        scale: (1, vocabulary) float32 added to the logits, or (0, vocabulary) without a scale.
        allowed: (stages, states, vocabulary) bool; each stage allows less than the one before.
        following: (states, vocabulary) int32, the state after each id.
        overrun: (states,) bool, where the probability of forbidden ids in ``moving`` counts for the end.
        moving: (vocabulary,) bool.
        state: () int32, the first state.
    """

    scale: np.ndarray
    allowed: np.ndarray
    following: np.ndarray
    overrun: np.ndarray
    moving: np.ndarray
    state: np.ndarray

    @property
    def stages(self) -> int:
        """Number of constraints: one for the scale, and one for each stage of ``allowed``."""
        return self.scale.shape[0] + self.allowed.shape[0]


def without_bars(scale: np.ndarray) -> Limits:
    """Returns the limits of a scale alone, (1, vocabulary) or (0, vocabulary) float32."""
    width = scale.shape[1]
    none = np.zeros((0, 1, width), bool), np.zeros((1, width), np.int32), np.zeros(1, bool), np.zeros(width, bool)
    return Limits(scale, *none, np.int32(0))


def apply(logits, state, limits: Limits):
    """Applies limits to the logits of one step.

    Args:
        logits: (batch, vocabulary).
        state: (batch,) int32.
        limits: the limits.

    Returns:
        The limited logits, which ids are open, (batch, vocabulary) bool, and the cost of each constraint in nats,
        (batch, stages): -log of the probability that the ids which it allows had among those allowed before it.
    """
    mass, costs = ops.logsumexp(logits, axis=-1), []
    is_open = ops.ones_like(logits, dtype="bool")
    for stage in range(limits.scale.shape[0]):
        change = limits.scale[stage]
        logits = logits + change
        is_open = ops.logical_and(is_open, change > NEVER)
        costs.append(mass - ops.logsumexp(logits, axis=-1))
        mass = ops.logsumexp(logits, axis=-1)
    for stage in range(limits.allowed.shape[0]):
        rows = ops.logical_and(ops.take(limits.allowed[stage], state, axis=0), is_open)
        ending = ops.logical_and(ops.take(limits.overrun, state, axis=0), rows[:, END])
        # A note that would begin after the end means that the piece ends here.
        barred = ops.logical_and(is_open, ops.logical_not(rows))
        later = ops.where(ops.logical_and(barred, limits.moving), logits, FORBIDDEN)
        end = ops.where(ending, ops.logaddexp(logits[:, END], ops.logsumexp(later, axis=-1)), logits[:, END])
        at_end = ops.arange(logits.shape[-1]) == END
        logits, is_open = ops.where(rows, ops.where(at_end, end[:, None], logits), FORBIDDEN), rows
        costs.append(mass - ops.logsumexp(logits, axis=-1))
        mass = ops.logsumexp(logits, axis=-1)
    return logits, is_open, ops.stack(costs, axis=-1)


def next_state(state, ids, limits: Limits):
    """Returns the state of each piece after its next id, (batch,) int32."""
    if not limits.allowed.shape[0]:
        return state
    width = limits.following.shape[1]
    return ops.take(ops.reshape(limits.following, (-1,)), state * width + ids)
