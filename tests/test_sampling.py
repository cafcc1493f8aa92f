"""Sampling: each rule on literal logits, and generation from networks whose choices are known beforehand."""

import dataclasses
import os
import pathlib
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import encodings, models, sampling
from musiclib.config import Config
from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN, Vocabulary
from musiclib.models import AutoregressiveModel
from musiclib.sampling import compiled_loop
from musiclib.score import Score
from musiclib.training import Run

TOKENS = ("C4:1", "D4:1", "E4:1", "F4:1", "G4:1", "A4:1")
VOCABULARY = Vocabulary(RESERVED + TOKENS)  # ids 4 to 9
FIRST, LAST = 4, 9


class Scripted(AutoregressiveModel):
    """A network whose next logits depend on the last id alone, by a table (vocabulary, vocabulary)."""

    def __init__(self, table, targets="all", context_length=None):
        super().__init__(len(VOCABULARY))
        self.table = np.asarray(table, np.float32)
        self.targets, self.context_length, self.traces = targets, context_length, []

    def initial_state(self, batch_size):
        return (ops.zeros((batch_size, 1)),)

    def step(self, ids, state):
        self.traces.append(1)  # in Python: once for each time that the loop is compiled, not for each step
        return ops.take(ops.convert_to_tensor(self.table), ids, axis=0), state


def run_of(model):
    return Run(model, VOCABULARY, encodings.NoteChord(), Config(), {}, {})


def cycle_table():
    """4 follows the start, then 5, 6, ... 9, 4, ..."""
    table = np.zeros((len(VOCABULARY), len(VOCABULARY)), np.float32)
    for i in range(len(VOCABULARY)):
        table[i, i + 1 if FIRST <= i < LAST else FIRST] = 50
    return table


@pytest.fixture
def cycle():
    return run_of(Scripted(cycle_table()))


@pytest.fixture
def flat():
    """Every token as likely as any other, the reserved ones included."""
    return run_of(Scripted(np.zeros((len(VOCABULARY), len(VOCABULARY)))))


@pytest.fixture(scope="module")
def lstm():
    keras.utils.set_random_seed(4)
    return run_of(models.build("stacked_lstm", len(VOCABULARY), units=[12, 8], embedding_size=6))


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def kept(logits):
    """Which tokens can still be drawn, row by row."""
    return [np.flatnonzero(row > -1e8).tolist() for row in numpy(logits)]


LOGITS = np.log(np.array([[0.1, 0.4, 0.2, 0.3], [0.7, 0.05, 0.15, 0.1]], np.float32))


def test_temperature_divides():
    np.testing.assert_allclose(numpy(sampling.temperature(np.array([[1.0, -2.0]], np.float32), 0.5)), [[2, -4]])


@pytest.mark.parametrize(
    ("k", "rows"),
    [(1, [[1], [0]]), (2, [[1, 3], [0, 2]]), (3, [[1, 2, 3], [0, 2, 3]]), (4, [[0, 1, 2, 3]] * 2),
     (99, [[0, 1, 2, 3]] * 2)],
)  # fmt: skip
def test_top_k(k, rows):
    logits = sampling.top_k(LOGITS, k)
    assert kept(logits) == rows
    np.testing.assert_array_equal(numpy(logits)[0, rows[0]], LOGITS[0, rows[0]])


@pytest.mark.parametrize(
    ("p", "rows"),
    [
        (1e-6, [[1], [0]]),  # at least one, whatever p
        (0.39, [[1], [0]]),
        (0.41, [[1, 3], [0]]),
        (0.69, [[1, 3], [0]]),
        (0.71, [[1, 2, 3], [0, 2]]),
        (0.89, [[1, 2, 3], [0, 2, 3]]),
        (0.94, [[0, 1, 2, 3], [0, 2, 3]]),
        (1.0, [[0, 1, 2, 3], [0, 1, 2, 3]]),
    ],
)
def test_top_p(p, rows):
    logits = sampling.top_p(LOGITS, np.float32(p))
    assert kept(logits) == rows
    np.testing.assert_array_equal(numpy(logits)[0, rows[0]], LOGITS[0, rows[0]])


