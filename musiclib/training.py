"""Training: a dataset and a configuration in, a run out."""

from __future__ import annotations

import contextlib
import json
import math
import pathlib
import time
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from musiclib import checkpoint, distribution, feeding, files, models, versions
from musiclib.checkpoint import Checkpoint
from musiclib.config import Config, TrainingConfig
from musiclib.dataset import Dataset
from musiclib.losses import NatsPerToken, NextTokenLoss
from musiclib.pair_windows import PairWindows
from musiclib.pairs import Pairs
from musiclib.runs import Run, load_run
from musiclib.windows import Windows

__all__ = ["Run", "load_run", "set_seed", "train"]

_LOOK = 10  # batches from one look at the loss to the next: an accelerator waits for each
_REST, _MARGIN, _FACTOR = 2, 1e-4, 0.5  # epochs without this much of progress, and what the learning rate becomes


def set_seed(seed: int) -> None:
    """Sets all random numbers that networks and their training take: weights, dropout, and Python's and NumPy's.

    ``train`` does so itself. The order of the windows, a split and a sample have seeds of their own.
    """
    keras.utils.set_random_seed(seed)


def train(
    dataset: Dataset | Pairs, config: Config, folder: str | pathlib.Path | None = None, progress: bool = True
) -> Run:
    """Trains a network and keeps the weights with the lowest validation loss.

    Adam with clipped gradients; the learning rate is halved when the validation loss rests
    for two epochs, and training stops after ``patience`` epochs without a better one.
    All devices of the machine take part, and those of others where ``distribution.start``
    was called before; then every process returns the run, and process 0 saves it.

    After each epoch ``checkpoint.npz`` in the folder says where training stands, until the run
    is finished. Whatever stops it, the same call goes on from there and ends with the weights
    that it would have ended with (on a processor to the last bit); ``epochs`` alone may be
    another. A finished run of the same data, configuration, versions and code is returned as
    it is. Any other run in the folder stays there until the new one is whole.

    Args:
        dataset: what to train on, pairs for a network that answers to a source; its test pieces are not touched.
        config: the network and how to train it; ``config.preset`` has two.
        folder: where to save the run; None keeps it in memory, and nothing where training is stopped.
        progress: show a bar and a line an epoch.

    Raises:
        ValueError: at an unknown model or option, or pieces too short to cut windows from, or a
            batch that cannot be dealt out evenly to the devices, or a checkpoint of another training.
        FloatingPointError: where the loss is no longer a number.
        OSError: where the folder cannot be written.
        KeyboardInterrupt: at Ctrl-C; the message says what was kept.
    """
    settings = config.training
    folder = None if folder is None else pathlib.Path(folder).expanduser()
    about = {
        "data": dataset.fingerprint,
        "dataset": dataset.about,
        "versions": versions.versions(),
        "code": versions.code(),
        "commit": versions.commit(),
    }
    asked = _asked(config, about)
    saving = folder is not None and distribution.is_main()
    finished = _finished(folder, asked) if saving else None
    set_seed(settings.seed)
    with distribution.scope():
        with distribution.precision(settings.precision):
            model = models.build(config.model.name, len(dataset.vocabulary), **config.model.options)
        distribution.by_rows(model)
        if model.needs_source != isinstance(dataset, Pairs):
            raise ValueError(
                f"the network {config.model.name} is trained on"
                f" {'pairs, from pairs.prepare' if model.needs_source else 'a dataset, from dataset.prepare'},"
                f" got {type(dataset).__name__}"
            )
        if model.targets == "last" and model.context_length != settings.window:
            raise ValueError(
                f"this network looks at windows of {model.context_length} and training would cut windows of"
                f" {settings.window}; give context_length and window the same value"
            )
        # Whether to compile with XLA is left to Keras: always on JAX, and not for recurrent layers on TensorFlow, whose
        # cuDNN kernels XLA cannot take in and which it makes two to three times slower on a processor.
        model.compile(
            optimizer=_optimizer(settings),
            loss=NextTokenLoss(),
            metrics=[NatsPerToken("nats")],
        )
        model.optimizer.build(model.trainable_variables)
        state = _begin(model, asked, folder, finished)
        train_windows, validation_windows = (
            distribution.share(_windows(model, pieces, settings, seed, state.epochs))
            for pieces, seed in ((dataset.train, settings.seed), (dataset.validation, None))
        )
        if progress and distribution.is_main() and state.epochs:
            done = "is finished: nothing is left to train" if finished else "holds a training that goes on"
            print(f"{folder} {done}, after epoch {state.epochs}")
        if not finished and not _over(state, settings):
            callbacks = [_Watch(state, settings, folder), feeding.NextEpoch(train_windows), _NewEpoch()]
            if settings.minutes is not None:
                callbacks.append(_Clock(settings.minutes))
            if progress and distribution.is_main():
                callbacks.append(_Progress())
            try:
                model.fit(
                    feeding.feed(train_windows),
                    validation_data=feeding.feed(validation_windows),
                    initial_epoch=state.epochs,
                    epochs=settings.epochs,
                    callbacks=callbacks,
                    shuffle=False,  # the windows shuffle themselves, in every process alike
                    verbose=0,
                )
            except KeyboardInterrupt:
                kept = _kept(folder, state.epochs)
                raise KeyboardInterrupt(f"training was stopped in epoch {state.epochs + 1}; {kept}") from None
    # The run's model is never trained further: without the optimizer, its file is a third as large, and in float32
    # it computes on every machine, whatever it was trained on.
    trained = models.build(config.model.name, len(dataset.vocabulary), **config.model.options)
    trained.set_weights(state.best)
    source_encoding = dataset.source_encoding if model.needs_source else None
    run = Run(trained, dataset.vocabulary, dataset.encoding, config, state.history, about, source_encoding)
    if saving and not finished:
        run.save(folder)
        checkpoint.remove(folder)
    return finished or run


