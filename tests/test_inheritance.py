"""Inheritance: what a generated piece takes from a primer, a source or the training pieces, and what it keeps."""

import numpy as np
import pytest
from test_constraints import CASES, run_of

from musiclib import corpus, dataset, encodings, sampling
from musiclib.score import Score, inheritance

FAST = ((0.0, 96.0),)


def waltz(**fields):
    """Two bars in 3/4 at 96 quarter notes per minute on a violin, growing louder."""
    rows = [(i, 1.0, 62 + i, 50 + 6 * i) for i in range(6)]
    fields = {"tempos": FAST, "time_signatures": ((0.0, 3, 4),), "part_names": ("Fiddle",), "programs": (40,)} | fields
    return Score.from_notes(rows, **fields)


def with_typical(name, **typical):
    run = run_of(name)
    run.about["dataset"] = {"typical": typical}
    return run


def primer_of(name, **fields):
    """Two bars in tokens that the run knows, growing louder, with the marks of the waltz."""
    music = sampling.generate(run_of(name), bars=2, time_signature="3/4", seed=5)[0]
    marks = {"tempos": FAST, "time_signatures": ((0.0, 3, 4),), "part_names": ("Fiddle",), "programs": (40,)} | fields
    velocity = music.velocity if name == "NoteEvents" else 50 + np.rint(5 * music.onset)
    return music.replace(velocity=velocity, key_signatures=(), **marks)


@pytest.mark.parametrize("name", ["NoteChord", "NoteEvents"])
def test_a_continued_primer_keeps_its_tempo_metre_key_dynamics_and_instrument(name):
    primer = primer_of(name).replace(key_signatures=((0.0, -1, "minor"),))
    piece = sampling.generate(run_of(name), primer=primer, length=12, stop_at_end=False, seed=1)[0]
    assert len(piece) > len(primer)
    assert (piece.tempos, piece.time_signatures) == (FAST, ((0.0, 3, 4),))
    assert piece.key_signatures == ((0.0, -1, "minor"),)
    assert (piece.part_names, piece.programs) == (("Fiddle",), (40,))
    if name != "NoteEvents":  # which has velocities of its own
        first, others = piece.onset <= primer.onset.max(), piece.onset >= primer.end
        assert piece.velocity[first].tolist() == (50 + np.rint(5 * piece.onset[first])).tolist()
        assert set(piece.velocity[others]) == {np.rint(np.median(primer.velocity))}


def test_frames_are_in_seconds_and_sound_in_the_tempo_of_the_primer():
    primer = primer_of("Frames")
    piece = sampling.generate(run_of("Frames"), primer=primer, length=12, stop_at_end=False, seed=1)[0]
    assert (piece.tempos, piece.time_signatures) == (((0.0, 120.0),), ())
    assert piece.seconds()[0][: len(primer)] == pytest.approx(primer.seconds()[0], abs=0.1)


def test_a_continuation_alone_begins_with_the_marks_at_the_end_of_the_primer():
    marks = {"tempos": ((0.0, 60.0), (3.0, 80.0)), "time_signatures": ((0.0, 4, 4), (4.0, 3, 4))}
    primer = primer_of("NoteChord", **marks)
    assert primer.end == 6.0
    options = {"primer": primer, "include_primer": False, "length": 12, "stop_at_end": False}
    piece = sampling.generate(run_of("NoteChord"), **options, seed=1)[0]
    assert piece.tempos == ((0.0, 80.0),)
    # The primer ends a quarter before the next bar line.
    assert piece.time_signatures == ((0.0, 1, 4), (1.0, 3, 4))


def test_without_a_primer_a_piece_is_as_its_training_pieces_are():
    run = with_typical("NoteChord", tempo=72.0, velocity=50, time_signature=[6, 8], programs=[73])
    piece = sampling.generate(run, length=12, stop_at_end=False, seed=1)[0]
    assert piece.tempos == ((0.0, 72.0),)
    assert piece.time_signatures == ((0.0, 6, 8),)
    assert set(piece.velocity) == {50}
    assert (piece.part_names, piece.programs) == (("Flute",), (73,))
    assert len(piece.key_signatures) == 1  # estimated
    bars = sampling.generate(run, bars=3, seed=1)[0]
    assert (bars.end, bars.time_signatures) == (9.0, ((0.0, 6, 8),))


