"""Pieces: cutting the flat array, and files that stay on disk."""

import numpy as np
import pytest

from musiclib.dataset import Pieces


def lists(pieces):
    return [piece.tolist() for piece in pieces]


def test_pieces_are_cut_where_the_offsets_say():
    pieces = Pieces.from_lists([[1, 4, 2], [], [5], [6, 7]])
    assert len(pieces) == 4
    assert lists(pieces) == [[1, 4, 2], [], [5], [6, 7]]
    assert pieces.ids.tolist() == [1, 4, 2, 5, 6, 7] and pieces.ids.dtype == np.int32
    assert pieces.offsets.tolist() == [0, 3, 3, 4, 6] and pieces.offsets.dtype == np.int64
    assert pieces[-1].tolist() == [6, 7]


@pytest.mark.parametrize("i", [2, -3, 100])
def test_a_piece_that_is_not_there_is_named(i):
    with pytest.raises(IndexError, match=str(i)):
        Pieces.from_lists([[1], [2]])[i]


def test_no_pieces_are_pieces():
    assert lists(Pieces.from_lists([])) == []


@pytest.mark.parametrize("offsets", [[], [0], [0, 2], [1, 3], [0, 4], [0, 2, 1, 3]])
def test_offsets_that_do_not_cut_the_ids_are_refused(offsets):
    with pytest.raises(ValueError, match="3"):
        Pieces(np.array([1, 2, 3], np.int32), np.array(offsets, np.int64))


def test_a_saved_file_is_mapped_and_not_read(tmp_path):
    Pieces.from_lists([[1, 4, 2], [], [5]]).save(tmp_path / "new" / "train")
    loaded = Pieces.load(tmp_path / "new" / "train")
    assert isinstance(loaded.ids, np.memmap)
    assert lists(loaded) == [[1, 4, 2], [], [5]]
    assert loaded.ids.dtype == np.int32
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["train.ids.npy", "train.offsets.npy"]


def test_a_mapped_file_cannot_be_written_to_by_accident(tmp_path):
    Pieces.from_lists([[1, 4, 2]]).save(tmp_path / "train")
    with pytest.raises(ValueError, match="read-only"):
        Pieces.load(tmp_path / "train").ids[0] = 9


def test_what_was_loaded_can_be_saved_in_its_own_place(tmp_path):
    Pieces.from_lists([[1, 4, 2], [5]]).save(tmp_path / "train")
    Pieces.load(tmp_path / "train").save(tmp_path / "train")
    assert lists(Pieces.load(tmp_path / "train")) == [[1, 4, 2], [5]]


@pytest.mark.parametrize("pieces", [[], [[], []]])
def test_pieces_without_ids_are_saved_as_well(pieces, tmp_path):
    """A split may leave the validation or the test part empty."""
    Pieces.from_lists(pieces).save(tmp_path / "test")
    assert lists(Pieces.load(tmp_path / "test")) == pieces


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train"):
        Pieces.load(tmp_path / "train")
