"""Reading: many files at once, each of which gives a Score or the reason why not.

What the cache holds is taken from there. The rest is read on all cores of this machine, or wherever joblib is told
to (``joblib.parallel_config(backend="dask")``), in batches, so that small files do not spend their time waiting for
one another. A process that dies takes its file with it and nothing else.
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
from musiclib.readers.parsed import LostNotes, UnreadableScore
from musiclib.score import Score

WORTH_STARTING = 2.0  # seconds of reading from which on starting processes, which import music21, pays
_BATCH_SECONDS = 2.0  # how long a batch may take, so that the bar moves and the last one is not waited for
_KEEP_EVERY = 5.0  # seconds after which what was read is kept, so that a run that is stopped can go on
# What joblib's backends raise when a process dies; by name, for Dask and Ray are not always installed.
_DEATHS = {"BrokenExecutor", "KilledWorker", "WorkerCrashedError", "WorkerLostError"}

# A packed Score or reason, whether it would be the same another time, and a sentence where notes were left out.
Packed = tuple[bytes, bool, str]
_WHY = "the process that read it died; leave this file out, or try another reader"
_DIED: Packed = cache_module.pack(UnreadableScore(_WHY)), False, ""
_NAMED = 3  # files with notes left out that the warning names


def read_files(
    paths: Sequence[str | pathlib.Path],
    reader: str = "music21",
    cache: bool = True,
    progress: bool = False,
    label: str = "reading",
) -> list[Score | UnreadableScore]:
    """Reads files on all cores, or as ``joblib.parallel_config`` says.

    Args:
        paths: files; one that is listed twice, or whose copy is, is read once where there is a cache.
        reader: a name in ``readers.READERS``.
        cache: take what was read before from ``data/cache``, and keep there what is read now.
        progress: show a bar.
        label: what stands before it.

    Returns:
        For each path the Score, or why there is none.

    Raises:
        ValueError: at an unknown reader; the message lists those there are.
        ModuleNotFoundError: where the package that the reader needs is not installed.

    Warns:
        LostNotes: once, where notes of files that were read now were left out.
    """
    chosen = readers.find_reader(reader)
    version = chosen.version
    paths = [pathlib.Path(path).expanduser() for path in paths]
    results: list[Score | UnreadableScore | None] = [None] * len(paths)
    with tqdm(total=len(paths), desc=label, unit="piece", disable=not progress) as bar:
        places: dict[bytes, list[int]] = collections.defaultdict(list)  # of each content
        for place, path in enumerate(paths):
            try:
                places[cache_module.file_key(path, version) if cache else b"%d" % place].append(place)
            except OSError as error:
                results[place] = UnreadableScore(error.strerror or str(error), path)
                bar.update()

        def take(key: bytes, packed: bytes) -> None:
            music = cache_module.unpack(packed)
            for place in places.pop(key):
                unreadable = isinstance(music, UnreadableScore)
                results[place] = UnreadableScore(music.reason, paths[place]) if unreadable else music
                bar.update()

        store = cache_module.Cache(config.folders().data / "cache") if cache else None
        for key, packed in (store.get(places) if store else {}).items():
            take(key, packed)
        missing = {key: paths[found[0]] for key, found in places.items()}
        fresh: dict[bytes, bytes] = {}
        lost: list[str] = []
        kept = time.monotonic()
        try:
            for key, (packed, lasting, left_out) in _read_all(missing, chosen):
                take(key, packed)
                lost += [left_out] if left_out else []
                if lasting:
                    fresh[key] = packed
                if store and time.monotonic() - kept > _KEEP_EVERY:
                    store.put(fresh)
                    fresh, kept = {}, time.monotonic()
        except KeyboardInterrupt:
            kept = "what was read is kept, and the same call goes on from there" if store else "nothing is kept"
            done = sum(result is not None for result in results)
            raise KeyboardInterrupt(f"{label} was stopped after {done} of {len(paths)} files; {kept}") from None
        finally:
            if store and fresh:
                store.put(fresh)
    if lost:
        named = "; ".join(sorted(lost)[:_NAMED]) + ("; ..." if len(lost) > _NAMED else "")
        warnings.warn(f"notes were left out of {len(lost)} of {len(paths)} files: {named}", LostNotes, stacklevel=3)
    return results


def _read_packed(path: pathlib.Path, reader: readers.Reader) -> Packed:
    """Reads one file; what is wrong with it is a result too, since one bad file must not end the rest."""
    try:
        with warnings.catch_warnings(record=True) as said:  # in another process nobody would hear them
            warnings.simplefilter("always", LostNotes)
            score = readers.read_with(reader, path)
        lost = [str(warning.message) for warning in said if issubclass(warning.category, LostNotes)]
        return cache_module.pack(score), True, "".join(lost)
    except UnreadableScore as error:
        return cache_module.pack(error), not isinstance(error.__cause__, OSError), ""
    except (ValueError, OSError, MemoryError) as error:
        return cache_module.pack(UnreadableScore(str(error) or type(error).__name__)), False, ""


def _read_batch(
    batch: Sequence[tuple[bytes, pathlib.Path]], reader: readers.Reader, call: str | None = None
) -> list[tuple[bytes, Packed]]:
    """Reads a batch; with the keys, since batches come back in any order.

    Dask gives the batch of a process that died to another one, which would die of the same file, and after four of
    them joblib waits for ever. So where ``call`` names the call of ``read_files``, an empty file stands in the
    temporary folder while a file is read, and one that is found there already tells that a process died of it.
    """
    results = []
    for key, path in batch:
        mark = pathlib.Path(tempfile.gettempdir(), f"musiclib-{call}-{key.hex()}") if call else None
        if mark and mark.exists():
            mark.unlink(missing_ok=True)
            results.append((key, _DIED))
            continue
        if mark:
            mark.touch()
        results.append((key, _read_packed(path, reader)))
        if mark:
            mark.unlink(missing_ok=True)
    return results


def _read_all(missing: dict[bytes, pathlib.Path], reader: readers.Reader) -> Iterator[tuple[bytes, Packed]]:
    """Yields (key, packed) of every file, in any order."""
    if not missing:
        return
    told, jobs = _joblib_settings()
    if not told and len(missing) * reader.seconds < WORTH_STARTING:
        for key, path in missing.items():
            yield key, _read_packed(path, reader)
        return
    left = dict(missing)
    workers = max(joblib.effective_n_jobs(jobs), 1)
    size = min(math.ceil(len(left) / (4 * workers)), max(round(_BATCH_SECONDS / reader.seconds), 1))
    try:
        for results in _in_batches(list(left.items()), size, jobs, reader):
            for key, packed in results:
                del left[key]
                yield key, packed
    except Exception as error:
        if not _is_death(error):
            raise
        yield from _one_by_one(left, workers, reader)


def _joblib_settings() -> tuple[bool, int]:
    """Returns whether the caller has told joblib how to work, and the number of jobs: -1 is all there are."""
    with joblib.parallel_config() as active:  # inherits what an outer one has set
        jobs, backend = active["n_jobs"], active["backend"]
    has_jobs = isinstance(jobs, int)  # where nothing was set stands an object of joblib's own
    return has_jobs or hasattr(backend, "effective_n_jobs"), jobs if has_jobs else -1


def _in_batches(items: list, size: int, jobs: int, reader: readers.Reader) -> Iterator[list[tuple[bytes, Packed]]]:
    backend, _ = joblib.parallel.get_active_backend()
    call = uuid.uuid4().hex if type(backend).__name__ == "DaskDistributedBackend" else None
    batches = (items[begin : begin + size] for begin in range(0, len(items), size))
    tasks = (joblib.delayed(_read_batch)(batch, reader, call) for batch in batches)
    return_as = "generator_unordered" if backend.supports_return_generator else "list"
    yield from joblib.Parallel(n_jobs=jobs, return_as=return_as, batch_size=1)(tasks)


def _is_death(error: BaseException) -> bool:
    return any(kind.__name__ in _DEATHS for kind in type(error).__mro__)


def _one_by_one(
    left: dict[bytes, pathlib.Path], workers: int, reader: readers.Reader
) -> Iterator[tuple[bytes, Packed]]:
    """Reads files so that it is known which one a process dies of: each process has one file at a time."""
    backend, jobs = joblib.parallel.get_active_backend()
    if type(backend).__name__ != "LokyBackend":  # a cluster starts its processes itself
        for key, path in left.items():
            try:
                yield key, joblib.Parallel(n_jobs=jobs)([joblib.delayed(_read_packed)(path, reader)])[0]
            except Exception as error:
                if not _is_death(error):
                    raise
                yield key, _DIED
        return
    waiting = collections.deque(left.items())
    idle = [loky.ProcessPoolExecutor(1) for _ in range(min(workers, len(left)))]
    flying: dict[concurrent.futures.Future, tuple[bytes, loky.ProcessPoolExecutor]] = {}
    try:
        while waiting or flying:
            while waiting and idle:
                key, path = waiting.popleft()
                executor = idle.pop()
                flying[executor.submit(_read_packed, path, reader)] = key, executor
            for future in concurrent.futures.wait(flying, return_when=concurrent.futures.FIRST_COMPLETED).done:
                key, executor = flying.pop(future)
                try:
                    packed = future.result()
                except concurrent.futures.BrokenExecutor:
                    executor.shutdown()
                    executor, packed = loky.ProcessPoolExecutor(1), _DIED
                idle.append(executor)
                yield key, packed
    finally:
        for executor in [*idle, *(executor for _, executor in flying.values())]:
            executor.shutdown(kill_workers=True)
