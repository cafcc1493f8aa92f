"""Rebuilding: puts changed phrases into a piece, and keeps all else."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from musiclib.encodings import Phrases
from musiclib.encodings.chorale import Chorale
from musiclib.score import COLUMNS, Score
from musiclib.score.instruments import DRUM_KIT
from musiclib.score.voices import SILENT, STEPS_PER_QUARTER, VOICES, notes_at_steps

_NEAR = 0.5 / STEPS_PER_QUARTER  # notes so near before a phrase belong to it


def rebuild(score: Score, encoding: Phrases, changed: Iterable[tuple[float, float, list[str]]]) -> Score:
    """Returns a piece with other phrases in some places, of the same length and with the same last notes.

    Args:
        score: the piece.
        encoding: of the phrases.
        changed: start and end of each changed phrase, in quarter lengths, and its tokens.
    """
    grid = notes_at_steps(score)
    rows = [
        dict(zip(COLUMNS, row, strict=True)) for row in zip(*(getattr(score, c).tolist() for c in COLUMNS), strict=True)
    ]
    voice_of = np.full(len(score), SILENT)
    for voice in Chorale(holds=True, voices=encoding.voices).order:
        shown = np.unique(grid[:, voice])
        voice_of[shown[shown != SILENT]] = voice
    hidden = ~np.isin(np.arange(len(score)), grid) & (score.duration < 1 / STEPS_PER_QUARTER)
    hidden &= ~score.is_percussion
    pitched = [i for i, program in enumerate(score.programs) if program != DRUM_KIT]
    four = len(pitched) == len(VOICES)
    lasts = _last_notes(score, voice_of)
    gone, new = np.zeros(len(score), bool), []
    for start, stop, tokens in changed:
        inside = (score.onset >= start - _NEAR) & (score.onset < stop - _NEAR)
        old = inside & (voice_of != SILENT)
        velocity = int(np.median(score.velocity[old])) if old.any() else int(np.median(score.velocity))
        part = int(np.bincount(score.part[old]).argmax()) if old.any() else 0
        gone |= old | (inside & hidden)
        gone[[*lasts.values()]] = False
        for onset, duration, pitch, voice in _notes(encoding.decode(tokens)):
            end = score.onset[lasts[voice]] if voice in lasts else np.inf
            if start + onset < min(stop, end) - _NEAR:
                place = pitched[voice] if four else part
                length = min(duration, stop - start - onset)
                new.append(
                    dict(zip(COLUMNS, (start + onset, length, pitch, velocity, place), strict=True)) | {"voice": voice}
                )
    kept = [{**row, "voice": int(voice)} for row, voice, out in zip(rows, voice_of, gone, strict=True) if not out]
    notes = sorted([*kept, *new], key=lambda row: row["onset"])
    _shorten(notes)
    return score.replace(**{name: [row[name] for row in notes] for name in COLUMNS})


def _notes(phrase: Score) -> Iterable[tuple]:
    return zip(
        phrase.onset.tolist(), phrase.duration.tolist(), phrase.pitch.tolist(), phrase.part.tolist(), strict=True
    )


def _shorten(notes: list[dict]) -> None:
    """Ends each note of a restyled voice at the latest where the next one begins."""
    following: dict[int, float] = {}
    for row in reversed(notes):
        if row["voice"] != SILENT:
            room = following.get(row["voice"], np.inf) - row["onset"]
            row["duration"] = min(row["duration"], room) if room > 0 else row["duration"]
            following[row["voice"]] = row["onset"]


def _last_notes(score: Score, voice_of: np.ndarray) -> dict[int, int]:
    """Returns the index of the last note of each restyled voice."""
    voices = np.unique(voice_of[voice_of != SILENT]).tolist()
    return {voice: max(np.flatnonzero(voice_of == voice).tolist(), key=lambda i: score.onset[i]) for voice in voices}