def _windows(model, pieces, settings: TrainingConfig, seed: int | None, epoch: int) -> Windows | PairWindows:
    """Cuts the training windows that a network learns from."""
    if model.needs_source:
        return PairWindows(pieces, settings.window, settings.batch_size, model.pace, settings.align, seed, epoch)
    targets = "last" if "last" in (model.targets, settings.targets) else "all"
    return Windows(pieces, settings.window, settings.batch_size, targets, True, seed, epoch, settings.align)


def _asked(config: Config, about: dict) -> dict:
    """Returns all that decides which weights a training ends with, in the form that JSON gives back."""
    libraries = {name: v for name, v in about["versions"].items() if name not in ("musiclib", "python", "numpy")}
    values = config.to_dict()
    asked = {name: values[name] for name in ("model", "training")}
    return json.loads(json.dumps({"data": about["data"], **asked, "versions": libraries, "code": about.get("code")}))


def _finished(folder: pathlib.Path, asked: dict) -> Run | None:
    """Returns the run in a folder where it is the very one that this training would end with."""
    try:
        files.settle(folder)
        run = load_run(folder)
        if _asked(run.config, run.about) != asked:
            return None
    except (OSError, ValueError, KeyError):
        return None  # there is none, or it is damaged: a new one takes its place
    with contextlib.suppress(ValueError):
        if checkpoint.read(folder, asked):  # whoever wrote the run was killed before this was removed
            checkpoint.remove(folder)
    return run


def _variables(model: keras.Model) -> list:
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]


def _begin(model: keras.Model, asked: dict, folder: pathlib.Path | None, finished: Run | None) -> Checkpoint:
    """Returns where training stands, the same in every process, and puts the network there."""

    def on_main() -> bytes:
        if finished:
            return Checkpoint(asked, finished.history, new.variables, finished.model.get_weights()).to_bytes()
        found = checkpoint.read(folder, asked)
        if found is None:
            new.save(folder)  # a folder that cannot be written is found out before there is anything to lose
        return (found or new).to_bytes()

    history = {"loss": [], "val_loss": [], "learning_rate": []}
    new = Checkpoint(asked, history, [ops.convert_to_numpy(value) for value in _variables(model)], [])
    if folder is None:
        return new
    state = Checkpoint.from_bytes(distribution.from_main(on_main))
    state.asked = asked  # it may have another number of epochs
    for variable, value in zip(_variables(model), state.variables, strict=True):
        variable.assign(value)
    return state


def _over(state: Checkpoint, settings: TrainingConfig) -> bool:
    """Tells whether all epochs are done, or the validation loss has rested for too many."""
    losses = state.history["val_loss"]
    return bool(losses) and (
        len(losses) >= settings.epochs or len(losses) - 1 - int(np.argmin(losses)) >= settings.patience
    )


