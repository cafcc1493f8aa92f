"""Parallel reading of many files: each gives the Scores of its pieces, or error messages.

Cached files are loaded from the cache. The others are parsed in batches on all cores, or on the backend set with
``joblib.parallel_config(backend="dask")``. If a worker process crashes, only the file that it was parsing is lost.
"""

from __future__ import annotations

import collections
import concurrent.futures
import math
import pathlib
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence

import joblib
from joblib.externals import loky
from tqdm.auto import tqdm

from musiclib import config, readers
from musiclib.corpus import cache as cache_module
from musiclib.readers import IrregularBars, LostNotes, Piece, RoundedPitches, UnreadableScore

WORTH_STARTING = 2.0  # estimated seconds of parsing above which worker processes (each imports music21) save time
_BATCH_SECONDS = 2.0  # target duration of a batch: keeps the progress bar moving and the last batch short
_KEEP_EVERY = 5.0  # seconds between writes to the cache, so that an interrupted call can resume
# Errors of joblib's backends when a worker crashes, by class name, since Dask and Ray may not be installed.
_CRASH_ERRORS = {"BrokenExecutor", "KilledWorker", "WorkerCrashedError", "WorkerLostError"}

# Packed pieces, whether they may be cached, and the warnings about them.
Packed = tuple[bytes, bool, list[UserWarning]]
_CRASH_MESSAGE = "the process that read it died; leave this file out, or try another reader"
_CRASHED: Packed = cache_module.pack([Piece(UnreadableScore(_CRASH_MESSAGE))]), False, []
_MAX_LISTED = 3  # files that a warning lists
_SUMMARIES = {
    LostNotes: "notes were left out of",
    IrregularBars: "bars do not fit together in",
    RoundedPitches: "microtones were rounded in",
}


def read_files(
    paths: Sequence[str | pathlib.Path],
    reader: str = "music21",
    cache: bool = True,
    progress: bool = False,
    label: str = "reading",
    **options: bool,
) -> list[list[Piece]]:
    """Reads files in parallel, on all cores or on the backend set with ``joblib.parallel_config``.

    Args:
        paths: files; with a cache, files with the same content are parsed once.
        reader: a name in ``readers.READERS``.
        cache: load already parsed files from ``data/cache``, and save newly parsed ones there.
        progress: show a progress bar; the caller then says what was left out, so that there is no warning of it.
        label: text in front of the progress bar.
        options: ``grace_notes``, ``repeats``, ``pedal`` and ``percussion`` of ``readers.read_score``.

    Returns:
        For each path its pieces, mostly one: a Score, or an UnreadableScore with the error message.

    Raises:
        ValueError: if the reader is unknown; the message lists the available ones.
        ModuleNotFoundError: if the package that the reader needs is not installed.

    Warns:
        LostNotes: once, if notes of newly parsed files were left out; also IrregularBars and RoundedPitches.
    """
    chosen = readers.find_reader(reader, **options)
    version = chosen.version
    paths = [pathlib.Path(path).expanduser() for path in paths]
    results: list[list[Piece] | None] = [None] * len(paths)
    with tqdm(total=len(paths), desc=label, unit="piece", disable=not progress) as bar:
        indices: dict[bytes, list[int]] = collections.defaultdict(list)  # positions in ``paths`` by cache key
        for i, path in enumerate(paths):
            try:
                indices[cache_module.file_key(path, version) if cache else b"%d" % i].append(i)
            except OSError as error:
                results[i] = [Piece(UnreadableScore(error.strerror or str(error), path))]
                bar.update()

        def store_result(key: bytes, packed: bytes) -> None:
            pieces = cache_module.unpack(packed)
            for i in indices.pop(key):
                results[i] = [
                    Piece(UnreadableScore(piece.music.reason, paths[i]))
                    if isinstance(piece.music, UnreadableScore)
                    else piece
                    for piece in pieces
                ]
                bar.update()

        store = cache_module.Cache(config.folders().data / "cache") if cache else None
        for key, packed in (store.get(indices) if store else {}).items():
            store_result(key, packed)
        missing = {key: paths[found[0]] for key, found in indices.items()}
        unsaved: dict[bytes, bytes] = {}
        messages: list[UserWarning] = []
        last_save = time.monotonic()
        try:
            for key, (packed, cacheable, found) in _read_all(missing, chosen):
                store_result(key, packed)
                messages += found
                if cacheable:
                    unsaved[key] = packed
                if store and time.monotonic() - last_save > _KEEP_EVERY:
                    store.put(unsaved)
                    unsaved, last_save = {}, time.monotonic()
        except KeyboardInterrupt:
            saved = "what was read is saved, and the same call resumes there" if store else "nothing is saved"
            done = sum(result is not None for result in results)
            raise KeyboardInterrupt(f"{label} was stopped after {done} of {len(paths)} files; {saved}") from None
        finally:
            if store and unsaved:
                store.put(unsaved)
    for kind, what in _SUMMARIES.items():
        if kind is LostNotes and progress:
            continue
        if some := sorted(str(message) for message in messages if isinstance(message, kind)):
            listed = "; ".join(some[:_MAX_LISTED]) + ("; ..." if len(some) > _MAX_LISTED else "")
            warnings.warn(f"{what} {len(some)} of {len(paths)} files: {listed}", kind, stacklevel=3)
    return results


