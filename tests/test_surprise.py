"""Surprise: the nats of each note, by networks whose probabilities are known and by a shipped run."""

import types

import numpy as np
import pytest
from hypothesis import given, settings
from scores_by_chance import scores

from musiclib import config, corpus, evaluation, training
from musiclib.dataset import Pieces
from musiclib.dataset.pieces import from_start_to_end
from musiclib.encodings import ENCODINGS, Chorale, Frames, NoteChord, NoteEvents, Performance, Vocabulary
from musiclib.score import Score


class Frequencies:
    """A network to which each id has a probability of its own, wherever it stands."""

    targets, conditional, latent_size, has_likelihood = "all", False, None, True

    def __init__(self, size):
        self.logits = np.random.default_rng(0).normal(size=size).astype(np.float32)
        self.nats = np.log(np.exp(self.logits).sum()) - self.logits

    def __call__(self, ids, training):
        return np.broadcast_to(self.logits, (*ids.shape, len(self.logits)))

    def initial_state(self, batch_size):
        return ()

    def advance(self, ids, state):
        return self(ids, training=False), state


def run_of(encoding, *pieces, **changes):
    vocabulary = Vocabulary.build(pieces)
    model = Frequencies(len(vocabulary))
    for name, value in changes.items():
        setattr(model, name, value)
    about = types.SimpleNamespace(model=types.SimpleNamespace(name="counted"))
    return types.SimpleNamespace(model=model, vocabulary=vocabulary, encoding=encoding, config=about)


def shares(encoding, score):
    """The values of a score, and the nats of its tokens."""
    tokens = encoding.encode(score)
    run = run_of(encoding, tokens)
    known, values = evaluation.surprise(run, score)
    decoded = encoding.decode(tokens)
    for name in ("onset", "duration", "pitch", "part"):
        np.testing.assert_array_equal(getattr(known, name), getattr(decoded, name))
    return values, [float(run.model.nats[i]) for i in run.vocabulary.to_ids(tokens)]


@pytest.mark.filterwarnings("ignore:Performance.*moved by octaves")
@pytest.mark.parametrize("name", [name for name, encoding in ENCODINGS.items() if encoding.bands is None])
@given(score=scores(longest=8.0, max_notes=6))
@settings(max_examples=15)
def test_the_notes_add_up_to_the_piece_but_for_what_follows_the_last_note(name, score):
    encoding = ENCODINGS[name]()
    if not len(encoding.decode(encoding.encode(score))):
        return
    values, nats = shares(encoding, score)
    assert np.all(values > 0)  # every note begins with a token
    tokens, left = encoding.encode(score), 0.0
    if name in ("Chorale", "Phrases"):  # the only ones that write rests after the last note begins
        begun = next(i for i in range(len(tokens) + 1) if len(encoding.decode(tokens[:i])) == len(values))
        left = sum(n for token, n in zip(tokens[begun:], nats[begun:]) if token == "R" or "/" in token)
    np.testing.assert_allclose(values.sum() + left, sum(nats), rtol=1e-5)


def test_each_token_counts_for_the_note_that_it_announces_or_completes():
    two = Score.from_notes([(0, 1, 60, 63), (2, 1, 64, 63), (2, 1, 67, 31)])
    values, n = shares(NoteEvents(), two)  # time, duration, pitch and velocity of each
    np.testing.assert_allclose(values, [sum(n[0:4]), sum(n[4:8]), sum(n[8:12])], rtol=1e-5)
    values, n = shares(NoteChord(), two)  # C4, rest, chord
    np.testing.assert_allclose(values, [n[0], (n[1] + n[2]) / 2, (n[1] + n[2]) / 2], rtol=1e-5)
    values, n = shares(Frames(fps=2), two)  # 60, silence, 60 and 64
    np.testing.assert_allclose(values, [n[0], (n[1] + n[2]) / 2, (n[1] + n[2]) / 2], rtol=1e-5)
    values, n = shares(Performance(), two)
    # v on shift off | shift on:E4 | v on:G4 | shift (both sound), off off
    first, second, third = sum(n[0:4]), n[4] + n[5], n[6] + n[7]
    np.testing.assert_allclose(values, [first, second + n[8] / 2 + n[9], third + n[8] / 2 + n[10]], rtol=1e-5)
    held = Score.from_notes([(0, 0.5, 72, 80, 0), (0, 0.25, 48, 80, 3)], part_names=tuple("SATB"))
    values, n = shares(Chorale(holds=True), held)  # S B A T of two steps; the last rests belong to no note
    np.testing.assert_allclose(values, [n[0] + n[4], n[1]], rtol=1e-5)


