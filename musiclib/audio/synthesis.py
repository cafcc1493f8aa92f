"""Synthesis: a Score becomes samples, played by the library ``midirenderer`` from the recordings of a SoundFont.

By default the SoundFont is TimGM6mb, a General MIDI set of instruments that comes with the package ``pretty_midi``.

``midirenderer`` plays MIDI at 48,000 samples a second, 16 bits, with 64 voices, and stops at the last MIDI event. This
module feeds it layers of few notes, sets their volume so that nothing is clipped, and adds them at the rate wanted.
"""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Iterator

import numpy as np

from musiclib.score import COLUMNS, Score
from musiclib.writers.midi import TICKS, to_symusic

MAXIMUM_SECONDS = 30 * 60  # what a small machine has the memory for
LONGEST_TAIL = 2.0  # seconds that the last note may ring on
PEAK = 10 ** (-1 / 20)  # -1 dBFS: a little room for players that resample
SAMPLE_RATES = (8_000, 192_000)

NATIVE_RATE = 48_000  # samples a second that midirenderer gives
HEADER = 44  # bytes of its WAV file before the samples
CHANNELS = 15  # of MIDI, without that of the drums
AT_ONCE = 10  # notes of a layer that sound together: an instrument of TimGM6mb takes up to 6 of the 64 voices a note
QUIETEST = 64  # the loudest velocity of a score is raised to this, as 16 bits leave little of softer notes
VOLUME, FULL_VOLUME, UNUSED = 7, 127, 3  # MIDI controllers and their highest value
SECONDS = 8  # a block that is resampled, with one more second on each side


def synthesize(score: Score, sample_rate: int = 44100, soundfont: str | pathlib.Path | None = None) -> np.ndarray:
    """Plays a score.

    Args:
        score: at least one note; the tempo map, each part's program and the velocities are followed.
        sample_rate: samples a second, 8,000 to 192,000.
        soundfont: a ``.sf2`` file; None takes the one that comes with ``pretty_midi``.

    Returns:
        (samples, 2) float32, left and right, the loudest sample at -1 dBFS. It lasts to the end of the last note,
        and then until what still rings has died away, at most ``LONGEST_TAIL`` seconds.

    Raises:
        FileNotFoundError: where there is no such SoundFont.
        ValueError: at an empty score, one of more than 30 minutes, an impossible sample rate, or a SoundFont that
            cannot be read or has no sound for these notes.
    """
    if not len(score):
        raise ValueError("synthesize: the score has no notes, so there is nothing to play; give one with notes")
    if not SAMPLE_RATES[0] <= sample_rate <= SAMPLE_RATES[1] or sample_rate != int(sample_rate):
        raise ValueError(f"synthesize: sample_rate must be whole, from 8000 to 192000, got {sample_rate}; try 44100")
    starts, ends = score.seconds()
    if ends.max() > MAXIMUM_SECONDS:
        raise ValueError(
            f"synthesize: the score lasts {ends.max() / 60:.1f} minutes, more than the {MAXIMUM_SECONDS // 60} that fit"
            " into memory; play it in pieces, as in score.slice(0, 400)"
        )
    path = _find_soundfont(soundfont)
    # At 60 quarters a minute a quarter is a second: tempos that MIDI cannot hold are no hindrance then.
    lengths = np.maximum(ends - starts, 1 / TICKS)
    louder = max(1.0, QUIETEST / score.velocity.max())
    timed = score.replace(
        onset=starts, duration=lengths, velocity=np.rint(score.velocity * louder), tempos=((0, 60),), time_signatures=()
    )
    audio = np.zeros((int((ends.max() + LONGEST_TAIL) * NATIVE_RATE) + 1, 2), dtype=np.float32)
    for layer in _layers(timed):
        _add(layer, audio, path)
    audio = _resample(audio, int(sample_rate))
    return _finish(audio, int(starts.max() * sample_rate), int(ends.max() * sample_rate) + 1, int(sample_rate))


def _find_soundfont(path: str | pathlib.Path | None) -> pathlib.Path:
    if path is not None:
        path = pathlib.Path(path).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"no such SoundFont: {path}; give the path of a .sf2 file, or None for the default")
        return path
    package = importlib.util.find_spec("pretty_midi")  # finds the folder without running the package
    path = pathlib.Path(package.origin).parent / "TimGM6mb.sf2" if package and package.origin else None
    if path is None or not path.is_file():
        where = path or "the package pretty_midi, which is not installed"
        raise FileNotFoundError(f"no SoundFont in {where}; run pip install pretty_midi, or give a .sf2 file")
    return path


