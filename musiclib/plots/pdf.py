"""PDF: draws pages that Verovio has engraved, with matplotlib, so that no other program is needed.

Only what occurs in Verovio's SVG is read: groups, paths and other shapes, glyphs by reference, and text.
"""

from __future__ import annotations

import functools
import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

A4 = (8.27, 11.69)  # inches
POINTS = 72  # per inch
FONT = "DejaVu Serif"  # comes with matplotlib, and has flats, sharps and notes
# Classes of groups, as in the style sheet of Verovio's SVG.
STYLES = {"mNum": {"style": "italic"}, "tempo": {"weight": "bold"}}
HIDDEN = "placeholder"
_TOKEN = re.compile(r"[A-Za-z]|-?\d*\.?\d+(?:e-?\d+)?")
_CURVES = {"l": (2, Path.LINETO), "m": (2, Path.MOVETO), "c": (6, Path.CURVE4), "q": (4, Path.CURVE3)}

Element = ElementTree.Element


def write(pages: Sequence[str]) -> bytes:
    """Returns a PDF with a page of A4 for each SVG text."""
    file = io.BytesIO()
    with PdfPages(file, metadata={"CreationDate": None}) as document:
        for page in pages:
            root = ElementTree.fromstring(page)
            width, height = _numbers(root.find(".//*[@class='definition-scale']").get("viewBox"))[2:]
            glyphs = {f"#{glyph.get('id')}": glyph for glyph in root.iter() if _tag(glyph) == "g" and glyph.get("id")}
            figure = Figure(figsize=A4)
            axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
            axes.set_axis_off()
            shapes = list(_shapes(root, Affine2D(), "black", {}, glyphs))
            paths, colours, strokes = zip(*shapes, strict=True)
            widths = np.array(strokes) * A4[0] * POINTS / width
            axes.add_collection(PathCollection(paths, facecolors=colours, edgecolors=colours, linewidths=widths))
            document.savefig(figure)
    return file.getvalue()


def _shapes(
    node: Element, place: Affine2D, colour: str, style: dict, glyphs: dict[str, Element]
) -> Iterator[tuple[Path, str, float]]:
    """Yields (path, colour, stroke width) of everything in a node; ``place`` transforms its coordinates."""
    tag = _tag(node)
    colour = node.get("fill", colour)
    for name, values in re.findall(r"(\w+)\(([^)]*)\)", node.get("transform", "")):
        place = getattr(Affine2D(), name)(*_numbers(values)) + place
    if tag == "use":
        yield from _shapes(glyphs[node.get("{http://www.w3.org/1999/xlink}href")], place, colour, style, {})
    elif tag == "text":
        yield from _text(node, place, colour, style)
    elif tag in ("g", "svg"):
        kinds = node.get("class", "").split()
        for kind in kinds:
            style = style | STYLES.get(kind, {})
        for child in node if HIDDEN not in kinds else ():
            yield from _shapes(child, place, colour, style, glyphs)
    elif (path := _path(tag, node)) is not None:
        yield place.transform_path(path), colour, float(node.get("stroke-width", 0))


def _path(tag: str, node: Element) -> Path | None:
    number = {name: float(node.get(name, 0)) for name in ("x", "y", "width", "height", "cx", "cy", "rx", "ry")}
    if tag == "path":
        return _parsed(node.get("d"))
    if tag in ("polygon", "polyline"):
        return Path(np.reshape(_numbers(node.get("points")), (-1, 2)), closed=False)
    if tag == "rect":
        return (
            Affine2D()
            .scale(number["width"], number["height"])
            .translate(number["x"], number["y"])
            .transform_path(Path.unit_rectangle())
        )
    if tag == "ellipse":
        return (
            Affine2D()
            .scale(number["rx"], number["ry"])
            .translate(number["cx"], number["cy"])
            .transform_path(Path.unit_circle())
        )
    return None


def _parsed(text: str) -> Path:
    """Returns the path of an SVG path's commands."""
    points: list[tuple[float, float]] = []
    codes: list[int] = []
    here, tokens, command, control = np.zeros(2), _TOKEN.findall(text), "", None
    while tokens:
        if tokens[0].isalpha():
            command = tokens.pop(0)
        kind, base = command.lower(), here if command.islower() else np.zeros(2)
        if kind == "z":
            points.append(points[-1])
            codes.append(Path.CLOSEPOLY)
            continue
        if kind in "hv":
            axis = "hv".index(kind)
            end = here.copy()
            end[axis] = base[axis] + float(tokens.pop(0))
            new, code = [end], Path.LINETO
        else:
            count, code = _CURVES["c" if kind == "s" else kind]
            count -= 2 * (kind == "s")
            new = list(np.reshape([float(token) for token in tokens[:count]], (-1, 2)) + base)
            del tokens[:count]
            if kind == "s":  # its first control point mirrors the last one
                new.insert(0, here if control is None else 2 * here - control)
        points += [tuple(point) for point in new]
        codes += [code] * len(new)
        here, control = new[-1], new[-2] if code == Path.CURVE4 else None
        if kind == "m":  # further pairs are lines
            command = "l" if command == "m" else "L"
    return Path(points, codes)


def _text(node: Element, place: Affine2D, colour: str, style: dict) -> Iterator[tuple[Path, str, float]]:
    """Yields the runs of a text; runs without a place of their own follow the one before."""
    lines: list[tuple[float, float, str, list[tuple[Path, str, float]]]] = []  # x, y, anchor, runs

    def read(part: Element, colour: str, style: dict, anchor: str) -> None:
        colour, anchor = part.get("fill", colour), part.get("text-anchor", anchor)
        style = style | {
            name: part.get(f"font-{name}") for name in ("weight", "style", "size") if part.get(f"font-{name}")
        }
        if part.get("x"):
            lines.append((float(part.get("x")), float(part.get("y")), anchor, []))
        if text := (part.text or "").strip("\n\t "):
            size = float(style["size"].removesuffix("px"))
            outline, width = _outline(text, style.get("weight"), style.get("style"))
            lines[-1][-1].append((Affine2D().scale(size).transform_path(outline), colour, size * width))
        for child in part:
            read(child, colour, style, anchor)

    read(node, colour, style, "start")
    for x, y, anchor, runs in lines:
        x -= sum(width for _, _, width in runs) * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        for outline, shade, width in runs:
            yield (Affine2D().scale(1, -1).translate(x, y) + place).transform_path(outline), shade, 0.0
            x += width


@functools.lru_cache(1000)
def _outline(text: str, weight: str | None, style: str | None) -> tuple[Path, float]:
    """Returns the outline of a text of size 1, and how far it moves what follows."""
    font = FontProperties(family=FONT, weight=weight, style=style)

    def width(text: str) -> float:
        return TextPath((0, 0), text, size=1, prop=font).get_extents().width

    return TextPath((0, 0), text, size=1, prop=font), width(f"|{text}|") - width("||")


def _numbers(text: str) -> list[float]:
    return [float(token) for token in _TOKEN.findall(text)]


def _tag(node: Element) -> str:
    return node.tag.rpartition("}")[2]
