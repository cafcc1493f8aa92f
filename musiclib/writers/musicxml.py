"""MusicXML: notation in bars, with ties, rests, triplets and voices."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import numpy as np

from musiclib import _atomic
from musiclib.score import Score, meter
from musiclib.writers.rounding import rounded, time_signatures

if TYPE_CHECKING:
    import music21

GRID = 12  # steps per quarter note
SIXTEENTH = GRID // 4
VOICES = 4  # per staff; notation programs read no more
# Note values by length in steps, as (type, dots), and the same within a triplet (three in the time of two).
PLAIN = {96: ("breve", 0), 72: ("whole", 1), 48: ("whole", 0), 36: ("half", 1), 24: ("half", 0), 18: ("quarter", 1)}
PLAIN |= {12: ("quarter", 0), 9: ("eighth", 1), 6: ("eighth", 0), 3: ("16th", 0)}
TRIPLET = {8: ("quarter", 0), 6: ("eighth", 1), 4: ("eighth", 0), 3: ("16th", 1), 2: ("16th", 0), 1: ("32nd", 0)}
BRACKETS = {12: "eighth", 6: "16th", 3: "32nd"}  # note type of a triplet by its total length in steps


def write_musicxml(score: Score, path: str | pathlib.Path) -> pathlib.Path:
    """Saves a MusicXML file for MuseScore and other notation programs: one staff per part, in bars.

    Without a time signature, or if bars are not a multiple of a sixteenth, the time signature is 4/4. A time signature
    change within a bar shortens that bar; an upbeat gets the time signature of the next bar. A beat with times off the
    sixteenth grid is a triplet. Overlapping notes go to separate voices; if four are not enough, notes of one voice
    are split and tied.

    Args:
        score: at least one note; onsets and ends are rounded to 1/12 of a quarter note, the minimum duration.
        path: the file to write (atomically); its stem is the title. Missing folders are created. The usual suffix is
            ``.musicxml``; the content is uncompressed XML with any suffix.

    Returns:
        The path.

    Raises:
        ValueError: if the score is empty.
    """
    from music21 import metadata, stream
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    notes = rounded(score, GRID)
    bars = _bars(score, int(notes["end"].max()))
    sheet = stream.Score()
    sheet.insert(0, metadata.Metadata(title=pathlib.Path(path).stem, composer=" "))  # else music21 is the composer
    for index in range(len(score.part_names)):
        sheet.insert(0, _staff(score, index, notes[notes["part"] == index], bars))
    return _atomic.write(path, GeneralObjectExporter(sheet).parse())


def _bars(score: Score, end: int) -> list[tuple[int, int, int, str | None]]:
    """Returns (number, start, length, new time signature) of each bar up to ``end``, in steps."""
    # Rounded to sixteenths, so that every bar line is on the grid.
    changes = {
        round(onset * 4) * SIXTEENTH: (numerator * 4 * GRID // denominator, f"{numerator}/{denominator}")
        for onset, numerator, denominator in time_signatures(score)
        if numerator * 16 % denominator == 0
    }
    changes = {0: (round(meter.COMMON * GRID), "4/4")} | changes
    bars, start, usual = [], 0, 0
    while start < end:
        usual, signature = changes.get(start, (usual, None))
        stop = min([start + usual] + [change for change in changes if change > start])
        bars.append((start, stop - start, signature))
        start = stop
    upbeat = round(meter.upbeat(score.time_signatures) * GRID)
    first = 1
    if len(bars) > 1 and bars[0][1] == upbeat and bars[1][2]:
        first = 0  # by convention an upbeat is not counted
        bars[:2] = [(0, upbeat, bars[1][2]), (*bars[1][:2], None)]
    return [(number, *bar) for number, bar in enumerate(bars, first)]


def _voices(notes: np.ndarray) -> list[np.ndarray]:
    """Assigns the notes of a part to voices with few overlaps; notes of equal onset and duration form chords."""
    events: dict[tuple[int, int], list[int]] = {}
    for number, (start, end) in enumerate(zip(notes["start"].tolist(), notes["end"].tolist(), strict=True)):
        events.setdefault((start, end), []).append(number)
    members: list[list[int]] = [[]]
    busy = [0]
    # At the same onset the highest goes first, which keeps the melody in the first voice.
    for (start, end), numbers in sorted(events.items(), key=lambda event: (event[0][0], -notes["pitch"][event[1][-1]])):
        free = [voice for voice, until in enumerate(busy) if until <= start]
        if not free and len(busy) < VOICES:
            busy.append(0)
            members.append([])
            free = [len(busy) - 1]
        voice = free[0] if free else int(np.argmin(busy))
        members[voice] += numbers
        busy[voice] = max(busy[voice], end)
    return [notes[np.array(numbers, dtype=np.int64)] for numbers in members]


def _split(start: int, end: int) -> list[int]:
    """Splits a span of a bar, in steps from the bar line, into note values."""
    lengths = []
    while start < end:
        length = end - start
        if length not in PLAIN:  # first to the next beat, then the longest note value that fits
            to_beat = GRID - start % GRID
            length = to_beat if to_beat < min(GRID, length) else max(size for size in PLAIN if size <= length)
        lengths.append(length)
        start += length
    return lengths


def _pieces(notes: np.ndarray, start: int, length: int) -> list[tuple[int, int, tuple | None]]:
    """Splits a bar of one voice at note onsets and ends.

    Returns:
        (start, length, triplet) of each piece, in steps. The triplet is None or (note type, ``"start"``, ``"stop"`` or
        None).
    """
    edges = np.unique(np.concatenate([notes["start"], notes["end"], [start, start + length]])) - start
    edges = edges[(edges >= 0) & (edges <= length)].tolist()
    triplets = {}
    beat = 0
    while beat < length:
        size = next(size for size in BRACKETS if size <= length - beat)
        if any(edge % SIXTEENTH and beat < edge < beat + size for edge in edges):
            triplets[beat] = size
        beat += size
    edges = sorted({*edges, *triplets, *(beat + size for beat, size in triplets.items())})
    pieces = []
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        beat = next((beat for beat, size in triplets.items() if beat <= begin < beat + size), None)
        if beat is None:
            sizes = _split(begin, end)
        else:
            sizes = []
            while sum(sizes) < end - begin:
                sizes.append(max(size for size in TRIPLET if size <= end - begin - sum(sizes)))
        for size in sizes:
            triplet = None
            if beat is not None:
                place = "start" if begin == beat else "stop" if begin + size == beat + triplets[beat] else None
                triplet = (BRACKETS[triplets[beat]], place)
            pieces.append((start + begin, size, triplet))
            begin += size
    return pieces


def _element(notes: np.ndarray, start: int, length: int, triplet: tuple | None, hidden: bool):
    """Creates the note, chord or rest of one piece from the notes that sound in it."""
    from music21 import chord, duration, note, tie

    kind, dots = PLAIN[length] if triplet is None else TRIPLET[length]
    lasting = duration.Duration(type=kind, dots=dots)
    if triplet is not None:
        bracket = duration.Tuplet(3, 2, durationActual=triplet[0])
        bracket.type = triplet[1]
        lasting.appendTuplet(bracket)
    members = []
    for _, pitch, begin, end, velocity in notes.tolist():
        member = note.Note(pitch)
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


def _staff(score: Score, index: int, notes: np.ndarray, bars: list[tuple]) -> music21.stream.Part:
    from music21 import clef, instrument, stream, tempo
    from music21.meter import TimeSignature

    # Not the class of the program: parsers would transpose a clarinet, but pitches are written as they sound.
    player = instrument.Instrument(score.part_names[index])
    player.partName = score.part_names[index]
    player.midiProgram = score.programs[index]
    player.midiChannel = index % 15 + (index % 15 > 8)  # skips channel 10 (drums), number 9 here
    staff = stream.Part()
    staff.partName = player.partName
    staff.insert(0, player)
    voices = _voices(notes)
    tempos = {round(onset * GRID): rate for onset, rate in score.tempos}
    for number, start, length, signature in bars:
        measure = stream.Measure(number=number)
        if number == 0:
            measure.paddingLeft = (bars[1][2] - length) / GRID
        if start == 0:
            low = len(notes) and np.median(notes["pitch"]) < 60
            measure.insert(0, clef.BassClef() if low else clef.TrebleClef())
        if signature:
            measure.insert(0, TimeSignature(signature))
        for step, rate in tempos.items():
            if index == 0 and start <= step < start + length:
                measure.insert((step - start) / GRID, tempo.MetronomeMark(number=round(rate, 2), referent=1))
        for name, line in enumerate(voices, 1):
            line = line[(line["start"] < start + length) & (line["end"] > start)]
            if name == 1 or len(line):
                voice = stream.Voice(id=str(name))
                for begin, size, triplet in _pieces(line, start, length):
                    sounding = line[(line["start"] <= begin) & (line["end"] > begin)]
                    voice.append(_element(sounding, begin, size, triplet, hidden=name > 1))
                measure.insert(0, voice)
        staff.append(measure)
    return staff
