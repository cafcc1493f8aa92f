"""Synthesis: renders a Score with a SoundFont, in NumPy.

Supported are tuning, loops, the volume envelope, the low-pass filter and panning; vibrato, the modulation envelope and
reverb are not. The default SoundFont is TimGM6mb, a General MIDI font in the package ``pretty_midi``.

Why not a library: midirenderer 0.1.3 is limited to 48,000 Hz, 16 bits and 64 voices. Soft notes are noisy or silent,
dense chords lose notes, and a chorale of 60 s at 22,050 Hz took 0.45 s (this file: 0.16 s). The synthesizer of symusic
0.5.8 plays TimGM6mb out of tune; tinysoundfont has no wheel for Python 3.13.
"""

from __future__ import annotations

import pathlib
import warnings

import numpy as np
from tqdm.auto import tqdm

from musiclib import config
from musiclib.audio import soundfont as sf
from musiclib.score import Score
from musiclib.score.checking import check_score

MAXIMUM_SECONDS = 30 * 60  # 600 MB of stereo samples at 44,100 Hz, which fit in the memory of a small machine
LONGEST_TAIL = 2.0  # maximum release of the last note, in seconds
SHORTEST_RELEASE = 0.03  # seconds; a note cut off faster than this clicks
PEAK = 10 ** (-1 / 20)  # -1 dBFS: headroom for players that resample
SAMPLE_RATES = (8_000, 192_000)


def synthesize(score: Score, sample_rate: int = 44100, soundfont: str | pathlib.Path | None = None) -> np.ndarray:
    """Renders a score as audio.

    Args:
        score: at least one note; the tempo map, programs and velocities are used. Percussion parts are played by the
            SoundFont's drum kit, if it has one.
        sample_rate: samples per second, 8,000 to 192,000.
        soundfont: a ``.sf2`` file; None is the one in the package ``pretty_midi``.

    Returns:
        (samples, 2) float32, left and right, with a peak of -1 dBFS. It ends after the release of the last note, at
        most ``LONGEST_TAIL`` seconds.

    Raises:
        FileNotFoundError: if the SoundFont does not exist.
        ValueError: if the score is empty or longer than 30 minutes, the sample rate is invalid, or the SoundFont
            cannot be read or has no sound for these notes.
    """
    check_score(score, "synthesize")
    if not len(score):
        raise ValueError("synthesize: the score has no notes, so there is nothing to play; give one with notes")
    check_rate("synthesize", sample_rate)
    starts, ends = score.seconds()
    if ends.max() > MAXIMUM_SECONDS:
        raise ValueError(
            f"synthesize: the score lasts {ends.max() / 60:.1f} minutes, more than the {MAXIMUM_SECONDS // 60} that fit"
            " into memory; play it in pieces, as in score.slice(0, 400)"
        )
    font = sf.load_font(sf.find_soundfont(soundfont))
    if score.is_percussion.any() and not font.has_drums:
        warnings.warn("the SoundFont has no drum kit (bank 128), so that percussion is silent", stacklevel=2)
    audio = np.zeros((int((ends.max() + LONGEST_TAIL) * sample_rate) + 1, 2), dtype=np.float32)
    first = np.round(starts * sample_rate).astype(np.int64)
    held = np.maximum(np.round(ends * sample_rate).astype(np.int64) - first, 1)
    # Notes of the same program, pitch and velocity share one tone, rendered for the longest of them.
    keys = np.stack([np.asarray(score.programs)[score.part], score.pitch, score.velocity])
    tones, which = np.unique(keys, axis=1, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(which.reshape(-1)))[:-1])
    bar = tqdm(
        zip(tones.T.tolist(), groups, strict=True), "rendering", len(groups), unit="tone", delay=config.BAR_AFTER
    )
    for (program, pitch, velocity), notes in bar:
        for zone in font.zones(program, pitch, velocity):
            release = int(sample_rate * min(max(_time(zone[sf.RELEASE]), SHORTEST_RELEASE), LONGEST_TAIL))
            tone = _tone(font, zone, pitch, velocity, int(held[notes].max()) + release, sample_rate)
            fade = np.exp(np.linspace(0.0, -np.log(1e5), release, dtype=np.float32))  # to -100 dB, as specified
            angle = np.pi / 4 * (1 + np.clip(zone[sf.PAN] / 500, -1, 1))  # equal power at every position
            gains = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
            for note in notes:
                piece = tone[: held[note] + release].copy()
                tail = piece[held[note] :]
                tail *= fade[: len(tail)]
                audio[first[note] : first[note] + len(piece)] += piece[:, None] * gains
    return _finish(audio, int(first.max()), int((first + held).max()), sample_rate)


