"""The README's walk from a folder of one's own music to a piece, on three kinds of folder."""

import itertools
import pathlib
import wave

import numpy as np
import pytest

from musiclib import config, encodings, readers, writers
from musiclib.score import Score
from musiclib.score.instruments import DRUM_KIT

README = pathlib.Path(__file__).resolve().parents[1] / "README.md"
SECTION = README.read_text(encoding="utf-8").split("### With your own music\n")[1].splitlines()
FIRST = next(i for i, line in enumerate(SECTION) if line.startswith("    "))
WALK = [line[4:] for line in itertools.takewhile(lambda line: not line or line.startswith("    "), SECTION[FIRST:])]
QUARTER = 0.5  # seconds, at MIDI's default tempo


def tunes(folder):
    """Waltzes for one violin on the grid, at 104 quarter notes per minute."""
    marks = {"tempos": ((0, 104),), "time_signatures": ((0, 3, 4),), "programs": (40,), "part_names": ("Violin",)}
    for number in range(16):
        rng = np.random.default_rng(number)
        steps = np.clip(np.cumsum(rng.integers(-2, 3, 24)), -7, 7)
        scale = np.array([60, 62, 64, 65, 67, 69, 71])
        pitches = scale[steps % 7] + 12 * (steps // 7) + 7
        notes = [(i, 1, int(pitch), 60 + 5 * (i % 3 == 0)) for i, pitch in enumerate(pitches)]
        writers.write_midi(Score.from_notes(notes, **marks), folder / f"tune {number}.mid")


def pop(folder):
    """Melody, piano and drums, played a little early and late."""
    names = ("MELODY", "PIANO", "Drums")
    for number in range(12):
        rng = np.random.default_rng(number)
        rows = [(i / 2, 0.5, 72 + int(rng.integers(0, 5)), 90, 0) for i in range(32)]
        rows += [(4 * bar, 4, low + up, 70, 1) for bar in range(4) for low in (48 + bar % 3,) for up in (0, 4, 7)]
        rows += [(i, 0.25, 36 if i % 2 else 42, 100, 2) for i in range(16)]
        played = [(max(on + rng.normal(0, 0.02), 0), length, *rest) for on, length, *rest in rows]
        marks = {"tempos": ((0, 96),), "time_signatures": ((0, 4, 4),), "part_names": names}
        score = Score.from_notes(played, programs=(0, 0, DRUM_KIT), **marks)
        writers.write_midi(score, folder / f"song {number}.mid")


def performances(folder):
    """A piano played freely, recorded at MIDI's default tempo, with the sustain pedal."""
    for number in range(6):
        rng = np.random.default_rng(number)
        onsets = np.cumsum(rng.uniform(0.08, 0.6, 60)) / QUARTER
        rows = [
            (on, 0.3, int(p), int(v)) for on, p, v in zip(onsets, rng.integers(45, 80, 60), rng.integers(40, 100, 60))
        ]
        path = writers.write_midi(Score.from_notes(rows), folder / f"take {number}.mid")
        path.write_bytes(_with_pedal(path.read_bytes()))


def _with_pedal(data):
    """Adds a pedal event, down and up, at the start of the last track."""
    place = data.rindex(b"MTrk")
    events = data[place + 8 :]
    pedal = b"\x00\xb0\x40\x7f\x83\x60\xb0\x40\x00"
    return data[:place] + b"MTrk" + (len(events) + len(pedal)).to_bytes(4, "big") + pedal + events


KINDS = {
    "tunes": (tunes, encodings.NoteChord, "", 104.0, ((0.0, 3, 4),), 40),
    "pop": (
        pop,
        (encodings.NoteChord, encodings.NoteEvents),
        "left out: 192 percussion notes in 12 pieces",
        96.0,
        ((0.0, 4, 4),),
        0,
    ),
    "performances": (performances, encodings.Performance, "the pedal of 6 pieces", 120.0, (), 0),
}


# One epoch teaches no endings, and performances follow no beats.
@pytest.mark.filterwarnings("ignore:1 of 1 piece did not end", "ignore:this music was played")
@pytest.mark.parametrize("kind", KINDS)
def test_from_a_folder_to_a_piece_that_fits_it(kind, tmp_path, monkeypatch, capsys):
    make, encoding, said, tempo, metre, program = KINDS[kind]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path))
    pathlib.Path("my_songs").mkdir()
    make(pathlib.Path("my_songs"))
    quick = config.preset("quick")
    monkeypatch.setattr(config, "preset", lambda size: quick.replace(epochs=1))
    assert len([*filter(None, WALK)]) <= 15
    names: dict = {}
    exec("\n".join(WALK), names)
    printed = capsys.readouterr().out
    assert said in printed and "Recommended: " in printed
    assert isinstance(names["advice"].recommended, encoding)
    assert names["data"].unknown_share <= 0.02
    assert ("this music was played" in printed) == (kind == "pop")
    piece = names["piece"]
    assert piece.tempos == ((0.0, tempo),) and piece.time_signatures == metre
    assert set(piece.programs) == {program}
    read = [readers.read_score(f"outputs/mine.{suffix}") for suffix in ("mid", "musicxml")]
    for score in read:
        # Of an untrained network, notes of one pitch may overlap, which files cannot hold.
        assert {*score.pitch.tolist()} == {*piece.pitch.tolist()}
        assert score.tempos[0][1] == pytest.approx(tempo, rel=1e-4)
    with wave.open("outputs/mine.wav") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert 1000 < np.abs(samples.astype(int)).max() < 32767
