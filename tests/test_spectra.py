"""Recordings, spectra, and the network that predicts their next frame."""

import pathlib
import subprocess
import sys
import tarfile
import warnings

import keras
import numpy as np
import pytest
import soundfile
from keras import ops

from musiclib import audio, config, dataset, encodings, models, sampling, training
from musiclib.audio import recordings
from musiclib.config import ModelConfig
from musiclib.corpus import Corpus, Split
from musiclib.dataset import FrameWindows, Pieces
from musiclib.encodings import Spectra
from musiclib.evaluation import spectral
from musiclib.score import Score

RATE = 16000
SMALL = Spectra(bands=64, hop=1024)


def sine(frequency=440.0, seconds=2.0, rate=RATE, level=0.5):
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pitch_of(samples, rate=RATE):
    """The frequency of the strongest peak, in Hz."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return np.argmax(power) * rate / (1 << 18)


def tune(pitches=range(60, 84), seed=0):
    order = np.random.default_rng(seed).permutation(list(pitches))
    return Score.from_notes([(i / 2, 0.5, int(pitch)) for i, pitch in enumerate(order)])


def split(count=3):
    def part(name, seeds):
        return Corpus(tuple(f"{name}{i}" for i in seeds), tuple(tune(seed=i) for i in seeds))

    return Split(part("train", range(count)), part("validation", [10]), part("test", [11]))


@pytest.fixture(scope="module")
def data():
    return dataset.prepare_sound(split(), SMALL, seconds=3)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    chosen = config.preset("quick", "spectral_lstm")
    options = {"units": [24], "components": 3}
    chosen = config.Config("test", ModelConfig("spectral_lstm", options), chosen.training).replace(epochs=2, window=16)
    folder = tmp_path_factory.mktemp("run") / "spectral"
    training.train(data, chosen, folder, progress=False)
    return training.load_run(folder)


class TestRecordings:
    @pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
    @pytest.mark.parametrize("channels", [1, 2])
    @pytest.mark.parametrize("rate", [22050, 44100])
    def test_formats_rates_and_channels_come_out_alike(self, tmp_path, suffix, channels, rate):
        path = tmp_path / f"a.{suffix}"
        soundfile.write(path, np.repeat(sine(rate=rate)[:, None], channels, axis=1), rate)
        samples = audio.read_audio(path, RATE)
        assert samples.dtype == np.float32 and abs(len(samples) / RATE - 2) < 0.1
        assert abs(pitch_of(samples) - 440) < 1
        assert np.abs(samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)

    def test_a_part_is_read(self, tmp_path):
        soundfile.write(tmp_path / "a.wav", np.concatenate([sine(220), sine(880)]), RATE)
        assert abs(pitch_of(audio.read_audio(tmp_path / "a.wav", RATE, start=2, seconds=1)) - 880) < 2

    @pytest.mark.parametrize(
        ("samples", "message"),
        [
            (np.zeros((0, 1)), "has no sound from second 0 for None seconds: it lasts 0.0"),
            (np.zeros(RATE), "is silent from second 0"),
            (np.ones((RATE, 8)) * 0.1, "has 8 channels; mix them down"),
            (np.ones(RATE // 10), "clipped: 100.0% of its samples"),
        ],
        ids=["empty", "silent", "eight channels", "clipped"],
    )
    def test_bad_recordings_are_refused_in_a_sentence(self, tmp_path, samples, message):
        soundfile.write(tmp_path / "a.wav", samples, RATE)
        with pytest.raises((ValueError, UserWarning), match=message) as error:
            audio.read_audio(tmp_path / "a.wav", RATE)
        assert len(str(error.value).splitlines()) == 1

    def test_an_hour_is_too_long_at_once_but_not_in_parts(self, tmp_path):
        with soundfile.SoundFile(tmp_path / "a.wav", "w", 8000, 1, subtype="PCM_U8") as file:
            for _ in range(60):
                file.write(sine(seconds=60, rate=8000))
        with pytest.raises(ValueError, match="lasts 60 minutes, more than the 30"):
            audio.read_audio(tmp_path / "a.wav")
        assert len(audio.read_audio(tmp_path / "a.wav", 8000, start=3000, seconds=2)) == 16000

    def test_a_video_is_refused(self, tmp_path):
        (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(1000))
        with pytest.raises(ValueError, match="a.mp4 cannot be read as audio .* of a video, save its sound"):
            audio.read_audio(tmp_path / "a.mp4")

    def test_other_bad_arguments(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no such recording"):
            audio.read_audio(tmp_path / "missing.wav")
        with pytest.raises(ValueError, match="sample_rate must be whole, from 8000 to 192000, got 17"):
            audio.read_audio(tmp_path / "missing.wav", 17)

    def test_without_librosa_a_sentence_says_what_to_install(self, monkeypatch, tmp_path):
        soundfile.write(tmp_path / "a.wav", sine(), RATE)
        monkeypatch.setitem(sys.modules, "librosa", None)
        with pytest.raises(ImportError, match="need librosa: run pip install librosa soundfile"):
            audio.read_audio(tmp_path / "a.wav")


class TestSpectra:
    # From C4 up within a quarter of a semitone; of lower notes, a few bands hold several semitones.
    @pytest.mark.parametrize(("pitch", "most"), [(50, 0.6), (60, 0.25), (65, 0.25), (69, 0.25), (78, 0.25), (87, 0.25)])
    def test_log_mel_keeps_the_pitch(self, pitch, most):
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        samples = sum(sine(frequency * n, level=0.4 / n) for n in range(1, 5))
        again = Spectra().decode(Spectra().encode(samples))
        chosen = np.abs(np.fft.rfft(again, 1 << 18))
        near = np.arange(len(chosen)) * RATE / (1 << 18) / frequency
        assert abs(12 * np.log2(near[np.argmax(chosen * ((near > 0.75) & (near < 1.33)))])) < most

    def test_audio_and_frames_agree(self):
        encoding = Spectra()
        frames = encoding.encode(tune())
        assert frames.dtype == np.float32 and frames.shape == (len(frames), 192)
        assert frames.min() == -1 and 0 < frames.max() < 1.2
        samples = encoding.decode(frames)
        assert len(samples) == (len(frames) - 1) * encoding.hop
        assert np.abs(samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
        again = encoding.encode(samples)
        assert 40 * np.sqrt(np.mean((again - frames) ** 2)) < 4  # dB
        wrong = np.random.default_rng(0).permutation(frames, axis=0)
        assert 40 * np.sqrt(np.mean((again - wrong) ** 2)) > 8

    def test_mfcc_keep_the_shape_of_the_spectrum_and_not_its_pitch(self):
        encoding = Spectra("mfcc", bands=20, sample_rate=22050, hop=512)
        frames = encoding.encode(sine(rate=22050))
        assert frames.shape[1] == 20
        assert len(encoding.decode(frames)) == (len(frames) - 1) * 512
        # The same samples as with 20 coefficients of 128: what is left out is zero.
        full = Spectra("mfcc", bands=128, sample_rate=22050, hop=512).encode(sine(rate=22050))
        np.testing.assert_allclose(full[:, :20], frames, atol=1e-5)

    def test_silence_stays_silent(self):
        assert not Spectra().decode(np.full((5, 192), -1.0)).any()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"kind": "cqt"}, "kind must be one of log-mel, mfcc, got 'cqt'"),
            ({"bands": 0}, "bands must lie between 1 and 512"),
            ({"kind": "mfcc"}, "bands must lie between 1 and 128 for mfcc, got 192"),
            ({"sample_rate": 7}, "sample_rate must be whole"),
            ({"hop": 2000}, "hop must lie between 64 and 1024"),
        ],
    )
    def test_bad_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            Spectra(**options)

    def test_frames_of_another_width_are_refused(self):
        with pytest.raises(ValueError, match=r"frames of shape \(frames, 192\), got \(3, 12\)"):
            Spectra().decode(np.zeros((3, 12)))

    def test_options_go_through_json(self):
        assert encodings.from_config(SMALL.to_config()) == SMALL


class TestDataset:
    def test_excerpts_have_one_length_and_stay_in_their_part(self, data):
        assert set(np.diff(data.train.offsets).tolist()) == {round(3 * SMALL.rate)}
        assert (len(data.train), len(data.validation), len(data.test)) == (6, 2, 2)
        assert not any(np.array_equal(a, b) for a in data.train for b in data.test)

    def test_saved_and_loaded(self, data, tmp_path):
        again = dataset.Dataset.load(data.save(tmp_path / "data"))
        assert again.fingerprint == data.fingerprint and np.array_equal(again.train[0], data.train[0])

    def test_a_folder_of_recordings(self, tmp_path):
        for i in range(2):
            soundfile.write(tmp_path / f"{i}.flac", sine(220 * (i + 1), seconds=40), RATE)
        found = dataset.prepare_sound(tmp_path, SMALL, seconds=3)
        # The first 80% of each recording, the next 10%, and the last.
        assert (len(found.train), len(found.validation), len(found.test)) == (20, 2, 2)
        assert found.about["train_names"] == ["0.flac", "1.flac"]

    def test_many_recordings_are_each_in_one_part(self, tmp_path):
        for i in range(10):
            soundfile.write(tmp_path / f"{i}.wav", sine(200 + 50 * i, seconds=4), RATE)
        found = dataset.prepare_sound(tmp_path, SMALL, seconds=3)
        assert (len(found.train), len(found.validation), len(found.test)) == (8, 1, 1)
        with pytest.raises(FileNotFoundError, match="no such folder of recordings"):
            dataset.prepare_sound(tmp_path / "missing", SMALL)

    def test_nothing_to_learn_from_is_said(self, tmp_path):
        with pytest.raises(ValueError, match="no recordings in .*; give a folder with files of .wav"):
            dataset.prepare_sound(tmp_path, SMALL)
        with pytest.raises(ValueError, match="no excerpt of 60 seconds is left for train and validation and test"):
            dataset.prepare_sound(split(), SMALL, seconds=60)

    def test_windows_are_followed_by_their_next_frames(self, data):
        windows = FrameWindows(data.train, 16, 4, seed=1)
        inputs, targets = windows[0]
        assert inputs.shape == targets.shape == (4, 16, 64) and inputs.dtype == np.float32
        np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
        inside = {frame.tobytes() for piece in data.train for frame in piece}
        assert all(frame.tobytes() in inside for frame in targets.reshape(-1, 64))

    def test_no_window_crosses_two_excerpts(self):
        pieces = Pieces(np.repeat(np.arange(4.0), 20)[:, None].astype(np.float32), 20 * np.arange(5))
        for epoch in range(3):
            inputs, targets = FrameWindows(pieces, 9, 100, seed=0, epoch=epoch)[0]
            assert len(inputs) == 8 and np.all(inputs == targets)

    def test_windows_longer_than_the_excerpts_are_refused(self, data):
        with pytest.raises(ValueError, match="need excerpts of 101, and the longest has 47"):
            FrameWindows(data.train, 100, 4)


def network(**options):
    keras.utils.set_random_seed(0)
    return models.build("spectral_lstm", 8, **{"units": [12, 10], "components": 3, **options})


class TestNetwork:
    @pytest.mark.parametrize("head", ["mixture", "squared"])
    def test_steps_agree_with_the_whole(self, head):
        model = network(head=head)
        frames = np.random.default_rng(0).uniform(-1, 1, (2, 7, 8)).astype(np.float32)
        whole, state = ops.convert_to_numpy(model(frames)), model.initial_state(2)
        for i in range(7):
            outputs, state = model.step(frames[:, i], state)
            np.testing.assert_allclose(outputs, whole[:, i], atol=1e-5)

    def test_the_error_of_a_mixture_is_its_negative_log_likelihood(self):
        model = network()
        rng = np.random.default_rng(0)
        targets, outputs = rng.uniform(-1, 1, (2, 3, 8)), rng.normal(size=(2, 3, 3 * 17))
        means, scales, weights = (np.array(part, dtype=np.float64) for part in model.split(outputs.astype(np.float32)))
        densities = np.exp(-0.5 * ((targets[..., None, :] - means) / np.exp(scales)) ** 2)
        densities = np.prod(densities / np.exp(scales) / np.sqrt(2 * np.pi), axis=-1)
        expected = -np.log(np.sum(np.exp(weights) * densities, axis=-1)) / 8
        errors = model.error(targets.astype(np.float32), outputs.astype(np.float32))
        np.testing.assert_allclose(errors, expected, rtol=1e-4)

    def test_draws_have_the_mixture_s_mean_and_width(self):
        model = network(components=2)
        outputs = np.random.default_rng(1).normal(size=(1, 2 * 17)).astype(np.float32)
        means, scales, weights = (np.array(part)[0] for part in model.split(outputs))
        rng, count = np.random.default_rng(2), 20000
        repeated = np.repeat(outputs, count, axis=0)
        drawn = np.array(model.choose(repeated, rng.random(count, dtype="f"), rng.normal(size=(count, 8)).astype("f")))
        mean = np.exp(weights) @ means
        np.testing.assert_allclose(model.mean(outputs)[0], mean, atol=1e-5)
        np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.03)
        variance = np.exp(weights) @ (np.exp(2 * scales) + means**2) - mean**2
        np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=0.1)

    def test_padding_does_not_count(self):
        model = network(head="squared")
        y = np.full((2, 3, 8), 0.5, np.float32)
        loss = float(model.compute_loss(y=y, y_pred=np.zeros_like(y)))
        y[1] = 0
        assert float(model.compute_loss(y=y, y_pred=np.zeros_like(y))) == pytest.approx(loss) == 0.25

    def test_scheduled_sampling_rises(self):
        model = network(own_inputs=0.4)
        shares = []
        for epoch in (0, 4, 8, 20):
            model.begin_epoch(epoch)
            shares.append(float(ops.convert_to_numpy(model.share)))
        assert shares == pytest.approx([0, 0.2, 0.4, 0.4])

    def test_own_predictions_replace_inputs_in_training(self):
        frames = np.random.default_rng(0).uniform(-1, 1, (4, 9, 8)).astype(np.float32)
        model = network(noise=0.0, dropout=0.0, own_inputs=1.0)
        np.testing.assert_allclose(model(frames, training=True), model(frames), atol=1e-5)
        model.begin_epoch(8)
        changed = np.abs(np.array(model(frames, training=True)) - np.array(model(frames))).max(axis=(0, 2))
        assert changed[0] < 1e-5 and np.all(changed[1:] > 1e-3)  # the first frame is always a real one

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"head": "median"}, "head must be one of mixture, squared"), ({"components": 0}, "at least 1 component")],
    )
    def test_bad_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            network(**options)

    def test_other_data_is_refused(self, data):
        ids = Pieces(np.zeros(9, np.int32), np.array([0, 9]))
        with pytest.raises(ValueError, match="trained on frames, from dataset.prepare_sound"):
            network().batches(ids, config.TrainingConfig(), 0, 0)
        with pytest.raises(ValueError, match="trained on a dataset of tokens"):
            models.build("stacked_lstm", 8, units=[4]).batches(data.train, config.TrainingConfig(), 0, 0)

    @pytest.mark.parametrize("head", ["mixture", "squared"])
    def test_it_learns_a_pattern(self, head, tmp_path):
        wave = np.sin(np.arange(400)[:, None] * np.linspace(0.3, 0.6, 8)).astype(np.float32) * 0.8
        pieces = Pieces(wave, np.array([0, 400]))
        vocabulary = encodings.Vocabulary(encodings.vocabulary.RESERVED)
        data = dataset.Dataset(pieces, pieces, pieces, vocabulary, Spectra(bands=8), {})
        options = {"units": [32], "components": 2, "head": head, "noise": 0.0, "own_inputs": 0.0, "dropout": 0.0}
        settings = config.TrainingConfig(20, 4, epochs=25, learning_rate=1e-2, precision="float32")
        run = training.train(data, config.Config("t", ModelConfig("spectral_lstm", options), settings), progress=False)
        found = spectral.predictions(data, {"lstm": run}, seconds=1)
        assert found["lstm"].skill > 0.5 > found["mean frame"].skill


class TestGenerating:
    def test_a_saved_run_generates_what_it_did(self, run):
        frames = sampling.generate_frames(run, seconds=2, count=2, seed=3)
        assert frames.shape == (2, round(2 * SMALL.rate), 64) and np.all(np.abs(frames) <= 1.1)
        np.testing.assert_array_equal(frames, sampling.generate_frames(run, seconds=2, count=2, seed=3))
        assert not np.array_equal(frames, sampling.generate_frames(run, seconds=2, count=2, seed=4))
        assert repr(run).startswith("Run(spectral_lstm")

    def test_the_loop_continues_a_primer_as_the_network_does(self, run, data):
        primer = data.test[0][:10]
        frames = sampling.generate_frames(run, seconds=0.2, primer=primer, noise=0.0, seed=0)
        outputs = run.model(primer[None])[:, -1]
        means, _, weights = run.model.split(outputs)
        choices = np.clip(np.array(means)[0], -1, 1.1)
        assert np.abs(choices - frames[0, 0]).max(axis=1).min() < 1e-4

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"seconds": 0}, "seconds must make at least one frame, and at most 600, got 0"),
            ({"seconds": 10**6}, "at most 600, got 1000000"),
            ({"noise": -1}, "noise must lie between 0 and 2, got -1"),
            ({"temperature": 0}, "temperature between 0.01 and 10, got 0"),
            ({"count": 0}, "count must be"),
            ({"primer": np.zeros((3, 5))}, r"shape \(frames, 64\), got \(3, 5\)"),
        ],
    )
    def test_bad_options(self, run, options, message):
        with pytest.raises(ValueError, match=message):
            sampling.generate_frames(run, **options)

    def test_runs_of_tokens_and_of_frames_are_told_apart(self, run):
        with pytest.raises(ValueError, match="got 'models/folk_sound'; load it first"):
            sampling.generate_frames("models/folk_sound", seconds=1)
        with pytest.raises(ValueError, match="sampling.generate_frames"):
            sampling.generate(run)


def test_mfcc_are_learned_and_generated_as_well(tmp_path):
    encoding = Spectra("mfcc", bands=20, sample_rate=22050, hop=512)
    data = dataset.prepare_sound(split(), encoding, seconds=3)
    assert np.abs(data.train.ids).max() <= 1
    options, settings = {"units": [16], "components": 2}, config.TrainingConfig(24, 4, epochs=2)
    run = training.train(data, config.Config("t", ModelConfig("spectral_lstm", options), settings), progress=False)
    frames = sampling.generate_frames(run, seconds=1, seed=0)[0]
    assert frames.shape == (43, 20) and np.all(np.isfinite(encoding.decode(frames)))


class TestMeasures:
    def test_repeating_the_last_frame_has_no_skill(self, data, run):
        found = spectral.predictions(data, {"ours": run})
        assert list(found) == ["last frame", "mean frame", "ridge", "ours"]
        assert found["last frame"].skill == 0
        assert all(value.mse == pytest.approx((value.rmse_db / 40) ** 2) for value in found.values())

    def test_ridge_finds_a_linear_rule(self, data):
        wave = np.sin(np.arange(300)[:, None] * np.linspace(0.2, 0.5, 5)).astype(np.float32)
        noise = np.random.default_rng(0).normal(scale=1e-3, size=wave.shape).astype(np.float32)
        pieces = Pieces(wave + noise, np.array([0, 300]))
        vocabulary = encodings.Vocabulary(encodings.vocabulary.RESERVED)
        found = spectral.predictions(dataset.Dataset(pieces, pieces, pieces, vocabulary, Spectra(bands=5), {}), {})
        assert found["ridge"].skill > 0.97

    def test_energy_and_flux(self):
        frames = np.full((40, 4), -0.5)
        frames[10::2] = 0.5
        assert spectral.energy(frames, 10).tolist() == [-0.5, 0, 0, 0]
        np.testing.assert_allclose(spectral.flux(frames, 10), [0, 4 / 9, 4 / 9, 4 / 9])
        assert spectral.within([np.array([0.0, 5.0])], [np.linspace(0, 1, 101) - 0.5]) == 0.5

    def test_a_drone_has_one_tone(self, data):
        drone = np.full_like(data.test[0], -1.0)
        drone[:, 7] = 0.5
        assert spectral.free_running([drone], data).tones == 1
        found = spectral.free_running([*data.test], data)
        assert found.tones > 3 and found.nearest_copy_db > 1

    def test_a_copy_is_found(self, data):
        rng = np.random.default_rng(0)
        new = rng.uniform(-1, 1, (40, 64)).astype(np.float32)
        before = spectral.nearest_copy(new, data.train, 10)
        new[15:25] = data.train[2][7:17]
        assert spectral.nearest_copy(new, data.train, 10) < 0.05 < before


def test_sound_is_written_and_played_from_samples(tmp_path):
    path = audio.write_wav(sine(), tmp_path / "a.wav", RATE)
    samples, rate = soundfile.read(path)
    assert rate == RATE and samples.shape == (2 * RATE,) and np.abs(samples - sine()).max() < 1e-4
    assert audio.player(sine(), RATE).data[:4] == b"RIFF"


@pytest.fixture(scope="module")
def vibe_ace(tmp_path_factory):
    """A real recording: Kevin MacLeod, "Vibe Ace" (CC BY 3.0), within the source distribution of librosa 0.7.2."""
    folder = tmp_path_factory.mktemp("recording")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "librosa==0.7.2"]
    done = subprocess.run([*command, "--dest", str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"librosa 0.7.2 cannot be downloaded: {done.stderr.strip().splitlines()[-1:]}")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        name = next(name for name in archive.getnames() if name.endswith("Vibe_Ace.ogg"))
        path = folder / "vibe_ace.ogg"
        path.write_bytes(archive.extractfile(name).read())
    return path


def test_a_real_recording_is_read_rebuilt_and_learned(vibe_ace: pathlib.Path):
    samples = audio.read_audio(vibe_ace, RATE)
    assert 55 < len(samples) / RATE < 70
    encoding = Spectra()
    frames = encoding.encode(samples[: 10 * RATE])
    again = encoding.encode(encoding.decode(frames))
    assert 40 * np.sqrt(np.mean((again - frames) ** 2)) < 5  # dB
    data = dataset.prepare_sound(vibe_ace, SMALL, seconds=3)
    settings = config.TrainingConfig(24, 4, epochs=2, learning_rate=3e-3)
    options = {"units": [32], "components": 4}
    run = training.train(data, config.Config("t", ModelConfig("spectral_lstm", options), settings), progress=False)
    assert run.history["val_loss"][-1] < run.history["val_loss"][0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heard = SMALL.decode(sampling.generate_frames(run, seconds=2, primer=data.test[0], seed=0)[0])
    assert np.all(np.isfinite(heard)) and np.abs(heard).max() > 0.5


def test_recordings_have_the_suffixes_that_are_searched(tmp_path):
    for suffix in recordings.SUFFIXES:
        soundfile.write(tmp_path / f"a{suffix}", sine(), RATE)
        assert len(audio.read_audio(tmp_path / f"a{suffix}", RATE))
