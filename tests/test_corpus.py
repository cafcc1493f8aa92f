"""Corpus: what is read, what is skipped and why, and a split that keeps one tune on one side."""

import hashlib
import zipfile

import numpy as np
import pytest

from musiclib import corpus
from musiclib.corpus import Corpus, music21_corpus
from musiclib.corpus import maestro as maestro_files
from musiclib.score import Score
from musiclib.score.melody import families

VOICES = ("Soprano", "Alto", "Tenor", "Bass")


@pytest.fixture(scope="session")
def chorales():
    """Every chorale, read once for all tests."""
    return corpus.load("bach", progress=False)


def tune(seed):
    """A piece of its own: forty random steps."""
    line = 60 + np.clip(np.cumsum(np.random.default_rng(seed).integers(-4, 5, 40)), -24, 24)
    return Score.from_notes([(i, 1, int(pitch)) for i, pitch in enumerate(line)])


def made(count, **fields):
    return Corpus(tuple(f"piece {i}" for i in range(count)), tuple(tune(i) for i in range(count)), **fields)


def melody_of(seed):
    return (60 + np.random.default_rng(seed).integers(-10, 10, 12)).tolist()


@pytest.fixture
def folder(tmp_path, write_midi):
    """Three good files, one of them deeper, four bad ones, and one that is not meant to be music."""
    import symusic

    path = tmp_path / "music"
    write_midi(path / "b.mid", [60, 62, 64])
    write_midi(path / "a.MIDI", [65, 67])
    write_midi(path / "deeper" / "c.mid", [72])
    (path / "bad").mkdir()
    (path / "bad" / "text.mid").write_text("this is no MIDI file")
    (path / "bad" / "empty.mid").write_bytes(b"")
    (path / "bad" / "cut.mid").write_bytes((path / "b.mid").read_bytes()[:-20])
    (path / "bad" / "page.xml").write_text("<html><body>404 not found</body></html>")
    silent = symusic.Score(480)
    silent.tracks.append(symusic.Track("silent", 0, False))
    silent.dump_midi(str(path / "bad" / "silent.mid"))
    (path / "readme.txt").write_text("not music, and not meant to be")
    return path


BAD = {"text.mid", "empty.mid", "cut.mid", "page.xml", "silent.mid"}


def test_a_folder_is_read_with_its_subfolders_and_bad_files_are_skipped(folder, capsys):
    read = corpus.load(folder)
    assert read.names == ("a", "b", "deeper/c")
    assert [score.pitch.tolist() for score in read.scores] == [[65, 67], [60, 62, 64], [72]]
    assert {path.rsplit("/", 1)[-1] for path, _ in read.skipped} == BAD
    for path, reason in read.skipped:
        assert path.startswith(str(folder)) and reason and path.rsplit("/", 1)[-1] in reason
    printed = capsys.readouterr().out
    assert "3" in printed and "8" in printed and "5" in printed
    assert read.splits == ()


def test_without_progress_nothing_is_printed(folder, capsys):
    corpus.load(str(folder), progress=False)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_part_is_taken_from_every_piece_and_pieces_without_it_are_skipped(folder, write_midi):
    write_midi(folder / "flute.mid", [80, 81], name="Flute")
    read = corpus.load(folder, part="Flute", progress=False)
    assert read.names == ("flute",)
    assert read.scores[0].part_names == ("Flute",)
    assert len(read.skipped) == 3 + len(BAD)
    assert any("'Flute'" in reason for path, reason in read.skipped if path.endswith("b.mid"))


def test_a_folder_of_bad_files_alone_is_an_error_that_lists_them(folder):
    with pytest.raises(ValueError) as error:
        corpus.load(folder / "bad", progress=False)
    for name in BAD:
        assert name in str(error.value)


def test_the_error_lists_the_files_also_where_a_part_is_what_is_missing(folder):
    with pytest.raises(ValueError) as error:
        corpus.load(folder / "deeper", part="Tuba", progress=False)
    assert "'Tuba'" in str(error.value) and "c.mid" in str(error.value)


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("no music")
    with pytest.raises(ValueError) as error:
        corpus.load(tmp_path, progress=False)
    assert str(tmp_path) in str(error.value) and ".mid" in str(error.value)


