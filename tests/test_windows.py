"""Windows: literal one-hot rows, lazy batches that agree with them, and every target once an epoch."""

import collections

import numpy as np
import pytest

from musiclib.dataset import Pieces, Windows, one_hot
from musiclib.encodings.vocabulary import PADDING


def batches(windows):
    return [windows[i] for i in range(len(windows))]


def joined(windows):
    inputs, targets = zip(*batches(windows), strict=True)
    return np.concatenate(inputs), np.concatenate(targets)


def test_one_hot_rows():
    X, y = one_hot(np.array([3, 1, 2, 0]), length=2, vocabulary_size=4)
    assert X.dtype == y.dtype == np.float32
    assert X.tolist() == [
        [[0, 0, 0, 1], [0, 1, 0, 0]],
        [[0, 1, 0, 0], [0, 0, 1, 0]],
    ]
    assert y.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize(("size", "length", "rows"), [(2, 1, 1), (10, 9, 1), (10, 3, 7), (10, 10, 1), (4, 50, 1)])
def test_one_hot_shapes(size, length, rows):
    X, y = one_hot(np.arange(size), length, 20)
    assert X.shape == (rows, length, 20) and y.shape == (rows, 20)
    assert (X.sum(axis=-1) == 1).all() and (y.sum(axis=-1) == 1).all()


def test_one_hot_pads_a_short_piece_at_its_start():
    X, y = one_hot(np.array([7, 8, 9]), length=5, vocabulary_size=10)
    assert X.argmax(-1).tolist() == [[PADDING, PADDING, PADDING, 7, 8]]
    assert y.argmax(-1).tolist() == [9]


@pytest.mark.parametrize(
    ("ids", "length", "size", "named"),
    [
        ([1, 2, 3], 0, 5, "length=0"),
        ([1], 2, 5, r"\(1,\)"),
        ([], 2, 5, r"\(0,\)"),
        ([[1, 2], [3, 4]], 2, 5, r"\(2, 2\)"),
        ([1, 5], 2, 5, "1 to 5"),
        ([-1, 2], 2, 5, "-1 to 2"),
    ],
)
def test_one_hot_refuses(ids, length, size, named):
    with pytest.raises(ValueError, match=named):
        one_hot(np.array(ids, dtype=int), length, size)


@pytest.mark.parametrize("length", [1, 3, 8, 60])
def test_lazy_batches_are_the_one_hot_windows(length, distinct_pieces):
    """Piece by piece and in order: the two forms hold the same examples."""
    small = Pieces.from_lists([piece % 100 + 4 for piece in distinct_pieces])
    inputs, targets = joined(Windows(small, length, batch_size=4, targets="last"))
    made = [one_hot(piece, length, 50) for piece in small if len(piece) >= 2]
    np.testing.assert_array_equal(inputs, np.concatenate([X.argmax(-1) for X, _ in made]))
    np.testing.assert_array_equal(targets[:, 0], np.concatenate([y.argmax(-1) for _, y in made]))


