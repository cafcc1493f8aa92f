"""Infilling: what stays is as it was, what is new lies in the gap, and bad input is refused in a sentence."""

import keras
import numpy as np
import pytest
from keras import ops
from test_sampling import run_of

from musiclib import encodings, models, sampling
from musiclib.config import Config, ModelConfig
from musiclib.encodings.vocabulary import RESERVED, Vocabulary
from musiclib.models import AutoregressiveModel
from musiclib.score import COLUMNS, Score
from musiclib.score.voices import VOICES
from musiclib.training import Run

PITCHES = [f"{name}{octave}" for octave in (3, 4) for name in ("C", "D", "E", "F", "G", "A", "B")]
CHORALE = Vocabulary([*RESERVED, "R", *PITCHES])
TUNE = Vocabulary([*RESERVED, "R", "_", *PITCHES])


class Scripted(AutoregressiveModel):
    """Writes, whatever is known, the ids of a script: one for each token from the beginning of what it reads."""

    conditional = infills = True

    def __init__(self, size, script):
        super().__init__(size)
        self.script = np.pad(script, (0, 1000 - len(script)), mode="edge").astype(np.int32)

    def initial_state(self, batch_size, condition=None):
        return (ops.zeros((batch_size,), "int32"),)

    def step(self, ids, state):
        here = ops.take(ops.convert_to_tensor(self.script), state[0], axis=0)
        return 50.0 * ops.one_hot(here, self.vocabulary_size), (state[0] + 1,)


def scripted(tokens, voices="S"):
    vocabulary = TUNE if voices == "S" else CHORALE
    model = Scripted(len(vocabulary), vocabulary.to_ids(tokens))
    return Run(model, vocabulary, encodings.Chorale(voices == "S", voices), Config(), {}, {})


def network(name):
    keras.utils.set_random_seed(0)
    if name == "chorale_infill":
        options, vocabulary, encoding = {"units": 8, "head": 6, "heads": 2}, CHORALE, encodings.Chorale()
    else:
        options, vocabulary, encoding = {"units": 8, "embedding_size": 4}, TUNE, encodings.Chorale(True, "S")
    model = models.build(name, len(vocabulary), tokens=list(vocabulary.tokens), reading=4, **options)
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        if not np.any(ops.convert_to_numpy(weight)):
            weight.assign(rng.normal(size=weight.shape))
    return Run(model, vocabulary, encoding, Config("", ModelConfig(name)), {}, {})


@pytest.fixture(scope="module")
def four():
    return network("chorale_infill")


@pytest.fixture(scope="module")
def single():
    return network("gru_infill")


SCALE = [48, 50, 52, 53, 55, 57, 59, 60, 62, 64, 65, 67, 69, 71]
FIELDS = {
    "tempos": ((0, 80), (5, 90)),
    "time_signatures": ((0, 1, 4), (1, 4, 4)),
    "key_signatures": ((0, 1, "major"),),
    "title": "A chorale",
}


def chorale(bars=4):
    """After an upbeat, a quarter in each part, every one of its own velocity."""
    rng = np.random.default_rng(0)
    notes = [(i, 1, SCALE[rng.integers(14)], int(rng.integers(40, 90)), part) for i in range(1 + 4 * bars)
             for part in range(4)]  # fmt: skip
    return Score.from_notes(notes, part_names=VOICES, programs=(52,) * 4, **FIELDS)


def tune():
    """Four bars of 4/4; C4 is held over the second bar line, and E4 over the third."""
    notes = [(i, 1, 60, 70) for i in range(7)] + [(7, 2, 60, 71), (9, 2, 62, 72), (11, 2, 64, 73)]
    return Score.from_notes([*notes, (13, 1, 65, 74), (14, 2, 67, 75)], time_signatures=((0, 4, 4),))


def rows(score, inside=lambda row: True):
    found = zip(*(getattr(score, name).tolist() for name in COLUMNS), strict=True)
    return [row for row in found if inside(row)]


