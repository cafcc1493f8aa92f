"""MEI: the engraved page as text, in the format of the Music Encoding Initiative (version 5), for Verovio."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from musiclib.plots.staff_notation.staves import Staff
from musiclib.score import Score, keys
from musiclib.score.voices import VOICES
from musiclib.writers.notation import GRID, PLAIN, TRIPLET, Bar, pieces_of

VALUES = {"breve": "breve", "whole": "1", "half": "2", "quarter": "4", "eighth": "8", "16th": "16", "32nd": "32"}
FLAGGED = ("8", "16", "32")
SIGNS = {-2: "ff", -1: "f", 0: "n", 1: "s", 2: "x"}
PRINTED = {-2: "♭♭", -1: "♭", 0: "", 1: "♯", 2: "♯♯"}
EVEN = {(4, 4): 2 * GRID, (2, 2): 2 * GRID, (2, 4): 2 * GRID, (3, 4): 3 * GRID}  # steps of eighths under one beam
TEMPO_CHANGE = 0.1  # a smaller change of tempo is not marked

Element = ElementTree.Element
add = ElementTree.SubElement


class Piece(NamedTuple):
    """An element of a layer: a note, chord, rest or space, with its place and length in steps."""

    element: Element
    start: int
    length: int
    triplet: tuple | None

    @property
    def flagged(self) -> bool:
        """Whether it is a note that a beam can join with others."""
        return self.element.tag in ("note", "chord") and self.element.get("dur") in FLAGGED


class Sheet:
    """Writes a score in bars.

    Args:
        score: title, tempos and key signatures.
        groups: its staves, in groups, as ``staves.staves_of`` returns them; the notes have an ``index``.
        bars: the bars.
        colours: colour of a note by its index; None for black.
        names: whether to write note names.
    """

    def __init__(
        self,
        score: Score,
        groups: list[tuple[str, list[Staff]]],
        bars: list[Bar],
        colours: Callable[[int], str] | None,
        names: bool,
    ) -> None:
        self.score, self.groups, self.bars, self.colours, self.names = score, groups, bars, colours, names
        self.keys = keys.checked((round(onset * GRID), *key) for onset, *key in score.key_signatures)
        self.begun: dict[int, tuple[int, Element]] = {}  # pieces of a note so far, and the bar of the last
        self.tempo = 0.0  # the last that was marked

    def text(self, heading: Iterable[Element]) -> str:
        """Returns the document, with ``heading`` above the music."""
        root = Element("mei", xmlns="http://www.music-encoding.org/ns/mei", meiversion="5.0")
        about = add(add(root, "meiHead"), "fileDesc")
        add(add(about, "titleStmt"), "title").text = self.score.title
        add(about, "pubStmt")
        sheet = add(add(add(add(root, "music"), "body"), "mdiv"), "score")
        definition = add(sheet, "scoreDef")
        add(definition, "pgHead").extend(heading)
        everything = add(definition, "staffGrp")
        numbers = itertools.count(1)
        for symbol, staves in self.groups:
            group = add(everything, "staffGrp", {"symbol": symbol, "bar.thru": "true"} if symbol else {})
            if symbol == "brace":
                _label(group, staves[0].label)
            for staff in staves:
                self._define(add(group, "staffDef", n=str(next(numbers)), lines="5"), staff, symbol)
        section = add(sheet, "section")
        for bar in self.bars:
            self._bar(section, bar)
        section[-1].set("right", "end")
        return ElementTree.tostring(root, encoding="unicode")

    def _define(self, definition: Element, staff: Staff, symbol: str) -> None:
        if symbol != "brace":
            _label(definition, staff.label)
        shape, line, octaves = staff.clef
        clef = add(definition, "clef", shape=shape, line=str(line))
        if octaves:
            clef.set("dis", str(1 + 7 * abs(octaves)))
            clef.set("dis.place", "above" if octaves > 0 else "below")
        _key(definition, keys.active(self.keys, 0))
        _meter(definition, self.bars[0])

    def _bar(self, section: Element, bar: Bar) -> None:
        changes = {step: fifths for step, fifths, _ in self.keys if bar.start <= step < bar.end and step}
        if bar.start and (bar.signature or bar.start in changes):
            change = add(section, "scoreDef")
            if bar.start in changes:
                _key(change, changes.pop(bar.start))
            if bar.signature:
                _meter(change, bar)
        measure = add(section, "measure", n=str(bar.number))
        if bar.length < bar.full:
            measure.set("metcon", "false")
        numbers = itertools.count(1)
        for _, staves in self.groups:
            for staff in staves:
                self._staff(measure, add(measure, "staff", n=str(next(numbers))), staff, bar, changes)
        self._tempo(measure, bar)

    def _staff(self, measure: Element, parent: Element, staff: Staff, bar: Bar, changes: dict[int, int]) -> None:
        layers = [line[(line["start"] < bar.end) & (line["end"] > bar.start)] for line in staff.layers]
        if not staff.fixed:
            layers = [line for line in layers if len(line)] or layers[:1]
        heads: list[tuple[int, int, Element, tuple[str, int, int]]] = []  # note heads that may need an accidental
        for number, line in enumerate(layers, 1):
            stems = ("up", "down")[number % 2 - 1] if len(layers) > 1 else ""
            layer = add(parent, "layer", n=str(number))
            if not len(line) and bar.length == bar.full and not changes:
                add(layer, "mRest")
                continue
            marks = sorted(changes) if number == 1 else []
            pieces = []
            for start, length, triplet in pieces_of(line, bar, marks):
                if start in marks:
                    pieces.append(Piece(_key(None, changes[start]), start - bar.start, 0, None))
                sounding = line[(line["start"] <= start) & (line["end"] > start)]
                hidden = number > 1 and not staff.fixed
                element = self._element(measure, sounding, start, hidden, number, heads)
                value, dots = PLAIN[length] if triplet is None else TRIPLET[length]
                element.set("dur", VALUES[value])
                if dots:
                    element.set("dots", str(dots))
                if stems and element.tag in ("note", "chord"):
                    element.set("stem.dir", stems)
                pieces.append(Piece(element, start - bar.start, length, triplet))
            layer.extend(_grouped(pieces, bar))
        self._accidentals(heads)

    def _element(
        self, measure: Element, sounding: np.ndarray, start: int, hidden: bool, layer: int, heads: list
    ) -> Element:
        """Creates the note, chord, rest or space of one piece, and the ties to the pieces before it."""
        if not len(sounding):
            return Element("space" if hidden else "rest")
        members, name = [], ""
        for note in sounding:
            index, begin = int(note["index"]), int(note["start"])
            spelling = keys.spelled(int(note["pitch"]), keys.active(self.keys, begin))
            step, alter, octave = spelling
            piece = self.begun[index][0] + 1 if index in self.begun else 0
            head = Element("note", {"xml:id": f"note-{index}-{piece}", "pname": step.lower(), "oct": str(octave)})
            if self.colours:
                head.set("color", self.colours(index))
            if piece:
                ends = {"startid": f"#note-{index}-{piece - 1}", "endid": f"#note-{index}-{piece}"}
                tie = add(self.begun[index][1], "tie", ends)
                if self.colours:
                    tie.set("color", self.colours(index))
            else:
                name = step + PRINTED[alter]  # the highest is the last
            heads.append((start, piece, head, spelling))
            self.begun[index] = (piece, measure)
            members.append(head)
        element = members[0]
        if len(members) > 1:
            element = _joined("chord", members)
        if self.names and name:
            verse = add(element, "verse", n=str((layer + 1) // 2), place="above" if layer % 2 else "below")
            add(verse, "syl").text = name
        return element

    def _accidentals(self, heads: list) -> None:
        """Sets the accidentals of a bar of one staff: they hold to its end, and a tied note needs none."""
        valid: dict[tuple[str, int], int] = {}
        fifths = None
        for start, piece, head, (step, alter, octave) in sorted(heads, key=lambda head: head[0]):
            if fifths != (fifths := keys.active(self.keys, start)):
                valid.clear()
            place = keys.STEPS.index(step)
            usual = (fifths > place) - (fifths < place - 6)
            if piece or valid.get((step, octave), usual) == alter:
                if alter:
                    head.set("accid.ges", SIGNS[alter])
            else:
                head.set("accid", SIGNS[alter])
                valid[step, octave] = alter

    def _tempo(self, measure: Element, bar: Bar) -> None:
        tempo = [rate for onset, rate in self.score.tempos if onset * GRID <= bar.start][-1]
        if abs(tempo - self.tempo) <= TEMPO_CHANGE * self.tempo:
            return
        self.tempo = tempo
        dotted = bar.compound and bar.meter[1] == 8
        # A tempo stands at any height within a system, a row of harmonies at one, which is moved above that of names.
        tag, up = ("harm", "7vu") if self.names else ("tempo", "2vu")
        mark = add(measure, tag, tstamp="1", staff="1", place="above", vo=up)
        rend = add(mark, "rend", fontweight="normal", fontsize="85%")
        rend.text = f"♩. = {tempo / 1.5:.0f}" if dotted else f"♩ = {tempo:.0f}"


def _label(parent: Element, names: tuple[str, ...]) -> None:
    """Writes the name of a staff before the first system, and an abbreviation before the others."""
    for tag, texts in (("label", names), ("labelAbbr", [_short(name) for name in names])):
        if names:
            label = add(parent, tag)
            label.text = texts[0]
            for text in texts[1:]:
                add(label, "lb").tail = text


def _short(name: str) -> str:
    """Abbreviates a name: S for Soprano, Vio. II for Violin II, Part 3 for itself."""
    words = name.split()
    if name in VOICES:
        return name[0]
    return " ".join(word if len(word) <= 4 else f"{word[:3]}." if word is words[0] else word[0] for word in words)


def _key(parent: Element | None, fifths: int) -> Element:
    signature = Element("keySig", sig=f"{abs(fifths)}{'s' if fifths > 0 else 'f'}" if fifths else "0")
    if parent is not None:
        parent.append(signature)
    return signature


def _meter(parent: Element, bar: Bar) -> None:
    add(parent, "meterSig", count=str(bar.meter[0]), unit=str(bar.meter[1]))


def _grouped(pieces: list[Piece], bar: Bar) -> list[Element]:
    """Joins the pieces of a layer by brackets of triplets, and by beams."""
    found: list[Element] = []
    bracket = 0  # number of the triplet, as each has beams of its own
    groups = []
    for piece in pieces:
        bracket += piece.triplet is not None and piece.triplet[1] == "start"
        groups.append(bracket if piece.triplet else 0)
    for number, members in itertools.groupby(zip(groups, pieces, strict=True), key=lambda pair: pair[0]):
        inside = [piece for _, piece in members]
        elements = _beamed(inside, lambda _: 0) if number else _beamed(inside, _beams(inside, bar))
        if number:
            bracket = Element("tuplet", num="3", numbase="2")
            bracket.extend(elements)
            elements = [bracket]
        found += elements
    return found


def _beams(pieces: list[Piece], bar: Bar) -> Callable[[Piece], int]:
    """Returns a function that numbers the groups of notes under one beam: beats, or more if all are eighths."""
    shift = bar.full - bar.length if bar.number == 0 else 0
    window = EVEN.get(bar.meter, GRID)
    windows: dict[int, list[Piece]] = {}
    for piece in pieces:
        windows.setdefault((piece.start + shift) // window, []).append(piece)
    even = {
        number
        for number, members in windows.items()
        if all(piece.flagged and piece.length == GRID // 2 for piece in members)
    }

    def group(piece: Piece) -> int:
        step = piece.start + shift
        if bar.compound:
            return step // bar.beat
        if bar.meter[1] == 8:
            return min(step // GRID, max(bar.meter[0] // 2 - 1, 0))  # 5/8 is two and three, 3/8 one group
        return step // window * window if step // window in even else step // GRID * GRID

    return group


def _joined(tag: str, elements: list[Element]) -> Element:
    """Creates a chord or a beam of elements, in their colour if they have the same."""
    parent = Element(tag)
    parent.extend(elements)
    colours = {note.get("color", "") for note in parent.iter("note")}
    if len(colours) == 1 and colours != {""}:
        parent.set("color", *colours)
    return parent


def _beamed(pieces: list[Piece], group: Callable[[Piece], int]) -> list[Element]:
    found: list[Element] = []
    for key, members in itertools.groupby(pieces, key=lambda piece: group(piece) if piece.flagged else None):
        elements = [piece.element for piece in members]
        if key is not None and len(elements) > 1:
            elements = [_joined("beam", elements)]
        found += elements
    return found
