"""Tests of musiclib.score.keys, and of key signatures in a Score."""

import pytest

from musiclib.score import Score, keys
from musiclib.score.packing import pack, unpack

SCORE = Score.from_notes(
    [(0, 1, 60), (4, 1, 67)], key_signatures=((4, 2, ""), (0, -3, "minor")), title="Piece", composer="Nobody"
)


def names(pitches, fifths):
    signs = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
    return " ".join(step + signs[alter] for step, alter, _ in (keys.spelled(pitch, fifths) for pitch in pitches))


SCALES = {
    0: "C C# D Eb E F F# G G# A Bb B",
    -3: "C Db D Eb E F Gb G Ab A Bb B",  # B natural is the leading note of C minor
    3: "C C# D D# E E# F# G G# A A# B",
    -6: "C Db D Eb Fb F Gb G Ab Bbb Bb Cb",
    6: "B# C# C## D# E E# F# F## G# A A# B",
}


@pytest.mark.parametrize("fifths", SCALES)
def test_spelling(fifths):
    assert names(range(60, 72), fifths) == SCALES[fifths]


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_a_spelled_pitch_sounds_as_before(fifths):
    steps = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11)))
    for pitch in range(128):
        step, alter, octave = keys.spelled(pitch, fifths)
        assert 12 * (octave + 1) + steps[step] + alter == pitch


def test_the_scale_of_a_key_needs_no_accidental():
    for fifths in range(-7, 8):
        sharps = {step: (fifths > k) - (fifths < k - 6) for k, step in enumerate("FCGDAEB")}
        tonic = 60 + 7 * fifths
        for interval in (0, 2, 4, 5, 7, 9, 11):
            step, alter, _ = keys.spelled((tonic + interval) % 12 + 60, fifths)
            assert alter == sharps[step]


def test_signatures_are_sorted_and_checked():
    assert SCORE.key_signatures == ((0.0, -3, "minor"), (4.0, 2, ""))
    for wrong in ((0, 8, ""), (-1, 0, ""), (float("nan"), 0, "")):
        with pytest.raises(ValueError, match="key signature"):
            Score.from_notes([], key_signatures=(wrong,))


@pytest.mark.parametrize("semitones, fifths", {2: -1, -1: 2, 12: -3, 1: 4, 5: -4, -12: -3}.items())
def test_a_transposed_score_has_transposed_keys(semitones, fifths):
    assert SCORE.transpose(semitones).key_signatures[0] == (0.0, fifths, "minor")


def test_keys_are_moved_by_slices_and_kept_by_the_rest():
    assert SCORE.slice(2, 6).key_signatures == ((0.0, -3, "minor"), (2.0, 2, ""))
    assert SCORE.slice(5, 6).key_signatures == ((0.0, 2, ""),)
    assert SCORE.then(SCORE).key_signatures == SCORE.select(0).key_signatures == SCORE.key_signatures
    assert unpack(pack(SCORE)) == SCORE
    assert SCORE != SCORE.replace(title="Other") and SCORE != SCORE.replace(key_signatures=())


def test_the_active_key():
    assert [keys.active(SCORE.key_signatures, onset) for onset in (0, 3.9, 4, 9)] == [-3, -3, 2, 2]
    assert keys.active((), 0) == keys.active(((4.0, 2, ""),), 1) == 0


def test_scores_packed_before_there_were_keys():
    data = pack(Score.from_notes([(0, 1, 60)]))
    head, _, columns = data.partition(b"\n")
    old = head.replace(b', "key_signatures": [], "title": "", "composer": ""', b"")
    assert old != head and unpack(old + b"\n" + columns) == Score.from_notes([(0, 1, 60)])
