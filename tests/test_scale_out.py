"""Reading on a cluster: two dask workers read what one process reads."""

import joblib
import numpy as np
import pytest

from musiclib import corpus
from musiclib.score import COLUMNS

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread each, the page that shows their work on any free port."""
    import dask
    from distributed import Client, LocalCluster

    settings = {"distributed.comm.timeouts.connect": "60s", "distributed.worker.memory.target": False}
    with dask.config.set(settings):
        workers = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs="ERROR"
        )
        with workers, Client(workers, timeout=60) as client:
            yield client


@pytest.fixture
def folder(write_midi, tmp_path):
    """Twelve pieces, and a file that is none."""
    for i in range(12):
        write_midi(tmp_path / f"{i:02}.mid", 48 + np.arange(i, i + 20))
    (tmp_path / "broken.mid").write_bytes(b"MThd, or so it says")
    return tmp_path


def test_a_cluster_reads_what_one_process_reads(cluster, folder):
    here = corpus.load(folder, progress=False)
    with joblib.parallel_config(backend="dask"):
        there = corpus.load(folder, progress=False, cache=False)
    assert there.names == here.names and there.skipped == here.skipped and len(there.skipped) == 1
    for one, other in zip(here.scores, there.scores, strict=True):
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert one.tempos == other.tempos and one.time_signatures == other.time_signatures


def test_what_is_in_the_cache_needs_no_worker(cluster, folder):
    here = corpus.load(folder, progress=False)
    with joblib.parallel_config(backend="dask"):
        assert corpus.load(folder, progress=False).names == here.names


def test_the_workers_did_the_reading(cluster, folder):
    """The scheduler counts the tasks: the backend that is named is the one that reads."""

    def tasks(dask_scheduler):
        return sum(prefix.state_counts["memory"] for prefix in dask_scheduler.task_prefixes.values())

    before = cluster.run_on_scheduler(tasks)
    with joblib.parallel_config(backend="dask"):
        corpus.load(folder, progress=False, cache=False)
    assert cluster.run_on_scheduler(tasks) > before
