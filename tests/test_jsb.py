"""JSB: the benchmark's file as it is, what is wrong with others, and which pieces are the same in another key."""

import json
import pathlib

import numpy as np
import pytest

from benchmarks import jsb_grid
from musiclib import corpus
from musiclib.corpus import download, jsb
from musiclib.encodings import Chorale
from musiclib.score import pitch_name
from musiclib.score.voices import from_grid

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data" / "jsb" / "Jsb16thSeparated.json"
needs_file = pytest.mark.skipif(not SHARED.is_file(), reason=f"the benchmark's file is not at {SHARED}")
PIECE = [[72, 67, 64, 48]] * 4 + [[74, 67, -1, 47]] * 2 + [[74, 65, 62, 47]] * 2


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture
def file(tmp_path):
    """A small file with every split."""
    pieces = [[[s + i, a, t, b] for s, a, t, b in PIECE] for i in range(6)]
    return write(tmp_path / "jsb.json", {"train": pieces[:3], "valid": pieces[3:4], "test": pieces[4:]})


def test_pieces_are_read_as_they_stand(file):
    splits = jsb.load(file)
    assert {split: list(pieces) for split, pieces in splits.items()} == {
        "train": ["train/000", "train/001", "train/002"], "valid": ["valid/000"], "test": ["test/000", "test/001"],
    }  # fmt: skip
    assert splits["train"]["train/000"].tolist() == PIECE


def test_tokens_are_those_of_chorale_and_the_score_has_its_notes():
    roll = np.array(PIECE)
    assert jsb_grid.tokens(roll)[:4] == ["C5", "C3", "G4", "E4"] and jsb_grid.tokens(roll)[16:20] == [
        "D5",
        "B2",
        "G4",
        "R",
    ]
    score = from_grid(roll)
    assert score.select("Soprano").duration.tolist() == [1, 1] and score.select("Tenor").onset.tolist() == [0, 1.5]
    assert Chorale().encode(score) == jsb_grid.tokens(roll)


def test_silence_at_the_end_is_counted_though_no_score_holds_it():
    assert jsb_grid.tokens(np.array([[72, 67, 64, 48], [-1] * 4])) == ["C5", "C3", "G4", "E4", "R", "R", "R", "R"]


def test_the_corpus_keeps_the_official_split(file):
    music = corpus.load("jsb", path=file)
    assert music.splits == ("train",) * 3 + ("validation",) + ("test",) * 2
    split = corpus.split(music)
    assert split.validation.names == ("valid/000",) and len(split.test) == 2
    assert corpus.load("jsb", path=file, limit=2, seed=1).names == corpus.load("jsb", path=file, limit=2, seed=1).names
    melody = corpus.load("jsb", path=file, part="Soprano").scores[0]
    assert melody.pitch.tolist() == [72, 74]


def test_a_corpus_without_a_test_split_has_no_test_pieces(file):
    write(file, {name: pieces for name, pieces in json.loads(file.read_text()).items() if name != "test"})
    split = corpus.split(corpus.load("jsb", path=file))
    assert (len(split.train), len(split.validation), len(split.test)) == (3, 1, 0)
    write(file, {"train": json.loads(file.read_text())["train"]})
    with pytest.raises(ValueError, match="of these 3 pieces none is official validation"):
        corpus.split(corpus.load("jsb", path=file))


def test_a_folder_is_no_file(file):
    with pytest.raises(FileNotFoundError, match="is a folder; give the file in it, Jsb16thSeparated.json"):
        jsb.load(file.parent)


def test_without_a_path_the_file_is_downloaded_once(file, tmp_path, monkeypatch, serve):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jsb, "URL", serve(file))
    assert len(corpus.load("jsb")) == 6
    file.unlink()
    assert len(corpus.load("jsb")) == 6


