"""Ids know the vocabulary that they were made with, and whatever takes ids refuses those of another."""

import dataclasses
import pickle

import numpy as np
import pytest

from musiclib import config, corpus, dataset, evaluation, models, sampling, training
from musiclib.dataset import PairedPieces, Pieces
from musiclib.dataset.pieces import from_start_to_end
from musiclib.encodings import Chorale, Ids, NoteChord, Phrases, Vocabulary
from musiclib.encodings.vocabulary import RESERVED
from musiclib.evaluation.likelihood import nats_of_tokens
from musiclib.score import Score
from musiclib.training import Run

REFUSED = "made with another vocabulary \\(fingerprint [0-9a-f]{16}, and here it is [0-9a-f]{16}\\); prepare the music"


def split(*steps):
    """Tunes of quarter notes that climb by these steps, another mixture of them for each split."""
    scores = [
        Score.from_notes([(i, 1, 60 + (i * s) % 12) for i in range(32)], time_signatures=((0, 4, 4),)) for s in steps
    ]
    part = corpus.Corpus(tuple(map(str, steps)), tuple(scores))
    return corpus.Split(part, part, part)


ONE, OTHER = split(1, 5), split(2, 3, 3)
DATA, ELSE = (dataset.prepare(music, NoteChord(), minimum_count=1) for music in (ONE, OTHER))


def prepared(encoding):
    return [dataset.prepare(music, encoding, minimum_count=1) for music in (ONE, OTHER)]


def run_of(name, data, **options):
    model = models.build_for(config.ModelConfig(name, options), data.vocabulary, data.encoding)
    return Run(model, data.vocabulary, data.encoding, config.Config("own", config.ModelConfig(name, options)), {}, {})


@pytest.fixture(scope="module")
def run():
    return run_of("stacked_lstm", DATA, units=[4], embedding_size=4)


def test_the_fingerprint_is_of_the_tokens():
    tokens = (*RESERVED, "C4:1", "D4:1")
    assert Vocabulary(tokens).fingerprint == Vocabulary(list(tokens)).fingerprint
    assert len({Vocabulary(t).fingerprint for t in (tokens, tokens[:-1], (*RESERVED, "D4:1", "C4:1"))}) == 3
    assert len(Vocabulary(tokens).fingerprint) == 16 and set(Vocabulary(tokens).fingerprint) <= set("0123456789abcdef")


def carried(data):
    """What hands out ids of a dataset."""
    piece, vocabulary = data.test[0], data.vocabulary
    return {
        "a piece": piece,
        "the first piece of a loop": next(iter(data.test)),
        "a slice": piece[3:7],
        "chosen ids": piece[piece > 5],
        "a copy": piece.copy(),
        "a whole piece": from_start_to_end(piece[1:-1]),
        "encoded tokens": vocabulary.to_ids(list(vocabulary.tokens[4:7])),
        "a random window": sampling.random_window(data.test, 8, seed=0),
        "random notes": sampling.random_notes(vocabulary, 8, seed=0),
        "an n-gram's": evaluation.NGram(data.train, len(vocabulary), 2).generate(1, 9, seed=0)[0],
        "pickled": pickle.loads(pickle.dumps(piece)),
    }


@pytest.mark.parametrize("what", list(carried(DATA)))
def test_ids_carry_the_fingerprint_of_their_vocabulary(what):
    ids = carried(DATA)[what]
    assert isinstance(ids, Ids) and ids.vocabulary == DATA.vocabulary.fingerprint


def test_what_is_calculated_from_ids_is_a_plain_array_or_number():
    ids = DATA.test[0]
    for value in (ids + 1, ids == 3, np.concatenate([ids, [4]]), np.asarray(ids), np.where(ids > 3, ids, 0)):
        assert type(value) is np.ndarray
    assert isinstance(ids[0], np.int32) and isinstance(ids.max(), np.int32) and isinstance(ids.sum(), np.integer)
    assert type(Pieces.from_lists([[4, 5]])[0]) is np.ndarray  # of no known vocabulary
    assert type(DATA.test.ids) is np.ndarray  # what windows and batches are cut from


