"""Configuration: what a run is made with, as frozen dataclasses that travel through JSON.

A run folder holds its ``Config``, so that the network can be rebuilt from it; ``preset``
gives the two sizes that the notebooks know, and ``folders`` the places they write to.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import json
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which network, and its size."""

    name: str = "stacked_lstm"  # a builder in musiclib.models
    options: dict = dataclasses.field(default_factory=dict)  # keyword arguments of that builder


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Raises:
        ValueError: at a size, rate or choice that cannot be trained with.
    """

    window: int = 96  # tokens of context in a training example
    batch_size: int = 32  # windows a step
    epochs: int = 40  # at most; early stopping usually ends sooner
    learning_rate: float = 5e-3  # Adam's; halved where the validation loss rests for two epochs
    clip_norm: float = 1.0  # gradients longer than this are shortened to it
    weight_decay: float = 0.0  # share of each weight, times the learning rate, that a step takes off; biases are spared
    average: float = 0.0  # of the weights of past steps in the moving average that is kept; 0 keeps the last weights
    align: int | None = None  # windows begin at multiples of so many tokens, for networks that count metre from there
    patience: int = 6  # epochs without a better validation loss before training stops
    minutes: float | None = None  # after which one process stops, in the midst of an epoch too; None for no limit
    targets: str = "all"  # every position of a window, or "last": the textbook's form
    precision: str = "auto"  # "float32", "mixed_bfloat16" on accelerators made for it, or "auto": the fitting one
    seed: int = 0  # of the weights, the dropout and the order of the windows

    def __post_init__(self) -> None:
        for name in ("window", "batch_size", "epochs", "learning_rate", "clip_norm", "patience"):
            if not getattr(self, name) > 0:
                raise ValueError(f"TrainingConfig: {name} must be above 0, got {getattr(self, name)}")
        if self.minutes is not None and not self.minutes > 0:
            raise ValueError(f"TrainingConfig: minutes must be above 0, or None for no limit, got {self.minutes}")
        if not self.weight_decay >= 0:
            raise ValueError(f"TrainingConfig: weight_decay must be at least 0, got {self.weight_decay}")
        if not 0 <= self.average < 1:
            raise ValueError(f"TrainingConfig: average must be at least 0 and below 1, got {self.average}")
        if self.targets not in ("all", "last"):
            raise ValueError(f"TrainingConfig: targets must be 'all' or 'last', got {self.targets!r}")
        if self.precision not in ("auto", "float32", "mixed_bfloat16"):
            raise ValueError(
                f"TrainingConfig: precision must be 'auto', 'float32' or 'mixed_bfloat16', got {self.precision!r}"
            )


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that a training run is started with, but for the data."""

    preset: str = "full"
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)

    def replace(self, **changes) -> Config:
        """Returns a copy with other training values: ``config.replace(epochs=3)``."""
        return dataclasses.replace(self, training=dataclasses.replace(self.training, **changes))

    def to_dict(self) -> dict:
        """Returns nested dictionaries, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """Reads what ``to_dict`` wrote; raises ValueError at a field that does not exist."""
        try:
            return cls(
                preset=values["preset"],
                model=ModelConfig(**values["model"]),
                training=TrainingConfig(**values["training"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a configuration of this version of musiclib: {error}") from error

    def to_json(self) -> str:
        """Writes the configuration as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Reads what ``to_json`` wrote."""
        return cls.from_dict(json.loads(text))


def preset(name: str | None = None, model: str = "stacked_lstm") -> Config:
    """Returns the configuration of a preset; presets are defined beside their networks, which this loads.

    Args:
        name: ``"quick"`` or ``"full"``; None takes the environment variable
            ``MUSICLIB_PRESET``, and ``"quick"`` where that is not set.
        model: the network's name.

    Raises:
        ValueError: at an unknown preset or model; the message lists those there are.
    """
    # By name, when it is called: configuration is the first room, and knows no network until one is asked for.
    presets = importlib.import_module("musiclib.models").PRESETS
    name = name or os.environ.get("MUSICLIB_PRESET") or "quick"
    if name not in presets.get(model, ()):
        sizes = ", ".join(map(repr, dict.fromkeys(size for sizes in presets.values() for size in sizes)))
        models = ", ".join(map(repr, presets))
        raise ValueError(f"no preset {name!r} for the model {model!r}; there are {sizes}, for {models}")
    return copy.deepcopy(presets[model][name])  # its options are a dictionary, which a caller may change


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where the notebooks read and write; each is made when something is written to it."""

    root: pathlib.Path

    @property
    def data(self) -> pathlib.Path:
        """Downloads, caches and prepared datasets."""
        return self.root / "data"

    @property
    def models(self) -> pathlib.Path:
        """One folder a trained run."""
        return self.root / "models"

    @property
    def outputs(self) -> pathlib.Path:
        """Pictures, sound and MIDI."""
        return self.root / "outputs"


def folders() -> Folders:
    """Returns the folders below ``MUSICLIB_HOME``, by default the current folder."""
    return Folders(pathlib.Path(os.environ.get("MUSICLIB_HOME", ".")).resolve())


def find_run(name: str, shipped: str) -> pathlib.Path:
    """Returns the folder of one's own run, or of the shipped one where there is no own.

    Args:
        name: a run in ``folders().models``.
        shipped: a run that comes with the repository.

    Raises:
        FileNotFoundError: where neither exists.
    """
    repository = pathlib.Path(__file__).resolve().parents[1]
    candidates = [folders().models / name, folders().models / shipped, repository / "models" / shipped]
    for folder in candidates:
        if (folder / "config.json").is_file():
            return folder
    raise FileNotFoundError(
        f"no trained run {name!r} or {shipped!r} in {folders().models}; train one with the notebook of its network,"
        " or work in a full copy of the repository, which ships the second"
    )
