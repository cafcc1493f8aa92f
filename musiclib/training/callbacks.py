"""Keras callbacks of training: validation, early stopping, checkpoints, progress."""

from __future__ import annotations

import math
import pathlib
import time
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from musiclib.config import TrainingConfig
from musiclib.training import distribution
from musiclib.training.checkpoint import Checkpoint, saved_progress

_CHECK_EVERY = 10  # batches: reading the loss makes an accelerator wait
_MIN_DELTA, _FACTOR = 1e-4, 0.5  # what counts as an improvement; factor of the learning rate


def variables_of(model: keras.Model) -> list:
    """Returns all variables of a compiled model and of its optimizers, which a checkpoint holds."""
    of_optimizers = [variable for optimizer in model.optimizers for variable in optimizer.variables]
    return [*model.trainable_variables, *model.non_trainable_variables, *of_optimizers]


def is_over(state: Checkpoint, settings: TrainingConfig) -> bool:
    """Returns whether all epochs are done, or early stopping applies."""
    losses = state.history["val_loss"]
    return bool(losses) and (
        len(losses) >= settings.epochs or len(losses) - 1 - int(np.argmin(losses)) >= settings.patience
    )


def learning_rate_after(losses: Sequence[float], settings: TrainingConfig) -> float:
    """Returns the learning rate after these validation losses."""
    rate, best, waited = settings.learning_rate, math.inf, 0
    for loss in losses:
        better = loss < best - _MIN_DELTA
        best, waited = (loss, 0) if better else (best, waited + 1)
        if waited == settings.halve_after:
            rate, waited = rate * _FACTOR, 0
    return rate


class Watch(keras.callbacks.Callback):
    """After each epoch: keeps the best weights, sets the learning rate, stops early, and saves the checkpoint."""

    def __init__(self, state: Checkpoint, settings: TrainingConfig, folder: pathlib.Path | None, metric: str) -> None:
        super().__init__()
        self.state, self.settings, self.folder, self.metric = state, settings, folder, metric
        self.weights = []  # of the last validation

    def on_test_begin(self, logs=None):
        if self.settings.average:
            variables = self.model.trainable_variables
            self.last = [ops.convert_to_numpy(variable) for variable in variables]
            self.model.optimizer.finalize_variable_values(variables)  # puts the averages into the network
            for variable in variables:  # copies: JAX would donate the optimizer's own arrays during validation
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
                f" precision='float32'; {saved_progress(self.folder, self.state.epochs)}"
            )
        return loss

    def on_train_batch_end(self, batch, logs=None):
        if batch % _CHECK_EVERY == 0:
            self._check(logs[self.metric])

    def on_epoch_end(self, epoch, logs=None):
        figures = {"loss": self._check(logs[self.metric]), "val_loss": self._check(logs[f"val_{self.metric}"])}
        figures["learning_rate"] = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        history = {name: [*values, figures[name]] for name, values in self.state.history.items()}
        losses = history["val_loss"]
        best = self.weights if int(np.argmin(losses)) == epoch else self.state.best
        self.model.optimizer.learning_rate = learning_rate_after(losses, self.settings)
        variables = [ops.convert_to_numpy(value) for value in variables_of(self.model)]
        state = Checkpoint(self.state.recipe, history, variables, best)
        if self.folder is not None and distribution.is_main():
            state.save(self.folder)
        vars(self.state).update(vars(state))  # last: an interrupted training reports what is saved
        self.model.stop_training = is_over(state, self.settings)


class NextEpoch(keras.callbacks.Callback):
    """Calls the network's ``begin_epoch`` before each epoch, and the batches' ``on_epoch_end`` after it."""

    def __init__(self, batches: keras.utils.PyDataset) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self.model.begin_epoch(epoch)

    def on_epoch_end(self, epoch, logs=None):
        if keras.backend.backend() == "tensorflow":  # elsewhere Keras calls it itself
            self.batches.on_epoch_end()


class TimeLimit(keras.callbacks.Callback):
    """Stops training some minutes after its start or resumption; the last weights are still validated."""

    def __init__(self, minutes: float) -> None:
        super().__init__()
        self.deadline = time.monotonic() + 60 * minutes

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training |= time.monotonic() > self.deadline

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_batch_end(None)  # again, since Watch has set the flag for itself


class Progress(keras.callbacks.Callback):
    """A progress bar for each epoch, a line after it, and a last line with the best epoch."""

    def __init__(self, state: Checkpoint, metric: str) -> None:
        super().__init__()
        self.state, self.metric = state, metric

    def on_epoch_begin(self, epoch, logs=None):
        self.bar = tqdm(total=self.params["steps"], desc=f"epoch {epoch + 1}", unit="batch", leave=False)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()
        if batch % 10 == 0:
            self.bar.set_postfix(loss=f"{float(logs[self.metric]):.3f}")

    def on_epoch_end(self, epoch, logs=None):
        seconds = self.bar.format_dict["elapsed"]
        self.bar.close()
        print(
            f"epoch {epoch + 1}: training loss {logs[self.metric]:.3f}, validation loss"
            f" {logs[f'val_{self.metric}']:.3f} {self.model.unit}, {seconds:.0f} s"
        )

    def on_train_end(self, logs=None):
        losses = self.state.history["val_loss"]
        best = int(np.argmin(losses)) + 1
        if best < len(losses):
            print(f"epoch {best} had the lowest validation loss: its weights are the run's")
