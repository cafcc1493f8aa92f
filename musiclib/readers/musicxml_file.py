"""MusicXML file: its bytes as a tree of elements, in a form that music21 reads right.

music21 reads ``score-partwise`` in UTF-8. Other files are changed to that here, and so are elements that it takes for
something else: cue notes, a direction between the notes of a chord, a tempo written as ``c. 66``.
"""

from __future__ import annotations

import io
import pathlib
import re
import xml.etree.ElementTree as ElementTree
import zipfile

from musiclib.readers.parsed import UnreadableScore

SUFFIXES = (".xml", ".musicxml", ".mxl")
LARGEST = 1 << 28  # bytes of a file within a compressed one
_CONTAINER = "META-INF/container.xml"
_DECLARATION = re.compile(rb"<\?xml[^>]*?encoding=.([-\w]+)", re.IGNORECASE)
_JUMPS = {"dacapo": "D.C.", "dalsegno": "D.S.", "fine": "Fine", "tocoda": "To Coda"}  # attributes of <sound>, in words
# What editions write for them, such as "Menuetto da capo".
_WORDS = {r"\bd\.?\s?c\b|\bda capo\b": "D.C.", r"\bd\.?\s?s\b|\bdal segno\b": "D.S.", r"^fine\W*$": "Fine"}
_LONGEST_JUMP = 40  # letters: longer texts are instructions that only a person understands


def load(path: pathlib.Path) -> ElementTree.Element:
    """Loads the tree of a MusicXML file, compressed or not.

    Raises:
        UnreadableScore: if it is damaged, defines entities, or is not MusicXML.
    """
    data = path.read_bytes()
    root = _parse(_unzipped(data) if data[:2] == b"PK" else data)
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise UnreadableScore(f"it is XML, but not a MusicXML score (<{root.tag}>); export it as MusicXML")
    for bars in map(list, root.iterfind("part")):
        for number, bar in enumerate(bars):
            _mend(bar)
            starts_trio = any(re.match("trio", words.text or "", re.IGNORECASE) for words in bar.iter("words"))
            if number and starts_trio:  # the minuet is played again up to here
                _add_words(ElementTree.SubElement(bars[number - 1], "direction"), "Fine")
    for part in root.iterfind("part-list/score-part"):
        channels = {channel.text for channel in part.iterfind("midi-instrument/midi-channel")}
        if channels == {"10"}:  # the channel of drums, whose pitches stand for instruments
            for pitch in root.iterfind(f"part[@id='{part.get('id')}']/measure/note/pitch"):
                pitch.tag = "unpitched"
                pitch.clear()
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
    for bar in root.findall("measure"):
        for part in bar.findall("part"):
            if part.get("id") not in parts:
                parts[part.get("id")] = ElementTree.SubElement(turned, "part", part.attrib)
            ElementTree.SubElement(parts[part.get("id")], "measure", bar.attrib).extend(part)
    return turned


def _mend(bar: ElementTree.Element) -> None:
    """Changes the elements of a bar that music21 takes for something else."""
    elements: list[ElementTree.Element] = []
    chord = 0  # the place for the next note of a chord: right after the one before it
    for element in bar:
        is_chord = element.find("chord") is not None
        if element.tag == "note" and element.find("cue") is not None:
            if is_chord or element.find("grace") is not None:
                continue
            _silence(element)
        if element.tag == "note" and is_chord and chord:
            elements.insert(chord, element)
            chord += 1
            continue
        elements.append(element)
        if element.tag == "note":
            chord = len(elements)
        elif element.tag == "direction":
            _mend_direction(element)
    bar[:] = elements


def _silence(note: ElementTree.Element) -> None:
    """Turns a cue note, which is not played, into a rest."""
    for name in ("cue", "pitch", "unpitched", "tie", "notations", "rest"):
        for element in note.findall(name):
            note.remove(element)
    note.insert(0, ElementTree.Element("rest"))


def _mend_direction(direction: ElementTree.Element) -> None:
    """Writes a tempo as a number, and jumps in the words that music21 knows."""
    for tempo in direction.iter("per-minute"):
        # "c. 66" is 66; "60-66" its middle.
        numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", (tempo.text or "").replace(",", "."))]
        if numbers:
            tempo.text = f"{sum(numbers[:2]) / len(numbers[:2]):g}"
    for words in direction.iter("words"):
        text = " ".join((words.text or "").split())
        known = (new for pattern, new in _WORDS.items() if re.search(pattern, text, re.IGNORECASE))
        words.text = next(known, text) if len(text) <= _LONGEST_JUMP else text
    for sound in direction.findall("sound"):
        kinds = [kind.tag for kind in direction.iterfind("direction-type/*")]
        for name, words in _JUMPS.items():
            if sound.get(name) and not {"words", "segno", "coda"} & set(kinds):
                _add_words(direction, words)


def _add_words(direction: ElementTree.Element, text: str) -> None:
    kind = ElementTree.SubElement(direction, "direction-type")
    ElementTree.SubElement(kind, "words").text = text
