"""Printing: pages of SVG as PDF or PNG, by Typst."""

from __future__ import annotations

from collections.abc import Sequence

A4 = "210mm"  # wide
# Pixels per inch, of which an SVG counts 96: where its pixels become no whole number, Typst drops some of them.
RESOLUTION = 2 * 96


def printed(pages: Sequence[str], kind: str = "pdf") -> bytes:
    """Returns pages of SVG as one PDF, or one page as PNG.

    Args:
        pages: SVG texts of whole pixels; in a PDF, each page is as wide as A4, and as high as its picture.
        kind: ``"pdf"`` or ``"png"``.

    Raises:
        ImportError: without the package typst.
    """
    try:
        import typst
    except ImportError as error:
        raise ImportError(f"to save notation as {kind}, run pip install typst; .svg needs no package") from error
    files = {f"{number}.svg": page.encode() for number, page in enumerate(pages)}
    width = A4 if kind == "pdf" else "auto"
    images = "\n#pagebreak()\n".join(f'#image("{name}", width: {width})' for name in files)
    main = f"#set page(width: {width}, height: auto, margin: 0mm, fill: white)\n{images}"
    return typst.compile({"main": main.encode(), **files}, format=kind, ppi=RESOLUTION)