def check_rate(caller: str, sample_rate: int) -> None:
    """Raises ValueError if a sample rate is not whole, or outside 8,000 to 192,000."""
    if not SAMPLE_RATES[0] <= sample_rate <= SAMPLE_RATES[1] or sample_rate != int(sample_rate):
        raise ValueError(f"{caller}: sample_rate must be whole, from 8000 to 192000, got {sample_rate}; try 44100")


def _time(timecents: float) -> float:
    """Converts timecents to seconds: 0 is one second, +1200 doubles the time."""
    return float(2.0 ** (min(timecents, 8000) / 1200))


def _tone(font: sf.Font, zone: dict, pitch: int, velocity: int, count: int, sample_rate: int) -> np.ndarray:
    """Renders a sample at the given pitch, without the release: (n,) float32, n up to ``count``."""
    header = font.tables["shdr"][zone[sf.SAMPLE]]
    start = int(header["start"]) + zone[sf.START] + 32768 * zone[sf.START_COARSE]
    end = min(int(header["end"]) + zone[sf.END] + 32768 * zone[sf.END_COARSE], len(font.samples))
    loop_start = int(header["loop_start"]) + zone[sf.LOOP_START] + 32768 * zone[sf.LOOP_START_COARSE] - start
    loop_end = int(header["loop_end"]) + zone[sf.LOOP_END] + 32768 * zone[sf.LOOP_END_COARSE] - start
    wave_form = font.samples[start:end].astype(np.float32) / 32768
    key = zone[sf.FIXED_KEY] if zone[sf.FIXED_KEY] >= 0 else pitch
    root = zone[sf.ROOT_KEY] if zone[sf.ROOT_KEY] >= 0 else int(header["key"])
    cents = (
        (key - root) * zone[sf.SCALE_TUNING] + 100 * zone[sf.COARSE_TUNE] + zone[sf.FINE_TUNE] + int(header["cents"])
    )
    positions = np.arange(count) * (2.0 ** (cents / 1200) * float(header["rate"]) / sample_rate)
    if zone[sf.LOOPS] in (1, 3) and 0 <= loop_start < loop_end <= len(wave_form):
        wave_form = np.append(wave_form[:loop_end], wave_form[loop_start])  # to interpolate across the loop boundary
        over = positions >= loop_end
        positions[over] = loop_start + (positions[over] - loop_start) % (loop_end - loop_start)
    else:
        positions = positions[positions < len(wave_form) - 1]
    if not len(positions):
        return np.zeros(0, dtype=np.float32)
    tone = np.interp(positions, np.arange(len(wave_form)), wave_form)
    if zone[sf.FILTER] < sf.OPEN_FILTER:
        size = 1 << len(tone).bit_length()  # a power of two, for a fast FFT
        share = np.fft.rfftfreq(size, 1 / sample_rate) / (8.176 * 2.0 ** (zone[sf.FILTER] / 1200))
        tone = np.fft.irfft(np.fft.rfft(tone, size) / np.sqrt(1 + share**4))[: len(tone)]
    times = np.arange(len(tone)) / sample_rate - _time(zone[sf.DELAY])
    attack = _time(zone[sf.ATTACK])
    hold = _time(zone[sf.HOLD] + zone[sf.KEY_TO_HOLD] * (60 - key))
    decay = _time(zone[sf.DECAY] + zone[sf.KEY_TO_DECAY] * (60 - key))
    falling = np.clip((times - attack - hold) / decay * 100, 0, np.clip(zone[sf.SUSTAIN] / 10, 0, 100))  # decibels
    strength = zone[sf.FIXED_VELOCITY] if zone[sf.FIXED_VELOCITY] >= 0 else velocity
    loudness = (strength / 127) ** 2 * 10 ** (-sf.ATTENUATION_SHARE * zone[sf.ATTENUATION] / 200)
    return (tone * np.clip(times / attack, 0, 1) * 10 ** (-falling / 20) * loudness).astype(np.float32)


def _finish(audio: np.ndarray, last_start: int, end: int, sample_rate: int) -> np.ndarray:
    """Trims silence after the last audible sample, fades out the end and normalizes the peak."""
    peak = max(float(audio.max()), -float(audio.min()))
    if not peak > 0:
        raise ValueError("synthesize: the SoundFont has no sound for these notes; choose another or other programs")
    audible = np.flatnonzero(np.abs(audio[last_start:]).max(axis=1) > peak / 1000)
    stop = max(end, last_start + int(audible[-1]) + 1 if len(audible) else 0)
    fade = min(int(0.05 * sample_rate), len(audio) - stop)
    audio = audio[: stop + fade]
    audio[stop:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
    audio *= np.float32(PEAK / peak)
    return audio
