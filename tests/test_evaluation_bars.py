"""Measures of bars, on phrases whose values are known by hand, and on Bach's against shuffled ones."""

import math
import random

import keras
import numpy as np
import pytest

from musiclib import corpus, encodings
from musiclib.evaluation import bars
from musiclib.score import Score
from musiclib.score.voices import VOICES, from_grid

REST = None
FIFTH, MAJOR_THIRD, MINOR_THIRD = math.sqrt(2 - math.sqrt(3) + 2 + 0.75), math.sqrt(3 + 0.75), 2.0


def phrase(*lines, metre=(4, 4)):
    """Voices from the top, each a list of (pitch, sixteenths); the others are silent."""
    notes = []
    for part, line in enumerate(lines):
        start = 0.0
        for pitch, length in line:
            if pitch is not REST:
                notes.append((start, length / 4, pitch, 80, part))
            start += length / 4
    return Score.from_notes(notes, part_names=VOICES, time_signatures=((0.0, *metre),))


def noise(seed, count):
    rng = np.random.default_rng(seed)
    grids = rng.integers(36, 85, (count, 32, 4))
    return [from_grid(grid, np.ones(grid.shape, bool)) for grid in grids]


@pytest.fixture(scope="module")
def bach():
    """Phrases of 40 chorales, in random order."""
    encoding = encodings.Phrases(voices="SBAT", metres=("4/4",))
    pieces = corpus.load("bach", limit=40, progress=False).scores
    phrases = [encoding.decode(tokens) for piece in pieces for tokens in encoding.examples(piece)]
    return [phrases[i] for i in np.random.default_rng(0).permutation(len(phrases))]


@pytest.fixture(scope="module")
def without_structure(bach):
    return bars.shuffled(bach)


def test_measures_of_one_voice():
    # The first bar: C and G, two of each. D is held across the bar line. The second phrase has an empty bar.
    one = phrase([(60, 1), (60, 3), (67, 1), (79, 2), (62, 13)])
    other = phrase([(60, 1), (REST, 15), (REST, 16)])
    measures = bars.bar_measures([one, other])
    assert measures["empty bars, soprano"] == 1 / 4
    assert measures["used pitch classes, soprano"] == pytest.approx((3 + 1 + 1) / 3)
    assert measures["notes of an eighth or longer, soprano"] == pytest.approx(3 / 6)
    assert measures["qualified notes, soprano"] == 1


def test_a_voice_that_never_sounds():
    measures = bars.bar_measures([phrase([(60, 32)])])
    assert measures["empty bars, bass"] == 1 and measures["empty bars, soprano"] == 0
    undefined = {name for name, value in measures.items() if np.isnan(value)}
    assert undefined == {name for name in measures if "alto" in name or "tenor" in name or "bass" in name} - {
        f"empty bars, {voice}" for voice in ("alto", "tenor", "bass")
    }
    nothing = bars.bar_measures([phrase()])
    assert all(value == 1 if name.startswith("empty") else np.isnan(value) for name, value in nothing.items())


@pytest.mark.parametrize(
    ("upper", "lower", "expected"),
    [
        ([(72, 32)], [(60, 32)], 0),  # octaves
        ([(67, 32)], [(60, 32)], FIFTH),
        ([(64, 32)], [(60, 32)], MAJOR_THIRD),
        ([(63, 32)], [(60, 32)], MINOR_THIRD),
        ([(63, 4), (67, 4), (60, 24)], [(60, 8)], (MINOR_THIRD + FIFTH) / 2),  # only beats in which both sound
        ([(60, 2), (64, 2)], [(60, 4)], MAJOR_THIRD / 2),  # halfway from C to E
        ([(60, 1), (64, 3)], [(60, 4)], MAJOR_THIRD * 3 / 4),
        ([(60, 2), (64, 2)], [(64, 2), (60, 2)], 0),  # the same chroma, at other moments of the beat
    ],
)
def test_tonal_distance_by_hand(upper, lower, expected):
    measures = bars.bar_measures([phrase(upper, [], lower)])
    assert measures["tonal distance, soprano-tenor"] == pytest.approx(expected)
    assert np.isnan(measures["tonal distance, soprano-alto"])


