"""Survival: whatever stops a training, it goes on from the last epoch and ends as if nothing had happened."""

import errno
import json
import os
import pathlib
import random
import resource
import signal

import numpy as np
import pytest
from soak import kill_training
from test_training import FILES, GRU, LSTM, SETTINGS, VOCABULARY, make_dataset

from musiclib import training
from musiclib.config import Config, TrainingConfig
from musiclib.dataset import Dataset, Pieces
from musiclib.encodings.vocabulary import END, START
from musiclib.training import callbacks, distribution, provenance
from musiclib.training.checkpoint import NAME, Checkpoint

CONFIG = Config("tiny", LSTM, SETTINGS).replace(epochs=3, learning_rate=0.05)


class Stopped(BaseException):
    """What no handler in between is prepared for."""


def contradicting():
    """Held-out pieces that contradict the training pieces, so that the learning rate falls and training stops early."""
    data, rng = make_dataset(), np.random.default_rng(0)
    noise = Pieces.from_lists([[START, *rng.integers(4, 9, 20), END] for _ in range(3)])
    return Dataset(data.train, noise, noise, VOCABULARY, data.encoding, {})


def train(folder=None, config=CONFIG, data=None, **options):
    return training.train(data or make_dataset(), config, folder, **{"progress": False, **options})


def assert_same(run, other):
    assert run.history == other.history
    for one, another in zip(run.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, another)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def whole():
    """An unbroken training of CONFIG."""
    return train()


@pytest.fixture
def stop_after(monkeypatch):
    """Stops a training right after the checkpoint of each of these epochs."""

    def stop(*epochs):
        left, save = set(epochs), Checkpoint.save

        def saving(state, folder):
            save(state, folder)
            if state.epochs in left:
                left.remove(state.epochs)
                raise Stopped

        monkeypatch.setattr(Checkpoint, "save", saving)

    return stop


@pytest.fixture
def begun(tmp_path, stop_after):
    """The folder of a training that was stopped after its second epoch of three."""
    stop_after(2)
    with pytest.raises(Stopped):
        train(tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("model", "count", "average"),
    [(LSTM, 4, 0.0), (GRU, 2, 0.0), (LSTM, 2, 0.8)],
    ids=["stacked_lstm", "gru_attention", "averaged weights"],
)
def test_stopped_again_and_again_it_ends_with_the_weights_of_an_unbroken_training(
    model, count, average, tmp_path, stop_after
):
    """With dropout, with a learning rate that falls, and stopping early in the same epoch."""
    config = Config("tiny", model, SETTINGS).replace(epochs=30, learning_rate=0.02, patience=5, average=average)
    unbroken = train(None, config, contradicting())
    last = len(unbroken.history["val_loss"])
    assert 7 <= last < 30 and len(set(unbroken.history["learning_rate"])) > 1
    stops = [1, last, 4, last - 1][:count]
    stop_after(*stops)
    for _ in stops:
        with pytest.raises(Stopped):
            train(tmp_path, config, contradicting())
    assert_same(train(tmp_path, config, contradicting()), unbroken)
    assert names(tmp_path) == FILES
    assert_same(training.load_run(tmp_path), unbroken)


