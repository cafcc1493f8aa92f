"""Chorale: literal tokens, holds, which notes become which voice, and what any order of tokens becomes."""

import numpy as np
import pytest

from musiclib.encodings import Chorale, from_config
from musiclib.score import Score

VOICES = ("Soprano", "Alto", "Tenor", "Bass")
BOTH = [Chorale(), Chorale(holds=True)]


def rows(score):
    return [tuple(row) for row in np.stack([score.onset, score.duration, score.pitch, score.part], 1).tolist()]


def of_voices(*notes, parts=4):
    """Rows (onset, duration, pitch, part)."""
    listed = [(onset, duration, pitch, 80, part) for onset, duration, pitch, part in notes]
    return Score.from_notes(listed, part_names=tuple(str(i) for i in range(parts)))


def test_a_step_is_told_soprano_bass_alto_tenor():
    score = of_voices((0, 0.25, 72, 0), (0, 0.25, 67, 1), (0, 0.25, 64, 2), (0, 0.25, 48, 3))
    assert Chorale().encode(score) == ["C5", "C3", "G4", "E4"]
    assert rows(Chorale().decode(["C5", "C3", "G4", "E4"])) == rows(score)
    assert Chorale().decode([]).part_names == VOICES


def test_only_holds_tell_a_long_note_from_a_repeated_one():
    long = of_voices((0, 0.5, 72, 0), (0.75, 0.25, 72, 0))
    repeated = of_voices((0, 0.25, 72, 0), (0.25, 0.25, 72, 0), (0.75, 0.25, 72, 0))
    first, rest = ["C5", "R", "R", "R"], ["R"] * 4
    assert Chorale().encode(long) == Chorale().encode(repeated) == first + first + rest + first
    assert Chorale(True).encode(long) == [*first, "_", "R", "R", "R", *rest, *first]
    assert Chorale(True).encode(repeated) == first + first + rest + first
    assert rows(Chorale().decode(first + first + rest + first)) == rows(long)
    for score in (long, repeated):
        assert rows(Chorale(True).decode(Chorale(True).encode(score))) == rows(score)


def test_four_parts_are_the_voices_also_where_they_cross_or_are_silent():
    score = of_voices((0, 0.25, 60, 0), (0, 0.25, 72, 3))
    assert Chorale().encode(score) == ["C4", "C5", "R", "R"]


def test_in_a_voice_the_last_to_begin_sounds_and_of_those_the_highest():
    score = of_voices((0, 1, 72, 0), (0, 1, 60, 0), (0.25, 0.25, 65, 0), (0.25, 0.25, 64, 0))
    tokens = Chorale(True).encode(score)
    assert tokens[::4] == ["C5", "F4", "C5", "_"]
    assert Chorale(True).encode(Chorale(True).decode(tokens)) == tokens


@pytest.mark.parametrize(
    ("pitches", "step"),
    [
        ([72], "C5 R R R"),
        ([48, 72], "C5 C3 R R"),
        ([48, 67, 72], "C5 C3 G4 R"),
        ([48, 64, 67, 72], "C5 C3 G4 E4"),
        ([48, 55, 64, 67, 72], "C5 C3 G4 E4"),
        ([48, 60, 60, 72], "C5 C3 C4 R"),
    ],
)
@pytest.mark.parametrize("parts", [1, 5])
def test_any_other_number_of_parts_is_one_texture(pitches, step, parts):
    score = of_voices(*((0, 0.25, pitch, i % parts) for i, pitch in enumerate(pitches)), parts=parts)
    assert Chorale().encode(score) == step.split()


def test_a_note_of_a_texture_that_changes_its_voice_begins_there_anew():
    score = of_voices((0, 0.5, 60, 0), (0.25, 0.25, 72, 0), parts=1)
    assert Chorale(True).encode(score) == "C4 R R R C5 C4 R R".split()


