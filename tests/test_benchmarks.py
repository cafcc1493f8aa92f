"""The benchmarks compare like with like: their baselines are right, and both sides give the same results."""

import json

import numpy as np
import pytest

from benchmarks import compare, evaluating, generation, gpu, measure, memory, music, pytorch, report, textbook, training
from musiclib.dataset import Windows
from musiclib.encodings.vocabulary import RESERVED


@pytest.fixture
def setting(tmp_path, write_midi) -> measure.Setting:
    """Three small MIDI files, two of them longer than a window."""
    rng = np.random.default_rng(0)
    for name, notes in (("a", 130), ("b", 30), ("c", 120)):
        write_midi(tmp_path / "midi" / f"{name}.mid", rng.choice([60, 62, 64, 65, 67], notes))
    (tmp_path / "scratch").mkdir()
    return measure.Setting(str(tmp_path / "midi"), str(tmp_path / "scratch"))


def test_names_notes_and_chords(tmp_path):
    import symusic

    score = symusic.Score(480)
    track = symusic.Track("Piano", 0, False)
    for time, pitches in ((0, [60]), (480, [64, 67, 72]), (960, [61])):
        for pitch in pitches:
            track.notes.append(symusic.Note(time=time, duration=480, pitch=pitch, velocity=80))
    score.tracks.append(track)
    score.dump_midi(str(tmp_path / "chord.mid"))
    names = textbook.note_names(textbook.parse(str(tmp_path / "chord.mid")))
    assert names[0] == "C4" and names[2] == "C#4"
    assert names[1] == "0.4.7"  # C major in normal order, octaves forgotten


def test_piano_roll_names_frames(setting):
    pieces = music.frames(setting)
    assert all(frame == "e" or all(60 <= int(pitch) <= 67 for pitch in frame.split(",")) for frame in pieces[0])
    # A quarter note lasts half a second at 120: five frames for two notes.
    assert len(pieces[0]) == pytest.approx(130 * 0.5 * textbook.FRAMES_PER_SECOND, abs=3)


def test_one_hot_windows_equal_lazy_batches(setting):
    pieces = music.names(setting)
    known = music.vocabulary(pieces)
    size, window = len(known) - len(RESERVED), 20
    lazy = Windows(music.ids(pieces[:1], known), window, 16, targets="last")
    inputs, targets = textbook.one_hot_windows(music.numbers(pieces[:1], known), size, window)
    assert inputs.shape == (130 - window, window, size) and targets.shape == (130 - window, size)
    assert inputs.dtype == targets.dtype == np.float32
    assert np.all(inputs.sum(-1) == 1) and np.all(targets.sum(-1) == 1)
    batches = [lazy[i] for i in range(len(lazy))]
    assert np.array_equal(np.concatenate([x for x, _ in batches]) - len(RESERVED), inputs.argmax(-1))
    assert np.array_equal(np.concatenate([y for _, y in batches])[:, 0] - len(RESERVED), targets.argmax(-1))


def test_sampling_chooses_the_notes_of_the_predict_loop():
    known = pytorch.vocabulary()
    size = len(known) - len(RESERVED)
    model = generation.textbook_lstm(size, units=(48, 32), seed=3)
    primer = np.random.default_rng(1).integers(0, size, textbook.WINDOW)
    chosen = generation.check_agreement(model, generation.as_run(generation.same_weights(model), known), primer, 25)
    assert len(chosen) == 25 and len(set(chosen)) > 5  # agreeing on one note for ever would show nothing


def test_same_weights_give_the_same_probabilities():
    model = generation.textbook_lstm(10, units=(16, 12))
    ours = generation.same_weights(model)
    numbers = np.random.default_rng(0).integers(0, 10, (3, 30))
    theirs = model.predict_on_batch(np.eye(10, dtype=np.float32)[numbers])
    assert np.allclose(training._probabilities(ours)(numbers), theirs, atol=1e-5)


