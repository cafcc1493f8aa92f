"""Notebooks that run alone load what 01_preprocess saved, or prepare the same and say so."""

import pathlib
import re

import numpy as np
import pytest

from musiclib import corpus, dataset, encodings
from musiclib.corpus import prepared
from musiclib.score import Score

NOTEBOOKS = pathlib.Path(__file__).resolve().parents[1] / "notebooks"


def tune(seed):
    line = 60 + np.clip(np.cumsum(np.random.default_rng(seed).integers(-4, 5, 40)), -24, 24)
    return Score.from_notes([(i, 1, int(pitch)) for i, pitch in enumerate(line)])


@pytest.fixture
def chorales(monkeypatch):
    """Twenty tunes in the place of the bundled chorales."""
    tunes = corpus.Corpus(tuple(f"tune {i}" for i in range(20)), tuple(tune(i) for i in range(20)))
    monkeypatch.setattr(prepared, "load", {"bach": tunes}.__getitem__)
    return tunes


@pytest.mark.parametrize(("preset", "copies"), [("quick", 1), ("full", 12), (None, 1)])
def test_what_is_missing_is_prepared_saved_and_told(preset, copies, chorales, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("MUSICLIB_PRESET", raising=False)
    data = dataset.load_prepared(tmp_path / "prepared", preset)
    told = capsys.readouterr().out
    assert f"no corpus in {tmp_path / 'prepared'}: loading the bundled chorales" in told
    assert f"no dataset in {tmp_path / 'prepared'}: prepared one of 20 pieces" in told
    assert (len(data.train), len(data.validation), len(data.test)) == (16 * copies, 2, 2)
    assert data.encoding == encodings.NoteChord(sustain=True)
    again = dataset.load_prepared(tmp_path / "prepared", preset)
    assert again.fingerprint == data.fingerprint
    assert corpus.load_prepared(tmp_path / "prepared") == chorales
    assert capsys.readouterr().out == ""


def test_the_preset_of_the_environment_counts(chorales, tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLIB_PRESET", "full")
    assert len(dataset.load_prepared(tmp_path).train) == 16 * 12


def test_a_corpus_of_ones_own_is_prepared_not_the_chorales(chorales, tmp_path, capsys):
    chorales.take(range(10)).save(tmp_path / "corpus.npz")
    data = dataset.load_prepared(tmp_path, "quick")
    assert sum(map(len, (data.train, data.validation, data.test))) == 10
    assert "chorales" not in capsys.readouterr().out


def test_a_damaged_file_is_no_missing_one(chorales, tmp_path):
    (tmp_path / "corpus.npz").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="not a saved corpus, or damaged"):
        dataset.load_prepared(tmp_path)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb"))[1:], ids=lambda path: path.stem)
def test_no_notebook_after_the_first_stops_without_its_files(path):
    text = path.read_text(encoding="utf-8")
    for line in re.findall(r'^.*\\"prepared\\".*$', text, re.MULTILINE):
        assert "load_prepared(" in line