def test_tonal_distances_of_a_major_triad():
    measures = bars.bar_measures([phrase([(72, 32)], [(67, 32)], [(64, 32)], [(48, 32)])])
    expected = {
        "soprano-alto": FIFTH, "soprano-tenor": MAJOR_THIRD, "soprano-bass": 0,
        "alto-tenor": MINOR_THIRD, "alto-bass": FIFTH, "tenor-bass": MAJOR_THIRD,
    }  # fmt: skip
    distances = {name: value for name, value in measures.items() if name.startswith("tonal")}
    assert distances == pytest.approx({f"tonal distance, {pair}": value for pair, value in expected.items()})


def test_bars_are_those_of_the_time_signature():
    waltz = phrase([(60, 12)], metre=(3, 4))
    assert bars.bar_measures([waltz])["empty bars, soprano"] == 1 / 2
    assert bars.bar_measures([waltz.replace(time_signatures=())])["empty bars, soprano"] == 1 / 2
    late = phrase([(REST, 12), (60, 4)])
    assert bars.bar_measures([late])["empty bars, soprano"] == 1 / 2  # the second
    assert bars.bar_measures([late.replace(time_signatures=((0, 3, 4),))])["empty bars, soprano"] == 1 / 2  # the first
    # Beats begin anew in each bar: of 5/8 the third is an eighth, and the fourth starts at the bar line.
    both = phrase([(REST, 8), (60, 6)], [(REST, 8), (60, 2), (67, 4)], metre=(5, 8))
    assert bars.bar_measures([both])["tonal distance, soprano-alto"] == pytest.approx(FIFTH / 2)


def test_shuffling_keeps_the_marginals_only(bach, without_structure):
    assert len(without_structure) == len(bach) and without_structure != bach
    assert all(score.time_signatures == bach[0].time_signatures for score in without_structure)
    assert bars.shuffled(bach) == without_structure != bars.shuffled(bach, seed=1)
    ((pitches, onsets),), ((mixed, begun),) = bars._grids(bach), bars._grids(without_structure)
    at = np.array([(pitches[:, step, voice] != -1).mean() for step in range(32) for voice in range(4)])
    assert np.abs(onsets.mean(axis=0) - begun.mean(axis=0)).max() < 0.2
    assert np.abs(at - (mixed != -1).mean(axis=0).ravel()).max() < 0.3
    for voice in range(4):  # every note that begins is one that begins there in some phrase
        for step in range(32):
            new = mixed[begun[:, step, voice], step, voice]
            assert set(new) <= set(pitches[onsets[:, step, voice], step, voice])


def test_shuffling_draws_from_other_phrases_and_holds_what_sounds():
    low, high = phrase([(60, 2), (62, 30)]), phrase([(72, 1), (REST, 31)])
    mixed_low, mixed_high = bars.shuffled([low, high])  # of two phrases, each is drawn from the other
    assert mixed_low == high and mixed_high == low
    # A rest before a hold: C is cut short, and the hold after the rest is silent.
    lines = [phrase([(60, 1), (REST, 1), (64, 30)]), phrase([(60, 4), (64, 28)]), phrase([(60, 4), (64, 28)])]
    for score in bars.shuffled(lines * 20):
        ((pitches, onsets),) = bars._grids([score])
        line, begun = pitches[0, :, 0], onsets[0, :, 0]
        assert begun[0] and not begun[1] and line[1] in (60, -1)
        assert line[3] == line[2] if not begun[3] else line[3] == 64
        assert (line[1] != -1 or begun[2] or line[2] == -1) and not begun[5:].any()


def test_distinct_share():
    one, held, repeated = phrase([(60, 4)]), phrase([(60, 8)]), phrase([(60, 4), (60, 4)])
    assert bars.distinct_share([one, one, one, one]) == 1 / 4
    assert bars.distinct_share([held, repeated, held]) == 2 / 3
    assert bars.distinct_share([one, one.transpose(12), phrase([], [(60, 4)])]) == 1


