"""Fields: the forms of a Score's fields that are often mistaken, and the right ones, in one sentence."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Sequence
from numbers import Real


def rows(name: str, value: object, columns: tuple[str, ...]) -> list[tuple]:
    """Returns a field of rows, such as tempos.

    Args:
        name: of the field.
        value: what was given.
        columns: what a row holds.

    Raises:
        ValueError: if it is not a sequence of such rows; the message shows the form.
    """
    found = None if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    wrong = [value] if found is None else [row for row in found if not _is_row(row, columns)]
    if wrong:
        kind = {2: "pairs", 3: "triples"}[len(columns)]
        raise ValueError(
            f"Score: {name} must be {kind} ({', '.join(columns)}), got {reprlib.repr(value)}; write"
            f" {name}={_mended(name, value)}"
        )
    return [tuple(row) for row in found]


def listed(name: str, value: object, example: str) -> list:
    """Returns a field with one value for each part.

    Args:
        name: of the field.
        value: what was given.
        example: what to write instead, where the value does not show it.

    Raises:
        ValueError: if it is a single value; the message shows the form.
    """
    if isinstance(value, (str, Real)) or not isinstance(value, Iterable):
        fits = isinstance(value, Real) or (isinstance(value, str) and name == "part_names")
        right = f"({value!r},)" if fits else example
        raise ValueError(f"Score: {name} must have one value for each part, got {value!r}; write {name}={right}")
    return list(value)


def check_names(names: Sequence[str], known: Sequence[str]) -> None:
    """Raises ValueError at the name of a field that a Score does not have."""
    if unknown := [name for name in names if name not in known]:
        near = difflib.get_close_matches(unknown[0], known, 1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
        raise ValueError(f"a Score has no field {unknown[0]!r}; {hint}")


def check_programs(programs: Sequence, drum_kit: int) -> None:
    """Raises ValueError where programs are not numbers from 0 to 127, or that of the drum kit."""
    if any(isinstance(program, str) for program in programs):
        raise ValueError(f"Score: programs must be numbers, got {programs}; score.instruments.program('Violin') is one")
    whole = all(isinstance(program, Real) and program == program // 1 for program in programs)
    if not whole or any(not 0 <= program <= drum_kit for program in programs):
        raise ValueError(f"Score: programs must lie between 0 and 127, or be {drum_kit} for drums, got {programs}")


def _is_row(row: object, columns: tuple[str, ...]) -> bool:
    if isinstance(row, str) or not isinstance(row, Iterable) or len(values := list(row)) != len(columns):
        return False
    return all(isinstance(v, str if name == "mode" else Real) for v, name in zip(values, columns, strict=True))


def _mended(name: str, value: object) -> str:
    """Returns the form of a field, with the value in it where that is clear."""
    if name == "tempos":
        tempo = value if isinstance(value, Real) and not isinstance(value, bool) else 96
        return f"((0, {tempo:g}),)"
    if name == "key_signatures":
        return "((0, -3, 'minor'),) for C minor"
    given = value
    if isinstance(given, (tuple, list)) and len(given) == 1:
        given = given[0]
    if isinstance(given, str):
        given = given.split("/")
    found = list(given)[-2:] if isinstance(given, Iterable) else []
    both = [int(part) if str(part).strip().isdigit() else None for part in found]
    upper, lower = both if len(both) == 2 and all(both) else (3, 4)
    return f"((0, {upper}, {lower}),)"