def same_but_for_notes(one, other):
    empty = {name: [] for name in COLUMNS}
    return one.replace(**empty) == other.replace(**empty)


def test_bars_in_all_parts(four):
    """Bar 2 after an upbeat lasts from 5 to 9."""
    score = chorale()
    found = sampling.infill(four, score, 2, 2, count=2, seed=1)
    assert len(found) == 2 and found[0] != found[1]
    assert found == sampling.infill(four, score, 2, 2, count=2, seed=1)
    for new in found:
        assert same_but_for_notes(new, score)
        for outside in (lambda row: row[0] < 5, lambda row: row[0] >= 9):
            assert rows(new, outside) == rows(score, outside)
        gap = rows(new, lambda row: 5 <= row[0] < 9)
        assert gap and all(onset + duration <= 9 and onset % 0.25 == 0 for onset, duration, *_ in gap)
        assert gap != rows(score, lambda row: 5 <= row[0] < 9)
        loud = [int(np.median(score.velocity[score.part == part])) for part in range(4)]
        assert all(row[3] == loud[row[4]] for row in gap)


@pytest.mark.parametrize(("parts", "chosen"), [("Alto", [1]), ([3, "Soprano"], [0, 3]), (2, [2])])
def test_some_parts_of_the_whole_piece(parts, chosen, four):
    score = chorale(2)
    new = sampling.infill(four, score, 0, 2, parts=parts, seed=0)[0]
    kept = lambda row: row[4] not in chosen  # noqa: E731
    assert rows(new, kept) == rows(score, kept) and same_but_for_notes(new, score)
    assert all(rows(new, lambda row, part=part: row[4] == part) for part in chosen)
    assert rows(new) != rows(score)


@pytest.mark.parametrize("change", [lambda row: row[0] == 9, lambda row: row[0] == 6 and row[4] == 3])
def test_what_follows_and_the_other_voices_are_seen(change, four):
    """Another note after the gap, or below it, gives other notes in the gap from the same random numbers."""
    score = chorale()
    other = score.replace(pitch=np.array([row[2] + 12 * change(row) * (1 - 2 * (row[2] > 59)) for row in rows(score)]))
    gaps = [
        rows(sampling.infill(four, music, 2, 2, parts=[0, 1, 2], seed=0)[0], lambda row: 5 <= row[0] < 9 and row[4] < 3)
        for music in (score, other)
    ]
    assert gaps[0] != gaps[1]


def test_a_tune(single):
    score = tune()
    new = sampling.infill(single, score, 2, 3, seed=3)[0]
    assert rows(new, lambda row: row[0] < 4) == rows(score, lambda row: row[0] < 4)
    assert rows(new, lambda row: row[0] >= 12) == [(12, 1, 64, 73, 0), *rows(score, lambda row: row[0] >= 13)]
    assert all(row[0] + row[1] <= 12 for row in rows(new, lambda row: row[0] < 12))


def test_one_part_of_several_is_a_tune(single):
    score = chorale(2)
    new = sampling.infill(single, score, 1, 1, parts="Tenor", seed=0)[0]
    kept = lambda row: row[4] != 2 or not 1 <= row[0] < 5  # noqa: E731
    assert rows(new, kept) == rows(score, kept)
    with pytest.raises(ValueError, match="fills in one voice, and 4 parts were chosen"):
        sampling.infill(single, score, 1, 1)


def test_notes_over_the_edges_are_cut_and_begin_again():
    run = scripted(["D4", *["_"] * 31, *["G4", *["_"] * 15] * 4])
    new = sampling.infill(run, tune(), 3, 3)[0]
    assert rows(new, lambda row: 6 < row[0] < 13) == [(7, 1, 60, 71, 0), (8, 4, 67, 70 + 0, 0), (12, 1, 64, 73, 0)]


