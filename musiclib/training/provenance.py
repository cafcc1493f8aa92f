"""Provenance: the versions and the code that a run was made with."""

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
# The files that, with the configuration and the data, determine the trained weights.
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
    """Returns the versions, the fingerprint of the code and the commit, for a run's ``about``."""
    return {"versions": versions(), "code": code(builder), "commit": commit()}


def versions() -> dict[str, str]:
    """Returns the versions of musiclib, Python and the libraries that training uses."""
    backend = keras.backend.backend()
    return {
        "musiclib": __version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "numpy": np.__version__,
        backend: sys.modules[backend].__version__,
    }


def code(builder: Callable) -> str:
    """Returns a fingerprint of the source of the networks, of training and of ``builder``: 16 hexadecimal digits.

    Raises:
        FileNotFoundError: where a pattern in ``_DECISIVE`` matches no file.
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
    """Yields the source of a builder outside musiclib, and of the classes and functions that it uses."""
    if builder.__module__.partition(".")[0] == "musiclib":
        return
    code = getattr(builder, "__code__", None)
    named = [builder.__globals__.get(name) for name in code.co_names] if code else []
    for thing in [builder, *(value for value in named if getattr(value, "__module__", "") == builder.__module__)]:
        # In a notebook, the source of functions is available but not that of classes: take that of their methods.
        functions = [thing] if inspect.isfunction(thing) else filter(inspect.isfunction, vars(thing).values())
        for function in functions:
            try:
                yield inspect.getsource(function)
            except OSError:
                yield f"{function.__code__.co_code} {function.__code__.co_consts}"


def commit() -> str | None:
    """Returns the git commit of musiclib, with ``-dirty`` where its source was changed since.

    None where this is not a checkout, or git is not installed.
    """
    try:
        _git("ls-files", "--error-unmatch", __file__)  # fails where musiclib is installed inside another checkout
        changed = _git("status", "--porcelain", "--", str(_PACKAGE))
        return _git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(_PACKAGE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
