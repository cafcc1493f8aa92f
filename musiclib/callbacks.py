"""Callbacks: what happens between the batches and the epochs of a training."""

from __future__ import annotations

import math
import pathlib
import time
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from musiclib import checkpoint, distribution
from musiclib.checkpoint import Checkpoint
from musiclib.config import TrainingConfig

_LOOK = 10  # batches from one look at the loss to the next: an accelerator waits for each
_REST, _MARGIN, _FACTOR = 2, 1e-4, 0.5  # epochs without this much of progress, and what the learning rate becomes


def variables_of(model: keras.Model) -> list:
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]


def is_over(state: Checkpoint, settings: TrainingConfig) -> bool:
    """Tells whether all epochs are done, or the validation loss has rested for too many."""
    losses = state.history["val_loss"]
    return bool(losses) and (
        len(losses) >= settings.epochs or len(losses) - 1 - int(np.argmin(losses)) >= settings.patience
    )


def learning_rate_after(losses: Sequence[float], settings: TrainingConfig) -> float:
    """Returns the learning rate that follows upon these validation losses."""
    rate, best, rested = settings.learning_rate, math.inf, 0
    for loss in losses:
        better = loss < best - _MARGIN
        best, rested = (loss, 0) if better else (best, rested + 1)
        if rested == _REST:
            rate, rested = rate * _FACTOR, 0
    return rate


def what_is_kept(folder: pathlib.Path | None, epochs: int) -> str:
    """Says what is left of a training that was stopped."""
    if folder is None:
        return "nothing is kept, because no folder was given"
    if epochs == 0:
        return f"no epoch had ended, so {folder} keeps nothing new; the same call begins again"
    return (
        f"{folder / checkpoint.NAME} keeps the training up to epoch {epochs}: the same call goes on from there, and"
        f" with epochs={epochs} it makes a run of what was learned so far"
    )


class Watch(keras.callbacks.Callback):
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
                f" precision='float32'; {what_is_kept(self.folder, self.state.epochs)}"
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
        self.model.optimizer.learning_rate = learning_rate_after(losses, self.settings)
        variables = [ops.convert_to_numpy(value) for value in variables_of(self.model)]
        state = Checkpoint(self.state.asked, history, variables, best)
        if self.folder is not None and distribution.is_main():
            state.save(self.folder)
        vars(self.state).update(vars(state))  # only now: what is told of a training that is stopped is what is kept
        self.model.stop_training = is_over(state, self.settings)


class NewEpoch(keras.callbacks.Callback):
    """Tells the network which epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.begin_epoch(epoch)


class Clock(keras.callbacks.Callback):
    """Ends training some minutes after it began, or went on; what was learned until then is still validated."""

    def __init__(self, minutes: float) -> None:
        super().__init__()
        self.deadline = time.monotonic() + 60 * minutes

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training |= time.monotonic() > self.deadline

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_batch_end(None)  # again, for Watch has decided for itself


class Progress(keras.callbacks.Callback):
    """A bar that runs through each epoch, a line for each that has ended, and one for what is kept of them all."""

    def __init__(self, state: Checkpoint) -> None:
        super().__init__()
        self.state = state

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

    def on_train_end(self, logs=None):
        losses = self.state.history["val_loss"]
        best = int(np.argmin(losses)) + 1
        if best < len(losses):
            print(f"epoch {best} was best: its weights are kept, not those of the {len(losses) - best} after it")
