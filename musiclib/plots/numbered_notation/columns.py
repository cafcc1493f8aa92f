"""Jianpu columns: where the signs of numbered notation stand from left to right, and where lines break.

Lengths are in pixels.
"""

from __future__ import annotations

from musiclib.plots.numbered_notation.signs import Sheet, place_in

HALF = 6  # half the width of a digit
SYLLABLE = 15  # font size of lyrics


def columns_of(page: Sheet, number: int, words: dict[int, str]) -> dict[int, float]:
    """Returns the place of each step of a bar at which a sign or a dash stands, and last the width of the bar, at -1.

    Signs of one voice keep their distance, longer ones a larger one; columns of different voices may lie close.
    """
    bar = page.bars[number]
    start = 11.0 + (22 if bar.signature and number else 0)
    items = []  # step, voice, room to the left and to the right
    for voice, line in enumerate(page.lines):
        for sign in line.bars[number]:
            word = text_width(words.get(sign.start, ""), SYLLABLE) / 2 if voice == 0 else 0
            left = max(HALF + 8 * any(pitch.mark for pitch in sign.pitches), word)
            items.append((sign.start, voice, left, max(HALF + 8 * sign.dots, word)))
            items += [(step, voice, HALF, HALF) for step in sign.dash_starts]
    places: dict[int, float] = {}
    latest: dict[int, tuple[int, float, float]] = {}  # by voice: step, place and room to the right
    x = start - 3
    for step in sorted({step for step, *_ in items}):
        column = [item for item in items if item[0] == step]
        x = max([x + 3, *(_next(latest.get(voice), step, left, start) for _, voice, left, _ in column)])
        x += 5 if place_in(bar, step)[1] == 0 and places else 0
        places[step] = x
        latest |= {voice: (step, x, right) for _, voice, _, right in column}
    places[-1] = max(x + max(right + 8, _space(bar.end - step)) for step, x, right in latest.values())
    return places


def _next(before: tuple[int, float, float] | None, step: int, left: float, start: float) -> float:
    """Returns the first place for a sign after the one before it in its voice."""
    return start + left if before is None else before[1] + max(before[2] + left + 4, _space(step - before[0]))


def _space(steps: int) -> float:
    return 11 + 1.5 * steps


def systems_of(widths: list[float], room: float) -> tuple[list[int], float]:
    """Returns the first bar of each system, as few as fit and about equally full, and the fullest one's width."""

    def breaks(limit: float) -> list[int]:
        starts, used = [], limit
        for bar, width in enumerate(widths):
            if used + width > limit:
                starts, used = [*starts, bar], 0.0
            used += width
        return starts

    while room - 5 >= max(widths) and len(breaks(room - 5)) == len(breaks(room)):
        room -= 5
    return breaks(room), room


def text_width(content: str, size: float) -> float:
    """Returns about how wide text is: Chinese characters are square, others half as wide or a little more."""
    return sum(size if ord(character) > 0x2E7F else 0.56 * size for character in content)
