"""Harmonizing: any melody in, the melody and voices out; sources of all kinds for whoever samples by hand."""

import warnings

import numpy as np
import pytest
from midi_by_hand import midi_bytes
from test_pair_training import data, run  # noqa: F401
from test_pairs import MELODY, VOICES, chorale
from test_sampling import run_of

from musiclib import models, readers, sampling, writers
from musiclib.score import Score
from musiclib.score.melody import top_line


def alone():
    """A run that answers to no source."""
    return run_of(models.build("stacked_lstm", 9, units=[4], embedding_size=4))


@pytest.fixture
def tune():
    """Within the range of the sopranos that the run was trained on."""
    return Score.from_notes([(i, 1, 72 + i % 4) for i in range(8)], tempos=((0, 90),))


def soprano(score):
    return list(zip(score.onset[score.part == 0], score.pitch[score.part == 0], strict=True))


def test_a_melody_comes_back_with_three_voices(run, tune):  # noqa: F811
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sampling.harmonize(run, tune, count=3, seed=1)
    assert len(found) == 3
    for score in found:
        assert score.part_names == ("Soprano", "Alto", "Tenor", "Bass") and score.tempos == ((0, 90),)
        assert soprano(score) == list(zip(tune.onset, tune.pitch, strict=True))
        assert score.end == tune.end and set(score.part.tolist()) > {0}
    assert found == sampling.harmonize(run, tune, count=3, seed=1)
    assert found[0] != found[1]


def test_the_melody_is_heard(run, tune):  # noqa: F811
    """Another melody gives other voices from the same random numbers."""
    run.model.embedding.embeddings.assign(np.random.default_rng(0).normal(size=run.model.embedding.embeddings.shape))
    other = tune.transpose(2)
    one, two = (sampling.harmonize(run, m, candidates=1, seed=1)[0] for m in (tune, other))
    assert VOICES.encode(one) != VOICES.encode(two)


def test_a_file_is_a_melody_too(run, tune, tmp_path):  # noqa: F811
    path = writers.write_midi(tune, tmp_path / "tune.mid")
    for kind in (path, str(path)):
        assert soprano(sampling.harmonize(run, kind, seed=1)[0]) == soprano(tune)
    with pytest.raises(FileNotFoundError):
        sampling.harmonize(run, tmp_path / "nothing.mid")


def test_of_chords_and_parts_the_top_line_is_taken_and_said(run, tune):  # noqa: F811
    chords = Score.from_notes([*((i, 1, 72 + i % 4) for i in range(8)), *((i, 1, 60) for i in range(8))])
    with pytest.warns(UserWarning, match="of the 16 notes in 1 part.s. the 8 of the top line are taken"):
        assert soprano(sampling.harmonize(run, chords, seed=1)[0]) == soprano(tune)
    with pytest.warns(UserWarning, match="in 4 part"):
        found = sampling.harmonize(run, chorale(0), seed=1)[0]
    assert soprano(found) == soprano(chorale(0))


@pytest.mark.parametrize("octaves", [-4, -1, 1, 3])
def test_a_melody_out_of_range_is_moved_by_octaves_and_said(octaves, run, tune):  # noqa: F811
    with pytest.warns(UserWarning, match=f"was moved {abs(octaves)} octaves? {'up' if octaves < 0 else 'down'}"):
        found = sampling.harmonize(run, tune.transpose(12 * octaves), seed=1)[0]
    assert soprano(found) == soprano(tune)


def test_a_melody_wider_than_the_range_is_folded_into_it(run):  # noqa: F811
    low, high = run.about["dataset"]["source_pitches"]
    wide = Score.from_notes([(i, 1, pitch) for i, pitch in enumerate(range(0, 128, 5))])
    with pytest.warns(UserWarning, match=r"of its notes \d+ were moved by other octaves"):
        found = sampling.harmonize(run, wide, seed=1)[0]
    moved = np.array([pitch for _, pitch in soprano(found)])
    assert len(moved) == len(wide) and ((moved - wide.pitch) % 12 == 0).all()
    if high - low >= 11:
        assert moved.min() >= low and moved.max() <= high


def test_a_melody_is_moved_to_the_middle_of_the_range(run, tune):  # noqa: F811
    """At its edge there is little that the run learned from, and hardly room for voices below."""
    run.about["dataset"]["source_pitches"] = (50, 90)
    for octaves in (2, 3):
        with pytest.warns(UserWarning, match="leaves the range from D3 to F#6 that this run knows"):
            found = sampling.harmonize(run, tune.transpose(12 * octaves), seed=1)[0]
        assert soprano(found) == soprano(tune)


def test_notes_between_the_sixteenths_are_told(run, tune):  # noqa: F811
    with pytest.warns(UserWarning, match="2 of the melody's 8 notes begin between two sixteenths"):
        onsets = tune.onset + [0, 1 / 3, 0.004, 0.1, 0.25, 0, 0, 0]
        lasting = np.diff([*onsets, 8])
        found = sampling.harmonize(run, tune.replace(onset=onsets, duration=lasting), seed=1)[0]
    np.testing.assert_allclose([onset for onset, _ in soprano(found)], onsets)


