"""Recommending: which encoding suits music, by its figures, and why."""

from __future__ import annotations

from collections.abc import Sequence

from musiclib.encodings.figures import Figures, label, percent
from musiclib.encodings.vocabulary import MOST_UNKNOWN

MOST_LOST = 0.02  # of the notes, with an encoding that keeps the music
MOST_MOVED = 0.05  # of the onsets, with a grid that fits
PLAYED = 0.2  # of the onsets off the grid, in music that was played; in written music they are rarer


def best_of(rows: Sequence[Figures], free: bool) -> Figures:
    """Returns the figures of the encoding to recommend.

    Args:
        rows: the figures of each encoding.
        free: whether the music was played without regard to its tempo map.
    """
    fit = [row for row in rows if row.encoding.in_seconds == free] or list(rows)
    known = [row for row in fit if row.lost <= MOST_LOST and row.expected_unknown <= MOST_UNKNOWN]
    if not known:
        return min(fit, key=lambda row: (row.lost >= 1, row.lost + row.expected_unknown, row.tokens_per_note))
    exact = [row for row in known if row.off_grid <= MOST_MOVED]
    if not exact:
        return min(known, key=lambda row: (row.off_grid, row.tokens_per_note))
    return min(exact, key=lambda row: (row.parts > MOST_LOST, round(row.tokens_per_note, 1)))


def reason_for(best: Figures, rows: Sequence[Figures], free: float) -> str:
    """Returns why an encoding is recommended, in plain sentences with the figures that decide.

    Args:
        best: its figures.
        rows: those of each encoding.
        free: share of the notes that were played without regard to their tempo map.
    """
    name = best.encoding.name
    unknown = "" if best.unknown is None else f", {percent(best.unknown)} of the held-out tokens are unknown"
    joins = " and joins the parts into one" if best.parts > MOST_LOST else ""
    figures = (
        f"It loses {percent(best.lost)} of the notes{joins}{unknown}, and it takes {best.tokens_per_note:.1f} tokens a"
        " note"
    )
    if free > 0.5 and best.encoding.in_seconds:
        return (
            f"{percent(free)} of the notes were played without regard to their tempo map, and only an encoding in"
            f" seconds keeps their rhythm. {figures}. To learn from beats instead, find them first: music.quantized()"
            " moves each piece onto beats of its own."
        )
    if best.lost > MOST_LOST or best.expected_unknown > MOST_UNKNOWN:
        return f"None of these keeps this music; {name} comes nearest. {figures}; give more music, or other encodings."
    if best.off_grid > PLAYED:
        return (
            f"{figures}, but {percent(best.off_grid)} of the onsets lie more than 10 ms off its grid: this music was"
            " played. music.quantized(1/4) moves the onsets onto it first, for tokens that repeat; Performance keeps"
            " them to 10 ms, without bars."
        )
    grid = f"{percent(1 - best.off_grid)} of the onsets lie on its grid."
    parts = " and keeps the parts" if best.parts <= MOST_LOST < max(row.parts for row in rows) else ""
    shorter = [row for row in rows if row.tokens_per_note < best.tokens_per_note - 0.05 and not row.encoding.in_seconds]
    if not shorter:
        return f"{grid} {figures}, the fewest{parts}."
    other = min(shorter, key=lambda row: row.lost + row.expected_unknown)
    flaws = {
        f"loses {percent(other.lost)} of the notes": other.lost,
        f"leaves {percent(other.expected_unknown)} of the tokens of other pieces unknown": other.expected_unknown,
        f"moves {percent(other.off_grid)} of the onsets": other.off_grid,
        f"joins the parts of {percent(other.parts)} of the notes": other.parts,
    }
    return (
        f"{grid} {figures}{parts}; {label(other.encoding)} takes {other.tokens_per_note:.1f}, but"
        f" {max(flaws, key=flaws.get)}."
    )
