"""Parts: the numbers of the parts of a score that are named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def numbers(names: Sequence[str], part: int | str | Sequence[int | str]) -> list[int]:
    """Returns the numbers of parts, in the order in which they are given.

    Args:
        names: those of all parts.
        part: a number (from 0) or a name, or a list of them. A name in other upper and lower case is found, too, where
            none is equal to it.

    Raises:
        ValueError: if a part is unknown, ambiguous or named twice, or the list is empty; the message lists the
            available ones.
    """
    listed = list(part) if isinstance(part, Sequence) and not isinstance(part, str) else [part]
    if not listed:
        raise ValueError(f"no part is named; give at least one of {_listing(names)}")
    found = [_number(names, each) for each in listed]
    if twice := [each for i, each in enumerate(listed) if found[i] in found[:i]]:
        raise ValueError(f"the part {twice[0]!r} is named twice in {listed}; name each once")
    return found


def _number(names: Sequence[str], part: int | str) -> int:
    if isinstance(part, str):
        found = [i for i, name in enumerate(names) if name == part]
        found = found or [i for i, name in enumerate(names) if name.casefold() == part.casefold()]
    else:
        is_number = isinstance(part, (int, np.integer)) and not isinstance(part, bool)
        found = [int(part)] if is_number and 0 <= part < len(names) else []
    if not found:
        raise ValueError(f"no part {part!r} in this score; its parts are: {_listing(names)}")
    if len(found) > 1:
        raise ValueError(f"several parts are named {part!r} but for upper and lower case: {_listing(names)}")
    return found[0]


def _listing(names: Sequence[str]) -> str:
    return ", ".join(f"{i} {name!r}" for i, name in enumerate(names))