@pytest.mark.parametrize("melody", [None, [60, 62], 5])
def test_what_is_no_melody_is_refused(melody, run):  # noqa: F811
    with pytest.raises(ValueError, match="harmonize takes one Score, and this is"):
        sampling.harmonize(run, melody)


@pytest.mark.parametrize("option", ["length", "primer", "source"])
def test_what_the_melody_decides_is_no_option(option, run, tune):  # noqa: F811
    with pytest.raises(ValueError, match=f"harmonize takes no {option}"):
        sampling.harmonize(run, tune, **{option: 3})


def test_the_name_of_a_run_is_no_run(tune):
    for call in (sampling.generate, sampling.generate_ids, lambda name: sampling.harmonize(name, tune)):
        with pytest.raises(ValueError, match="got 'models/bach_lstm'; load it first"):
            call("models/bach_lstm")


def test_silence_is_refused(run, tmp_path):  # noqa: F811
    with pytest.raises(ValueError, match="the melody has no notes"):
        sampling.harmonize(run, Score.from_notes([]))
    path = tmp_path / "silent.mid"
    path.write_bytes(midi_bytes([]))
    with pytest.raises(ValueError, match="silent.mid"):
        sampling.harmonize(run, path)


def test_a_run_that_writes_no_voices_is_refused(tune):
    with pytest.raises(ValueError, match="take models/bach_harmonizer"):
        sampling.harmonize(alone(), tune)


def test_a_source_may_be_a_score_a_file_or_ids(run, tune, tmp_path):  # noqa: F811
    path = writers.write_midi(tune, tmp_path / "tune.mid")
    ids = run.vocabulary.to_ids(MELODY.encode(tune), allow_unknown=True)
    made = [sampling.generate(run, length=30, source=source, seed=2)[0] for source in (tune, path)]
    by_ids = sampling.generate_ids(run, length=30, source=ids, seed=2)[0]
    assert made[0].tempos == tune.tempos
    assert made[1].tempos[0][1] == pytest.approx(tune.tempos[0][1], rel=1e-5)  # a MIDI file holds microseconds
    for name in ("onset", "duration", "pitch", "velocity", "part"):
        np.testing.assert_array_equal(getattr(made[0], name), getattr(made[1], name))
    assert made[0].pitch.tolist() == run.encoding.decode(run.vocabulary.to_tokens(by_ids)).pitch.tolist()
    assert readers.read_score(path).pitch.tolist() == tune.pitch.tolist()


def test_a_source_that_is_missing_or_not_wanted_is_named(run, tune):  # noqa: F811
    for source in (None, Score.from_notes([]), np.zeros(0, np.int32)):
        with pytest.raises(ValueError, match="this run is conditional; give source="):
            sampling.generate(run, length=9, source=source) if not isinstance(source, np.ndarray) else (
                sampling.generate_ids(run, length=9, source=source)
            )
    with pytest.raises(ValueError, match="this run is unconditional; leave source out"):
        sampling.generate(alone(), length=9, source=tune)


def test_how_far_a_source_is_filled_up_changes_nothing(run):  # noqa: F811
    """Sources of 60 and of 70 tokens meet loops of another room."""
    ids = np.full(60, 5, np.int32)
    one = sampling.generate_ids(run, length=20, source=ids, seed=3, greedy=True)[0]
    state = run.model.initial_state(1, ids)
    logits, state = run.model.step(np.array([1], np.int32), state)
    assert one[0] == np.argmax(np.asarray(logits)[0, 4:]) + 4


def test_the_top_line_is_one_note_at_a_time():
    score = Score.from_notes([(0, 4, 60), (0, 3, 64), (1, 1, 72), (2, 0.5, 62), (3.5, 0.5, 59), (4, 1, 67, 90, 1)])
    line = top_line(score)
    assert list(zip(line.onset, line.duration, line.pitch, strict=True)) == [(0, 1, 64), (1, 1, 72), (4, 1, 67)]
    assert line.part_names == ("Melody",) and line.velocity.tolist() == [80, 80, 90]
    assert len(top_line(Score.from_notes([]))) == 0


def test_one_score_after_the_other():
    one = Score.from_notes([(0, 1, 60), (1, 1, 62)], tempos=((0, 90),))
    other = Score.from_notes([(0, 1, 70), (0.5, 1, 71, 80, 1)])
    both = one.then(other)
    assert (both.onset.tolist(), both.pitch.tolist()) == ([0, 1, 2, 2.5], [60, 62, 70, 71])
    assert both.part.tolist() == [0, 0, 0, 1] and len(both.part_names) == 2 and both.tempos == ((0, 90),)
    assert one.then(other, start=4).onset.tolist() == [0, 1, 4, 4.5]