def test_what_is_asked_for_comes_first():
    run = with_typical("NoteChord", tempo=72.0, velocity=50, time_signature=[6, 8], programs=[73])
    asked = {"tempo": 100, "time_signature": "3/4", "instrument": "Oboe"}
    piece = sampling.generate(run, primer=primer_of("NoteChord"), length=12, stop_at_end=False, seed=1, **asked)[0]
    assert (piece.tempos, piece.time_signatures, piece.programs) == (((0.0, 100.0),), ((0.0, 3, 4),), (68,))


def test_what_tokens_say_is_not_inherited():
    typical = {"tempo": 72.0, "velocity": 50, "time_signature": [3, 4], "programs": [73]}
    performed = sampling.generate(with_typical("Performance", **typical), bars=2, seed=1)[0]
    assert performed.tempos == ((0.0, 120.0),)  # the shifts are in milliseconds
    assert performed.end == 8.0
    assert set(performed.velocity) != {50}
    four = sampling.generate(with_typical("Chorale", **typical), length=64, stop_at_end=False, seed=1)[0]
    assert (len(four.part_names), set(four.programs)) == (4, {73})
    own = {**typical, "programs": [73, 68, 60, 70]}
    assert sampling.generate(with_typical("Chorale", **own), length=64, seed=1)[0].programs == (73, 68, 60, 70)


@pytest.mark.parametrize("name", CASES)
def test_a_run_of_an_earlier_version_gives_the_defaults(name):
    piece = sampling.generate(run_of(name), bars=2, seed=1)[0]
    assert piece.tempos == ((0.0, 120.0),)
    assert piece.time_signatures == ((0.0, 4, 4),)


