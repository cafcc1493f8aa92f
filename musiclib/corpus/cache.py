"""Cache of parsed Scores, keyed by a hash of the file's content.

Packed scores are stored in one SQLite file, which several processes may use at once. Each entry has a checksum. A
damaged database is deleted and its files are parsed again. The folder may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import sqlite3
import warnings
from collections.abc import Iterable, Mapping, Sequence

from musiclib.readers import Piece, UnreadableScore
from musiclib.score import packing

FORMAT = 3  # increased when the bytes or the table change; each format has its own file
_DIGEST = 16  # bytes of checksum before each entry
_KEYS_PER_QUERY = 500  # SQLite limits the number of parameters
_TIMEOUT = 30.0  # seconds that a process waits while another one writes

# SQLite error codes of a database that is truncated, overwritten or has another table: it is created anew.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_IOERR_SHORT_READ)

_warned: set[pathlib.Path] = set()  # caches that cannot be written and have been warned about


def pack(pieces: Sequence[Piece]) -> bytes:
    """Packs the pieces of a file, scores or error messages and what was left out, as bytes; warnings are not kept."""
    packed = [
        _pack_error(piece.music) if isinstance(piece.music, UnreadableScore) else packing.pack(piece.music)
        for piece in pieces
    ]
    head = [(len(data), dict(piece.left_out)) for data, piece in zip(packed, pieces, strict=True)]
    return b"\n".join([json.dumps(head).encode(), b"".join(packed)])


def unpack(data: bytes) -> list[Piece]:
    """Inverse of ``pack``; raises ValueError or KeyError if the bytes are not packed data."""
    head, _, packed = data.partition(b"\n")
    pieces: list[Piece] = []
    start = 0
    for size, left_out in json.loads(head):
        piece = packed[start : start + size]
        error = piece.startswith(b'{"unreadable"')
        music = UnreadableScore(json.loads(piece)["unreadable"]) if error else packing.unpack(piece)
        pieces.append(Piece(music, left_out=left_out))
        start += size
    return pieces


def _pack_error(error: UnreadableScore) -> bytes:
    return json.dumps({"unreadable": error.reason}).encode()


def file_key(path: pathlib.Path, version: str) -> bytes:
    """Returns a file's cache key: a hash of its content, its suffix (the format) and the reader's version.

    Raises:
        OSError: if the file cannot be read.
    """
    key = hashlib.sha256(path.read_bytes())
    key.update(f"\n{path.suffix.lower()}\n{version}".encode())
    return key.digest()


class Cache:
    """Packed Scores in a folder.

    Args:
        folder: where the database is stored; created at the first ``put``.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.path = folder / f"scores-{FORMAT}.sqlite"

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Loads the entries of these keys, without missing and damaged ones."""
        keys, found = list(keys), {}
        with contextlib.suppress(sqlite3.Error, OSError):
            if not self.path.is_file():
                return {}
            with contextlib.closing(self._connect()) as connection:
                for begin in range(0, len(keys), _KEYS_PER_QUERY):
                    some = keys[begin : begin + _KEYS_PER_QUERY]
                    marks = ",".join("?" * len(some))
                    rows = connection.execute(f"SELECT key, entry FROM scores WHERE key IN ({marks})", some)
                    found.update((key, entry[_DIGEST:]) for key, entry in rows if _is_valid(key, entry))
        return found

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Saves packed Scores under their keys; if that fails, warns once per process."""
        try:
            try:
                self._write(entries)
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) not in _DAMAGE:
                    raise
                for suffix in ("-journal", ""):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
                self._write(entries)
        except (sqlite3.Error, OSError) as error:
            if self.path not in _warned:
                _warned.add(self.path)
                remedy = "make it writable, set MUSICLIB_HOME to a writable folder, or pass cache=False"
                message = f"cannot write the cache in {self.path.parent} ({error}); {remedy}"
                warnings.warn(message, stacklevel=2)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_TIMEOUT)

    def _write(self, entries: Mapping[bytes, bytes]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(self._connect()) as connection, connection:
            # Checksums detect damage by a power cut, so there is no need to wait for the disk.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, entry BLOB)")
            rows = ((key, _digest(key, packed) + packed) for key, packed in entries.items())
            connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?)", rows)


def _digest(key: bytes, packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=_DIGEST, key=key).digest()


def _is_valid(key: object, entry: object) -> bool:
    """Checks the types and the checksum of a row."""
    is_bytes = isinstance(key, bytes) and isinstance(entry, bytes)
    return is_bytes and entry[:_DIGEST] == _digest(key, entry[_DIGEST:])
