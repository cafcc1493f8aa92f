"""Melodies: the top line, and which pieces share their tune."""

import numpy as np
import pytest

from musiclib import readers
from musiclib.corpus import music21_corpus
from musiclib.score import Score
from musiclib.score.melody import families, top_pitches


def tune(seed, notes=30, low=60):
    """A tune of random steps, with a bass below it."""
    rng = np.random.default_rng(seed)
    line = low + np.clip(np.cumsum(rng.integers(-4, 5, notes)), -12, 24)
    rows = [(i, 1, int(p), 80, 0) for i, p in enumerate(line)] + [(4 * i, 4, 40, 80, 1) for i in range(notes // 4)]
    return Score.from_notes(rows)


def test_the_melody_is_the_top_line():
    rows = [(0, 1, 72), (0, 4, 48), (1, 1, 74), (1.5, 1, 60), (2, 1, 71), (3, 1, 55), (3, 1, 67)]
    assert top_pitches(Score.from_notes(rows)).tolist() == [72, 74, 71, 67]
    assert top_pitches(Score.from_notes([])).tolist() == []


def test_a_note_below_one_that_still_sounds_is_no_melody():
    """G5 sounds throughout: neither the C6 that ends above it nor its end makes E5 the top."""
    rows = [(0, 4, 79), (0, 1, 84), (1, 1, 76), (4, 1, 77)]
    assert top_pitches(Score.from_notes(rows)).tolist() == [84, 77]


def test_the_same_tune_in_another_key_is_one_family():
    scores = [tune(1), tune(2), tune(1).transpose(5), tune(2).transpose(-7), tune(3)]
    numbers = families(scores)
    assert numbers[0] == numbers[2] and numbers[1] == numbers[3]
    assert len(set(numbers)) == 3


def test_other_voices_below_the_tune_change_nothing():
    rows = [(o, d, p, 80, 0) for o, d, p in zip(tune(1).onset, tune(1).duration, tune(1).pitch, strict=True) if p > 40]
    other = Score.from_notes([*rows, *((o, 1, 45, 80, 1) for o in range(3, 20))])
    assert len(set(families([tune(1), other]))) == 1


def test_short_and_empty_pieces_are_families_of_their_own_or_of_their_copies():
    short = Score.from_notes([(0, 1, 60), (1, 1, 64), (2, 1, 62)])
    numbers = families([Score.from_notes([]), short, Score.from_notes([(0, 1, 60)]), short.transpose(2)])
    assert numbers[1] == numbers[3]
    assert len(set(numbers)) == 3
    assert families([]) == []


@pytest.mark.parametrize("copies", [2, 12, 24])
def test_all_transpositions_of_a_piece_are_one_family(copies):
    """Also where one tune stands in every key, and so in more pieces than a commonplace does."""
    scores = [score.transpose(i - copies // 2) for score in (tune(1), tune(2)) for i in range(copies)]
    numbers = families(scores)
    assert len(set(numbers)) == 2
    assert len(set(numbers[:copies])) == len(set(numbers[copies:])) == 1


def line(*intervals):
    """A melody of these steps from C4."""
    return Score.from_notes([(i, 1, int(pitch)) for i, pitch in enumerate(np.cumsum([60, *intervals]))])


@pytest.mark.parametrize(("pieces", "families_expected"), [(2, 1), (3, 1), (20, 1), (21, 21)])
def test_a_passage_that_stands_in_more_than_twenty_pieces_is_a_commonplace(pieces, families_expected):
    """Half of each piece, four passages of eight steps, is the same in all."""
    same = [2, 2, 1, 2, -4, 2, 3, -1, -1, 2, 1]
    endings = [np.random.default_rng(seed).integers(-7, 5, 4) for seed in range(pieces)]
    assert len(set(families([line(*same, *ending) for ending in endings]))) == families_expected


def test_a_medley_joins_the_families_of_its_tunes():
    one, two = (np.random.default_rng(seed).integers(-4, 5, 20).tolist() for seed in (1, 2))
    assert len(set(families([line(*one), line(*two)]))) == 2
    for pieces in ([one, two, one + two], [one + two, one, two], [two, one + two, one]):
        assert len(set(families([line(*steps) for steps in pieces]))) == 1


def test_the_settings_of_one_hymn_are_one_family_in_every_key():
    """BWV 392 to 395 set one tune (Nun ruhen alle Wälder, O Welt ich muss dich lassen); the others do not."""
    paths = dict((path.name.split(".")[0], path) for _, path in music21_corpus.chorale_files())
    settings = [readers.read_score(paths[name]) for name in ("bwv392", "bwv393", "bwv394", "bwv395")]
    others = [readers.read_score(paths[name]) for name in ("bwv269", "bwv347")]
    numbers = families([*settings, *others, *(score.transpose(3) for score in settings)])
    assert len({*numbers[:4], *numbers[6:]}) == 1
    assert len(set(numbers)) == 3