def _layers(score: Score) -> Iterator[Score]:
    """Yields scores of at most ``CHANNELS`` parts and ``AT_ONCE`` notes at a time that together are the score."""
    for first in range(0, len(score.part_names), CHANNELS):
        parts = slice(first, first + CHANNELS)
        chosen = np.flatnonzero(score.part // CHANNELS == first // CHANNELS)
        chosen = chosen[np.argsort(score.onset[chosen], kind="stable")]
        busy: list[float] = []  # until when each place is taken; a note takes the first that is free
        places = []
        for onset, duration in zip(score.onset[chosen].tolist(), score.duration[chosen].tolist(), strict=True):
            place = next((number for number, until in enumerate(busy) if until <= onset), len(busy))
            busy[place : place + 1] = [onset + duration]
            places.append(place)
        for layer in range(-(-len(busy) // AT_ONCE)):
            columns = {name: getattr(score, name)[chosen[np.array(places) // AT_ONCE == layer]] for name in COLUMNS}
            columns["part"] = columns["part"] - first
            yield score.replace(**columns, part_names=score.part_names[parts], programs=score.programs[parts])


def _add(score: Score, audio: np.ndarray, soundfont: pathlib.Path) -> None:
    """Adds the sound of a score, whose quarters are seconds, to (samples, 2) of ``NATIVE_RATE``."""
    import midirenderer
    import symusic

    end = round((score.end + LONGEST_TAIL) * TICKS)
    volume, limit = FULL_VOLUME, np.iinfo(np.int16)
    while volume:
        midi = to_symusic(score)
        for track in midi.tracks:
            track.controls.append(symusic.ControlChange(0, VOLUME, volume))
        midi.tracks[0].controls.append(symusic.ControlChange(end, UNUSED, 0))  # the sound lasts to the last event
        try:
            data = midirenderer.render_wave_from(soundfont.read_bytes(), midi.dumps_midi())
        except BaseException as error:  # a panic in Rust is no Exception, and its type has no name to import
            if not isinstance(error, RuntimeError) and type(error).__name__ != "PanicException":
                raise
            message = f"{soundfont} is no SoundFont, or damaged ({error}); give a .sf2 file, or None for the default"
            raise ValueError(message) from error
        samples = np.frombuffer(data, dtype="<i2", offset=HEADER).reshape(-1, 2)[: len(audio)]
        if samples.max(initial=0) < limit.max and samples.min(initial=0) > limit.min:
            break
        volume //= 2  # it was clipped; half of the controller is a quarter of the amplitude
    scale = np.float32((FULL_VOLUME / volume) ** 2)
    for block in range(0, len(samples), NATIVE_RATE):  # the floats need no second copy of all
        audio[block : block + NATIVE_RATE][: len(samples) - block] += samples[block : block + NATIVE_RATE] * scale


def _resample(audio: np.ndarray, rate: int) -> np.ndarray:
    """Converts (samples, 2) of ``NATIVE_RATE`` to ``rate``, by Fourier transforms of blocks of whole seconds."""
    if rate == NATIVE_RATE:
        return audio
    count = round(len(audio) * rate / NATIVE_RATE)
    new = np.empty((count, 2), dtype=np.float32)
    for second in range(0, -(-count // rate), SECONDS):
        # One second more on each side: what wraps around in the transform does not reach the middle.
        first, last = (second - 1) * NATIVE_RATE, (second + SECONDS + 1) * NATIVE_RATE
        block = audio[max(first, 0) : last]
        block = np.pad(block, ((max(-first, 0), 0), (0, 0)))
        spectrum = np.fft.rfft(block, (SECONDS + 2) * NATIVE_RATE, axis=0)
        block = np.fft.irfft(spectrum, (SECONDS + 2) * rate, axis=0)[rate : rate * (SECONDS + 1)]
        new[second * rate : second * rate + len(block)] = block[: count - second * rate]
    return new


def _finish(audio: np.ndarray, last_start: int, end: int, sample_rate: int) -> np.ndarray:
    """Cuts what follows the last audible sample, lets the end run out softly, and sets the loudness."""
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
