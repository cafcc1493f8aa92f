"""Registry: networks by name, each with its builder and presets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import NamedTuple

import keras

from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.encodings import Encoding, Vocabulary

BUILDERS: dict[str, Callable[..., keras.Model]] = {}
PRESETS: dict[str, Mapping[str, Config]] = {}
TAKES: dict[str, Takes] = {}


class Takes(NamedTuple):
    """The encodings that a network can learn from.

    Attributes:
        text: which they are, as the README and the error message say it.
        fits: whether an encoding is one of them.
    """

    text: str
    fits: Callable[[Encoding], bool]


TOKENS = Takes("every encoding of tokens", lambda encoding: not encoding.bands)


def register(
    name: str,
    builder: Callable[..., keras.Model],
    takes: Takes | None = None,
    sampling: Mapping | None = None,
    **presets: tuple[dict, TrainingConfig],
) -> None:
    """Makes a network known by a name, so that it is built, trained, saved and loaded like those that ship.

    Args:
        name: what ``ModelConfig`` calls it. A name that is taken is replaced, so that a notebook cell can be run again.
        builder: takes the size of the vocabulary and options that are JSON values, each with a default, and returns a
            built model, such as an ``AutoregressiveModel``. An argument ``tokens`` gets the tokens of the vocabulary.
        takes: the encodings that it can learn from; None for all.
        sampling: the sampling rules of its presets, which their runs keep; None for the general ones.
        **presets: options and training settings by size, for ``config.preset(size, name)``; by default ``quick`` and
            ``full`` with the builder's default options.

    Raises:
        ValueError: where the builder cannot be called.
    """
    if not callable(builder):
        raise ValueError(f"models.register needs a function that builds {name!r}, got {builder!r}")
    quick = TrainingConfig(window=64, batch_size=16, epochs=14)
    presets = presets or {"quick": ({}, quick), "full": ({}, TrainingConfig())}
    BUILDERS[name] = builder
    TAKES.pop(name, None)
    if takes is not None:
        TAKES[name] = takes
    PRESETS[name] = {
        size: Config(size, ModelConfig(name, options), settings, dict(sampling or {}))
        for size, (options, settings) in presets.items()
    }


def find(name: str) -> Callable[..., keras.Model]:
    """Returns a builder by name; raises ValueError, which lists the registered names, where there is none."""
    if name not in BUILDERS:
        raise ValueError(
            f"unknown model {name!r}; there are {', '.join(BUILDERS)}; if it is your own, define its builder and call"
            f" models.register({name!r}, builder) first"
        )
    return BUILDERS[name]


def check_encoding(name: str, encoding: Encoding) -> None:
    """Raises ValueError where a network cannot learn from an encoding; the message says from which it can."""
    if name in TAKES and not TAKES[name].fits(encoding):
        raise ValueError(
            f"a {name} takes {TAKES[name].text}, and this dataset has {encoding}; prepare one with an encoding that it"
            " takes, or choose another network"
        )


def build(name: str, vocabulary_size: int, **options) -> keras.Model:
    """Returns a new network.

    Args:
        name: a registered name.
        vocabulary_size: number of token ids.
        **options: those of its builder.

    Raises:
        ValueError: at an unknown name or option.
    """
    builder = find(name)
    try:
        return builder(vocabulary_size, **options)
    except TypeError as error:
        raise ValueError(f"{name} cannot be built with {options}: {error}") from error


def build_for(model: ModelConfig, vocabulary: Vocabulary, encoding: Encoding, **defaults) -> keras.Model:
    """Returns a new network for a vocabulary; a builder with an argument ``tokens`` gets the tokens.

    Args:
        model: the network and its options.
        vocabulary: its tokens.
        encoding: of the data; for one that makes arrays, the builder gets the size of a frame instead of the
            vocabulary's.
        **defaults: options that ``model`` does not name.

    Raises:
        ValueError: at an unknown name or option.
    """
    options = {**defaults, **model.options}
    if "tokens" in inspect.signature(find(model.name)).parameters:
        options["tokens"] = list(vocabulary.tokens)
    return build(model.name, encoding.bands or len(vocabulary), **options)


def all_options(model: ModelConfig) -> dict:
    """Returns every option of a network, with the defaults, which a later version may change."""
    parameters = inspect.signature(BUILDERS[model.name]).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty and p.name != "tokens"}
    return {**defaults, **model.options}
