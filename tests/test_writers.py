"""The writers: what is written reads back as it was, with other programs' readers."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree

import music21
import numpy as np
import pytest
import symusic

from musiclib import readers, writers
from musiclib.score import Score
from musiclib.writers.rounding import rounded


@pytest.fixture
def score():
    """Two parts with a chord, a rest, a repeated note, triplets, notes over bar lines, and changes of tempo and bar."""
    upper = [(0, 1, 60, 70), (0, 1, 64, 70), (2, 0.5, 60, 60), (2.5, 0.5, 60, 65), (3, 1 / 3, 62), (10 / 3, 1 / 3, 64)]
    upper += [(11 / 3, 7 / 3, 65), (6.25, 0.75, 67), (7, 5, 67)]
    lower = [(0, 2.5, 48, 50), (2.5, 4, 43, 50)]
    return Score.from_notes(
        [(*note, 80)[:4] + (0,) for note in upper] + [(*note, 1) for note in lower],
        tempos=((0, 90), (4, 132)),
        time_signatures=((0, 3, 4), (6, 4, 4)),
        part_names=("Flöte", "Cello"),
        programs=(73, 42),
    )


def rows(score):
    columns = (score.part, score.pitch, score.onset, score.duration)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def read_symusic(path):
    midi = symusic.Score(str(path))
    ticks = midi.ticks_per_quarter
    notes = [
        (part, note.pitch, note.time / ticks, note.duration / ticks)
        for part, track in enumerate(midi.tracks)
        for note in track.notes
    ]
    return midi, sorted(notes)


def read_music21(path, **options):
    """Notes as music21 itself reads them, ties joined by it."""
    stream = music21.converter.parse(path, forceSource=True, **options)
    notes = []
    for part, source in enumerate(stream.parts):
        for element in source.stripTies().flatten().notes:
            onset, duration = float(element.offset), float(element.quarterLength)
            notes += [(part, pitch.midi, onset, duration) for pitch in element.pitches]
    return stream, sorted(notes)


def test_midi_reads_back_in_symusic(score, tmp_path):
    midi, notes = read_symusic(writers.write_midi(score, tmp_path / "new" / "piece.mid"))
    np.testing.assert_allclose(notes, rows(score), atol=1e-9)
    assert [(track.name, track.program, track.is_drum) for track in midi.tracks] == [
        ("Flöte", 73, False),
        ("Cello", 42, False),
    ]
    assert sorted(note.velocity for track in midi.tracks for note in track.notes) == sorted(score.velocity.tolist())
    assert [(t.time / 1920, round(t.qpm, 3)) for t in midi.tempos] == [(0, 90), (4, 132)]
    assert [(s.time / 1920, s.numerator, s.denominator) for s in midi.time_signatures] == [(0, 3, 4), (6, 4, 4)]
    assert list(tmp_path.joinpath("new").iterdir()) == [tmp_path / "new" / "piece.mid"]


def test_midi_reads_back_in_music21(score, tmp_path):
    stream, notes = read_music21(writers.write_midi(score, tmp_path / "piece.mid"), quantizePost=False)
    np.testing.assert_allclose(notes, rows(score), atol=1e-6)
    assert [part.partName for part in stream.parts] == ["Flöte", "Cello"]


def test_midi_keeps_the_ticks_of_performances(tmp_path):
    generator = np.random.default_rng(1)
    onsets = np.cumsum(generator.integers(1, 300, 200)) / 384  # the resolution of many recorded performances
    score = Score.from_notes([(onset, 17 / 480, 40 + i % 50) for i, onset in enumerate(onsets)])
    _, notes = read_symusic(writers.write_midi(score, tmp_path / "piece.mid"))
    np.testing.assert_allclose(notes, rows(score), atol=1e-9)


def test_no_part_is_on_the_drum_channel(tmp_path):
    score = Score.from_notes([(0, 1, 40 + part, 80, part) for part in range(20)])
    midi, notes = read_symusic(writers.write_midi(score, tmp_path / "piece.mid"))
    assert len(notes) == 20 and not any(track.is_drum for track in midi.tracks)
    file = music21.midi.MidiFile()
    file.open(tmp_path / "piece.mid")
    file.read()
    file.close()
    channels = {event.channel for track in file.tracks for event in track.events if event.isNoteOn()}
    assert 10 not in channels and len(channels) == 15


def test_overlapping_notes_of_one_pitch(tmp_path):
    # A long note with a short one inside, two that begin together, and another part that must not be touched.
    score = Score.from_notes([(0, 4, 60), (1, 1, 60), (5, 1, 62, 40), (5, 2, 62, 30), (0, 4, 60, 80, 1)])
    expected = [(0, 60, 0, 1), (0, 60, 1, 1), (0, 62, 5, 2), (1, 60, 0, 4)]
    midi, notes = read_symusic(writers.write_midi(score, tmp_path / "piece.mid"))
    assert notes == expected
    assert [note.velocity for note in midi.tracks[0].notes if note.pitch == 62] == [40]
    assert read_music21(writers.write_musicxml(score, tmp_path / "piece.musicxml"))[1] == expected


def test_very_short_notes_are_kept(tmp_path):
    score = Score.from_notes([(0, 1e-6, 60), (1, 1e-6, 62)])
    _, notes = read_symusic(writers.write_midi(score, tmp_path / "piece.mid"))
    assert [note[1] for note in notes] == [60, 62]


def test_time_signatures_that_the_formats_cannot_hold(tmp_path):
    score = Score.from_notes([(0, 12, 60)], time_signatures=((0, 3, 4), (3, 4, 6), (6, 2, 4)))
    midi, _ = read_symusic(writers.write_midi(score, tmp_path / "piece.mid"))
    assert [(mark.numerator, mark.denominator) for mark in midi.time_signatures] == [(3, 4), (2, 4)]
    stream, notes = read_music21(writers.write_musicxml(score, tmp_path / "piece.musicxml"))
    assert notes == [(0, 60, 0, 12)]
    assert [measure.duration.quarterLength for measure in stream.parts[0].getElementsByClass("Measure")] == [
        *(3.0, 3.0, 2.0, 2.0, 2.0)
    ]


@pytest.mark.parametrize("tempo", [2, 1e9])
def test_tempos_that_midi_cannot_hold(tempo, tmp_path):
    score = Score.from_notes([(0, 1, 60)], tempos=((0, tempo),))
    with pytest.raises(ValueError, match=re.escape(f"got {tempo:g}; change score.tempos")):
        writers.write_midi(score, tmp_path / "piece.mid")
    assert not list(tmp_path.iterdir())


def test_musicxml_reads_back(score, tmp_path):
    stream, notes = read_music21(writers.write_musicxml(score, tmp_path / "new" / "piece.musicxml"))
    np.testing.assert_allclose(notes, rows(score), atol=1e-9)
    assert [part.partName for part in stream.parts] == ["Flöte", "Cello"]
    marks = stream.flatten().getElementsByClass("MetronomeMark")
    assert [(mark.offset, mark.number) for mark in marks] == [(0, 90), (4, 132)]
    signatures = stream.parts[0].flatten().getElementsByClass("TimeSignature")
    assert [(mark.offset, mark.ratioString) for mark in signatures] == [(0, "3/4"), (6, "4/4")]
    assert stream.parts[0].flatten().getElementsByClass("Rest")[0].offset == 1
    assert list(tmp_path.joinpath("new").iterdir()) == [tmp_path / "new" / "piece.musicxml"]


def test_musicxml_of_a_chorale(tmp_path):
    source = music21.corpus.parse("bach/bwv66.6")
    notes = []
    for part, line in enumerate(source.parts):
        for note in line.stripTies().flatten().notes:
            notes.append((float(note.offset), float(note.quarterLength), note.pitch.midi, 80, part))
    score = Score.from_notes(notes)
    assert read_music21(writers.write_musicxml(score, tmp_path / "chorale.musicxml"))[1] == rows(score)


KEYS = ((0, -3, "minor"), (4, 7, "lydian"), (8, -7, "major"), (9 + 1 / 3, 0, ""))


def test_key_signatures_in_midi(tmp_path):
    score = Score.from_notes([(0, 12, 60)], key_signatures=KEYS)
    data = writers.write_midi(score, tmp_path / "piece.mid").read_bytes()
    # Sharps (flats as two's complement), then 1 for minor and 0 for all other modes.
    places = [match.end() for match in re.finditer(b"\xff\x59\x02", data)]
    assert [tuple(data[place : place + 2]) for place in places] == [(253, 1), (7, 0), (249, 0), (0, 0)]
    expected = ((0, -3, "minor"), (4, 7, "major"), (8, -7, "major"), (round(28 / 3 * 1920) / 1920, 0, "major"))
    for reader in readers.READERS:
        assert readers.read_score(tmp_path / "piece.mid", reader=reader).key_signatures == expected, reader


def test_the_title_in_midi_is_no_part(score, tmp_path):
    path = writers.write_midi(score.replace(title="Übung in C"), tmp_path / "piece.mid")
    file = music21.midi.MidiFile()
    file.open(path)
    file.read()
    file.close()
    kind = music21.midi.MetaEvents.SEQUENCE_TRACK_NAME
    names = [event.data.decode() for track in file.tracks for event in track.events if event.type == kind]
    assert names == ["Übung in C", "Flöte", "Cello"]
    for reader in readers.READERS:
        again = readers.read_score(path, reader=reader)
        assert (again.part_names, again.programs, rows(again)) == (score.part_names, score.programs, rows(score))


def test_key_signatures_and_spelling_in_musicxml(tmp_path):
    score = Score.from_notes([(onset, 1, 70) for onset in range(12)] + [(0, 12, 48)], key_signatures=KEYS)
    root = xml.etree.ElementTree.parse(writers.write_musicxml(score, tmp_path / "piece.musicxml")).getroot()
    written = [(int(key.findtext("fifths")), key.findtext("mode")) for key in root.iter("key")]
    assert written == [(-3, "minor"), (7, "lydian"), (-7, "major"), (0, None)]
    # The last key begins within a bar, while both notes sound, and where four voices would lose it.
    assert [key[0] for key in readers.read_score(tmp_path / "piece.musicxml").key_signatures] == [0, 4, 8, 9 + 1 / 3]
    names = [(note.findtext("pitch/step"), note.findtext("pitch/alter")) for note in root.iter("note")]
    upper = [name for name in names if name[0] in "AB"]
    assert upper[:4] == [("B", "-1")] * 4 and upper[4:8] == [("A", "1")] * 4 and upper[8] == ("B", "-1")


def test_a_mode_that_musicxml_does_not_name(tmp_path):
    score = Score.from_notes([(0, 1, 60)], key_signatures=((0, 2, "hijaz"),))
    assert readers.read_score(writers.write_musicxml(score, tmp_path / "x.musicxml")).key_signatures == ((0, 2, ""),)


def test_title_and_composer_in_musicxml(score, tmp_path):
    about = {"title": "Übung & <Spiel>", "composer": "Clara Schumann"}
    path = writers.write_musicxml(score.replace(**about), tmp_path / "piece.musicxml")
    again = readers.read_score(path)
    assert {"title": again.title, "composer": again.composer} == about
    text = writers.write_musicxml(score, path).read_text(encoding="utf-8")
    assert not any(f"<{tag}" in text for tag in ("work", "movement-title", "creator"))
    assert "Music21 Fragment" not in text and ">Music21<" not in text and "piece" not in text


def test_characters_that_xml_cannot_hold(tmp_path):
    score = Score.from_notes([(0, 1, 60)], part_names=("Fl\x00öte\ud800",), title="\x01", composer="A\x0bB")
    again = readers.read_score(writers.write_musicxml(score, tmp_path / "x.musicxml"))
    assert (again.part_names, again.title, again.composer) == (("Flöte",), "", "AB")


def test_a_bar_that_a_time_signature_cuts_short_stays_short(tmp_path):
    score = Score.from_notes(
        [(beat, 1, 60 + beat) for beat in range(8)] + [(0, 8, 40), (0, 8, 40, 80, 1)],
        time_signatures=((0, 4, 4), (4, 4, 4), (6, 3, 4)),
    )
    path = writers.write_musicxml(score, tmp_path / "piece.musicxml")
    stream, _ = read_music21(path)
    for part in stream.parts:
        bars = part.getElementsByClass("Measure")
        assert [(bar.offset, bar.highestTime) for bar in bars] == [(0, 4), (4, 2), (6, 3)]
    again = readers.read_score(path)
    assert (rows(again), again.time_signatures) == (rows(score), ((0, 4, 4), (6, 3, 4)))
    bars = xml.etree.ElementTree.parse(path).findall("part/measure")
    assert [bar.get("number") for bar in bars[:3]] == ["1", "2", "3"]  # it is counted as the others are


def test_an_upbeat_is_written_and_read_again(tmp_path):
    upbeat = ((0.0, 1, 4), (1.0, 3, 4))
    score = Score.from_notes([(beat, 1, 60 + beat) for beat in range(10)], time_signatures=upbeat)
    for name in ("upbeat.mid", "upbeat.musicxml"):
        again = readers.read_score(
            (writers.write_midi if name.endswith("mid") else writers.write_musicxml)(score, tmp_path / name)
        )
        assert (again.time_signatures, rows(again)) == (upbeat, rows(score)), name
    bars = xml.etree.ElementTree.parse(tmp_path / "upbeat.musicxml").findall("part/measure")
    assert [bar.get("number") for bar in bars] == ["0", "1", "2", "3"]
    assert [bar.get("implicit") for bar in bars] == ["yes", "no", "no", "no"]
    # What is printed is the signature of the bars to come, once.
    assert [beats.text for bar in bars for beats in bar.iter("beats")] == ["3"]


def test_an_upbeat_before_bars_that_notation_cannot_hold_keeps_its_signature(tmp_path):
    score = Score.from_notes([(beat, 1, 60) for beat in range(4)], time_signatures=((0, 1, 4), (1, 4, 3)))
    bars = xml.etree.ElementTree.parse(writers.write_musicxml(score, tmp_path / "x.musicxml")).findall("part/measure")
    assert [(bar.get("number"), bar.findtext("attributes/time/beats")) for bar in bars][:2] == [("1", "1"), ("2", None)]


def test_a_score_that_ends_with_its_upbeat(tmp_path):
    score = Score.from_notes([(0, 1, 60)], time_signatures=((0, 1, 4), (1, 3, 4)))
    bars = xml.etree.ElementTree.parse(writers.write_musicxml(score, tmp_path / "x.musicxml")).findall("part/measure")
    assert [bar.get("number") for bar in bars] == ["1"]


@pytest.mark.filterwarnings("ignore:this music was played without regard to its tempo map")
def test_musicxml_of_human_timing(tmp_path):
    generator = np.random.default_rng(0)
    score = Score.from_notes(
        [
            (generator.uniform(0, 12), generator.exponential(1.0) + 0.02, int(generator.integers(40, 80)))
            for _ in range(80)
        ],
        time_signatures=((0, 7, 8),),
    )
    path = writers.write_musicxml(score, tmp_path / "piece.musicxml")
    voices = {int(voice.text) for voice in xml.etree.ElementTree.parse(path).iter("voice")}
    assert max(voices) <= 4  # more are lost on opening in MuseScore
    _, notes = read_music21(path)
    expected = [(0, p, s / 12, (e - s) / 12) for _, p, s, e, _ in rounded(score, 12).tolist()]
    assert len(expected) > 70
    # music21 joins ties by neighbourhood and loses some in dense voices: our own reader of ties is the judge.
    np.testing.assert_allclose(rows(readers.read_score(path)), sorted(expected), atol=1e-6)


def test_musicxml_bars_are_full(tmp_path):
    score = Score.from_notes([(0.1, 0.7, 60), (1.4, 3.3, 64), (2.9, 2.1, 67)], time_signatures=((0, 5, 8),))
    tree = xml.etree.ElementTree.parse(writers.write_musicxml(score, tmp_path / "piece.musicxml"))
    for measure in tree.iter("measure"):
        position = filled = 0
        for element in measure:
            if element.tag in ("note", "forward", "backup") and element.find("chord") is None:
                length = int(element.find("duration").text)
                position += -length if element.tag == "backup" else length
                filled = max(filled, position)
        assert filled == position == 2.5 * 10080


def test_musicxml_brackets_each_triplet(tmp_path):
    notes = [(0, 1 / 3, 60), (1 / 3, 2 / 3, 62), (1, 0.25, 64), (1.5, 1 / 12, 65), (4, 1, 67), (5.25, 5 / 12, 60)]
    tree = xml.etree.ElementTree.parse(writers.write_musicxml(Score.from_notes(notes), tmp_path / "piece.musicxml"))
    inside, brackets = False, 0
    for note in tree.iter("note"):
        kinds = [bracket.get("type") for bracket in note.iter("tuplet")]
        brackets += "start" in kinds
        inside = inside or "start" in kinds
        assert inside == (note.find("time-modification") is not None)
        inside = inside and "stop" not in kinds
    assert brackets == 3 and not inside


def test_beams_do_not_leave_a_triplet(tmp_path):
    # A triplet of the last beat but a sixteenth, which belongs to the same beam group of 7/16.
    notes = [(7 / 6, 1 / 3, 55), (1.5, 0.25, 57)] + [(1.75 + i / 4, 0.25, 55) for i in range(7)]
    score = Score.from_notes(notes, time_signatures=((0, 7, 16),))
    tree = xml.etree.ElementTree.parse(writers.write_musicxml(score, tmp_path / "piece.musicxml"))
    inside, beams = [], []
    for note in tree.iter("note"):
        inside.append(note.find("time-modification") is not None)
        beams.append(note.findtext("beam"))
    assert any(inside) and "begin" in beams  # the second bar has a beam
    for place, beam in enumerate(beams):
        assert beam in (None, "begin") or inside[place] == inside[place - 1]


def test_musicxml_leaves_out_bars_off_the_grid(tmp_path):
    score = Score.from_notes([(0, 1, 60)], time_signatures=((0, 3, 32),))
    stream, notes = read_music21(writers.write_musicxml(score, tmp_path / "piece.musicxml"))
    assert notes == [(0, 60, 0, 1)]
    assert stream.flatten().getElementsByClass("TimeSignature")[0].ratioString == "4/4"


def test_musicxml_pitches_of_transposing_instruments(tmp_path):
    score = Score.from_notes([(0, 1, 60)], programs=(71,))  # a clarinet, notated a tone higher than it sounds
    stream, notes = read_music21(writers.write_musicxml(score, tmp_path / "piece.musicxml"))
    assert stream.toSoundingPitch().flatten().notes[0].pitch.midi == notes[0][1] == 60


@pytest.mark.parametrize("write", [writers.write_midi, writers.write_musicxml])
def test_empty_score(write, tmp_path):
    with pytest.raises(ValueError, match="nothing to write"):
        write(Score.from_notes([]), tmp_path / "piece")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(score, tmp_path, monkeypatch):
    path = tmp_path / "piece.mid"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        writers.write_midi(score, path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_import_takes_no_music21():
    code = "import sys, musiclib.writers; sys.exit('music21' in sys.modules or 'symusic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
