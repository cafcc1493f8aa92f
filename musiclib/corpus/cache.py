"""Cache: Scores that were read before, kept by the content of their files.

Packed scores lie in one SQLite file, which several processes may use at once. Nothing in it is
believed unless its checksum holds, and a file that is damaged is thrown away: what is lost is read again. The folder
may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import sqlite3
import warnings
from collections.abc import Iterable, Mapping

from musiclib.readers import UnreadableScore
from musiclib.score import Score, packing

FORMAT = 1  # raised when the bytes or the table change; each format has a file of its own
_DIGEST = 16  # bytes of checksum before each entry
_AT_ONCE = 500  # keys in one question: SQLite limits how many it takes
_PATIENCE = 30.0  # seconds that one process waits while another writes

# What SQLite says of a file that is cut off, overwritten, or holds another table: it is made anew.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_IOERR_SHORT_READ)

_told: set[pathlib.Path] = set()  # folders that cannot be written, of which was told


def pack(music: Score | UnreadableScore) -> bytes:
    """Returns a score as bytes, or the reason why there is none."""
    if isinstance(music, UnreadableScore):
        return json.dumps({"unreadable": music.reason}).encode() + b"\n"
    return packing.pack(music)


def unpack(data: bytes) -> Score | UnreadableScore:
    """Returns what ``pack`` was given; raises ValueError or KeyError where the bytes are something else."""
    if data.startswith(b'{"unreadable"'):
        return UnreadableScore(json.loads(data)["unreadable"])
    return packing.unpack(data)


def file_key(path: pathlib.Path, version: str) -> bytes:
    """Returns what a file is kept under: its content, its suffix, which tells the format, and the reader's version.

    Raises:
        OSError: where the file cannot be read.
    """
    key = hashlib.sha256(path.read_bytes())
    key.update(f"\n{path.suffix.lower()}\n{version}".encode())
    return key.digest()


class Cache:
    """Packed Scores in a folder.

    Args:
        folder: where they lie; made when something is kept.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.path = folder / f"scores-{FORMAT}.sqlite"

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Returns what is kept under these keys; those that are missing or damaged are left out."""
        keys, found = list(keys), {}
        with contextlib.suppress(sqlite3.Error, OSError):
            if not self.path.is_file():
                return {}
            with contextlib.closing(self._connect()) as connection:
                for begin in range(0, len(keys), _AT_ONCE):
                    some = keys[begin : begin + _AT_ONCE]
                    marks = ",".join("?" * len(some))
                    rows = connection.execute(f"SELECT key, entry FROM scores WHERE key IN ({marks})", some)
                    found.update((key, entry[_DIGEST:]) for key, entry in rows if _holds(key, entry))
        return found

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Keeps packed Scores under their keys; warns once a process where that cannot be."""
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
            if self.path not in _told:
                _told.add(self.path)
                remedy = "make it writable, set MUSICLIB_HOME to a folder that is, or read with cache=False"
                message = f"nothing that is read can be kept in {self.path.parent} ({error}); {remedy}"
                warnings.warn(message, stacklevel=2)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_PATIENCE)

    def _write(self, entries: Mapping[bytes, bytes]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(self._connect()) as connection, connection:
            # What a power cut may damage is found by its checksum, so there is no need to wait for the disk.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, entry BLOB)")
            rows = ((key, _digest(key, packed) + packed) for key, packed in entries.items())
            connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?)", rows)


def _digest(key: bytes, packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=_DIGEST, key=key).digest()


def _holds(key: object, entry: object) -> bool:
    """Says whether a row is whole: damage may also have changed what kind of value stands in it."""
    whole = isinstance(key, bytes) and isinstance(entry, bytes)
    return whole and entry[:_DIGEST] == _digest(key, entry[_DIGEST:])
