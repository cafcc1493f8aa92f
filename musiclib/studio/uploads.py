"""Uploads: files of strangers are read in a process of their own, within limits, and deleted.

The process imports the readers once and reads one file after the other; where a file takes too long, it is killed. Of a
user's file name only the suffix is looked at.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import warnings

from musiclib import readers
from musiclib.score import Score, packing

SUFFIXES = (".mid", ".midi", ".musicxml", ".xml", ".mxl", ".abc")
BYTES, NOTES, MINUTES = 5_000_000, 20_000, 10  # of a file and of its music; plots.follow takes 10 minutes
SECONDS, MEMORY = 10.0, 4 << 30  # of the process, for one file
REMEMBERED = 32  # files: of two people who upload the same one, the first deletes it


class Uploads:
    """Reads uploaded files, each in at most so many seconds."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds, self._lock, self._process = seconds, threading.Lock(), None
        self._results: dict[str, tuple[Score, str] | ValueError] = {}

    def read(self, path: str) -> tuple[Score, str]:
        """Reads an uploaded file and deletes it.

        Args:
            path: of the file, in a folder that is named after its content, as Gradio does.

        Returns:
            The score, of several pieces the first; and what the reader warned of.

        Raises:
            ValueError: where the file has another suffix, cannot be read, or is beyond the limits.
        """
        with self._lock:
            if path not in self._results or os.path.exists(path):
                try:
                    self._results[path] = self._read(pathlib.Path(path))
                except ValueError as error:
                    self._results[path] = error
                for old in list(self._results)[:-REMEMBERED]:
                    del self._results[old]
            result = self._results[path]
        if isinstance(result, ValueError):
            raise ValueError(str(result))
        return result

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def _read(self, path: pathlib.Path) -> tuple[Score, str]:
        try:
            if path.suffix.lower() not in SUFFIXES:
                raise ValueError(f"this file is neither MIDI, MusicXML nor ABC; upload one of {', '.join(SUFFIXES)}")
            if path.stat().st_size > BYTES:
                raise ValueError(f"this file is larger than {BYTES // 1_000_000} MB; upload a shorter piece")
            with tempfile.TemporaryDirectory(prefix="musiclib-upload-") as folder:
                copy = pathlib.Path(folder) / f"upload{path.suffix.lower()}"
                copy.write_bytes(path.read_bytes())
                return self._ask(copy)
        except FileNotFoundError:
            raise ValueError("the uploaded file is no longer there; upload it again") from None
        finally:
            path.unlink(missing_ok=True)

    def _ask(self, path: pathlib.Path) -> tuple[Score, str]:
        if self._process is None or self._process.poll() is not None:
            self._process = _started()
        watch, start = threading.Timer(self._seconds, self._process.kill), time.monotonic()
        watch.start()
        try:
            self._process.stdin.write(f"{path}\n".encode())
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
            data = self._process.stdout.read(answer.get("size", 0))
        except (OSError, json.JSONDecodeError):
            late = time.monotonic() - start >= self._seconds
            self.close()
            limit = f"{self._seconds:g} seconds" if late else f"{MEMORY >> 30} GB of memory"
            raise ValueError(f"reading this file takes more than {limit}; upload a shorter or simpler piece") from None
        finally:
            watch.cancel()
        if "error" in answer:
            raise ValueError(answer["error"])
        return packing.unpack(data), answer["remarks"]


def _started() -> subprocess.Popen:
    """Returns the process, when it is ready."""
    path = os.pathsep.join([str(pathlib.Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")])
    command, pipes = (
        [sys.executable, "-m", "musiclib.studio.uploads"],
        {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE},
    )
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **pipes)
    process.stdout.readline()  # the time of its imports does not count
    return process


def _answer(path: str) -> tuple[dict, bytes]:
    """Returns what the process answers for a file: a header and a packed score, or an error."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pieces = readers.read_scores(path)
    except readers.UnreadableScore as error:
        return {"error": f"this file cannot be read: {error.reason}"}, b""
    except MemoryError:
        return {"error": "reading this file takes too much memory; upload a shorter or simpler piece"}, b""
    score, minutes = pieces[0], float(pieces[0].seconds()[1].max()) / 60
    if len(score) > NOTES or minutes > MINUTES:
        size = f"{len(score):,} notes in {minutes:.0f} minutes, and {NOTES:,} in {MINUTES} are the most"
        return {"error": f"this piece has {size}; upload a part of it"}, b""
    remarks = [str(warning.message).removeprefix(f"{path}: ") for warning in caught]
    remarks += [f"the file has {len(pieces)} pieces; the first is taken"] * (len(pieces) > 1)
    data = packing.pack(score)
    return {"size": len(data), "remarks": "; ".join(remarks)}, data


def main() -> None:
    """Reads paths from the standard input and answers each on the standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a parser prints is no answer
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    answers.write(b"ready\n")
    answers.flush()
    for line in sys.stdin:
        header, data = _answer(line.rstrip("\n"))
        answers.write(json.dumps(header).encode() + b"\n" + data)
        answers.flush()


if __name__ == "__main__":
    main()
