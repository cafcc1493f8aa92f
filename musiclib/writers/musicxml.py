"""MusicXML: notation in bars, with ties, rests, triplets and voices, spelled by the key signatures."""

from __future__ import annotations

import pathlib
import warnings
from typing import TYPE_CHECKING

import numpy as np

from musiclib import _atomic
from musiclib.score import Score, keys
from musiclib.score.checking import check_written
from musiclib.score.instruments import DRUM_KIT
from musiclib.score.quantizing import is_free
from musiclib.writers.drum_staff import as_drums
from musiclib.writers.notation import GRID, PLAIN, TRIPLET, Bar, bars_of, pieces_of, printable, voices_of
from musiclib.writers.rounding import rounded

if TYPE_CHECKING:
    import xml.etree.ElementTree as ElementTree

    import music21


def write_musicxml(score: Score, path: str | pathlib.Path) -> pathlib.Path:
    """Saves a MusicXML file for MuseScore and other notation programs: one staff per part, in bars.

    Without a time signature, or if bars are not a multiple of a sixteenth, the time signature is 4/4. A time signature
    change within a bar shortens that bar; an upbeat gets the time signature of the next bar. A beat with times off the
    sixteenth grid is a triplet. Overlapping notes go to separate voices; if four are not enough, notes of one voice
    are split and tied.

    Pitches are spelled by the key signature at their onset. A mode that MusicXML does not name is left out, and so are
    tempos, time signatures and key signatures after the last bar. Notes of one chord get the highest of their
    velocities. Percussion parts are written as drums, on the staff of a drum kit.

    Args:
        score: at least one note; onsets and ends are rounded to 1/12 of a quarter note, the minimum duration.
        path: the file to write (atomically). Missing folders are created. The usual suffix is ``.musicxml``; the
            content is uncompressed XML with any suffix.

    Returns:
        The path.

    Raises:
        ValueError: if the score is empty.

    Warns:
        UserWarning: if the notes follow no beats, as in a performance.
    """
    from music21 import metadata, stream
    from music21.musicxml.m21ToXml import ScoreExporter

    check_written(score, path, "write_musicxml")
    if is_free(score.onset):
        warnings.warn(
            "this music was played without regard to its tempo map, and its notation will be hard to read: write"
            " score.quantize(1/4), whose beats are found from the onsets",
            stacklevel=2,
        )
    notes = rounded(score, GRID)
    bars = bars_of(score, int(notes["end"].max()))
    sheet = stream.Score()
    about = {"title": printable(score.title), "composer": printable(score.composer)}
    sheet.insert(0, metadata.Metadata(**{name: text for name, text in about.items() if text}))
    for index in range(len(score.part_names)):
        sheet.insert(0, _staff(score, index, notes[notes["part"] == index], bars))
    # Not by GeneralObjectExporter, which fills up bars with hidden rests; here all bars are as long as they should be.
    exporter = ScoreExporter(sheet)
    root = exporter.parse()
    _remove_defaults(root, score)
    for program, entry, part in zip(
        score.programs, root.findall("part-list/score-part"), root.findall("part"), strict=True
    ):
        if program == DRUM_KIT:
            as_drums(entry, part)
    return _atomic.write(path, exporter.asBytes())


def _remove_defaults(root: ElementTree.Element, score: Score) -> None:
    """Removes the title and composer that music21 writes if there are none: Music21 Fragment by Music21."""
    for place, tag, text in ((".", "movement-title", score.title), ("identification", "creator", score.composer)):
        parent = root.find(place)
        if not printable(text):
            for element in parent.findall(tag):
                parent.remove(element)


def _key_signatures(score: Score) -> keys.Keys:
    """Returns the key signatures with onsets in steps, and the modes that MusicXML names."""
    return keys.checked(
        (round(onset * GRID), fifths, mode if mode in keys.MODES else "")
        for onset, fifths, mode in score.key_signatures
    )


def _note(pitch: int, fifths: int) -> music21.note.Note:
    """Creates a note, spelled in a key."""
    from music21 import note
    from music21.pitch import Pitch

    step, alter, octave = keys.spelled(pitch, fifths)
    spelled = Pitch(step=step, octave=octave)
    if alter:
        spelled.accidental = alter
    return note.Note(spelled)


