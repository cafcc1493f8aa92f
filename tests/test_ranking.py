"""Ranking: the likelier of two versions first, the one with parallels behind, and the sums as they are defined."""

import math

import keras
import numpy as np
import pytest

from musiclib import encodings, evaluation, models, sampling
from musiclib.config import Config
from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import RESERVED, Vocabulary
from musiclib.sampling.ranking import PARALLEL, ranked
from musiclib.score import Score
from musiclib.training import Run

TOKENS = tuple(f"{name}4:1" for name in "CDEFGAB")


@pytest.fixture(scope="module")
def run():
    keras.utils.set_random_seed(0)
    vocabulary = Vocabulary((*RESERVED, *TOKENS))
    model = models.build("stacked_lstm", len(vocabulary), units=[16], embedding_size=8)
    return Run(model, vocabulary, encodings.NoteChord(), Config(), {}, {})


def voices(*lines):
    """A score of one part for each line of pitches, in quarters."""
    rows = [(i, 1, pitch, 80, part) for part, line in enumerate(lines) for i, pitch in enumerate(line)]
    return Score.from_notes(rows, part_names=tuple(f"voice {i}" for i in range(len(lines))))


def test_the_likeliest_comes_first_with_its_nats(run):
    rng = np.random.default_rng(1)
    tokens = [[TOKENS[i] for i in rng.integers(7, size=12)] for _ in range(5)]
    scores = [run.encoding.decode(line) for line in tokens]
    found = sampling.rank(run, scores)
    ids = [np.array([1, *run.vocabulary.to_ids(line), 2]) for line in tokens]
    nats = [evaluation.nats_per_token(run, Pieces.from_lists([piece])) for piece in ids]
    assert [version.place for version in found] == np.argsort(nats).tolist()
    np.testing.assert_allclose([version.nats for version in found], np.sort(nats), rtol=1e-5)
    assert all(version.parallels == 0 and version.score is scores[version.place] for version in found)


def test_a_parallel_costs_what_it_costs():
    parallel, contrary = voices((60, 62, 64), (67, 69, 71)), voices((60, 62, 64), (67, 65, 60))
    first, second = ranked([parallel, contrary], [10.0, 12.0], [4, 4])
    assert (first.place, second.place) == (1, 0) and second.parallels == 2
    assert first.nats == 3.0 and second.nats == (10 + 2 * PARALLEL) / 4
    assert ranked([parallel, contrary], [10.0, 10.0 + 2 * PARALLEL + 1], [4, 4])[0].place == 0


def test_what_is_sampled_brings_its_own_likelihood(run):
    """The sum over the sampled ids that the loop keeps is that of the network's logits, whatever the rules are."""
    from musiclib.sampling import compiled_loop
    from musiclib.sampling.rules import Rules

    ids, nats, _ = compiled_loop.run(
        run.model, Rules(temperature=0.5, top_k=3), None, (0, 1, 3), 3, 20, np.array([5, 6], np.int32), None, 4
    )
    for piece, loss in zip(ids, nats):
        piece = piece[: np.argmax(piece == 2) + 1] if 2 in piece else piece
        whole = np.array([1, 5, 6, *piece])
        logits = np.asarray(run.model(whole[None, :-1])[0], np.float64)
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        expected = -np.log(p[np.arange(len(whole) - 1), whole[1:]])[2:].sum()
        assert loss == pytest.approx(expected, rel=1e-4) and math.isfinite(loss)


def test_bad_input_is_said(run):
    with pytest.raises(ValueError, match="there are no scores to rank"):
        sampling.rank(run, [])
    for wrong in (run.encoding.decode(TOKENS), None, [None], ["C4:1"]):
        with pytest.raises(ValueError, match="rank takes a list of Scores, and"):
            sampling.rank(run, wrong)
    with pytest.raises(ValueError, match="the token 'C9:1' of the score 0 is unknown to this run"):
        sampling.rank(run, [run.encoding.decode(["C9:1"])])
    with pytest.raises(ValueError, match="the score 1 has no notes in NoteChord"):
        sampling.rank(run, [run.encoding.decode(TOKENS[:3]), voices(())])
    with pytest.raises(ValueError, match="load it first"):
        sampling.rank("models/bach_lstm", [run.encoding.decode(TOKENS[:3])])
