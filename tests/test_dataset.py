"""Dataset: start and end of each piece, a vocabulary of training alone, and a folder that comes back whole."""

import warnings

import numpy as np
import pytest

from musiclib import dataset
from musiclib.corpus import Corpus, Split
from musiclib.dataset import Dataset
from musiclib.encodings import Frames, NoteChord
from musiclib.encodings.vocabulary import END, RESERVED, START, UNKNOWN, Vocabulary
from musiclib.score import Score


def pieces(*lines):
    scores = tuple(Score.from_notes([(i, 1, pitch) for i, pitch in enumerate(line)]) for line in lines)
    return Corpus(tuple(f"piece {i}" for i in range(len(lines))), scores)


@pytest.fixture
def split():
    return Split(pieces([60, 62, 60, 60], [62, 64]), pieces([60, 67, 62]), pieces([60]))


@pytest.fixture
def prepared(split):
    return dataset.prepare(split, NoteChord(), minimum_count=1)


def ids(part):
    return [piece.tolist() for piece in part]


def test_pieces_run_from_start_to_end(prepared):
    assert prepared.vocabulary.tokens == (*RESERVED, "C4:1", "D4:1", "E4:1")
    assert ids(prepared.train) == [[START, 4, 5, 4, 4, END], [START, 5, 6, END]]
    assert ids(prepared.test) == [[START, 4, END]]
    assert prepared.train.ids.dtype == np.int32


def test_what_training_never_met_is_unknown(prepared):
    """The vocabulary is collected from the training pieces alone: G4 stands only in validation."""
    assert "G4:1" not in prepared.vocabulary
    assert ids(prepared.validation) == [[START, 4, UNKNOWN, 5, END]]


def test_rare_tokens_are_unknown_in_training_too(split):
    made = dataset.prepare(split, NoteChord(), minimum_count=2)
    assert made.vocabulary.tokens[4:] == ("C4:1", "D4:1")
    assert ids(made.train)[1] == [START, 5, UNKNOWN, END]


def test_a_given_vocabulary_is_taken_whole(split):
    given = Vocabulary([*RESERVED, "B9:7", "D4:1", "C4:1"])
    made = dataset.prepare(split, NoteChord(), minimum_count=99, vocabulary=given)
    assert made.vocabulary == given
    assert ids(made.train) == [[START, 6, 5, 6, 6, END], [START, 5, UNKNOWN, END]]
    assert ids(made.validation) == [[START, 6, UNKNOWN, 5, END]]


def test_training_alone_is_transposed(split):
    made = dataset.prepare(split, NoteChord(), transpositions=range(-1, 2), minimum_count=1)
    assert (len(made.train), len(made.validation), len(made.test)) == (6, 1, 1)
    tokens = [made.vocabulary.to_tokens(piece) for piece in made.train]
    assert tokens[:3] == [[t + ":1" for t in line.split()] for line in
                          ("B3 C#4 B3 B3", "C4 D4 C4 C4", "C#4 D#4 C#4 C#4")]  # fmt: skip
    assert made.vocabulary.to_tokens(made.test[0]) == ["C4:1"]


def test_transpositions_may_be_any_iterable(split):
    made = dataset.prepare(split, NoteChord(), transpositions=iter((0, 1)))
    assert len(made.train) == 4 and made.about["transpositions"] == [0, 1]


def test_the_record_says_how_it_was_made(split):
    made = dataset.prepare(split, NoteChord(), (0, 2), 3)
    assert made.about["transpositions"] == [0, 2] and made.about["minimum_count"] == 3
    assert made.about["train_names"] == ["piece 0", "piece 1"]
    assert made.about["validation_names"] == made.about["test_names"] == ["piece 0"]


def test_a_saved_dataset_comes_back_whole(prepared, tmp_path):
    folder = prepared.save(tmp_path / "new" / "data")
    again = Dataset.load(folder)
    assert isinstance(again.train.ids, np.memmap)
    for part in ("train", "validation", "test"):
        assert ids(getattr(again, part)) == ids(getattr(prepared, part))
    assert (again.vocabulary, again.encoding, again.about) == (prepared.vocabulary, prepared.encoding, prepared.about)
    assert again.fingerprint == prepared.fingerprint
    assert not [path for path in folder.iterdir() if "partial" in path.name]
    again.save(folder)  # in its own place
    assert Dataset.load(folder).fingerprint == prepared.fingerprint


