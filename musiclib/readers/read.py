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

from musiclib.readers import (
    abc_tune,
    jianpu_text,
    kern,
    midi_file,
    midi_music21,
    midi_symusic,
    music21_stream,
    musicxml,
    other_formats,
)
from musiclib.readers.parsed import LostNotes, ParsedScore, UnreadableScore
from musiclib.score import Score

if TYPE_CHECKING:
    import music21

SUFFIXES = (*midi_file.SUFFIXES, *musicxml.SUFFIXES, *kern.SUFFIXES, *abc_tune.SUFFIXES, *jianpu_text.SUFFIXES)

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
    """

    read: Callable[[pathlib.Path], list[ParsedScore | UnreadableScore]]
    package: str
    revision: int
    seconds: float
    grace_notes: bool = False
    repeats: bool = False

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
        options = [name for name in ("grace_notes", "repeats") if getattr(self, name)]
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
    "music21": Reader(_read_with_music21, "music21", revision=9, seconds=0.1),
    "symusic": Reader(_read_with_symusic, "symusic", revision=5, seconds=0.001),
}


def find_reader(name: str, grace_notes: bool = False, repeats: bool = False) -> Reader:
    """Returns a reader by its name, with these options; raises ValueError if it is unknown."""
    if name not in READERS:
        raise ValueError(f"unknown reader {name!r}; the readers are {', '.join(map(repr, READERS))}")
    return dataclasses.replace(READERS[name], grace_notes=grace_notes, repeats=repeats)


def read_score(
    path: str | pathlib.Path,
    part: int | str | None = None,
    reader: str = "music21",
    grace_notes: bool = False,
    repeats: bool = False,
) -> Score:
    """Reads a music file.

    Args:
        path: a file; its suffix determines the format.
        part: read only this part, by number (from 0) or by name; None reads all parts. Duplicate names are numbered
            from the second on: ``Piano``, ``Piano 2``.
        reader: ``"music21"`` or ``"symusic"`` (MIDI only, about a hundred times faster).
        grace_notes: keep grace notes, as short notes just before the beat, so that every notated onset stays where it
            is; otherwise they are left out.
        repeats: play out repeats with first and second endings, da capo and dal segno; otherwise every bar sounds once,
            as written.

    Returns:
        The Score, times in quarter lengths. A MIDI file has one part for each channel with notes in each track,
        named after the track, with the program at its first note.

    Raises:
        FileNotFoundError: if the file does not exist.
        UnreadableScore: if the file is damaged, of an unknown format, without pitched notes, longer than a day, or
            contains several pieces (``read_scores`` reads them).
        ValueError: if ``path`` is a folder, or the part or reader is unknown; the message lists the available ones.

    Warns:
        LostNotes: if notes without a note-off or of duration 0 were left out.
        IrregularBars: if bars of one part are longer or shorter than those of the others.
        RoundedPitches: if microtones were rounded to semitones.
    """
    path = other_formats.path_of(path)
    pieces = read_pieces(find_reader(reader, grace_notes, repeats), path)
    if len(pieces) > 1:
        raise UnreadableScore(f"it contains {len(pieces)} pieces; read them with readers.read_scores", path)
    score = _unwrapped(pieces[0])
    return score if part is None else score.select(part)


def read_scores(
    path: str | pathlib.Path, reader: str = "music21", grace_notes: bool = False, repeats: bool = False
) -> list[Score]:
    """Reads all pieces of a music file, such as the tunes of an ABC tune book.

    Args:
        path: see ``read_score``, as for the other arguments.
        reader: see ``read_score``.
        grace_notes: see ``read_score``.
        repeats: see ``read_score``.

    Returns:
        One Score per piece; pieces that cannot be read are left out, with a warning.

    Raises:
        FileNotFoundError: if the file does not exist.
        UnreadableScore: if no piece can be read.
        ValueError: if ``path`` is a folder, or the reader is unknown.

    Warns:
        LostNotes: if pieces or notes were left out; IrregularBars and RoundedPitches as ``read_score`` does.
    """
    path = other_formats.path_of(path)
    pieces = read_pieces(find_reader(reader, grace_notes, repeats), path)
    lost = [(number, music) for number, (music, _) in enumerate(pieces, 1) if isinstance(music, UnreadableScore)]
    if len(lost) == len(pieces):
        raise UnreadableScore(lost[0][1].reason, path) from lost[0][1].__cause__
    if lost:
        listed = "; ".join(f"#{number}: {error.reason}" for number, error in lost[:3]) + "; ..." * (len(lost) > 3)
        message = f"{path}: left out {len(lost)} of {len(pieces)} pieces: {listed}"
        warnings.warn(message, LostNotes, stacklevel=2)
    return [_unwrapped(piece) for piece in pieces if not isinstance(piece[0], UnreadableScore)]


# A Score, or the error that says why there is none, and what to warn of.
Piece = tuple[Score | UnreadableScore, list[UserWarning]]


def read_pieces(reader: Reader, path: pathlib.Path) -> list[Piece]:
    """Reads the pieces of a file with a ``Reader``, at least one; errors of one piece are returned in its place.

    Raises:
        FileNotFoundError: if the file does not exist.
        UnreadableScore: if the file as a whole cannot be read.
        ValueError: if ``path`` is a folder.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a file; read a whole folder with corpus.load")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path} (in {pathlib.Path.cwd()}); check it or give a full path")
    if advice := other_formats.remedy(path):
        raise UnreadableScore(advice, path)
    with _as_unreadable(path):
        pieces = reader.read(path)
    found: list[Piece] = []
    for parsed in pieces:
        try:
            with _as_unreadable(path):
                if isinstance(parsed, UnreadableScore):
                    raise parsed
                score = parsed.score(reader.grace_notes, reader.repeats)
                found.append((score, [type(message)(f"{path}: {message}") for message in parsed.warnings()]))
        except UnreadableScore as error:
            found.append((error, []))
    return found


