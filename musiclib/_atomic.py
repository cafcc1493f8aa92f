"""Atomic writes: a file, or the files of a folder, are replaced as a whole or not at all.

New files are written beside the old ones and then renamed. A process that is killed at any moment, or a full disk,
leaves either the old files or the new ones. What a power cut damages is found by the checksums of those who read.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import BinaryIO

_WHOLE = ".whole"  # a folder in this place holds new files, complete, that are being moved one after the other


@contextlib.contextmanager
def replacing(path: str | pathlib.Path) -> Iterator[BinaryIO]:
    """Opens a file to write; once all is written it takes the place of ``path``, and nothing changes if it fails.

    Missing folders are made.

    Raises:
        OSError: where it cannot be written; the message names the path and the cause.
    """
    path = pathlib.Path(path).expanduser()
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                yield file
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def write(path: str | pathlib.Path, data: bytes) -> pathlib.Path:
    """Writes a whole file by ``replacing`` and returns its path."""
    path = pathlib.Path(path).expanduser()
    with replacing(path) as file:
        file.write(data)
    return path


@contextlib.contextmanager
def together(folder: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives an empty folder, whose files then replace those of the same names in ``folder``: all of them, or none.

    Renaming the empty folder, once it is full, is the moment that counts: from then on ``part`` finds the new files,
    wherever the moving of them is stopped. Other files in ``folder`` stay. It has one writer at a time: what one
    that was killed has left unfinished is removed.

    Raises:
        OSError: where it cannot be written; the message names the folder and the cause.
    """
    folder = pathlib.Path(folder).expanduser()
    partial, whole = folder / f".{os.getpid()}.partial", folder / _WHOLE
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        settle(folder)
        for left in folder.glob(".*.partial"):
            if left.is_dir():
                shutil.rmtree(left)
        partial.mkdir()
        try:
            yield partial
            os.replace(partial, whole)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        settle(folder)


def part(folder: str | pathlib.Path, name: str) -> pathlib.Path:
    """Returns where to read one of the files that ``together`` has written."""
    folder = pathlib.Path(folder).expanduser()
    moving = folder / _WHOLE / name
    return moving if moving.is_file() else folder / name


def settle(folder: str | pathlib.Path) -> None:
    """Moves the files into place with which a process was stopped that was writing them ``together``."""
    whole = pathlib.Path(folder).expanduser() / _WHOLE
    if whole.is_dir():
        for path in whole.iterdir():
            os.replace(path, whole.parent / path.name)
        whole.rmdir()


def sha256(path: str | pathlib.Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    with pathlib.Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _explained(path: pathlib.Path) -> Iterator[None]:
    """Turns what the system says of a file into a sentence that a person can act on."""
    try:
        yield
    except OSError as error:
        cause = error
        while isinstance(cause.__cause__, OSError):
            cause = cause.__cause__
        message = (
            f"cannot write {path} ({cause.strerror or cause}); what was there before is untouched: make room, or name a"
            " place that can be written"
        )
        raise OSError(cause.errno or errno.EIO, message) from cause