def test_a_note_is_held_into_the_gap_where_the_network_holds_it():
    run = scripted([*["_"] * 36, "G4", *["_"] * 40])
    new = sampling.infill(run, tune(), 3, 3)[0]
    assert rows(new, lambda row: 6 < row[0] < 12) == [(7, 2, 60, 71, 0), (9, 3, 67, 70, 0)]
    # A note that ended at the bar line stays so: held on, it begins again.
    plain = Score.from_notes([(i, 1, 60) for i in range(16)], time_signatures=((0, 4, 4),))
    new = sampling.infill(run, plain, 3, 3)[0]
    assert rows(new, lambda row: 7 <= row[0] < 12) == [(7, 1, 60, 80, 0), (8, 1, 60, 80, 0), (9, 3, 67, 80, 0)]


def test_without_holds_equal_notes_at_the_edges_are_one_if_they_were():
    """The alto has C4 before the gap and after it, held over both of its edges; the soprano's stop there."""
    notes = [(i, 1, 60, 70, 0) for i in range(12)] + [(0, 7, 60, 71, 1), (7, 3, 62, 72, 1), (10, 2, 60, 73, 1)]
    score = Score.from_notes([*notes, (0, 6, 52, 74, 1)], part_names=VOICES)  # a second note in the alto
    run = scripted(["C4"] * 400, "SBAT")
    score = Score.from_notes([*notes, (0, 12, 48, 75, 2), (0, 12, 48, 76, 3)], part_names=VOICES)
    new = sampling.infill(run, score, 2, 2, parts=[0, 1])[0]
    assert rows(new, lambda row: row[4] == 0 and 3 <= row[0] < 9) == [
        (3, 1, 60, 70, 0), (4, 4, 60, 70, 0), (8, 1, 60, 70, 0),
    ]  # fmt: skip
    # The alto's first note goes on; the D4 that was held over the end begins there again.
    assert rows(new, lambda row: row[4] == 1) == [(0, 8, 60, 71, 1), (8, 2, 62, 72, 1), (10, 2, 60, 73, 1)]
    held = score.replace(pitch=np.where(score.pitch == 62, 60, score.pitch))
    new = sampling.infill(run, held, 2, 2, parts=1)[0]
    assert rows(new, lambda row: row[4] == 1) == [(0, 10, 60, 71, 1), (10, 2, 60, 73, 1)]


def test_the_last_bar_ends_with_the_piece(single):
    score = Score.from_notes([(i, 1, 60) for i in range(7)], time_signatures=((0, 4, 4),))
    for new in sampling.infill(single, score, 2, 2, count=3, seed=0):
        assert new.end <= 7 and rows(new, lambda row: row[0] < 4) == rows(score, lambda row: row[0] < 4)


def test_without_a_time_signature_a_bar_is_four_quarters(single):
    score = tune().replace(time_signatures=())
    assert sampling.infill(single, score, 2, 3, seed=3)[0] == sampling.infill(single, tune(), 2, 3, seed=3)[0].replace(
        time_signatures=()
    )


def test_notes_between_the_sixteenths_are_told(single):
    score = tune()
    onset = score.onset + np.where(score.onset == 5, 1 / 3, 0)
    with pytest.warns(UserWarning, match="1 of the 11 notes near the gap begin between two sixteenths"):
        sampling.infill(single, score.replace(onset=onset), 3, 3, seed=0)


