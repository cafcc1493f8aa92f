"""Bundled: which pieces music21 ships, found without parsing any of them."""

from __future__ import annotations

import pathlib

_SUFFIXES = (".mxl", ".xml", ".musicxml", ".krn", ".abc", ".mid")


def chorale_files() -> list[tuple[str, pathlib.Path]]:
    """Lists (name, path) of the 371 chorales of Bach, by their number in Riemenschneider's edition.

    A few stand in it twice under two numbers, with one and the same file.
    """
    from music21 import corpus

    names = corpus.chorales.Iterator(numberingSystem="riemenschneider", returnType="filename")
    chorales = []
    for number, name in enumerate(names, start=1):
        found = corpus.getWork(name)
        path = found[0] if isinstance(found, list) else found  # a list where a score comes in two versions
        chorales.append((f"{number:03d} {name.split('/')[-1]}", pathlib.Path(path)))
    return chorales


def collection_files(name: str) -> list[tuple[str, pathlib.Path]]:
    """Lists (name, path) of a composer or collection in music21's corpus; none where there is no such."""
    from music21 import corpus

    paths = [pathlib.Path(path) for path in corpus.getComposer(name)]
    # With its folder: the movements of a quartet are called movement1 in every quartet.
    return [(f"{path.parent.name}/{path.stem}", path) for path in sorted(paths) if path.suffix in _SUFFIXES]
