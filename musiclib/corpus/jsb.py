"""JSB: the JSON file of the JSB chorales benchmark, with the official split.

A piece is an array (steps, 4) of MIDI pitches on a grid of sixteenths: soprano, alto, tenor, bass, -1 where a voice
is silent. ``corpus.load("jsb")`` converts the pieces to a Corpus; ``benchmarks.jsb`` uses these arrays.

Source: Nicolas Boulanger-Lewandowski et al., "Modeling Temporal Dependencies in High-Dimensional Sequences" (2012), for
the pieces and their split; Cheng-Zhi Anna Huang et al., "Counterpoint by Convolution" (2017), for this file.
"""

from __future__ import annotations

import json
import pathlib

import numpy as np

from musiclib.score.voices import SILENT, VOICES

URL = "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/master/Jsb16thSeparated.json"
SPLITS = {"train": "train", "valid": "validation", "test": "test"}  # names in the file and in a Corpus
_VALUES = range(SILENT, 128)
_ENOUGH = 2000  # minimum steps to check the grid
_OTHER_FILE = "the benchmark's file is Jsb16thSeparated.json of czhuang/JSB-Chorales-dataset"


def load(path: str | pathlib.Path) -> dict[str, dict[str, np.ndarray]]:
    """Loads the benchmark's file, or one with some of its splits.

    Args:
        path: the JSON file: for each of ``train``, ``valid`` and ``test`` a list of pieces; a piece is a list of steps,
            a step is four numbers.

    Returns:
        For each split of the file its pieces by name (``train/000``), each (steps, 4) int64.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if it is a different file, damaged, or of a different grid.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        raise FileNotFoundError(f"{path} is a folder; give the file in it, Jsb16thSeparated.json")
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give Jsb16thSeparated.json, from {URL}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); {_OTHER_FILE}") from error
    if not isinstance(content, dict) or not content or not content.keys() <= SPLITS.keys():
        found = sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"{path} must hold the splits train, valid and test, or some of them, got {found}")
    splits = {}
    for split in (name for name in SPLITS if name in content):
        pieces = content[split]
        if not isinstance(pieces, list) or not pieces:
            raise ValueError(f"{path}: the split {split} is not a list of pieces; get another copy, {_OTHER_FILE}")
        names = [f"{split}/{i:03d}" for i in range(len(pieces))]
        splits[split] = {name: _grid(piece, f"{path}: {name}") for name, piece in zip(names, pieces, strict=True)}
    _check_grid([grid for grids in splits.values() for grid in grids.values()], path)
    return splits


def _grid(piece: object, place: str) -> np.ndarray:
    """Checks one piece and returns it as an array."""
    if not isinstance(piece, list) or not piece:
        raise ValueError(f"{place} is not a list of steps; get another copy, {_OTHER_FILE}")
    for i, step in enumerate(piece):
        if not isinstance(step, list) or len(step) != len(VOICES):
            raise ValueError(f"{place}: step {i} is {str(step)[:60]}, not one number for each voice; {_OTHER_FILE}")
        wrong = [value for value in step if value not in _VALUES or isinstance(value, bool)]
        if wrong:
            raise ValueError(f"{place}: step {i} holds {wrong[0]!r}, neither a MIDI pitch nor -1; {_OTHER_FILE}")
    return np.array(piece, dtype=np.int64)


def _check_grid(grids: list[np.ndarray], path: pathlib.Path) -> None:
    """Raises ValueError if the grid is not sixteenths, judged by how often a voice moves on odd steps (from 0).

    That is 2% of the odd steps in the benchmark's file, 53% on an eighth-note grid, more on a quarter-note grid and 0%
    on a thirty-second grid. Small files are not checked.
    """
    moves = np.concatenate([np.any(grid[1::2] != grid[: len(grid) // 2 * 2 : 2], axis=1) for grid in grids])
    share = moves.mean() if len(moves) else 0.0
    if len(moves) * 2 >= _ENOUGH and not 0 < share < 0.25:
        finer = "finer" if share == 0 else "coarser"
        raise ValueError(
            f"{path} looks like a {finer} grid than sixteenths (voices move on {share:.0%} of its odd steps, and on 2%"
            f" in the benchmark's); {_OTHER_FILE}"
        )
