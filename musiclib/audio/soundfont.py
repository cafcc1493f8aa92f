"""SoundFont files: parser, and the sample and generators of each note.

Source: the SoundFont 2.04 specification (E-mu Systems), which defines the numbers below.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import pathlib
from collections.abc import Iterator

import numpy as np

from musiclib.score.instruments import DRUM_KIT

# Generators of the SoundFont specification, section 8.1, and their defaults.
START, END, LOOP_START, LOOP_END, START_COARSE, FILTER, END_COARSE, PAN = 0, 1, 2, 3, 4, 8, 12, 17
DELAY, ATTACK, HOLD, DECAY, SUSTAIN, RELEASE, KEY_TO_HOLD, KEY_TO_DECAY = 33, 34, 35, 36, 37, 38, 39, 40
INSTRUMENT, KEYS, VELOCITIES, LOOP_START_COARSE, FIXED_KEY, FIXED_VELOCITY, ATTENUATION = 41, 43, 44, 45, 46, 47, 48
LOOP_END_COARSE, COARSE_TUNE, FINE_TUNE, SAMPLE, LOOPS, SCALE_TUNING, ROOT_KEY = 50, 51, 52, 53, 54, 56, 58
DEFAULTS = {FILTER: 13500, SCALE_TUNING: 100, FIXED_KEY: -1, FIXED_VELOCITY: -1, ROOT_KEY: -1}
DEFAULTS |= dict.fromkeys((DELAY, ATTACK, HOLD, DECAY, RELEASE), -12000)
DRUM_BANK = 128  # of the presets that are drum kits
OPEN_FILTER = 13500  # cents above 8.176 Hz: the filter is open
ATTENUATION_SHARE = 0.4  # fonts are tuned for synthesizers that apply this fraction, as the first one did

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


def find_soundfont(path: str | pathlib.Path | None) -> pathlib.Path:
    """Returns the path of a SoundFont; None is the one in the package ``pretty_midi``."""
    if path is not None:
        path = pathlib.Path(path).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"no such SoundFont: {path}; give the path of a .sf2 file, or None for the default")
        return path
    package = importlib.util.find_spec("pretty_midi")  # finds the folder without importing the package
    path = pathlib.Path(package.origin).parent / "TimGM6mb.sf2" if package and package.origin else None
    if path is None or not path.is_file():
        where = path or "the package pretty_midi, which is not installed"
        raise FileNotFoundError(f"no SoundFont in {where}; run pip install pretty_midi, or give a .sf2 file")
    return path


@dataclasses.dataclass(frozen=True, eq=False)
class Font:
    """The samples and tables of a SoundFont."""

    samples: np.ndarray  # (n,) int16, all samples concatenated
    tables: dict[str, np.ndarray]

    def _preset(self, program: int) -> int | None:
        """Returns the index of a program's preset, or the first one; None if the font has no drum kit."""
        headers = self.tables["phdr"][:-1]  # the last row of each table only marks its end
        bank, number = (DRUM_BANK, 0) if program == DRUM_KIT else (0, program)
        match = np.flatnonzero((headers["bank"] == bank) & (headers["program"] == number))
        return int(match[0]) if len(match) else None if program == DRUM_KIT else 0

    @property
    def has_drums(self) -> bool:
        """Whether the font has a drum kit."""
        return self._preset(DRUM_KIT) is not None

    def zones(self, program: int, pitch: int, velocity: int) -> list[dict[int, int]]:
        """Returns the generators of each sample that plays for a note; none for drums without a drum kit."""
        found: list[dict[int, int]] = []
        preset = self._preset(program)
        if preset is None:
            return found
        for outer in self._bags("phdr", "pbag", "pgen", preset, INSTRUMENT):
            if not _covers(outer, pitch, velocity):
                continue
            for inner in self._bags("inst", "ibag", "igen", outer[INSTRUMENT], SAMPLE):
                if _covers(inner, pitch, velocity):
                    # Preset generators are added to instrument generators.
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
            else:  # a global zone: defaults for the following zones
                defaults = values


@functools.lru_cache(maxsize=2)
def load_font(path: pathlib.Path) -> Font:
    """Loads a SoundFont file; raises ValueError if it is invalid, damaged or compressed."""
    data = path.read_bytes()
    try:
        chunks = dict(_chunks(data)) if data[:4] == b"RIFF" and data[8:12] == b"sfbk" else {}
        tables = {name: np.frombuffer(chunks[name], dtype=np.dtype(TABLES[name])) for name in TABLES}
        samples = np.frombuffer(chunks["smpl"], dtype="<i2")
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path} is not a SoundFont, or damaged; give a .sf2 file, or None for the default") from error
    if np.any(tables["shdr"]["type"] & 0x10):
        raise ValueError(f"the samples in {path} are compressed; give an uncompressed SoundFont, a .sf2 file")
    return Font(samples, tables)


def _chunks(data: bytes) -> Iterator[tuple[str, memoryview]]:
    """Yields (name, content) of the chunks of a RIFF file, including those inside lists."""
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
