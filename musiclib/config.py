"""Configuration of models and training, as frozen dataclasses that are saved as JSON in a run's folder.

``preset`` returns the two sizes that the notebooks use, ``folders`` the folders they write to.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import json
import os
import pathlib

BAR_AFTER = 3.0  # seconds until a progress bar is shown, where most calls are quick


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """A network and its options."""

    name: str = "stacked_lstm"  # a builder in musiclib.models
    options: dict = dataclasses.field(default_factory=dict)  # keyword arguments of that builder


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Raises:
        ValueError: at an invalid value.
    """

    window: int = 96  # tokens of context in a training example
    batch_size: int = 32  # windows per step
    epochs: int = 40  # at most; early stopping usually ends sooner
    learning_rate: float = 5e-3  # of Adam
    halve_after: int | None = 2  # epochs without a lower validation loss until the learning rate is halved; None: never
    clip_norm: float = 1.0  # maximum norm of each gradient
    weight_decay: float = 0.0  # decoupled, times the learning rate; not for biases
    average: float = 0.0  # momentum of the moving average of the weights; 0 keeps the last weights
    align: int | None = None  # windows begin at multiples of this many tokens, for networks that count the metre
    patience: int = 6  # early stopping: epochs without a lower validation loss
    minutes: float | None = None  # time limit of a call of train, also within an epoch; None for no limit
    targets: str = "all"  # every position of a window, or "last": only the last one
    precision: str = "auto"  # "float32", "mixed_bfloat16", or "auto": the second where the accelerator supports it
    seed: int = 0  # of initial weights, dropout and the order of the windows

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
    """All settings of a training run, except the data.

    ``sampling`` holds sampling rules such as ``{"temperature": 0.9, "top_p": 0.95}``, which ``sampling.generate`` uses
    where its caller gives no other. They do not influence training.
    """

    preset: str = "full"
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    sampling: dict = dataclasses.field(default_factory=dict)

    def replace(self, sampling: dict | None = None, **changes) -> Config:
        """Returns a copy with other training values, ``config.replace(epochs=3)``, or sampling rules."""
        sampling = self.sampling if sampling is None else sampling
        return dataclasses.replace(self, training=dataclasses.replace(self.training, **changes), sampling=sampling)

    def to_dict(self) -> dict:
        """Returns nested dictionaries, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """Returns the configuration from ``to_dict``'s values; raises ValueError at an unknown field."""
        try:
            return cls(
                preset=values["preset"],
                model=ModelConfig(**values["model"]),
                training=TrainingConfig(**values["training"]),
                sampling=dict(values.get("sampling", {})),  # earlier runs have none
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a configuration of this version of musiclib: {error}") from error

    def to_json(self) -> str:
        """Returns the configuration as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Returns the configuration from ``to_json``'s text."""
        return cls.from_dict(json.loads(text))


def preset(name: str | None = None, model: str = "stacked_lstm") -> Config:
    """Returns a preset, which is defined in the module of its network.

    Args:
        name: ``"quick"`` or ``"full"``; None for the environment variable ``MUSICLIB_PRESET``, or else ``"quick"``.
        model: the network's name.

    Raises:
        ValueError: at an unknown preset or model.
    """
    # Imported here: musiclib.models imports this module.
    presets = importlib.import_module("musiclib.models").PRESETS
    name = name or os.environ.get("MUSICLIB_PRESET") or "quick"
    if name not in presets.get(model, ()):
        sizes = ", ".join(map(repr, dict.fromkeys(size for sizes in presets.values() for size in sizes)))
        models = ", ".join(map(repr, presets))
        raise ValueError(f"no preset {name!r} for the model {model!r}; there are {sizes}, for {models}")
    return copy.deepcopy(presets[model][name])  # callers may change the dictionary of options


@dataclasses.dataclass(frozen=True)
class Folders:
    """The folders of the notebooks; each is created when something is written to it."""

    root: pathlib.Path

    @property
    def data(self) -> pathlib.Path:
        """Downloads, caches and prepared datasets."""
        return self.root / "data"

    @property
    def models(self) -> pathlib.Path:
        """Trained runs, one folder each."""
        return self.root / "models"

    @property
    def outputs(self) -> pathlib.Path:
        """Images, sound and MIDI."""
        return self.root / "outputs"


def folders() -> Folders:
    """Returns the folders below ``MUSICLIB_HOME``, by default the current folder."""
    return Folders(pathlib.Path(os.environ.get("MUSICLIB_HOME", ".")).resolve())


def find_run(name: str, shipped: str | None = None) -> pathlib.Path:
    """Returns the folder of your own run, or else of a shipped one.

    Args:
        name: of your run in ``folders().models``.
        shipped: name of a run that comes with the repository; None for the same name.

    Raises:
        FileNotFoundError: where neither exists.
    """
    repository, shipped = pathlib.Path(__file__).resolve().parents[1], shipped or name
    candidates = [folders().models / name, folders().models / shipped, repository / "models" / shipped]
    for folder in candidates:
        if (folder / "config.json").is_file():
            return folder
    raise FileNotFoundError(
        f"no trained run {name!r} or {shipped!r} in {folders().models}; train one with the notebook of its network,"
        " or work in a full copy of the repository, which ships the second"
    )
