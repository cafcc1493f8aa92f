"""Packing: a Score as bytes, for the cache and for saved corpora.

The bytes are a line of JSON (number of notes, and the fields that are not columns), then the columns.
"""

from __future__ import annotations

import json

import numpy as np

from musiclib.score.score import COLUMNS, Score

_TYPES = ("<f8", "<f8", "u1", "u1", "<u4")  # of the columns
_FIELDS = ("tempos", "time_signatures", "part_names", "programs", "key_signatures", "title", "composer")


def pack(score: Score) -> bytes:
    """Returns a score as bytes."""
    header = {"notes": len(score), **{name: getattr(score, name) for name in _FIELDS}}
    columns = (getattr(score, name).astype(kind).tobytes() for name, kind in zip(COLUMNS, _TYPES, strict=True))
    return b"\n".join([json.dumps(header).encode(), b"".join(columns)])


def unpack(data: bytes) -> Score:
    """Inverse of ``pack``; raises ValueError or KeyError if the bytes are not a packed score."""
    end = data.index(b"\n")
    header = json.loads(data[:end])
    columns, position = {}, end + 1
    for name, kind in zip(COLUMNS, _TYPES, strict=True):
        columns[name] = np.frombuffer(data, kind, header["notes"], position)
        position += columns[name].nbytes
    return Score(**columns, **{name: header[name] for name in _FIELDS if name in header})