def test_pieces_keep_the_vocabulary_of_the_ids_that_they_are_made_of():
    assert DATA.train.vocabulary == DATA.vocabulary.fingerprint
    assert Pieces.from_lists(DATA.test[i][:5] for i in range(2)).vocabulary == DATA.vocabulary.fingerprint
    assert Pieces.from_lists([[4, 5], DATA.test[0]]).vocabulary == DATA.vocabulary.fingerprint
    assert Pieces.from_lists([[4, 5]]).vocabulary is None
    with pytest.raises(ValueError, match=f"^the ids of piece 1 were {REFUSED}"):
        Pieces.from_lists([DATA.test[0], ELSE.test[0]])
    with pytest.raises(ValueError, match=f"^the targets were {REFUSED}"):
        PairedPieces(DATA.train, ELSE.train, np.arange(len(DATA.train)))


def test_a_dataset_has_one_vocabulary():
    with pytest.raises(ValueError, match=f"^the validation pieces were {REFUSED}"):
        dataclasses.replace(DATA, validation=ELSE.validation)
    with pytest.raises(ValueError, match=f"^the train pieces were {REFUSED}"):
        dataclasses.replace(DATA, vocabulary=ELSE.vocabulary)
    bare = Pieces(DATA.train.ids, DATA.train.offsets)
    assert dataclasses.replace(DATA, train=bare).train.vocabulary == DATA.vocabulary.fingerprint
    assert bare.vocabulary is None
    frames = Pieces(np.zeros((4, 3), np.float32), np.array([0, 4]))
    sound = dataset.Dataset(frames, frames, frames, Vocabulary(RESERVED), NoteChord(), {})
    assert sound.train.vocabulary is None and type(sound.train[0]) is np.ndarray


def test_a_saved_dataset_has_its_vocabulary_again(tmp_path):
    """The fingerprint is that of the saved vocabulary, so that folders of older versions have it too."""
    DATA.save(tmp_path / "data")
    loaded = dataset.Dataset.load(tmp_path / "data")
    assert loaded.fingerprint == DATA.fingerprint and loaded.test.vocabulary == DATA.vocabulary.fingerprint
    primer = loaded.test[0][2:9]
    assert isinstance(primer, Ids) and primer.vocabulary == DATA.vocabulary.fingerprint
    assert isinstance(loaded.test.ids, np.memmap) and np.shares_memory(primer, loaded.test.ids)
    assert sorted(path.name for path in (tmp_path / "data").iterdir() if "test" in path.name) == [
        "test.ids.npy",
        "test.offsets.npy",
    ]

    pairs, others = (dataset.prepare_pairs(music, NoteChord(), NoteChord(), minimum_count=1) for music in (ONE, OTHER))
    pairs.save(tmp_path / "pairs")
    loaded = dataset.Pairs.load(tmp_path / "pairs")
    assert loaded.test.vocabulary == pairs.vocabulary.fingerprint == loaded.hidden().test.sources.vocabulary
    assert isinstance(loaded.test.sources[0], Ids)
    with pytest.raises(ValueError, match=REFUSED):
        dataclasses.replace(pairs, test=others.test)


