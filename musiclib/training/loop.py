"""The training loop for every network; the network itself defines its batches and its loss."""

from __future__ import annotations

import contextlib
import json
import pathlib

import keras
from keras import ops

from musiclib import _atomic, models
from musiclib.config import Config, TrainingConfig
from musiclib.dataset import Dataset
from musiclib.training import callbacks, checkpoint, distribution, feeding, provenance
from musiclib.training.checking import check_arguments, check_window
from musiclib.training.checkpoint import Checkpoint
from musiclib.training.run import Run, load_run


def set_seed(seed: int) -> None:
    """Seeds Python, NumPy and Keras, for initial weights and dropout.

    ``train`` does so itself. Windows, splits and samples have their own seeds.
    """
    keras.utils.set_random_seed(seed)


def train(data: Dataset, config: Config, folder: str | pathlib.Path | None = None, progress: bool = True) -> Run:
    """Trains a network and keeps the weights with the lowest validation loss.

    Adam with clipped gradients; the learning rate is halved where the validation loss has not improved for two epochs,
    and early stopping ends training after ``patience`` epochs without improvement. All devices of the machine are
    used, and those of other machines after ``distribution.start``; then every process returns the run, and process 0
    saves it.

    After each epoch a checkpoint is saved in the folder, until the run is finished. The same call resumes an
    interrupted training and gives the weights of an uninterrupted one (bit for bit on a CPU); only ``epochs`` may
    differ. A finished run of the same data, configuration, versions and code is returned without training. Any other
    run in the folder is replaced at the end.

    Args:
        data: a dataset, or pairs for a conditional network; its test part is not used.
        config: the network and how to train it; ``config.preset`` has two sizes.
        folder: where to save the run and its checkpoints; None saves nothing.
        progress: show a progress bar, and a line after each epoch.

    Raises:
        ValueError: at an unknown model or option, data that the network cannot learn from, pieces too short to cut
            windows from, a batch that cannot be divided evenly among the devices, or a checkpoint of another training.
        FloatingPointError: where the loss becomes nan or infinite.
        OSError: where the folder cannot be written.
        KeyboardInterrupt: at Ctrl-C; the message says what was saved.
    """
    check_arguments(data, config)
    settings = config.training
    folder = None if folder is None else pathlib.Path(folder).expanduser()
    builder = models.find(config.model.name)
    models.check_encoding(config.model.name, data.encoding)
    about = {"data": data.fingerprint, "dataset": data.about, **provenance.record(builder)}
    recipe = _recipe(config, about)
    saving = folder is not None and distribution.is_main()
    finished = _finished(folder, recipe) if saving else None
    set_seed(settings.seed)
    with distribution.scope():
        with distribution.precision(settings.precision):
            model = models.build_for(config.model, data.vocabulary, data.encoding)
        distribution.by_rows(model)
        loss, metric = model.objective()
        watched = metric.name if metric else "loss"
        # Keras decides about XLA: always on JAX, but not for recurrent layers on TensorFlow, where XLA cannot use
        # their cuDNN kernels and makes them two to three times slower on a CPU.
        model.compile(optimizer=_optimizer(settings), loss=loss, metrics=[metric] if metric else [])
        model.optimizer.build(model.trainable_variables)
        state = _initial_checkpoint(model, recipe, folder, finished)
        train_batches, validation_batches = (
            distribution.share(model.batches(part, settings, seed, state.epochs))
            for part, seed in ((data.train, settings.seed), (data.validation, None))
        )
        check_window(data, settings.window)
        if progress and saving and not finished and not state.epochs and (folder / "config.json").exists():
            print(f"{folder} holds a run of other data or settings: it is replaced when this training ends")
        if progress and distribution.is_main() and state.epochs:
            print(f"{folder} is {'finished' if finished else 'resumed'} after epoch {state.epochs}")
        if not finished and not callbacks.is_over(state, settings):
            steps = [callbacks.Watch(state, settings, folder, watched), callbacks.NextEpoch(train_batches)]
            if settings.minutes is not None:
                steps.append(callbacks.TimeLimit(settings.minutes))
            if progress and distribution.is_main():
                steps.append(callbacks.Progress(state, watched))
            try:
                model.fit(
                    feeding.feed(train_batches),
                    validation_data=feeding.feed(validation_batches),
                    initial_epoch=state.epochs,
                    epochs=settings.epochs,
                    callbacks=steps,
                    shuffle=False,  # the batches shuffle themselves, in every process alike
                    verbose=0,
                )
            except KeyboardInterrupt:
                saved = checkpoint.saved_progress(folder, state.epochs)
                raise KeyboardInterrupt(f"training was interrupted in epoch {state.epochs + 1}; {saved}") from None
    # The run's model is not trained further: its file is a third as large without the optimizer, and in float32 it
    # runs on every machine.
    trained = models.build_for(config.model, data.vocabulary, data.encoding)
    trained.set_weights(state.best)
    run = Run(trained, data.vocabulary, data.encoding, config, state.history, about, data.source_encoding)
    if saving and not finished:
        run.save(folder)
        checkpoint.remove(folder)
    return finished or run


def _recipe(config: Config, about: dict) -> dict:
    """Returns all that determines the trained weights, as values that JSON preserves."""
    libraries = {name: v for name, v in about["versions"].items() if name not in ("musiclib", "python", "numpy")}
    values = config.to_dict()
    chosen = {name: values[name] for name in ("model", "training")}
    return json.loads(json.dumps({"data": about["data"], **chosen, "versions": libraries, "code": about.get("code")}))


def _finished(folder: pathlib.Path, recipe: dict) -> Run | None:
    """Returns the run in a folder if it has the same recipe."""
    try:
        _atomic.settle(folder)
        run = load_run(folder)
        if _recipe(run.config, run.about) != recipe:
            return None
    except (OSError, ValueError, KeyError):
        return None  # missing or damaged: a new run replaces it
    with contextlib.suppress(ValueError):
        if checkpoint.load(folder, recipe):  # the process that saved the run was killed before it removed this
            checkpoint.remove(folder)
    return run


def _initial_checkpoint(
    model: keras.Model, recipe: dict, folder: pathlib.Path | None, finished: Run | None
) -> Checkpoint:
    """Returns the checkpoint to start from, the same in every process, and sets the network's variables to it."""

    def on_main() -> bytes:
        if finished:
            return Checkpoint(recipe, finished.history, new.variables, finished.model.get_weights()).to_bytes()
        found = checkpoint.load(folder, recipe)
        if found is None:
            new.save(folder)  # fails before training where the folder cannot be written
        return (found or new).to_bytes()

    history = {"loss": [], "val_loss": [], "learning_rate": []}
    new = Checkpoint(recipe, history, [ops.convert_to_numpy(value) for value in callbacks.variables_of(model)], [])
    if folder is None:
        return new
    state = Checkpoint.from_bytes(distribution.from_main(on_main))
    state.recipe = recipe  # epochs may differ
    for variable, value in zip(callbacks.variables_of(model), state.variables, strict=True):
        variable.assign(value)
    return state


def _optimizer(settings: TrainingConfig) -> keras.optimizers.Optimizer:
    """Returns Adam, with weight decay and a moving average of the weights where the settings have them."""
    optimizer = keras.optimizers.Adam(
        settings.learning_rate,
        weight_decay=settings.weight_decay or None,
        clipnorm=settings.clip_norm,
        use_ema=settings.average > 0,
        ema_momentum=settings.average,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer
