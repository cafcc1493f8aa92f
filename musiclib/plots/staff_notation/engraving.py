"""Staff notation: a score engraved by Verovio, as SVG."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import zlib
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from numpy.lib import recfunctions

from musiclib import _atomic
from musiclib.plots.palette import PALETTE
from musiclib.plots.printing import printed
from musiclib.plots.staff_notation.mei import Element, Sheet, add
from musiclib.plots.staff_notation.staves import staves_of
from musiclib.score import Score
from musiclib.score.checking import check_score
from musiclib.writers.notation import GRID, printable, printed_bars_of
from musiclib.writers.readable import readable
from musiclib.writers.rounding import rounded_with_index

MOST_BARS = 500
TALLEST = 6000  # on a taller page, engraving takes much longer
# Verovio's units are tenths of a millimetre at a scale of 100.
OPTIONS = {
    "scale": 40, "pageWidth": 2400, "pageHeight": TALLEST, "adjustPageHeight": True, "svgViewBox": True,
    "header": "encoded", "footer": "none", "breaks": "auto", "systemDivider": "none", "smuflTextFont": "none",
    "lyricSize": 3.0, "lyricWordSpace": 1.0, "bottomMarginHeader": 7.0, "spacingSystem": 8,
}  # fmt: skip
A4 = {"pageWidth": 2600, "pageHeight": 3677, "adjustPageHeight": False, "bottomMarginHeader": 8}
COLOURS, DARK = "plasma", 0.85  # of a map from dark to light, the part that is readable on white
STRIPES = 24  # in the legend of values


@dataclasses.dataclass(frozen=True, repr=False)
class Staff:
    """An engraved score: shown by notebooks, saved as SVG or PDF.

    Args:
        pages: the pages, SVG texts, as tall as needed; a long score has several. Each note is a ``<g class="note">``
            with the id ``note-<i>-<k>``: i its index in the score, k = 0, 1, ... its tied pieces. Notes of equal onset,
            pitch and part are drawn once.
        mei: the MEI document that Verovio has engraved.
    """

    pages: tuple[str, ...]
    mei: str

    def __repr__(self) -> str:
        return f"Staff({len(self.pages)} page{'s' if len(self.pages) > 1 else ''})"

    def _repr_html_(self) -> str:
        pages = "".join(self.pages)
        return f'<div style="background: white; max-width: 1000px; padding: 8px">{pages}</div>'

    def save(self, path: str | pathlib.Path) -> pathlib.Path:
        """Saves the notation (atomically); missing folders are created.

        Args:
            path: ``.svg`` or ``.png``; of several pages the first has this name, and the others a number behind it,
                as in ``piece-2.svg``. ``.pdf`` has pages of A4.

        Returns:
            The path.

        Raises:
            ValueError: if the suffix is another one.
            ImportError: without the package typst, if the suffix is not ``.svg``.
        """
        path = pathlib.Path(path).expanduser()
        kind = path.suffix.lower()
        if kind == ".pdf":
            return _atomic.write(path, printed(engraved(self.mei, A4)))
        if kind not in (".svg", ".png"):
            raise ValueError(f"Staff.save: notation is saved as .svg, .png or .pdf, got {path.name!r}")
        for number, page in enumerate(self.pages, 1):
            name = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
            _atomic.write(name, page.encode() if kind == ".svg" else printed([page], "png"))
        return path


def staff(
    score: Score,
    staves: str = "auto",
    color: str | None = None,
    values: Sequence[float] | np.ndarray | None = None,
    label: str = "",
    names: bool = False,
) -> Staff:
    """Engraves a score in staff notation, with Verovio (www.verovio.org).

    Onsets and ends are rounded to 1/12 of a quarter note (sixteenths and triplets), as ``writers.write_musicxml``
    does. Without a time signature or a key signature, these are estimated. Accidentals hold to the end of a bar.

    Args:
        score: at least one note, at most 500 bars and 2,000 quarter lengths. Percussion is left out, with a warning.
        staves: ``"auto"`` writes soprano, alto, tenor and bass on the two staves of a choir, and a keyboard part of
            wide range on two staves, for the right and the left hand; ``"closed"`` any four parts as a choir;
            ``"parts"`` each part on one staff.
        color: ``"parts"`` colours the notes by part, where there are no values.
        values: (notes,) a number for each note, such as nats per note, that colours it, with a legend; NaN is black.
        label: what the values are, for the legend.
        names: write the names of the notes: of the highest of a chord, above the staff, and of a second voice below.

    Returns:
        The pages, for a notebook or ``save``.

    Raises:
        ValueError: if the score is empty or too long, an option is unknown, or the values do not fit the notes.
    """
    document = document_of(score, staves, color, values, label, names)
    return Staff(engraved(document), document)


def document_of(
    score: Score, staves: str, color: str | None, values: Sequence[float] | np.ndarray | None, label: str, names: bool
) -> str:
    """Returns the MEI document of a score, as ``staff`` engraves it; the arguments are those of ``staff``."""
    check_score(score, "staff")
    if not len(score):
        raise ValueError("staff: the score has no notes to engrave; give one with notes")
    if score.end > 4 * MOST_BARS:
        raise ValueError(
            f"staff: {score.end:g} quarter lengths are too long to engrave, at most {4 * MOST_BARS}; use score.slice"
        )
    if color not in (None, "parts"):
        raise ValueError(f'staff: color must be None or "parts", got {color!r}')
    if np.shape(values) == (len(score),):
        values = np.asarray(values)[~score.is_percussion]
    score = readable(score)
    score = score.replace(
        title=printable(score.title),
        composer=printable(score.composer),
        part_names=[printable(name) for name in score.part_names],
    )
    notes, index = rounded_with_index(score, GRID)
    notes = recfunctions.append_fields(notes, "index", index, usemask=False)
    bars = printed_bars_of(score, int(notes["end"].max()))
    if len(bars) > MOST_BARS:
        raise ValueError(f"staff: {len(bars)} bars are too many to engrave, at most {MOST_BARS}; use score.slice")
    heading = [_text(score.title, "center", "top", "150%"), _text(score.composer, "right", "bottom", "85%")]
    colours = None
    if values is not None:
        colours, legend = _by_value(score, values, label)
        heading.append(legend)
    elif color:
        palette = [PALETTE[part % len(PALETTE)] for part in range(len(score.part_names))]
        playing = np.unique(score.part).tolist()
        if len(playing) > 1:
            heading.append(_legend([(f"\u00a0\u00a0● {score.part_names[part]}", palette[part]) for part in playing]))
        colours = {note: palette[part] for note, part in enumerate(score.part.tolist())}.get
    sheet = Sheet(score, staves_of(score, notes, staves), bars, colours, names)
    return sheet.text([part for part in heading if len(part) or part.text])


def engraved(document: str, options: dict | None = None) -> tuple[str, ...]:
    """Returns the pages of an MEI document, SVG texts."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit(False)
    # Verovio keeps the path of its fonts for each thread, and its module sets that of the thread that imports it only.
    toolkit.setResourcePath(str(pathlib.Path(verovio.__file__).parent / "data"))
    toolkit.setOptions(OPTIONS | (options or {}) | {"xmlIdSeed": zlib.crc32(document.encode()) >> 1 or 1})
    if not toolkit.loadData(document):
        raise ValueError("staff: Verovio cannot read the notation of this score; please report it, with the score")
    return tuple(toolkit.renderToSVG(page) for page in range(1, toolkit.getPageCount() + 1))


