"""Registry: the readers by name, and their options."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import io
import pathlib
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator

from musiclib.readers import (
    abc_tune,
    jianpu_text,
    kern,
    midi_file,
    midi_music21,
    midi_symusic,
    music21_stream,
    musicxml,
)
from musiclib.readers.parsed import ParsedScore, UnreadableScore

SUFFIXES = (*midi_file.SUFFIXES, *musicxml.SUFFIXES, *kern.SUFFIXES, *abc_tune.SUFFIXES, *jianpu_text.SUFFIXES)

OPTIONS = ("grace_notes", "repeats", "pedal", "percussion")
_output_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader of music files.

    Args:
        read: parses the file at a path into its pieces; a piece that cannot be read is an error in its place.
        package: the parser's package; its version is part of ``version``.
        revision: musiclib's revision number, increased whenever the reader returns a different Score for some file.
        seconds: rough time per file; decides whether to start worker processes.
        grace_notes: keep grace notes, as short notes just before the beat.
        repeats: play out repeats.
        pedal: extend notes of MIDI while the sustain pedal is down.
        percussion: keep percussion parts.
    """

    read: Callable[[pathlib.Path], list[ParsedScore | UnreadableScore]]
    package: str
    revision: int
    seconds: float
    grace_notes: bool = False
    repeats: bool = False
    pedal: bool = False
    percussion: bool = False

    @property
    def options(self) -> dict[str, bool]:
        """The options of ``ParsedScore.score``."""
        return {name: getattr(self, name) for name in OPTIONS}

    @property
    def version(self) -> str:
        """The package, its version, the revision and the options, as a part of cache keys.

        Raises:
            ModuleNotFoundError: if the package is not installed.
        """
        try:
            version = importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            raise ModuleNotFoundError(
                f"this reader needs the package {self.package}, which is not installed; pip install {self.package}"
            ) from None
        options = [name for name, chosen in self.options.items() if chosen]
        return ", ".join([f"{self.package} {version}", f"revision {self.revision}", *options])


def _read_with_music21(path: pathlib.Path) -> list[ParsedScore | UnreadableScore]:
    suffix = path.suffix.lower()
    if suffix in kern.SUFFIXES:
        return kern.read(path)
    if suffix in abc_tune.SUFFIXES:
        return abc_tune.read(path)
    if suffix in jianpu_text.SUFFIXES:
        return jianpu_text.read(path)
    with _silence():
        if suffix in midi_file.SUFFIXES:
            return [midi_music21.read(midi_file.load(path))]
        return [musicxml.read(path)] if suffix in musicxml.SUFFIXES else music21_stream.read(path)


def _read_with_symusic(path: pathlib.Path) -> list[ParsedScore]:
    if path.suffix.lower() not in midi_file.SUFFIXES:
        raise UnreadableScore(
            f"the reader 'symusic' takes MIDI ({', '.join(midi_file.SUFFIXES)}) only, not {path.suffix!r};"
            " read it with reader='music21'"
        )
    data = midi_file.load(path)
    _, tracks = midi_file.split_tracks(data)
    if not any(map(midi_file.misleads, tracks)):
        try:
            return [midi_symusic.read(data)]
        except UnreadableScore as error:
            if midi_symusic.CONTROLLER not in error.reason:
                raise
    with _silence():  # what symusic misreads or refuses, and music21 does not
        return [midi_music21.read(data)]


READERS = {
    "music21": Reader(_read_with_music21, "music21", revision=10, seconds=0.1),
    "symusic": Reader(_read_with_symusic, "symusic", revision=6, seconds=0.001),
}


def find_reader(name: str, **options: bool) -> Reader:
    """Returns a reader by its name, with these ``OPTIONS``; raises ValueError if it is unknown."""
    if name not in READERS:
        raise ValueError(f"unknown reader {name!r}; the readers are {', '.join(map(repr, READERS))}")
    return dataclasses.replace(READERS[name], **options)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppresses music21's output and warnings, one thread at a time, since these settings are process-wide."""
    sink = io.StringIO()
    with _output_lock, warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # closes files that music21 leaves open when it fails
            raise
