"""Alignment of bars: a bar lasts as long as its longest part, so that an error of one part stays within its bar."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from fractions import Fraction


def align(bars: Sequence[Mapping[str, tuple[Fraction, Fraction]]]) -> tuple[list[Fraction], dict[str, list[int]]]:
    """Finds where each bar starts, and which do not fit.

    Args:
        bars: for each bar and each part that has it, its length and the length that its meter asks for (0 if free), in
            quarter lengths. A length of 0 is a part that is silent in that bar.

    Returns:
        The starts of the bars and the end of the last one, and for each part with irregular bars how many are shorter
        and how many longer than the same bar of most parts.
    """
    starts, irregular = [Fraction(0)], {}
    for bar in bars:
        filled = {part: length for part, (length, _) in bar.items() if length}
        meter = max((meter for _, meter in bar.values()), default=Fraction(0))
        starts.append(starts[-1] + max(filled.values(), default=meter))  # without any notes, as long as its meter
        common = statistics.multimode(filled.values())
        right = meter if meter in common else max(common, default=meter)
        for part, length in filled.items():
            if length != right:
                irregular.setdefault(part, [0, 0])[length > right] += 1
    return starts, irregular
