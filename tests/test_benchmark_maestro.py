"""The benchmark of MAESTRO: the official split, segments that begin anew, and the command."""

import csv
import json
import pathlib

import keras
import numpy as np
import pytest

from benchmarks import maestro as benchmark
from musiclib import models, readers
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.encodings import Chorale, Performance
from musiclib.encodings.vocabulary import RESERVED, START
from musiclib.score import Score
from musiclib.training import Run

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data" / "maestro_small"
ROWS = [("2004/a.midi", "train"), ("2004/b.midi", "validation"), ("2006/c.midi", "test"), ("2006/d.midi", "train")]


@pytest.fixture
def folder(tmp_path, write_midi):
    """Four pieces in folders by year, without an index."""
    for i, (name, _) in enumerate(ROWS):
        write_midi(tmp_path / name, [60 + i, 64, 67, 72 - i])
    return tmp_path


def write_index(folder, form, rows=ROWS):
    columns = {
        "canonical_title": ["Sonata"] * len(rows),
        "split": [r[1] for r in rows],
        "midi_filename": [r[0] for r in rows],
    }
    listed = [dict(zip(columns, row)) for row in zip(*columns.values())]
    if form == "csv":
        with (folder / "maestro-v3.0.0.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(columns))
            writer.writeheader()
            writer.writerows(listed)
    elif form == "rows":  # version 1
        (folder / "maestro-v1.0.0.json").write_text(json.dumps(listed))
    else:  # from version 2 on
        by_number = {name: {str(i): value for i, value in enumerate(values)} for name, values in columns.items()}
        (folder / "maestro-v2.0.0.json").write_text(json.dumps(by_number))


def run_of(encoding=None, **options):
    keras.utils.set_random_seed(0)
    model = models.build("stacked_lstm", len(benchmark.VOCABULARY), units=[4], embedding_size=3)
    return Run(model, benchmark.VOCABULARY, encoding or Performance(), Config(), {}, {})


@pytest.mark.parametrize("form", ["csv", "rows", "columns"])
def test_the_index_tells_the_split(form, folder):
    write_index(folder, form)
    found = benchmark.find(folder)
    assert {split: [path.name for path in paths] for split, paths in found.items()} == {
        "train": ["a.midi", "d.midi"], "validation": ["b.midi"], "test": ["c.midi"],
    }  # fmt: skip


def test_without_an_index_folders_of_that_name_do(folder):
    (folder / "2004").rename(folder / "train")
    (folder / "2006").rename(folder / "validation")
    found = benchmark.find(folder)
    assert {split: len(paths) for split, paths in found.items()} == {"train": 2, "validation": 2}


def test_a_folder_without_either_is_refused(folder):
    with pytest.raises(ValueError, match=r"maestro-v\*\.csv"):
        benchmark.find(folder)
    with pytest.raises(FileNotFoundError, match="no folder"):
        benchmark.find(folder / "nothing")


@pytest.mark.parametrize("text", ["no JSON", "[1, 2]", '{"split": {"0": "train"}}', '[{"split": "train"}]'])
def test_a_damaged_index_is_named(text, folder):
    (folder / "maestro-v2.0.0.json").write_text(text)
    with pytest.raises(ValueError, match="maestro-v2.0.0.json"):
        benchmark.find(folder)


def test_an_index_of_other_files_or_splits_is_named(folder):
    write_index(folder, "csv", [*ROWS, ("2018/gone.midi", "test")])
    with pytest.raises(FileNotFoundError, match="gone.midi"):
        benchmark.find(folder)
    write_index(folder, "csv", [("2004/a.midi", "practice")])
    with pytest.raises(ValueError, match="'practice'"):
        benchmark.find(folder)


def test_segments_do_not_overlap_and_each_begins_anew():
    score = Score.from_notes([(i * 0.3, 0.2, 40 + i % 30) for i in range(2000)])
    pieces = [score, Score.from_notes([(0, 1, 60)]), Score.from_notes([])]
    tokens = [Performance().encode(piece) for piece in pieces]
    cut = benchmark.segments(pieces, benchmark.VOCABULARY)
    assert all(segment[0] == START and len(segment) <= 2049 for segment in cut)
    assert [len(segment) for segment in cut][:-2] == [2049] * (len(tokens[0]) // 2048)
    joined = np.concatenate([segment[1:] for segment in cut])
    assert benchmark.VOCABULARY.to_tokens(joined) == [token for piece in tokens for token in piece]


def test_the_mean_is_over_all_events(capsys):
    run = run_of()
    run.model.set_weights([np.zeros_like(weight) for weight in run.model.get_weights()])
    splits = {
        "validation": {"a": Score.from_notes([(0, 1, 60), (1, 1, 62)])},
        "test": {"b": Score.from_notes([(0, 1, 60)])},
    }
    nats = benchmark.evaluate(run, splits)
    assert np.allclose(list(nats.values()), np.log(308 + len(RESERVED)), atol=1e-4)
    # Velocity, on, shift, off, and again without the velocity.
    assert capsys.readouterr().out.splitlines()[0] == "validation  5.7430 nats/event (1 performances, 7 events)"


def test_another_encoding_is_refused():
    with pytest.raises(ValueError, match="Chorale"):
        benchmark.evaluate(run_of(Chorale()), {})


def test_training_needs_both_splits_and_has_the_whole_alphabet():
    piece = {"a": Score.from_notes([(i, 1, 60 + i) for i in range(4)])}
    with pytest.raises(ValueError, match="'validation'"):
        benchmark.prepare({"train": piece})
    data = benchmark.prepare({"train": piece, "validation": piece, "test": piece}, keys=(-1, 0))
    assert len(data.vocabulary) == 312 and len(data.train) == 2 and len(data.test) == 0


def test_the_command_trains_and_then_measures_again_what_it_trained(folder, tmp_path, monkeypatch, capsys):
    write_index(folder, "csv")
    tiny = Config("tiny", ModelConfig("stacked_lstm", {"units": [4], "embedding_size": 3}), TrainingConfig(epochs=1))
    monkeypatch.setattr(benchmark.config, "preset", lambda name, model: tiny)
    benchmark.main(["--data", str(folder), "--out", str(tmp_path / "run"), "--minutes", "1"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "nats/event" in line]
    assert [line.split()[0] for line in lines] == ["train", "validation", "test"]
    benchmark.main(["--data", str(folder), "--evaluate", str(tmp_path / "run")])
    assert capsys.readouterr().out.splitlines() == lines
    with pytest.raises(SystemExit) as error:
        benchmark.main(["--data", str(tmp_path / "run"), "--evaluate", str(tmp_path / "run")])
    assert "maestro-v*" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no performances at {SHARED}")
def test_a_performance_of_maestro_comes_back_as_its_events():
    path = benchmark.find(SHARED)["validation"][0]
    score = readers.read_score(path, reader="symusic", pedal=True)
    tokens = Performance().encode(score)
    assert Performance().encode(Performance().decode(tokens)) == tokens
    decoded = Performance().decode(tokens)
    assert len(decoded) > 0.99 * len(score) and abs(decoded.seconds()[1].max() - score.seconds()[1].max()) < 0.01
