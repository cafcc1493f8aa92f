"""Provenance: which software and which code a run was made with, for its record."""

from __future__ import annotations

import hashlib
import inspect
import pathlib
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator

import keras
import numpy as np

from musiclib import __version__

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# What decides, with the configuration and the data, which weights a training ends with.
_DECISIVE = (
    "models/**/*.py",
    "dataset/batches.py",
    "dataset/*windows.py",
    "training/loop.py",
    "training/callbacks.py",
    "training/distribution.py",
    "training/feeding.py",
)


def record(builder: Callable) -> dict:
    """Returns the versions, the fingerprint of the code and the commit, for the record of a run."""
    return {"versions": versions(), "code": code(builder), "commit": commit()}


def versions() -> dict[str, str]:
    """Returns the versions of musiclib, Python and the libraries that a training rests on."""
    backend = keras.backend.backend()
    return {
        "musiclib": __version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "numpy": np.__version__,
        backend: sys.modules[backend].__version__,
    }


def code(builder: Callable) -> str:
    """Returns 16 hexadecimal digits that change with the source of the networks, of training, and of ``builder``.

    Raises:
        FileNotFoundError: where a pattern of files that decide the result matches none: then the fingerprint would
            miss their changes.
    """
    digest = hashlib.sha256()
    for pattern in _DECISIVE:
        paths = sorted(_PACKAGE.glob(pattern))
        if not paths:
            raise FileNotFoundError(f"no file of musiclib matches {pattern!r}; correct the pattern in {__file__}")
        for path in paths:
            digest.update(path.read_bytes())
    for source in _own_sources(builder):
        digest.update(source.encode())
    return digest.hexdigest()[:16]


def _own_sources(builder: Callable) -> Iterator[str]:
    """Yields the source of a builder that is not musiclib's, and of the classes and functions that it names."""
    if builder.__module__.partition(".")[0] == "musiclib":
        return
    code = getattr(builder, "__code__", None)
    named = [builder.__globals__.get(name) for name in code.co_names] if code else []
    for thing in [builder, *(value for value in named if getattr(value, "__module__", "") == builder.__module__)]:
        # A notebook keeps the source of functions, but not of classes: theirs is that of their methods.
        functions = [thing] if inspect.isfunction(thing) else filter(inspect.isfunction, vars(thing).values())
        for function in functions:
            try:
                yield inspect.getsource(function)
            except OSError:
                yield f"{function.__code__.co_code} {function.__code__.co_consts}"


def commit() -> str | None:
    """Returns the commit of this copy of musiclib, with ``-dirty`` behind it where its source was changed since.

    None where this is not a checkout of it, or where git is not installed.
    """
    try:
        _git("ls-files", "--error-unmatch", __file__)  # else musiclib is installed inside of somebody else's checkout
        changed = _git("status", "--porcelain", "--", str(_PACKAGE))
        return _git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(_PACKAGE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
