"""Reading many files: on whichever processes joblib is told to use, and past those that die."""

import dataclasses
import os
import sys
import threading

import joblib
import pytest

from musiclib import corpus, readers
from musiclib.corpus import parallel


@pytest.fixture
def folder(tmp_path, write_midi):
    for number in range(12):
        write_midi(tmp_path / "music" / f"{number:02}.mid", [48 + number])
    return tmp_path / "music"


@pytest.fixture
def register(monkeypatch):
    """Puts a reader of the test's own beside the others; files seem to take it a second, so that it is worth it."""

    def register(read, seconds=1.0):
        monkeypatch.setitem(readers.READERS, "own", readers.Reader(read, "symusic", revision=1, seconds=seconds))

    return register


def load(folder, **options):
    return corpus.load(folder, **{"progress": False, "cache": False, "reader": "own", **options})


def check(read, numbers=range(12)):
    assert [score.pitch.tolist() for score in read.scores] == [[48 + number] for number in numbers]


def test_an_unknown_reader_is_named_with_those_there_are(folder):
    for call in (lambda: load(folder, reader="fast"), lambda: readers.read_score(folder / "00.mid", reader="fast")):
        with pytest.raises(ValueError, match="'fast'.*'music21', 'symusic'"):
            call()


def test_an_unknown_backend_is_named_with_those_there_are(folder):
    with pytest.raises(ValueError, match="sparky.*loky.*threading"):
        with joblib.parallel_config(backend="sparky"):
            load(folder)


def test_a_package_that_is_not_there_is_named(folder, monkeypatch):
    missing = dataclasses.replace(readers.READERS["symusic"], package="no-such-package")
    monkeypatch.setitem(readers.READERS, "own", missing)
    with pytest.raises(ModuleNotFoundError, match="pip install no-such-package"):
        load(folder)


def recorder(places):
    def read(path):
        places.append((os.getpid(), threading.current_thread().name))
        return readers.READERS["symusic"].read(path)

    return read


def test_few_or_quick_files_start_no_process(folder, register, monkeypatch):
    monkeypatch.setattr(joblib, "Parallel", lambda *_, **__: pytest.fail("a second is not worth it"))
    places = []
    register(recorder(places), seconds=0.1)
    check(load(folder))
    assert set(places) == {(os.getpid(), threading.current_thread().name)}
    check(load(folder, reader="symusic"))


def test_the_backend_of_the_caller_is_used(folder, register):
    places = []
    register(recorder(places), seconds=0.0001)  # also where it would not be worth it
    with joblib.parallel_config(backend="threading", n_jobs=2):
        check(load(folder))
    assert {process for process, _ in places} == {os.getpid()}
    assert threading.current_thread().name not in {thread for _, thread in places}


@pytest.mark.parametrize(("options", "told", "jobs"), [
    ({}, False, -1), ({"n_jobs": 3}, True, 3), ({"backend": "threading"}, True, -1),
    ({"backend": "loky", "n_jobs": 1}, True, 1), ({"verbose": 0}, False, -1),
])  # fmt: skip
def test_what_joblib_was_told_is_known(options, told, jobs):
    with joblib.parallel_config(**options):
        assert parallel._joblib_settings() == (told, jobs)
        assert parallel._joblib_settings() == (told, jobs)  # asking changes nothing
    assert parallel._joblib_settings() == (False, -1)


def test_threads_leave_the_output_as_it_was(tmp_path, capsys):
    """music21's reader holds back what is printed, for the whole process: two at once must not forget to give it back."""
    for number in range(20):
        (tmp_path / f"{number}.abc").write_text(f"X:1\nL:1/4\nK:C\n{'cdefgab'[number % 7]}{'c' * (number + 1)}|\n")
    before = sys.stdout, sys.stderr
    with joblib.parallel_config(backend="threading", n_jobs=4):
        assert len(load(tmp_path, reader="music21")) == 20
    assert (sys.stdout, sys.stderr) == before


def test_batches_hold_every_file_once(folder, register, monkeypatch):
    sizes = []
    batch = parallel._read_batch
    monkeypatch.setattr(parallel, "_read_batch", lambda items, *rest: sizes.append(len(items)) or batch(items, *rest))
    register(readers.READERS["symusic"].read)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        check(load(folder))
    assert sum(sizes) == 12 and max(sizes) == 2  # eight batches would be even; none takes longer than two seconds