@contextlib.contextmanager
def _as_unreadable(path: pathlib.Path) -> Iterator[None]:
    """Raises UnreadableScore with the path for whatever a parser raises."""
    try:
        yield
    except UnreadableScore as error:
        raise UnreadableScore(error.reason, path) from error.__cause__
    except (ImportError, MemoryError):  # not the file's fault
        raise
    except Exception as error:  # parsers raise anything from IndexError to zipfile errors
        cause = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UnreadableScore(f"damaged or misnamed; get another copy ({cause})", path) from error


def _unwrapped(piece: Piece) -> Score:
    """Returns the Score of a piece with its warnings, or raises its error."""
    music, messages = piece
    if isinstance(music, UnreadableScore):
        raise music
    for message in messages:
        warnings.warn(message, stacklevel=3)
    return music


def score_from_music21(
    stream: music21.stream.Stream, part: int | str | None = None, grace_notes: bool = False, repeats: bool = False
) -> Score:
    """Converts a music21 stream to a Score; the stream is not changed.

    Args:
        stream: a score, a part, a measure or any other stream with notes.
        part: convert only this part, by number (from 0) or by name; None converts all parts.
        grace_notes: see ``read_score``.
        repeats: see ``read_score``.

    Returns:
        The Score, one part for each ``music21.stream.Part``, also for a part without notes.

    Raises:
        TypeError: if ``stream`` is not a music21 stream.
        UnreadableScore: if it is an Opus of several pieces, or has no pitched notes.
        ValueError: if the part is unknown; the message lists the available ones.

    Warns:
        RoundedPitches: if microtones were rounded to semitones.
    """
    if not getattr(stream, "isStream", False):
        raise TypeError(f"score_from_music21 takes a music21 stream, not {type(stream).__name__}; try read_score")
    parsed = music21_stream.convert(stream)
    score = parsed.score(grace_notes, repeats)
    for message in parsed.warnings():
        warnings.warn(message, stacklevel=2)
    return score if part is None else score.select(part)


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