TAKE_IDS = {
    "nats_per_token": lambda run, data: evaluation.nats_per_token(run, data.test),
    "nats_of_tokens": lambda run, data: nats_of_tokens(run, data.test[0]),
    "a primer": lambda run, data: sampling.generate(run, length=4, primer=data.test[0][1:9], seed=0),
    "a random window": lambda run, data: sampling.generate(
        run, length=4, primer=sampling.random_window(data.test, 8, seed=0), seed=0
    ),
    "random notes": lambda run, data: sampling.generate(
        run, length=4, primer=sampling.random_notes(data.vocabulary, 8, seed=0), seed=0
    ),
    "generate_ids": lambda run, data: sampling.generate_ids(run, length=4, primer=data.test[0][1:9], seed=0),
    "a guard": lambda run, data: sampling.generate_ids(run, length=4, avoid_copying=sampling.Guard(data, 9), seed=0),
    "a guard of pieces": lambda run, data: sampling.generate_ids(
        run, length=4, avoid_copying=sampling.Guard(data.train, 9), seed=0
    ),
    "gaps": lambda run, data: evaluation.gaps.nats_in_gaps(
        run, data.test, [np.arange(len(piece)) == 3 for piece in data.test]
    ),
    "an n-gram": lambda run, data: evaluation.NGram(DATA.train, len(run.vocabulary), 2).nats_per_token(data.test),
    "the best n-gram": lambda run, data: evaluation.best_ngram(DATA.train, data.test, len(run.vocabulary), (1, 2)),
    "the share of seen sequences": lambda run, data: evaluation.seen_share([data.test[0][1:-1]], DATA.train, 3),
    "unseen phrases": lambda run, data: evaluation.latent.unseen(data.test, DATA.train),
    "the nearest phrases": lambda run, data: evaluation.latent.nearest(data.test, DATA.train, len(run.vocabulary)),
    "tokens": lambda run, data: run.vocabulary.to_tokens(data.test[0]),
}


@pytest.mark.parametrize("what", TAKE_IDS)
def test_ids_of_another_vocabulary_are_refused(run, what):
    TAKE_IDS[what](run, DATA)
    equal = dataset.prepare(ONE, NoteChord(), vocabulary=Vocabulary(DATA.vocabulary.tokens))
    TAKE_IDS[what](run, equal)
    with pytest.raises(ValueError, match=REFUSED):
        TAKE_IDS[what](run, ELSE)


def test_what_a_run_generates_is_not_taken_by_another(run):
    ids = sampling.generate_ids(run, 1, 6, seed=0)[0]
    assert ids.vocabulary == run.vocabulary.fingerprint
    sampling.generate_ids(run, 1, 6, primer=ids)
    with pytest.raises(ValueError, match=REFUSED):
        sampling.generate_ids(run_of("stacked_lstm", ELSE, units=[4], embedding_size=4), 1, 6, primer=ids)


def test_plain_ids_are_taken_as_they_are(run):
    for ids in ([4, 5, 6], np.array([4, 5, 6]), DATA.test[0][1:4].tolist()):
        assert len(sampling.generate_ids(run, length=3, primer=np.array(ids), seed=0)) == 1


def test_a_source_of_another_vocabulary_is_refused():
    pairs, others = (dataset.prepare_pairs(music, NoteChord(), NoteChord(), minimum_count=1) for music in (ONE, OTHER))
    run = dataclasses.replace(run_of("seq2seq", pairs, units=8, embedding_size=4, heads=2), source_encoding=NoteChord())
    for take in (
        lambda data: sampling.generate_ids(run, length=3, source=data.test.sources[0], seed=0),
        lambda data: evaluation.nats_per_token(run, data.test),
        lambda data: sampling.generate_ids(
            run, length=3, source=data.test.sources[0], avoid_copying=sampling.Guard(data)
        ),
    ):
        take(pairs)
        with pytest.raises(ValueError, match=REFUSED):
            take(others)


def test_phrases_of_another_vocabulary_are_refused():
    data, others = prepared(Phrases())
    run = run_of("vae", data, latent_size=5, encoder=[6], plan=[6, 4], units=4, attributes=[])
    for take in (evaluation.latent.reconstruction, evaluation.latent.bound, evaluation.nats_per_token):
        take(run, data.test)
        with pytest.raises(ValueError, match=REFUSED):
            take(run, others.test)


def test_a_network_that_fills_in_refuses_them_too():
    data, others = prepared(Chorale(True, "S"))
    run = run_of("gru_infill", data, units=4, reading=4, embedding_size=4)
    with pytest.raises(ValueError, match=REFUSED):
        evaluation.gaps.nats_in_gaps(run, others.test, evaluation.gaps.one_voice(others.test, 1))


def test_validation_pieces_of_another_vocabulary_never_reach_training():
    with pytest.raises(ValueError, match=REFUSED):
        training.train(dataclasses.replace(DATA, validation=ELSE.validation), config.preset("quick"), progress=False)
