"""Runs: a trained network with all that is needed to use it, as one folder.

The folder holds ``model.keras``, ``vocabulary.json``, ``config.json`` and ``history.json``.
``config.json`` knows the SHA-256 of the others, so that files of two runs cannot be mixed up.
Nothing in the folder is code, and nothing is run from it: the network is built from the name
and options in ``config.json``, and of Keras' archive the weights alone are read.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import pathlib
from collections.abc import Callable
from typing import Any

from musiclib import checkpoint, encodings, files, models
from musiclib.config import Config
from musiclib.models import AutoregressiveModel
from musiclib.vocabulary import RESERVED, Vocabulary

FORMAT = 1  # raised when a run folder changes in a way that this version could not read
_CHECKED = ("model.keras", "vocabulary.json", "history.json")
_FILES = (*_CHECKED, "config.json")


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
        source_encoding: of a network that answers to a source, Score to the source's tokens.
    """

    model: AutoregressiveModel
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
            f" best validation loss {best:.3f} nats per token)"
        )

    def save(self, folder: str | pathlib.Path) -> pathlib.Path:
        """Writes the run's folder; a run that is there is replaced once all of this one is written.

        Raises:
            OSError: where the folder cannot be written; what was there is then untouched.
        """
        folder = pathlib.Path(folder).expanduser()
        with files.together(folder) as new:
            self.model.save(new / "model.keras")
            _write(new / "vocabulary.json", self.vocabulary.to_json())
            _write(new / "history.json", json.dumps(self.history, indent=2))
            about = {
                "format": FORMAT,
                "encoding": self.encoding.to_config(),
                **({"source_encoding": self.source_encoding.to_config()} if self.source_encoding else {}),
                "config": self.config.to_dict(),
                "options": _options(self.config),
                "sha256": {name: files.sha256(new / name) for name in _CHECKED},
                "about": self.about,
            }
            _write(new / "config.json", json.dumps(about, indent=2))
        return folder


def load_run(folder: str | pathlib.Path) -> Run:
    """Loads a run from its folder, and runs nothing that is in it.

    Raises:
        FileNotFoundError: where the folder or one of its files is missing.
        ValueError: where its parts do not belong together, are damaged, or another version
            wrote them; the message names the part.
    """
    folder = pathlib.Path(folder).expanduser()
    missing = [name for name in _FILES if not files.part(folder, name).is_file()]
    if missing:
        remedy = "train one with training.train"
        if files.part(folder, checkpoint.NAME).is_file():
            remedy = "a training was begun there, which the same call of training.train goes on with"
        raise FileNotFoundError(f"{folder} is no run: it lacks {', '.join(missing)}; {remedy}")

    def read(name: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except Exception as error:  # whatever a file that somebody else made can lead to
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
    vocabulary = read("vocabulary.json", lambda: Vocabulary.read(files.part(folder, "vocabulary.json")))
    encoding = read("config.json", lambda: encodings.from_config(about["encoding"]))
    source = about.get("source_encoding")
    source_encoding = read("config.json", lambda: source and encodings.from_config(source))
    read("vocabulary.json", lambda: _check_tokens(vocabulary, encoding, source_encoding))
    config = read("config.json", lambda: Config.from_dict(about["config"]))
    options = {**config.model.options, **about.get("options", {})}
    model = read("config.json", lambda: models.build(config.model.name, len(vocabulary), **options))
    read("config.json", lambda: _check_source(model, source_encoding))
    read("model.keras", lambda: _load_weights(model, files.part(folder, "model.keras"), config))
    history = read("history.json", lambda: _history(_json(folder, "history.json"), config))
    return Run(
        model, vocabulary, encoding, config, history, read("config.json", lambda: about["about"]), source_encoding
    )


def _options(config: Config) -> dict:
    """Returns every option of the network, defaults included: a later version may have others."""
    parameters = inspect.signature(models.BUILDERS[config.model.name]).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    return {**defaults, **config.model.options}


def _check_sums(folder: pathlib.Path, sums: dict[str, str]) -> None:
    """Raises ValueError at files that are not those which ``config.json`` was written with."""
    # The first runs of this format have no sum for their history.
    others = [name for name in _CHECKED if name in sums and files.sha256(files.part(folder, name)) != sums[name]]
    if len(others) == 1:
        raise ValueError(f"was written with another {others[0]}: {others[0]} is of another run, or damaged")
    if others:
        raise ValueError(f"is of another run than {' and '.join(others)}")
    if "model.keras" not in sums or "vocabulary.json" not in sums:
        raise ValueError("does not say which model.keras and vocabulary.json belong to it")


def _check_tokens(vocabulary: Vocabulary, encoding: encodings.Encoding, source: encodings.Encoding | None) -> None:
    """Raises ValueError at a token that no encoding of ``config.json`` knows."""
    tokens = vocabulary.tokens[len(RESERVED) :]
    if source is not None and source != encoding:
        tokens = [token for token in tokens if not encodings.knows(source, token)]
    try:
        encoding.decode(tokens)
    except ValueError as error:
        raise ValueError(f"was made by another encoding than config.json says: {error}") from error


def _check_source(model: AutoregressiveModel, source: encodings.Encoding | None) -> None:
    if model.needs_source != (source is not None):
        raise ValueError("has a network that answers to a source and no source_encoding, or the other way round")


def _load_weights(model: AutoregressiveModel, path: pathlib.Path, config: Config) -> None:
    try:
        model.load_weights(path)
    except Exception as error:  # Keras tells over several lines which of its layers found nothing
        raise ValueError(
            f"has no weights for the {config.model.name} of {model.vocabulary_size} tokens that the others describe"
        ) from error


def _history(history: dict, config: Config) -> dict:
    lengths = {len(history[name]) for name in history}
    if len(lengths) > 1 or max(lengths, default=0) > config.training.epochs:
        raise ValueError(f"has figures of {sorted(lengths)} epochs, and config.json asks for {config.training.epochs}")
    return history


def _write(path: pathlib.Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def _json(folder: pathlib.Path, name: str) -> dict:
    values = json.loads(files.part(folder, name).read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("is no JSON object")
    return values
