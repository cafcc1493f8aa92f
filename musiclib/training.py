"""Training: a dataset and a configuration in, a run out.

A run is one folder: ``model.keras``, ``vocabulary.json``, ``config.json`` and
``history.json``. ``load_run`` needs nothing else, and executes nothing from it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import platform
import sys

import keras
import numpy as np
from tqdm.auto import tqdm

from musiclib import __version__, encodings, models
from musiclib.config import Config
from musiclib.dataset import Dataset
from musiclib.models import AutoregressiveModel
from musiclib.vocabulary import PADDING, Vocabulary
from musiclib.windows import Windows

FORMAT = 1  # raised when a run folder changes in a way that this version could not read
_FILES = ("model.keras", "vocabulary.json", "config.json", "history.json")


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained network with all that is needed to use it.

    Args:
        model: the network.
        vocabulary: its tokens.
        encoding: Score to tokens and back.
        config: what it was trained with.
        history: one list a figure, one value an epoch: ``loss`` and ``val_loss`` in nats per
            token, ``learning_rate``.
        about: versions, seed and the fingerprint of the data.
    """

    model: AutoregressiveModel
    vocabulary: Vocabulary
    encoding: encodings.Encoding
    config: Config
    history: dict[str, list[float]]
    about: dict

    def __repr__(self) -> str:
        best = min(self.history.get("val_loss") or [float("nan")])
        return (
            f"Run({self.config.model.name}, {self.model.count_params():,} weights, {len(self.vocabulary)} tokens,"
            f" best validation loss {best:.3f} nats per token)"
        )

    def save(self, folder: str | pathlib.Path) -> pathlib.Path:
        """Writes the run's folder, each file beside and then into its place."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "format": FORMAT,
            "encoding": self.encoding.to_config(),
            "config": self.config.to_dict(),
            "vocabulary_size": len(self.vocabulary),
            "about": self.about,
        }
        texts = {
            "vocabulary.json": self.vocabulary.to_json(),
            "history.json": json.dumps(self.history, indent=2),
            "config.json": json.dumps(about, indent=2),
        }
        self.model.save(folder / "partial.model.keras")
        os.replace(folder / "partial.model.keras", folder / "model.keras")
        for name, text in texts.items():
            (folder / f"{name}.partial").write_text(text, encoding="utf-8")
            os.replace(folder / f"{name}.partial", folder / name)
        return folder


def load_run(folder: str | pathlib.Path) -> Run:
    """Loads a run from its folder.

    Raises:
        FileNotFoundError: where the folder or one of its files is missing.
        ValueError: where its parts do not belong together, or a newer version wrote it.
    """
    folder = pathlib.Path(folder)
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} is no run: it lacks {', '.join(missing)}; train one with training.train")
    about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if about.get("format") != FORMAT:
        raise ValueError(
            f"{folder} has the run format {about.get('format')} and this version of musiclib reads {FORMAT};"
            " update musiclib, or train the run again"
        )
    vocabulary = Vocabulary.read(folder / "vocabulary.json")
    model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)
    sizes = {"its vocabulary": len(vocabulary), "its configuration": about["vocabulary_size"]}
    written = getattr(model, "vocabulary_size", None)
    for what, size in sizes.items():
        if written != size:
            raise ValueError(
                f"{folder} does not belong together: its network writes {written} tokens and {what} has {size};"
                " copy the folder again as a whole"
            )
    return Run(
        model,
        vocabulary,
        encodings.from_config(about["encoding"]),
        Config.from_dict(about["config"]),
        json.loads((folder / "history.json").read_text(encoding="utf-8")),
        about["about"],
    )


def train(dataset: Dataset, config: Config, folder: str | pathlib.Path | None = None, progress: bool = True) -> Run:
    """Trains a network and keeps the weights with the lowest validation loss.

    Adam with clipped gradients; the learning rate is halved when the validation loss rests
    for two epochs, and training stops after ``patience`` epochs without a better one.

    Args:
        dataset: what to train on; its test pieces are not touched.
        config: the network and how to train it; ``config.preset`` has two.
        folder: where to save the run; None keeps it in memory.
        progress: show a bar and a line an epoch.

    Raises:
        ValueError: at an unknown model or option, or pieces too short to cut windows from.
    """
    keras.utils.set_random_seed(config.training.seed)
    model = models.build(config.model.name, len(dataset.vocabulary), **config.model.options)
    targets = "last" if "last" in (model.targets, config.training.targets) else "all"
    settings = config.training
    train_windows, validation_windows = (
        Windows(pieces, settings.window, settings.batch_size, targets, lead_in=True, seed=seed)
        for pieces, seed in ((dataset.train, settings.seed), (dataset.validation, None))
    )
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate, clipnorm=settings.clip_norm),
        loss=_LastPosition() if targets == "last" else _next_token_loss(),
    )
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=2),
    ]
    if progress:
        callbacks.append(_Progress())
    fitted = model.fit(
        train_windows, validation_data=validation_windows, epochs=settings.epochs, callbacks=callbacks, verbose=0
    )
    history = {name: [float(value) for value in values] for name, values in fitted.history.items()}
    about = {
        "data": dataset.fingerprint,
        "dataset": dataset.about,
        "versions": {
            "musiclib": __version__,
            "python": platform.python_version(),
            "keras": keras.__version__,
            "numpy": np.__version__,
            keras.backend.backend(): sys.modules[keras.backend.backend()].__version__,
        },
    }
    # The run's model is never trained further: without the optimizer, its file is a third as large.
    trained = models.build(config.model.name, len(dataset.vocabulary), **config.model.options)
    trained.set_weights(model.get_weights())
    run = Run(trained, dataset.vocabulary, dataset.encoding, config, history, about)
    if folder is not None:
        run.save(folder)
    return run


def _next_token_loss() -> keras.losses.Loss:
    """Mean cross-entropy in nats over all targets but padding."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=PADDING)


@keras.saving.register_keras_serializable("musiclib")
class _LastPosition(keras.losses.Loss):
    """Cross-entropy of the last position alone, whether or not the network gives the others."""

    def call(self, y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true[:, -1:], y_pred[:, -1:], from_logits=True)


class _Progress(keras.callbacks.Callback):
    """A bar that runs through each epoch, and a line for each that has ended."""

    def on_epoch_begin(self, epoch, logs=None):
        self.bar = tqdm(total=self.params["steps"], desc=f"epoch {epoch + 1}", unit="batch", leave=False)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()
        if batch % 10 == 0:
            self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}")

    def on_epoch_end(self, epoch, logs=None):
        seconds = self.bar.format_dict["elapsed"]
        self.bar.close()
        print(
            f"epoch {epoch + 1}: loss {logs['loss']:.3f}, validation loss {logs['val_loss']:.3f} nats per token,"
            f" {seconds:.0f} s"
        )
