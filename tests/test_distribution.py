"""Distribution: several processes and several devices end with the weights that one alone ends with."""

import importlib.util
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from musiclib.dataset import Pieces, Windows
from musiclib.training import distribution

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIMIT = 150  # seconds; far more than is needed, so that a busy machine fails nothing
needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
needs_tensorflow = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="no TensorFlow")

# What each process runs: a training of two epochs, whose last batch is not full, and its weights in a file.
TRAIN = """
import sys
import numpy as np
from musiclib import training
from musiclib.training import distribution
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.dataset import Dataset
from musiclib.encodings import NoteChord
from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import END, RESERVED, START, Vocabulary

def train(folder):
    rng = np.random.default_rng(0)
    make = lambda count: Pieces.from_lists([[START, *rng.integers(4, 8, 21), END] for _ in range(count)])
    data = Dataset(make(7), make(3), make(1), Vocabulary([*RESERVED, "C4:1", "D4:1", "E4:1", "F4:1"]), NoteChord(), {})
    settings = TrainingConfig(window=8, batch_size=4, epochs=2, learning_rate=0.01, clip_norm=100.0)
    model = ModelConfig("stacked_lstm", {"units": [6], "embedding_size": 4, "dropout": 0.0})
    run = training.train(data, Config("tiny", model, settings), folder)
    return run.model.get_weights() + [np.array(run.history["loss"] + run.history["val_loss"])]
"""
WORKER = (
    TRAIN
    + """
folder, weights, *place = sys.argv[1:]
if place:
    distribution.start(place[0], int(place[1]), int(place[2]), timeout=100)
np.savez(weights, *train(folder))
"""
)
STOPPED = (
    TRAIN
    + """
from musiclib.training.checkpoint import Checkpoint

save = Checkpoint.save
def save_and_stop(state, folder):
    save(state, folder)
    if state.epochs == 1:
        sys.exit()
Checkpoint.save = save_and_stop
train(sys.argv[1])
"""
)
MIRRORED = (
    TRAIN
    + """
import tensorflow as tf

processor, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
folder, weights = sys.argv[1:]
assert len(distribution._devices()) == 2
np.savez(weights + ".two.npz", *train(folder))
distribution._devices = lambda: ["the first alone"]
np.savez(weights + ".one.npz", *train(folder))
"""
)


