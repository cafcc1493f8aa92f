"""The cache: what goes in comes out, damage is found, and content and reader decide, not the name or the time."""

import contextlib
import dataclasses
import importlib.metadata
import os
import sqlite3
import subprocess
import sys
import warnings

import numpy as np
import pytest

from musiclib import readers
from musiclib.corpus import cache, parallel
from musiclib.corpus.cache import Cache, file_key, pack, unpack
from musiclib.readers.parsed import UnreadableScore
from musiclib.score import Score

PITCHES = {"a.mid": [60, 62], "b.mid": [64, 65, 67], "c.mid": [72]}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of this test's own; returns where its cache lies."""
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))
    return Cache(tmp_path / "home" / "data" / "cache").path


@pytest.fixture
def files(tmp_path, write_midi):
    return [write_midi(tmp_path / "music" / name, pitches) for name, pitches in PITCHES.items()]


@pytest.fixture
def opened(monkeypatch):
    """Counts which files a reader opens, by their names."""
    names = []
    fast = readers.READERS["symusic"]

    def read(path):
        names.append(path.name)
        return fast.read(path)

    monkeypatch.setitem(readers.READERS, "symusic", dataclasses.replace(fast, read=read))
    return names


def load(files, **options):
    return [piece.music for (piece,) in parallel.read_files(files, reader="symusic", **options)]


def pitches(scores):
    return [score.pitch.tolist() for score in scores]


# ---- bytes -------------------------------------------------------------------------------------------------------


def test_a_packed_score_comes_back_whole(random_score):
    rich = Score.from_notes(
        [(0, 1 / 3, 60, 33, 300), (1, 2, 0, 1, 0), (0.1, 1e9, 127, 127, 2)], tempos=((0, 90), (1, 60e6 / 545454)),
        time_signatures=((0, 3, 4), (1.1, 6, 8)), part_names=("Flöte\n", "\ud800"), programs=(73, 127), key_signatures=((0, -3, "minor"),), title="Träume", composer="?",
    )  # fmt: skip
    for score in (rich, random_score(0), Score.from_notes([])):
        (piece,) = unpack(pack([readers.Piece(score, left_out={"percussion notes": 3})]))
        again = piece.music
        assert again == score and piece.left_out == {"percussion notes": 3}
        assert not again.onset.flags.writeable and again.pitch.dtype == np.int64


def test_a_reason_comes_back_without_its_file():
    score = Score.from_notes([(0, 1, 60)])
    pieces = map(readers.Piece, (score, UnreadableScore("it is cut\nshort", "old/name.mid"), score))
    first, again, last = (piece.music for piece in unpack(pack([*pieces])))
    assert (again.reason, again.path) == ("it is cut\nshort", None)
    assert first == last == score


def test_the_key_goes_by_content_suffix_and_reader(tmp_path):
    for name in ("a.mid", "b.MID", "c.abc"):
        (tmp_path / name).write_bytes(b"one")
    (tmp_path / "d.mid").write_bytes(b"two")
    first, same, suffix, content = (file_key(path, "x 1") for path in sorted(tmp_path.iterdir()))
    assert first == same
    assert len({first, suffix, content, file_key(tmp_path / "a.mid", "x 2")}) == 4


# ---- what is read again, and what is not -------------------------------------------------------------------------


def test_what_was_read_is_not_read_again(home, files, opened):
    first = load(files)
    assert sorted(opened) == sorted(PITCHES) and home.is_file()
    opened.clear()
    assert load(files) == first and pitches(first) == list(PITCHES.values())
    assert opened == []


