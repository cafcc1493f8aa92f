"""MusicXML reader: music21 extracts the notes, and bars are placed here, alike for all parts.

In many files a bar of one part is too short or too long: a rest is missing or written twice. music21 then shifts the
rest of that part. Here, as in notation programs, a bar lasts as long as its longest part.

Tried instead, on the cases of tests/test_musicxml.py: Verovio 6.4.1 keeps an error within its bar, but moves notes by
directions and spaces past the bar; partitura 1.9.0 reads those right, but not missing rests or transposing parts.
"""

from __future__ import annotations

import pathlib
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

from musiclib.readers import alignment, music21_marks, music21_stream, musicxml_file
from musiclib.readers.parsed import ParsedScore
from musiclib.score.instruments import DRUM_KIT

SUFFIXES = musicxml_file.SUFFIXES
Starts = dict[str, list[Fraction]]  # the starts of the bars of each part, by its id, and the end of the last one


def read(path: pathlib.Path) -> ParsedScore:
    """Parses a MusicXML file.

    Raises:
        UnreadableScore: if it is damaged, or not MusicXML.
    """
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    root = musicxml_file.load(path)
    starts, irregular = align(root)
    importer = MusicXMLImporter()
    importer.xmlRootToScore(root, importer.stream)
    parsed = music21_stream.convert(importer.stream, starts)
    # music21 takes the program from the part's name, or a piano for several.
    programs = {part.get("id"): part.findtext("midi-instrument/midi-program") for part in root.iter("score-part")}
    ids = [music21_marks.part_id(part, programs) for part in importer.stream.getElementsByClass("Part")]
    channels = {
        part.get("id"): {instrument.findtext("midi-channel") for instrument in part.iterfind("midi-instrument")}
        for part in root.iter("score-part")
    }
    for index, part in enumerate(ids):
        (name, program, notes), stated = parsed.parts[index], programs.get(part) or ""
        if channels.get(part) == {"10"}:
            parsed.parts[index] = name, DRUM_KIT, notes
        elif program != DRUM_KIT and stated.isdigit() and 1 <= int(stated) <= 128:
            parsed.parts[index] = name, int(stated) - 1, notes
    names = {part.get("id"): part.findtext("part-name") for part in root.iterfind("part-list/score-part")}
    parsed.irregular = [(names.get(part) or part, *counts) for part, counts in irregular.items()]
    return parsed


def align(root: ElementTree.Element) -> tuple[Starts, dict[str, list[int]]]:
    """Finds where the bars of a partwise score start, in quarter lengths.

    Returns:
        The starts, and for each part with irregular bars how many are too short and how many too long.
    """
    parts = {part.get("id", ""): part.findall("measure") for part in root.findall("part")}
    places = _places(parts)
    rows: list[dict[str, tuple[Fraction, Fraction]]] = [{} for _ in range(max(map(len, parts.values()), default=0))]
    for name, bars in parts.items():
        for place, lengths in zip(places[name], _lengths(bars), strict=True):
            rows[place][name] = lengths
    starts, irregular = alignment.align(rows)
    return {name: [starts[place] for place in [*numbers, -1]] for name, numbers in places.items()}, irregular


def _lengths(bars: list[ElementTree.Element]) -> list[tuple[Fraction, Fraction]]:
    """Returns for each bar of a part its length, and the length that its meter asks for."""
    found, divisions, meter = [], Fraction(1), Fraction(4)
    for bar in bars:
        now = onset = length = space = Fraction(0)
        for element in bar:
            if element.tag == "attributes":
                divisions = Fraction(element.findtext("divisions") or divisions) or divisions
                beats, unit = element.findtext("time/beats"), element.findtext("time/beat-type")
                if beats and unit and unit.isdigit() and beats.replace("+", "").isdigit() and int(unit):
                    meter = Fraction(4 * sum(map(int, beats.split("+"))), int(unit)) or meter
            elif element.tag == "backup":
                now = max(now - Fraction(element.findtext("duration") or 0) / divisions, Fraction(0))
            elif element.tag == "forward":
                now += Fraction(element.findtext("duration") or 0) / divisions
                space = max(space, now)
            elif element.tag == "note" and element.find("grace") is None:
                duration = Fraction(element.findtext("duration") or 0) / divisions
                if element.find("chord") is None:
                    onset, now = now, now + duration
                length = max(length, onset + duration)
        found.append((max(length, min(space, meter)), meter))  # space at the end counts up to the meter
    return found


def _places(parts: dict[str, list[ElementTree.Element]]) -> dict[str, list[int]]:
    """Returns the place of each bar among the bars of all parts: by bar number where a part lacks bars."""
    longest = max(parts.values(), key=len, default=[])
    numbers = {bar.get("number"): place for place, bar in enumerate(longest)}
    places = {}
    for name, bars in parts.items():
        named = [numbers.get(bar.get("number"), -1) for bar in bars]
        lacking = len(bars) < len(longest) == len(numbers) and -1 not in named and named == sorted(set(named))
        places[name] = named if lacking else list(range(len(bars)))
    return places
