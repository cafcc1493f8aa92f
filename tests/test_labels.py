"""Labels of a corpus: they stay with their pieces, become tokens, and never reach the music."""

import pytest

from musiclib import config, corpus, dataset, sampling, training
from musiclib.corpus import Corpus
from musiclib.dataset import Pieces
from musiclib.encodings import NoteEvents, Phrases
from musiclib.encodings.vocabulary import Vocabulary
from musiclib.score import Score


def melody(first, count=16):
    """A tune of quarter notes in 4/4, with its own intervals."""
    return Score.from_notes(
        [(i, 1, 60 + (first * i * (i + first)) % 12) for i in range(count)], time_signatures=((0, 4, 4),)
    )


def labelled(count=6):
    low = Corpus(tuple(f"low {i}" for i in range(count)), tuple(melody(i + 1) for i in range(count)))
    high = Corpus(tuple(f"high {i}" for i in range(count)), tuple(melody(i + 1).transpose(24) for i in range(count)))
    return corpus.join([low.labelled("low"), high.labelled("high")])


def test_labels_stay_with_their_pieces(tmp_path):
    pieces = labelled()
    assert pieces.labels == ("low",) * 6 + ("high",) * 6
    assert pieces.take([7, 0]).labels == ("high", "low")
    both = pieces.transposed([0, 2])
    assert [name.split()[0] for name in both.names] == list(both.labels) and len(both) == 24
    assert Corpus.load(pieces.save(tmp_path / "c.npz")) == pieces
    split = corpus.split(pieces, 0.2, 0.2)
    for part in (split.train, split.validation, split.test):
        assert [name.split()[0] for name in part.names] == list(part.labels)
    assert corpus.join([pieces, Corpus(("x",), (melody(3),))]).labels == ()


def test_a_mapping_loads_a_labelled_corpus(tmp_path):
    from musiclib import writers

    for style in ("one", "other"):
        for i in range(3):
            (tmp_path / style).mkdir(exist_ok=True)
            writers.write_midi(melody(i + 1), tmp_path / style / f"{i}.mid")
    pieces = corpus.load({"A": tmp_path / "one", "B": [tmp_path / "other"]}, limit=2, progress=False)
    assert pieces.labels == ("A", "A", "B", "B")


def test_one_file_of_a_collection_is_a_source():
    songs = corpus.load("essenFolksong/test0", progress=False)
    assert len(songs) == 16 and all(name.startswith("essenFolksong/test0#") for name in songs.names)
    with pytest.raises(FileNotFoundError, match="no corpus 'essenFolksong/none'"):
        corpus.load("essenFolksong/none")


def test_every_example_begins_with_its_label_and_the_music_has_none():
    split = corpus.split(labelled(), 0.2, 0.2)
    data = dataset.prepare(split, Phrases(), minimum_count=1)
    assert data.vocabulary.labels == ("high", "low")
    tokens = [data.vocabulary.tokens[piece[1]] for piece in data.train]
    assert sorted(set(tokens)) == ["label:high", "label:low"]
    assert data.vocabulary.to_tokens(data.train[0])[0] == "4/4"
    bare = data.unlabelled()
    assert [len(piece) for piece in bare.test] == [len(piece) - 1 for piece in data.test]
    assert all(data.vocabulary.tokens[piece[1]] == "4/4" for piece in bare.train)


def test_a_label_is_what_any_network_can_continue(tmp_path):
    split = corpus.split(labelled(), 0.2, 0.2)
    data = dataset.prepare(split, NoteEvents(velocities=1), minimum_count=1)
    settings = config.Config("t", config.ModelConfig("stacked_lstm", {"units": [8]})).replace(epochs=1, window=16)
    training.train(data, settings, tmp_path / "run", progress=False)
    run = training.load_run(tmp_path / "run")
    (piece,) = sampling.generate(run, 1, 8, primer="label:low", seed=0)
    assert isinstance(piece, Score)


def test_a_network_without_labels_refuses_them():
    split = corpus.split(labelled(), 0.2, 0.2)
    data = dataset.prepare(split, Phrases(), minimum_count=1)
    with pytest.raises(ValueError, match="vae does not read labels, and the vocabulary has those of high, low; take a"):
        training.train(data, config.preset("quick", "vae"), progress=False)


def test_the_vocabulary_knows_labels_by_their_beginning():
    vocabulary = Vocabulary.build([["label:b", "C4"], ["label:a", "label"]])
    assert vocabulary.labels == ("a", "b")
    assert vocabulary.to_tokens(vocabulary.to_ids(["label:a", "C4", "label"])) == ["C4", "label"]
    assert isinstance(Pieces.from_lists([]), Pieces)
