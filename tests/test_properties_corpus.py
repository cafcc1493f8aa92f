"""What holds of every transposition and of every split, whatever the music."""

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores_by_chance import scores

from musiclib import corpus
from musiclib.corpus import Corpus
from musiclib.score import COLUMNS, Score, melody


@st.composite
def moves(draw) -> tuple[Score, int]:
    """A score and an interval, often one that just fits or just does not."""
    score = draw(scores())
    room = [-int(score.pitch.min()), 127 - int(score.pitch.max())] if len(score) else [0]
    edges = [edge + beyond for edge in room for beyond in (-1, 0, 1)]
    return score, draw(st.sampled_from(edges) | st.integers(-130, 130))


@given(moves())
def test_transposing_there_and_back_changes_nothing(move):
    score, semitones = move
    low, high = (int(score.pitch.min()), int(score.pitch.max())) if len(score) else (0, 0)
    if len(score) and not 0 <= low + semitones <= high + semitones <= 127:
        with pytest.raises(ValueError, match=f"transposing by {semitones} takes pitches {low} to {high} out of"):
            score.transpose(semitones)
        return
    moved = score.transpose(semitones)
    assert moved.transpose(-semitones) == score
    np.testing.assert_array_equal(moved.pitch - score.pitch, semitones)
    np.testing.assert_array_equal(np.diff(moved.pitch), np.diff(score.pitch))
    assert moved.replace(pitch=score.pitch) == score


@given(st.lists(scores(max_notes=4), max_size=4), st.lists(st.integers(-70, 70), max_size=4, unique=True))
def test_a_transposed_corpus_holds_every_key_that_fits_and_no_other(made, semitones):
    pieces = Corpus(tuple(f"piece {i}" for i in range(len(made))), tuple(made))
    moved = pieces.transposed(semitones)
    expected = []
    for i, score in enumerate(made):
        for interval in semitones:
            try:
                expected.append((f"piece {i}" + (f"{interval:+d}" if interval else ""), score.transpose(interval)))
            except ValueError:
                continue
    assert list(zip(moved.names, moved.scores, strict=True)) == expected


def tune(family: int, ending: int) -> Score:
    """A tune of its own, with one of a few endings: the steps of two families agree nowhere for long."""
    line = 60 + np.clip(np.cumsum(np.random.default_rng(family).integers(-4, 5, 20 + family)), -12, 24)
    line[-1] += ending
    return Score.from_notes([(i, 1, int(pitch)) for i, pitch in enumerate(line)])


@st.composite
def corpora(draw) -> tuple[Corpus, list[int]]:
    """Pieces of a few families: a tune in several keys, endings, and over several basses; each piece's family."""
    families = draw(st.lists(st.integers(0, 30), min_size=1, max_size=40))
    made = []
    for family in families:
        score = tune(family, draw(st.integers(0, 4))).transpose(draw(st.integers(-6, 6)))
        if draw(st.booleans()):
            bass = [(4 * i, 4, 30, 80, 1) for i in range(draw(st.integers(1, 5)))]
            rows = zip(*(getattr(score, column).tolist() for column in COLUMNS), strict=True)
            score = Score.from_notes([*rows, *bass])
        made.append(score)
    return Corpus(tuple(f"piece {i}" for i in range(len(made))), tuple(made)), families


@given(corpora(), st.sampled_from([0, 0.1, 0.25, 0.5]), st.sampled_from([0, 0.1, 0.25, 0.45]), st.integers(0, 2**32))
def test_a_split_deals_out_every_piece_once_and_keeps_a_tune_on_one_side(made, validation, test, seed):
    pieces, families = made
    try:
        split = corpus.split(pieces, validation, test, seed)
    except ValueError as error:
        assert "cannot be split" in str(error) and str(len(pieces)) in str(error)
        return
    sides = {"train": split.train, "validation": split.validation, "test": split.test}
    side_of = {name: side for side, part in sides.items() for name in part.names}
    assert sum(len(part) for part in sides.values()) == len(side_of) == len(pieces)
    scores_of = dict(zip(pieces.names, pieces.scores, strict=True))
    for part in sides.values():
        assert all(score is scores_of[name] for name, score in zip(part.names, part.scores, strict=True))
    met = collections.defaultdict(set)
    for name, family in zip(pieces.names, families, strict=True):
        met[family].add(side_of[name])
    assert all(len(found) == 1 for found in met.values())
    assert len(split.validation) <= round(validation * len(pieces)) and len(split.test) <= round(test * len(pieces))
    again = corpus.split(pieces, validation, test, seed)
    assert [part.names for part in sides.values()] == [again.train.names, again.validation.names, again.test.names]


@given(corpora(), st.randoms(use_true_random=False))
def test_families_do_not_depend_on_the_order_of_the_pieces(made, random):
    pieces, families = made
    order = list(range(len(pieces)))
    random.shuffle(order)
    shuffled = melody.families([pieces.scores[i] for i in order])
    groups = collections.defaultdict(set)
    for place, number in zip(order, shuffled, strict=True):
        groups[number].add(place)
    expected = collections.defaultdict(set)
    for place, family in enumerate(families):
        expected[family].add(place)
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, expected.values()))


@settings(max_examples=30)
@given(st.lists(scores(), max_size=6))
def test_families_of_any_music_are_numbers_of_its_pieces(made):
    numbers = melody.families(made)
    assert len(numbers) == len(made) and all(numbers[number] == number for number in numbers)
