"""Versions: which software a run was made with, for its record."""

from __future__ import annotations

import hashlib
import pathlib
import platform
import subprocess
import sys

import keras
import numpy as np

from musiclib import __version__

_PACKAGE = pathlib.Path(__file__).resolve().parent
# What decides, with the configuration and the data, which weights a training ends with.
_DECISIVE = ("models/*.py", "training.py", "losses.py", "callbacks.py", "distribution.py", "feeding.py", "*windows.py")


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


def code() -> str:
    """Returns 16 hexadecimal digits that change with the source of the networks and of training."""
    digest = hashlib.sha256()
    for pattern in _DECISIVE:
        for path in sorted(_PACKAGE.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


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