def test_killed_at_random_moments_it_ends_with_the_weights_of_an_unbroken_training(tmp_path):
    """Real processes and real kills; tests/soak/kill_training.py does many more."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # shown where it fails
    unbroken = kill_training.start(tmp_path / "whole")
    rows = kill_training.train_and_kill(tmp_path / "run", 3, 1.5, random.Random(seed), "tensorflow")
    assert kill_training.finish(unbroken) is not None
    assert len(rows) == 3 and kill_training.compare(tmp_path / "run", tmp_path / "whole")


def test_stopped_between_any_two_changes_of_its_folder_a_training_goes_on(tmp_path, moments, whole):
    """And the run that was there before loads until the new one does."""
    folder = tmp_path / "run"
    before = train(folder, CONFIG.replace(epochs=1, seed=5))
    with moments(folder) as copies:
        train(folder)
    found = {}
    for copy in copies:
        run = training.load_run(copy)
        assert_same(run, whole if len(run.history["loss"]) == 3 else before)
        key = tuple((str(path.relative_to(copy)), path.stat().st_size) for path in sorted(copy.rglob("*")))
        found.setdefault(key, copy)
    assert len(copies) >= 10 and len(found) >= 6
    for copy in list(found.values())[-6:]:  # the checkpoint of the last epoch, and the moving of the new run
        assert_same(train(copy), whole)
        assert names(copy) == FILES
        assert_same(training.load_run(copy), whole)


def test_more_epochs_go_on_from_a_checkpoint(begun):
    more = CONFIG.replace(epochs=5)
    assert_same(train(begun, more), train(None, more))


def test_as_many_epochs_as_are_kept_make_a_run_of_them(begun):
    assert_same(train(begun, CONFIG.replace(epochs=2)), train(None, CONFIG.replace(epochs=2)))


def test_fewer_epochs_than_are_kept_are_refused(begun):
    with pytest.raises(ValueError, match="is already at epoch 2.*has epochs=1; set epochs=2 or more"):
        train(begun, CONFIG.replace(epochs=1))


def test_a_checkpoint_of_another_training_is_refused_and_kept(begun, monkeypatch, whole):
    other_model = Config("tiny", GRU, CONFIG.training)
    cases = [
        (lambda: train(begun, CONFIG.replace(learning_rate=0.01)), "training.learning_rate 0.05 where this one has"),
        (lambda: train(begun, other_model), "model.name 'stacked_lstm' where this one has 'gru_attention'"),
        (lambda: train(begun, data=make_dataset(seed=3)), "with data '"),
    ]
    for attempt, named in cases:
        with pytest.raises(ValueError, match="another training") as error:
            attempt()
        assert named in str(error.value) and str(begun / NAME) in str(error.value) and "delete" in str(error.value)
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "code", lambda _: "0" * 16)
        with pytest.raises(ValueError, match="with code "):
            train(begun)
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "versions", lambda: {"keras": "4.0"})
        with pytest.raises(ValueError, match="with versions.keras "):
            train(begun)
    assert_same(train(begun), whole)


def test_a_checkpoint_of_no_epoch_is_in_nobody_s_way(tmp_path, stop_after, whole):
    stop_after(0)
    with pytest.raises(Stopped):
        train(tmp_path, CONFIG.replace(learning_rate=1.0))
    assert_same(train(tmp_path), whole)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", None])
def test_a_damaged_checkpoint_is_said(content, begun):
    data = (begun / NAME).read_bytes()
    (begun / NAME).write_bytes(data[: len(data) // 2] if content is None else content)
    with pytest.raises(ValueError, match="checkpoint.npz is damaged.*delete it to train from the beginning"):
        train(begun)


def test_a_finished_run_is_returned_as_it_is(tmp_path, capsys, whole):
    train(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = train(tmp_path, progress=True)
    assert capsys.readouterr().out == f"{tmp_path} is finished after epoch 3\n"
    assert_same(again, whole)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_run_of_another_training_or_code_is_trained_anew(tmp_path, monkeypatch, capsys, whole):
    train(tmp_path, CONFIG.replace(seed=4))
    capsys.readouterr()
    assert_same(train(tmp_path, progress=True), whole)
    assert capsys.readouterr().out.startswith(f"{tmp_path} holds a run of other data or settings: it is")
    monkeypatch.setattr(provenance, "code", lambda _: "0" * 16)
    assert_same(train(tmp_path), whole)
    assert training.load_run(tmp_path).about["code"] == "0" * 16


def test_a_damaged_run_is_trained_anew(tmp_path, whole):
    train(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"PK")
    assert_same(train(tmp_path), whole)
    assert_same(training.load_run(tmp_path), whole)


def test_a_training_that_goes_on_says_so(begun, capsys):
    train(begun, progress=True)
    printed = capsys.readouterr().out
    assert printed.startswith(f"{begun} is resumed after epoch 2\nepoch 3: ") and "epoch 2:" not in printed


def interrupting(monkeypatch, epoch, interrupt):
    """Interrupts a training in the middle of an epoch."""
    look = callbacks.Watch.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        look(self, batch, logs)
        if self.state.epochs == epoch - 1 and batch == 2:
            interrupt()

    monkeypatch.setattr(callbacks.Watch, "on_train_batch_end", on_train_batch_end)


def test_ctrl_c_says_what_is_kept(tmp_path, monkeypatch, whole):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt) as interrupt:
        interrupting(patch, 3, lambda: signal.raise_signal(signal.SIGINT))
        train(tmp_path)
    message = str(interrupt.value)
    assert (
        "interrupted in epoch 3" in message
        and f"{tmp_path / NAME} holds the training up to epoch 2" in message
        and "epochs=2" in message
    )
    assert names(tmp_path) == [NAME]
    assert_same(train(tmp_path), whole)


@pytest.mark.parametrize("given", [True, False])
def test_ctrl_c_says_that_nothing_is_kept(given, tmp_path, monkeypatch):
    interrupting(monkeypatch, 1, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt, match="nothing new is saved in" if given else "no folder was given"):
        train(tmp_path if given else None)


def test_a_loss_that_is_no_number_stops_and_leaves_the_epochs_before(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(FloatingPointError) as error:
        rate = callbacks.learning_rate_after
        patch.setattr(callbacks, "learning_rate_after", lambda losses, s: 1e38 if len(losses) == 2 else rate(losses, s))
        train(tmp_path)
    message = str(error.value)
    for text in (
        "no longer a number in epoch 3",
        "a lower learning_rate than 0.05",
        "clip_norm",
        "holds the training up to epoch 2",
    ):
        assert text in message
    assert_same(train(tmp_path, CONFIG.replace(epochs=2)), train(None, CONFIG.replace(epochs=2)))


def test_a_loss_that_is_no_number_at_once_leaves_a_run_as_it_was(tmp_path):
    before = train(tmp_path, CONFIG.replace(epochs=1))
    with pytest.raises(FloatingPointError, match="in epoch 1; try a lower learning_rate than 1e\\+38"):
        train(tmp_path, CONFIG.replace(learning_rate=1e38))
    assert_same(training.load_run(tmp_path), before)
    assert_same(train(tmp_path, CONFIG.replace(seed=9)), train(None, CONFIG.replace(seed=9)))  # nothing is in the way


def test_a_disk_that_is_full_at_any_point_leaves_the_run_as_it_was(tmp_path, monkeypatch, whole):
    folder = tmp_path / "run"
    before = train(folder, CONFIG.replace(epochs=1, seed=5))
    replace, opened = os.replace, pathlib.Path.open
    failures = 0
    while True:
        left = failures

        def counted(change):
            def changed(*arguments, **options):
                nonlocal left
                if change is opened and arguments[1:] != ("wb",):
                    return change(*arguments, **options)
                left -= 1
                if left < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "inner name")
                return change(*arguments, **options)

            return changed

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", counted(replace))
            patch.setattr(pathlib.Path, "open", counted(opened))
            try:
                train(folder)
                break
            except OSError as error:
                assert error.errno == errno.ENOSPC and str(folder) in str(error)
                assert "No space left on device" in str(error) and "inner name" not in str(error)
        kept = training.load_run(folder)
        assert_same(kept, whole if len(kept.history["loss"]) == 3 else before)
        assert not [name for name in names(folder) if name.endswith(".partial")]
        failures += 1
    assert failures >= 6
    assert_same(training.load_run(folder), whole)


@pytest.fixture
def small_files():
    """Lets no file of this process grow beyond some bytes: the system itself then refuses to write on."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


