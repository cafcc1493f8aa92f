"""Checkpoint: the state of training after an epoch, one file from which it is resumed as if never interrupted.

Arrays and JSON, no pickle: ``checkpoint.npz`` in the folder of the future run. What is not in it follows from it: the
learning rate and early stopping from the losses, the order of the windows from the seed and the epoch.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib
import zipfile
from typing import BinaryIO

import numpy as np

from musiclib import _atomic

NAME = "checkpoint.npz"
_MAY_DIFFER = ("training.epochs",)


@dataclasses.dataclass
class Checkpoint:
    """Where a training stands.

    Args:
        recipe: what decides the result, nested dictionaries of JSON values: training is resumed only where it is the
            same, the number of epochs aside.
        history: one list a figure, one value an epoch.
        variables: of the network (dropout's random state included) and of its optimizer.
        best: the weights of the epoch with the lowest validation loss.
    """

    recipe: dict
    history: dict[str, list[float]]
    variables: list[np.ndarray]
    best: list[np.ndarray]

    @property
    def epochs(self) -> int:
        """How many epochs have ended."""
        return len(self.history["val_loss"])

    def save(self, folder: pathlib.Path) -> None:
        """Writes the checkpoint of a folder, in place of the one before."""
        with _atomic.replacing(folder / NAME) as file:
            self._write(file)
            file.flush()
            os.fsync(file.fileno())  # hours of work: not even a power cut shall take them

    def _write(self, file: BinaryIO) -> None:
        about = json.dumps({"recipe": self.recipe, "history": self.history})
        arrays = {f"variable_{i}": value for i, value in enumerate(self.variables)}
        arrays.update({f"best_{i}": value for i, value in enumerate(self.best)})
        np.savez(file, about=np.array(about), **arrays)

    def to_bytes(self) -> bytes:
        """Returns what ``save`` writes."""
        file = io.BytesIO()
        self._write(file)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """Reads what ``save`` wrote; raises ValueError where it is something else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                count = {kind: sum(name.startswith(kind) for name in file.files) for kind in ("variable", "best")}
                arrays = {kind: [file[f"{kind}_{i}"] for i in range(count[kind])] for kind in count}
            return cls(about["recipe"], about["history"], arrays["variable"], arrays["best"])
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"not a whole checkpoint ({error})") from error


def load(folder: pathlib.Path, recipe: dict) -> Checkpoint | None:
    """Reads the checkpoint of a folder; None where there is none, or one of no epoch, with which nothing is lost.

    Args:
        folder: the run to be.
        recipe: what this training is started with.

    Raises:
        ValueError: where the checkpoint is damaged, or stems from another training.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        found = Checkpoint.from_bytes(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}; delete it to train from the beginning") from error
    if found.epochs == 0:
        return None
    other = difference(found.recipe, recipe)
    if other:
        raise ValueError(
            f"{path} belongs to another training, {other}; resume it as it was begun, name another folder, or delete"
            " that file to train from the beginning"
        )
    if found.epochs > recipe["training"]["epochs"]:
        raise ValueError(
            f"{path} stands after epoch {found.epochs} already, and this training is to have"
            f" {recipe['training']['epochs']}; give epochs={found.epochs} or more, or delete it to train from the"
            " beginning"
        )
    return found


def saved_progress(folder: pathlib.Path | None, epochs: int) -> str:
    """Returns a sentence on what is saved of an interrupted training."""
    if folder is None:
        return "nothing is saved, because no folder was given"
    if epochs == 0:
        return f"no epoch had ended, so nothing new is saved in {folder}; the same call begins again"
    return (
        f"{folder / NAME} holds the training up to epoch {epochs}: the same call resumes it, and with epochs={epochs}"
        " it makes a run of it"
    )


def remove(folder: pathlib.Path) -> None:
    """Removes the checkpoint of a folder, and what a process that was killed has left of one."""
    for path in [folder / NAME, *folder.glob(f".{NAME}.*.partial")]:
        path.unlink(missing_ok=True)


def difference(there: dict, here: dict) -> str | None:
    """Names the first value in which two trainings differ; None where one may go on with the other."""
    old, new = _flat(there), _flat(here)
    for name in [*new, *old]:
        if old.get(name) != new.get(name) and name not in _MAY_DIFFER:
            return f"with {name} {old.get(name)!r} where this one has {new.get(name)!r}"
    return None


def _flat(values: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in values.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
