"""Originality: planted copies are found in any key, and lengths agree with a search by brute force."""

import time

import numpy as np
import pytest

from musiclib.encodings import NoteChord
from musiclib.evaluation import Originality
from musiclib.score import Score

RNG = np.random.default_rng(5)


def tune(count, seed, step=0.5):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 4, count) * step
    onsets = np.cumsum(lengths) - lengths
    return Score.from_notes([(o, d, p) for o, d, p in zip(onsets, lengths, rng.integers(48, 80, count))])


def joined(*scores):
    rows, now = [], 0.0
    for score in scores:
        rows += [(now + o, d, p) for o, d, p in zip(score.onset, score.duration, score.pitch)]
        now += score.end
    return Score.from_notes(rows)


TRAINING = [tune(40, seed) for seed in range(6)]
NAMES = [f"piece {i}" for i in range(6)]
ORIGINALITY = Originality(TRAINING, NAMES)


def windows(score, length, key=0):
    """Every passage by brute force: pitch classes, and the times from note to note."""
    notes = sorted({(round(float(o) * 12), (int(p) + key) % 12) for o, p in zip(score.onset, score.pitch)})
    found = []
    for i in range(len(notes) - length + 1):
        part = notes[i : i + length]
        found.append((tuple(p for _, p in part), tuple(b[0] - a[0] for a, b in zip(part, part[1:]))))
    return found


def by_brute_force(score, length, training=TRAINING):
    """Which passages of a score stand in training in any of the twelve keys."""
    known = {window for piece in training for window in windows(piece, length)}
    keys = [[window in known for window in windows(score, length, key)] for key in range(12)]
    return np.any(keys, axis=0)


@pytest.mark.parametrize("key", [0, 3, -7, 12])
def test_a_planted_copy_is_found_in_any_key(key):
    copied = TRAINING[3].slice(4.0, 14.0)
    piece = joined(tune(9, 100), copied.transpose(key), tune(9, 101))
    (passage,) = ORIGINALITY.longest([piece])
    assert len(copied) <= passage.notes <= len(copied) + 4  # by chance, a neighbour or two may fit
    assert passage.source == "piece 3"
    assert passage.quarters == passage.bars * 4  # by 4/4, as it has no time signature
    assert passage.bars == pytest.approx(copied.onset[-1] / 4, abs=0.8)
    there = TRAINING[3].onset - passage.source_start
    here = piece.onset - passage.start
    assert set(np.round(here[(here >= 0) & (here < 8)], 3)) == set(np.round(there[(there >= 0) & (there < 8)], 3))


def test_other_rhythm_or_notes_are_no_copy():
    whole = TRAINING[2]
    assert ORIGINALITY.longest([whole])[0].notes == 40
    slower = whole.replace(onset=whole.onset * 2, duration=whole.duration * 2)
    changed = whole.replace(pitch=whole.pitch + (np.arange(40) % 2))
    assert max(passage.notes for passage in ORIGINALITY.longest([slower, changed])) < 10
    octaves = whole.replace(pitch=whole.pitch + 12 * (np.arange(40) % 3 - 1))
    assert ORIGINALITY.longest([octaves])[0].notes == 40  # in other octaves it is the same tune


@pytest.mark.parametrize("seed", range(4))
def test_lengths_and_shares_agree_with_brute_force(seed):
    rng = np.random.default_rng(seed)
    chords = [(o, 0.5, p) for o in range(12) for p in rng.choice(np.arange(50, 62), 3, replace=False)]
    training = [*TRAINING, Score.from_notes(chords)]
    originality = Originality(training, [*NAMES, "chords"])
    start = int(rng.integers(0, 20))
    pieces = [
        tune(30, 200 + seed),
        joined(tune(5, seed), Score.from_notes(chords).slice(2, 9).transpose(5)),
        joined(TRAINING[seed].slice(start / 2, start / 2 + 6).transpose(1), TRAINING[5].slice(3, 9)),
    ]
    for piece, passage in zip(pieces, originality.longest(pieces)):
        assert by_brute_force(piece, passage.notes, training).any()
        assert not by_brute_force(piece, passage.notes + 1, training).any()
    for length in (1, 2, 3, 4, 7, 8, 16):
        found = np.concatenate([by_brute_force(piece, length, training) for piece in pieces])
        assert originality.seen_share(pieces, length) == pytest.approx(found.mean())


def test_no_passage_crosses_from_one_training_piece_to_the_next():
    (passage,) = ORIGINALITY.longest([joined(TRAINING[0], TRAINING[1])])
    assert passage.notes == 40


def test_encoding_and_decoding_hides_no_copy():
    encoding = NoteChord()
    chorale = [(i, 1, p + int(s)) for i, s in enumerate(RNG.integers(0, 5, 30)) for p in (48, 55, 64, 72)]
    known = Originality([encoding.decode(encoding.encode(Score.from_notes(chorale)))], ["chorale"])
    tokens = encoding.encode(Score.from_notes(chorale).slice(10, 20))
    copy = encoding.decode([*encoding.encode(tune(4, 9)), *tokens])  # voiced otherwise than in the piece itself
    assert known.longest([copy])[0].notes >= 30


def test_empty_and_short_music():
    empty = Score.from_notes([])
    one = Score.from_notes([(0, 1, 60)])
    passages = ORIGINALITY.longest([empty, one])
    assert [passage.notes for passage in passages] == [0, 1]
    assert passages[0].source == ""
    assert np.isnan(ORIGINALITY.seen_share([empty, one], 4))
    assert Originality([], []).longest([one])[0].notes == 0
    assert ORIGINALITY.longest([]) == []


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="6 training pieces.* 2 names"):
        Originality(TRAINING, ["a", "b"])


def test_many_notes_are_looked_up_in_seconds():
    count = 200_000
    training = Score.from_notes(zip(np.arange(count) / 4, np.full(count, 0.25), RNG.integers(40, 90, count)))
    start = time.perf_counter()
    originality = Originality([training], ["long"])
    (passage,) = originality.longest([training.slice(100, 200).transpose(2)])
    assert passage.notes == 400 and passage.source_start == 100
    assert time.perf_counter() - start < 20
