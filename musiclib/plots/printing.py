"""Printing: pages of SVG as PDF or PNG, by Typst."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = "210mm"  # of A4


def printed(pages: Sequence[str], kind: str = "pdf") -> bytes:
    """Returns pages of SVG as one PDF, or one page as PNG.

    Args:
        pages: SVG texts; each page is as wide as A4, and as high as its picture.
        kind: ``"pdf"`` or ``"png"``.

    Raises:
        ImportError: without the package typst.
    """
    try:
        import typst
    except ImportError as error:
        raise ImportError(f"to save notation as {kind}, run pip install typst; .svg needs no package") from error
    files = {f"{number}.svg": page.encode() for number, page in enumerate(pages)}
    images = "\n#pagebreak()\n".join(f'#image("{name}", width: {WIDTH})' for name in files)
    main = f"#set page(width: {WIDTH}, height: auto, margin: 0mm, fill: white)\n{images}"
    return typst.compile({"main": main.encode(), **files}, format=kind, ppi=110)
