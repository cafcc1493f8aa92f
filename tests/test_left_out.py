"""What is left out of a corpus is said once, also from the cache, and parts are loaded by name."""

import json
import warnings

import numpy as np
import pytest
from midi_by_hand import midi_bytes, name_event, note_events

from musiclib import corpus, readers
from musiclib.corpus import Corpus, maestro
from musiclib.corpus.left_out import described
from musiclib.readers import LostNotes, midi_file
from musiclib.readers.parsed import ParsedScore
from musiclib.score import Score

DOWN, UP = (0, [0xB0, 64, 127]), (480, [0xB0, 64, 0])
ENDLESS = (0, [0x90, 90, 64])
TUNES = "X:1\nT:One\nL:1/4\nK:C\nC{d}E|\n\nX:2\nT:Two\nL:1/4\nK:C\nC{de}E{d}C|\n\nX:3\nT:Three\nL:1/4\nK:C\nC|\n"


quietly = pytest.mark.filterwarnings("ignore::musiclib.readers.LostNotes")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two songs with drums, one of them with a pedal and a note that never ends, and a tune book with grace notes."""
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))
    path = tmp_path / "music"
    path.mkdir()
    drums = [event for _ in range(4) for event in note_events(38, channel=9)]
    names = "Melody", "PIANO", "Bass"
    tracks = [[name_event(name), *note_events(60 + i, channel=i)] for i, name in enumerate(names)]
    (path / "a.mid").write_bytes(midi_bytes(*tracks, drums))
    (path / "b.mid").write_bytes(midi_bytes([name_event("melody"), DOWN, *note_events(70), UP, ENDLESS], drums))
    (path / "tunes.abc").write_text(TUNES)
    return path


def printed(capsys, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is printed is not warned of, too
        read = corpus.load(*args, **options)
    return read, [line for line in capsys.readouterr().out.splitlines() if "left out" in line]


SAID = (
    "left out: 8 percussion notes in 2 pieces (percussion=True keeps them); the pedal of 1 piece"
    " (pedal=True extends its notes); 1 note that never ends in 1 piece; 4 grace notes in 2 pieces"
    " (grace_notes=True keeps them)"
)


@pytest.mark.parametrize("cache", [True, False])
def test_what_was_left_out_is_said_once_and_again_from_the_cache(folder, capsys, cache):
    for _ in range(2):
        read, lines = printed(capsys, folder, cache=cache)
        assert lines == [SAID]
        assert [dict(kinds) for kinds in read.left_out] == [
            {"percussion notes": 4}, {"percussion notes": 4, "pedal events": 2, "notes that never end": 1},
            {"grace notes": 1}, {"grace notes": 3}, {},
        ]  # fmt: skip
    assert "left out: 8 percussion notes in 2 pieces; the pedal of 1 piece;" in repr(read)


@quietly
def test_what_is_kept_is_not_said_to_be_left_out(folder, capsys):
    read, lines = printed(capsys, folder, percussion=True, pedal=True, grace_notes=True)
    assert lines == ["left out: 1 note that never ends in 1 piece"]
    assert [len(score) for score in read.scores] == [7, 5, 3, 6, 1]
    pedalled = read.scores[1].pitched()
    assert (pedalled.duration.tolist(), read.scores[1].duration.max()) == ([2], 2)
    assert [len(score) for score in corpus.load(folder, progress=False).scores] == [3, 1, 2, 3, 1]  # another cache key


def test_without_progress_damage_is_warned_of(folder, capsys):
    with pytest.warns(
        LostNotes, match="notes were left out of 1 of 3 files: .*b.mid: left out 1 note that never ends"
    ) as caught:
        read = corpus.load(folder, progress=False)
    assert len(caught) == 1 and capsys.readouterr().out == "" and len(read.left_out) == 5


def test_a_corpus_remembers_what_was_left_out_of_each_piece(folder, tmp_path):
    with pytest.warns(LostNotes):
        read = corpus.load(folder, progress=False)
    again = Corpus.load(read.save(tmp_path / "saved.npz"))
    assert again.left_out == read.left_out and repr(again) == repr(read)
    assert read.take([4]).left_out == () and read.take([1, 4]).left_out == (read.left_out[1], {})
    assert read.take([0]).transposed((0, 1)).left_out == (read.left_out[0],) * 2
    plain = Corpus(("x",), (Score.from_notes([(0, 1, 60)]),))
    assert corpus.join([plain, read.take([0])]).left_out == ({}, read.left_out[0])
    assert corpus.join([plain, plain]).left_out == () and read.labelled("mine").left_out == read.left_out


def test_a_corpus_saved_before_is_loaded(tmp_path):
    pieces = Corpus(("x",), (Score.from_notes([(0, 1, 60)]),))
    path = pieces.save(tmp_path / "old.npz")
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    del about["left_out"]
    np.savez(path, **{**arrays, "about": np.array(json.dumps(about))})
    assert Corpus.load(path).left_out == ()


def test_several_of_a_kind_in_words():
    assert described([]) == described([{}]) == ""
    assert described([{"percussion notes": 1200}, {}, {"percussion notes": 1}], remedies=False) == (
        "1,201 percussion notes in 2 pieces"
    )


@quietly
def test_performances_of_maestro_have_their_pedal(folder, monkeypatch, capsys):
    files = [("piece", str(folder / "b.mid"), "train")]
    monkeypatch.setattr(maestro, "files", lambda: files)
    assert corpus.load("maestro").scores[0].duration.tolist() == [2]
    assert "while the pedal is down (pedal=False" in capsys.readouterr().out
    assert corpus.load(["maestro"], pedal=False).scores[0].duration.tolist() == [1]
    assert "while the pedal is down" not in capsys.readouterr().out


@quietly
def test_parts_are_loaded_by_name_in_the_order_given(folder):
    read = corpus.load(folder, parts=["piano", "MELODY"], progress=False, reader="symusic")
    assert read.names == ("a",) and read.scores[0].part_names == ("PIANO", "Melody")
    assert read.scores[0].pitch.tolist() == [61, 60] and read.scores[0].part.tolist() == [0, 1]
    reasons = dict(read.skipped)
    assert "no part 'piano' in this score; its parts are: 0 'melody'" in reasons[str(folder / "b.mid")]
    both = corpus.load(folder, part="MELODY", progress=False, reader="symusic")
    assert both.names == ("a", "b") and corpus.load(folder, parts=[0], progress=False).names[:2] == ("a", "b")
    assert readers.read_score(folder / "a.mid", parts=["bass", 0]).part_names == ("Bass", "Melody")


PARTS = Score.from_notes([(0, 1, 60 + i, 80, i) for i in range(4)], part_names=("Piano", "piano", "Piano 2", "Flute"))


def test_a_part_is_found_by_its_name_or_else_in_any_case():
    assert [PARTS.select(name).pitch.tolist() for name in ("Piano", "piano", "PIANO 2", "flute", 3)] == [
        [60], [61], [62], [63], [63],
    ]  # fmt: skip
    assert PARTS.select((3, "piano")).pitch.tolist() == [63, 61]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "no part is named"),
        ("PIANO", "several parts are named 'PIANO' but for upper and lower case: 0 'Piano', 1 'piano'"),
        (["Flute", "flute"], "'flute' is named twice"),
        (["Tuba"], "no part 'Tuba' in this score; its parts are: 0 'Piano'"),
        ([4], "no part 4"), ([-1], "no part -1"), (1.5, "no part 1.5"), (None, "no part None"),
    ],
)  # fmt: skip
def test_parts_that_are_not_there_are_refused(parts, message):
    with pytest.raises(ValueError, match=message) as caught:
        PARTS.select(parts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": []}, "parts is an empty list"),
        ({"parts": "MELODY"}, r"write parts=\['MELODY'\]"),
        ({"parts": 3}, r"write parts=\[3\]"),
        ({"parts": ["Melody"], "part": "Bass"}, "give part or parts, not both"),
    ],
)
def test_wrong_parts_are_refused_before_anything_is_read(folder, options, message):
    for load in (corpus.load, readers.read_score):
        with pytest.raises(ValueError, match=message) as caught:
            load(folder / "a.mid", **options)
        assert "\n" not in str(caught.value)


def test_a_pedal_that_is_never_down_is_not_left_out():
    parsed = ParsedScore()
    midi_file.add_pedals(parsed, {0: [(0, 0), (480, 0)]}, 480)
    assert (parsed.pedal_events, parsed.pedals) == (0, [])
    midi_file.add_pedals(parsed, {0: [(0, 127), (480, 0)]}, 480)
    assert (parsed.pedal_events, parsed.pedals) == (2, [(0, 1)])