def start(code, backend, *arguments):
    environment = {
        **os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3",
    }  # fmt: skip
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, text=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def free_address():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def finish(processes):
    """Returns what each printed; none outlives the test, not even one that waits for another (JAX heeds no SIGTERM)."""
    try:
        outputs = [process.communicate(timeout=LIMIT) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for process, (_, errors) in zip(processes, outputs):
        assert process.returncode == 0, errors[-3000:]
    return [printed for printed, _ in outputs]


def read(path):
    with np.load(path) as file:
        return [file[name] for name in file.files]


def assert_close(some, others, tolerance):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process ends with."""
    folder = tmp_path_factory.mktemp("alone")
    finish([start(WORKER, "jax", folder / "run", folder / "weights.npz")])
    return read(folder / "weights.npz")


def in_two(folder):
    """Trains in two processes; returns what each printed, and what each ended with."""
    address = free_address()
    printed = finish([start(WORKER, "jax", folder / f"run_{i}", folder / f"{i}.npz", address, 2, i) for i in range(2)])
    return printed, [read(folder / f"{i}.npz") for i in range(2)]


@needs_jax
def test_two_processes_end_with_the_weights_of_one(tmp_path, alone):
    printed, (first, second) = in_two(tmp_path)
    assert_close(first, second, 0)
    assert_close(first, alone, 1e-5)
    assert "epoch 2" in printed[0] and "epoch" not in printed[1]
    assert (tmp_path / "run_0" / "config.json").is_file() and not (tmp_path / "run_1").exists()


@needs_jax
def test_processes_go_on_from_the_checkpoint_that_the_first_alone_can_read(tmp_path, alone):
    """And then they find the run finished, and return it all the same."""
    finish([start(STOPPED, "jax", tmp_path / "run_0")])
    for attempt in ("resumed", "finished"):
        printed, (first, second) = in_two(tmp_path)
        assert attempt in printed[0] and "epoch 1:" not in printed[0] and "epoch" not in printed[1]
        assert_close(first, second, 0)
        assert_close(first, alone, 1e-5)
        assert not (tmp_path / "run_1").exists()


@needs_tensorflow
def test_two_devices_end_with_the_weights_of_one(tmp_path):
    finish([start(MIRRORED, "tensorflow", tmp_path / "run", tmp_path / "weights")])
    assert_close(read(tmp_path / "weights.two.npz"), read(tmp_path / "weights.one.npz"), 1e-4)


@pytest.mark.parametrize("processes", [1, 2, 3, 6])
@pytest.mark.parametrize("seed", [None, 3])
def test_the_shares_of_all_processes_make_up_each_batch(processes, seed, distinct_pieces):
    def cut():
        return Windows(distinct_pieces, 5, 6, seed=seed)

    whole, shares = cut(), [distribution._Share(cut(), i, processes) for i in range(processes)]
    for _ in range(2):
        assert {len(share) for share in shares} == {len(whole)}
        for i in range(len(whole)):
            for part, dealt in zip(whole[i], zip(*(share[i] for share in shares)), strict=True):
                assert {rows.shape for rows in dealt} == {(6 // processes, 5)}
                together = np.concatenate(dealt)
                np.testing.assert_array_equal(together[: len(part)], part)
                assert not together[len(part) :].any()  # filled up with padding
        for windows in (whole, *shares):
            windows.on_epoch_end()


def test_a_batch_that_cannot_be_dealt_out_evenly_is_refused(monkeypatch, distinct_pieces):
    monkeypatch.setattr(distribution, "_devices", lambda: ["one", "two", "three", "four"])
    with pytest.raises(ValueError, match="batch of 6 windows.*4 devices.*multiple of 4"):
        distribution.share(Windows(distinct_pieces, 5, 6))


def test_on_one_device_nothing_is_dealt_out(monkeypatch, distinct_pieces):
    monkeypatch.setattr(distribution, "_devices", lambda: ["one"])
    windows = Windows(distinct_pieces, 5, 6)
    assert distribution.share(windows) is windows and distribution.is_main()


def test_another_backend_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="runs on tensorflow.*KERAS_BACKEND=jax"):
        distribution.start("127.0.0.1:1234", 2, 0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("127.0.0.1:1234", 2, None), "together"),
        (("127.0.0.1:1234", None, 0), "together"),
        (("127.0.0.1", 2, 0), "host:port"),
        ((":1234", 2, 0), "host:port"),
        (("host:port", 2, 0), "host:port"),
        (("127.0.0.1:1234", 2, 2), "process 2 of 2"),
        (("127.0.0.1:1234", 2, -1), "process -1 of 2"),
        (("127.0.0.1:1234", 0, 0), "process 0 of 0"),
    ],
)
def test_where_a_process_stands_is_checked_before_anything_waits(monkeypatch, arguments, named):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=named):
        distribution.start(*arguments)


def test_a_process_that_cannot_reach_the_first_says_so(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    address = free_address()
    with pytest.raises(TimeoutError, match=f"no process 0 at {address} within 0.3 seconds"):
        distribution.start(address, 2, 1, timeout=0.3)


def test_precision_holds_for_what_is_built_inside_alone():
    before = keras.config.dtype_policy().name
    with distribution.precision("mixed_bfloat16"):
        layer = keras.layers.Dense(2)
    assert layer.compute_dtype == "bfloat16" and layer.variable_dtype == "float32"
    with pytest.raises(RuntimeError), distribution.precision("mixed_bfloat16"):
        raise RuntimeError
    assert keras.config.dtype_policy().name == before


def test_precision_is_float32_where_bfloat16_is_emulated():
    with distribution.precision("auto"):
        assert keras.layers.Dense(2).compute_dtype == "float32"  # the tests see no accelerator


def test_too_short_pieces_have_no_share(monkeypatch):
    monkeypatch.setattr(distribution, "_devices", lambda: ["one", "two"])
    with pytest.raises(ValueError, match="1 pieces"):
        distribution.share(Windows(Pieces.from_lists([[1]]), 5, 6))