@pytest.mark.parametrize("source", ["no/such/folder", "no_such_collection", "beethovn"])
def test_an_unknown_source_is_refused(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as error:
        corpus.load(source, progress=False)
    assert source in str(error.value) and "'bach'" in str(error.value)


def test_a_file_is_a_corpus_of_its_pieces(folder):
    assert corpus.load(folder / "b.mid", progress=False).names == ("b",)


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one_is_refused(limit, folder):
    with pytest.raises(ValueError, match=str(limit)):
        corpus.load(folder, limit=limit, progress=False)


def test_limit_takes_some_at_random_and_a_seed_repeats_the_choice(tmp_path, write_midi):
    for i in range(12):
        write_midi(tmp_path / f"{i:02}.mid", [60 + i])
    chosen = [corpus.load(tmp_path, limit=4, seed=seed, progress=False).names for seed in (0, 0, 1)]
    assert len(chosen[0]) == 4 and chosen[0] == chosen[1] != chosen[2]
    assert list(chosen[0]) == sorted(chosen[0])
    assert len(corpus.load(tmp_path, limit=99, progress=False)) == 12


def test_another_collection_of_music21():
    read = corpus.load("ciconia", progress=False)
    assert len(read) >= 1 and len(read.scores[0]) > 50 and read.skipped == ()


def test_the_chorales_are_all_there_in_four_voices(chorales):
    assert len(chorales) == 371 and chorales.skipped == ()
    assert len(set(chorales.names)) == 371
    assert chorales.names[0].startswith("001 bwv269")
    four = [score for score in chorales.scores if score.part_names == VOICES]
    assert len(four) == 366  # the other five name their parts in ways of their own
    for score in four:
        heights = [score.pitch[score.part == part].mean() for part in range(4)]
        assert heights == sorted(heights, reverse=True)  # each voice under the right name


def test_the_chorales_are_those_that_the_shipped_runs_learned(chorales):
    """Note for note: tempos, time signatures, names and programs too. Key signatures and titles came later."""
    found = hashlib.sha256()
    for name, score in zip(chorales.names, chorales.scores):
        found.update(name.encode())
        for column in ("onset", "duration", "pitch", "velocity", "part"):
            found.update(getattr(score, column).tobytes())
        found.update(repr((score.tempos, score.time_signatures, score.part_names, score.programs)).encode())
    assert found.hexdigest() == "fded2094b42a88d17108f465efbdb22169526359f84a68b8565bba480df658b3"


def test_chorale_files_exist_and_need_no_parsing():
    files = music21_corpus.chorale_files()
    assert len(files) == 371 and all(path.is_file() for _, path in files)


def test_chorale_files_are_those_that_music21_finds():
    from music21 import corpus as shipped

    for name, path in music21_corpus.chorale_files():
        found = shipped.getWork("bach/" + name.split()[1])
        assert path == (found[0] if isinstance(found, list) else found)


def test_chorales_of_one_tune_are_kept_together(chorales):
    numbers = dict(zip((name.split()[1].split(".")[0] for name in chorales.names), families(chorales.scores),
                       strict=True))  # fmt: skip
    # Nun ruhen alle Wälder; Wer nur den lieben Gott lässt walten; Befiehl du deine Wege, in several keys.
    assert len({numbers[f"bwv{n}"] for n in (392, 393, 394, 395)}) == 1
    sizes = np.unique(list(numbers.values()), return_counts=True)[1]
    assert sizes.max() < 15 and len(sizes) > 200  # and different tunes are not: no family swallows the others


def sides(split):
    return {name: set(part.names) for name, part in
            (("train", split.train), ("validation", split.validation), ("test", split.test))}  # fmt: skip


def test_split_gives_every_piece_to_one_side(chorales):
    split = corpus.split(chorales, 0.1, 0.2, seed=3)
    names = sides(split)
    assert sum(len(side) for side in names.values()) == 371
    assert set.union(*names.values()) == set(chorales.names)
    assert abs(len(names["validation"]) - 37) <= 2 and abs(len(names["test"]) - 74) <= 2
    family = dict(zip(chorales.names, families(chorales.scores), strict=True))
    found = {side: {family[name] for name in members} for side, members in names.items()}
    assert not found["train"] & found["test"]
    assert not found["train"] & found["validation"]
    assert not found["validation"] & found["test"]


def test_split_keeps_names_with_their_scores():
    pieces = made(20)
    split = corpus.split(pieces, 0.2, 0.2)
    for part in (split.train, split.validation, split.test):
        for name, score in zip(part.names, part.scores, strict=True):
            assert score == pieces.scores[pieces.names.index(name)]


def test_a_seed_repeats_the_split():
    pieces = made(30)
    assert sides(corpus.split(pieces, seed=1)) == sides(corpus.split(pieces, seed=1))
    assert sides(corpus.split(pieces, seed=1)) != sides(corpus.split(pieces, seed=2))


@pytest.mark.parametrize("semitones", [(0, 5), range(-5, 7), range(-12, 13)])
def test_a_transposed_copy_never_lands_on_the_other_side(semitones):
    split = corpus.split(made(12).transposed(semitones), 0.2, 0.2, seed=0)
    tunes = {side: {name.rstrip("+-0123456789") + name.split()[1].split("+")[0].split("-")[0] for name in names}
             for side, names in sides(split).items()}  # fmt: skip
    assert all(tunes.values())
    assert sum(len(side) for side in tunes.values()) == len(set.union(*tunes.values())) == 12


def test_an_official_split_is_kept():
    official = ("train", "test", "validation", "train", "test")
    split = corpus.split(made(5, splits=official), 0.5, 0.3, seed=4)
    assert sides(split) == {"train": {"piece 0", "piece 3"}, "validation": {"piece 2"}, "test": {"piece 1", "piece 4"}}


@pytest.mark.parametrize(("validation", "test"), [(0, 0), (0, 0.2), (0.2, 0)])
def test_a_side_may_be_left_out(validation, test):
    split = corpus.split(made(20), validation, test)
    assert (len(split.validation), len(split.test)) == (20 * validation, 20 * test)


@pytest.mark.parametrize(("validation", "test"), [(1, 0), (0.5, 0.5), (-0.1, 0.1), (0.1, -0.1), (2, 0)])
def test_shares_that_leave_nothing_to_train_on_are_refused(validation, test):
    with pytest.raises(ValueError, match=f"{validation} and {test}"):
        corpus.split(made(20), validation, test)


@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_too_few_pieces_are_refused(pieces):
    with pytest.raises(ValueError, match=f"{pieces} pieces? cannot be split .* at least 6 pieces"):
        corpus.split(made(pieces), 0.1, 0.1)


def test_transposed_names_its_copies_and_drops_what_leaves_midi():
    pieces = Corpus(("low", "mid"), (Score.from_notes([(0, 1, 1)]), Score.from_notes([(0, 1, 60)])),
                    splits=("train", "test"))  # fmt: skip
    copies = pieces.transposed([-3, 0, 2])
    assert copies.names == ("low", "low+2", "mid-3", "mid", "mid+2")
    assert [score.pitch[0] for score in copies.scores] == [1, 3, 57, 60, 62]
    assert copies.splits == ("train", "train", "test", "test", "test")


def test_transposed_takes_any_iterable():
    assert len(made(3).transposed(iter([0, 1]))) == 6


def test_take():
    pieces = made(5, splits=("train", "test", "test", "train", "validation"), skipped=(("x.mid", "bad"),))
    taken = pieces.take([3, 1])
    assert taken.names == ("piece 3", "piece 1") and taken.splits == ("train", "test")
    assert taken.scores == (pieces.scores[3], pieces.scores[1]) and taken.skipped == pieces.skipped


def test_a_saved_corpus_comes_back_whole(tmp_path):
    rich = Score.from_notes(
        [(0, 1 / 3, 60, 33, 1), (1, 2, 62, 44, 0)], tempos=((0, 90), (1, 61.5)), time_signatures=((0, 3, 4),),
        part_names=("Flöte", "Oboe", "silent"), programs=(73, 68, 0),
    )  # fmt: skip
    pieces = Corpus(("a", "b", "c"), (rich, Score.from_notes([]), tune(1)), (("x.mid", "bad"),),
                    ("train", "test", "train"))  # fmt: skip
    path = pieces.save(tmp_path / "new" / "corpus.npz")
    again = Corpus.load(path)
    assert (again.names, again.scores, again.skipped, again.splits) == (
        pieces.names, pieces.scores, pieces.skipped, pieces.splits)  # fmt: skip
    assert [p.name for p in path.parent.iterdir()] == ["corpus.npz"]


@pytest.mark.parametrize("count", [0, 1])
def test_a_corpus_of_few_pieces_is_saved_too(count, tmp_path):
    again = Corpus.load(made(count).save(tmp_path / "corpus.npz"))
    assert again.scores == made(count).scores


def test_a_corpus_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.npz"):
        Corpus.load(tmp_path / "nothing.npz")


def test_a_file_that_is_no_corpus_is_named(tmp_path):
    (tmp_path / "text.npz").write_text("no corpus")
    with pytest.raises(ValueError, match="text.npz"):
        Corpus.load(tmp_path / "text.npz")


def test_repr_counts():
    assert repr(made(2, skipped=(("x", "y"),))) == "Corpus(2 pieces, 80 notes, 1 files skipped)"


@pytest.fixture
def maestro(tmp_path, monkeypatch, write_midi, serve):
    """An archive built as MAESTRO's is, to be downloaded from this machine."""
    source = tmp_path / "server"
    rows = ["canonical_composer,canonical_title,split,year,midi_filename"]
    with zipfile.ZipFile(tmp_path / "maestro.zip", "w") as archive:
        for i in range(10):
            name = f"2004/{i}.midi"
            archive.write(write_midi(source / f"{i}.midi", melody_of(i)), f"maestro-v3.0.0/{name}")
            split = ("train", "validation", "test", "train", "train")[i % 5]
            rows.append(f'"Bach, J. S.",Piece {i},{split},2004,{name}')
        archive.writestr("maestro-v3.0.0/maestro-v3.0.0.csv", "\n".join(rows))
    monkeypatch.setattr(maestro_files, "URL", serve(tmp_path / "maestro.zip"))
    monkeypatch.setattr(maestro_files, "SHA256", hashlib.sha256((tmp_path / "maestro.zip").read_bytes()).hexdigest())
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))
    return tmp_path / "maestro.zip"


def test_maestro_is_downloaded_once_and_keeps_its_split(maestro):
    read = corpus.load("maestro", progress=False)
    assert len(read) == 10 and read.names[3] == "Bach, J. S.: Piece 3"
    assert [score.pitch.tolist() for score in read.scores] == [melody_of(i) for i in range(10)]
    split = corpus.split(read)
    assert (len(split.train), len(split.validation), len(split.test)) == (6, 2, 2)
    assert split.test.names == ("Bach, J. S.: Piece 2", "Bach, J. S.: Piece 7")
    maestro.unlink()  # the server is gone
    some = corpus.load("maestro", limit=5, seed=1, progress=False)
    assert len(some) == 5 and set(some.names) < set(read.names)
    assert some.splits == tuple(read.splits[read.names.index(name)] for name in some.names)


def test_the_archive_of_maestro_is_the_published_one():
    """As its page states it: https://magenta.tensorflow.org/datasets/maestro#v300."""
    assert maestro_files.URL.endswith("/maestro/v3.0.0/maestro-v3.0.0-midi.zip")
    assert maestro_files.SHA256 == "70470ee253295c8d2c71e6d9d4a815189e35c89624b76d22fce5a019d5dde12c"
