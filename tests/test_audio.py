"""Sound: judged by what ears would notice, in numbers."""

import subprocess
import sys
import wave

import numpy as np
import pytest

from musiclib import audio
from musiclib.audio import soundfont, synthesis
from musiclib.score import Score

RATE = 22050


@pytest.fixture
def score():
    """A chord, a rest, a repeated note, two parts and a slower second half."""
    notes = [(0, 1, 60), (0, 1, 64), (2, 0.5, 67), (2.5, 0.5, 67), (0, 2, 48, 90, 1), (4, 2, 43, 90, 1)]
    return Score.from_notes(notes, tempos=((0, 120), (4, 60)), programs=(0, 42))


def loudness(samples):
    return float(np.sqrt(np.mean(np.square(samples))))


def pitch_of(samples, rate):
    """The strongest frequency, in hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return spectrum.argmax() * rate / (1 << 18)


@pytest.mark.parametrize("rate", [RATE, 44100])
@pytest.mark.parametrize("pitch", [57, 69, 81])
def test_pitch(pitch, rate):
    sound = audio.synthesize(Score.from_notes([(0, 2, pitch)]), rate)
    expected = 440 * 2 ** ((pitch - 69) / 12)
    cents = 1200 * np.log2(pitch_of(sound[rate // 10 : rate, 0], rate) / expected)
    assert abs(cents) < 15


def test_shape_level_and_length(score):
    sound = audio.synthesize(score, RATE)
    end = score.seconds()[1].max()  # 4 quarters of half a second and 2 of a whole one
    assert end == 4.0
    assert sound.dtype == np.float32 and sound.ndim == 2 and sound.shape[1] == 2
    assert end < len(sound) / RATE <= end + synthesis.LONGEST_TAIL + 0.1
    assert np.abs(sound).max() == pytest.approx(10 ** (-1 / 20), abs=1e-4)
    assert loudness(sound) > 0.03


def test_end_dies_away(score):
    sound = audio.synthesize(score, RATE)
    end = int(score.seconds()[1].max() * RATE)
    assert loudness(sound[end : end + RATE // 50]) > 1e-3  # rings on
    assert np.abs(sound[-20:]).max() < 1e-3 and not sound[-1].any()  # and stops without a click


def test_follows_the_tempo_map():
    notes = [(0, 0.25, 60), (4, 0.25, 60)]
    onsets = []
    for tempos in (((0, 120),), ((0, 120), (2, 60))):
        sound = np.abs(audio.synthesize(Score.from_notes(notes, tempos=tempos), RATE)).max(axis=1)
        onsets.append((np.flatnonzero(sound[RATE:] > 0.1)[0] + RATE) / RATE)
    assert onsets == pytest.approx([2.0, 3.0], abs=0.03)


def test_velocity_is_loudness():
    sound = audio.synthesize(Score.from_notes([(0, 1, 60, 30), (4, 1, 60, 120)]), RATE)
    assert loudness(sound[:RATE]) < 0.3 * loudness(sound[2 * RATE : 3 * RATE])


def test_programs_sound_different():
    spectra = []
    for program in (0, 40, 73):
        sound = audio.synthesize(Score.from_notes([(0, 2, 69)], programs=(program,)), RATE)
        spectrum = np.abs(np.fft.rfft(sound[RATE // 10 : RATE].mean(axis=1)))
        spectra.append(spectrum / np.linalg.norm(spectrum))
    similarity = np.array(spectra) @ np.array(spectra).T
    assert similarity[np.triu_indices(3, 1)].max() < 0.9


def test_held_notes_of_a_violin_go_on_and_those_of_a_piano_fade():
    shares = []
    for program in (40, 0):
        sound = audio.synthesize(Score.from_notes([(0, 12, 69)], programs=(program,)), RATE)
        shares.append(loudness(sound[5 * RATE : 6 * RATE]) / loudness(sound[RATE // 2 : RATE]))
    assert shares[0] > 0.5 > 0.2 > shares[1]


def test_each_part_is_heard(score):
    both = audio.synthesize(score, RATE)
    lower = audio.synthesize(score.select(1), RATE)
    count = min(len(both), len(lower))
    assert loudness(both[:count] - lower[:count]) > 0.02


def test_write_wav(score, tmp_path):
    path = audio.write_wav(score, tmp_path / "new" / "piece.wav", RATE)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    np.testing.assert_allclose(samples / 32767, audio.synthesize(score, RATE), atol=1e-4)
    assert list(path.parent.iterdir()) == [path]


def test_player(score):
    widget = audio.player(score, RATE)
    assert type(widget).__name__ == "Audio" and widget.data[:4] == b"RIFF"


def test_import_runs_neither_pretty_midi_nor_ipython():
    code = (
        "import sys; from musiclib import audio; from musiclib.score import Score;"
        "audio.synthesize(Score.from_notes([(0, 1, 60)]), 8000);"
        "sys.exit('pretty_midi' in sys.modules or 'IPython' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_empty_score(tmp_path):
    with pytest.raises(ValueError, match="nothing to play"):
        audio.write_wav(Score.from_notes([]), tmp_path / "piece.wav")
    assert not list(tmp_path.iterdir())


def test_too_long():
    with pytest.raises(ValueError, match=r"33\.3 minutes.*score\.slice"):
        audio.synthesize(Score.from_notes([(3999, 1, 60)]))


@pytest.mark.parametrize("rate", [0, 1000, 44100.5])
def test_impossible_sample_rate(rate):
    with pytest.raises(ValueError, match=f"got {rate}"):
        audio.synthesize(Score.from_notes([(0, 1, 60)]), rate)


def test_missing_soundfont(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.sf2; give the path"):
        audio.synthesize(Score.from_notes([(0, 1, 60)]), soundfont=tmp_path / "none.sf2")


def test_missing_package(monkeypatch):
    monkeypatch.setattr(soundfont.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install pretty_midi"):
        audio.synthesize(Score.from_notes([(0, 1, 60)]))


@pytest.mark.parametrize("size", [0, 100, 100_000])
def test_damaged_soundfont(size, tmp_path):
    path = tmp_path / "bad.sf2"
    path.write_bytes(soundfont.find_soundfont(None).read_bytes()[:size])
    with pytest.raises(ValueError, match="not a SoundFont, or damaged"):
        audio.synthesize(Score.from_notes([(0, 1, 60)]), soundfont=path)
