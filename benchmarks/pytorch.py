"""PyTorch: the default LSTM's training and its stepping, against ``torch.nn.LSTM`` of the same shapes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import generation
from benchmarks.measure import Comparison, Row, Setting, Unavailable, seconds
from musiclib.encodings.vocabulary import RESERVED, Vocabulary

if TYPE_CHECKING:
    import torch

    from musiclib.dataset import Dataset

SIZE = 312  # of the vocabulary: that of the 92 files, with the reserved ids
WINDOW, BATCH_SIZE = 96, 32  # musiclib's defaults
STEPS = 20  # batches an epoch
EPOCHS = 8  # more in the longer of two trainings


def _torch():
    try:
        import torch
    except ImportError as error:
        raise Unavailable("torch is not installed; benchmarks/requirements.txt names it") from error
    return torch


@functools.cache
def _network_class() -> type:
    """Makes the class when torch is there: a module that imports without it cannot derive from it."""
    torch = _torch()

    class Network(torch.nn.Module):
        """Embedding, two LSTM layers with dropout after each, and logits."""

        def __init__(self, size: int, units: tuple[int, int] = (512, 256), embedding_size: int = 128) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(size, embedding_size)
            self.first = torch.nn.LSTM(embedding_size, units[0], batch_first=True)
            self.second = torch.nn.LSTM(units[0], units[1], batch_first=True)
            self.dropout = torch.nn.Dropout(0.3)
            self.head = torch.nn.Linear(units[1], size)

        def forward(self, ids, states=(None, None)):
            x, first = self.first(self.embedding(ids), states[0])
            x, second = self.second(self.dropout(x), states[1])
            return self.head(self.dropout(x)), (first, second)

    return Network


def network(size: int, **sizes) -> torch.nn.Module:
    """Builds the network in PyTorch."""
    return _network_class()(size, **sizes)


def _torch_training(setting: Setting) -> Callable[[], float]:
    torch = _torch()
    model = network(SIZE)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    ids = torch.from_numpy(_ids(STEPS * BATCH_SIZE).astype(np.int64)).reshape(STEPS, BATCH_SIZE, WINDOW + 1)

    def epoch() -> None:
        for batch in ids:
            optimizer.zero_grad()
            logits = model(batch[:, :-1])[0]
            torch.nn.functional.cross_entropy(logits.reshape(-1, SIZE), batch[:, 1:].reshape(-1)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    epoch()
    return lambda: ids[..., 1:].numel() / seconds(epoch)


def _ids(windows: int, seed: int = 0) -> np.ndarray:
    """Returns random ids, (windows, WINDOW + 1): how fast a network trains does not depend on the music."""
    return np.random.default_rng(seed).integers(len(RESERVED), SIZE, (windows, WINDOW + 1))


def vocabulary() -> Vocabulary:
    """Returns a vocabulary of ``SIZE`` tokens."""
    return Vocabulary([*RESERVED, *(f"n{i}" for i in range(SIZE - len(RESERVED)))])


def _random_dataset(batch_size: int) -> Dataset:
    from musiclib import dataset, encodings
    from musiclib.dataset import Pieces

    sets = [Pieces.from_lists(_ids(windows)) for windows in (STEPS * batch_size, 1, 1)]
    return dataset.Dataset(*sets, vocabulary(), encodings.NoteChord(), {})


def training_rate(batch_size: int = BATCH_SIZE, **options) -> float:
    """Returns the targets a second of ``training.train`` with the default LSTM.

    Two trainings are timed, one of them some epochs longer than the other; their difference
    holds all that an epoch costs, and neither building nor compiling.
    """
    from musiclib import config, training

    data = _random_dataset(batch_size)

    def train(epochs: int) -> float:
        settings = config.preset("full").replace(epochs=epochs, window=WINDOW, batch_size=batch_size, **options)
        return seconds(lambda: training.train(data, settings, progress=False))

    short = train(1)
    return EPOCHS * STEPS * batch_size * WINDOW / (train(1 + EPOCHS) - short)


def _our_training(setting: Setting) -> Callable[[], float]:
    return training_rate


def _torch_stepping(setting: Setting) -> Callable[[], float]:
    torch = _torch()
    model = network(SIZE).eval()

    @torch.inference_mode()
    def generate() -> None:
        ids, states = torch.tensor([[len(RESERVED)]]), (None, None)
        for _ in range(generation.LENGTH):
            logits, states = model(ids, states)
            ids = torch.multinomial(torch.softmax(logits[:, -1], dim=-1), 1)

    generate()
    return lambda: generation.LENGTH / seconds(generate)


def _our_stepping(setting: Setting) -> Callable[[], float]:
    from musiclib import models, sampling

    run = generation.as_run(models.build("stacked_lstm", SIZE), vocabulary())

    def generate() -> None:
        sampling.generate_ids(run, length=generation.LENGTH, seed=0)

    generate()
    return lambda: generation.LENGTH / seconds(generate)


COMPARISONS = (
    Comparison(
        rows=(Row("train_pytorch", "train the default LSTM", _our_training, 1.0),),
        unit="targets/s",
        against="PyTorch's `nn.LSTM`",
        baseline=_torch_training,
        more_is_better=True,
    ),
    Comparison(
        rows=(Row("generate_pytorch", "default LSTM, one piece of 1,000 notes", _our_stepping, 3.0),),
        unit="notes/s",
        against="PyTorch's `nn.LSTM`, stepped",
        baseline=_torch_stepping,
        more_is_better=True,
    ),
)