def _element(notes: np.ndarray, piece: tuple, key_signatures: keys.Keys, hidden: bool):
    """Creates the note, chord or rest of one piece from the notes that sound in it."""
    from music21 import chord, duration, note, tie

    start, length, triplet = piece
    kind, dots = PLAIN[length] if triplet is None else TRIPLET[length]
    lasting = duration.Duration(type=kind, dots=dots)
    if triplet is not None:
        bracket = duration.Tuplet(3, 2, durationActual=triplet[0])
        bracket.type = triplet[1]
        lasting.appendTuplet(bracket)
    members = []
    for _, pitch, begin, end, velocity in notes.tolist():
        member = _note(pitch, keys.active(key_signatures, begin))
        member.volume.velocity = velocity
        before, after = begin < start, end > start + length
        if before or after:
            member.tie = tie.Tie("continue" if before and after else "stop" if before else "start")
        members.append(member)
    element = chord.Chord(members) if len(members) > 1 else members[0] if members else note.Rest()
    if len(members) > 1:  # music21 writes only the chord's velocity
        element.volume.velocity = int(notes["velocity"].max())
    element.duration = lasting
    if hidden and not members:
        element.style.hideObjectOnPrint = True
    return element


def _staff(score: Score, index: int, notes: np.ndarray, bars: list[Bar]) -> music21.stream.Part:
    from music21 import clef, instrument, stream, tempo

    # Not the class of the program: parsers would transpose a clarinet, but pitches are written as they sound.
    name = printable(score.part_names[index])
    player = instrument.Instrument(name)
    player.partName = name
    drums = score.programs[index] == DRUM_KIT
    player.midiProgram = 0 if drums else score.programs[index]
    player.midiChannel = 9 if drums else index % 15 + (index % 15 > 8)  # channel 10, number 9 here, is that of drums
    staff = stream.Part()
    staff.partName = name
    staff.insert(0, player)
    voices, key_signatures = voices_of(notes), _key_signatures(score)
    tempos = {round(onset * GRID): rate for onset, rate in score.tempos} if index == 0 else {}
    for bar in bars:
        measure = _measure(bar, voices, key_signatures)
        if bar.start == 0:
            low = len(notes) and np.median(notes["pitch"]) < 60
            pitched = clef.BassClef() if low else clef.TrebleClef()
            measure.insert(0, clef.PercussionClef() if drums else pitched)
        for step, rate in tempos.items():
            if bar.start <= step < bar.end:
                mark = tempo.MetronomeMark(number=round(rate, 2), referent=1)
                measure.insert((step - bar.start) / GRID, mark)
        staff.append(measure)
    staff.makeBeams(inPlace=True)
    for voice in staff.recurse().voices:
        _remove_overlapping_beams(list(voice.notesAndRests))
    return staff


def _remove_overlapping_beams(elements: list[music21.note.GeneralNote]) -> None:
    """Removes beams that reach from inside a triplet to outside it, which Verovio takes for a longer triplet."""
    spans: dict[str, list[list[int]]] = {"beam": [], "triplet": []}  # first and last place of each
    for place, element in enumerate(elements):
        beams = [] if element.isRest else element.beams.getTypes()[:1]
        tuplets = [bracket.type for bracket in element.duration.tuplets]
        for kind, types in (("beam", beams), ("triplet", tuplets)):
            if "start" in types:
                spans[kind].append([place, place])
            elif types and spans[kind]:
                spans[kind][-1][1] = place
    for first, last in spans["beam"]:
        for begin, end in spans["triplet"]:
            if begin < first <= end < last or first < begin <= last < end:
                for element in elements[first : last + 1]:
                    if not element.isRest:
                        element.beams.beamsList = []


def _measure(bar: Bar, voices: list[np.ndarray], key_signatures: keys.Keys) -> music21.stream.Measure:
    """Creates a bar with its signatures and voices."""
    from music21 import stream
    from music21.meter import TimeSignature

    measure = stream.Measure(number=bar.number)
    if bar.number == 0:
        measure.paddingLeft = (bar.full - bar.length) / GRID
        measure.showNumber = stream.enums.ShowNumber.NEVER
    elif bar.length < bar.full:
        measure.paddingRight = (bar.full - bar.length) / GRID
    if bar.signature:
        measure.insert(0, TimeSignature(bar.signature))
    changes = {step: _key(*key) for step, *key in key_signatures if bar.start <= step < bar.end}
    if bar.start in changes:
        measure.insert(0, changes.pop(bar.start))
    for number, line in enumerate(voices, 1):
        line = line[(line["start"] < bar.end) & (line["end"] > bar.start)]
        if number == 1 or len(line):
            voice = stream.Voice(id=str(number))
            # Within a bar, keys change between notes of the first voice: in a measure with voices, music21 loses them.
            for piece in pieces_of(line, bar, [*changes]):
                if piece[0] in changes:
                    voice.append(changes.pop(piece[0]))
                sounding = line[(line["start"] <= piece[0]) & (line["end"] > piece[0])]
                voice.append(_element(sounding, piece, key_signatures, hidden=number > 1))
            measure.insert(0, voice)
    return measure


def _key(fifths: int, mode: str) -> music21.key.KeySignature:
    from music21.key import KeySignature

    signature = KeySignature(fifths)
    if mode:
        signature.mode = mode
    return signature