def test_top_p_stops_exactly_where_the_probabilities_add_up():
    """Of halves and quarters, which floats hold exactly: 0.5 is enough for p = 0.5, not for more."""
    logits = np.log(np.array([[0.25, 0.5, 0.25]], np.float32))
    assert kept(sampling.top_p(logits, np.float32(0.5))) == [[1]]
    assert kept(sampling.top_p(np.array([[0.0, 50.0, -50.0]], np.float32), np.float32(0.9))) == [[1]]


def test_repetition_penalty():
    logits = np.array([[2.0, -2.0, 3.0, -3.0], [2.0, -2.0, 3.0, -3.0]], np.float32)
    recent = np.array([[2, 3, 3], [1, 1, 1]], np.int32)
    np.testing.assert_allclose(
        numpy(sampling.repetition_penalty(logits, recent, 2.0)), [[2, -2, 1.5, -6], [2, -4, 3, -3]]
    )
    np.testing.assert_array_equal(numpy(sampling.repetition_penalty(logits, recent, 1.0)), logits)


def test_repetition_penalty_does_not_count_padding():
    logits = np.array([[2.0, -2.0, 3.0]], np.float32)
    recent = np.array([[PADDING, PADDING]], np.int32)
    np.testing.assert_array_equal(numpy(sampling.repetition_penalty(logits, recent, 2.0)), logits)


def test_choose_draws_by_the_cumulated_probabilities():
    logits = np.log(np.array([[0.25, 0.5, 0.25]] * 7, np.float32))
    uniform = np.array([0, 0.2, 0.3, 0.6, 0.7, 0.8, np.nextafter(np.float32(1), np.float32(0))], np.float32)
    assert numpy(sampling.choose(logits, uniform)).tolist() == [0, 0, 1, 1, 1, 2, 2]


def test_choose_never_draws_what_is_barred_not_even_at_the_ends():
    logits = np.array([[-1e9, 1.0, -1e9, 1.0, -1e9, -1e9]] * 2, np.float32)
    uniform = np.array([0.0, np.nextafter(np.float32(1), np.float32(0))], np.float32)
    assert numpy(sampling.choose(logits, uniform)).tolist() == [1, 3]


def test_choose_never_draws_past_a_sum_that_rounding_left_below_one():
    last = np.array([np.nextafter(np.float32(1), np.float32(0))])
    for size in range(100, 3000, 100):
        logits = np.full((1, size + 1), 0.1, np.float32)
        logits[0, -1] = -1e9
        assert numpy(sampling.choose(logits, last))[0] < size


def test_choose_draws_as_often_as_the_probabilities_say():
    shares = np.array([0.1, 0.6, 0.3], np.float32)
    uniform = np.random.default_rng(0).random(20_000, dtype=np.float32)
    drawn = numpy(sampling.choose(np.tile(np.log(shares), (20_000, 1)), uniform))
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, shares, atol=0.01)


def test_a_piece_begins_at_the_start_token(cycle):
    (piece,) = sampling.generate_ids(cycle, length=8)
    assert piece.tolist() == [4, 5, 6, 7, 8, 9, 4, 5]
    assert piece.dtype == np.int32


def test_the_first_id_that_the_network_sees_is_the_start():
    table = np.zeros((len(VOCABULARY), len(VOCABULARY)), np.float32)
    table[START, 7] = table[7, 8] = table[8, 8] = 50
    assert sampling.generate_ids(run_of(Scripted(table)), length=3)[0].tolist() == [7, 8, 8]


def test_generate_makes_scores(cycle):
    (score,) = sampling.generate(cycle, length=3)
    assert isinstance(score, Score)
    assert score.pitch.tolist() == [60, 62, 64] and score.onset.tolist() == [0, 1, 2]


