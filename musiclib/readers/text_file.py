"""Text files: the lines of kern and ABC, whatever their encoding."""

from __future__ import annotations

import pathlib
import re


def lines(path: pathlib.Path) -> list[str]:
    """Loads the lines of a file in UTF-8, or in Latin-1 if it is not that; only line ends separate them."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return re.split(r"\r\n?|\n", text.rstrip())
