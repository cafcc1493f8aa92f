"""MusicXML file: its bytes as a partwise tree of elements, whatever its compression, encoding, namespace or order."""

from __future__ import annotations

import io
import pathlib
import re
import xml.etree.ElementTree as ElementTree
import zipfile

from musiclib.readers import musicxml_mending
from musiclib.readers.parsed import UnreadableScore

SUFFIXES = (".xml", ".musicxml", ".mxl")
LARGEST = 1 << 28  # bytes of a file within a compressed one
_CONTAINER = "META-INF/container.xml"
_DECLARATION = re.compile(rb"<\?xml[^>]*?encoding=.([-\w]+)", re.IGNORECASE)


def load(path: pathlib.Path) -> ElementTree.Element:
    """Loads the tree of a MusicXML file, compressed or not.

    Raises:
        UnreadableScore: if it is damaged, defines entities, or is not MusicXML.
    """
    data = path.read_bytes()
    root = _parse(_unzipped(data) if data[:2] == b"PK" else data)
    if root.tag.startswith("{"):
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise UnreadableScore(f"it is XML, but not a MusicXML score (<{root.tag}>); export it as MusicXML")
    musicxml_mending.mend(root)
    return root


def _unzipped(data: bytes) -> bytes:
    """Returns the score in a compressed file: the first that its container names."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        scores = [name for name in names if name.endswith((".xml", ".musicxml")) and not name.startswith("META-INF")]
        if _CONTAINER in names:
            found = (element.get("full-path") for element in _parse(archive.read(_CONTAINER)).iter())
            scores = [name for name in found if name in names] + scores
        if not scores:
            raise UnreadableScore("it contains no score; save it again as compressed MusicXML")
        if archive.getinfo(scores[0]).file_size > LARGEST:
            raise UnreadableScore(f"the score in it has more than {LARGEST >> 20} MiB; it is no sensible MusicXML")
        return archive.read(scores[0])


def _parse(data: bytes) -> ElementTree.Element:
    declared = _DECLARATION.match(data)
    if declared and declared[1].lower().startswith(b"utf-16"):  # a file in UTF-16 does not begin with these bytes
        data = data[: declared.start(1)] + b"utf-8" + data[declared.end(1) :]
    if b"<!ENTITY" in data.replace(b"\0", b""):
        raise UnreadableScore("it defines XML entities, which MusicXML does not; export it again")
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        line, column = error.position
        what = str(error).partition(":")[0]
        raise UnreadableScore(f"damaged at line {line}, column {column} ({what}); get another copy") from error


def _partwise(root: ElementTree.Element) -> ElementTree.Element:
    """Turns bars that contain parts into parts that contain bars."""
    turned = ElementTree.Element("score-partwise", root.attrib)
    turned.extend(element for element in root if element.tag != "measure")
    parts: dict[str | None, ElementTree.Element] = {}
    for part in root.iterfind("measure/part"):
        if part.get("id") not in parts:
            parts[part.get("id")] = ElementTree.SubElement(turned, "part", part.attrib)
    for bar in root.findall("measure"):
        music = {part.get("id"): part for part in bar.findall("part")}
        for name, part in parts.items():  # an empty bar where the part is left out, so that later ones stay in place
            ElementTree.SubElement(part, "measure", bar.attrib).extend(music.get(name, ()))
    return turned
