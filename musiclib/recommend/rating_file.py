"""Rating files: CSV with a header and the columns user, piece, and rating or plays."""

from __future__ import annotations

import csv
import io
import math
import os
import pathlib
from collections.abc import Sequence

from musiclib.recommend.ratings import Ratings

_DELIMITERS = (",", ";", "\t")


def load(path: str | os.PathLike, pieces: Sequence[str] | None = None) -> Ratings:
    """Loads ratings or play counts from a CSV file.

    Commas, semicolons and tabs separate columns; the encoding is UTF-8, UTF-16 or else Latin-1. The header names the
    columns ``user``, ``piece`` and ``rating`` or ``plays``, in any order; others are ignored.

    Args:
        path: the file.
        pieces: names of the catalogue's pieces; None takes those that occur.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: at what cannot be read, with the line, the value and the remedy.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give a CSV file with the columns user, piece and rating")
    text = _text(path)
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    # Not splitlines, which also splits at characters of Latin-1 that stand inside names.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip().lower() for name in next(reader, [])]
    kind = next((name for name in ("plays", "rating") if name in header), None)
    if kind is None or not {"user", "piece"} <= set(header):
        raise ValueError(
            f"{path}, line 1: the columns are {', '.join(header) or 'none'}; write a header such as user,piece,rating"
            " or user,piece,plays"
        )
    columns, known = [header.index(name) for name in ("user", "piece", kind)], pieces if pieces is None else set(pieces)
    rows: dict[tuple[str, str], float] = {}
    first: dict[tuple[str, str], int] = {}
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        place = f"{path}, line {reader.line_num}"
        if len(cells) != len(header):
            raise ValueError(
                f"{place}: {len(cells)} columns in place of {len(header)}; quote names that hold {delimiter!r}"
            )
        user, piece, text = (cells[column].strip() for column in columns)
        missing = [name for name, cell in zip(("user", "piece", kind), (user, piece, text), strict=True) if not cell]
        if missing:
            raise ValueError(f"{place}: the {missing[0]} is missing; fill it in, or delete the line")
        if known is not None and piece not in known:
            strange = {row[columns[1]].strip() for row in reader if len(row) == len(header)} - known - {piece}
            raise ValueError(
                f"{place}: {piece!r} is not among the {len(known)} pieces of the catalogue, nor are {len(strange)} more"
                " of this file; name pieces as in corpus.names, or delete their lines"
            )
        value = _number(text, kind, place, delimiter)
        if (user, piece) in rows and kind == "rating":
            raise ValueError(
                f"{place}: user {user!r} rated {piece!r} before, in line {first[user, piece]}; delete one of the two"
            )
        rows[user, piece] = rows.get((user, piece), 0.0) + value
        first.setdefault((user, piece), reader.line_num)
    if not rows:
        raise ValueError(
            f"{path} holds no ratings below its header; add lines such as anna,{(pieces or ['tune'])[0]},4"
        )
    return Ratings.from_rows([(*pair, value) for pair, value in rows.items()], pieces, kind == "plays")


def _number(text: str, kind: str, place: str, delimiter: str) -> float:
    """Returns a number above 0; its decimal sign may be a comma where no comma separates columns."""
    try:
        value = float(text if delimiter == "," else text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{place}: the {kind} must be a number above 0, got {text!r}; correct it, or delete the line")
    return value


def _text(path: pathlib.Path) -> str:
    """Decodes a file."""
    data = path.read_bytes()
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        if b"\0" in data:  # UTF-16 without its mark: in names and numbers, every other byte is 0
            return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" not in data:
            return data.decode("latin-1")
        raise ValueError(f"{path} is not a text file; export the ratings as CSV in UTF-8") from error
