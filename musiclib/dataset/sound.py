"""Sound: prepares a dataset of spectral frames from scores or recordings, cut into excerpts of one length."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from musiclib.audio.recordings import SUFFIXES, read_audio
from musiclib.corpus import Corpus, Split
from musiclib.corpus.splitting import check_split
from musiclib.dataset.dataset import PARTS, Dataset
from musiclib.dataset.pieces import Pieces
from musiclib.encodings import Spectra, Vocabulary
from musiclib.encodings.base import check_encoding
from musiclib.encodings.vocabulary import RESERVED

_ENDS = {"train": 0.8, "validation": 0.9, "test": 1.0}  # of each part, in a recording or in the list of recordings
_SEPARATE = 10  # from so many recordings on, each is in one part only


def prepare_sound(
    source: Split | str | pathlib.Path | Sequence[str | pathlib.Path],
    encoding: Spectra,
    seconds: float = 10.0,
    excerpts: int | None = None,
) -> Dataset:
    """Cuts audio into excerpts and encodes them as frames.

    Args:
        source: from ``corpus.split``: scores that are rendered with the SoundFont; or a folder of recordings, or a
            list of them. Of ten or more recordings, 80% are for training, the next 10% for validation and the last for
            test; of fewer, these parts of each.
        encoding: of the frames.
        seconds: length of an excerpt; a shorter remainder is dropped.
        excerpts: most excerpts of each piece or recording; None for all.

    Returns:
        A dataset whose pieces are excerpts, each (frames, bands) float32; its vocabulary has only reserved tokens.

    Raises:
        FileNotFoundError: where the folder or a recording does not exist.
        ImportError: without librosa and soundfile.
        ValueError: where there are no recordings, a part of the dataset is empty, or a recording cannot be read.
    """
    check_encoding(encoding, "prepare_sound")
    if isinstance(source, Corpus):
        check_split(source, "prepare_sound")
    size = round(seconds * encoding.rate)
    found: dict[str, list[np.ndarray]] = {name: [] for name in PARTS}
    if isinstance(source, Split):
        names = {name: list(getattr(source, name).names) for name in PARTS}
        for name in PARTS:
            for score in getattr(source, name).scores:
                found[name] += _cut(encoding.encode(score), size, excerpts)
    else:
        paths = list(_paths(source))
        names = dict.fromkeys(PARTS, [path.name for path in paths])
        for number, path in enumerate(paths):
            frames, first = encoding.encode(read_audio(path, encoding.sample_rate)), 0
            if len(paths) >= _SEPARATE:
                name = next(name for name, end in _ENDS.items() if number < round(end * len(paths)))
                found[name] += _cut(frames, size, excerpts)
                continue
            for name, end in _ENDS.items():
                last = round(end * len(frames))
                found[name] += _cut(frames[first:last], size, excerpts)
                first = last
    empty = [name for name in PARTS if not found[name]]
    if empty:
        raise ValueError(
            f"no excerpt of {seconds:g} seconds is left for {' and '.join(empty)}; give more pieces, ten recordings or"
            f" recordings of {10 * seconds:g} seconds and more, or a smaller seconds"
        )
    about = {"seconds": seconds, **{f"{name}_names": names[name] for name in PARTS}}
    parts = (Pieces(np.concatenate(found[name]), size * np.arange(len(found[name]) + 1)) for name in PARTS)
    return Dataset(*parts, Vocabulary(RESERVED), encoding, about)


def _cut(frames: np.ndarray, size: int, most: int | None) -> list[np.ndarray]:
    return [frames[first : first + size] for first in range(0, len(frames) - size + 1, size)][:most]


def _paths(source: str | pathlib.Path | Iterable[str | pathlib.Path]) -> Iterator[pathlib.Path]:
    """Yields the recordings of a folder, or of a list of paths."""
    if not isinstance(source, (str, pathlib.Path)):
        yield from map(pathlib.Path, source)
        return
    folder = pathlib.Path(source).expanduser()
    if not folder.exists():
        raise FileNotFoundError(f"no such folder of recordings: {folder}")
    if folder.is_file():
        yield folder
        return
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(f"no recordings in {folder}; give a folder with files of {', '.join(SUFFIXES)}")
    yield from found