def test_a_dataset_without_held_out_pieces_is_saved_too(tmp_path):
    made = dataset.prepare(Split(pieces([60, 60]), pieces(), pieces()), NoteChord())
    again = Dataset.load(made.save(tmp_path))
    assert len(again.validation) == len(again.test) == 0 and again.fingerprint == made.fingerprint


def test_the_fingerprint_tells_other_data_apart(split, prepared):
    others = [
        dataset.prepare(split, NoteChord(step=1.0), minimum_count=1),
        dataset.prepare(split, NoteChord(), (0, 1), 1),
        dataset.prepare(split, NoteChord(), minimum_count=2),
        dataset.prepare(split, Frames(), minimum_count=1),
        dataset.prepare(Split(split.train, split.test, split.validation), NoteChord(), minimum_count=1),
    ]
    prints = {made.fingerprint for made in [prepared, *others]}
    assert len(prints) == 6 and all(len(text) == 16 for text in prints)
    assert dataset.prepare(split, NoteChord(), minimum_count=1).fingerprint == prepared.fingerprint


def test_a_folder_without_a_whole_dataset_is_named(prepared, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        Dataset.load(tmp_path / "nothing")
    prepared.save(tmp_path / "half")
    (tmp_path / "half" / "dataset.json").unlink()  # as an interrupted save leaves it
    with pytest.raises(FileNotFoundError, match="half"):
        Dataset.load(tmp_path / "half")


def test_music_without_a_frequent_token_is_refused(split):
    with pytest.raises(ValueError, match="50"):
        dataset.prepare(split, NoteChord(), minimum_count=50)


@pytest.fixture
def large():
    """220 held-out tokens, of which twelve were never met in training."""
    line = [60 + i % 12 for i in range(110)]
    return Split(pieces(line, line), pieces(line[:-6] + [90] * 6), pieces(line[:-6] + [91] * 5 + [90]))


def test_prepare_warns_of_unknown_tokens_with_the_commonest_and_the_remedy(large):
    said = "5.5 % of the held-out tokens are <unknown>, most often 'F#6:1' .{} times.*encodings.advise"
    with pytest.warns(dataset.UnknownTokens, match=said.format(7)) as messages:
        made = dataset.prepare(large, NoteChord())
    assert messages[0].filename == __file__
    assert made.unknown_share == 12 / 220
    assert repr(made).endswith("16 tokens, 5.5 % of the held-out tokens unknown)")
    with pytest.warns(dataset.UnknownTokens, match=said.format(14)) as messages:
        pairs = dataset.prepare_pairs(large, NoteChord(), NoteChord())
    assert messages[0].filename == __file__
    assert repr(pairs).endswith("16 tokens, 5.5 % of the held-out tokens unknown)")
    with pytest.warns(dataset.UnknownTokens, match="100 %"):
        dataset.prepare(large, NoteChord(), vocabulary=Vocabulary([*RESERVED, "C9:1"]))


@pytest.mark.parametrize("unknown", [0, 4])
def test_prepare_is_silent_up_to_two_percent(large, unknown):
    line = large.train.scores[0].pitch.tolist()
    split = Split(large.train, pieces(line), pieces(line[: 110 - unknown] + [91] * unknown))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = dataset.prepare(split, NoteChord())
        dataset.prepare_pairs(split, NoteChord(), NoteChord())
    assert made.unknown_share == unknown / 220


def test_a_few_held_out_tokens_warn_only_where_most_are_unknown(split):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dataset.prepare(split, NoteChord(), minimum_count=1).unknown_share == 0.25
    with pytest.warns(dataset.UnknownTokens, match="'G4:1'|'D4:1'|'C4:1'"):
        dataset.prepare(split, NoteChord(), vocabulary=Vocabulary([*RESERVED, "C9:1"]))


def test_without_held_out_tokens_there_is_no_share(split):
    made = dataset.prepare(Split(split.train, pieces(), pieces([])), NoteChord(), minimum_count=1)
    assert made.unknown_share is None and repr(made).endswith(
        "0 ids in 0 validation pieces, 2 ids in 1 test pieces, 7 tokens)"
    )


def test_tokens_that_are_all_rare_are_refused_with_the_remedy():
    alone = Split(pieces([60, 61, 62]), pieces([60]), pieces([60]))
    with pytest.raises(
        ValueError, match="no token occurs at least 2 times.*another encoding or grid by encodings.advise"
    ):
        dataset.prepare(alone, NoteChord())