def test_short_notes_last_a_step_and_times_go_to_the_grid():
    score = of_voices((0.2, 0.01, 60, 0), (0.6, 0.3, 62, 0))
    assert Chorale().encode(score)[::4] == ["R", "C4", "D4", "D4"]


def test_the_last_step_is_filled_up_with_silence():
    assert Chorale().encode(Chorale().decode(["C5", "C3"])) == ["C5", "C3", "R", "R"]


def test_a_hold_of_nothing_is_silence():
    tokens = "_ R _ C4 _ R C4 _".split()
    assert Chorale(True).encode(Chorale(True).decode(tokens)) == "R R R C4 R R C4 _".split()


@pytest.mark.parametrize("encoding", BOTH, ids=str)
def test_encoding_what_was_decoded_gives_the_same_tokens(encoding, song, random_score):
    rng = np.random.default_rng(5)
    for score in (song, Score.from_notes([]), *(random_score(seed) for seed in range(6))):
        for parts in (1, 3, 4, 6):
            mixed = Score(
                *(getattr(score, c) for c in ("onset", "duration", "pitch", "velocity")),
                rng.integers(0, parts, len(score)),
            )
            tokens = encoding.encode(mixed)
            assert set(tokens) <= set(encoding.alphabet) and len(tokens) % 4 == 0
            assert encoding.encode(encoding.decode(tokens)) == tokens


@pytest.mark.parametrize("encoding", BOTH, ids=str)
def test_any_sequence_of_the_alphabet_decodes(encoding):
    rng = np.random.default_rng(7)
    alphabet = np.array(["R", "C5", "D5", *(["_"] if encoding.holds else ["E5"])])
    for size in (1, 2, 3, 4, 5, 402):
        tokens = encoding.encode(encoding.decode(rng.choice(alphabet, size).tolist()))
        assert encoding.encode(encoding.decode(tokens)) == tokens
    assert len(tokens) > 380
    encoding.decode(encoding.alphabet)


@pytest.mark.parametrize("encoding", BOTH, ids=str)
def test_options_go_through_json(encoding):
    assert from_config(encoding.to_config()) == encoding


@pytest.mark.parametrize("token", ["", "_", "r", "C10", "60", "C4:1", "<end>"])
def test_a_foreign_token_is_named(token):
    with pytest.raises(ValueError) as error:
        Chorale().decode(["C4", token])
    assert repr(token) in str(error.value) and "Chorale" in str(error.value)


def test_bad_options_and_endless_music_are_refused():
    with pytest.raises(ValueError, match="'yes'"):
        Chorale(holds="yes")
    with pytest.raises(ValueError, match="slice"):
        Chorale().encode(Score.from_notes([(1e9, 1, 60)]))


def test_some_voices_alone_are_written_in_their_order():
    score = of_voices((0, 0.5, 72, 0), (0, 0.25, 67, 1), (0, 0.25, 64, 2), (0, 0.5, 48, 3))
    assert Chorale(voices="S").encode(score) == ["C5", "C5"]
    assert Chorale(holds=True, voices="S").encode(score) == ["C5", "_"]
    accompaniment = Chorale(voices="BAT")
    assert accompaniment.encode(score) == ["C3", "G4", "E4", "C3", "R", "R"]
    decoded = accompaniment.decode(accompaniment.encode(score))
    assert rows(decoded) == [row for row in rows(score) if row[3] != 0] and decoded.part_names == VOICES
    assert from_config(accompaniment.to_config()) == accompaniment
    assert from_config({"name": "Chorale", "holds": True}) == Chorale(holds=True)  # as runs before knew it
    assert Chorale(voices="S").encode(of_voices((0, 0.25, 60, 0), (0, 0.25, 64, 0), parts=1)) == ["E4"]


@pytest.mark.parametrize("voices", ["", "SS", "X", "s"])
def test_unknown_voices_are_named(voices):
    with pytest.raises(ValueError, match="SATB"):
        Chorale(voices=voices)
