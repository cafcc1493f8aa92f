"""Reading one file: the choice of a reader, and its errors as exceptions with clear messages."""

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
from typing import TYPE_CHECKING

from musiclib.readers import midi_file, midi_music21, midi_symusic, music21_stream
from musiclib.readers.parsed import LostNotes, ParsedScore, UnreadableScore
from musiclib.score import Score

if TYPE_CHECKING:
    import music21

SUFFIXES = (*midi_file.SUFFIXES, ".xml", ".musicxml", ".mxl", ".krn", ".abc")

_output_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader of music files.

    Args:
        read: parses the file at a path.
        package: the parser's package; its version is part of ``version``.
        revision: musiclib's revision number, increased whenever the reader returns a different Score for some file.
        seconds: rough time per file; decides whether to start worker processes.
    """

    read: Callable[[pathlib.Path], ParsedScore]
    package: str
    revision: int
    seconds: float

    @property
    def version(self) -> str:
        """The package, its version and the revision, as a part of cache keys.

        Raises:
            ModuleNotFoundError: if the package is not installed.
        """
        try:
            return f"{self.package} {importlib.metadata.version(self.package)}, revision {self.revision}"
        except importlib.metadata.PackageNotFoundError:
            raise ModuleNotFoundError(
                f"this reader needs the package {self.package}, which is not installed; pip install {self.package}"
            ) from None


def _read_with_music21(path: pathlib.Path) -> ParsedScore:
    with _silence():
        return midi_music21.read(path.read_bytes()) if _is_midi(path) else music21_stream.read(path)


def _read_with_symusic(path: pathlib.Path) -> ParsedScore:
    if not _is_midi(path):
        raise UnreadableScore(
            f"the reader 'symusic' takes MIDI (.mid, .midi) only, not {path.suffix!r}; read it with reader='music21'"
        )
    data = path.read_bytes()
    _, tracks = midi_file.split_tracks(data)
    if any(map(midi_file.misleads, tracks)):
        with _silence():
            return midi_music21.read(data)
    return midi_symusic.read(data)


READERS = {
    "music21": Reader(_read_with_music21, "music21", revision=3, seconds=0.1),
    "symusic": Reader(_read_with_symusic, "symusic", revision=2, seconds=0.001),
}


def find_reader(name: str) -> Reader:
    """Returns a reader by its name; raises ValueError if it is unknown."""
    if name not in READERS:
        raise ValueError(f"unknown reader {name!r}; the readers are {', '.join(map(repr, READERS))}")
    return READERS[name]


def read_score(path: str | pathlib.Path, part: int | str | None = None, reader: str = "music21") -> Score:
    """Reads a music file.

    Args:
        path: a file; its suffix determines the format.
        part: read only this part, by number (from 0) or by name; None reads all parts. Duplicate names are numbered
            from the second on: ``Piano``, ``Piano 2``.
        reader: ``"music21"`` or ``"symusic"`` (MIDI only, about a hundred times faster).

    Returns:
        The Score, times in quarter lengths. A MIDI file has one part for each channel with notes in each track,
        named after the track, with the program at its first note.

    Raises:
        FileNotFoundError: if the file does not exist.
        UnreadableScore: if the file is damaged, of an unknown format, without pitched notes, longer than a day, or
            contains several pieces.
        ValueError: if ``path`` is a folder, or the part or reader is unknown; the message lists the available ones.

    Warns:
        LostNotes: if notes without a note-off or of duration 0 were left out.
    """
    score = read_with(find_reader(reader), pathlib.Path(path).expanduser())
    return score if part is None else score.select(part)


def read_with(reader: Reader, path: pathlib.Path) -> Score:
    """Reads a music file with a custom ``Reader``; raises the same errors as ``read_score``."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a file; read a whole folder with corpus.load")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path} (in {pathlib.Path.cwd()}); check it or give a full path")
    try:
        parsed = reader.read(path)
        score = parsed.score()
    except UnreadableScore as error:
        raise UnreadableScore(error.reason, path) from error.__cause__
    except (ImportError, MemoryError):  # not the file's fault
        raise
    except Exception as error:  # parsers raise anything from IndexError to zipfile errors
        cause = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UnreadableScore(f"damaged or misnamed; get another copy ({cause})", path) from error
    if parsed.lost:
        warnings.warn(f"{path}: left out {parsed.lost}", LostNotes, stacklevel=3)
    return score


def score_from_music21(stream: music21.stream.Stream, part: int | str | None = None) -> Score:
    """Converts a music21 stream to a Score; the stream is not changed.

    Args:
        stream: a score, a part, a measure or any other stream with notes.
        part: convert only this part, by number (from 0) or by name; None converts all parts.

    Returns:
        The Score, one part for each ``music21.stream.Part``, also for a part without notes.

    Raises:
        TypeError: if ``stream`` is not a music21 stream.
        UnreadableScore: if it is an Opus of several pieces, or has no pitched notes.
        ValueError: if the part is unknown; the message lists the available ones.
    """
    if not getattr(stream, "isStream", False):
        raise TypeError(f"score_from_music21 takes a music21 stream, not {type(stream).__name__}; try read_score")
    score = music21_stream.convert(stream).score()
    return score if part is None else score.select(part)


def _is_midi(path: pathlib.Path) -> bool:
    return path.suffix.lower() in midi_file.SUFFIXES


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
