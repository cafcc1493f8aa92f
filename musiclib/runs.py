"""Runs: a trained network with all that is needed to use it, as one folder.

The folder holds ``model.keras``, ``vocabulary.json``, ``config.json`` and ``history.json``.
``config.json`` knows the SHA-256 of the network and the vocabulary, so that files of two
runs cannot be mixed up. Nothing in the folder is code: JSON, and Keras' own archive, which
is read in its safe mode.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib

import keras

from musiclib import encodings
from musiclib.config import Config
from musiclib.models import AutoregressiveModel
from musiclib.vocabulary import Vocabulary

FORMAT = 1  # raised when a run folder changes in a way that this version could not read
_CHECKED = ("model.keras", "vocabulary.json")
_FILES = (*_CHECKED, "config.json", "history.json")


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
        about: versions, and the fingerprint and making of the data.
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
        """Writes the run's folder, each file beside and then into its place; ``config.json`` comes last."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / "partial.model.keras")
        os.replace(folder / "partial.model.keras", folder / "model.keras")
        _write(folder / "vocabulary.json", self.vocabulary.to_json())
        _write(folder / "history.json", json.dumps(self.history, indent=2))
        about = {
            "format": FORMAT,
            "encoding": self.encoding.to_config(),
            "config": self.config.to_dict(),
            "sha256": {name: _sha256(folder / name) for name in _CHECKED},
            "about": self.about,
        }
        _write(folder / "config.json", json.dumps(about, indent=2))
        return folder


def load_run(folder: str | pathlib.Path) -> Run:
    """Loads a run from its folder.

    Raises:
        FileNotFoundError: where the folder or one of its files is missing.
        ValueError: where its parts do not belong together, are damaged, or another version
            wrote them.
    """
    folder = pathlib.Path(folder)
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} is no run: it lacks {', '.join(missing)}; train one with training.train")
    about = _read(folder, "config.json")
    if about.get("format") != FORMAT:
        raise ValueError(
            f"{folder} has the run format {about.get('format')} and this version of musiclib reads {FORMAT};"
            " update musiclib, or train the run again"
        )
    for name in _CHECKED:
        if _sha256(folder / name) != about["sha256"][name]:
            raise ValueError(
                f"{folder} does not belong together: {name} is not the one that its config.json was written with;"
                " copy the folder again as a whole"
            )
    return Run(
        keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True),
        Vocabulary.read(folder / "vocabulary.json"),
        encodings.from_config(about["encoding"]),
        Config.from_dict(about["config"]),
        _read(folder, "history.json"),
        about["about"],
    )


def _write(path: pathlib.Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    os.replace(partial, path)


def _read(folder: pathlib.Path, name: str) -> dict:
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{folder} is damaged: {name} is no JSON ({error}); copy it again as a whole") from error


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
