"""Training: a dataset and a configuration in, a run out."""

from __future__ import annotations

import pathlib
import platform
import sys

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from musiclib import __version__, distribution, feeding, models
from musiclib.config import Config, TrainingConfig
from musiclib.dataset import Dataset
from musiclib.runs import Run, load_run
from musiclib.vocabulary import PADDING
from musiclib.windows import Windows

__all__ = ["Run", "load_run", "train"]


def train(dataset: Dataset, config: Config, folder: str | pathlib.Path | None = None, progress: bool = True) -> Run:
    """Trains a network and keeps the weights with the lowest validation loss.

    AdamW with clipped gradients; the learning rate is halved when the validation loss rests
    for two epochs, and training stops after ``patience`` epochs without a better one.
    All devices of the machine take part, and those of others where ``distribution.start``
    was called before; then every process returns the run, and process 0 saves it.

    Args:
        dataset: what to train on; its test pieces are not touched.
        config: the network and how to train it; ``config.preset`` has two.
        folder: where to save the run; None keeps it in memory.
        progress: show a bar and a line an epoch.

    Raises:
        ValueError: at an unknown model or option, or pieces too short to cut windows from, or a
            batch that cannot be dealt out evenly to the devices.
    """
    settings = config.training
    keras.utils.set_random_seed(settings.seed)
    with distribution.scope():
        with distribution.precision(settings.precision):
            model = models.build(config.model.name, len(dataset.vocabulary), **config.model.options)
        distribution.by_rows(model)
        if model.targets == "last" and model.context_length != settings.window:
            raise ValueError(
                f"this network looks at windows of {model.context_length} and training would cut windows of"
                f" {settings.window}; give context_length and window the same value"
            )
        targets = "last" if "last" in (model.targets, settings.targets) else "all"
        train_windows, validation_windows = (
            distribution.share(
                Windows(
                    pieces, settings.window, settings.batch_size, targets, lead_in=True, seed=seed, align=settings.align
                )
            )
            for pieces, seed in ((dataset.train, settings.seed), (dataset.validation, None))
        )
        # Whether to compile with XLA is left to Keras: always on JAX, and not for recurrent layers on TensorFlow, whose
        # cuDNN kernels XLA cannot take in and which it makes two to three times slower on a processor.
        model.compile(
            optimizer=_optimizer(settings),
            loss=_NextTokenLoss(),
            metrics=[_NatsPerToken("nats")],
        )
        callbacks = [
            # Before the others: they are to see, and keep, the averaged weights.
            *([keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if settings.average else []),
            keras.callbacks.EarlyStopping(
                "val_nats", mode="min", patience=settings.patience, restore_best_weights=True
            ),
            keras.callbacks.ReduceLROnPlateau("val_nats", mode="min", factor=0.5, patience=2),
            feeding.NextEpoch(train_windows),
        ]
        if progress and distribution.is_main():
            callbacks.append(_Progress())
        fitted = model.fit(
            feeding.feed(train_windows),
            validation_data=feeding.feed(validation_windows),
            epochs=settings.epochs,
            callbacks=callbacks,
            shuffle=False,  # the windows shuffle themselves, in every process alike
            verbose=0,
        )
    names = {"nats": "loss", "val_nats": "val_loss", "learning_rate": "learning_rate"}
    history = {names[key]: [float(value) for value in values] for key, values in fitted.history.items() if key in names}
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
    # The run's model is never trained further: without the optimizer, its file is a third as large, and in float32
    # it computes on every machine, whatever it was trained on.
    trained = models.build(config.model.name, len(dataset.vocabulary), **config.model.options)
    trained.set_weights(model.get_weights())
    run = Run(trained, dataset.vocabulary, dataset.encoding, config, history, about)
    if folder is not None and distribution.is_main():
        run.save(folder)
    return run


def _optimizer(settings: TrainingConfig) -> keras.optimizers.Optimizer:
    """Makes Adam, with weight decay and a moving average of the weights where these are asked for."""
    optimizer = keras.optimizers.AdamW(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        clipnorm=settings.clip_norm,
        use_ema=settings.average > 0,
        ema_momentum=settings.average,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def _losses(targets, logits):
    """Returns -log P of each target, and 1 where it counts or 0 where it is padding; both (batch, targets).

    Targets may be fewer than the positions that the network gives: then they are the last ones.
    """
    logits = logits[:, -targets.shape[1] :]
    losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    return losses, ops.cast(targets != PADDING, losses.dtype)


class _NextTokenLoss(keras.losses.Loss):
    """Mean cross-entropy in nats over all targets of a batch but padding."""

    def call(self, y_true, y_pred):
        losses, counted = _losses(y_true, y_pred)
        count = distribution.sum_over_devices(ops.sum(counted))
        return ops.sum(losses * counted) / ops.maximum(count, 1.0)


class _NatsPerToken(keras.metrics.Mean):
    """The same over an epoch: each token weighs the same, whatever its batch."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        losses, counted = _losses(y_true, y_pred)
        return super().update_state(losses, sample_weight=counted)


class _Progress(keras.callbacks.Callback):
    """A bar that runs through each epoch, and a line for each that has ended."""

    def on_epoch_begin(self, epoch, logs=None):
        self.bar = tqdm(total=self.params["steps"], desc=f"epoch {epoch + 1}", unit="batch", leave=False)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()
        if batch % 10 == 0:
            self.bar.set_postfix(loss=f"{float(logs['nats']):.3f}")

    def on_epoch_end(self, epoch, logs=None):
        seconds = self.bar.format_dict["elapsed"]
        self.bar.close()
        print(
            f"epoch {epoch + 1}: loss {logs['nats']:.3f}, validation loss {logs['val_nats']:.3f} nats per token,"
            f" {seconds:.0f} s"
        )
