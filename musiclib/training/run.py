"""Runs: a trained network with all that is needed to use it, as one folder.

The folder holds ``model.keras``, ``vocabulary.json``, ``history.json`` and ``config.json``, which has the SHA-256 of
the others, so that files of two runs cannot be mixed up. No code is loaded from it: the network is built from the name
and options in ``config.json``, and only the weights are read from Keras' archive.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from musiclib import _atomic, encodings, models
from musiclib.config import Config
from musiclib.encodings.vocabulary import LABEL, RESERVED, Vocabulary
from musiclib.training import checkpoint

FORMAT = 1  # increased when older versions could no longer read a run folder
_CHECKED = ("model.keras", "vocabulary.json", "history.json")
_FILES = (*_CHECKED, "config.json")


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained network with all that is needed to use it.

    Args:
        model: the network.
        vocabulary: its tokens.
        encoding: Score to tokens and back.
        config: its configuration.
        history: one value per epoch of ``loss`` and ``val_loss``, in nats per token, and ``learning_rate``.
        about: provenance: versions, and the data's fingerprint and preparation.
        source_encoding: of a conditional network, Score to the source's tokens.
    """

    model: keras.Model
    vocabulary: Vocabulary
    encoding: encodings.Encoding
    config: Config
    history: dict[str, list[float]]
    about: dict
    source_encoding: encodings.Encoding | None = None

    def __repr__(self) -> str:
        best = min(self.history.get("val_loss") or [float("nan")])
        return (
            f"Run({self.config.model.name}, {self.model.count_params():,} weights, {len(self.vocabulary)} tokens,"
            f" best validation loss {best:.3f} {self.model.unit})"
        )

    @property
    def typical(self) -> dict:
        """What is typical of the training pieces (``score.inheritance.typical``); empty in runs of earlier versions."""
        return self.about.get("dataset", {}).get("typical", {})

    def save(self, folder: str | pathlib.Path) -> pathlib.Path:
        """Saves the run's folder by an atomic write; an existing run is replaced.

        Raises:
            OSError: where the folder cannot be written; an existing run is then unchanged.
        """
        folder = pathlib.Path(folder).expanduser()
        with _atomic.together(folder) as new:
            self.model.save(new / "model.keras")
            _write(new / "vocabulary.json", self.vocabulary.to_json())
            _write(new / "history.json", json.dumps(self.history, indent=2))
            about = {
                "format": FORMAT,
                "encoding": self.encoding.to_config(),
                **({"source_encoding": self.source_encoding.to_config()} if self.source_encoding else {}),
                "config": self.config.to_dict(),
                "options": models.all_options(self.config.model),
                "sha256": {name: _atomic.sha256(new / name) for name in _CHECKED},
                "about": self.about,
            }
            _write(new / "config.json", json.dumps(about, indent=2))
        return folder


