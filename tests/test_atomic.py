"""Files: the old one or the new one, whole, whatever happens in between."""

import errno
import os

import pytest

from musiclib import _atomic


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_all(folder, texts):
    with _atomic.together(folder) as new:
        for name, text in texts.items():
            (new / name).write_text(text)


def read_all(folder, *wanted):
    return [_atomic.part(folder, name).read_text() for name in wanted]


def test_a_file_and_its_folders_are_made(tmp_path):
    with _atomic.replacing(tmp_path / "new" / "deep" / "file") as file:
        file.write(b"text")
    assert (tmp_path / "new" / "deep" / "file").read_bytes() == b"text"
    assert names(tmp_path / "new" / "deep") == ["file"]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with _atomic.replacing(tmp_path / "file") as file:
        file.write(b"new")
        assert (tmp_path / "file").read_bytes() == b"old"
    assert (tmp_path / "file").read_bytes() == b"new" and names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_was_stopped_leaves_nothing(error, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(error), _atomic.replacing(tmp_path / "file") as file:
        file.write(b"ne")
        raise error
    assert (tmp_path / "file").read_bytes() == b"old" and names(tmp_path) == ["file"]


def test_files_come_together_and_others_stay(tmp_path):
    write_all(tmp_path, {"a": "1", "b": "1"})
    (tmp_path / "notes").write_text("mine")
    write_all(tmp_path, {"a": "2", "b": "2"})
    assert names(tmp_path) == ["a", "b", "notes"] and read_all(tmp_path, "a", "b", "notes") == ["2", "2", "mine"]


def test_stopped_at_any_moment_they_are_all_old_or_all_new(tmp_path, moments):
    folder = tmp_path / "folder"
    write_all(folder, {"a": "1", "b": "1"})
    with moments(folder) as copies:
        write_all(folder, {"a": "2", "b": "2"})
    assert len(copies) >= 5
    assert {tuple(read_all(copy, "a", "b")) for copy in copies} == {("1", "1"), ("2", "2")}
    for copy in copies:  # and whoever writes there next finds nothing in the way
        write_all(copy, {"a": "3", "b": "3"})
        assert read_all(copy, "a", "b") == ["3", "3"] and names(copy) == ["a", "b"]


def test_a_failure_between_leaves_the_old_ones(tmp_path):
    write_all(tmp_path, {"a": "1"})
    with pytest.raises(RuntimeError), _atomic.together(tmp_path) as new:
        (new / "a").write_text("2")
        raise RuntimeError
    assert read_all(tmp_path, "a") == ["1"] and names(tmp_path) == ["a"]


@pytest.mark.parametrize("write", [_atomic.replacing, _atomic.together])
def test_a_full_disk_is_one_sentence(write, tmp_path):
    place = tmp_path / "place"
    with pytest.raises(OSError) as caught, write(place):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "some/inner/name")
    assert caught.value.errno == errno.ENOSPC
    for text in (str(place), "No space left on device", "untouched", "make room"):
        assert text in str(caught.value)
    assert "inner" not in str(caught.value)


@pytest.mark.parametrize("write", [_atomic.replacing, _atomic.together])
def test_a_place_that_cannot_be_is_one_sentence(write, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file" / "place", "/proc/place/deeper"):
        with pytest.raises(OSError, match=f"cannot write {place} .*untouched"), write(place):
            raise AssertionError("nothing can be written there")


@pytest.mark.parametrize("write", [_atomic.replacing, _atomic.together])
def test_a_read_only_folder_is_one_sentence(write, read_only):
    place = read_only(read_only.folder) / "place"
    with pytest.raises(PermissionError, match=f"cannot write {place} .*Permission denied.*untouched"), write(place):
        raise AssertionError("nothing can be written there")


def test_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert _atomic.sha256(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