def _read_packed(path: pathlib.Path, reader: readers.Reader) -> Packed:
    """Reads one file; errors are returned as results, so that one bad file does not stop the others."""
    try:
        pieces = readers.read_pieces(reader, path)
        return cache_module.pack(pieces), True, [message for piece in pieces for message in piece.warnings]
    except UnreadableScore as error:
        return cache_module.pack([Piece(error)]), not isinstance(error.__cause__, OSError), []
    except (ValueError, OSError, MemoryError) as error:
        return cache_module.pack([Piece(UnreadableScore(str(error) or type(error).__name__))]), False, []


def _read_batch(
    batch: Sequence[tuple[bytes, pathlib.Path]], reader: readers.Reader, call: str | None = None
) -> list[tuple[bytes, Packed]]:
    """Reads a batch; returns the keys too, since batches finish in any order.

    Dask retries the batch of a crashed worker on another one, which crashes on the same file; after four crashes
    joblib hangs. If ``call`` (a unique id of the ``read_files`` call) is given, a marker file exists in the temporary
    folder while a file is read: a retry that finds the marker skips that file.
    """
    results = []
    for key, path in batch:
        marker = pathlib.Path(tempfile.gettempdir(), f"musiclib-{call}-{key.hex()}") if call else None
        if marker and marker.exists():
            marker.unlink(missing_ok=True)
            results.append((key, _CRASHED))
            continue
        if marker:
            marker.touch()
        results.append((key, _read_packed(path, reader)))
        if marker:
            marker.unlink(missing_ok=True)
    return results


def _read_all(missing: dict[bytes, pathlib.Path], reader: readers.Reader) -> Iterator[tuple[bytes, Packed]]:
    """Yields (key, packed) of every file, in any order."""
    if not missing:
        return
    configured, jobs = _joblib_settings()
    if not configured and len(missing) * reader.seconds < WORTH_STARTING:
        for key, path in missing.items():
            yield key, _read_packed(path, reader)
        return
    unread = dict(missing)
    workers = max(joblib.effective_n_jobs(jobs), 1)
    size = min(math.ceil(len(unread) / (4 * workers)), max(round(_BATCH_SECONDS / reader.seconds), 1))
    try:
        for results in _in_batches(list(unread.items()), size, jobs, reader):
            for key, packed in results:
                del unread[key]
                yield key, packed
    except Exception as error:
        if not _is_crash(error):
            raise
        yield from _one_by_one(unread, workers, reader)


def _joblib_settings() -> tuple[bool, int]:
    """Returns whether the caller has configured joblib, and the number of jobs (-1: all cores)."""
    with joblib.parallel_config() as active:  # inherits the settings of an enclosing parallel_config
        jobs, backend = active["n_jobs"], active["backend"]
    has_jobs = isinstance(jobs, int)  # otherwise joblib's placeholder for the default
    return has_jobs or hasattr(backend, "effective_n_jobs"), jobs if has_jobs else -1


def _in_batches(items: list, size: int, jobs: int, reader: readers.Reader) -> Iterator[list[tuple[bytes, Packed]]]:
    backend, _ = joblib.parallel.get_active_backend()
    call = uuid.uuid4().hex if type(backend).__name__ == "DaskDistributedBackend" else None
    batches = (items[begin : begin + size] for begin in range(0, len(items), size))
    tasks = (joblib.delayed(_read_batch)(batch, reader, call) for batch in batches)
    return_as = "generator_unordered" if backend.supports_return_generator else "list"
    yield from joblib.Parallel(n_jobs=jobs, return_as=return_as, batch_size=1)(tasks)


def _is_crash(error: BaseException) -> bool:
    return any(kind.__name__ in _CRASH_ERRORS for kind in type(error).__mro__)


def _one_by_one(
    unread: dict[bytes, pathlib.Path], workers: int, reader: readers.Reader
) -> Iterator[tuple[bytes, Packed]]:
    """Reads one file per process at a time, to find the file that crashes the process."""
    backend, jobs = joblib.parallel.get_active_backend()
    if type(backend).__name__ != "LokyBackend":  # a cluster restarts its workers itself
        for key, path in unread.items():
            try:
                yield key, joblib.Parallel(n_jobs=jobs)([joblib.delayed(_read_packed)(path, reader)])[0]
            except Exception as error:
                if not _is_crash(error):
                    raise
                yield key, _CRASHED
        return
    waiting = collections.deque(unread.items())
    idle = [loky.ProcessPoolExecutor(1) for _ in range(min(workers, len(unread)))]
    running: dict[concurrent.futures.Future, tuple[bytes, loky.ProcessPoolExecutor]] = {}
    try:
        while waiting or running:
            while waiting and idle:
                key, path = waiting.popleft()
                executor = idle.pop()
                running[executor.submit(_read_packed, path, reader)] = key, executor
            for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                key, executor = running.pop(future)
                try:
                    packed = future.result()
                except concurrent.futures.BrokenExecutor:
                    executor.shutdown()
                    executor, packed = loky.ProcessPoolExecutor(1), _CRASHED
                idle.append(executor)
                yield key, packed
    finally:
        for executor in [*idle, *(executor for _, executor in running.values())]:
            executor.shutdown(kill_workers=True)
