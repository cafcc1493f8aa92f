"""Recordings: reads audio files as mono samples."""

from __future__ import annotations

import importlib
import pathlib
import types
import warnings

import numpy as np

from musiclib.audio.synthesis import PEAK, check_rate

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff")
MAXIMUM_SECONDS = 30 * 60
CLIPPED = 0.001  # fraction of samples at full scale from which a recording counts as clipped


def read_audio(
    path: str | pathlib.Path, sample_rate: int = 22050, start: float = 0.0, seconds: float | None = None
) -> np.ndarray:
    """Reads a recording: WAV, FLAC, OGG, MP3 or AIFF, mono or stereo, of any sample rate.

    Args:
        path: the file.
        sample_rate: of the result, 8,000 to 192,000; a recording of another rate is resampled.
        start: where to start, in seconds.
        seconds: how much to read, above 0; None reads to the end. More than 30 minutes are an error.

    Returns:
        (samples,) float32: the mean of the channels, with a peak of -1 dBFS.

    Raises:
        FileNotFoundError: if the file does not exist.
        ImportError: without librosa and soundfile.
        ValueError: if it is not audio, empty, silent, too long, has more than two channels, or the rate is invalid.
    """
    check_rate("read_audio", sample_rate)
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"no such recording: {path}")
    soundfile, librosa = needed("soundfile"), needed("librosa")
    try:
        with soundfile.SoundFile(path) as file:
            rate, channels, length = file.samplerate, file.channels, file.frames
            first = round(start * rate)
            count = length - first if seconds is None else min(round(seconds * rate), length - first)
            if count > MAXIMUM_SECONDS * rate:
                raise ValueError(
                    f"{path} lasts {length / rate / 60:.0f} minutes, more than the {MAXIMUM_SECONDS // 60} that are"
                    " read at once; read a part, with start and seconds"
                )
            if not 1 <= channels <= 2:
                raise ValueError(f"{path} has {channels} channels; mix them down to one or two first")
            if start < 0 or count <= 0:
                raise ValueError(
                    f"{path} has no sound from second {start:g} for {seconds} seconds: it lasts {length / rate:.1f}"
                )
            file.seek(first)
            audio = file.read(count, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(
            f"{path} cannot be read as audio ({error.error_string.strip('. ')}); give a WAV, FLAC, OGG or MP3 file;"
            " of a video, save its sound as one first"
        ) from error
    full = float(np.mean(np.abs(audio) >= 0.999))
    if full > CLIPPED:
        warnings.warn(f"{path} is clipped: {full:.1%} of its samples are at full scale", stacklevel=2)
    audio = audio.mean(axis=1)
    if not np.all(np.isfinite(audio)) or np.abs(audio).max() < 1e-5:
        raise ValueError(f"{path} is silent from second {start:g}, or has no finite samples; give another recording")
    if rate != sample_rate:
        audio = librosa.resample(audio, orig_sr=rate, target_sr=sample_rate)
    return (audio * (PEAK / np.abs(audio).max())).astype(np.float32)


def needed(package: str) -> types.ModuleType:
    """Imports a package of the extra ``audio``; its absence is an ImportError with the remedy."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"recordings and spectra need {package}: run pip install librosa soundfile") from error
