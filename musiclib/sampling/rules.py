"""Sampling rules: temperature, top-k, top-p (nucleus) and repetition penalty, as functions of logits.

``Rules`` holds the options of ``sampling.generate`` and applies them in order.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from musiclib.encodings.vocabulary import PADDING
from musiclib.models.autoregressive import NEVER


def temperature(logits, value):
    """Divides logits by a temperature: below 1 likely tokens become likelier, above 1 unlikely ones.

    Args:
        logits: (batch, vocabulary).
        value: above 0.
    """
    return logits / value


def top_k(logits, k: int):
    """Keeps the ``k`` likeliest tokens of each row, and ties with the last of them; (batch, vocabulary)."""
    smallest = ops.top_k(logits, k=min(k, logits.shape[-1]))[0][:, -1:]
    return ops.where(logits < smallest, NEVER, logits)


def top_p(logits, p):
    """Keeps the fewest likely tokens whose probabilities add up to at least ``p``; (batch, vocabulary).

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020).
    """
    ordered = -ops.sort(-logits, axis=-1)
    probabilities = ops.softmax(ordered, axis=-1)
    before = ops.cumsum(probabilities, axis=-1) - probabilities
    smallest = ops.min(ops.where(before < p, ordered, -NEVER), axis=-1, keepdims=True)
    return ops.where(logits < smallest, NEVER, logits)


def repetition_penalty(logits, recent, penalty):
    """Makes recent tokens less likely.

    Args:
        logits: (batch, vocabulary).
        recent: (batch, n) ids; padding is ignored.
        penalty: 1 changes nothing; above 1 divides positive logits and multiplies negative ones.

    Source: Keskar et al., "CTRL" (2019), here over the last tokens instead of all.
    """
    seen = ops.max(ops.one_hot(recent, logits.shape[-1], dtype=logits.dtype), axis=1)
    seen = seen * ops.cast(ops.arange(logits.shape[-1]) != PADDING, logits.dtype)
    penalised = ops.where(logits > 0, logits / penalty, logits * penalty)
    return ops.where(seen > 0, penalised, logits)


def choose(logits, uniform):
    """Samples one token per row by inverse transform sampling.

    Args:
        logits: (batch, vocabulary).
        uniform: (batch,) random numbers in [0, 1).

    Returns:
        int32, (batch,).
    """
    cumulative = ops.cumsum(ops.softmax(logits, axis=-1), axis=-1)
    # Scaled by the last sum, which rounding makes different from 1.
    drawn = ops.sum(ops.cast(cumulative <= uniform[:, None] * cumulative[:, -1:], "int32"), axis=-1)
    return ops.minimum(drawn, logits.shape[-1] - 1)


@dataclasses.dataclass(frozen=True)
class Rules:
    """How the next token is chosen from the logits.

    Args:
        temperature: above 0; below 1 likely tokens become likelier, above 1 unlikely ones.
        top_k: choose among this many of the likeliest tokens; None for all.
        top_p: choose among the likeliest tokens with this cumulative probability, in (0, 1]; None for all.
        greedy: always take the likeliest token.
        repetition_penalty: above 1, recent tokens become less likely.
        stop_at_end: whether a piece ends where the network ends it; False makes it go on for all of its ``length``.
        avoid_copying: for example ``Guard(data, 16)``, which allows at most 16 tokens in a row from the training
            pieces of a dataset; None for no guard.

    Raises:
        ValueError: at an invalid value.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    greedy: bool = False
    repetition_penalty: float = 1.0
    stop_at_end: bool = True
    avoid_copying: Any = None

    def __post_init__(self) -> None:
        if self.top_k is not None:
            check_whole("top_k", self.top_k, 1)
        for name in ("temperature", "top_p", "repetition_penalty"):
            value = getattr(self, name)
            if not (isinstance(value, numbers.Real) or value is None and name == "top_p"):
                raise ValueError(f"{name} must be a number, got {value!r}")
        if not 1e-3 <= self.temperature < float("inf"):
            raise ValueError(
                f"temperature must be above 0, at least 0.001, got {self.temperature}; for the likeliest token pass"
                " greedy=True"
            )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must lie above 0 and up to 1, got {self.top_p}; 1 keeps every token")
        if not 0 < self.repetition_penalty < float("inf"):
            raise ValueError(f"repetition_penalty must be above 0, got {self.repetition_penalty}; 1 changes nothing")


def check_whole(name: str, value: object, least: int) -> None:
    """Raises ValueError where a value is not a whole number of at least ``least``."""
    if not (isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least):
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def is_number(value: object) -> bool:
    """Returns whether a value is a real number, also one of NumPy, and no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def rules_of(run, options: dict, others: Sequence[str] = ()) -> Rules:
    """Returns the sampling rules of some options.

    Args:
        run: its own sampling rules are used where no other is given.
        options: by name.
        others: names of further options of the caller, for the message.

    Raises:
        TypeError: at an unknown name.
        ValueError: at an invalid value.
    """
    known, options = [field.name for field in dataclasses.fields(Rules)], {**run.config.sampling, **options}
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r} here; the options are {', '.join([*known, *others])}")
    return Rules(**options)
