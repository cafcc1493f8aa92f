"""Checkpoint: the state of training after an epoch, in one file, from which training resumes.

``checkpoint.npz`` in the folder of the future run holds arrays and JSON, no pickle. The rest is derived: the learning
rate and early stopping from the losses, the order of the windows from the seed and the epoch.
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
    """The state of training.

    Args:
        recipe: all that determines the result, nested dictionaries of JSON values: training resumes only where it is
            the same, except for the number of epochs.
        history: of each metric, one value per epoch.
        variables: of the network (with the random state of dropout) and of its optimizer.
        best: the weights of the epoch with the lowest validation loss.
    """

    recipe: dict
    history: dict[str, list[float]]
    variables: list[np.ndarray]
    best: list[np.ndarray]

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.history["val_loss"])

    def save(self, folder: pathlib.Path) -> None:
        """Saves the checkpoint into a folder by an atomic write; it replaces the previous one."""
        with _atomic.replacing(folder / NAME) as file:
            self._write(file)
            file.flush()
            os.fsync(file.fileno())  # survives a power cut

    def _write(self, file: BinaryIO) -> None:
        about = json.dumps({"recipe": self.recipe, "history": self.history})
        arrays = {f"variable_{i}": value for i, value in enumerate(self.variables)}
        arrays.update({f"best_{i}": value for i, value in enumerate(self.best)})
        np.savez(file, about=np.array(about), **arrays)

    def to_bytes(self) -> bytes:
        """Returns the content of the file that ``save`` writes."""
        file = io.BytesIO()
        self._write(file)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """Returns the checkpoint from the content of a file; raises ValueError where it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                count = {kind: sum(name.startswith(kind) for name in file.files) for kind in ("variable", "best")}
                arrays = {kind: [file[f"{kind}_{i}"] for i in range(count[kind])] for kind in count}
            return cls(about["recipe"], about["history"], arrays["variable"], arrays["best"])
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"not a whole checkpoint ({error})") from error


def load(folder: pathlib.Path, recipe: dict) -> Checkpoint | None:
    """Loads the checkpoint of a folder; None where there is none, or no epoch was finished.

    Args:
        folder: of the future run.
        recipe: of this training.

    Raises:
        ValueError: where the checkpoint is damaged, or belongs to another training.
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
            f"{path} belongs to another training, {other}; resume it with the same settings, name another folder, or"
            " delete that file to train from the beginning"
        )
    if found.epochs > recipe["training"]["epochs"]:
        raise ValueError(
            f"{path} is already at epoch {found.epochs}, and this training has epochs="
            f"{recipe['training']['epochs']}; set epochs={found.epochs} or more, or delete it to train from the"
            " beginning"
        )
    return found


def saved_progress(folder: pathlib.Path | None, epochs: int) -> str:
    """Returns a message about what is saved of an interrupted training."""
    if folder is None:
        return "nothing is saved, because no folder was given"
    if epochs == 0:
        return f"no epoch had ended, so nothing new is saved in {folder}; the same call starts again"
    return (
        f"{folder / NAME} holds the training up to epoch {epochs}: the same call resumes it; with epochs={epochs} it"
        " saves the run as it is"
    )


def remove(folder: pathlib.Path) -> None:
    """Removes the checkpoint of a folder, and partial files of processes that were killed."""
    for path in [folder / NAME, *folder.glob(f".{NAME}.*.partial")]:
        path.unlink(missing_ok=True)


def difference(there: dict, here: dict) -> str | None:
    """Describes the first difference of two recipes; None where a checkpoint of one can be resumed with the other."""
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