def test_precision_and_recall_of_equal_and_of_far_sets(bach):
    half = bach[:100]
    assert bars.precision_recall(half, half) == (1, 1)
    assert bars.precision_recall(half, half[::-1], k=1) == (1, 1)
    # Transposed, but for one in the original key, so that the sets differ.
    assert bars.precision_recall(half, [score.transpose(5 if i else 0) for i, score in enumerate(half)]) == (1, 1)
    assert bars.precision_recall(half, [phrase([(60, 1)] * 32, [(60, 1)] * 32)] * 50) == (0, 0)
    assert bars.precision_recall(half, noise(0, 50))[0] == 0


def test_precision_measures_quality_and_recall_variety(bach, without_structure):
    half = len(bach) // 2
    precision, recall = bars.precision_recall(bach[:half], bach[half:])
    assert precision > 0.5 and recall > 0.5
    assert bars.precision_recall(bach[:half], without_structure[:half])[0] < 0.1
    assert bars.precision_recall(bach[:5] * 4, bach[:5] * 6) == (1, 1)  # copies, 0 from each other
    precision, recall = bars.precision_recall(bach[:half], bach[half : half + 5] * 20)
    assert precision > 0.5 and recall == 0  # the neighbourhood of a copy is a point


def test_precision_and_recall_by_hand():
    # One voice, whose mean pitch is its pitch, with 1, 2, 3, ... onsets: distances are roots of their differences.
    def repeated(onsets):
        return phrase([(60, 1)] * (onsets - 1) + [(60, 33 - onsets)])

    real, generated = [repeated(n) for n in (1, 2, 4, 10)], [repeated(n) for n in (6, 7, 30)]
    # Real squared radii (k=1) are 1, 1, 2 and 6 onsets: 6 and 7 lie near 4 or 10, 30 does not.
    # Generated ones are 1, 1 and 23: only 10 lies near 30.
    assert bars.precision_recall(real, generated, k=1) == pytest.approx((2 / 3, 1 / 4))
    # With k=2: 3, 2, 3, 8; and 24, 23, 24.
    assert bars.precision_recall(real, generated, k=2) == pytest.approx((2 / 3, 1))


def test_features_by_hand():
    ((pitches, onsets),) = bars._grids([phrase([(60, 16), (63, 16)])])
    pitch, onset, rest = bars._features(pitches, onsets).reshape(3, 32, 4)
    assert pitch[[0, 15, 16, 31], 0].tolist() == [-2, -2, 1, 1] and not pitch[:, 1:].any()  # the mean is 61.5
    assert np.argwhere(onset).tolist() == [[0, 0], [16, 0]] and onset.max() == 4
    assert np.all(rest == [0, 12, 12, 12])


def test_a_rest_is_far_from_every_note():
    full, gap = phrase([(60, 32)]), phrase([(60, 16), (REST, 15), (60, 1)])
    noisy = [phrase([(60 + i % 2, 16), (60 - i % 2, 16)]) for i in range(4)]
    assert bars.precision_recall([full, *noisy], [gap, gap], k=1) == (0, 0)


