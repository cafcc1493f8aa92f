"""Learning styles: from folders of music to a run that transfers between them."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Mapping

from musiclib import config, corpus, dataset, training
from musiclib.config import Config
from musiclib.encodings import Phrases

_FEWEST = 4  # pieces of a style
_UPDATES = 2000  # of the weights; small folders need more epochs


def learn(
    folders: Mapping[str, object],
    folder: str | pathlib.Path | None = None,
    settings: Config | None = None,
    encoding: Phrases | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: bool = True,
):
    """Trains a network on styles of your own.

    Args:
        folders: for each style its name and its music: a folder, or any source of ``corpus.load``.
        folder: where to save the run; None saves nothing.
        settings: the network and its training; None for the quick preset of ``style_vae``, with as many epochs as 2,000
            updates take.
        encoding: the phrases; None for two bars of the melody. ``Phrases(voices="SBAT")`` takes music in four voices.
        limit: number of pieces of each style, chosen at random; None takes all.
        seed: of the sample and the split.
        progress: show progress bars.

    Returns:
        A run for ``style.transfer``, as ``training.train`` returns it.

    Raises:
        ValueError: where there are fewer than two styles, or one has fewer than four pieces or no whole phrase.
        FileNotFoundError: where a folder does not exist.
    """
    if not isinstance(folders, Mapping) or len(folders) < 2:
        raise ValueError(f"style.learn needs at least two styles, {{'one': folder, 'other': folder}}, got {folders!r}")
    pieces = corpus.load(folders, limit=limit, seed=seed, progress=progress)
    encoding = Phrases() if encoding is None else encoding
    for label in folders:
        count = pieces.labels.count(str(label))
        if count < _FEWEST:
            raise ValueError(f"the style {label!r} has {count} pieces, and {_FEWEST} are needed; give it more music")
        own = (score for score, name in zip(pieces.scores, pieces.labels, strict=True) if name == str(label))
        if not any(encoding.examples(score) for score in own):
            raise ValueError(
                f"the style {label!r} has no phrase of {encoding.bars} bars in {', '.join(encoding.metres)}; give"
                " encoding=Phrases(metres=[...]) with its time signatures"
            )
    split = corpus.split(pieces, validation=0.1, test=0.1, seed=seed)
    data = dataset.prepare(split, encoding, transpositions=range(-5, 7))
    return training.train(data, settings or _settings(data, encoding), folder, progress)


def _settings(data: dataset.Dataset, encoding: Phrases) -> Config:
    """Returns the quick preset for phrases of this length."""
    quick = config.preset("quick", "style_vae")
    options = {**quick.model.options, "length": encoding.longest + 1}
    if len(encoding.voices) > 1:
        options["attributes"] = []  # of one voice only
    epochs = math.ceil(_UPDATES * quick.training.batch_size / max(len(data.train), 1))
    model = dataclasses.replace(quick.model, options=options)
    settings = dataclasses.replace(quick, preset="learned", model=model)
    return settings.replace(window=encoding.longest + 1, epochs=max(epochs, quick.training.epochs))
