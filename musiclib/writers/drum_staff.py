"""Drum staff: a part of MusicXML whose notes are drums, not pitches."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from musiclib.score.instruments import drum_name
from musiclib.score.pitches import STEPS

# Where a drum kit is notated, as if in the treble clef; other percussion is on the middle line. After N. Weinberg,
# "Guidelines for Drumset Notation", Percussive Notes 32 (1994).
_PLACES = {35: "E4", 36: "F4", 38: "C5", 40: "C5", 37: "C5", 41: "G4", 43: "A4", 45: "B4", 47: "D5", 48: "D5", 50: "E5"}
_PLACES |= {44: "D4", 42: "G5", 46: "G5", 51: "F5", 53: "F5", 59: "F5", 49: "A5", 57: "A5", 55: "B5", 52: "B5"}
_CROSSES = {37, 42, 44, 46, 49, 51, 52, 53, 55, 57, 59}  # cymbals and the rim, with crosses for note heads


def as_drums(score_part: ElementTree.Element, part: ElementTree.Element) -> None:
    """Turns the pitches of a part into drums, an instrument each on channel 10.

    Args:
        score_part: its entry in the list of parts.
        part: its bars.
    """
    found: dict[int, str] = {}  # ids of the instruments
    for note in part.iter("note"):
        if (pitch := note.find("pitch")) is None:
            continue
        octave, alter = int(pitch.findtext("octave")), round(float(pitch.findtext("alter") or 0))
        drum = 12 * (octave + 1) + STEPS[pitch.findtext("step")] + alter
        identifier = found.setdefault(drum, f"{score_part.get('id')}-I{drum + 1}")
        pitch.clear()
        pitch.tag = "unpitched"
        step, place = _PLACES.get(drum, "B4")
        ElementTree.SubElement(pitch, "display-step").text = step
        ElementTree.SubElement(pitch, "display-octave").text = place
        for accidental in note.findall("accidental"):
            note.remove(accidental)
        tags = [element.tag for element in note]
        if drum in _CROSSES:
            after = max(tags.index(tag) for tag in ("type", "dot", "time-modification", "stem") if tag in tags)
            head = ElementTree.Element("notehead")
            head.text = "x"
            note.insert(after + 1, head)
        after = max(i for i, tag in enumerate(tags) if tag in ("unpitched", "duration", "tie"))
        note.insert(after + 1, ElementTree.Element("instrument", id=identifier))
    for channel in score_part.iter("midi-channel"):
        channel.text = "10"  # music21 gives out channels of its own
    for element in score_part.findall("score-instrument") + score_part.findall("midi-instrument") if found else ():
        score_part.remove(element)
    for drum, identifier in sorted(found.items()):
        instrument = ElementTree.SubElement(score_part, "score-instrument", id=identifier)
        ElementTree.SubElement(instrument, "instrument-name").text = drum_name(drum)
    for drum, identifier in sorted(found.items()):
        instrument = ElementTree.SubElement(score_part, "midi-instrument", id=identifier)
        for tag, value in (("midi-channel", 10), ("midi-program", 1), ("midi-unpitched", drum + 1)):
            ElementTree.SubElement(instrument, tag).text = str(value)
