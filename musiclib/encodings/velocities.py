"""Quantized MIDI velocities: classes of equal width, each represented by its middle."""

from __future__ import annotations

import numpy as np

HIGHEST = 127


def check_count(count: int, encoding: str) -> None:
    """Raises ValueError if velocities cannot be divided into this many classes of equal width."""
    if not (isinstance(count, int) and 1 <= count <= 128 and 128 % count == 0):
        raise ValueError(f"{encoding}: velocities must be a power of two from 1 to 128, such as 32, got {count}")


def classes(count: int) -> list[int]:
    """Returns the middle velocity of each class: 3, 7, ... 127 for 32 classes of four."""
    width = 128 // count
    return [min(1 + width * i + width // 2, HIGHEST) for i in range(count)]


def to_class(velocity: np.ndarray, count: int) -> np.ndarray:
    """Quantizes velocities, 1 to 127, to the middle of their class; both (n,) int64."""
    return np.array(classes(count), dtype=np.int64)[(velocity - 1) // (128 // count)]
