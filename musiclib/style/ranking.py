"""Ranking: which of several proposals for a phrase is the best in another style."""

from __future__ import annotations

import numpy as np
from keras import ops

from musiclib.dataset.pieces import from_start_to_end, rows
from musiclib.evaluation.content import Grid, similarity
from musiclib.evaluation.statistics import best_scale
from musiclib.score.voices import SILENT

_ENOUGH = 3.0  # log odds of the target from which a phrase is typical enough, at least
_BEYOND = 2.0  # or this often the odds against it of the piece as it was: where styles are easily told apart
_CONTENT, _FOREIGN = 2.0, 8.0  # weights
_ROOM = 3  # semitones beyond the range of the piece
_BLOCK = 1024


def best(
    run, phrases: list[np.ndarray], proposals: list[list[np.ndarray]], target: np.ndarray, least: float
) -> list[np.ndarray]:
    """Returns for each phrase of a piece its best proposal among those that keep enough of it.

    Args:
        run: a trained run of a ``style_vae``.
        phrases: ids, time signature first.
        proposals: of each phrase, itself among them.
        target: (styles,), shares of the styles.
        least: the content that must be kept, 0 to 1.
    """
    flat = [proposal for each in proposals for proposal in each]
    enough = max(_ENOUGH, -_BEYOND * float(typicality(run, phrases, target).mean()))
    values = -np.logaddexp(0.0, enough - typicality(run, flat, target)) - _FOREIGN * _foreign(run, phrases, flat)
    chosen, start = [], 0
    for phrase, candidates in zip(phrases, proposals, strict=True):
        kept = content(run, phrase, candidates)
        value = values[start : start + len(candidates)] + _CONTENT * kept
        chosen.append(candidates[int(np.where(kept >= least - 1e-9, value, -np.inf).argmax())])
        start += len(candidates)
    return chosen


def typicality(run, phrases: list[np.ndarray], target: np.ndarray) -> np.ndarray:
    """Returns how typical phrases are of a style, (phrases,): log odds that the network reads it."""
    logits = style_logits(run, phrases)
    others = np.where(target > 0, -np.inf, logits)
    return logits @ target - np.logaddexp.reduce(others, axis=1, initial=-30.0)


def style_logits(run, phrases: list[np.ndarray]) -> np.ndarray:
    """Returns what the network reads off phrases: the logits of the styles, (phrases, styles)."""
    ids = rows(map(from_start_to_end, phrases), run.model.length + 1)[:, :-1]
    parts = [ops.convert_to_numpy(run.model.read_style(ids[i : i + _BLOCK])) for i in range(0, len(ids), _BLOCK)]
    return np.concatenate(parts)


def _foreign(run, phrases: list[np.ndarray], others: list[np.ndarray]) -> np.ndarray:
    """Returns the share of the notes of others outside the key or the range of a piece, (others,)."""
    pitches = run.model.phrase_tokens.pitch
    notes = pitches[np.concatenate(phrases)]
    notes = notes[notes >= 0].astype(int)
    scale = best_scale(np.bincount(notes % 12, minlength=12))
    allowed = scale[np.arange(128) % 12] == 1
    allowed &= (np.arange(128) >= notes.min() - _ROOM) & (np.arange(128) <= notes.max() + _ROOM)
    found = [pitches[ids][pitches[ids] >= 0].astype(int) for ids in others]
    return np.array([1 - allowed[own].mean() if len(own) else 1.0 for own in found])


def content(run, phrase: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Returns how much of a phrase others keep, (others,): the mean of contour, rhythm and chroma."""
    values = similarity(_grid(run, [phrase]), _grid(run, others, len(phrase)))
    return np.mean([*values.values()], axis=0)


def _grid(run, phrases: list[np.ndarray], length: int | None = None) -> Grid:
    """Returns phrases of ids, time signature first, as a grid."""
    table = rows(phrases, length or len(phrases[0]))[:, 1:].reshape(len(phrases), -1, len(run.encoding.voices))
    tokens = run.model.phrase_tokens
    begun = tokens.pitch[table].astype(int)  # -1 where no note begins
    pitch, held = begun.copy(), table == tokens.hold
    for step in range(1, pitch.shape[1]):
        pitch[:, step] = np.where(held[:, step], pitch[:, step - 1], pitch[:, step])
    return Grid(pitch, begun != SILENT)
