"""Second readers of MusicXML, kern and ABC: small, and written without a look at musiclib's, to compare with them.

Each returns the notes of a file as rows (onset, duration, pitch), sorted; ties are joined, grace notes, cue notes and
percussion left out, every bar sounds once.
"""

import collections
import pathlib
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from fractions import Fraction

import symusic

STEPS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11)))
ABC2MIDI = next(pathlib.Path(symusic.__file__).parent.glob("bin/abc2midi*"), None)


def notes(path):
    """The notes of a file, by its suffix."""
    suffix = pathlib.Path(path).suffix.lower()
    return kern(path) if suffix == ".krn" else musicxml(path)


def musicxml(path):
    """Follows the cursor of each bar; the next bar starts where the longest part is."""
    data = pathlib.Path(path).read_bytes()
    if data[:2] == b"PK":
        with zipfile.ZipFile(path) as archive:
            container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
            names = [element.get("full-path") for element in container.iter() if element.get("full-path")]
            data = archive.read(names[0])
    root = ElementTree.fromstring(data)
    drums = {
        part.get("id") for part in root.iter("score-part") if part.findtext("midi-instrument/midi-channel") == "10"
    }
    parts = [(part.get("id") in drums, _bars_of(part)) for part in root.findall("part")]
    found, start = [], Fraction(0)
    waiting = [collections.defaultdict(list) for _ in parts]
    for place in range(max(len(bars) for _, bars in parts)):
        rows = [(silent, *bars[place], ties) for (silent, bars), ties in zip(parts, waiting) if place < len(bars)]
        for silent, _, _, sounding, ties in rows:
            for onset, duration, pitch, tied in [] if silent else sorted(sounding, key=lambda note: note[0]):
                onset += start
                held = [note for note in ties[pitch] if sum(note[:2]) == onset] if "stop" in tied else []
                if held:
                    held[0][1] += duration
                    if "start" not in tied:
                        ties[pitch].remove(held[0])
                else:
                    found.append([onset, duration, pitch])
                    if "start" in tied:
                        ties[pitch].append(found[-1])
        start += max(length for _, length, _, _, _ in rows) or max(meter for _, _, meter, _, _ in rows)
    return _sorted(found)


def _bars_of(part):
    """(length, length by the meter, notes) of each bar of a part."""
    divisions, meter, transposed, bars = Fraction(1), Fraction(4), 0, []
    for bar in part.findall("measure"):
        cursor = last = length = Fraction(0)
        sounding = []
        for element in bar:
            duration = Fraction(element.findtext("duration") or 0) / divisions
            if element.tag == "attributes":
                divisions = Fraction(element.findtext("divisions") or divisions)
                if element.find("time/beats") is not None:
                    beats = sum(map(int, element.findtext("time/beats").split("+")))
                    meter = Fraction(4 * beats, int(element.findtext("time/beat-type")))
                if element.find("transpose") is not None:
                    octaves = int(element.findtext("transpose/octave-change") or 0)
                    transposed = 12 * octaves + int(element.findtext("transpose/chromatic") or 0)
            elif element.tag == "backup":
                cursor = max(cursor - duration, Fraction(0))
            elif element.tag == "forward":
                cursor += duration
                length = max(length, min(cursor, meter))
            elif element.tag == "note" and element.find("grace") is None:
                if element.find("chord") is None:
                    last, cursor = cursor, cursor + duration
                onset = last
                length = max(length, onset + duration)
                if element.find("pitch") is not None and element.find("cue") is None:
                    step, octave = element.findtext("pitch/step"), int(element.findtext("pitch/octave"))
                    alter = float(element.findtext("pitch/alter") or 0)
                    pitch = round(12 * (octave + 1) + STEPS[step] + alter) + transposed
                    sounding.append((onset, duration, pitch, {tie.get("type") for tie in element.findall("tie")}))
        bars.append((length, meter, sounding))
    return bars


