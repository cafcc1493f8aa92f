"""What several test files share: small music, small corpora, small networks."""

import contextlib
import functools
import gc
import http.server
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import zlib

# Before Keras is imported: the tests measure nothing, so the processor will do, and every machine gives the same.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# The networks are tiny: that XLA optimizes them, on TensorFlow and on JAX, takes longer than they run.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
    # Each process of tests has cores of its own: where the threads of TensorFlow share them, both take a sixth longer.
    _cores, _count = sorted(os.sched_getaffinity(0)), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.sched_setaffinity(0, _cores[int(os.environ["PYTEST_XDIST_WORKER"][2:]) :: _count] or _cores)

import hypothesis
import numpy as np
import pytest

from musiclib.dataset import Pieces
from musiclib.score import Score

# The same examples in every run, so that a test fails for what was changed and for nothing else. To look for new ones:
# python -m pytest tests/test_properties*.py --hypothesis-profile=search
_slow = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large]
hypothesis.settings.register_profile(
    "repeatable", max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=_slow
)
hypothesis.settings.register_profile("search", max_examples=2000, deadline=None, suppress_health_check=_slow)
hypothesis.settings.load_profile("repeatable")


_default_rng = np.random.default_rng
_rng = _default_rng(0)


def pytest_runtest_setup(item):
    """What a test leaves to chance is the same in every run, so that a test fails for what was changed alone."""
    global _rng
    seed = zlib.crc32(item.nodeid.encode())
    _rng = _default_rng(seed)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)


def pytest_collection_finish():
    """Saves time: what was imported stays, so it need not be collected; and graphs run once or twice as they are."""
    gc.freeze()
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(scope="session", autouse=True)
def chance() -> None:
    """Where no seed is given, NumPy's generators are drawn from that of the test; no two are alike."""
    with pytest.MonkeyPatch.context() as patch:
        new = lambda seed=None: _default_rng(int(_rng.integers(2**63)) if seed is None else seed)  # noqa: E731
        patch.setattr(np.random, "default_rng", new)
        yield


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory) -> None:
    """A folder of the tests' own for what is kept and written, so that nothing is found that an earlier run left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICLIB_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module", autouse=True)
def loops_without_xla(request):
    """Compiles networks without XLA, in a fifth of the time; the tests of sampling and the notebooks have it."""
    loops = sys.modules.get("musiclib.models.compiling")
    with pytest.MonkeyPatch.context() as patch:
        if loops is not None and request.module.__name__ not in ("test_sampling", "test_copying"):
            compiled = loops._compile
            patch.setattr(loops, "_compile", lambda function, model, xla: compiled(function, model, False))
        yield


@pytest.fixture
def moments(monkeypatch, tmp_path):
    """Copies a folder right before each change of names in the file system: what a process killed there leaves."""

    @contextlib.contextmanager
    def watch(folder):
        copies = []

        def watched(change):
            def changed(*arguments, **options):
                with monkeypatch.context() as patch:
                    for name, unwatched in changes.items():
                        patch.setattr(os, name, unwatched)
                    copies.append(shutil.copytree(folder, tmp_path / f"copy {len(copies)}"))
                return change(*arguments, **options)

            return changed

        changes = {name: getattr(os, name) for name in ("replace", "mkdir", "rmdir", "unlink")}
        with monkeypatch.context() as patch:
            for name, change in changes.items():
                patch.setattr(os, name, watched(change))
            yield copies

    return watch


@pytest.fixture
def read_only():
    """Takes from a folder the right to write into it; the root user, who needs none, becomes another one for a while."""
    root, folders = os.geteuid() == 0, []

    def protect(folder):
        folders.append(folder)
        folder.chmod(0o555)
        if root:
            os.seteuid(65534)
        return folder

    with tempfile.TemporaryDirectory() as name:
        pathlib.Path(name).chmod(0o755)
        protect.folder = pathlib.Path(name)
        try:
            yield protect
        finally:
            if root:
                os.seteuid(0)
            for folder in folders:
                folder.chmod(0o755)


@pytest.fixture
def serve():
    """Serves the folder of a file on this machine; gives the file's address."""
    with contextlib.ExitStack() as stack:

        def served(path):
            handler = functools.partial(_Silent, directory=str(path.parent))
            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/{path.name}"

        yield served


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def song() -> Score:
    """A rest, a chord, a repeated note, an octave and a triplet, in this order, six quarter lengths long."""
    third = 1 / 3
    rows = [
        (0, 1, 72),
        # silence from 1 to 1.5
        (1.5, 0.5, 60), (1.5, 0.5, 64), (1.5, 0.5, 67),
        (2, 0.5, 64), (2.5, 0.5, 64),
        (3, 1, 60), (3, 1, 72),
        (4, third, 62), (4 + third, third, 64), (4 + 2 * third, third, 65),
    ]  # fmt: skip
    return Score.from_notes(rows)


@pytest.fixture
def random_score():
    """Makes scores of notes anywhere, off every grid, with chords, overlaps and silences."""

    def make(seed: int, notes: int = 60) -> Score:
        rng = np.random.default_rng(seed)
        onsets = rng.choice(np.concatenate([rng.uniform(0, 20, notes // 2), np.arange(0, 20, 0.75)]), notes)
        rows = zip(onsets, rng.uniform(0.02, 3, notes), rng.integers(0, 128, notes), strict=True)
        return Score.from_notes([(float(o), float(d), int(p)) for o, d, p in rows], tempos=((0, 90), (7, 140)))

    return make


@pytest.fixture
def distinct_pieces() -> Pieces:
    """Pieces whose ids lie in ranges of their own, so that an id tells its piece; two have no target."""
    lengths = (23, 1, 7, 2, 0, 41, 9)
    return Pieces.from_lists([np.arange(size) + 100 * (i + 1) for i, size in enumerate(lengths)])


@pytest.fixture
def write_midi():
    """Writes a small MIDI file with symusic, which music21 knows nothing of."""
    import symusic

    def write(path, pitches, tempo=120.0, name="Piano"):
        score = symusic.Score(480)
        score.tempos.append(symusic.Tempo(time=0, qpm=tempo))
        track = symusic.Track(name, 0, False)
        for i, pitch in enumerate(pitches):
            track.notes.append(symusic.Note(time=480 * i, duration=480, pitch=int(pitch), velocity=80))
        score.tracks.append(track)
        path.parent.mkdir(parents=True, exist_ok=True)
        score.dump_midi(str(path))
        return path

    return write


def pytest_collection_modifyitems(items):
    """Puts the notebooks first: one process runs them while the other takes all other files."""
    items.sort(key=lambda item: item.path.name != "test_notebooks.py")
