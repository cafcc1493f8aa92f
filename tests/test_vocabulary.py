"""Vocabulary: the order of ids, the reserved ones, what is unknown, and JSON."""

import json

import numpy as np
import pytest

from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN, Vocabulary

MUSIC = [["C4", "D4", "C4", "0.4.7"], ["C4", "D4", "A4"]]


def test_reserved_ids_come_first():
    assert (PADDING, START, END, UNKNOWN) == (0, 1, 2, 3)
    assert RESERVED == ("<pad>", "<start>", "<end>", "<unknown>")
    assert Vocabulary.build(MUSIC).tokens[:4] == RESERVED


def test_the_most_frequent_token_has_the_lowest_id_and_ties_are_alphabetical():
    assert Vocabulary.build(MUSIC).tokens[4:] == ("C4", "D4", "0.4.7", "A4")
    assert Vocabulary.build(reversed(MUSIC)) == Vocabulary.build(MUSIC)


def test_rare_tokens_are_left_out():
    vocabulary = Vocabulary.build(MUSIC, minimum_count=2)
    assert vocabulary.tokens[4:] == ("C4", "D4")
    assert len(vocabulary) == 6
    assert "C4" in vocabulary and "A4" not in vocabulary


def test_tokens_to_ids_and_back():
    vocabulary = Vocabulary.build(MUSIC)
    ids = vocabulary.to_ids(["A4", "C4", "0.4.7"])
    assert ids.tolist() == [7, 4, 6] and ids.dtype == np.int32
    assert vocabulary.to_tokens(ids) == ["A4", "C4", "0.4.7"]
    assert vocabulary.to_ids([]).dtype == np.int32 and len(vocabulary.to_ids([])) == 0


def test_reserved_ids_stand_for_no_music():
    assert Vocabulary.build(MUSIC).to_tokens([START, 4, UNKNOWN, 5, END, PADDING]) == ["C4", "D4"]


def test_an_unknown_token_is_named_unless_it_is_allowed():
    vocabulary = Vocabulary.build(MUSIC)
    with pytest.raises(ValueError, match="'B9'"):
        vocabulary.to_ids(["C4", "B9"])
    assert vocabulary.to_ids(["C4", "B9"], allow_unknown=True).tolist() == [4, UNKNOWN]


@pytest.mark.parametrize("i", [-1, 8, 1000])
def test_an_id_outside_is_named(i):
    with pytest.raises(ValueError, match=str(i)):
        Vocabulary.build(MUSIC).to_tokens([4, i])


def test_json_keeps_everything(tmp_path):
    vocabulary = Vocabulary([*RESERVED, "C4:1/2", "é", '"', "0.4.7"])
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    (tmp_path / "v.json").write_text(vocabulary.to_json(), encoding="utf-8")
    assert Vocabulary.load(tmp_path / "v.json") == vocabulary
    assert json.loads(vocabulary.to_json())["tokens"][4] == "C4:1/2"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "3", '{"tokens": 5}', '{"tokens": null}', '{"tokens": []}', '{"tokens": ["C4"]}',
             json.dumps({"tokens": [*RESERVED, "C4", "C4"]}), json.dumps({"tokens": [*RESERVED, ["C4"]]})],
)  # fmt: skip
def test_what_is_no_vocabulary_is_refused(text):
    with pytest.raises(ValueError):
        Vocabulary.from_json(text)


def test_a_token_that_stands_twice_is_named():
    with pytest.raises(ValueError, match="'D4'"):
        Vocabulary([*RESERVED, "C4", "D4", "D4"])


def test_tokens_without_the_reserved_ones_are_refused():
    with pytest.raises(ValueError, match="<start>"):
        Vocabulary(["C4", "D4"])


@pytest.mark.parametrize(("music", "minimum"), [([], 1), ([[]], 1), (MUSIC, 4)])
def test_music_without_a_token_is_refused(music, minimum):
    with pytest.raises(ValueError, match=f"at least {minimum} times"):
        Vocabulary.build(music, minimum)


def test_is_compared_by_its_tokens():
    assert Vocabulary.build(MUSIC) == Vocabulary.build(MUSIC)
    assert Vocabulary.build(MUSIC) != Vocabulary.build(MUSIC, 2)
    assert Vocabulary.build(MUSIC) != MUSIC