def kern(path):
    """Follows the lines: what stands in one line starts together, where the longest note before it ends."""
    text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    columns, found, waiting = (
        [],
        [],
        collections.defaultdict(list),
    )  # a column: its kind, its spine, its last note's end
    for line in text.splitlines():
        tokens = line.split("\t")
        if not line or line[0] == "!":
            continue
        if tokens[0].startswith("**"):
            columns = [[kind, spine, Fraction(0)] for spine, kind in enumerate(tokens)]
        elif tokens[0].startswith("*"):
            columns = _routed(columns, tokens)
        elif not tokens[0].startswith("="):
            pairs = [
                (column, token) for column, token in zip(columns, tokens) if column[0] == "**kern" and token != "."
            ]
            pairs = [(column, token) for column, token in pairs if "q" not in token.lower()]
            onset = max((column[2] for column, _ in pairs), default=None)
            for column, token in pairs:
                for note in token.split():
                    column[2] = onset + _kern_duration(note, token)
                    pitch = None if "r" in note else re.search(r"([a-g]+|[A-G]+)(#*)(-*)", note)
                    if pitch:
                        _add_kern(found, waiting[column[1]], note, pitch, onset, column[2])
    return _sorted(found)


def _routed(columns, tokens):
    after = []
    for place, (column, token) in enumerate(zip(columns, tokens)):
        if token == "*v" and after and tokens[place - 1] == "*v" and columns[place - 1][1] == column[1]:
            after[-1][2] = max(after[-1][2], column[2])
        elif token == "*x" and tokens[:place].count("*x") % 2:
            after.insert(-1, column)
        elif token != "*-":
            after += [list(column)] + [list(column)] * (token == "*^")
    return [list(column) for column in after]


def _kern_duration(note, chord):
    number, parts, dots = (re.search(r"(\d+)%?(\d*)(\.*)", note) or re.search(r"(\d+)%?(\d*)(\.*)", chord)).groups()
    base = Fraction(4 * int(parts or 1), int(number)) if int(number) else Fraction(4 * 2 ** len(number))
    return sum((base / 2**dot for dot in range(len(dots) + 1)), Fraction(0))


def _add_kern(found, waiting, note, pitch, onset, end):
    letters, sharps, flats = pitch.groups()
    octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
    number = 12 * (octave + 1) + STEPS[letters[0].upper()] + len(sharps) - len(flats)
    held = [row for row in waiting if row[2] == number and sum(row[:2]) == onset] if set("_]") & set(note) else []
    if held:
        held[0][1] = end - held[0][0]
        if "]" in note:
            waiting.remove(held[0])
    else:
        found.append([onset, end - onset, number])
        if set("[_") & set(note):
            waiting.append(found[-1])


def abc(tune):
    """What abc2midi plays of one tune, without the signs that it would play out: ornaments, grace notes, repeats."""
    lines = [line for line in tune.splitlines() if not re.match("[RPw]:", line)]  # a hornpipe would swing
    lines = [line if re.match("[A-Za-z+]:[^|:]|%", line) else _plain(line) or "%" for line in lines]
    tune = "\n".join([lines[0], "%%MIDI chordattack 0", *lines[1:], ""])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "tune.abc")
        path.write_text(tune, encoding="utf-8")
        midi = path.with_suffix(".mid")
        subprocess.run([ABC2MIDI, path, "-o", midi, "-NGRA", "-NGUI", "-NFER"], capture_output=True, timeout=20)
        score = symusic.Score(midi)
    return _sorted(
        (max(note.time - 1, 0) / score.tpq, note.duration / score.tpq, note.pitch)  # it starts at tick 1
        for track in score.tracks
        if not track.is_drum
        for note in track.notes
    )


def _plain(line):
    line = re.sub(r'"[^"]*"|![^!|\s]*!|\+[^+]*\+|%.*', "", line)
    fields = re.split(r"(\[[A-Za-z]:[^\]]*\])", line)
    return "".join(part if place % 2 else _plain_music(part) for place, part in enumerate(fields))


def _plain_music(text):
    text = re.sub(r"[H-WYh-wy~.`]|\((?!\d)|\)", "", text)
    text = re.sub(r"(?::*\[?\|[|\]:]*|::+)(?:\s*\[?\d[\d,-]*)?|\[\d[\d,-]*", "|", text)
    return text


def _sorted(found):
    return sorted((round(float(onset), 3), round(float(duration), 3), pitch) for onset, duration, pitch in found)


def agreement(first, second):
    """The share of notes that have the same onset and pitch in both."""
    counts = [collections.Counter((onset, pitch) for onset, _, pitch in rows) for rows in (first, second)]
    return (counts[0] & counts[1]).total() / max(counts[0].total(), counts[1].total(), 1)