# Keras 3.13 leaves the archive that it could not write to be closed by Python, which then cannot write it either.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*ZipFile:pytest.PytestUnraisableExceptionWarning")
def test_a_write_that_the_system_refuses_leaves_the_run_as_it_was(tmp_path, small_files):
    before = train(tmp_path)
    size = (tmp_path / "model.keras").stat().st_size
    for limit in (0, 1000, size // 2, size - 1):
        small_files(limit)
        with pytest.raises(OSError, match="cannot write .*what was there before is untouched"):
            train(tmp_path, CONFIG.replace(seed=1, epochs=1))
        with pytest.raises(OSError, match="cannot write .*what was there before is untouched"):
            before.save(tmp_path)
        assert_same(training.load_run(tmp_path), before)
        assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("place", ["file/run", "/proc/run"])
def test_a_folder_that_cannot_be_written_is_said_before_training(place, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("keras.Model.fit", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(OSError, match=f"cannot write .*{place}.*name a place that can be written"):
        train(tmp_path / place)


def test_a_read_only_folder_is_said_before_training_and_its_run_loads(read_only, monkeypatch):
    folder = read_only.folder / "run"
    before = train(folder)
    read_only(folder)
    monkeypatch.setattr("keras.Model.fit", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(PermissionError, match="cannot write .*Permission denied.*name a place that can be written"):
        train(folder, CONFIG.replace(seed=1))
    assert_same(training.load_run(folder), before)
    assert_same(train(folder), before)  # which writes nothing


def test_a_dataset_is_replaced_as_a_whole(tmp_path, moments):
    folder = tmp_path / "data"
    old, new = make_dataset(seed=1), make_dataset(seed=2)
    old.save(folder)
    with moments(folder) as copies:
        new.save(folder)
    found = [Dataset.load(copy).fingerprint for copy in copies]
    assert set(found) == {old.fingerprint, new.fingerprint} and len(found) >= 8
    assert Dataset.load(folder).fingerprint == new.fingerprint


def test_a_checkpoint_is_numbers_and_json(begun):
    with np.load(begun / NAME, allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fiuU" for name in file.files)
        about = json.loads(str(file["about"]))
    assert about["recipe"]["training"]["seed"] == 0 and len(about["history"]["val_loss"]) == 2


def test_the_learning_rate_and_the_last_epoch_follow_from_the_losses():
    settings = TrainingConfig(epochs=9, learning_rate=0.08, patience=3)
    losses = [3.0, 2.0, 2.1, 1.99995, 1.99, 2.5, 2.5]  # the fourth is better, and not by enough for the learning rate
    rates = [callbacks.learning_rate_after(losses[:n], settings) for n in range(8)]
    assert rates == [0.08, 0.08, 0.08, 0.08, 0.04, 0.04, 0.04, 0.02]

    def over(*losses):
        return callbacks.is_over(Checkpoint({}, {"val_loss": list(losses)}, [], []), settings)

    assert not over() and not over(3.0) and not over(2.0, 3, 3) and over(2.0, 3, 3, 3)
    assert not over(2.0, 3, 3, 1.99999) and over(2.0, 2.0, 2.0, 2.0) and over(*range(9, 0, -1))


@pytest.mark.parametrize("name", ["bach_lstm", "bach_gru_attention"])
def test_the_learning_rate_is_that_of_the_runs_that_ship(name):
    """Which Keras' own callbacks have trained."""
    folder = pathlib.Path(__file__).resolve().parents[1] / "models" / name
    history = json.loads((folder / "history.json").read_text())
    settings = Config.from_dict(json.loads((folder / "config.json").read_text())["config"]).training
    rates = [callbacks.learning_rate_after(history["val_loss"][:n], settings) for n in range(len(history["val_loss"]))]
    np.testing.assert_allclose(rates, history["learning_rate"], rtol=1e-6)
    assert len(set(rates)) > 1


def test_what_process_0_reads_is_what_it_returns():
    def fail():
        raise ValueError("the cause")

    assert distribution.from_main(lambda: b"bytes") == b"bytes"
    with pytest.raises(ValueError, match="the cause"):
        distribution.from_main(fail)


def test_leftovers_of_a_killed_process_are_removed(tmp_path, whole):
    (tmp_path / f".{NAME}.1.partial").write_bytes(b"half")
    (tmp_path / ".1.partial").mkdir()
    (tmp_path / ".1.partial" / "model.keras").write_bytes(b"half")
    assert_same(train(tmp_path), whole)
    assert names(tmp_path) == FILES


def test_the_order_of_windows_is_that_of_the_epoch(distinct_pieces):
    from musiclib.dataset import Windows

    windows = Windows(distinct_pieces, 5, 4, seed=3)
    for epoch in range(3):
        later = Windows(distinct_pieces, 5, 4, seed=3, epoch=epoch)
        for i in range(len(windows)):
            for one, other in zip(windows[i], later[i], strict=True):
                np.testing.assert_array_equal(one, other)
        windows.on_epoch_end()
