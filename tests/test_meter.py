"""Where bars begin."""

import numpy as np
import pytest

from musiclib.score import meter

COMMON = ((0.0, 4, 4),)
WITH_UPBEAT = ((0.0, 1, 4), (1.0, 4, 4))


@pytest.mark.parametrize(
    ("signatures", "length", "upbeat"),
    [
        ((), 4, 0),
        (COMMON, 4, 0),
        (((0.0, 6, 8),), 3, 0),
        (WITH_UPBEAT, 4, 1),
        (((0.0, 1, 8), (0.5, 6, 8)), 3, 0.5),
        (((0.0, 3, 4), (6.0, 4, 4)), 3, 0),  # two bars of three are no upbeat
        (((0.0, 4, 4), (4.0, 3, 4)), 4, 0),  # nor is a bar that is longer than the next
        (((0.0, 4, 4), (1.0, 4, 4)), 4, 0),  # nor one that is broken off
    ],
)
def test_bar_length_and_upbeat(signatures, length, upbeat):
    assert meter.bar_length(signatures) == length
    assert meter.upbeat(signatures) == upbeat


@pytest.mark.parametrize(
    ("signatures", "end", "expected"),
    [
        ((), 8, []),
        (COMMON, 8, [0, 4]),
        (COMMON, 8.5, [0, 4, 8]),
        (WITH_UPBEAT, 9.5, [0, 1, 5, 9]),
        (((0.0, 4, 4), (6.0, 3, 4)), 12, [0, 4, 6, 9]),
        (((2.0, 3, 4),), 8, [2, 5]),
        (COMMON, 0, []),
        (((0.0, 4, 4), (100.0, 3, 4)), 8, [0, 4]),
    ],
)
def test_bar_lines(signatures, end, expected):
    np.testing.assert_allclose(meter.bar_lines(signatures, end), expected)


@pytest.mark.parametrize(
    ("quarters", "denominator", "expected"),
    [
        (1, 4, (1, 4)),
        (2, 4, (2, 4)),
        (0.5, 4, (1, 8)),
        (0.75, 4, (3, 16)),
        (1.5, 8, (3, 8)),
        (1, 8, (2, 8)),
        (4, 2, (2, 2)),
        (1 / 3, 4, None),
        (0.0123, 4, None),
        (0, 4, None),
    ],
)
def test_short_bar(quarters, denominator, expected):
    assert meter.short_bar(quarters, denominator) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 8, COMMON),
        (4, 8, COMMON),
        (3, 12, WITH_UPBEAT),
        (5.5, 12, ((0.0, 5, 8), (2.5, 4, 4))),
        (3, 3.5, COMMON),  # ends within the upbeat
        (11 / 3, 12, COMMON),  # no signature says a third of a quarter
    ],
)
def test_cut_keeps_the_bars_where_they_are(start, end, expected):
    assert meter.cut(COMMON, start, end) == expected


def test_cut_beside_other_signatures():
    signatures = ((0.0, 1, 4), (1.0, 4, 4), (9.0, 3, 4))
    assert meter.cut(signatures, 1, 12) == ((0.0, 4, 4), (8.0, 3, 4))
    assert meter.cut(signatures, 8, 12) == ((0.0, 1, 4), (1.0, 3, 4))  # the upbeat goes to what follows
    assert meter.cut(signatures, 9, 12) == ((0.0, 3, 4),)
    assert meter.cut(((2.0, 3, 4),), 0, 8) == ((2.0, 3, 4),)


def test_lines_of_a_slice_are_those_of_the_whole():
    signatures = ((0.0, 1, 4), (1.0, 4, 4), (9.0, 6, 8))
    whole = meter.bar_lines(signatures, 24)
    for start in np.arange(0, 20, 0.5):
        lines = meter.bar_lines(meter.cut(signatures, start, 24), 24 - start) + start
        np.testing.assert_allclose(lines[lines > start], whole[whole > start])
