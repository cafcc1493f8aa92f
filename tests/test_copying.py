"""Against copying: passages are counted by brute force, in music from networks that would copy."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import dataset, encodings, models, sampling
from musiclib.config import Config
from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import END, RESERVED, START, Vocabulary
from musiclib.sampling import copying
from musiclib.training import Run

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOKENS = tuple(f"{pitch}{octave}:1" for octave in range(3, 6) for pitch in "CDEFGAB")
VOCABULARY = Vocabulary(RESERVED + TOKENS)
RNG = np.random.default_rng(3)
PIECE = RNG.integers(len(RESERVED), len(VOCABULARY), 60)
OTHERS = [RNG.integers(len(RESERVED), len(VOCABULARY), size) for size in (40, 3, 1, 0)]
TRAINING = Pieces.from_lists([[START, *piece, END] for piece in (PIECE, *OTHERS)])


def passages(pieces, length):
    return {tuple(piece[i : i + length].tolist()) for piece in pieces for i in range(len(piece) - length + 1)}


def longest_copied(piece, training):
    """The longest passage of music that also stands in training, by looking for each one."""
    music = [ids[(ids >= len(RESERVED))] for ids in training]
    length = 0
    while passages([piece], length + 1) & passages(music, length + 1):
        length += 1
    return length


@pytest.fixture(scope="module")
def parrot():
    """A network that was trained on one piece until it knew it by heart."""
    keras.utils.set_random_seed(0)
    model = models.build("stacked_lstm", len(VOCABULARY), units=[48], embedding_size=16, dropout=0.0)
    model.compile(keras.optimizers.Adam(0.03), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = np.array([[START, *PIECE]], np.int32)
    model.fit(ids[:, :-1], ids[:, 1:], epochs=60, verbose=0)
    return Run(model, VOCABULARY, encodings.NoteChord(), Config(), {}, {})


def test_the_parrot_copies(parrot):
    (piece,) = sampling.generate_ids(parrot, length=60, greedy=True)
    assert longest_copied(piece, TRAINING) == 60


@pytest.mark.parametrize("limit", [1, 5, 40])
@pytest.mark.parametrize("options", [{"greedy": True}, {"temperature": 0.5, "top_k": 2, "top_p": 0.9}])
def test_no_passage_is_longer_than_the_limit(parrot, limit, options):
    guard = sampling.Guard(TRAINING, limit)
    pieces = sampling.generate_ids(parrot, count=3, length=80, avoid_copying=guard, seed=0, **options)
    assert max(longest_copied(piece, TRAINING) for piece in pieces) == limit
    assert min(piece.min() for piece in pieces) >= len(RESERVED)
    assert {len(piece) for piece in pieces} == {80}


def test_the_limit_holds_with_all_rules_together_and_across_stretches(parrot, monkeypatch):
    monkeypatch.setattr(sampling.compiled_loop, "_STRETCH", 64)
    options = dict(repetition_penalty=1.2, stop_at_end=True, top_p=0.9, seed=1)
    pieces = sampling.generate_ids(parrot, 2, 150, avoid_copying=sampling.Guard(TRAINING, 4), **options)
    assert max(longest_copied(piece, TRAINING) for piece in pieces) == 4
    pieces = sampling.generate_ids(parrot, 2, 150, PIECE[:30], avoid_copying=sampling.Guard(TRAINING, 50), seed=1)
    joined = [np.concatenate([PIECE[:30], piece]) for piece in pieces]
    assert max(longest_copied(piece, TRAINING) for piece in joined) == 50


def test_a_primer_counts_as_the_beginning_of_a_passage(parrot):
    guard = sampling.Guard(TRAINING, 12)
    (piece,) = sampling.generate_ids(parrot, 1, 20, PIECE[:10], avoid_copying=guard, greedy=True)
    assert piece[:2].tolist() == PIECE[10:12].tolist() and piece[2] != PIECE[12]


def test_where_nothing_is_copied_the_guard_changes_nothing(parrot):
    guard = sampling.Guard(Pieces.from_lists(OTHERS), 6)
    for seed in range(3):
        with_it = sampling.generate_ids(parrot, 2, 70, avoid_copying=guard, seed=seed)
        assert np.array_equal(with_it, sampling.generate_ids(parrot, 2, 70, seed=seed))


def test_bars_exactly_what_followed():
    training = Pieces.from_lists([[1, 4, 5, 6, 2], [1, 4, 5, 7, 9, 2], [1, 9, 4, 5, 2]])
    guard = sampling.Guard(training, 2)
    recent = np.array([[4, 5], [5, 4], [7, 9], [0, 4], [9, 4], [5, 7]], np.int32)
    logits = ops.convert_to_numpy(copying.bar(ops.zeros((6, 10)), recent, guard.tables, guard.width))
    assert [np.flatnonzero(row < -1e8).tolist() for row in logits] == [[6, 7], [], [], [], [5], [9]]


def test_a_passage_with_one_sum_in_common_is_another():
    guard = sampling.Guard(Pieces.from_lists([[4, 5, 6]]), 2)
    codes, weights, first, rows = guard.tables
    for change, barred in (((0, 0, 0), 1), ((1, 0, 0), 0), ((0, 1, 0), 0)):
        tables = (codes, weights, first, rows + np.array(change, np.int32))
        logits = copying.bar(ops.zeros((1, 10)), np.array([[4, 5]], np.int32), tables, guard.width)
        assert (ops.convert_to_numpy(logits) < -1e8).sum() == barred


def test_no_passage_crosses_from_one_piece_into_the_next():
    guard = sampling.Guard(Pieces.from_lists([[4, 5], [6, 7, 8]]), 2)
    recent = np.array([[4, 5], [5, 6], [6, 7]], np.int32)
    logits = ops.convert_to_numpy(copying.bar(ops.zeros((3, 10)), recent, guard.tables, guard.width))
    assert [np.flatnonzero(row < -1e8).tolist() for row in logits] == [[], [], [8]]


def test_many_passages_are_all_found():
    ids = np.random.default_rng(0).integers(len(RESERVED), 300, 50_000)
    guard = sampling.Guard(Pieces.from_lists([ids]), 8)
    starts = np.random.default_rng(1).integers(0, len(ids) - 9, 400)
    recent = np.stack([ids[start : start + 8] for start in starts]).astype(np.int32)
    logits = ops.convert_to_numpy(copying.bar(ops.zeros((400, 300)), recent, guard.tables, guard.width))
    assert np.array_equal(np.argmin(logits, axis=1), ids[starts + 8])
    assert np.all((logits < -1e8).sum(axis=1) == 1)
    assert guard.width < 16  # the rows that each step looks at


def test_a_piece_shorter_than_the_limit_bars_nothing(parrot):
    guard = sampling.Guard(Pieces.from_lists([[1, 4, 5, 2], []]), 16)
    assert "0 passages" in repr(guard)
    with_it = sampling.generate_ids(parrot, 1, 20, avoid_copying=guard, seed=0)
    assert np.array_equal(with_it, sampling.generate_ids(parrot, 1, 20, seed=0))


@pytest.mark.parametrize("limit", [0, -1, 2.5, None])
def test_a_limit_that_cannot_be_is_refused(limit):
    with pytest.raises(ValueError, match=str(limit)):
        sampling.Guard(TRAINING, limit)


def test_music_that_is_not_in_ids_is_refused():
    with pytest.raises(ValueError, match="a dataset, or pieces of ids .*, got list"):
        sampling.Guard([[4, 5, 6]], 2)


def test_a_dataset_or_pairs_stand_for_their_training_pieces(parrot):
    data = dataset.Dataset(TRAINING, Pieces.from_lists([]), Pieces.from_lists([]), VOCABULARY, parrot.encoding, {})
    options = {"count": 2, "length": 70, "greedy": True}
    pieces = sampling.generate_ids(parrot, avoid_copying=sampling.Guard(data, 5), **options)
    assert np.array_equal(pieces, sampling.generate_ids(parrot, avoid_copying=sampling.Guard(TRAINING, 5), **options))
    pair = dataset.PairedPieces(Pieces.from_lists([[4]] * len(TRAINING)), TRAINING, np.arange(len(TRAINING)))
    both = dataset.Pairs(pair, pair, pair, VOCABULARY, parrot.encoding, parrot.encoding, {})
    assert np.array_equal(pieces, sampling.generate_ids(parrot, avoid_copying=sampling.Guard(both, 5), **options))
    reverse = Vocabulary(RESERVED + TOKENS[::-1])  # equally many
    others = dataset.Dataset(TRAINING, Pieces.from_lists([]), Pieces.from_lists([]), reverse, parrot.encoding, {})
    with pytest.raises(ValueError, match="the pieces of avoid_copying were made with another vocabulary"):
        sampling.generate_ids(parrot, avoid_copying=sampling.Guard(others, 5), **options)


def test_what_leaves_no_token_is_refused(parrot, monkeypatch):
    everything = [[4, following] for following in range(4, len(VOCABULARY))]
    with pytest.raises(ValueError, match="limit of 1"):
        sampling.generate_ids(parrot, avoid_copying=sampling.Guard(Pieces.from_lists(everything), 1))
    almost = sampling.Guard(Pieces.from_lists(everything[1:]), 1)
    sampling.generate_ids(parrot, length=2, avoid_copying=almost)
    monkeypatch.setattr(sampling.generation, "_source_only", lambda run: (4,))  # and so is never written
    with pytest.raises(ValueError, match="limit of 1"):
        sampling.generate_ids(parrot, length=2, avoid_copying=almost)


@pytest.mark.parametrize("value", [16, True, "train", TRAINING])
def test_what_is_no_guard_is_refused(parrot, value):
    with pytest.raises(ValueError, match="sampling.Guard.*got "):
        sampling.generate_ids(parrot, avoid_copying=value)


ON_JAX = """
import numpy as np
from musiclib import encodings, models, sampling
from musiclib.config import Config
from musiclib.dataset import Pieces
from musiclib.training import Run
from musiclib.encodings.vocabulary import RESERVED, Vocabulary

vocabulary = Vocabulary(RESERVED + tuple("C4:1 D4:1 E4:1 F4:1 G4:1 A4:1".split()))
run = Run(models.build("stacked_lstm", len(vocabulary), units=[4]), vocabulary, encodings.NoteChord(), Config(), {}, {})
training = np.random.default_rng(0).integers(len(RESERVED), len(vocabulary), 150)
guard = sampling.Guard(Pieces.from_lists([training]), 3)
known = {tuple(training[i : i + 4]) for i in range(len(training) - 3)}
for limit in (None, guard):
    pieces = sampling.generate_ids(run, 2, 200, stop_at_end=False, seed=0, avoid_copying=limit)
    print(sum(tuple(piece[i : i + 4]) in known for piece in pieces for i in range(len(piece) - 3)))
"""


def test_no_passage_is_longer_than_the_limit_on_jax():
    pytest.importorskip("jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", ON_JAX], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    free, limited = map(int, done.stdout.split())
    assert free > 10 and limited == 0


def test_pieces_of_another_vocabulary_are_refused(parrot):
    guard = sampling.Guard(Pieces.from_lists([[4, 5, 900]]), 1)
    with pytest.raises(ValueError, match="900"):
        sampling.generate_ids(parrot, avoid_copying=guard)