def _learning_rate(losses: Sequence[float], settings: TrainingConfig) -> float:
    """Returns the learning rate that follows upon these validation losses."""
    rate, best, rested = settings.learning_rate, math.inf, 0
    for loss in losses:
        better = loss < best - _MARGIN
        best, rested = (loss, 0) if better else (best, rested + 1)
        if rested == _REST:
            rate, rested = rate * _FACTOR, 0
    return rate


def _kept(folder: pathlib.Path | None, epochs: int) -> str:
    """Says what is left of a training that was stopped."""
    if folder is None:
        return "nothing is kept, because no folder was given"
    if epochs == 0:
        return f"no epoch had ended, so {folder} keeps nothing new; the same call begins again"
    return (
        f"{folder / checkpoint.NAME} keeps the training up to epoch {epochs}: the same call goes on from there, and"
        f" with epochs={epochs} it makes a run of what was learned so far"
    )


class _Watch(keras.callbacks.Callback):
    """After each epoch: keeps the best weights, sets the learning rate, stops, and writes the checkpoint."""

    def __init__(self, state: Checkpoint, settings: TrainingConfig, folder: pathlib.Path | None) -> None:
        super().__init__()
        self.state, self.settings, self.folder = state, settings, folder
        self.weights = []  # those that were validated last

    def on_test_begin(self, logs=None):
        if self.settings.average:
            variables = self.model.trainable_variables
            self.last = [ops.convert_to_numpy(variable) for variable in variables]
            self.model.optimizer.finalize_variable_values(variables)  # puts the averages into the network
            for variable in variables:  # as copies: JAX would use up the optimizer's own arrays in validating
                variable.assign(np.array(ops.convert_to_numpy(variable)))

    def on_test_end(self, logs=None):
        self.weights = self.model.get_weights()
        if self.settings.average:
            for variable, value in zip(self.model.trainable_variables, self.last, strict=True):
                variable.assign(value)

    def _check(self, loss) -> float:
        if not math.isfinite(loss := float(loss)):
            raise FloatingPointError(
                f"the loss is no longer a number in epoch {self.state.epochs + 1}; try a lower learning_rate than"
                f" {self.settings.learning_rate:g}, a lower clip_norm than {self.settings.clip_norm:g}, or"
                f" precision='float32'; {_kept(self.folder, self.state.epochs)}"
            )
        return loss

    def on_train_batch_end(self, batch, logs=None):
        if batch % _LOOK == 0:
            self._check(logs["nats"])

    def on_epoch_end(self, epoch, logs=None):
        figures = {"loss": self._check(logs["nats"]), "val_loss": self._check(logs["val_nats"])}
        figures["learning_rate"] = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        history = {name: [*values, figures[name]] for name, values in self.state.history.items()}
        losses = history["val_loss"]
        best = self.weights if int(np.argmin(losses)) == epoch else self.state.best
        self.model.optimizer.learning_rate = _learning_rate(losses, self.settings)
        variables = [ops.convert_to_numpy(value) for value in _variables(self.model)]
        state = Checkpoint(self.state.asked, history, variables, best)
        if self.folder is not None and distribution.is_main():
            state.save(self.folder)
        vars(self.state).update(vars(state))  # only now: what is told of a training that is stopped is what is kept
        self.model.stop_training = _over(state, self.settings)


def _optimizer(settings: TrainingConfig) -> keras.optimizers.Optimizer:
    """Makes Adam, with weight decay and a moving average of the weights where these are asked for."""
    optimizer = keras.optimizers.Adam(
        settings.learning_rate,
        weight_decay=settings.weight_decay or None,
        clipnorm=settings.clip_norm,
        use_ema=settings.average > 0,
        ema_momentum=settings.average,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


class _NewEpoch(keras.callbacks.Callback):
    """Tells the network which epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.begin_epoch(epoch)


class _Clock(keras.callbacks.Callback):
    """Ends training some minutes after it began, or went on; what was learned until then is still validated."""

    def __init__(self, minutes: float) -> None:
        super().__init__()
        self.deadline = time.monotonic() + 60 * minutes

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training |= time.monotonic() > self.deadline

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_batch_end(None)  # again, for _Watch has decided for itself


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
