"""Training: a dataset and a configuration in, a run out."""

from __future__ import annotations

import contextlib
import json
import pathlib

import keras
from keras import ops

from musiclib import callbacks, checkpoint, distribution, feeding, files, models, versions
from musiclib.checkpoint import Checkpoint
from musiclib.config import Config, TrainingConfig
from musiclib.dataset import Dataset
from musiclib.losses import NatsPerToken, NextTokenLoss
from musiclib.pair_windows import PairWindows
from musiclib.pairs import Pairs
from musiclib.runs import Run, load_run
from musiclib.windows import Windows

__all__ = ["Run", "load_run", "set_seed", "train"]


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
        if progress and saving and not finished and not state.epochs and (folder / "config.json").exists():
            print(f"{folder} holds another run, of other data or settings: when this training ends it is replaced")
        if progress and distribution.is_main() and state.epochs:
            done = "is finished: nothing is left to train" if finished else "holds a training that goes on"
            print(f"{folder} {done}, after epoch {state.epochs}")
        if not finished and not callbacks.is_over(state, settings):
            calls = [callbacks.Watch(state, settings, folder), feeding.NextEpoch(train_windows), callbacks.NewEpoch()]
            if settings.minutes is not None:
                calls.append(callbacks.Clock(settings.minutes))
            if progress and distribution.is_main():
                calls.append(callbacks.Progress(state))
            try:
                model.fit(
                    feeding.feed(train_windows),
                    validation_data=feeding.feed(validation_windows),
                    initial_epoch=state.epochs,
                    epochs=settings.epochs,
                    callbacks=calls,
                    shuffle=False,  # the windows shuffle themselves, in every process alike
                    verbose=0,
                )
            except KeyboardInterrupt:
                kept = callbacks.what_is_kept(folder, state.epochs)
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
    new = Checkpoint(asked, history, [ops.convert_to_numpy(value) for value in callbacks.variables_of(model)], [])
    if folder is None:
        return new
    state = Checkpoint.from_bytes(distribution.from_main(on_main))
    state.asked = asked  # it may have another number of epochs
    for variable, value in zip(callbacks.variables_of(model), state.variables, strict=True):
        variable.assign(value)
    return state


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
