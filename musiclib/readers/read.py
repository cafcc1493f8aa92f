"""Reading one file: its pieces as Scores, and its errors as exceptions with clear messages."""

from __future__ import annotations

import contextlib
import pathlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from musiclib.readers import music21_stream, other_formats
from musiclib.readers.parsed import LostNotes, UnreadableScore
from musiclib.readers.registry import Reader, find_reader
from musiclib.score import Score

if TYPE_CHECKING:
    import music21


def read_score(
    path: str | pathlib.Path,
    part: int | str | None = None,
    reader: str = "music21",
    grace_notes: bool = False,
    repeats: bool = False,
    pedal: bool = False,
    percussion: bool = False,
    parts: Sequence[int | str] | None = None,
) -> Score:
    """Reads a music file.

    Args:
        path: a file; its suffix determines the format.
        part: read only this part, by number (from 0) or by name, upper and lower case ignored; None reads all parts.
            Duplicate names are numbered from the second on: ``Piano``, ``Piano 2``.
        reader: ``"music21"`` or ``"symusic"`` (MIDI only, about a hundred times faster).
        grace_notes: keep grace notes, as short notes just before the beat, so that every notated onset stays where it
            is; otherwise they are left out.
        repeats: play out repeats with first and second endings, da capo and dal segno; otherwise every bar sounds once,
            as written.
        pedal: extend notes of MIDI while the sustain pedal is down, in all parts but percussion; otherwise they last
            from note-on to note-off.
        percussion: keep percussion (channel 10 of MIDI, unpitched notes), as parts of their own with the program 128;
            otherwise it is left out.
        parts: read only these parts, in this order, each named as for ``part``.

    Returns:
        The Score, times in quarter lengths. A MIDI file has one part for each channel with notes in each track,
        named after the track, with the program at its first note.

    Raises:
        FileNotFoundError: if the file does not exist.
        UnreadableScore: if the file is damaged, of an unknown format, without pitched notes, longer than a day, or
            contains several pieces (``read_scores`` reads them).
        ValueError: if ``path`` is a folder, the part or reader is unknown (the message lists the available ones), or
            both ``part`` and ``parts`` are given.

    Warns:
        LostNotes: if notes without a note-off or of duration 0 were left out.
        IrregularBars: if bars of one part are longer or shorter than those of the others.
        RoundedPitches: if microtones were rounded to semitones.
    """
    chosen = chosen_parts(part, parts)
    path = other_formats.path_of(path)
    options = {"grace_notes": grace_notes, "repeats": repeats, "pedal": pedal, "percussion": percussion}
    pieces = read_pieces(find_reader(reader, **options), path)
    if len(pieces) > 1:
        raise UnreadableScore(f"it contains {len(pieces)} pieces; read them with readers.read_scores", path)
    score = _unwrapped(pieces[0])
    return score if chosen is None else score.select(chosen)


def chosen_parts(part: int | str | None, parts: Sequence[int | str] | None) -> int | str | list[int | str] | None:
    """Returns what ``Score.select`` takes for the arguments ``part`` and ``parts``; None for all parts.

    Raises:
        ValueError: if both are given, or ``parts`` is not a list, or empty.
    """
    if parts is None:
        return part
    if part is not None:
        raise ValueError(f"give part or parts, not both, got part={part!r} and parts={parts!r}")
    if isinstance(parts, str) or not isinstance(parts, Sequence):
        raise ValueError(f"parts is a list of names or numbers, got {parts!r}; write parts=[{parts!r}]")
    if not len(parts):
        raise ValueError("parts is an empty list; name at least one part, or leave it out for all")
    return list(parts)


def read_scores(
    path: str | pathlib.Path,
    reader: str = "music21",
    grace_notes: bool = False,
    repeats: bool = False,
    pedal: bool = False,
    percussion: bool = False,
) -> list[Score]:
    """Reads all pieces of a music file, such as the tunes of an ABC tune book.

    Args:
        path: see ``read_score``, as for the other arguments.
        reader: see ``read_score``.
        grace_notes: see ``read_score``.
        repeats: see ``read_score``.
        pedal: see ``read_score``.
        percussion: see ``read_score``.

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
    options = {"grace_notes": grace_notes, "repeats": repeats, "pedal": pedal, "percussion": percussion}
    pieces = read_pieces(find_reader(reader, **options), path)
    lost = [(number, music) for number, (music, _, _) in enumerate(pieces, 1) if isinstance(music, UnreadableScore)]
    if len(lost) == len(pieces):
        raise UnreadableScore(lost[0][1].reason, path) from lost[0][1].__cause__
    if lost:
        listed = "; ".join(f"#{number}: {error.reason}" for number, error in lost[:3]) + "; ..." * (len(lost) > 3)
        message = f"{path}: left out {len(lost)} of {len(pieces)} pieces: {listed}"
        warnings.warn(message, LostNotes, stacklevel=2)
    return [_unwrapped(piece) for piece in pieces if not isinstance(piece.music, UnreadableScore)]


class Piece(NamedTuple):
    """What became of a piece of a file.

    Attributes:
        music: its Score, or the error that says why there is none.
        warnings: what to warn of.
        left_out: how many notes, and events of the pedal, are not in the Score, by kind.
    """

    music: Score | UnreadableScore
    warnings: Sequence[UserWarning] = ()
    left_out: Mapping[str, int] = MappingProxyType({})


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
                score = parsed.score(**reader.options)
                messages = [type(message)(f"{path}: {message}") for message in parsed.warnings()]
                found.append(Piece(score, messages, parsed.left_out))
        except UnreadableScore as error:
            found.append(Piece(error))
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
    if isinstance(piece.music, UnreadableScore):
        raise piece.music
    for message in piece.warnings:
        warnings.warn(message, stacklevel=3)
    return piece.music


def score_from_music21(
    stream: music21.stream.Stream,
    part: int | str | None = None,
    grace_notes: bool = False,
    repeats: bool = False,
    percussion: bool = False,
) -> Score:
    """Converts a music21 stream to a Score; the stream is not changed.

    Args:
        stream: a score, a part, a measure or any other stream with notes.
        part: convert only this part, by number (from 0) or by name; None converts all parts.
        grace_notes: see ``read_score``.
        repeats: see ``read_score``.
        percussion: see ``read_score``.

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
    score = parsed.score(grace_notes, repeats, percussion=percussion)
    for message in parsed.warnings():
        warnings.warn(message, stacklevel=2)
    return score if part is None else score.select(part)
