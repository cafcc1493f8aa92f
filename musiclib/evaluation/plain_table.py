"""Plain table: a table as text for a terminal, in aligned columns, its long cells wrapped."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 100  # characters of a line
_LABEL = 30  # at most, of the first column
_CELL = 20  # at most, of the others
_GAP = "  "


def plain_table(names: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], notes: Iterable[str] = ()) -> str:
    """Returns a table as text; columns that do not fit beside the others follow in a table of their own below.

    Args:
        names: the title of each column.
        rows: the label of each row, and its cells, as many as there are columns.
        notes: sentences below the table.
    """
    label = min(max((len(text) for text, _ in rows), default=0), _LABEL)
    texts = [[name, *(cells[i] for _, cells in rows)] for i, name in enumerate(names)]
    widths = [min(max(map(len, column)), _CELL) for column in texts]
    blocks: list[list[int]] = []
    used = WIDTH
    for i, width in enumerate(widths):
        if used + len(_GAP) + width > WIDTH:
            blocks.append([])
            used = label
        blocks[-1].append(i)
        used += len(_GAP) + width
    lines: list[str] = []
    for block in blocks:
        sizes = [label, *(widths[i] for i in block)]
        lines += _row(["", *(names[i] for i in block)], sizes)
        lines.append(_GAP.join("-" * size for size in sizes))
        for text, cells in rows:
            lines += _row([text, *(cells[i] for i in block)], sizes)
        lines.append("")
    for note in notes:
        lines += textwrap.wrap(note, WIDTH, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines).rstrip()


def _row(cells: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """Returns the lines of a row: as many as its longest cell takes."""
    wrapped = [textwrap.wrap(cell, size) or [""] for cell, size in zip(cells, sizes, strict=True)]
    height = max(map(len, wrapped))
    padded = [[*cell, *[""] * (height - len(cell))] for cell in wrapped]
    return [
        _GAP.join(cell[line].ljust(size) for cell, size in zip(padded, sizes, strict=True)).rstrip()
        for line in range(height)
    ]
