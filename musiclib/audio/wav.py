"""WAV files and a notebook player."""

from __future__ import annotations

import pathlib
import wave
from typing import IO, TYPE_CHECKING

import numpy as np

from musiclib import _atomic
from musiclib.audio.synthesis import synthesize
from musiclib.score import Score
from musiclib.score.checking import check_score, check_written

if TYPE_CHECKING:
    import IPython.display


def write_wav(score: Score | np.ndarray, path: str | pathlib.Path, sample_rate: int = 44100) -> pathlib.Path:
    """Saves a score, rendered in stereo, or samples as a WAV file of 16 bits; raises the same errors as ``synthesize``.

    Args:
        score: at least one note; or (samples,) or (samples, channels) between -1 and 1.
        path: the file to write (atomically); missing folders are created.
        sample_rate: samples per second.

    Returns:
        The path.
    """
    if isinstance(path, Score):
        check_written(score, path, "write_wav")
    audio = _samples(score, sample_rate, "write_wav")
    path = pathlib.Path(path).expanduser()
    with _atomic.replacing(path) as place:
        write_samples(audio, place, sample_rate)
    return path


def write_samples(audio: np.ndarray, file: IO[bytes], sample_rate: int) -> None:
    """Writes samples (n, channels) between -1 and 1 to an open file, as WAV of 16 bits."""
    with wave.open(file, "wb") as sound:
        sound.setnchannels(audio.shape[1])
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        for block in np.array_split(audio, len(audio) // 1_000_000 + 1):  # in blocks, to save memory
            sound.writeframes(np.round(block * 32767).astype("<i2").tobytes())


def player(score: Score | np.ndarray, sample_rate: int = 22050) -> IPython.display.Audio:
    """Returns a notebook player with embedded audio, about 5 MB per minute; raises the same errors as ``synthesize``.

    Args:
        score: at least one note; or (samples,) or (samples, channels) between -1 and 1.
        sample_rate: samples per second; 44100 doubles the size.
    """
    from IPython.display import Audio

    return Audio(_samples(score, sample_rate, "player").T, rate=sample_rate, normalize=False)


def _samples(score: Score | np.ndarray, sample_rate: int, function: str) -> np.ndarray:
    """Returns (samples, channels)."""
    samples = np.asarray(score) if hasattr(score, "__array__") else np.zeros(0, np.int64)
    if not np.issubdtype(samples.dtype, np.floating):
        check_score(score, function)
        return synthesize(score, sample_rate)
    if samples.ndim not in (1, 2) or not len(samples) or not np.abs(samples).max() <= 1:
        raise ValueError(f"samples must be (samples,) or (samples, channels) between -1 and 1, got {samples.shape}")
    return samples.reshape(len(samples), -1)