def test_primers_of_every_kind_lead_to_the_same_piece(cycle, tmp_path, write_midi):
    as_score = Score.from_notes([(0, 1, 62), (1, 1, 64)])
    as_file = write_midi(tmp_path / "primer.mid", [62, 64])
    for primer in (["D4:1", "E4:1"], ("D4:1", "E4:1"), np.array([5, 6]), [5, 6], as_score, as_file, str(as_file)):
        (score,) = sampling.generate(cycle, length=2, primer=primer)
        assert score.pitch.tolist() == [62, 64, 65, 67]
        (alone,) = sampling.generate(cycle, length=2, primer=primer, include_primer=False)
        assert alone.pitch.tolist() == [65, 67] and alone.onset.tolist() == [0, 1]


def test_one_token_is_a_primer(cycle):
    assert sampling.generate(cycle, length=1, primer="G4:1")[0].pitch.tolist() == [67, 69]


def test_an_empty_primer_is_the_start_of_a_piece(cycle):
    assert sampling.generate_ids(cycle, length=2, primer=np.zeros(0, np.int32))[0].tolist() == [4, 5]
    assert sampling.generate(cycle, length=2, primer=[])[0].pitch.tolist() == [60, 62]


def test_a_primer_with_a_few_unknown_tokens_warns_and_goes_on(cycle):
    primer = Score.from_notes([(0, 1, 62), (1, 1, 100), (2, 1, 64)])
    with pytest.warns(UserWarning, match="1 of the primer's 3 tokens"):
        (score,) = sampling.generate(cycle, length=1, primer=primer, include_primer=False)
    assert score.pitch.tolist() == [65]


