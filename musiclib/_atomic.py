"""Atomic writes: a file, or a set of files in a folder, is replaced completely or not at all.

New files are written next to the old ones and then renamed. A killed process or a full disk leaves either all old
files or all new ones. Damage by a power cut is left to the checksums of the callers.
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

_COMPLETE = ".whole"  # a folder of this name holds complete new files that have not all been moved into place


@contextlib.contextmanager
def replacing(path: str | pathlib.Path) -> Iterator[BinaryIO]:
    """Opens a temporary file that replaces ``path`` once it is written; on an error ``path`` is unchanged.

    Missing folders are created.

    Raises:
        OSError: if the file cannot be written; the message names the path and the cause.
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
    """Writes a file atomically and returns its path."""
    path = pathlib.Path(path).expanduser()
    with replacing(path) as file:
        file.write(data)
    return path


@contextlib.contextmanager
def together(folder: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary folder; its files then replace those of the same names in ``folder``: all or none.

    The commit is one rename of the temporary folder: after it ``part`` finds the new files, even if the process is
    killed while they are moved into place. Other files in ``folder`` stay. There must be only one writer at a time;
    temporary folders of killed processes are removed.

    Raises:
        OSError: if the folder cannot be written; the message names the folder and the cause.
    """
    folder = pathlib.Path(folder).expanduser()
    partial, complete = folder / f".{os.getpid()}.partial", folder / _COMPLETE
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        settle(folder)
        for leftover in folder.glob(".*.partial"):
            if leftover.is_dir():
                shutil.rmtree(leftover)
        partial.mkdir()
        try:
            yield partial
            os.replace(partial, complete)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        settle(folder)


def part(folder: str | pathlib.Path, name: str) -> pathlib.Path:
    """Returns the path of a file written by ``together``, also if it has not been moved into place yet."""
    folder = pathlib.Path(folder).expanduser()
    new = folder / _COMPLETE / name
    return new if new.is_file() else folder / name


def settle(folder: str | pathlib.Path) -> None:
    """Finishes an interrupted ``together``: moves its complete new files into place."""
    complete = pathlib.Path(folder).expanduser() / _COMPLETE
    if complete.is_dir():
        for path in complete.iterdir():
            os.replace(path, complete.parent / path.name)
        complete.rmdir()


def sha256(path: str | pathlib.Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    with pathlib.Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _explained(path: pathlib.Path) -> Iterator[None]:
    """Re-raises an OSError with the path, the cause and a remedy in the message."""
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
