"""music21's corpus: lists the files of a collection without parsing them."""

from __future__ import annotations

import collections
import functools
import pathlib

from musiclib.readers import SUFFIXES


def chorale_files() -> list[tuple[str, pathlib.Path]]:
    """Lists (name, path) of Bach's 371 chorales, by their number in Riemenschneider's edition.

    A few occur under two numbers, with the same file.
    """
    return list(_chorales())


@functools.cache
def _chorales() -> tuple[tuple[str, pathlib.Path], ...]:
    from music21 import corpus

    names = corpus.chorales.Iterator(numberingSystem="riemenschneider", returnType="filename")
    # music21 searches all of its files for each name; most names match exactly one file name.
    versions = collections.defaultdict(list)
    for path in corpus.getComposer("bach"):
        versions[path.stem.partition("-")[0]].append(pathlib.Path(path))
    chorales = []
    for number, name in enumerate(names, start=1):
        title = name.split("/")[-1]
        found = versions.get(title, [])
        if len(found) != 1:  # two versions: use music21's first
            found = corpus.getWork(name)
            found = found if isinstance(found, list) else [found]
        chorales.append((f"{number:03d} {title}", pathlib.Path(found[0])))
    return tuple(chorales)


def collection_files(name: str) -> list[tuple[str, pathlib.Path]]:
    """Lists (name, path) of a composer or collection in music21's corpus; empty if it is unknown.

    Args:
        name: such as ``"palestrina"``, or of one file of a collection ``"essenFolksong/han1"``.
    """
    from music21 import corpus

    collection, _, file = name.partition("/")
    paths = [pathlib.Path(path) for path in corpus.getComposer(collection)]
    paths = [path for path in paths if file in ("", path.stem, path.name)]
    # With the folder, since movement1 occurs in every quartet.
    return [(f"{path.parent.name}/{path.stem}", path) for path in sorted(paths) if path.suffix in SUFFIXES]
