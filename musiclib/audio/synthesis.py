"""Audio: a Score becomes sound, as an array, a WAV file or a player in a notebook.

A SoundFont holds recordings of instruments and says which of them a key plays, how it is tuned and how its loudness
runs. This module reads that (the SoundFont 2.04 specification, E-mu Systems, names the numbers below) and plays it
with NumPy alone, so that no system library is needed. The parts that shape a note most are played: tuning, loops,
the volume envelope, low-pass filter and panning; vibrato, the modulation envelope and reverberation are not.

By default the SoundFont is TimGM6mb, a General MIDI set of instruments that comes with the package ``pretty_midi``.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import pathlib
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from musiclib import _atomic
from musiclib.score import Score

if TYPE_CHECKING:
    import IPython.display

MAXIMUM_SECONDS = 30 * 60  # stereo samples of this take 600 MB at 44,100 a second, what a small machine can hold
LONGEST_TAIL = 2.0  # seconds that the last note may ring on
SHORTEST_RELEASE = 0.03  # seconds; a note cut off faster than this clicks
PEAK = 10 ** (-1 / 20)  # -1 dBFS: a little room for players that resample
SAMPLE_RATES = (8_000, 192_000)

# Generators of the SoundFont specification, section 8.1, and what holds where a font leaves them out.
START, END, LOOP_START, LOOP_END, START_COARSE, FILTER, END_COARSE, PAN = 0, 1, 2, 3, 4, 8, 12, 17
DELAY, ATTACK, HOLD, DECAY, SUSTAIN, RELEASE, KEY_TO_HOLD, KEY_TO_DECAY = 33, 34, 35, 36, 37, 38, 39, 40
INSTRUMENT, KEYS, VELOCITIES, LOOP_START_COARSE, FIXED_KEY, FIXED_VELOCITY, ATTENUATION = 41, 43, 44, 45, 46, 47, 48
LOOP_END_COARSE, COARSE_TUNE, FINE_TUNE, SAMPLE, LOOPS, SCALE_TUNING, ROOT_KEY = 50, 51, 52, 53, 54, 56, 58
DEFAULTS = {FILTER: 13500, SCALE_TUNING: 100, FIXED_KEY: -1, FIXED_VELOCITY: -1, ROOT_KEY: -1}
DEFAULTS |= dict.fromkeys((DELAY, ATTACK, HOLD, DECAY, RELEASE), -12000)
OPEN_FILTER = 13500  # cents above 8.176 Hz: the whole range of hearing passes
ATTENUATION_SHARE = 0.4  # fonts are made for synthesizers that, as the first one did, apply this much of it

# Tables of the chunk "pdta"; the fields that this module does not use are padding.
TABLES = {
    "phdr": [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("", "V12")],
    "pbag": [("generator", "<u2"), ("", "V2")],
    "pgen": [("kind", "<u2"), ("amount", "<i2")],
    "inst": [("name", "S20"), ("bag", "<u2")],
    "ibag": [("generator", "<u2"), ("", "V2")],
    "igen": [("kind", "<u2"), ("amount", "<i2")],
    "shdr": [("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"), ("loop_end", "<u4")]
    + [("rate", "<u4"), ("key", "u1"), ("cents", "i1"), ("link", "<u2"), ("type", "<u2")],
}


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
    font = _font(_find_soundfont(soundfont))
    audio = np.zeros((int((ends.max() + LONGEST_TAIL) * sample_rate) + 1, 2), dtype=np.float32)
    first = np.round(starts * sample_rate).astype(np.int64)
    held = np.maximum(np.round(ends * sample_rate).astype(np.int64) - first, 1)
    # Notes of one program, pitch and velocity begin alike: each such tone is made once, as long as its longest note.
    keys = np.stack([np.asarray(score.programs)[score.part], score.pitch, score.velocity])
    tones, which = np.unique(keys, axis=1, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    for (program, pitch, velocity), notes in zip(
        tones.T.tolist(), np.split(order, np.cumsum(np.bincount(which.reshape(-1)))[:-1]), strict=True
    ):
        for zone in font.zones(program, pitch, velocity):
            release = int(sample_rate * min(max(_time(zone[RELEASE]), SHORTEST_RELEASE), LONGEST_TAIL))
            tone = _tone(font, zone, pitch, velocity, int(held[notes].max()) + release, sample_rate)
            fade = np.exp(np.linspace(0.0, -np.log(1e5), release, dtype=np.float32))  # to -100 dB, as specified
            angle = np.pi / 4 * (1 + np.clip(zone[PAN] / 500, -1, 1))  # equal power at every position
            gains = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
            for note in notes:
                piece = tone[: held[note] + release].copy()
                tail = piece[held[note] :]
                tail *= fade[: len(tail)]
                audio[first[note] : first[note] + len(piece)] += piece[:, None] * gains
    return _finish(audio, int(first.max()), int((first + held).max()), sample_rate)


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


@dataclasses.dataclass(frozen=True, eq=False)
class _Font:
    samples: np.ndarray  # (n,) int16, all recordings one after the other
    tables: dict[str, np.ndarray]

    def zones(self, program: int, pitch: int, velocity: int) -> list[dict[int, int]]:
        """Returns the generators of each recording that sounds for a note."""
        headers = self.tables["phdr"][:-1]  # the last row of each table only marks its end
        match = np.flatnonzero((headers["bank"] == 0) & (headers["program"] == program))
        preset = int(match[0]) if len(match) else 0  # a font without this instrument plays its first one
        found = []
        for outer in self._bags("phdr", "pbag", "pgen", preset, INSTRUMENT):
            if not _covers(outer, pitch, velocity):
                continue
            for inner in self._bags("inst", "ibag", "igen", outer[INSTRUMENT], SAMPLE):
                if _covers(inner, pitch, velocity):
                    # What a preset says is added to what the instrument says.
                    added = {kind: outer.get(kind, 0) for kind in outer if kind not in (INSTRUMENT, KEYS, VELOCITIES)}
                    zone = dict.fromkeys(range(60), 0) | DEFAULTS | inner
                    found.append(zone | {kind: zone[kind] + amount for kind, amount in added.items()})
        return found

    def _bags(self, owner: str, bag: str, generators: str, index: int, last: int) -> Iterator[dict[int, int]]:
        defaults: dict[int, int] = {}
        for number in range(self.tables[owner]["bag"][index], self.tables[owner]["bag"][index + 1]):
            rows = self.tables[generators][slice(*self.tables[bag]["generator"][number : number + 2])]
            values = dict(zip(rows["kind"].tolist(), rows["amount"].tolist(), strict=True))
            if last in values:
                yield defaults | values
            else:  # a zone that leads nowhere holds for all that follow
                defaults = values


@functools.lru_cache(maxsize=2)
def _font(path: pathlib.Path) -> _Font:
    data = path.read_bytes()
    try:
        chunks = dict(_chunks(data)) if data[:4] == b"RIFF" and data[8:12] == b"sfbk" else {}
        tables = {name: np.frombuffer(chunks[name], dtype=np.dtype(TABLES[name])) for name in TABLES}
        samples = np.frombuffer(chunks["smpl"], dtype="<i2")
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path} is no SoundFont, or damaged; give a .sf2 file, or None for the default") from error
    if np.any(tables["shdr"]["type"] & 0x10):
        raise ValueError(f"the recordings in {path} are compressed; give an uncompressed SoundFont, a .sf2 file")
    return _Font(samples, tables)


def _chunks(data: bytes) -> Iterator[tuple[str, memoryview]]:
    """Yields (name, contents) of the chunks of a RIFF file, those inside of lists included."""
    view, position = memoryview(data), 12
    while position + 8 <= len(data):
        name, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        if name == b"LIST":
            position += 12
        else:
            yield name.decode("latin-1"), view[position + 8 : position + 8 + size]
            position += 8 + size + size % 2


def _covers(zone: dict[int, int], pitch: int, velocity: int) -> bool:
    ranges = ((zone.get(KEYS, 0x7F00), pitch), (zone.get(VELOCITIES, 0x7F00), velocity))
    return all((limits & 0xFF) <= value <= (limits >> 8 & 0xFF) for limits, value in ranges)


def _time(timecents: float) -> float:
    """Converts a SoundFont's unit of time to seconds: 0 is one second, 1200 more is twice as long."""
    return float(2.0 ** (min(timecents, 8000) / 1200))


