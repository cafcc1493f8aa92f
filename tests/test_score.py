"""Score: what it refuses, what it sorts, and what its operations give, in literal numbers."""

from fractions import Fraction

import numpy as np
import pytest

from musiclib.score import COLUMNS, DEFAULT_VELOCITY, Score, pitch_name


def columns(**changes):
    """Columns of two good notes, with some replaced."""
    good = {"onset": [0.0, 1.0], "duration": [1.0, 1.0], "pitch": [60, 64], "velocity": [80, 90], "part": [0, 1]}
    return {**good, **changes}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"onset": [0.0, -0.25]}, ["onset", "-0.25"]),
        ({"onset": [0.0, float("nan")]}, ["onset", "finite"]),
        ({"onset": [0.0, float("inf")]}, ["onset", "finite"]),
        ({"duration": [1.0, 0.0]}, ["duration", "0.0"]),
        ({"duration": [1.0, -2.5]}, ["duration", "-2.5"]),
        ({"pitch": [60, 128]}, ["pitch", "128"]),
        ({"pitch": [-1, 60]}, ["pitch", "-1"]),
        ({"pitch": [60, 60.5]}, ["pitch", "60.5"]),
        ({"velocity": [0, 80]}, ["velocity", "0"]),
        ({"velocity": [80, 128]}, ["velocity", "128"]),
        ({"part": [0, -1]}, ["part", "-1"]),
        ({"part": [0, 0.5]}, ["part", "0.5"]),
        ({"pitch": [60, 64, 67]}, ["pitch", "3", "2"]),
        ({"pitch": [[60, 64]]}, ["one-dimensional"]),
        ({"programs": (129,)}, ["programs", "129"]),
        ({"tempos": ((0.0, 0.0),)}, ["tempo", "0.0"]),
        ({"tempos": ((-1.0, 120.0),)}, ["tempo", "-1.0"]),
        ({"tempos": ((0.0, float("inf")),)}, ["tempo", "inf"]),
        ({"time_signatures": ((0.0, 3, 0),)}, ["time signature", "3/0"]),
        ({"time_signatures": ((-2.0, 3, 4),)}, ["time signature", "-2.0"]),
    ],
)
def test_refuses_what_is_no_music(changes, named):
    with pytest.raises(ValueError) as error:
        Score(**columns(**changes))
    for text in named:
        assert text in str(error.value)


def test_sorts_by_onset_then_part_then_pitch_and_keeps_rows_together():
    score = Score(onset=[1, 0, 0, 0], duration=[4, 3, 2, 1], pitch=[50, 70, 65, 60], velocity=[1, 2, 3, 4],
                  part=[0, 1, 0, 0])  # fmt: skip
    assert score.onset.tolist() == [0, 0, 0, 1]
    assert score.part.tolist() == [0, 0, 1, 0]
    assert score.pitch.tolist() == [60, 65, 70, 50]
    assert score.duration.tolist() == [1, 2, 3, 4]
    assert score.velocity.tolist() == [4, 3, 2, 1]


def test_columns_have_the_types_that_the_docstring_promises():
    score = Score(**columns())
    assert [getattr(score, name).dtype for name in COLUMNS] == [np.float64] * 2 + [np.int64] * 3


def test_is_immutable_and_leaves_the_callers_arrays_alone():
    pitch = np.array([64, 60])
    score = Score(**columns(pitch=pitch))
    with pytest.raises(AttributeError):
        score.pitch = pitch
    for name in COLUMNS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(score, name)[0] = 1
    pitch[0] = 1  # still writable, and the score does not follow
    assert score.pitch.tolist() == [64, 60]


def test_cannot_be_hashed_since_it_compares_by_value():
    with pytest.raises(TypeError):
        hash(Score(**columns()))


def test_takes_fractions_as_music21_gives_them():
    score = Score.from_notes([(Fraction(1, 3), Fraction(2, 3), 60)])
    assert score.onset[0] == 1 / 3
    assert score.duration[0] == 2 / 3


def test_from_notes_fills_in_velocity_and_part():
    score = Score.from_notes([(0, 1, 60), (1, 1, 62, 33), (2, 1, 64, 44, 2)])
    assert score.velocity.tolist() == [DEFAULT_VELOCITY, 33, 44]
    assert score.part.tolist() == [0, 0, 2]
    assert score.part_names == ("Part 1", "Part 2", "Part 3")
    assert score.programs == (0, 0, 0)


def test_an_empty_score_is_a_score():
    empty = Score.from_notes([])
    assert len(empty) == 0
    assert empty.end == 0.0
    assert empty.tempos == ((0.0, 120.0),)
    assert empty.transpose(50) == empty
    assert empty.slice(0, 4) == empty
    assert [len(times) for times in empty.seconds()] == [0, 0]
    assert "0 notes" in repr(empty)


def test_names_of_parts_are_kept_and_missing_ones_made_up():
    score = Score(**columns(), part_names=("Flute",), programs=(73,))
    assert score.part_names == ("Flute", "Part 2")
    assert score.programs == (73, 0)
    assert Score(**columns(), part_names=("a", "b", "silent")).part_names == ("a", "b", "silent")


def test_end_is_when_the_last_note_stops_not_when_the_last_begins():
    assert Score.from_notes([(0, 10, 60), (4, 1, 62)]).end == 10.0