def test_seconds_are_whole_bars_at_the_tempo():
    run = with_typical("NoteChord", tempo=60.0, time_signature=[3, 4])
    assert sampling.generate(run, seconds=13, seed=1)[0].end == 12.0  # four bars of three seconds
    assert sampling.generate(run, seconds=13, tempo=120, seed=1)[0].end == 27.0  # nine of a second and a half
    assert sampling.generate(run_of("Performance"), seconds=5, seed=1)[0].end == 8.0  # two of two seconds
    # After a primer: six quarters of it are two bars.
    assert sampling.generate(run, primer=primer_of("NoteChord"), seconds=5, seed=1)[0].end == 6.0 + 9.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bars": 4, "length": 100}, "bars and seconds determine the length of a piece; leave length=100 out"),
        ({"seconds": 4, "length": 100}, "bars and seconds determine the length"),
        ({"seconds": 4, "bars": 2}, "either bars or seconds, got bars=2 and seconds=4"),
        ({"seconds": 0}, "seconds must be a number above 0, and at most a day's 86400, got 0"),
        ({"seconds": float("nan")}, "got nan"),
        ({"seconds": "30"}, "got '30'"),
        ({"tempo": 0}, "tempo must be from 1 to 1000 quarter notes per minute, got 0"),
        ({"time_signature": "waltz"}, "time_signature must be such as '4/4' or '6/8', got 'waltz'"),
        ({"time_signature": (3, 4)}, r"got \(3, 4\)"),
        ({"instrument": "Kazoo"}, "Kazoo"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        sampling.generate(run_of("NoteChord"), **options)


def test_phrases_write_their_own_time_signature():
    with pytest.raises(ValueError, match="writes time signatures itself"):
        sampling.generate(run_of("Phrases"), time_signature="3/4")


def test_typical_values_are_medians_and_what_two_thirds_of_the_pieces_share():
    slow = waltz(tempos=((0.0, 60.0),), programs=(0,))
    pieces = [waltz(), waltz(), slow, Score.from_notes([])]
    shared = {"time_signature": [3, 4], "programs": [40], "part_names": ["Fiddle"]}
    assert inheritance.typical(pieces) == {"tempo": 96.0, "velocity": 65, **shared}
    mixed = [waltz(), waltz(time_signatures=((0.0, 4, 4),)), waltz(time_signatures=())]
    assert "time_signature" not in inheritance.typical(mixed)
    assert inheritance.typical([]) == {}
    upbeat = waltz(time_signatures=((0.0, 1, 4), (1.0, 2, 4)))
    assert inheritance.typical([upbeat])["time_signature"] == [2, 4]
    changing = waltz(tempos=((0.0, 60.0), (3.0, 120.0)))  # three quarters in 3 s, three in 1.5 s
    assert inheritance.typical([changing])["tempo"] == 80.0


def test_a_dataset_keeps_what_is_typical_of_its_training_pieces():
    pieces = corpus.Corpus(("a", "b"), (waltz(), waltz(programs=(73,), tempos=((0.0, 48.0),))))
    split = corpus.Split(pieces.take([0]), pieces.take([1]), pieces.take([]))
    data = dataset.prepare(split, encodings.NoteChord(), minimum_count=1)
    assert data.about["typical"] == {
        "tempo": 96.0, "velocity": 65, "time_signature": [3, 4], "programs": [40], "part_names": ["Fiddle"],
        "longest": 6,
    }  # fmt: skip


def test_velocities_of_a_primer_are_read_at_each_onset():
    chord = Score.from_notes([(0, 1, 60, 40), (0, 1, 64, 40), (2, 1, 62, 80)])
    louder = inheritance.inherit(
        Score.from_notes([(0, 1, 60), (1, 1, 60), (2, 1, 60), (9, 1, 60)]), inheritance.whole(chord), ()
    )
    assert louder.velocity.tolist() == [40, 60, 80, 40]
    assert np.all(inheritance.inherit(chord, inheritance.whole(waltz()), ()).velocity == chord.velocity)


def test_a_piece_that_the_network_does_not_end_is_said():
    run = with_typical("NoteChord", longest=3)
    run.model.logits[2] = -50  # <end>
    with pytest.warns(UserWarning, match="2 of 2 pieces did not end within the length of the longest training piece"):
        assert sampling.generate(run, 2, seed=1).ended == [False, False]
    assert sampling.generate(run, 2, length=3, seed=1).ended == [False, False]  # asked for


def test_one_voice_is_one_part_of_the_training_pieces():
    typical = {"programs": [40], "part_names": ["Fiddle"]}
    piece = sampling.generate(with_typical("melody", **typical), length=32, seed=1)[0]
    assert (piece.part_names, piece.programs) == (("Fiddle",), (40,))
    piece = sampling.generate(with_typical("NoteChord", **typical), length=8, seed=1)[0]
    assert (piece.part_names, piece.programs) == (("Fiddle",), (40,))


def test_bars_after_a_primer_go_on_with_its_bars():
    """Its upbeat and changes of metre stay, and its tempos count for nothing that follows."""
    run = run_of("NoteChord")
    upbeat = {"time_signatures": ((0.0, 1, 4), (1.0, 3, 4))}
    piece = sampling.generate(run, primer=primer_of("NoteChord", **upbeat), bars=4, seed=1)[0]
    assert (piece.time_signatures, piece.end) == (upbeat["time_signatures"], 13.0)
    changing = {"time_signatures": ((0.0, 3, 4), (3.0, 2, 4), (5.0, 4, 4)), "tempos": ((0.0, 30.0), (5.0, 240.0))}
    primer = primer_of("NoteChord", **changing)  # two bars, and a quarter of the third
    piece = sampling.generate(run, primer=primer, seconds=2, seed=1)[0]
    assert (piece.time_signatures, piece.end) == (changing["time_signatures"], 9.0 + 8.0)
    alone = sampling.generate(run, primer=primer, include_primer=False, bars=2, seed=1)[0]
    assert (alone.time_signatures, alone.end) == (((0.0, 3, 4), (3.0, 4, 4)), 11.0)


def test_dynamics_are_the_mean_of_each_onset_and_go_to_any_one_velocity():
    two = Score.from_notes([(0, 1, 60, 40), (0, 1, 72, 120), (1, 1, 60, 60)])
    assert inheritance.whole(two).dynamics == ((0.0, 80.0), (1.0, 60.0), (2.0, 60.0))
    plain = encodings.NoteEvents(velocities=1)
    decoded = plain.decode(plain.encode(waltz()))
    assert inheritance.inherit(decoded, inheritance.whole(waltz()), plain.keeps).velocity.tolist() == [
        50 + 6 * i for i in range(6)
    ]


def test_a_primer_of_drums_is_no_primer():
    drums = Score.from_notes([(0, 1, 36)], programs=(128,))
    with pytest.raises(ValueError, match="the primer has no note that NoteChord.* writes, such as one with drums only"):
        sampling.generate(run_of("NoteChord"), primer=drums)


def test_phrases_have_one_length():
    run = run_of("Phrases")
    run.model.latent_size = 2
    with pytest.raises(ValueError, match="this run makes phrases of one length; leave seconds=10 out"):
        sampling.generate(run, seconds=10)