def test_batches_have_the_shapes_and_types_that_the_docstring_promises(distinct_pieces):
    for targets, width in (("all", 8), ("last", 1)):
        windows = Windows(distinct_pieces, 8, 4, targets)
        made = batches(windows)
        assert len(made) == len(windows) == -(-windows.window_count // 4)
        for x, y in made:
            assert x.dtype == y.dtype == np.int32
            assert x.shape[1] == 8 and y.shape == (len(x), width)
        assert [len(x) for x, _ in made[:-1]] == [4] * (len(made) - 1)
        assert sum(len(x) for x, _ in made) == windows.window_count


@pytest.mark.parametrize("seed", [None, 0, 5])
@pytest.mark.parametrize("length", [1, 4, 8, 40, 100])
def test_every_id_but_each_pieces_first_is_a_target_once_an_epoch(length, seed, distinct_pieces):
    windows = Windows(distinct_pieces, length, 3, "all", seed=seed)
    expected = collections.Counter(i for piece in distinct_pieces for i in piece[1:].tolist())
    for _ in range(4):
        _, targets = joined(windows)
        assert collections.Counter(targets[targets != PADDING].tolist()) == expected
        assert windows.target_count == expected.total()
        windows.on_epoch_end()


@pytest.mark.parametrize("seed", [None, 3])
def test_last_with_lead_in_meets_every_target_once(seed, distinct_pieces):
    windows = Windows(distinct_pieces, 8, 3, "last", lead_in=True, seed=seed)
    expected = collections.Counter(i for piece in distinct_pieces for i in piece[1:].tolist())
    for _ in range(3):
        _, targets = joined(windows)
        assert collections.Counter(targets.ravel().tolist()) == expected
        assert windows.target_count == windows.window_count == expected.total()
        windows.on_epoch_end()


def test_lead_in_windows_are_padded_at_their_start():
    inputs, targets = joined(Windows(Pieces.from_lists([[4, 5, 6, 7]]), 3, 10, "last", lead_in=True))
    assert inputs.tolist() == [[0, 0, 4], [0, 4, 5], [4, 5, 6]]
    assert targets.tolist() == [[5], [6], [7]]


def test_windows_of_all_targets_lie_end_to_end():
    inputs, targets = joined(Windows(Pieces.from_lists([np.arange(4, 12), [20, 21]]), 3, 10, "all"))
    assert inputs.tolist() == [[4, 5, 6], [7, 8, 9], [8, 9, 10], [0, 0, 20]]
    # The third window reaches back over 9 and 10 (met before, now padding) to fill its length.
    assert targets.tolist() == [[5, 6, 7], [8, 9, 10], [0, 0, 11], [0, 0, 21]]


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("targets", ["all", "last"])
@pytest.mark.parametrize("lead_in", [False, True])
def test_no_window_crosses_from_one_piece_into_another(targets, lead_in, seed, distinct_pieces):
    windows = Windows(distinct_pieces, 8, 3, targets, lead_in, seed)
    for _ in range(3):
        inputs, following = joined(windows)
        for row in np.concatenate([inputs, following], axis=1):
            assert len(set((row[row != PADDING] // 100).tolist())) == 1
        windows.on_epoch_end()


@pytest.mark.parametrize("targets", ["all", "last"])
def test_every_target_follows_its_input(targets, distinct_pieces):
    """Ids rise by one within a piece, so each target is the last id at or before its place, plus one."""
    windows = Windows(distinct_pieces, 8, 3, targets, lead_in=True, seed=2)
    for _ in range(3):
        inputs, following = joined(windows)
        inputs = inputs[:, -following.shape[1] :]
        met = following != PADDING
        assert (following[met] == inputs[met] + 1).all()
        windows.on_epoch_end()


def test_padding_stands_at_the_start_of_a_window_and_nowhere_else(distinct_pieces):
    windows = Windows(distinct_pieces, 8, 3, "all", seed=2)
    for _ in range(3):
        inputs, _ = joined(windows)
        padded = inputs == PADDING
        assert (padded[:, :-1] >= padded[:, 1:]).all()
        windows.on_epoch_end()


@pytest.mark.parametrize("targets", ["all", "last"])
def test_a_seed_repeats_its_batches_and_changes_them_from_epoch_to_epoch(targets, distinct_pieces):
    first, second, other = (Windows(distinct_pieces, 8, 4, targets, seed=seed) for seed in (3, 3, 4))
    before = joined(first)
    for one, two in zip(before, joined(second), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(before[0], joined(other)[0])
    first.on_epoch_end()
    second.on_epoch_end()
    assert not np.array_equal(before[0], joined(first)[0])
    np.testing.assert_array_equal(joined(first)[0], joined(second)[0])


def test_without_a_seed_every_epoch_is_the_same(distinct_pieces):
    windows = Windows(distinct_pieces, 8, 4)
    before = joined(windows)
    windows.on_epoch_end()
    np.testing.assert_array_equal(before[0], joined(windows)[0])


def test_batches_are_cut_from_a_file_that_stays_on_disk(tmp_path, distinct_pieces):
    distinct_pieces.save(tmp_path / "train")
    mapped = Windows(Pieces.load(tmp_path / "train"), 8, 4, seed=1)
    for one, two in zip(joined(mapped), joined(Windows(distinct_pieces, 8, 4, seed=1)), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"targets": "first"}, "first"),
        ({"length": 0}, "0 and 4"),
        ({"batch_size": 0}, "8 and 0"),
    ],
)
def test_bad_options_are_named(options, named, distinct_pieces):
    with pytest.raises(ValueError, match=named):
        Windows(distinct_pieces, **{"length": 8, "batch_size": 4, **options})


@pytest.mark.parametrize("pieces", [[], [[4]], [[], [5]]])
@pytest.mark.parametrize("targets", ["all", "last"])
def test_pieces_without_a_target_are_refused(pieces, targets):
    with pytest.raises(ValueError, match=f"{len(pieces)} pieces"):
        Windows(Pieces.from_lists(pieces), 8, 4, targets)


@pytest.mark.parametrize("seed", [None, 0, 5])
@pytest.mark.parametrize(("length", "align"), [(4, 4), (8, 4), (8, 2), (40, 8), (100, 4)])
def test_aligned_windows_begin_at_multiples_and_meet_every_target_once(length, align, seed, distinct_pieces):
    windows = Windows(distinct_pieces, length, 3, seed=seed, align=align)
    expected = collections.Counter(i for piece in distinct_pieces for i in piece[1:].tolist())
    starts = {int(piece[0]) // 100: int(piece[0]) for piece in distinct_pieces if len(piece)}
    for _ in range(4):
        inputs, targets = joined(windows)
        assert collections.Counter(targets[targets != PADDING].tolist()) == expected
        assert windows.target_count == expected.total()
        assert all((row[0] - starts[row[0] // 100]) % align == 0 for row in inputs)
        windows.on_epoch_end()


def test_aligned_windows_are_padded_behind_the_piece():
    inputs, targets = joined(Windows(Pieces.from_lists([np.arange(4, 11)]), 4, 10, align=2))
    assert inputs.tolist() == [[4, 5, 6, 7], [8, 9, 10, 0]]
    assert targets.tolist() == [[5, 6, 7, 8], [9, 10, 0, 0]]


def test_aligned_windows_are_cut_elsewhere_each_epoch():
    windows = Windows(Pieces.from_lists([np.arange(4, 30)]), 8, 10, seed=0, align=2)
    met = set()
    for _ in range(20):
        met.update(row[0] for row in joined(windows)[0].tolist())
        windows.on_epoch_end()
    assert met > {4, 12, 20} and all(first % 2 == 0 for first in met)


@pytest.mark.parametrize(("targets", "align"), [("last", 4), ("all", 3), ("all", 0)])
def test_windows_that_cannot_be_aligned_are_refused(targets, align, distinct_pieces):
    with pytest.raises(ValueError, match=f"align={align}"):
        Windows(distinct_pieces, 8, 3, targets, align=align)