def test_equality_is_by_value_in_every_field():
    score = Score(**columns())
    assert score == Score(**columns())
    changed = [
        score.replace(pitch=[60, 65]), score.replace(onset=[0, 1.5]), score.replace(duration=[1, 2]),
        score.replace(velocity=[80, 91]), score.replace(part=[1, 0]), score.replace(tempos=((0, 90),)),
        score.replace(time_signatures=((0, 3, 4),)), score.replace(part_names=("x", "y")),
        score.replace(programs=(1, 2)), Score.from_notes([(0, 1, 60)]),
    ]  # fmt: skip
    for other in changed:
        assert score != other
    assert score != "a score"


def test_transpose_moves_pitches_and_nothing_else():
    score = Score(**columns())
    assert score.transpose(-5).pitch.tolist() == [55, 59]
    assert score.transpose(-5).replace(pitch=score.pitch) == score
    assert score.transpose(63).pitch.tolist() == [123, 127]
    assert score.transpose(-60).pitch.tolist() == [0, 4]


@pytest.mark.parametrize("semitones", [64, -61])
def test_transpose_refuses_to_leave_midi(semitones):
    with pytest.raises(ValueError, match=str(semitones)):
        Score(**columns()).transpose(semitones)


def test_select_takes_a_part_by_number_or_name():
    score = Score(**columns(), part_names=("Flute", "Oboe"), programs=(73, 68), tempos=((0, 90),))
    oboe = score.select("Oboe")
    assert oboe == score.select(1)
    assert oboe == Score([1], [1], [64], [90], [0], tempos=((0, 90),), part_names=("Oboe",), programs=(68,))


@pytest.mark.parametrize("part", [2, -1, "Tuba"])
def test_select_refuses_a_part_that_is_not_there_and_lists_those_that_are(part):
    score = Score(**columns(), part_names=("Flute", "Oboe"))
    with pytest.raises(ValueError) as error:
        score.select(part)
    for text in (repr(part), "Flute", "Oboe"):
        assert text in str(error.value)


def test_slice_keeps_what_begins_inside_and_cuts_what_lasts_longer():
    score = Score.from_notes([(0, 8, 40), (1, 1, 60), (2, 4, 62), (3.5, 0.25, 64), (4, 1, 65)])
    part = score.slice(1, 4)
    assert part.onset.tolist() == [0, 1, 2.5]
    assert part.duration.tolist() == [1, 2, 0.25]
    assert part.pitch.tolist() == [60, 62, 64]


def test_slice_shifts_tempos_and_time_signatures():
    score = Score.from_notes(
        [(i, 1, 60) for i in range(10)],
        tempos=((0, 60), (3, 90), (5, 120), (8, 30)),
        time_signatures=((0, 4, 4), (6, 3, 4), (7, 2, 4)),
    )
    part = score.slice(4, 8)
    assert part.tempos == ((0.0, 90.0), (1.0, 120.0))
    assert part.time_signatures == ((0.0, 4, 4), (2.0, 3, 4), (3.0, 2, 4))
    assert score.slice(6, 8).time_signatures == ((0.0, 3, 4), (1.0, 2, 4))
    assert score.slice(5, 6).tempos == ((0.0, 120.0),)  # a change at the very start is in force


@pytest.mark.parametrize(("start", "end"), [(4, 4), (4, 3), (0, float("nan"))])
def test_slice_refuses_an_empty_span(start, end):
    with pytest.raises(ValueError, match=f"start={start} and end={end}"):
        Score(**columns()).slice(start, end)


def test_seconds_follow_the_tempo_map():
    score = Score.from_notes([(0, 1, 60), (1, 2, 62), (3, 1, 64), (4, 4, 65)], tempos=((0, 60), (2, 120), (5, 240)))
    starts, ends = score.seconds()
    # 60: a quarter lasts 1 s; from 2 on 0.5 s; from 5 on 0.25 s.
    np.testing.assert_allclose(starts, [0, 1, 2.5, 3])
    np.testing.assert_allclose(ends, [1, 2.5, 3, 4.25])
    np.testing.assert_allclose(score.seconds_at([2, 5, 9]), [2, 3.5, 4.5])


def test_tempo_is_120_where_none_is_given_or_until_the_first_one():
    np.testing.assert_allclose(Score.from_notes([(2, 2, 60)]).seconds(), [[1], [2]])
    late = Score.from_notes([(0, 4, 60)], tempos=((2, 60),))
    assert late.tempos == ((0.0, 120.0), (2.0, 60.0))
    np.testing.assert_allclose(late.seconds(), [[0], [3]])


def test_maps_are_sorted_by_onset():
    score = Score(**columns(), tempos=((4, 60), (0, 90)), time_signatures=((8, 3, 4), (0, 4, 4)))
    assert score.tempos == ((0.0, 90.0), (4.0, 60.0))
    assert score.time_signatures == ((0.0, 4, 4), (8.0, 3, 4))


def test_of_two_tempos_at_one_onset_the_later_in_the_list_holds():
    score = Score.from_notes([(0, 4, 60)], tempos=((0, 120), (0, 60)))
    np.testing.assert_allclose(score.seconds(), [[0], [4]])


@pytest.mark.parametrize(("pitch", "name"), [(60, "C4"), (66, "F#4"), (0, "C-1"), (127, "G9"), (11, "B-1"), (69, "A4")])
def test_pitch_names(pitch, name):
    assert pitch_name(pitch) == name
