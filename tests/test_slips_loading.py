"""Slips in loading: reasons in a few lines, lists of paths, and files that hold no notes."""

import pytest

from musiclib import corpus, readers
from musiclib.corpus import parallel, reasons
from musiclib.score import Score


@pytest.fixture
def many(tmp_path, write_midi):
    """Files whose parts have 30 different names."""
    for i in range(30):
        write_midi(tmp_path / "many" / f"{i:02}.mid", [60 + i], name=f"Voice {i}")
    return tmp_path / "many"


def test_the_reasons_of_many_files_are_at_most_ten_lines(many):
    with pytest.raises(ValueError) as error:
        corpus.load(many, part="Melody", progress=False)
    message = str(error.value)
    assert message.startswith(f"none of the 30 files in {many} could be read")
    assert len(message.splitlines()) == 2 and len(message) < 600
    assert "30 files (such as 00.mid, 01.mid" in message and "no part 'Melody'" in message and "Voice 0" in message


def test_the_most_frequent_reasons_come_first_and_the_rest_is_counted():
    skipped = [(f"{i}.mid", f"cannot read {i}.mid: reason {'abcdefghijklmno'[i % 15]}") for i in range(60)]
    skipped += [("x.abc#3", "cannot read x.abc: reason z"), ("y.abc", "reason z")] * 3
    lines = reasons.grouped(skipped).splitlines()
    assert len(lines) == 9
    assert lines[0] == "  6 files (such as x.abc#3, y.abc, x.abc#3, y.abc, x.abc#3): reason z"
    assert lines[-1] == "  32 files for 8 other reasons"


def test_one_file_gives_its_own_reason_alone(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(ValueError) as error:
        corpus.load(tmp_path / "a.mid", progress=False)
    assert str(error.value).startswith(f"cannot read {tmp_path / 'a.mid'}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("music.zip", "unpack it and give the folder"),
        ("song.mp3", "transcribe it to MIDI first.*dataset.prepare_sound"),
        ("song.wav", "transcribe it to MIDI first"),
        ("scan.pdf", "recognize the notes first"),
        ("song.docx", "export MusicXML or MIDI"),
        ("song.mscz", "export it as MusicXML or MIDI"),
        ("corpus.npz", "corpus.Corpus.load"),
    ],
)
def test_files_that_are_not_read_say_what_to_do(name, remedy, tmp_path):
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match=remedy):
        corpus.load(tmp_path / name, progress=False, cache=False)
    with pytest.raises(readers.UnreadableScore, match=remedy):
        readers.read_score(tmp_path / name)
    with pytest.raises(ValueError, match=f"has files of other formats, 1 {tmp_path.joinpath(name).suffix}; .*{remedy}"):
        corpus.load(tmp_path, progress=False)


def test_a_list_of_paths_has_one_progress_bar_and_one_summary(many, tmp_path, write_midi, monkeypatch, capsys):
    write_midi(tmp_path / "good.mid", [60, 62])
    (tmp_path / "bad.mid").write_bytes(b"")
    calls, read = [], parallel.read_files
    monkeypatch.setattr(parallel, "read_files", lambda *given, **kinds: calls.append(given) or read(*given, **kinds))
    music = corpus.load([tmp_path / "good.mid", str(many), tmp_path / "bad.mid", [tmp_path / "good.mid"]])
    assert len(calls) == 1 and len(music) == 32 and music.names[:2] == ("good", "00") and music.names[-1] == "good"
    assert [path for path, _ in music.skipped] == [str(tmp_path / "bad.mid")]
    assert capsys.readouterr().out == "read 32 of 33 pieces and skipped 1; .skipped says which and why\n"
    assert len(corpus.load([tmp_path / "good.mid", many], limit=5, progress=False)) == 5


@pytest.mark.parametrize("missing", ["nowhere.mid", "nowhere.mp3", "no_such_folder"])
def test_a_missing_path_of_a_list_is_named(missing, many):
    with pytest.raises(FileNotFoundError, match=missing):
        corpus.load([many, missing], progress=False)


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ([Score.from_notes([(0, 1, 60)])], r"make a corpus of them with corpus.Corpus\(names, scores\)"),
        (Score.from_notes([(0, 1, 60)]), "is loaded already"),
        (corpus.Corpus((), ()), "is loaded already"),
        (3, "takes a folder, a file, a collection or a list of these, got 3"),
        ([3], "got 3"),
    ],
    ids=str,
)
def test_what_is_no_source_is_refused(source, remedy):
    with pytest.raises(ValueError, match=remedy):
        corpus.load(source, progress=False)


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        (["a.mid", "b.mid"], r"a list of 2 paths; read them with corpus.load\(paths\)"),
        (Score.from_notes([(0, 1, 60)]), "is read already"),
        ("https://example.org/a.mid", "is an address; download it"),
    ],
    ids=str,
)
def test_what_is_no_path_of_one_file_is_refused(path, remedy):
    for read in (readers.read_score, readers.read_scores):
        with pytest.raises(ValueError, match=remedy):
            read(path)


def test_an_address_is_no_folder():
    with pytest.raises(FileNotFoundError, match="is an address; download it"):
        corpus.load("https://example.org/midi.zip", progress=False)


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, write_midi, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_midi(tmp_path / "midi" / "a.mid", [60])
    assert corpus.load("~/midi", progress=False).names == ("a",)
