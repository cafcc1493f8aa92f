"""Gap windows: hidden targets alone are kept, the condition hides just these, and gaps differ in each epoch."""

import numpy as np

from musiclib.dataset import Pieces
from musiclib.dataset.gap_windows import GapWindows, hide
from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN

VOICES = 4


def windows(seed=0, epoch=0, steps=(60, 16, 130)):
    rng = np.random.default_rng(0)
    pieces = [[START, *rng.integers(3, 20, VOICES * count), END] for count in steps]
    return GapWindows(Pieces.from_lists(pieces), 256, 4, VOICES, 4, seed, epoch, align=64)


def test_targets_are_what_the_condition_hides():
    batches, hidden = windows(), 0
    for i in range(len(batches)):
        (condition, inputs), targets = batches[i]
        ids = batches.ids(4 * i, 4 * i + 4)
        np.testing.assert_array_equal(inputs, ids[:, :-1])
        gap = targets != PADDING
        np.testing.assert_array_equal(targets[gap], ids[:, 1:][gap])
        np.testing.assert_array_equal(condition, np.where(gap, UNKNOWN, ids[:, 1:]))
        assert not np.isin(targets[gap], (START, END, UNKNOWN)).any()  # they are not composed
        assert (inputs >= len(RESERVED)).any() and condition.dtype == targets.dtype == np.int32
        hidden += gap.sum()
    assert 0 < hidden < sum(VOICES * n for n in (60, 16, 130))


def test_gaps_are_repeatable_and_differ_in_each_epoch():
    def gaps(**options):
        batches = windows(**options)
        return np.concatenate([batches[i][1] for i in range(len(batches))])

    np.testing.assert_array_equal(gaps(), gaps())
    assert not np.array_equal(gaps(), gaps(epoch=1))
    np.testing.assert_array_equal(gaps(seed=None), gaps(seed=None))  # the validation set stays the same
    batches = windows()
    batches.on_epoch_end()
    np.testing.assert_array_equal(batches[0][1], windows(epoch=1)[0][1])


def test_gaps_of_all_kinds_are_drawn():
    rng = np.random.default_rng(0)
    drawn = [hide(rng, 256, VOICES, 4) for _ in range(400)]
    everything = [hidden for hidden in drawn if hidden.all()]
    some_voices = [hidden for hidden in drawn if not hidden.any(axis=0).all() and hidden.any()]
    throughout = [hidden for hidden in some_voices if hidden.any(axis=1).all()]
    bars = [hidden for hidden in drawn if hidden.any(axis=0).all() and not hidden.all()]
    assert min(map(len, (everything, some_voices, throughout, bars))) > 20
    for hidden in bars:
        assert (hidden == hidden[:, :1]).all()  # all voices alike
        edges = np.flatnonzero(np.diff(hidden[:, 0])) + 1
        assert len(edges) and (edges % 4 == 0).all()
        assert ((np.diff(edges) >= 16) & (np.diff(edges) <= 128)).all()
    assert 0.3 < np.mean([hidden.mean() for hidden in drawn]) < 0.7
    assert {hide(rng, 64, 1, 2).shape for _ in range(30)} == {(64, 1)}
