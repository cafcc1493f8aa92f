"""Phrases: bars cut by the time signature, literal tokens, and what is refused."""

import numpy as np
import pytest

from musiclib import corpus, dataset
from musiclib.corpus import Corpus, Split
from musiclib.encodings import Chorale, Phrases, from_config
from musiclib.score import Score, meter

JIG = Score.from_notes(
    [(0, 0.5, 67), (0.5, 1, 69), (1.5, 0.5, 71), (2, 1.5, 72), (3.5, 3, 74)],
    time_signatures=((0, 1, 8), (0.5, 6, 8)),
)


def test_an_upbeat_is_left_out_and_the_phrase_is_filled_up_with_rests():
    tokens = "6/8 A4 _ _ _ B4 _ C5 _ _ _ _ _ D5" + " _" * 11
    assert Phrases().encode(JIG) == tokens.split()
    assert Phrases(bars=1).encode(JIG) == "6/8 A4 _ _ _ B4 _ C5 _ _ _ _ _ 6/8 D5 _ _ _ _ _ _ _ _ _ _ _".split()
    assert Phrases(bars=4).encode(JIG) == tokens.split() + ["R"] * 24


def test_a_note_that_is_held_over_begins_again():
    score = Score.from_notes([(0, 6, 60), (6, 2, 62)], time_signatures=((0, 2, 4),))
    first, second = "2/4 C4 _ _ _ _ _ _ _ _ _ _ _ _ _ _ _", "2/4 C4 _ _ _ _ _ _ _ D4 _ _ _ _ _ _ _"
    assert Phrases().encode(score) == [*first.split(), *second.split()]


def test_phrases_begin_anew_where_the_time_signature_changes():
    score = Score.from_notes([(i, 1, 60 + i) for i in range(7)], time_signatures=((0, 4, 4), (4, 3, 4)))
    metres = [token for token in Phrases().encode(score) if "/" in token]
    assert metres == ["4/4", "3/4"]
    again = Phrases().decode(Phrases().encode(score))
    assert again.time_signatures == ((0, 4, 4), (8, 3, 4))
    assert again.onset.tolist() == [0, 1, 2, 3, 8, 9, 10]


def test_without_a_time_signature_bars_are_common_time():
    assert Phrases().encode(Score.from_notes([(0, 1, 60)]))[0] == "4/4"


def test_examples_are_in_the_metres_and_have_no_empty_bar():
    tune = Score.from_notes([(i, 1, 60) for i in range(12)], time_signatures=((0, 4, 4),))
    assert len(Phrases().examples(tune)) == 1  # the second phrase lacks a bar
    assert len(Phrases(bars=1).examples(tune)) == 3
    assert Phrases(metres=["6/8"]).examples(tune) == []
    nine = tune.replace(time_signatures=((0, 9, 8),))
    assert Phrases().encode(nine)[0] == "9/8" and Phrases().examples(nine) == []


def test_four_voices_write_what_chorale_writes():
    chorale = corpus.load("bach", limit=1, seed=3, progress=False).scores[0]
    begin = meter.upbeat(chorale.time_signatures)
    phrase = Phrases(voices="SBAT").encode(chorale)
    bars = chorale.slice(begin, begin + 2 * meter.bar_length(chorale.time_signatures))
    assert phrase[1 : phrase.index(phrase[0], 1)] == Chorale(holds=True).encode(bars)


@pytest.mark.parametrize("encoding", [Phrases(), Phrases(bars=4), Phrases(voices="SBAT"), Phrases(1, "SB")], ids=str)
def test_decoded_tokens_encode_to_themselves(encoding):
    rng = np.random.default_rng(0)
    steps = ["_", "R", "C4", "D5", "_", "_"]
    for metre in ("4/4", "6/8", "2/4"):
        count = encoding.steps(metre) * len(encoding.voices)
        tokens = [metre, *rng.choice(steps, count).tolist()] * 2
        once = encoding.encode(encoding.decode(tokens))
        assert encoding.encode(encoding.decode(once)) == once


@pytest.mark.parametrize(
    ("tokens", "again"),
    [
        ("6/8 C4", "6/8 C4" + " R" * 23),  # what is missing is silent
        ("2/4" + " C4" * 30, "2/4" + " C4" * 16),  # what is too much is dropped
        ("C4 _", "4/4 C4 _" + " R" * 30),
        ("2/4 2/4 C4", "2/4" + " R" * 16 + " 2/4 C4" + " R" * 15),
    ],
)
def test_any_tokens_decode_to_whole_phrases(tokens, again):
    assert Phrases().encode(Phrases().decode(tokens.split())) == again.split()


def test_options_go_through_json_and_wrong_ones_are_refused():
    encoding = Phrases(4, "SBAT", ["4/4"])
    assert from_config(encoding.to_config()) == encoding and encoding.longest == 257
    for options, named in (({"bars": 0}, "bars"), ({"voices": "X"}, "SATB"), ({"metres": ["4/5"]}, "4/5"), ({"metres": []}, "metres")):  # fmt: skip
        with pytest.raises(ValueError, match=named):
            Phrases(**options)
    for token in ("4/4", "C4", "_", "R"):
        assert Phrases().knows(token)
    for token in ("4", "4/3", "H4", "0/4", "4/4/4"):
        assert not Phrases().knows(token)
        with pytest.raises(ValueError, match="not a token"):
            Phrases().decode([token])


def test_a_dataset_of_phrases_has_one_piece_for_each():
    tunes = [JIG.then(JIG.transpose(shift), start=6.5) for shift in (2, 3, 5)]
    parts = Split(*(Corpus((name,), (tune,)) for name, tune in zip("abc", tunes, strict=True)))
    data = dataset.prepare(parts, Phrases(), transpositions=(0, 1), minimum_count=1)
    assert len(data.train) == 2 * len(Phrases().examples(tunes[0])) > 2
    assert data.vocabulary.to_tokens(data.train[0][1:2]) == ["6/8"]


def test_depths_follow_the_metre():
    assert meter.depths(4, 4).tolist() == [0, 4, 3, 4, 2, 4, 3, 4, 1, 4, 3, 4, 2, 4, 3, 4]
    assert meter.depths(2, 4).tolist() == [0, 3, 2, 3, 1, 3, 2, 3]
    assert meter.depths(6, 8).tolist() == [0, 3, 2, 3, 2, 3, 1, 3, 2, 3, 2, 3]
    assert meter.depths(3, 4).tolist() == [0, 3, 2, 3, 1, 3, 2, 3, 1, 3, 2, 3]


def test_several_sources_make_one_corpus(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.abc").write_text(
            "X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:Two\nM:4/4\nL:1/4\nK:C\nGABc|\n"
        )
    both = corpus.load([tmp_path / "a.abc", str(tmp_path / "b.abc")], progress=False)
    assert both.names == ("a#1 One", "a#2 Two", "b#1 One", "b#2 Two")
    assert len(corpus.load([tmp_path / "a.abc", tmp_path / "b.abc"], limit=3, progress=False)) == 3
    with pytest.raises(ValueError, match="at least one source"):
        corpus.load([])