def test_equal_notes_share(song):
    twice = Score.from_notes([(0, 1, 60), (0, 1, 60), (1, 1, 62)])
    values, n = shares(NoteEvents(), twice)
    assert values[0] == values[1]
    np.testing.assert_allclose(values.sum(), sum(n), rtol=1e-5)


@pytest.fixture(scope="module")
def bach():
    return training.load_run(config.find_run("bach_lstm", "bach_lstm"))


@pytest.fixture(scope="module")
def chorale():
    return corpus.load("bach", limit=6, progress=False).scores[4]  # all of its tokens are in the run's vocabulary


def test_a_wrong_note_in_a_chorale_is_a_surprise_to_a_trained_run(bach, chorale):
    known, before = evaluation.surprise(bach, chorale)
    more = []
    for place in range(4, len(known), 41):
        wrong = known.replace(pitch=known.pitch + (np.arange(len(known)) == place))  # a semitone too high
        if set(bach.encoding.encode(wrong)) <= set(bach.vocabulary.tokens):
            heard, after = evaluation.surprise(bach, wrong)
            at = known.onset[place]
            more.append(after[heard.onset == at].sum() - before[known.onset == at].sum())
            np.testing.assert_allclose(after[heard.onset < at], before[known.onset < at], atol=1e-4)  # no look ahead
    assert len(more) > 5 and np.mean(np.array(more) > 0) > 0.8 and np.mean(more) > 2


def test_the_sum_is_that_of_the_likelihood(bach, chorale):
    ids = from_start_to_end(bach.vocabulary.to_ids(bach.encoding.encode(chorale)))
    total = evaluation.nats_per_token(bach, Pieces.from_lists([ids])) * (len(ids) - 1)
    _, values = evaluation.surprise(bach, chorale)
    end = evaluation.likelihood.nats_of_tokens(bach, ids)[-1]
    assert values.sum() + end == pytest.approx(total, rel=1e-5)


def test_what_repeats_surprises_less(song):
    class Counts(Frequencies):
        """A network that counts what it has seen of this piece."""

        def __call__(self, ids, training):
            return np.log(0.1 + np.cumsum(np.eye(len(self.logits), dtype=np.float32)[ids], axis=1))

    again = song.then(song, 6).then(song, 12)
    run = run_of(NoteChord(), NoteChord().encode(again))
    run.model = Counts(len(run.vocabulary))
    _, values = evaluation.surprise(run, again)
    first, second, third = (values[i * len(song) : (i + 1) * len(song)].sum() for i in range(3))
    assert first > second > third


@pytest.mark.parametrize("changes", [{"conditional": True}, {"latent_size": 8}, {"has_likelihood": False}])
def test_a_network_without_likelihoods_of_notes_is_refused(changes):
    run = run_of(NoteChord(), ["C4:1"], **changes)
    with pytest.raises(ValueError, match="a counted gives no likelihood.*stacked_lstm"):
        evaluation.surprise(run, Score.from_notes([(0, 1, 60)]))


def test_a_score_that_the_run_cannot_read_is_refused():
    run = run_of(NoteChord(), ["C4:1"])
    with pytest.raises(ValueError, match="1 of the score's 2 tokens.*'D4:1'; transpose"):
        evaluation.surprise(run, Score.from_notes([(0, 1, 60), (1, 1, 62)]))
    with pytest.raises(ValueError, match="no notes"):
        evaluation.surprise(run, Score.from_notes([]))