def test_a_download_without_a_known_checksum_is_whole_or_not_there(file, tmp_path, serve):
    target = download.fetch(serve(file), None, tmp_path / "new" / "file.json")
    assert target.read_bytes() == file.read_bytes()
    with pytest.raises(ConnectionError):
        download.fetch(serve(tmp_path / "nothing"), None, tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()


def test_a_path_is_for_this_corpus_alone(file, tmp_path):
    with pytest.raises(ValueError, match="path"):
        corpus.load("bach", path=file)


STEP = [60, 60, 60, 60]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("not JSON {", "is not JSON"),
        ([[STEP]], "train, valid and test"),
        ({}, "train, valid and test"),
        ({"train": [[STEP]], "validation": [[STEP]]}, "validation"),
        ({"train": []}, "train"),
        ({"valid": "text"}, "valid"),
        ({"train": [[STEP], []]}, "train/001"),
        ({"train": [[STEP, [60, 60, 60]]]}, r"train/000: step 1 is \[60, 60, 60\]"),
        ({"train": [[STEP, 60]]}, "train/000: step 1 is 60"),
        ({"train": [[STEP, [60, 60, 60, 128]]]}, "train/000: step 1 holds 128"),
        ({"train": [[STEP, [60, 60, 60, -2]]]}, "holds -2"),
        ({"train": [[STEP, [60, 60, 60, 60.5]]]}, "holds 60.5"),
        ({"train": [[STEP, [60, 60, 60, None]]]}, "holds None"),
        ({"train": [[STEP, [60, 60, 60, True]]]}, "holds True"),
        ('{"train": [[[60, 60, 60, NaN]]]}', "holds nan"),
    ],
)
def test_another_form_is_named(content, named, tmp_path):
    path = write(tmp_path / "jsb.json", content)
    with pytest.raises(ValueError, match=named) as error:
        jsb.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.json"):
        jsb.load(tmp_path / "nothing.json")


def sixteenths(pieces=8, quarters=100):
    """Music whose voices move on quarters, mostly on eighths too, and now and then on an odd sixteenth."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(pieces):
        moves = rng.random(quarters * 4) < np.tile([0.9, 0.03, 0.5, 0.03], quarters)
        made.append((60 + np.cumsum(moves) % 12)[:, None] - [0, 3, 7, 12])
    return made


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda roll: roll, None),
        (lambda roll: roll[::2], "coarser"),
        (lambda roll: roll[::4], "coarser"),
        (lambda roll: np.repeat(roll, 2, axis=0), "finer"),
    ],
    ids=["sixteenths", "eighths", "quarters", "thirty-seconds"],
)
def test_another_grid_is_recognised(change, named, tmp_path):
    pieces = [change(roll) for roll in sixteenths(pieces=24)]
    path = write(tmp_path / "jsb.json", {"train": [piece.tolist() for piece in pieces]})
    if named is None:
        jsb.load(path)
    else:
        with pytest.raises(ValueError, match=f"{named} grid than sixteenths"):
            jsb.load(path)


def test_transposition_leaves_silence_and_knows_the_ranges():
    roll = np.array(PIECE)
    moved = jsb_grid.transposed(roll, -2)
    assert moved[0].tolist() == [70, 65, 62, 46] and moved[4].tolist() == [72, 65, -1, 45]
    ranges = jsb_grid.voice_ranges([roll, moved])
    assert ranges == [(70, 74), (63, 67), (60, 64), (45, 48)]
    assert jsb_grid.inside(moved, ranges).all()
    assert jsb_grid.inside(jsb_grid.transposed(roll, 1), ranges)[4].tolist() == [False, False, True, True]
    assert jsb_grid.voice_ranges([np.full((3, 4), -1)]) == [(0, 127)] * 4


def test_a_copy_is_found_in_any_key_and_its_likeness_is_none():
    rolls = sixteenths(3)
    others = {"a": rolls[0], "b": rolls[1]}
    longer = np.concatenate([jsb_grid.transposed(rolls[1], 5), rolls[2]])
    assert jsb_grid.copies({"x": jsb_grid.transposed(rolls[1], -7), "y": rolls[2], "z": rolls[0][:-1]}, others) == [
        ("x", "b")
    ]
    assert jsb_grid.shared(rolls[1], {"longer": longer}) == 1.0
    assert 0.4 < jsb_grid.shared(longer, others) < 0.5
    assert jsb_grid.shared(rolls[2], others) == 0.0


@needs_file
def test_the_benchmarks_file_comes_back_value_for_value():
    content, splits = json.loads(SHARED.read_text()), jsb.load(SHARED)
    music = corpus.load("jsb", path=SHARED)
    scores = dict(zip(music.names, music.scores, strict=True))
    assert len(scores) == sum(len(content[name]) for name in content)
    for name, pieces in content.items():
        for piece, (title, roll) in zip(pieces, splits[name].items(), strict=True):
            assert roll.tolist() == piece
            names = [
                "R" if pitch == -1 else pitch_name(pitch) for step in piece for pitch in (step[0], step[3], *step[1:3])
            ]
            assert Chorale().encode(scores[title]) == names
            held = Chorale(holds=True).encode(scores[title])
            assert Chorale(holds=True).encode(Chorale(holds=True).decode(held)) == held


@needs_file
@pytest.mark.parametrize("every", [2, 4])
def test_the_benchmarks_file_on_another_grid_is_refused(every, tmp_path):
    valid = json.loads(SHARED.read_text())["valid"]
    path = write(tmp_path / "jsb.json", {"valid": [piece[::every] for piece in valid]})
    with pytest.raises(ValueError, match="coarser"):
        jsb.load(path)