@pytest.mark.parametrize("stop_at_end", [False, True])
def test_seed_repeats_and_other_seeds_differ(flat, stop_at_end):
    def draw(seed):
        options = {"temperature": 1.3, "top_k": 8, "top_p": 0.99, "stop_at_end": stop_at_end}
        return [piece.tolist() for piece in sampling.generate_ids(flat, 5, 60, seed=seed, **options)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert draw(None) != draw(None)


def test_pieces_of_one_call_differ(flat):
    pieces = sampling.generate_ids(flat, 6, 50, seed=0)
    assert len({tuple(piece.tolist()) for piece in pieces}) == 6


def test_a_longer_piece_with_the_same_seed_begins_as_the_shorter_one(flat):
    shorter = [sampling.generate_ids(flat, 3, length, seed=3) for length in (50, 200, 1500)]
    for pieces in zip(*shorter, sampling.generate_ids(flat, 3, 2500, seed=3), strict=True):
        *some, longest = pieces
        for piece in some:
            assert piece.tolist() == longest[: len(piece)].tolist()


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize("primer", [None, [5] * 3])
def test_length_is_exact_unless_pieces_may_end(flat, length, primer):
    pieces = sampling.generate_ids(flat, 3, length, primer, stop_at_end=False, seed=0)
    assert [len(piece) for piece in pieces] == [length] * 3


def test_reserved_ids_are_never_drawn(flat):
    """Though the network gives them the same logits as all others."""
    for options in ({}, {"top_k": 3}, {"top_p": 0.5}, {"greedy": True, "stop_at_end": False}, {"repetition_penalty": 5.0},
                    {"temperature": 100.0}, {"stop_at_end": False}):  # fmt: skip
        ids = np.concatenate(sampling.generate_ids(flat, 8, 100, seed=2, **options))
        assert ids.min() >= FIRST and ids.max() <= LAST
    drawn = np.concatenate(sampling.generate_ids(flat, 8, 100, stop_at_end=False, seed=1))
    assert set(drawn.tolist()) == set(range(FIRST, LAST + 1))


def test_stop_at_end_cuts_where_the_network_ends():
    table = cycle_table()
    table[7] = 0
    table[7, END] = 50
    run = run_of(Scripted(table))
    pieces = sampling.generate_ids(run, 2, 20)
    assert [piece.tolist() for piece in pieces] == [[4, 5, 6, 7]] * 2
    assert sampling.generate(run, 2, 20).ended == [True, True]
    assert sampling.generate(run, 2, 3).ended == [False, False]
    assert [len(piece) for piece in sampling.generate_ids(run, 2, 20, stop_at_end=False)] == [20, 20]


def test_a_piece_is_at_most_as_long_as_the_longest_training_piece(cycle):
    assert len(sampling.generate_ids(cycle)[0]) == 1000  # of an earlier version
    cycle.about["dataset"] = {"typical": {"longest": 39}}
    assert len(sampling.generate_ids(cycle)[0]) == 40  # the token of the end, too
    cycle.about["dataset"]["typical"]["longest"] = 10**6
    assert len(sampling.generate_ids(cycle)[0]) == 4096


def test_a_primer_that_ends_a_piece_is_said():
    table = cycle_table()
    table[7] = 0
    table[7, END] = 50
    with pytest.warns(UserWarning, match="the network ended a piece with the primer and added nothing; give bars= or"):
        pieces = sampling.generate(run_of(Scripted(table)), primer=["F4:1"])
    assert [len(piece) for piece in pieces] == [1]


def test_a_run_has_sampling_rules_of_its_own():
    """They are saved with it; what the caller gives comes first."""
    run = run_of(Scripted(np.zeros((len(VOCABULARY), len(VOCABULARY)))))
    config = Config().replace(epochs=3, sampling={"greedy": True, "stop_at_end": False})
    run = dataclasses.replace(run, config=Config.from_json(config.to_json()))
    (ids,) = sampling.generate_ids(run, length=20)
    assert set(ids.tolist()) == {FIRST}
    assert len(set(sampling.generate_ids(run, length=20, greedy=False, seed=1)[0].tolist())) > 1
    wrong = dataclasses.replace(run, config=Config().replace(sampling={"temprature": 0.9}))
    with pytest.raises(TypeError, match="no option 'temprature' here"):
        sampling.generate(wrong)
    values = Config().to_dict()
    del values["sampling"]  # of an earlier version
    assert Config.from_dict(values) == Config()


def test_pieces_of_a_batch_end_each_for_itself():
    table = np.zeros((len(VOCABULARY), len(VOCABULARY)), np.float32)
    table[:, FIRST] = 3
    table[:, END] = 1
    pieces = sampling.generate_ids(run_of(Scripted(table)), 20, 300, stop_at_end=True, seed=0)
    lengths = [len(piece) for piece in pieces]
    assert len(set(lengths)) > 5 and max(lengths) > 10
    for piece in pieces:
        assert not np.isin(piece, [PADDING, START, END, UNKNOWN]).any()


def test_a_piece_may_end_at_once():
    table = np.zeros((len(VOCABULARY), len(VOCABULARY)), np.float32)
    table[:, END] = 90
    (score,) = sampling.generate(run_of(Scripted(table)), length=10, stop_at_end=True)
    assert len(score) == 0


def test_greedy_is_the_textbook_loop(lstm):
    """As the tutorials write it: the whole piece so far through the network, argmax, append."""
    heard = [START, 6, 8]
    for _ in range(30):
        logits = numpy(lstm.model(np.array([heard], np.int32), training=False))[0, -1]
        logits[: len(RESERVED)] = -np.inf
        heard.append(int(logits.argmax()))
    for count in (1, 3):
        for piece in sampling.generate_ids(lstm, count, 30, np.array([6, 8]), greedy=True):
            assert piece.tolist() == heard[3:]


def test_sampling_is_the_textbook_loop_with_the_same_random_numbers(lstm):
    """temperature, top_k and top_p in this order, drawn with NumPy."""
    uniforms = np.random.default_rng(11).random((64, 1), dtype=np.float32)
    heard = [START]
    for i in range(25):
        logits = numpy(lstm.model(np.array([heard], np.int32), training=False))[0, -1].astype(np.float64)
        logits[: len(RESERVED)] = -np.inf
        logits /= 0.7
        logits[logits < np.sort(logits)[-4]] = -np.inf
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        order = np.argsort(-shares)
        nucleus = order[: np.searchsorted(np.cumsum(shares[order]), 0.8) + 1]
        shares[np.setdiff1d(np.arange(len(shares)), nucleus)] = 0
        cumulated = np.cumsum(shares)
        heard.append(int(np.searchsorted(cumulated, uniforms[i, 0] * cumulated[-1], side="right")))
    (piece,) = sampling.generate_ids(lstm, 1, 25, temperature=0.7, top_k=4, top_p=0.8, seed=11)
    assert piece.tolist() == heard[1:]


def test_repetition_penalty_frees_a_stuck_key():
    table = np.zeros((len(VOCABULARY), len(VOCABULARY)), np.float32)
    table[:, 5], table[:, 6] = 3.0, 2.0
    run = run_of(Scripted(table))
    assert sampling.generate_ids(run, length=10, greedy=True)[0].tolist() == [5] * 10
    pieces = sampling.generate_ids(run, length=10, greedy=True, repetition_penalty=2.0)
    # 5 drops to 1.5 and 6 takes over; then 6 drops to 1 and 5, at 1.5, stays ahead.
    assert pieces[0].tolist() == [5, 6] + [5] * 8


def test_repetition_penalty_forgets_what_was_long_ago():
    table = np.zeros((len(VOCABULARY), len(VOCABULARY)), np.float32)
    table[:, 5], table[:, 6], table[:, 7] = 3.0, 2.9, 2.8
    table[:, 4] = 2.0
    (piece,) = sampling.generate_ids(
        run_of(Scripted(table)), length=40, primer=[5] + [4] * 30, greedy=True, repetition_penalty=10.0
    )
    # 5 was heard 31 tokens before the first choice and 33 before the third.
    assert piece[:3].tolist() == [6, 7, 5]


def test_other_lengths_and_seeds_meet_the_same_compiled_loop():
    run = run_of(Scripted(cycle_table()))
    sampling.generate_ids(run, 2, 100, seed=0, temperature=0.9, top_p=0.9)
    traced = len(run.model.traces)
    assert traced < 10
    for length, seed, heat, nucleus in ((128, 1, 1.0, 0.8), (65, 2, 1.5, 0.99), (90, None, 0.5, 0.5)):
        sampling.generate_ids(run, 2, length, seed=seed, temperature=heat, top_p=nucleus)
    sampling.generate_ids(run, 2, 60, [5] * 30, temperature=2.0, top_p=0.9)
    assert len(run.model.traces) == traced
    sampling.generate_ids(run, 2, 129, top_p=0.9)  # the next power of two
    assert len(run.model.traces) > traced


def test_a_piece_of_many_stretches_is_traced_once():
    run = run_of(Scripted(cycle_table()))
    (piece,) = sampling.generate_ids(run, length=3 * compiled_loop._STRETCH + 5)
    assert piece.tolist() == [FIRST + i % 6 for i in range(len(piece))]
    assert len(run.model.traces) == 1


def test_a_long_piece_shows_a_progress_bar_and_a_short_one_none(monkeypatch):
    bars = []

    class Spy(compiled_loop.tqdm):
        def __init__(self, *given, **options):
            super().__init__(*given, **options)
            bars.append((options["total"], options["delay"], self.disable))

        def update(self, n=1):
            bars.append(n)
            return super().update(n)

    monkeypatch.setattr(compiled_loop, "tqdm", Spy)
    monkeypatch.setattr(compiled_loop, "_STRETCH", 64)
    run = run_of(Scripted(cycle_table()))
    sampling.generate_ids(run, length=150, primer=[5] * 10)
    assert bars == [(150, compiled_loop.config.BAR_AFTER, False), 54, 64, 32]
    bars.clear()
    sampling.generate_ids(run, length=64)
    assert bars[0] == (64, compiled_loop.config.BAR_AFTER, True)
    assert compiled_loop.config.BAR_AFTER >= 1


def test_ctrl_c_says_how_far_it_came_and_that_nothing_is_returned(monkeypatch):
    monkeypatch.setattr(compiled_loop, "_STRETCH", 64)
    compiled, calls = compiled_loop.compiled, []

    def stopping(*given, **options):
        loop = compiled(*given, **options)

        def run_loop(*arguments):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return loop(*arguments)

        return run_loop

    monkeypatch.setattr(compiled_loop, "compiled", stopping)
    with pytest.raises(KeyboardInterrupt, match="stopped after 128 of 1,000,000 tokens; nothing is returned"):
        sampling.generate_ids(run_of(Scripted(cycle_table())), length=10**6)


STRETCHED = [
    {},
    {"temperature": 0.7, "top_k": 4, "top_p": 0.8},
    {"greedy": True},
    {"repetition_penalty": 3.0},  # whose window reaches back into the stretch before
    {"stop_at_end": False},
]


@pytest.mark.parametrize("options", STRETCHED, ids=str)
@pytest.mark.parametrize("primer", [None, [5] * 3, [6, 8, 4] * 50], ids=["start", "short", "longer than a stretch"])
def test_where_a_piece_is_cut_into_stretches_changes_nothing(options, primer, lstm, monkeypatch):
    pieces = []
    for stretch in (compiled_loop._STRETCH, 64):
        monkeypatch.setattr(compiled_loop, "_STRETCH", stretch)
        pieces.append(sampling.generate_ids(lstm, 3, 300, primer, seed=5, **options))
    assert len({len(piece) for piece in pieces[0]}) == 1 or options.get("stop_at_end", True)
    for one, two in zip(*pieces, strict=True):
        assert one.tolist() == two.tolist()


def test_pieces_end_in_whatever_stretch_they_do(monkeypatch):
    """And the loop stops once all have: nothing is asked of the network after that."""
    monkeypatch.setattr(compiled_loop, "_STRETCH", 64)
    table = np.zeros((len(VOCABULARY), len(VOCABULARY)), np.float32)
    table[:, FIRST], table[:, END] = 40, 36
    pieces = sampling.generate_ids(run_of(Scripted(table)), 20, 10**8, stop_at_end=True, seed=0)
    lengths = [len(piece) for piece in pieces]
    assert min(lengths) < 64 < max(lengths) < 5000
    for piece in pieces:
        assert (piece == FIRST).all()


# Peak memory can only be seen to rise once in a process, so this one makes a short piece and then long ones.
LONG = """
import resource, sys
from musiclib import encodings, models, sampling
from musiclib.config import Config
from musiclib.training import Run
from musiclib.encodings.vocabulary import RESERVED, Vocabulary

def peak():  # kilobytes on Linux, bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

vocabulary = Vocabulary([*RESERVED, *(f"C{i}:1" for i in range(6))])
for name, options in (("stacked_lstm", {"units": [4]}),
                      ("gru_attention", {"units": 4, "context_length": 8, "attention": "additive"})):
    model = models.build(name, len(vocabulary), embedding_size=4, **options)
    run = Run(model, vocabulary, encodings.NoteChord(), Config(), {}, {})
    sampling.generate_ids(run, 64, 1500, seed=0)
    before = peak()
    pieces = sampling.generate_ids(run, 64, 50_000, seed=0)
    print(peak() - before - sum(piece.nbytes for piece in pieces))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not tell a process its peak memory this way")
def test_a_long_piece_takes_no_more_memory_than_its_ids():
    """3.2 million ids: a buffer as long as the pieces would take 13 MB, and the loop would have several."""
    root = str(pathlib.Path(models.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", LONG], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    extra = [int(line) for line in done.stdout.split()]
    assert len(extra) == 2 and max(extra) < 5e6, extra


def test_a_model_that_is_forgotten_is_freed():
    """The cache of compiled loops must not keep every network of a session in memory."""
    import gc
    import weakref

    run = run_of(Scripted(cycle_table()))
    sampling.generate_ids(run, 1, 5)
    gone = weakref.ref(run.model)
    del run
    gc.collect()
    assert gone() is None


def test_generation_follows_weights_that_were_changed(lstm):
    before = lstm.model.get_weights()
    sampling.generate_ids(lstm, 1, 5, greedy=True)
    try:
        lstm.model.set_weights([np.zeros_like(weight) for weight in before])
        lstm.model.head.bias.assign(np.eye(len(VOCABULARY))[8])
        assert sampling.generate_ids(lstm, 1, 5, greedy=True)[0].tolist() == [8] * 5
    finally:
        lstm.model.set_weights(before)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"temperature": 0}, ["temperature", "0", "greedy"]),
        ({"temperature": -1.5}, ["temperature", "-1.5"]),
        ({"temperature": float("nan")}, ["temperature", "nan"]),
        ({"temperature": float("inf")}, ["temperature", "inf"]),
        ({"temperature": 1e-60}, ["temperature", "1e-60"]),  # zero in the network's float32
        ({"top_p": 0}, ["top_p", "0"]),
        ({"top_p": -0.1}, ["top_p", "-0.1"]),
        ({"top_p": 1.01}, ["top_p", "1.01"]),
        ({"top_p": float("nan")}, ["top_p", "nan"]),
        ({"top_k": 0}, ["top_k", "0"]),
        ({"top_k": -2}, ["top_k", "-2"]),
        ({"top_k": 2.5}, ["top_k", "2.5"]),
        ({"repetition_penalty": 0}, ["repetition_penalty", "0"]),
        ({"repetition_penalty": -3}, ["repetition_penalty", "-3"]),
        ({"count": 0}, ["count", "0"]),
        ({"count": 1.5}, ["count", "1.5"]),
        ({"length": 0}, ["length", "0"]),
        ({"length": -7}, ["length", "-7"]),
        ({"primer": [4, 10]}, ["10", "9"]),
        ({"primer": [-1, 4]}, ["-1"]),
        ({"primer": ["C4:1", "Z9:1"]}, ["Z9:1"]),
        ({"primer": ["C4:1", "<unknown>"]}, ["'<unknown>'"]),
        ({"primer": np.array([5.7, 6.2])}, ["whole numbers", "5.7"]),
        ({"primer": 5}, ["primer takes one Score", "int"]),
        ({"temperature": "hot"}, ["temperature", "'hot'"]),
        ({"temperature": None}, ["temperature", "None"]),
        ({"top_p": "x"}, ["top_p", "'x'"]),
        ({"length": True}, ["length", "True"]),
        ({"count": "3"}, ["count", "'3'"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": "x"}, ["seed", "'x'"]),
    ],
)
def test_bad_options_are_named(cycle, options, named):
    with pytest.raises(ValueError) as error:
        sampling.generate(cycle, **{"length": 5, **options})
    for text in named:
        assert text in str(error.value)


@pytest.mark.parametrize("reserved", [PADDING, START, END])
def test_reserved_ids_in_a_primer_are_refused_or_passed_over(cycle, reserved):
    """A whole piece of a dataset, from <start> to <end>, is an obvious primer; silence is no answer to it."""
    try:
        (piece,) = sampling.generate_ids(cycle, 1, 4, np.array([5, 6, reserved]))
        (first,) = sampling.generate_ids(cycle, 1, 4, np.array([reserved, 5, 6]))
    except ValueError as error:
        assert str(reserved) in str(error) or RESERVED[reserved] in str(error)
    else:
        assert piece.tolist() == first.tolist() == [7, 8, 9, 4]


def test_ids_outside_the_vocabulary_are_refused_by_generate_ids_too(cycle):
    with pytest.raises(ValueError, match="10"):
        sampling.generate_ids(cycle, 1, 4, np.array([5, 10]))


def test_a_primer_that_is_neither_token_nor_file_says_so(cycle, tmp_path):
    for primer in ("Q9:1", str(tmp_path / "missing.mid"), tmp_path / "missing.mid"):
        with pytest.raises(FileNotFoundError) as error:
            sampling.generate(cycle, primer=primer)
        assert str(primer) in str(error.value)


def test_a_primer_that_is_no_music_is_an_error_that_names_the_file(cycle, tmp_path):
    path = tmp_path / "fake.mid"
    path.write_bytes(b"this is no MIDI file")
    with pytest.raises(ValueError, match="fake.mid"):
        sampling.generate(cycle, primer=path)


def test_a_primer_that_is_mostly_unknown_is_refused(cycle):
    with pytest.raises(ValueError, match="2 of the primer's 3 tokens"):
        sampling.generate(cycle, primer=Score.from_notes([(0, 1, 60), (1, 1, 61), (2, 1, 63)]))


@pytest.mark.parametrize(("octaves", "said"), [(-1, "1 octave up"), (2, "2 octaves down"), (-5, "5 octaves up")])
def test_a_primer_outside_the_pitches_of_a_run_is_moved_by_octaves(cycle, octaves, said):
    primer = Score.from_notes([(0, 1, 60), (1, 1, 62)])
    (expected,) = sampling.generate(cycle, length=3, primer=primer)
    with pytest.warns(UserWarning, match=f"it was moved {said}"):
        (found,) = sampling.generate(cycle, length=3, primer=primer.transpose(12 * octaves))
    assert found == expected


@pytest.mark.parametrize("targets", ["all", "last"])
def test_a_primer_longer_than_the_context_slides_through_it_and_says_so(targets):
    run = run_of(Scripted(cycle_table(), targets, 6))
    (short,) = sampling.generate_ids(run, 1, 3, [5] * 6)
    with pytest.warns(UserWarning, match="the primer has 7 tokens and this network has a context_length of 6"):
        (long,) = sampling.generate_ids(run, 1, 3, [4] + [5] * 6)
    assert long.tolist() == short.tolist()


def test_a_recurrent_network_takes_a_primer_of_any_length(lstm):
    assert len(sampling.generate_ids(lstm, 1, 3, [5] * 400, stop_at_end=False)[0]) == 3


def test_a_bidirectional_network_generates():
    keras.utils.set_random_seed(5)
    options = {"units": 6, "embedding_size": 4, "context_length": 8, "attention": "additive", "bidirectional": True}
    run = run_of(models.build("gru_attention", len(VOCABULARY), **options))
    heard = [PADDING] * 7 + [START]
    for _ in range(12):
        logits = numpy(run.model(np.array([heard[-8:]], np.int32), training=False))[0, -1]
        logits[: len(RESERVED)] = -np.inf
        heard.append(int(logits.argmax()))
    assert sampling.generate_ids(run, 1, 12, greedy=True)[0].tolist() == heard[8:]


def test_random_window_lies_inside_one_piece():
    pieces = Pieces.from_lists([[1, *range(10, 20), 2], [1, *range(30, 33), 2], [1, *range(40, 60), 2]])
    seen = set()
    for seed in range(60):
        window = sampling.random_window(pieces, 5, seed)
        assert len(window) == 5 and (np.diff(window) == 1).all() and window.min() >= 10
        seen.add(int(window[0]))
    assert {10, 15, 40, 55} <= seen | {10, 15, 40, 55} and len(seen) > 10
    np.testing.assert_array_equal(sampling.random_window(pieces, 5, 1), sampling.random_window(pieces, 5, 1))


def test_random_window_reaches_both_ends_of_a_piece():
    pieces = Pieces.from_lists([[1, 10, 11, 12, 2]])
    starts = {int(sampling.random_window(pieces, 2, seed)[0]) for seed in range(30)}
    assert starts == {10, 11}
    assert sampling.random_window(pieces, 3, 0).tolist() == [10, 11, 12]


def test_random_window_longer_than_every_piece_is_refused():
    with pytest.raises(ValueError, match="4"):
        sampling.random_window(Pieces.from_lists([[1, 10, 11, 12, 2]]), 4)


def test_random_notes_are_music():
    ids = sampling.random_notes(VOCABULARY, 500, seed=0)
    assert set(ids.tolist()) == set(range(FIRST, LAST + 1)) and ids.dtype == np.int32
    np.testing.assert_array_equal(ids, sampling.random_notes(VOCABULARY, 500, seed=0))


def test_a_piece_begins_with_the_primer_also_where_the_run_does_not_know_it(cycle):
    primer = Score.from_notes([(0, 1, 62), (1, 1.5, 100), (2.5, 1, 64)])
    with pytest.warns(UserWarning, match="unknown to this run, such as 'E7:3/2'"):
        (score,) = sampling.generate(cycle, length=1, primer=primer)
    assert score.pitch.tolist()[:3] == [62, 100, 64]
    assert score.onset.tolist() == [0, 1, 2.5, 3.5]


def test_random_primers_go_into_generate(cycle):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pieces = Pieces.from_lists([[START, *range(FIRST, LAST + 1), END]])
        for primer in (sampling.random_window(pieces, 4, 0), sampling.random_notes(VOCABULARY, 4, 0)):
            (score,) = sampling.generate(cycle, length=3, primer=primer)
            assert len(score) == 7
