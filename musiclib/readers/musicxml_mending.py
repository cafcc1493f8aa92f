"""MusicXML mending: elements that music21 takes for something else, in the form that it reads right.

These are cue notes, a direction between the notes of a chord, transpositions that change within a bar or differ between
staves, pitches on the drum channel, a tempo written as ``c. 66``, and jumps that only players are told of.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from musiclib.readers.parsed import UnreadableScore
from musiclib.score import keys
from musiclib.score.pitches import STEPS

MOST_BEATS = 1000  # in a meter, and rounds of an ending
_JUMPS = {"dacapo": "D.C.", "dalsegno": "D.S.", "fine": "Fine", "tocoda": "To Coda"}  # attributes of <sound>, in words
# What editions write for them, such as "Menuetto da capo".
_WORDS = {r"\bd\.?\s?c\b|\bda capo\b": "D.C.", r"\bd\.?\s?s\b|\bdal segno\b": "D.S.", r"^fine\W*$": "Fine"}
_GLYPHS = {"tocoda": "coda", "dalsegno": "segno"}  # drawn in place of words
_SIGNS = ("segno", "coda")  # attributes of <sound> that name the place of a sign
_LONGEST_JUMP = 40  # letters: longer texts are instructions that only a person understands


def mend(root: ElementTree.Element) -> None:
    """Changes the tree of a partwise score.

    Raises:
        UnreadableScore: if it has numbers that no music has.
    """
    for part in root.iterfind("part"):
        _transpose(part)
        bars = list(part)
        for number, bar in enumerate(bars):
            _mend(bar)
            starts_trio = any(re.match("trio", words.text or "", re.IGNORECASE) for words in bar.iter("words"))
            if number and starts_trio:  # the minuet is played again up to here
                _add_words(ElementTree.SubElement(bars[number - 1], "direction"), "Fine")
    drums, others = {}, set()  # instruments on the channel of drums and the pitches that stand for them, and others
    for part in root.iterfind("part-list/score-part"):
        for instrument in part.iterfind("midi-instrument"):
            names = {instrument.get("id"), part.get("id")}
            if instrument.findtext("midi-channel") == "10":
                drums |= dict.fromkeys(names, (instrument.findtext("midi-unpitched") or "").strip())
            else:
                others |= names
    for part in root.iterfind("part") if drums else ():
        for note in part.iterfind("measure/note"):
            instrument = note.find("instrument")
            name = part.get("id") if instrument is None else instrument.get("id")
            if name in drums and name not in others:
                _mend_drum(note, drums[name], part.get("id") in others)


def _transpose(part: ElementTree.Element) -> None:
    """Writes pitches and keys as they sound; music21 moves all of a bar, and the bars before, by one transposition."""
    semitones: dict[str | None, float] = {}  # by staff; None for staves that are not named
    signatures: list[ElementTree.Element] = []  # keys since the last note, since transpositions may follow them
    for element in [*part.iterfind("measure/*"), ElementTree.Element("note")]:
        for transpose in element.findall("transpose"):
            if transpose.get("number") is None:
                semitones.clear()
            octaves = int(transpose.findtext("octave-change") or 0)
            semitones[transpose.get("number")] = float(transpose.findtext("chromatic") or 0) + 12 * octaves
            element.remove(transpose)
        signatures += element.findall("key")
        if element.tag != "note":
            continue
        for key in signatures:
            by, fifths = semitones.get(key.get("number") or "1", semitones.get(None, 0)), key.find("fifths")
            if by and fifths is not None and abs(int(fifths.text or 0)) <= keys.MOST_FIFTHS:
                fifths.text = str(keys.transposed(((0.0, int(fifths.text or 0), ""),), round(by))[0][1])
        signatures = []
        by, pitch = semitones.get(element.findtext("staff") or "1", semitones.get(None, 0)), element.find("pitch")
        if by and pitch is not None:
            step = STEPS[(pitch.findtext("step") or "").strip()]
            sounding = 12 * int(pitch.findtext("octave") or 4) + 12 + step + float(pitch.findtext("alter") or 0) + by
            name, alter, octave = keys.spelled(int(sounding // 1))
            pitch.clear()
            for tag, value in (("step", name), ("alter", f"{alter + sounding % 1:g}"), ("octave", octave)):
                ElementTree.SubElement(pitch, tag).text = str(value)


def _mend(bar: ElementTree.Element) -> None:
    """Changes the elements of a bar that music21 takes for something else."""
    _check_numbers(bar)
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
        elif element.tag == "sound" and any(element.get(name) for name in (*_JUMPS, *_SIGNS)):
            elements.append(ElementTree.Element("direction"))
            elements[-1].append(ElementTree.Element("sound", {k: v for k, v in element.items() if k != "tempo"}))
            _mend_direction(elements[-1])
        elif element.tag == "barline" and element.get("location") == "left":
            for sign in [*element.findall("segno"), *element.findall("coda")]:
                elements.append(ElementTree.Element("direction"))
                ElementTree.SubElement(elements[-1], "direction-type").append(sign)
                element.remove(sign)
    bar[:] = elements


def _mend_drum(note: ElementTree.Element, number: str, mixed: bool) -> None:
    """Gives a note on the drum channel the pitch of its drum, counted from 1 in MusicXML; in a mixed part, none."""
    pitch, unpitched = note.find("pitch"), note.find("unpitched")
    if mixed and pitch is not None:
        pitch.tag = "unpitched"
        pitch.clear()
    elif not mixed and unpitched is not None and number.isdigit() and 1 <= int(number) <= 128:
        unpitched.clear()
        unpitched.tag = "pitch"
        name, alter, octave = keys.spelled(int(number) - 1)
        for tag, value in (("step", name), ("alter", alter), ("octave", octave)):
            ElementTree.SubElement(unpitched, tag).text = str(value)


def _check_numbers(bar: ElementTree.Element) -> None:
    """Raises UnreadableScore for numbers that would take forever."""
    rounds = (ending.get("number", "") for ending in bar.iterfind("barline/ending"))
    beats = (element.text or "" for element in bar.iterfind("attributes/time/beats"))
    for text in (*rounds, *beats):
        if sum(int(number[:9]) for number in re.findall(r"\d+", text)) > MOST_BEATS:
            raise UnreadableScore(f"its bar {bar.get('number')} counts to {text[:20]!r}; it is no sensible MusicXML")
    for element in (*bar.iter("duration"), *bar.iter("divisions")):
        if "e" in (element.text or "").lower():
            raise UnreadableScore(f"{(element.text or '')[:20]!r} in bar {bar.get('number')} is no MusicXML number")


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
    sound, metronome = direction.find("sound[@tempo]"), direction.find("direction-type/metronome")
    if sound is not None and metronome is not None and re.fullmatch(r"\d*\.?\d+", sound.get("tempo", "")):
        metronome[:] = ()  # players follow the sound, whatever is printed
        for tag, text in (("beat-unit", "quarter"), ("per-minute", sound.get("tempo"))):
            ElementTree.SubElement(metronome, tag).text = text
    for words in direction.iter("words"):
        text = " ".join((words.text or "").split())
        known = (new for pattern, new in _WORDS.items() if re.search(pattern, text, re.IGNORECASE))
        words.text = next(known, text) if len(text) <= _LONGEST_JUMP else text
    for sound in direction.findall("sound"):
        jumps = {name: words for name, words in _JUMPS.items() if sound.get(name, "no") != "no"}
        for name, words in jumps.items():
            for glyph in direction.findall(f"direction-type/{_GLYPHS.get(name)}"):
                glyph.tag, glyph.text = "words", words
            if words.lower() not in {(other.text or "").lower() for other in direction.iter("words")}:
                _add_words(direction, words)
        for name in _SIGNS:
            if sound.get(name) and direction.find(f"direction-type/{name}") is None:
                ElementTree.SubElement(ElementTree.SubElement(direction, "direction-type"), name)


def _add_words(direction: ElementTree.Element, text: str) -> None:
    kind = ElementTree.SubElement(direction, "direction-type")
    ElementTree.SubElement(kind, "words").text = text
