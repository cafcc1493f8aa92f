"""Surprise: how unexpected each note of a piece is to a run, in nats."""

from __future__ import annotations

import collections

import numpy as np

from musiclib.dataset.pieces import from_start_to_end
from musiclib.evaluation.likelihood import nats_of_tokens
from musiclib.sampling.primers import check_loaded
from musiclib.score import Score, inheritance
from musiclib.score.checking import check_score


def surprise(run, score: Score) -> tuple[Score, np.ndarray]:
    """Returns -log P of each note of a score, given what comes before it.

    Each token's nats go to the notes that begin with it, in equal shares; where none does, to those that it makes
    longer, ends or gives their velocity. A token that changes no note (a rest, a time shift, a duration before its
    pitch) counts for the next note. The notes' nats add up to those of the piece, but for the end: what follows the
    last note, and ``<end>``, belong to no note.

    Args:
        run: an unconditional run of an autoregressive network.
        score: at least one note, in the run's vocabulary. Decoding the first token, the first two, ... finds the notes
            of each, so the time is quadratic: 2,000 tokens take seconds, some 10 with many chords.

    Returns:
        The score as the run knows it, encoded and decoded, and (notes,) float64, one value per note of that score.

    Raises:
        ValueError: if the run is conditional or has no likelihood of single tokens, or the score has no notes or
            unknown tokens.

    Source: Marcus Pearce, "The Construction and Evaluation of Statistical Models of Melodic Structure in Music
    Perception and Composition" (2005), which calls it information content.
    """
    if not hasattr(run, "model"):
        check_loaded(run)
    check_score(score, "surprise")
    if run.model.conditional or run.model.latent_size or not run.model.has_likelihood:
        raise ValueError(
            f"surprise: a {run.config.model.name} gives no likelihood of a note from the notes before it alone; take a"
            " run of an unconditional autoregressive network, such as stacked_lstm"
        )
    encoding = run.encoding
    tokens = encoding.encode(score)
    known = encoding.decode(tokens)
    if not len(known):
        raise ValueError(f"surprise: the score has no notes in {encoding}; give one with notes")
    unknown = [token for token in tokens if token not in run.vocabulary]
    if unknown:
        raise ValueError(
            f"surprise: {len(unknown)} of the score's {len(tokens)} tokens are not in this run's vocabulary, such as"
            f" {unknown[0]!r}; transpose it, or choose music more like the run's training pieces"
        )
    places = collections.defaultdict(list)
    for i, note in enumerate(map(tuple, _rows(known)[:, :3].tolist())):
        places[note].append(i)
    values, waiting, before = np.zeros(len(known)), 0.0, _rows(encoding.decode([]))
    for count, nats in enumerate(nats_of_tokens(run, from_start_to_end(run.vocabulary.to_ids(tokens)))[:-1], 1):
        after = _rows(encoding.decode([*tokens[:count], *encoding.pause]))
        new, changed = _differences(before, after)
        notes = [i for note in new or changed for i in places[note]]
        if new:
            nats, waiting = nats + waiting, 0.0
        if notes:
            values[notes] += nats / len(notes)
        else:
            waiting += nats
        before = after
    return inheritance.inherit(known, inheritance.whole(score), encoding.keeps), values


def _rows(score: Score) -> np.ndarray:
    """Returns onset, part, pitch, duration and velocity of each note, (notes, 5)."""
    return np.column_stack([score.onset, score.part, score.pitch, score.duration, score.velocity])


def _differences(before: np.ndarray, after: np.ndarray) -> tuple[list[tuple], list[tuple]]:
    """Returns onset, part and pitch of the notes that are new, and of those with another duration or velocity."""
    common = min(len(before), len(after))
    same = int(np.argmin([*np.all(before[:common] == after[:common], axis=1), False]))  # most notes at the start are
    old, now = (collections.Counter(map(tuple, rows[same:].tolist())) for rows in (before, after))
    olds, nows = (collections.Counter(row[:3] for row in rows.elements()) for rows in (old, now))
    return list(nows - olds), list({row[:3] for row in now - old})