def _tone(font: _Font, zone: dict, pitch: int, velocity: int, count: int, sample_rate: int) -> np.ndarray:
    """Returns (n,) float32, n up to ``count``: a recording at the right pitch, as if the key were never let go."""
    header = font.tables["shdr"][zone[SAMPLE]]
    start = int(header["start"]) + zone[START] + 32768 * zone[START_COARSE]
    end = min(int(header["end"]) + zone[END] + 32768 * zone[END_COARSE], len(font.samples))
    loop_start = int(header["loop_start"]) + zone[LOOP_START] + 32768 * zone[LOOP_START_COARSE] - start
    loop_end = int(header["loop_end"]) + zone[LOOP_END] + 32768 * zone[LOOP_END_COARSE] - start
    wave_form = font.samples[start:end].astype(np.float32) / 32768
    key = zone[FIXED_KEY] if zone[FIXED_KEY] >= 0 else pitch
    root = zone[ROOT_KEY] if zone[ROOT_KEY] >= 0 else int(header["key"])
    cents = (key - root) * zone[SCALE_TUNING] + 100 * zone[COARSE_TUNE] + zone[FINE_TUNE] + int(header["cents"])
    positions = np.arange(count) * (2.0 ** (cents / 1200) * float(header["rate"]) / sample_rate)
    if zone[LOOPS] in (1, 3) and 0 <= loop_start < loop_end <= len(wave_form):
        wave_form = np.append(wave_form[:loop_end], wave_form[loop_start])  # so that the wrap is interpolated, too
        over = positions >= loop_end
        positions[over] = loop_start + (positions[over] - loop_start) % (loop_end - loop_start)
    else:
        positions = positions[positions < len(wave_form) - 1]
    if not len(positions):
        return np.zeros(0, dtype=np.float32)
    tone = np.interp(positions, np.arange(len(wave_form)), wave_form)
    if zone[FILTER] < OPEN_FILTER:
        size = 1 << len(tone).bit_length()  # a power of two, fast to transform
        share = np.fft.rfftfreq(size, 1 / sample_rate) / (8.176 * 2.0 ** (zone[FILTER] / 1200))
        tone = np.fft.irfft(np.fft.rfft(tone, size) / np.sqrt(1 + share**4))[: len(tone)]
    times = np.arange(len(tone)) / sample_rate - _time(zone[DELAY])
    attack = _time(zone[ATTACK])
    hold = _time(zone[HOLD] + zone[KEY_TO_HOLD] * (60 - key))
    decay = _time(zone[DECAY] + zone[KEY_TO_DECAY] * (60 - key))
    falling = np.clip((times - attack - hold) / decay * 100, 0, np.clip(zone[SUSTAIN] / 10, 0, 100))  # decibels
    strength = zone[FIXED_VELOCITY] if zone[FIXED_VELOCITY] >= 0 else velocity
    loudness = (strength / 127) ** 2 * 10 ** (-ATTENUATION_SHARE * zone[ATTENUATION] / 200)
    return (tone * np.clip(times / attack, 0, 1) * 10 ** (-falling / 20) * loudness).astype(np.float32)


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