def test_blocks_of_distances_change_nothing():
    phrases = [phrase([(60, 1 + i % 31), (61 + i // 31, 1)]) for i in range(300)]
    assert bars.precision_recall(phrases, phrases) == (1, 1)
    one_by_one = [bars.precision_recall(phrases, [phrases[i], noise(i, 1)[0]], k=1)[0] for i in (0, 255, 256, 299)]
    assert one_by_one == [1 / 2] * 4


def test_nearest_copy_by_hand():
    query = phrase([(60, 16), (62, 8), (64, 8)])
    third = phrase([(60, 16), (REST, 8), (63, 8)])  # of 128 cells, 16 differ
    half = phrase([(60, 16), (69, 8), (71, 8)])  # the second bar is transposed by another interval
    again = phrase([(60, 8), (60, 8), (62, 8), (64, 8)])  # one onset more
    for training, expected in ((third, 112), (half, 112), (again, 127), (phrase(), 96), (phrase([], [(60, 32)]), 64)):
        assert bars.nearest_copy([query], [training]) == pytest.approx([expected / 128])
    assert bars.nearest_copy([query, third, phrase()], [half, again, third]) == pytest.approx([127 / 128, 1, 104 / 128])


def test_a_transposed_copy_is_found(bach):
    training = bach[:60]
    assert np.all(bars.nearest_copy(training[:9], training) == 1)
    for interval in (-12, -5, 1, 7):
        assert np.all(bars.nearest_copy([score.transpose(interval) for score in training[:9]], training) == 1)
    lowest, highest = ([phrase([(pitch, 32)])] for pitch in (0, 127))
    assert bars.nearest_copy(lowest, highest) == bars.nearest_copy(highest, lowest) == 1
    shares = bars.nearest_copy(noise(0, 9), training)
    assert shares.shape == (9,) and np.all(shares < 0.5)


def test_a_classifier_tells_shuffled_phrases_from_real_ones_but_not_real_from_real(bach, without_structure):
    half = len(bach) // 2
    assert 0.35 < bars.classifier_auc(bach[:half], bach[half:]) < 0.65
    assert bars.classifier_auc(bach[:half], without_structure[half:]) > 0.9
    assert bars.classifier_auc([phrase([(60, 8)])] * 4, [phrase([(60, 8)])] * 6) == 0.5  # equal outputs


def test_the_classifier_repeats_itself_and_changes_no_global_state(bach, without_structure):
    def draw():
        return keras.ops.convert_to_numpy(keras.random.normal((3,))).tolist(), np.random.rand(), random.random()

    keras.utils.set_random_seed(7)
    expected = draw()
    keras.utils.set_random_seed(7)
    areas = [bars.classifier_auc(bach[:20], without_structure[20:50], seed) for seed in (3, 3, 4)]
    assert draw() == expected
    assert areas[0] == areas[1] != areas[2]


def test_phrases_that_cannot_be_compared():
    one, functions = phrase([(60, 32)]), (bars.bar_measures, bars.shuffled, bars.distinct_share)
    pairs = (bars.precision_recall, bars.nearest_copy, bars.classifier_auc)
    calls = [lambda scores, f=f: f(scores) for f in functions]
    calls += [lambda scores, f=f: f([one] * 5, scores) for f in pairs]
    calls += [lambda scores, f=f: f(scores, [one] * 5) for f in pairs]
    three = Score.from_notes([(0, 1, 60, 80, 2)])
    for call in calls:
        with pytest.raises(ValueError, match="at least one"):
            call([])
        with pytest.raises(ValueError, match=r"Score\(1 notes.*four parts"):
            call([one, three])
        with pytest.raises(ValueError, match=r"\[12, 16\] sixteenths"):
            call([one, one.replace(time_signatures=((0, 3, 4),))])
        with pytest.raises(ValueError, match=r"longer than 2 bars, 32 sixteenths"):
            call([one, phrase([(60, 33)])])
    with pytest.raises(ValueError, match="at least 2"):
        bars.shuffled([one])
    for k in (0, 3):
        with pytest.raises(ValueError, match=f"k={k} .* below 3"):
            bars.precision_recall([one] * 3, [one] * 4, k=k)
    with pytest.raises(ValueError, match="1 real and 5 generated"):
        bars.classifier_auc([one], [one] * 5)


def test_the_comparison_has_every_measure_and_compares_nothing_with_itself(bach):
    real, training = bach[:30], bach[30:60]
    table = bars.comparison({"real": real, "shuffled": bars.shuffled(real)}, real, training)
    assert set(table["shuffled"]) - set(table["real"]) == {"precision", "recall", "classifier AUC"}
    assert table["shuffled"]["nearest copy"] < table["real"]["nearest copy"]
    assert len(table["real"]) == 24
