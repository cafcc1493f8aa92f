"""Spectra: an array encoding, audio as frames of a log-mel spectrogram or of MFCCs."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from scipy.fft import dct, idct

from musiclib.audio import synthesize
from musiclib.audio.spectra import audio_of, log_mel
from musiclib.audio.synthesis import check_rate
from musiclib.encodings.base import Encoding
from musiclib.score import Score
from musiclib.score.checking import check_score

KINDS = ("log-mel", "mfcc")
_MEL_BANDS = 128  # from which MFCCs are computed
_MFCC_SCALE = np.float32(_MEL_BANDS**-0.5)  # the first coefficient is then the mean of the bands


@dataclasses.dataclass(frozen=True)
class Spectra(Encoding):
    """Frames of a spectrogram; an array encoding: arrays stand in the place of tokens, and it decodes to audio.

    Args:
        kind: ``"log-mel"``, which keeps the pitch (with 192 bands, from C4 up within a quarter of a semitone on the
            way back to audio), or ``"mfcc"``, which keeps the timbre: the first coefficients of the discrete cosine
            transform of each log-mel frame.
        bands: values of a frame.
        sample_rate: of the audio.
        window: samples of a frame.
        hop: samples from one frame to the next.

    Raises:
        ValueError: at an invalid option.
    """

    name: ClassVar[str] = "Spectra"
    percussion: ClassVar[bool] = True

    kind: str = "log-mel"
    bands: int = 192
    sample_rate: int = 16000
    window: int = 2048
    hop: int = 800  # 20 frames a second: at 120 quarter notes a minute, an eighth is 5 frames

    def __post_init__(self) -> None:
        check_rate("Spectra", self.sample_rate)
        most = _MEL_BANDS if self.kind == "mfcc" else self.window // 4
        if self.kind not in KINDS:
            raise ValueError(f"Spectra: kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not 1 <= self.bands <= most:
            raise ValueError(f"Spectra: bands must lie between 1 and {most} for {self.kind}, got {self.bands}")
        if not 64 <= self.hop <= self.window // 2:
            raise ValueError(
                f"Spectra: hop must lie between 64 and {self.window // 2}, half the window, got {self.hop}"
            )

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop

    def encode(self, score: Score | np.ndarray) -> np.ndarray:
        """Returns the frames of a Score, rendered with the SoundFont, or of mono samples: (frames, bands) float32."""
        samples = score
        if not isinstance(score, np.ndarray):
            check_score(score, "Spectra.encode")
            samples = synthesize(score, self.sample_rate).mean(axis=1)
        bands = _MEL_BANDS if self.kind == "mfcc" else self.bands
        frames = log_mel(samples, self.sample_rate, self.window, self.hop, bands)
        return dct(frames, norm="ortho")[:, : self.bands] * _MFCC_SCALE if self.kind == "mfcc" else frames

    def decode(self, tokens: np.ndarray) -> np.ndarray:
        """Returns the audio of frames (frames, bands), (samples,) float32; see ``audio.spectra.audio_of``."""
        frames = np.asarray(tokens)
        if frames.ndim != 2 or frames.shape[1] != self.bands or not len(frames):
            raise ValueError(f"Spectra decodes frames of shape (frames, {self.bands}), got {frames.shape}")
        frames = idct(frames / _MFCC_SCALE, n=_MEL_BANDS, norm="ortho") if self.kind == "mfcc" else frames
        return audio_of(frames, self.sample_rate, self.window, self.hop)

    def knows(self, token: str) -> bool:
        return False