def test_a_process_that_dies_costs_its_file_alone(folder, register, monkeypatch, tmp_path):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))

    def read(path):
        import os

        from musiclib import readers

        if path.name in ("03.mid", "07.mid"):
            os._exit(1)
        return readers.READERS["symusic"].read(path)

    register(read)
    with joblib.parallel_config(n_jobs=2):
        found = load(folder, cache=True)
    check(found, [number for number in range(12) if number not in (3, 7)])
    assert [path for path, _ in found.skipped] == [str(folder / name) for name in ("03.mid", "07.mid")]
    assert all("died" in reason and path in reason for path, reason in found.skipped)
    register(readers.READERS["symusic"].read, seconds=0.001)
    check(load(folder, cache=True))  # that a process died is not kept: it may have been the machine's fault


def test_on_a_cluster_a_process_that_dies_costs_its_file_alone(folder, register):
    """Where the backend raises for the task, as Ray does."""

    class WorkerCrashedError(Exception):
        pass

    def read(path):
        return readers.READERS["symusic"].read(path)

    def read_packed(path, reader, packed=parallel._read_packed):
        if path.name == "03.mid":
            raise WorkerCrashedError("03.mid")
        return packed(path, reader)

    register(read)
    with pytest.MonkeyPatch.context() as patch, joblib.parallel_config(backend="threading", n_jobs=2):
        patch.setattr(parallel, "_read_packed", read_packed)
        found = load(folder)
    check(found, [number for number in range(12) if number != 3])
    assert "died" in found.skipped[0][1]


# joblib 1.5 has a backend for Dask that uses what joblib 1.5 deprecates.
@pytest.mark.filterwarnings("ignore:.apply_async. is deprecated:DeprecationWarning")
def test_on_dask_a_process_that_dies_costs_its_file_alone(folder, register):
    distributed = pytest.importorskip("distributed", reason="needs Dask, which is not among the requirements")

    def read(path):
        import os

        from musiclib import readers

        if path.name in ("03.mid", "07.mid"):
            os._exit(1)
        return readers.READERS["symusic"].read(path)

    register(read)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": "CRITICAL"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        with joblib.parallel_config(backend="dask"):
            found = load(folder)
    check(found, [number for number in range(12) if number not in (3, 7)])
    assert [path for path, _ in found.skipped] == [str(folder / name) for name in ("03.mid", "07.mid")]
    assert all("died" in reason for _, reason in found.skipped)


def test_an_error_of_ours_is_not_taken_for_a_bad_file(folder, register, monkeypatch):
    def fail(path, reader):
        raise ZeroDivisionError("ours")

    register(readers.READERS["symusic"].read)
    monkeypatch.setattr(parallel, "_read_packed", fail)
    with joblib.parallel_config(backend="threading", n_jobs=2), pytest.raises(ZeroDivisionError):
        load(folder)


def test_what_was_read_before_an_interruption_is_kept(folder, register, monkeypatch, tmp_path):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))
    opened = []

    def read(path):
        opened.append(path.name)
        if len(opened) == 6:
            raise KeyboardInterrupt
        return readers.READERS["symusic"].read(path)

    register(read, seconds=0.001)
    with pytest.raises(KeyboardInterrupt):
        load(folder, cache=True)
    check(load(folder, cache=True))
    assert len(opened) == 6 + 7


def test_the_bar_counts_every_piece(folder, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # a narrow terminal would cut the count off
    (folder / "bad.mid").write_text("no music")
    for _ in range(2):
        corpus.load(folder, reader="symusic")
        assert "13/13" in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_read(tmp_path, monkeypatch, write_midi):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))
    paths = [write_midi(tmp_path / f"{i}.mid", [60 + i, 64]) for i in range(4)]
    read, asked = readers.read_pieces, []

    def stopping(reader, path):
        asked.append(path)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return read(reader, path)

    monkeypatch.setattr(readers, "read_pieces", stopping)
    with pytest.raises(KeyboardInterrupt, match="stopped after 2 of 4 files; what was read is saved"):
        parallel.read_files(paths, "symusic")
    assert len(parallel.read_files(paths, "symusic")) == 4
    assert len(asked) == 5  # two were in the cache