def test_unknown_notes_that_stay_are_told(single):
    low = tune().replace(pitch=np.where(tune().onset == 5, 30, tune().pitch))
    with pytest.warns(UserWarning, match="1 tokens of what stays are unknown"):
        new = sampling.infill(single, low, 3, 3, seed=0)[0]
    assert rows(new, lambda row: row[0] == 5) == rows(low, lambda row: row[0] == 5)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((3, 2), {}, "the first bar must not come after the last one, got the bars 3 to 2"),
        ((1, 5), {}, "has the bars 0 to 4, got 1 to 5"),
        ((-1, 2), {}, "start must be a whole number of at least 0, got -1"),
        ((1.5, 2), {}, "start must be a whole number"),
        ((0, 4), {}, "nothing would stay.* use sampling.generate"),
        ((1, 1), {"parts": ["Alto", "Viola"]}, "no part 'Viola' in this score; its parts are: 0 'Soprano', 1 'Alto'"),
        ((1, 1), {"parts": 4}, "no part 4 in this score"),
        ((1, 1), {"parts": 1.5}, "no part 1.5 in this score"),
        ((1, 1), {"parts": []}, "no part is named; give at least one of 0"),
        ((1, 1), {"count": 0}, "count must be"),
        ((1, 1), {"seed": -1}, "seed must be"),
        ((1, 1), {"stop_at_end": True}, "takes no stop_at_end"),
        ((1, 1), {"temperature": 0}, "temperature must be above 0"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments, options, said, four):
    with pytest.raises(ValueError, match=said):
        sampling.infill(four, chorale(), *arguments, **options)


def test_a_bar_below_a_step_is_refused(single):
    short = Score.from_notes([(i, 1, 60 + i) for i in range(4)], time_signatures=((0, 1, 32),))
    with pytest.raises(ValueError, match="last less than a sixteenth, a step of the grid; choose more bars"):
        sampling.infill(single, short, 1, 1)


def test_notes_near_the_edges_are_lost_or_kept_as_they_lie():
    """A short note before the gap stays though it rounds into it; one in its last moment does not."""
    run = scripted(["D4", *["_"] * 31, *["G4", *["_"] * 15] * 4])
    grace = Score.from_notes(
        [*map(tuple, [(i, 1, 60) for i in range(7)]), (7.9, 0.1, 61), (8, 3.9, 62), (11.9, 0.1, 64), (12, 4, 65)]
    )
    with pytest.warns(UserWarning, match="between two sixteenths"):
        new = sampling.infill(run, grace.replace(time_signatures=((0, 4, 4),)), 3, 3)[0]
    assert (7.9, 61) in {(row[0], row[2]) for row in rows(new)} and 64 not in new.pitch


def test_two_held_notes_of_one_pitch_are_both_kept_before_the_gap():
    run = scripted(["D4", *["_"] * 31, *["G4", *["_"] * 15] * 4])
    held = [(0, 10, 60, 50, 0), (2, 12, 60, 90, 0), (16, 4, 62, 70, 0)]
    new = sampling.infill(run, Score.from_notes(held, time_signatures=((0, 4, 4),)), 3, 3)[0]
    assert rows(new, lambda row: row[0] < 8) == [(0, 8, 60, 50, 0), (2, 6, 60, 90, 0)]


def test_what_has_no_time_signature_at_first_is_in_four_quarters(single):
    late = Score.from_notes([(i, 1, 60 + 2 * (i % 2)) for i in range(24)], time_signatures=((8, 3, 4),))
    new = sampling.infill(single, late, 1, 1, seed=0)[0]
    assert rows(new, lambda row: row[0] >= 4) == rows(late, lambda row: row[0] >= 4)


def test_other_runs_and_other_music_are_refused(four):
    plain = run_of(models.build("stacked_lstm", 9, units=[4], embedding_size=4))
    with pytest.raises(ValueError, match="only continues .* models/chorale_infill .* models/tune_infill"):
        sampling.infill(plain, chorale(), 1, 1)
    with pytest.raises(ValueError, match="needs a Score with notes, got one without notes"):
        sampling.infill(four, Score.from_notes([]), 1, 1)
    with pytest.raises(ValueError, match="infill takes one Score, and this is .* load the music first"):
        sampling.infill(four, "chorale.mid", 1, 1)
    with pytest.raises(ValueError, match=r"four|4 voices, one in each part from the top, and this score has 1 part"):
        sampling.infill(four, tune(), 1, 1)
    with pytest.raises(ValueError, match="load it first"):
        sampling.infill("models/chorale_infill", chorale(), 1, 1)
    with pytest.raises(ValueError, match="use sampling.infill"):
        sampling.generate(four)