def load_run(folder: str | pathlib.Path) -> Run:
    """Loads a run from its folder; nothing in the folder is executed.

    Raises:
        FileNotFoundError: where the folder or one of its files is missing.
        ValueError: where its files are damaged, of different runs, or of another version of musiclib.
    """
    folder = pathlib.Path(folder).expanduser()
    missing = [name for name in _FILES if not _atomic.part(folder, name).is_file()]
    if missing:
        remedy = "train one with training.train"
        if _atomic.part(folder, checkpoint.NAME).is_file():
            remedy = "an interrupted training is there, which the same call of training.train resumes"
        raise FileNotFoundError(f"{folder} is not a run: it lacks {', '.join(missing)}; {remedy}")

    def read(name: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except NotRegistered as error:
            raise NotRegistered(f"{folder} {error} first, with your own definition") from None
        except Exception as error:  # a foreign file can raise anything
            cause = f"lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
            raise ValueError(
                f"{folder} does not belong together, or is damaged: {name} {cause}; copy the folder again as a whole,"
                " or train the run again"
            ) from error

    about = read("config.json", lambda: _json(folder, "config.json"))
    if about.get("format") != FORMAT:
        raise ValueError(
            f"{folder} has the run format {about.get('format')} and this version of musiclib reads {FORMAT};"
            " update musiclib, or train the run again"
        )
    read("config.json", lambda: _check_sums(folder, about["sha256"]))
    vocabulary = read("vocabulary.json", lambda: Vocabulary.load(_atomic.part(folder, "vocabulary.json")))
    source = about.get("source_encoding")
    read("config.json", lambda: _check_registered(about["config"]["model"], about["encoding"], source or {}))
    encoding = read("config.json", lambda: encodings.from_config(about["encoding"]))
    source_encoding = read("config.json", lambda: source and encodings.from_config(source))
    read("vocabulary.json", lambda: _check_tokens(vocabulary, encoding, source_encoding))
    config = read("config.json", lambda: Config.from_dict(about["config"]))
    options = about.get("options", {})
    model = read("config.json", lambda: models.build_for(config.model, vocabulary, encoding, **options))
    read("config.json", lambda: _check_source(model, source_encoding))
    read("model.keras", lambda: _load_weights(model, _atomic.part(folder, "model.keras"), config))
    history = read("history.json", lambda: _history(_json(folder, "history.json"), config))
    return Run(
        model, vocabulary, encoding, config, history, read("config.json", lambda: about["about"]), source_encoding
    )


class NotRegistered(ValueError):
    """A run uses a custom network or encoding that is not registered in this process."""


def _check_registered(model: dict, *configs: dict) -> None:
    if model["name"] not in models.BUILDERS:
        line = f"models.register({model['name']!r}, builder)"
        raise NotRegistered(
            f"was trained with the network {model['name']!r}, which is not registered here: call {line}"
        )
    for config in configs:
        name = config.get("name")
        if name is not None and name not in encodings.ENCODINGS:
            line = f"encodings.register({name})"
            raise NotRegistered(f"was made with the encoding {name!r}, which is not registered here: call {line}")


def _check_sums(folder: pathlib.Path, sums: dict[str, str]) -> None:
    """Raises ValueError where files do not match the checksums in ``config.json``."""
    # The first runs of this format have no checksum of their history.
    others = [name for name in _CHECKED if name in sums and _atomic.sha256(_atomic.part(folder, name)) != sums[name]]
    if len(others) == 1:
        raise ValueError(f"was written with another {others[0]}: {others[0]} is of another run, or damaged")
    if others:
        raise ValueError(f"is of another run than {' and '.join(others)}")
    if "model.keras" not in sums or "vocabulary.json" not in sums:
        raise ValueError("does not say which model.keras and vocabulary.json belong to it")


def _check_tokens(vocabulary: Vocabulary, encoding: encodings.Encoding, source: encodings.Encoding | None) -> None:
    """Raises ValueError where the vocabulary has a token that no encoding of ``config.json`` knows."""
    tokens = [token for token in vocabulary.tokens[len(RESERVED) :] if not token.startswith(LABEL)]
    if source is not None and source != encoding:
        tokens = [token for token in tokens if not source.knows(token)]
    unknown = next((token for token in tokens if not encoding.knows(token)), None)
    if unknown is not None:
        raise ValueError(
            f"was made by another encoding than config.json says: {unknown!r} is not a token of {encoding}"
        )


def _check_source(model: keras.Model, source: encodings.Encoding | None) -> None:
    needs = getattr(model, "conditional", False) and not model.infills  # one that fills in has the piece as its source
    if needs != (source is not None):
        raise ValueError("has a conditional network and no source_encoding, or the reverse")


def _load_weights(model: keras.Model, path: pathlib.Path, config: Config) -> None:
    try:
        model.load_weights(path)
    except Exception as error:  # Keras lists over several lines the layers without weights
        raise ValueError(f"has no weights for the {config.model.name} that the others describe") from error


def _history(history: dict, config: Config) -> dict:
    lengths = {len(history[name]) for name in history}
    if len(lengths) > 1 or max(lengths, default=0) > config.training.epochs:
        raise ValueError(f"has figures of {sorted(lengths)} epochs, and config.json asks for {config.training.epochs}")
    return history


def _write(path: pathlib.Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def _json(folder: pathlib.Path, name: str) -> dict:
    values = json.loads(_atomic.part(folder, name).read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("is not a JSON object")
    return values