def test_disagreement_is_an_error():
    known = pytorch.vocabulary()
    model = generation.textbook_lstm(len(known) - len(RESERVED), units=(16, 8))
    other = generation.textbook_lstm(len(known) - len(RESERVED), units=(16, 8), seed=1)
    run = generation.as_run(generation.same_weights(other), known)
    with pytest.raises(ValueError, match="same weights"):
        generation.check_agreement(model, run, np.arange(textbook.WINDOW), 5)


def test_gru_composes_frames():
    model = textbook.gru_attention(7, units=4, embedding_size=5)
    window = [1] * textbook.ROLL_WINDOW
    frames = textbook.compose_frames(model, window, 3, seed=5)
    assert len(frames) == 3 and all(0 <= frame < 7 for frame in frames)
    assert model.predict_on_batch(np.array([window])).shape == (1, 7)


def test_validation_is_the_same_for_both(setting):
    train, held_out, known = training.pieces(setting)
    assert (len(train), len(held_out)) == (1, 1)  # the piece shorter than a window is left out
    windows = training.validation_windows(held_out, known)
    assert windows.shape[1] == textbook.WINDOW + 1
    size = len(known) - len(RESERVED)
    even = training.validation_loss(lambda batch: np.full((len(batch), size), 1 / size), windows)
    assert even == pytest.approx(np.log(size))


def test_compare_runs_and_writes_json(setting, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path))
    compare.main(["--data", setting.data, "--only", "windows_memory", "--repeats", "2"])
    printed = capsys.readouterr().out
    assert "one-hot arrays" in printed and "3 files" in printed
    written = json.loads((tmp_path / "outputs" / "benchmarks.json").read_text())
    (result,) = written["results"]
    assert len(result["ours"]["values"]) == 2
    assert result["ratio"] == pytest.approx(result["baseline"]["median"] / result["ours"]["median"])
    assert report.markdown(written["results"], written["about"]).count("\n| ") == 2


def test_what_cannot_run_says_why(tmp_path):
    comparison, row = compare.find("windows_memory")
    (result,) = compare.compare(comparison, [row], measure.Setting(str(tmp_path), str(tmp_path)), 1)
    assert "no MIDI file" in result["reason"] and "ours" not in result
    assert "no MIDI file" in report.text([result], report.about(0, "midi", 1, False))


def test_gpu_rows_need_a_gpu():
    with pytest.raises(measure.Unavailable, match="sees no GPU"):
        gpu.card()


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--repeats", "0"], ["--data", "nowhere"]])
def test_refuses_what_is_not_there(arguments, capsys):
    with pytest.raises(SystemExit):
        compare.main(arguments)
    assert arguments[1] in capsys.readouterr().err


def test_refuses_arrays_that_do_not_fit():
    memory.need_memory(10, 10)
    with pytest.raises(measure.Unavailable, match="GB"):
        memory.need_memory(10**9, 1000)


def test_rows_have_their_own_names():
    names = [row.name for comparison in compare.COMPARISONS for row in comparison.rows]
    assert len(set(names)) == len(names)
    with pytest.raises(ValueError, match="there are read_fast"):
        compare.find("nothing")


def test_flops_of_the_default_network():
    # Two LSTM layers and the head: four gates over input and state each, then logits.
    weights = 4 * 512 * (128 + 512) + 4 * 256 * (512 + 256) + 256 * pytorch.SIZE
    assert gpu.training_flops() == 6 * weights


def test_pytorch_network_has_the_same_shape():
    torch = pytest.importorskip("torch")
    model = pytorch.network(20, units=(8, 6), embedding_size=4)
    logits, states = model(torch.zeros((2, 5), dtype=torch.int64))
    assert logits.shape == (2, 5, 20) and len(states) == 2


def test_the_likelihood_of_a_whole_piece_and_of_its_windows_is_the_same():
    whole, ours = evaluating.sides(600)
    assert ours() == pytest.approx(whole(), abs=1e-3)
