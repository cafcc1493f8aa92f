"""Training: the time to what the textbook's LSTM has learned after its first epoch."""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import music, textbook
from benchmarks.measure import Comparison, Row, Setting, seconds
from benchmarks.memory import need_memory
from musiclib.encodings.vocabulary import RESERVED, Vocabulary

if TYPE_CHECKING:
    import keras

    from musiclib.dataset import Dataset

_HELD_OUT = 10  # one piece of so many is held out
_VALIDATION_WINDOWS = 2000  # at most; enough for two digits of a loss
_EPOCHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)  # how long trainings are tried


def pieces(setting: Setting) -> tuple[list[list[str]], list[list[str]], Vocabulary]:
    """Returns the pieces to train on, those held out, and the vocabulary of both, as the textbook counts it."""
    everything = music.names(setting)
    chosen = [piece for piece in (everything[::8] if setting.quick else everything) if len(piece) > textbook.WINDOW]
    held_out = chosen[::_HELD_OUT]
    return [piece for i, piece in enumerate(chosen) if i % _HELD_OUT], held_out, music.vocabulary(everything)


def validation_windows(held_out: list[list[str]], vocabulary: Vocabulary) -> np.ndarray:
    """Returns windows of the held-out pieces, each with the note after it, (windows, WINDOW + 1) of numbers."""
    pieces = [music.numbers([piece], vocabulary) for piece in held_out]
    windows = np.concatenate([np.lib.stride_tricks.sliding_window_view(p, textbook.WINDOW + 1) for p in pieces])
    return windows[:: -(-len(windows) // _VALIDATION_WINDOWS)]


def validation_loss(probabilities: Callable[[np.ndarray], np.ndarray], windows: np.ndarray) -> float:
    """Returns the mean of -log P of the note after each window, by the same sum for both networks.

    Args:
        probabilities: from (batch, WINDOW) numbers to (batch, size).
        windows: what ``validation_windows`` returned.
    """
    losses = []
    for first in range(0, len(windows), textbook.BATCH_SIZE):
        batch = windows[first : first + textbook.BATCH_SIZE]
        chosen = probabilities(batch[:, :-1])[np.arange(len(batch)), batch[:, -1]]
        losses.append(-np.log(np.maximum(chosen, 1e-12)))
    return float(np.mean(np.concatenate(losses)))


def _loss_file(setting: Setting) -> pathlib.Path:
    return pathlib.Path(setting.scratch) / "textbook_loss.json"


def _textbook_epoch(setting: Setting) -> Callable[[], tuple[float, str]]:
    import keras

    train, held_out, vocabulary = pieces(setting)
    numbers, size = music.numbers(train, vocabulary), len(vocabulary) - len(RESERVED)
    need_memory(2 * len(numbers), size)  # Keras copies the arrays
    windows, identity = validation_windows(held_out, vocabulary), np.eye(size, dtype=np.float32)
    keras.utils.set_random_seed(0)
    model = textbook.lstm(size)

    def measure() -> tuple[float, str]:
        inputs, targets = textbook.one_hot_windows(numbers, size)
        taken = seconds(lambda: model.fit(inputs, targets, batch_size=textbook.BATCH_SIZE, epochs=1, verbose=0))
        loss = validation_loss(lambda batch: model.predict_on_batch(identity[batch]), windows)
        _loss_file(setting).write_text(json.dumps(loss))
        share = "an eighth of the pieces (--quick), " if setting.quick else ""
        return taken, f"{share}{len(inputs):,} windows, to a validation loss of {loss:.3f} nats"

    return measure


def _our_dataset(setting: Setting) -> tuple[Dataset, np.ndarray]:
    from musiclib import dataset, encodings
    from musiclib.dataset import Pieces

    train, held_out, vocabulary = pieces(setting)
    sets = (music.ids(train, vocabulary), music.ids(held_out, vocabulary), Pieces.from_lists([]))
    data = dataset.Dataset(*sets, vocabulary, encodings.NoteChord(durations=False), {})
    return data, validation_windows(held_out, vocabulary)


def _probabilities(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    from keras import ops

    def predict(batch: np.ndarray) -> np.ndarray:
        logits = model.predict_on_batch((batch + len(RESERVED)).astype(np.int32))[:, -1, len(RESERVED) :]
        return ops.convert_to_numpy(ops.softmax(logits))

    return predict


def _epochs_to_loss(preset: str, setting: Setting) -> Callable[[], tuple[float, str]]:
    """Returns the side that trains with a preset for one epoch, for two, ... from the start, until the loss is reached.

    The last of these trainings is what is timed: the whole call, compiling and validation included.
    """
    from musiclib import config, training

    data, windows = _our_dataset(setting)

    def measure() -> tuple[float, str]:
        goal = json.loads(_loss_file(setting).read_text())
        for epochs in _EPOCHS:
            settings = config.preset(preset).replace(epochs=epochs, patience=_EPOCHS[-1])
            runs = []
            train = functools.partial(training.train, data, settings, progress=False)
            taken = seconds(lambda train=train, runs=runs: runs.append(train()))
            loss = validation_loss(_probabilities(runs[0].model), windows)
            if loss <= goal:
                return taken, f"{epochs} epochs, to {loss:.3f} nats"
        raise ValueError(f"{_EPOCHS[-1]} epochs came to {loss:.3f} nats, and the textbook's first to {goal:.3f}")

    return measure


COMPARISONS = (
    Comparison(
        rows=(
            Row("train_to_loss", "train to the loss of the textbook's first epoch, quick preset",
                functools.partial(_epochs_to_loss, "quick"), 30),
            Row("train_to_loss_full", "the same, full preset", functools.partial(_epochs_to_loss, "full")),
        ),
        unit="s",
        against="the textbook's first epoch",
        baseline=_textbook_epoch,
        once=True,
    ),
)  # fmt: skip
