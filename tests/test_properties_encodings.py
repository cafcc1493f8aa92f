"""What holds of every encoding, whatever the music and whatever the tokens; hypothesis looks for what breaks it.

An encoding that is added to ``ENCODINGS`` is tried here at once: with its default options, until ``OPTIONS`` has a
strategy of its own for it.
"""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scores_by_chance import extreme_scores, scores

from musiclib.encodings import ENCODINGS, from_config
from musiclib.score import COLUMNS, Score

# Options of each encoding, by its name.
OPTIONS = {
    "NoteChord": st.fixed_dictionaries(
        {
            "chords": st.sampled_from(["normal_order", "pitches"]),
            "durations": st.booleans(),
            "steps_per_quarter": st.sampled_from([1, 4, 7, 12, 24]),
            "step": st.sampled_from([0.25, 0.5, 1.0, 1 / 3, 0.3]),
            "sustain": st.booleans(),
        }
    ).filter(lambda o: o["durations"] or Fraction(o["step"]) >= Fraction(1, o["steps_per_quarter"])),
    "Frames": st.fixed_dictionaries({"fps": st.sampled_from([1, 5, 12.5, 0.3, 100 / 3, 50])}),
    "NoteEvents": st.fixed_dictionaries(
        {
            "steps_per_quarter": st.sampled_from([1, 4, 12]),
            "longest": st.sampled_from([1, 8]),
            "velocities": st.sampled_from([1, 2, 32]),
        }
    ),
    "Chorale": st.fixed_dictionaries({"holds": st.booleans(), "voices": st.sampled_from(["SBAT", "SATB"])}),
}
pytestmark = pytest.mark.filterwarnings("ignore:Performance.*moved by octaves")  # which is what the scores are for
SEARCHED = pytest.mark.parametrize("name", [name for name, encoding in ENCODINGS.items() if encoding.bands is None])


def encodings_named(name):
    """Every form of an encoding that its options give."""
    return OPTIONS.get(name, st.just({})).map(lambda options: from_config({"name": name, **options}))


@SEARCHED
@given(data=st.data())
def test_any_score_encodes_decodes_and_encodes_to_the_same_tokens(name, data):
    encoding, score = data.draw(encodings_named(name)), data.draw(scores())
    tokens = encoding.encode(score)
    assert all(isinstance(token, str) and token and token.isprintable() for token in tokens)
    assert encoding.encode(encoding.decode(tokens)) == tokens


@SEARCHED
@given(data=st.data())
def test_any_sequence_of_its_own_tokens_decodes_and_stays_what_it_then_is(name, data):
    """As an untrained network would write them: in any order, cut off anywhere."""
    encoding = data.draw(encodings_named(name))
    alphabet = sorted({token for _ in range(2) for token in encoding.encode(data.draw(scores()))})
    tokens = data.draw(st.lists(st.sampled_from(alphabet), max_size=40)) if alphabet else []
    score = encoding.decode(tokens)
    again = encoding.encode(score)
    assert encoding.encode(encoding.decode(again)) == again


@SEARCHED
@given(data=st.data())
def test_times_beyond_all_music_are_encoded_or_refused_with_a_way_out(name, data):
    encoding, score = data.draw(encodings_named(name)), data.draw(extreme_scores())
    try:
        tokens = encoding.encode(score)
    except ValueError as error:
        assert "slice" in str(error) and name in str(error)
        return
    assert encoding.encode(encoding.decode(tokens)) == tokens


@SEARCHED
@given(data=st.data())
def test_nothing_is_as_good_as_no_tokens(name, data):
    encoding = data.draw(encodings_named(name))
    assert encoding.encode(encoding.decode([])) == encoding.encode(Score.from_notes([])) == []


@SEARCHED
@given(data=st.data())
def test_an_encoding_goes_through_json(name, data):
    encoding, score = data.draw(encodings_named(name)), data.draw(scores())
    again = from_config(json.loads(json.dumps(encoding.to_config())))
    assert again == encoding and type(again) is type(encoding)
    assert again.encode(score) == encoding.encode(score)


@SEARCHED
@given(data=st.data())
def test_encoding_changes_no_score_and_remembers_none(name, data):
    encoding, score, other = data.draw(encodings_named(name)), data.draw(scores()), data.draw(scores())
    before = {column: getattr(score, column).copy() for column in COLUMNS}
    tokens = encoding.encode(score)
    encoding.decode(encoding.encode(other))
    assert encoding.encode(score) == tokens
    assert encoding.decode(tokens) == encoding.decode(tokens)
    for column, values in before.items():
        np.testing.assert_array_equal(getattr(score, column), values)
