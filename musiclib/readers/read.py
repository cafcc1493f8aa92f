"""Reading one file: which reader takes it, and what every way to fail is turned into."""

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

_quiet = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Reader:
    """A way to read files.

    Args:
        read: parses the file at a path.
        package: what it reads with; its version is part of ``version``.
        revision: our own number, raised whenever the reader gives another Score for a file than before.
        seconds: what a file takes, roughly; it decides when other cores are worth starting.
    """

    read: Callable[[pathlib.Path], ParsedScore]
    package: str
    revision: int
    seconds: float

    @property
    def version(self) -> str:
        """What a Score was read with: the package, its version and our own number.

        Raises:
            ModuleNotFoundError: where the package is not installed.
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
            f"the reader 'symusic' takes MIDI (.mid, .midi) alone, not {path.suffix!r}; read it with reader='music21'"
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
    """Returns a reader by its name; raises ValueError where there is none, with the names there are."""
    if name not in READERS:
        raise ValueError(f"no reader {name!r}; there are {', '.join(map(repr, READERS))}")
    return READERS[name]


def read_score(path: str | pathlib.Path, part: int | str | None = None, reader: str = "music21") -> Score:
    """Reads a music file.

    Args:
        path: a file; its suffix tells the format.
        part: take only this part, by number (from 0) or by name; all parts where None. A name that several parts
            bear is numbered from the second on: ``Piano``, ``Piano 2``.
        reader: ``"music21"``, or ``"symusic"``: for MIDI alone, and some hundred times as fast.

    Returns:
        The music, times in quarter lengths. A MIDI file has one part for each channel with notes in each track,
        named after the track, with the program in force at its first note.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableScore: where the file is damaged, of an unknown format, several pieces, without pitched notes, or
            longer than a day.
        ValueError: where ``path`` is a folder, where there is no such part or no such reader; the message lists
            those there are.

    Warns:
        LostNotes: where notes were left out, since they never end or have no length.
    """
    score = read_with(find_reader(reader), pathlib.Path(path).expanduser())
    return score if part is None else score.select(part)


def read_with(reader: Reader, path: pathlib.Path) -> Score:
    """Reads a music file with a reader of one's own, or of ``READERS``; ``read_score`` says what it raises."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a file; read a whole folder with corpus.load")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}, seen from {pathlib.Path.cwd()}; check it or give a full path")
    try:
        parsed = reader.read(path)
        score = parsed.score()
    except UnreadableScore as error:
        raise UnreadableScore(error.reason, path) from error.__cause__
    except (ImportError, MemoryError):  # no fault of the file
        raise
    except Exception as error:  # parsers fail in every way there is, from IndexError to zipfile's own
        cause = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UnreadableScore(f"damaged or misnamed; get another copy ({cause})", path) from error
    if parsed.lost:
        warnings.warn(f"{path}: left out {parsed.lost}", LostNotes, stacklevel=3)
    return score


def score_from_music21(stream: music21.stream.Stream, part: int | str | None = None) -> Score:
    """Turns a music21 stream into a Score; the stream is not changed.

    Args:
        stream: a score, a part, a measure or any other stream with notes in it.
        part: take only this part, by number (from 0) or by name; all parts where None.

    Returns:
        The music, one part for each ``music21.stream.Part``, also where that part is silent.

    Raises:
        TypeError: where ``stream`` is not a music21 stream.
        UnreadableScore: where it is an Opus of several pieces, or has no pitched notes.
        ValueError: where there is no such part; the message lists those there are.
    """
    if not getattr(stream, "isStream", False):
        raise TypeError(f"score_from_music21 takes a music21 stream, not {type(stream).__name__}; try read_score")
    score = music21_stream.convert(stream).score()
    return score if part is None else score.select(part)


def _is_midi(path: pathlib.Path) -> bool:
    return path.suffix.lower() in midi_file.SUFFIXES


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Holds back what music21 prints or warns of, which is for its developers.

    One thread at a time: what is exchanged here belongs to the whole process.
    """
    sink = io.StringIO()
    with _quiet, warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # closes files that music21 leaves open when it fails
            raise
