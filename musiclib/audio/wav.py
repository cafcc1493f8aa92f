"""WAV files, and a player for notebooks."""

from __future__ import annotations

import pathlib
import wave
from typing import TYPE_CHECKING

import numpy as np

from musiclib import _atomic
from musiclib.audio.synthesis import synthesize
from musiclib.score import Score

if TYPE_CHECKING:
    import IPython.display


def write_wav(score: Score, path: str | pathlib.Path, sample_rate: int = 44100) -> pathlib.Path:
    """Writes a score's sound as a WAV file: stereo, 16 bits.

    Args:
        score: as for ``synthesize``, which says what it raises.
        path: where to; missing folders are made, and a file that is there is replaced once all is written.
        sample_rate: samples a second.

    Returns:
        The path.
    """
    audio = synthesize(score, sample_rate)
    path = pathlib.Path(path).expanduser()
    with _atomic.replacing(path) as place, wave.open(place, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for block in np.array_split(audio, len(audio) // 1_000_000 + 1):  # the integers need no second copy of all
            file.writeframes(np.round(block * 32767).astype("<i2").tobytes())
    return path


def player(score: Score, sample_rate: int = 22050) -> IPython.display.Audio:
    """Returns a player that a notebook shows below a cell; the sound is part of it, about 5 MB a minute.

    Args:
        score: as for ``synthesize``, which says what it raises.
        sample_rate: samples a second; 44100 doubles the size.
    """
    from IPython.display import Audio

    return Audio(synthesize(score, sample_rate).T, rate=sample_rate, normalize=False)