def test_a_changed_file_alone_is_read_again(home, files, opened, write_midi):
    load(files)
    before = files[1].stat()
    size = len(files[1].read_bytes())
    write_midi(files[1], [50, 51, 52])  # as long as before, and as old: neither may deceive
    os.utime(files[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(files[1].read_bytes()) == size
    opened.clear()
    assert pitches(load(files)) == [[60, 62], [50, 51, 52], [72]]
    assert opened == ["b.mid"]


def test_a_copy_or_a_new_date_is_not_read_again(home, files, opened, tmp_path):
    load(files)
    os.utime(files[0], (1, 1))
    copy = tmp_path / "copy.mid"
    copy.write_bytes(files[0].read_bytes())
    opened.clear()
    assert pitches(load([*files, copy])) == [*PITCHES.values(), PITCHES["a.mid"]]
    assert opened == []


def test_equal_files_are_read_once(home, files, opened, tmp_path):
    (tmp_path / "twin.mid").write_bytes(files[0].read_bytes())
    assert pitches(load([files[0], tmp_path / "twin.mid", files[0]])) == [[60, 62]] * 3
    assert len(opened) == 1


@pytest.mark.parametrize("change", [{"revision": 99}, {"package": "numpy"}])
def test_another_reader_or_version_reads_again(change, home, files, opened, monkeypatch):
    load(files)
    opened.clear()
    monkeypatch.setitem(readers.READERS, "symusic", dataclasses.replace(readers.READERS["symusic"], **change))
    load(files)
    assert sorted(opened) == sorted(PITCHES)


def test_another_version_of_the_package_reads_again(home, files, opened, monkeypatch):
    load(files)
    opened.clear()
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "99.0")
    load(files)
    assert sorted(opened) == sorted(PITCHES)


def test_another_format_of_the_cache_reads_again(home, files, opened, monkeypatch):
    load(files)
    opened.clear()
    monkeypatch.setattr(cache, "FORMAT", 99)
    load(files)
    assert sorted(opened) == sorted(PITCHES)


def test_without_the_cache_nothing_is_read_from_it_or_written(home, files, opened):
    load(files, cache=False)
    assert not home.parent.exists()
    load(files)
    before = home.read_bytes()
    opened.clear()
    load(files, cache=False)
    assert sorted(opened) == sorted(PITCHES) and home.read_bytes() == before


def test_reasons_are_kept_and_name_the_file_at_hand(home, files, opened, tmp_path):
    for name in ("first.mid", "second.mid"):
        (tmp_path / name).write_bytes(b"no music")
        (found,) = load([tmp_path / name])
        assert isinstance(found, UnreadableScore)
        assert str(tmp_path / name) in str(found) and "does not begin as a MIDI file" in str(found)
    assert opened == ["first.mid"]


def test_what_may_pass_is_not_kept(home, files, opened, monkeypatch):
    """Memory that ran out, a disk that failed: the next time may be better."""
    fast = readers.READERS["symusic"]
    for trouble in (MemoryError("none left"), OSError("disk failed")):

        def read(path, trouble=trouble):
            raise trouble

        monkeypatch.setitem(readers.READERS, "symusic", dataclasses.replace(fast, read=read))
        (found,) = load(files[:1])
        assert str(trouble) in str(found) and str(files[0]) in str(found)
    monkeypatch.setitem(readers.READERS, "symusic", fast)
    assert pitches(load(files[:1])) == [[60, 62]]


def test_a_file_that_cannot_be_opened_costs_itself_alone(home, files, tmp_path):
    missing, found = load([tmp_path / "gone.mid", files[0]])
    assert "gone.mid" in str(missing) and found.pitch.tolist() == [60, 62]


# ---- damage ------------------------------------------------------------------------------------------------------


def check_mended(files, opened, expected):
    """Everything is read as before, and a second time from the cache."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(files) == expected
        opened.clear()
        assert load(files) == expected
    assert opened == []


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_cache_cut_off_is_read_again(share, home, tmp_path, random_score, opened):
    from musiclib.writers import write_midi

    long = [
        write_midi(random_score(seed, 400), tmp_path / f"{seed}.mid") or tmp_path / f"{seed}.mid" for seed in (1, 2)
    ]
    expected = load(long)
    data = home.read_bytes()
    home.write_bytes(data[: int(share * len(data))])
    check_mended(long, opened, expected)


def test_a_cache_full_of_garbage_is_read_again(home, files, opened):
    expected = load(files)
    for garbage in (b"garbage" * 9999, os.urandom(1 << 16), b"SQLite format 3\0" + os.urandom(1 << 14)):
        home.write_bytes(garbage)
        check_mended(files, opened, expected)


def test_changed_bytes_anywhere_are_not_believed(home, tmp_path, random_score, opened):
    from musiclib.writers import write_midi

    write_midi(random_score(1, 400), tmp_path / "long.mid")
    expected = load([tmp_path / "long.mid"])
    data = home.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(data), 40).tolist():
        damaged = bytearray(data)
        damaged[position : position + 8] = rng.bytes(8)
        home.write_bytes(bytes(damaged))
        check_mended([tmp_path / "long.mid"], opened, expected)


def test_another_table_of_that_name_is_replaced(home, files, opened):
    expected = load(files, cache=False)
    home.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(home)) as connection, connection:
        connection.execute("CREATE TABLE scores (name TEXT)")
    check_mended(files, opened, expected)


def test_rows_of_the_wrong_kind_are_not_believed(home, files, opened):
    expected = load(files)
    with contextlib.closing(sqlite3.connect(home)) as connection, connection:
        connection.execute("UPDATE scores SET entry = 'text'")
    check_mended(files, opened, expected)


# ---- folders that cannot be written, several processes -----------------------------------------------------------


@pytest.mark.parametrize("obstacle", ["the folder is a file", "the disk is full"])
def test_a_folder_that_cannot_be_written_gives_one_note(obstacle, home, files, monkeypatch, tmp_path):
    if obstacle == "the folder is a file":
        (tmp_path / "home").write_text("in the way")
    else:
        full = sqlite3.OperationalError("database or disk is full")
        monkeypatch.setattr(Cache, "_write", lambda *_: (_ for _ in ()).throw(full))
    with pytest.warns(UserWarning, match="MUSICLIB_HOME.*cache=False") as caught:
        for _ in range(3):
            assert pitches(load(files)) == list(PITCHES.values())
    assert len(caught) == 1 and str(home.parent) in str(caught[0].message)


def test_a_cache_that_can_only_be_read_is_read(home, files, opened, monkeypatch):
    expected = load(files)
    opened.clear()
    monkeypatch.setattr(Cache, "put", lambda *_: pytest.fail("nothing is new"))
    assert load(files) == expected and opened == []


def test_two_processes_fill_the_same_cache(home, tmp_path, write_midi, opened):
    for number in range(60):
        write_midi(tmp_path / "many" / f"{number:02}.mid", [30 + number, 60])
    code = (
        "import sys; from musiclib import corpus; from musiclib.corpus import parallel; parallel._KEEP_EVERY = 0\n"  # writes after every file
        "print(len(corpus.load(sys.argv[1], reader='symusic', progress=False)), 'pieces')"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "many")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, cwd=os.path.dirname(os.path.dirname(__file__)), **pipes) for _ in range(2)]
    for process in both:
        assert process.communicate(timeout=120) == ("60 pieces\n", "")
    found = load(sorted((tmp_path / "many").iterdir()))
    assert [score.pitch[0] for score in found] == list(range(30, 90)) and opened == []