def _text(text: str, halign: str, valign: str, size: str) -> Element:
    rend = Element("rend", halign=halign, valign=valign, fontsize=size)
    rend.text = text
    return rend


def _legend(entries: list[tuple[str, str]]) -> Element:
    rend = _text("", "left", "bottom", "85%")
    for text, colour in entries:
        add(rend, "rend", color=colour).text = text
    return rend


def _by_value(score: Score, values, label: str):
    """Returns the colour of each note by its index, and the legend."""
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (len(score),):
        raise ValueError(f"staff: values must be one number per note, shape ({len(score)},), got {values.shape}")
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    shades = matplotlib.colormaps[COLOURS]

    def colour(place: float) -> str:
        return to_hex(shades(DARK * place)) if math.isfinite(place) else "#000000"

    places = (values - low) / (high - low or 1.0)
    digits = 2 - math.floor(math.log10(high - low or 1.0))
    least, most = (f"{round(value, digits):g}" for value in (low, high))
    stripes = [("█", colour(stripe / (STRIPES - 1))) for stripe in range(STRIPES)]
    black = "#000000"
    legend = _legend([(f"{label} {least}\u00a0".lstrip(), black), *stripes, (f"\u00a0{most}", black)])
    return (lambda index: colour(float(places[index]))), legend
