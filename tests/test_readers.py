"""Tests of musiclib.readers: what is written into a file is what the Score holds."""

import gzip
import pathlib
import struct
import subprocess
import sys
import warnings

import music21
import numpy as np
import pytest
import symusic
from midi_by_hand import NOTE_OFF, NOTE_ON, PROGRAM, midi_bytes, name_event, note_events

from musiclib import readers
from musiclib.readers.parsed import LostNotes
from musiclib.score import COLUMNS, DEFAULT_VELOCITY, meter

ROOT = pathlib.Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data, which is not in the repository")

XML_HEAD = """<?xml version="1.0"?><score-partwise version="3.1"><part-list>
<score-part id="P1"><part-name>{name}</part-name></score-part></part-list><part id="P1">"""
XML_TAIL = "</part></score-partwise>"
XML_NOTE = """<note>{chord}<pitch><step>{step}</step><octave>4</octave></pitch><duration>{duration}</duration>{tie}
<voice>1</voice></note>"""

KERN = """**kern\t**kern
*Ibass\t*Isoprn
*M3/4\t*M3/4
=1\t=1
2.C\t[2.c 2.e
=2\t=2
4D\t4c] 4f
4r\t4g
4D\t4g
==\t==
*-\t*-
"""
ABC = "X:1\nT:Example\nM:4/4\nL:1/8\nQ:1/4=90\nK:C\nc2 z2 (3efg c2-|c4 d2 d2|\n"


def rows(score):
    """The notes as (onset, duration, pitch) rounded to a thousandth, in the order of the Score."""
    columns = np.round(score.onset, 3).tolist(), np.round(score.duration, 3).tolist(), score.pitch.tolist()
    return list(zip(*columns, strict=True))


@pytest.fixture
def write(tmp_path):
    """Writes text or bytes to a file of the given name and returns its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def musicxml(write):
    """Writes a one-part MusicXML file of the given measures."""

    def musicxml(measures, name="Flute"):
        return write("piece.musicxml", XML_HEAD.format(name=name) + measures + XML_TAIL)

    return musicxml


def xml_note(step, duration, ties=(), chord=False):
    tie = "".join(f'<tie type="{kind}"/>' for kind in ties)
    return XML_NOTE.format(step=step, duration=duration, tie=tie, chord="<chord/>" if chord else "")


# ---- MIDI ------------------------------------------------------------------------------------------------------


@pytest.fixture
def band(tmp_path):
    """Two pitched parts and drums with tempo and time signature changes, written by symusic."""
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 100.0))
    score.tempos.append(symusic.Tempo(960, 150.0))
    score.time_signatures.append(symusic.TimeSignature(0, 3, 4))
    score.time_signatures.append(symusic.TimeSignature(1440, 6, 8))
    flute = symusic.Track("Flute", 73)
    for time, duration, pitch, velocity in [(0, 160, 72, 1), (160, 160, 72, 90), (321, 159, 76, 127), (960, 7, 79, 64)]:
        flute.notes.append(symusic.Note(time, duration, pitch, velocity))
    bass = symusic.Track("Bass", 32)
    for pitch in (36, 40, 43):
        bass.notes.append(symusic.Note(0, 1920, pitch, 70))
    drums = symusic.Track("Drums", 0, True)
    drums.notes.append(symusic.Note(0, 100, 38, 100))
    score.tracks.extend([flute, bass, drums])
    path = tmp_path / "band.MID"
    score.dump_midi(str(path))
    return path


def test_midi_notes_are_exact(band):
    score = readers.read_score(band)
    flute = score.select("Flute")
    assert flute.onset.tolist() == [0, 160 / 480, 321 / 480, 2]
    assert flute.duration.tolist() == [160 / 480, 160 / 480, 159 / 480, 7 / 480]
    assert flute.pitch.tolist() == [72, 72, 76, 79]
    assert flute.velocity.tolist() == [1, 90, 127, 64]
    assert rows(score.select("Bass")) == [(0, 4, 36), (0, 4, 40), (0, 4, 43)]


def test_midi_parts_programs_and_maps(band):
    score = readers.read_score(band)
    assert score.part_names == ("Flute", "Bass")  # and no drums
    assert score.programs == (73, 32)
    assert len(score) == 7
    assert score.tempos == ((0.0, 100.0), (2.0, 150.0))
    assert score.time_signatures == ((0.0, 3, 4), (3.0, 6, 8))


def test_part_by_number_and_name(band):
    assert readers.read_score(band, part=1) == readers.read_score(str(band), part="Bass")
    assert readers.read_score(band, part=1).part_names == ("Bass",)
    with pytest.raises(ValueError, match="no part 'Tuba'.*0 'Flute', 1 'Bass'"):
        readers.read_score(band, part="Tuba")


def test_notes_closer_than_a_sixty_fourth_stay_apart(write):
    """music21 makes one chord of these, with one onset and one length."""
    events = [(0, [NOTE_ON, 60, 50]), (3, [NOTE_ON, 64, 60]), (400, [NOTE_OFF, 60, 0]), (2, [NOTE_OFF, 64, 0])]
    score = readers.read_score(write("roll.mid", midi_bytes(events)))
    assert score.onset.tolist() == [0, 3 / 480]
    assert score.duration.tolist() == [403 / 480, 402 / 480]
    assert score.velocity.tolist() == [50, 60]


def test_one_track_with_two_channels_gives_two_parts(write):
    upper, lower = note_events(72, channel=0), note_events(48, channel=3)
    events = [name_event("Piano"), (0, [PROGRAM | 3, 42]), *upper, *lower]
    score = readers.read_score(write("two.mid", midi_bytes(events, kind=0)))
    assert score.part_names == ("Piano", "Piano 2")
    assert score.programs == (0, 42)
    assert rows(score.select("Piano 2")) == [(1, 1, 48)]


def test_program_of_the_own_track_goes_first(write):
    conductor = [(0, [PROGRAM, 90]), (0, [PROGRAM | 1, 11])]
    own = [(0, [PROGRAM, 20]), *note_events(60), (0, [PROGRAM, 21]), *note_events(62)]
    other = note_events(64, channel=1)
    score = readers.read_score(write("programs.mid", midi_bytes(conductor, own, other)))
    assert score.programs == (20, 11)


def test_repeated_pitch_overlapping_and_ending_by_velocity_zero(write):
    on, off = (0, [NOTE_ON, 60, 80]), (120, [NOTE_ON, 60, 0])
    events = [on, (100, [NOTE_ON, 60, 90]), off, off, *note_events(60, 70, ticks=120)]
    score = readers.read_score(write("overlap.mid", midi_bytes(events, division=100)))
    assert rows(score) == [(0, 2.2, 60), (1, 2.4, 60), (3.4, 1.2, 60)]
    assert score.velocity.tolist() == [80, 90, 70]


@pytest.mark.parametrize("reader", readers.READERS)
def test_midi_notes_without_length_or_end_are_left_out_with_a_word(write, reader):
    events = [*note_events(60, ticks=0), *note_events(62), (0, [NOTE_ON, 64, 64]), (9, [NOTE_ON | 3, 65, 64])]
    with pytest.warns(LostNotes, match="odd.mid: left out 2 notes that never end and 1 note without a length$"):
        score = readers.read_score(write("odd.mid", midi_bytes(events)), reader=reader)
    assert rows(score) == [(0, 1, 62)]


@pytest.mark.parametrize("reader", readers.READERS)
def test_drums_and_whole_notes_are_no_loss(write, reader):
    """A note that ends where the track does is whole, and drums are not counted."""
    events = [*note_events(38, channel=9, ticks=0), (0, [NOTE_ON | 9, 40, 64]), *note_events(60)]
    assert rows(readers.read_score(write("whole.mid", midi_bytes(events)), reader=reader)) == [(0, 1, 60)]


@pytest.mark.parametrize("reader", readers.READERS)
def test_a_piece_of_more_than_a_day_is_refused(write, reader):
    data = midi_bytes([(0, [NOTE_ON, 60, 64]), (0x0FFFFFFF, [NOTE_OFF, 60, 0])])
    with pytest.raises(readers.UnreadableScore, match="long.mid: it lasts 78 hours, and 24 is the maximum"):
        readers.read_score(write("long.mid", data), reader=reader)


@pytest.mark.parametrize("reader", readers.READERS)
@pytest.mark.parametrize("waits", [9, 17])
def test_times_past_what_can_be_counted_are_refused(write, reader, waits):
    """2^31 ticks come out of some parsers below zero, and 2^32 at the start again."""
    events = [*note_events(60), *[(0x0FFFFFFF, [0xFF, 0x01, 0])] * waits, *note_events(62)]
    with pytest.raises(readers.UnreadableScore, match=r"it lasts|exceed 2\^31 ticks"):
        readers.read_score(write("past.mid", midi_bytes(events)), reader=reader)


@pytest.mark.parametrize("reader", readers.READERS)
def test_a_pitch_that_is_none_is_refused(write, reader):
    """symusic would take it for a place in its memory, and the process would die."""
    events = [*note_events(60), *[(0, [NOTE_ON | 15, 0x99, 0x1E])] * 200]
    with pytest.raises(readers.UnreadableScore, match="damaged|not a MIDI event"):
        readers.read_score(write("pitch.mid", midi_bytes(events)), reader=reader)


@pytest.mark.parametrize("reader", readers.READERS)
def test_text_and_tempos_are_no_times(write, reader):
    """Bytes that look like a long time stand in tempos and in Japanese words."""
    words = "\u3042\u3044".encode()
    events = [(1, bytes([0xFF, 0x51, 3, 0x0F, 0xC8, 0xF2])), (1, bytes([0xFF, 0x05, len(words)]) + words)] * 40
    score = readers.read_score(write("text.mid", midi_bytes([*events, *note_events(60)])), reader=reader)
    assert rows(score) == [(0.167, 1, 60)]  # after 80 ticks


@pytest.mark.parametrize("reader", readers.READERS)
def test_running_status_after_a_system_message_loses_no_note(write, reader):
    """The format forbids it, files do it, and symusic alone would take the notes for something else."""
    sysex = (0, [0xF0, 3, 1, 2, 0xF7])
    events = [
        (0, [NOTE_ON, 60, 64]),
        (480, [60, 0]),
        sysex,
        (0, [62, 64]),
        (480, [62, 0]),
        (0, [NOTE_ON, 64, 9]),
        (480, [64, 0]),
    ]
    score = readers.read_score(write("sysex.mid", midi_bytes(events)), reader=reader)
    assert rows(score) == [(0, 1, 60), (1, 1, 62), (2, 1, 64)]


def test_running_status_and_a_foreign_chunk(write):
    events = [(0, [NOTE_ON, 60, 64]), (240, [60, 0]), (0, [0xFF, 0x01, 1, 65]), (0, [62, 64]), (240, [62, 0])]
    data = midi_bytes(events)
    data = data[:14] + b"XFIH" + struct.pack(">I", 3) + b"abc" + data[14:] + b"junk after the last track"
    assert rows(readers.read_score(write("running.mid", data))) == [(0, 0.5, 60), (0.5, 0.5, 62)]


def test_track_name_in_another_encoding(write):
    named = 0, bytes([0xFF, 0x03, 5]) + b"\xe9t\xe9\x07\x00"
    name = readers.read_score(write("name.mid", midi_bytes([named, *note_events(60)]))).part_names[0]
    assert name.isprintable() and "t" in name


def test_impossible_tempo_and_time_signature_are_passed_over(write):
    tempo, signature = bytes([0xFF, 0x51, 3, 0, 0, 0]), bytes([0xFF, 0x58, 4, 4, 255, 24, 8])
    score = readers.read_score(write("zero.mid", midi_bytes([(0, tempo), (0, signature), *note_events(60)])))
    assert score.tempos == ((0.0, 120.0),)
    assert score.time_signatures == ()


@needs_shared
@pytest.mark.filterwarnings("ignore::musiclib.readers.LostNotes")
@pytest.mark.parametrize("pattern", ["classical_piano_92/*.mid", "maestro_small/validation/*"])
def test_midi_agrees_with_symusic(pattern):
    paths = sorted(SHARED.glob(pattern))[:8]
    assert paths
    for path in paths:
        score, other = readers.read_score(path), symusic.Score(str(path))
        expected = sorted(
            (note.time / other.tpq, note.duration / other.tpq, note.pitch, note.velocity)
            for track in other.tracks
            if not track.is_drum
            for note in track.notes
        )
        found = sorted(zip(*(getattr(score, name).tolist() for name in COLUMNS[:4]), strict=True))
        assert found == expected, path.name


# ---- notation --------------------------------------------------------------------------------------------------


UPBEATS = {
    "upbeat.krn": "**kern\n*M3/4\n=0-\n4c\n=1\n2d\n4e\n=2\n2.f\n==\n*-\n",
    "upbeat.abc": "X:1\nM:3/4\nL:1/4\nK:C\nC|D2E|F3|]\n",
}


@pytest.mark.parametrize("name", UPBEATS)
def test_an_upbeat_is_a_short_bar(write, name):
    score = readers.read_score(write(name, UPBEATS[name]))
    assert rows(score) == [(0, 1, 60), (1, 2, 62), (3, 1, 64), (4, 3, 65)]
    assert score.time_signatures == ((0.0, 1, 4), (1.0, 3, 4))
    assert meter.bar_lines(score.time_signatures, score.end).tolist() == [0, 1, 4]


def test_a_change_right_after_the_upbeat_holds(write):
    changes = UPBEATS["upbeat.krn"].replace("=1\n", "=1\n*M4/4\n").replace("4e", "2e").replace("2.f", "1f")
    assert readers.read_score(write("changes.krn", changes)).time_signatures == ((0.0, 1, 4), (1.0, 4, 4))


@pytest.mark.parametrize("reader", readers.READERS)
@pytest.mark.parametrize("controller", [[0xB0, 200, 3], [0xB0, 7, 200]])
def test_controllers_above_127_are_passed_over(write, reader, controller):
    path = write("piece.mid", midi_bytes([(0, controller), *note_events(60)]))
    assert rows(readers.read_score(path, reader=reader)) == [(0, 1, 60)]


@pytest.mark.parametrize("reader", readers.READERS)
@pytest.mark.parametrize("name", ["song.kar", "riff.mid", "riff.rmi"])
def test_karaoke_and_riff_files(write, reader, name):
    data = midi_bytes(note_events(60))
    chunk = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", len(data)) + data
    riff = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"RMID" + chunk
    path = write(name, data if name == "song.kar" else riff)
    assert rows(readers.read_score(path, reader=reader)) == [(0, 1, 60)]


@pytest.mark.parametrize("reader", readers.READERS)
def test_the_title_of_midi_is_the_name_of_a_first_track_without_notes(write, reader):
    titled = midi_bytes([name_event("Sonata")], [name_event("Piano"), *note_events(60)])
    score = readers.read_score(write("piece.mid", titled), reader=reader)
    assert (score.title, score.part_names) == ("Sonata", ("Piano",))
    for events in (note_events(60), note_events(38, channel=9)):
        path = write("piece.mid", midi_bytes([name_event("Piano"), *events], note_events(72)))
        assert readers.read_score(path, reader=reader).title == ""


@pytest.mark.parametrize("reader", readers.READERS)
def test_key_signatures_of_midi(write, reader):
    keys = [(0, [0xFF, 0x59, 2, 0xFD, 1]), (480, [0xFF, 0x59, 2, 2, 0]), (480, [0xFF, 0x59, 2, 9, 0])]
    path = write("piece.mid", midi_bytes([*keys, *note_events(60)]))
    assert readers.read_score(path, reader=reader).key_signatures == ((0.0, -3, "minor"), (1.0, 2, "major"))


def test_kern(write):
    score = readers.read_score(write("piece.krn", KERN))
    assert score.time_signatures == ((0.0, 3, 4),)
    assert score.part_names == ("Soprano", "Bass")  # kern has the lowest part first
    upper, lower = (rows(score.select(part)) for part in range(2))
    # The chord's c is tied over the bar line, its e is not; g is played twice.
    assert upper == [(0, 4, 60), (0, 3, 64), (3, 1, 65), (4, 1, 67), (5, 1, 67)]
    assert lower == [(0, 3, 48), (3, 1, 50), (5, 1, 50)]


def test_abc(write):
    score = readers.read_score(write("tune.abc", ABC))
    third = float(np.float64(1) / 3)
    assert rows(score) == [
        (0, 1, 72), (2, 0.333, 76), (2.333, 0.333, 77), (2.667, 0.333, 79), (3, 3, 72), (6, 1, 74), (7, 1, 74)
    ]  # fmt: skip
    assert score.duration[1] == third
    assert score.tempos == ((0.0, 90.0),)
    assert score.velocity.tolist() == [DEFAULT_VELOCITY] * 7


def test_musicxml_ties_chords_and_names(musicxml):
    first = "<measure number='1'><attributes><divisions>1</divisions></attributes>"
    first += xml_note("C", 4, ["start"]) + xml_note("E", 4, chord=True) + "</measure>"
    second = "<measure number='2'>" + xml_note("C", 4, ["stop", "start"]) + "</measure>"
    third = "<measure number='3'>" + xml_note("C", 2, ["stop"]) + xml_note("C", 2) + "</measure>"
    score = readers.read_score(musicxml(first + second + third))
    assert rows(score) == [(0, 10, 60), (0, 4, 64), (10, 2, 60)]
    assert score.part_names == ("Flute",)


def test_musicxml_pitches_sound(musicxml):
    transpose = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    measure = "<measure number='1'><attributes><divisions>1</divisions>" + transpose + "</attributes>"
    score = readers.read_score(musicxml(measure + xml_note("D", 4) + "</measure>", "Clarinet in Bb"))
    assert score.pitch.tolist() == [60]


def test_grace_notes_chord_symbols_and_unpitched_are_left_out(musicxml):
    measure = "<measure number='1'><attributes><divisions>1</divisions></attributes>"
    measure += "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"
    measure += "<note><grace/><pitch><step>B</step><octave>4</octave></pitch><voice>1</voice></note>"
    measure += xml_note("C", 2)
    unpitched = "<unpitched><display-step>F</display-step><display-octave>4</display-octave></unpitched>"
    measure += f"<note>{unpitched}<duration>2</duration><voice>1</voice></note></measure>"
    assert rows(readers.read_score(musicxml(measure))) == [(0, 2, 60)]


def stream_part(name, instrument, *notes):
    part = music21.stream.Part()
    part.partName = name
    part.append(instrument)
    part.append(music21.tempo.MetronomeMark(number=60, referent=music21.duration.Duration(0.5)))
    part.append(music21.meter.TimeSignature("2/4"))
    for note in notes:
        part.append(note)
    return part


def test_stream_with_two_parts():
    loud = music21.note.Note("C4", quarterLength=1)
    loud.volume.velocity = 111
    mark = music21.tempo.MetronomeMark(number=80)
    violin = stream_part("Violin", music21.instrument.Violin(), loud, mark, music21.note.Note("D4", quarterLength=1))
    cello = stream_part("Cello", music21.instrument.Violoncello(), music21.note.Rest(), music21.chord.Chord("C3 G3"))
    score = readers.score_from_music21(music21.stream.Score([violin, cello]))
    assert score.part_names == ("Violin", "Cello")
    assert score.programs == (40, 42)
    assert score.tempos == ((0.0, 30.0), (1.0, 80.0))  # sixty eighths a minute are thirty quarters
    assert score.time_signatures == ((0.0, 2, 4),)
    assert score.velocity.tolist() == [111, DEFAULT_VELOCITY, DEFAULT_VELOCITY, DEFAULT_VELOCITY]
    assert rows(score) == [(0, 1, 60), (1, 1, 62), (1, 1, 48), (1, 1, 55)]
    assert rows(readers.score_from_music21(music21.stream.Score([violin, cello]), part="Cello")) == rows(score)[2:]


def test_voices_measures_and_nameless_parts():
    score = music21.stream.Score()
    for _ in range(2):
        measure = music21.stream.Measure(number=1)
        for name in ("C5", "C4"):
            measure.insert(0, music21.stream.Voice([music21.note.Note(name, quarterLength=2)]))
        part = music21.stream.Part()
        part.insert(4, measure)
        score.insert(0, part)
    read = readers.score_from_music21(score)
    assert read.part_names == ("Part 1", "Part 2")
    assert read.part.tolist() == [0, 0, 1, 1]
    assert rows(read) == [(4, 2, 60), (4, 2, 72)] * 2


def test_chord_ties_are_joined_by_pitch_and_broken_ties_stand_alone():
    first, second = music21.chord.Chord("C4 E4", quarterLength=4), music21.chord.Chord("C4 E4", quarterLength=1)
    first.notes[1].tie, second.notes[1].tie = music21.tie.Tie("start"), music21.tie.Tie("stop")
    stray = music21.note.Note("G4", quarterLength=1)
    stray.tie = music21.tie.Tie("stop")
    part = music21.stream.Part([first, second, stray])
    assert rows(readers.score_from_music21(part)) == [(0, 4, 60), (0, 5, 64), (4, 1, 60), (5, 1, 67)]
    assert first.quarterLength == 4  # the stream is as it was


def test_ties_join_only_what_touches():
    part = music21.stream.Part()
    for onset, kind in [(0, "start"), (1, None), (2, "start"), (4, "stop"), (5, "start"), (6, "stop"), (7, "stop")]:
        note = music21.note.Note("C4", quarterLength=1)
        note.tie = music21.tie.Tie(kind) if kind else None
        part.insert(onset, note)
    expected = [(0, 1, 60), (1, 1, 60), (2, 1, 60), (4, 1, 60), (5, 2, 60), (7, 1, 60)]
    assert rows(readers.score_from_music21(part)) == expected


def test_written_pitch_is_transposed_only_where_music21_says_it_is_written():
    def clarinet():
        part = music21.stream.Part([music21.instrument.Clarinet(), music21.note.Note("D4")])
        return music21.stream.Score([part])

    unknown, written, sounding = clarinet(), clarinet(), clarinet()
    written.atSoundingPitch = sounding.atSoundingPitch = False
    sounding.parts[0].atSoundingPitch = True
    found = [readers.score_from_music21(stream).pitch.tolist() for stream in (unknown, written, sounding)]
    assert found == [[62], [60], [62]]


def test_chord_symbols_with_a_length_are_left_out():
    symbol = music21.harmony.ChordSymbol("C")
    symbol.quarterLength = 4
    part = music21.stream.Part([symbol, music21.note.Note("A4", quarterLength=4)])
    assert rows(readers.score_from_music21(part)) == [(4, 4, 69)]


def test_marks_of_several_parts():
    """The first part's mark holds, one said twice counts once, and a part's own onset counts."""
    score = music21.stream.Score()
    for onset, rates in [(0, (60, 60, 90)), (1, (100,))]:
        part = music21.stream.Part([music21.note.Note("C4", quarterLength=4)])
        for position, rate in enumerate(rates):
            part.insert(position, music21.tempo.MetronomeMark(number=rate))
        score.insert(onset, part)
    read = readers.score_from_music21(score)
    assert read.tempos == ((0.0, 60.0), (2.0, 90.0))
    assert read.onset.tolist() == [0, 1]


def test_what_music21_prints_stays_inside(write, capfd, monkeypatch):
    def parse(path):
        print("printed")
        print("printed", file=sys.stderr)
        warnings.warn("warned", stacklevel=1)
        return music21.stream.Part([music21.note.Note("C4")])

    monkeypatch.setattr(readers.music21_stream, "_parse", parse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(readers.read_score(write("piece.mei", "")))
    assert capfd.readouterr() == ("", "")


def test_repeats_are_not_played_twice():
    measure = music21.stream.Measure([music21.note.Note("C4", quarterLength=4)])
    measure.leftBarline, measure.rightBarline = music21.bar.Repeat("start"), music21.bar.Repeat("end")
    assert len(readers.score_from_music21(music21.stream.Part([measure]))) == 1


def test_music21_corpus_agrees_with_music21():
    path = music21.corpus.getWork("bach/bwv66.6")
    score = readers.read_score(path)
    stream = music21.converter.parse(path, forceSource=True)
    assert score.part_names == ("Soprano", "Alto", "Tenor", "Bass")
    expected = []
    for index, part in enumerate(stream.stripTies().parts):
        notes = part.flatten().notes
        expected += [(float(note.offset), index, note.pitch.midi, float(note.quarterLength)) for note in notes]
    found = zip(score.onset.tolist(), score.part.tolist(), score.pitch.tolist(), score.duration.tolist(), strict=True)
    assert list(found) == sorted(expected)


# ---- errors ----------------------------------------------------------------------------------------------------


def test_no_such_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.mid.*full path"):
        readers.read_score(tmp_path / "nothing.mid")
    with pytest.raises(ValueError, match=r"corpus\.load"):
        readers.read_score(tmp_path)


GOOD = midi_bytes(note_events(60))
UNREADABLE = {
    "text.mid": (b"not music at all", "does not begin as a MIDI file"),
    "nothing.mid": (b"", "does not begin as a MIDI file"),
    "gzip.mid": (gzip.compress(GOOD), "does not begin as a MIDI file"),
    "short.mid": (GOOD[:-3], "ends 3 bytes too early"),
    "sequences.mid": (midi_bytes(note_events(60), kind=2), "format 2"),
    "division.mid": (midi_bytes(note_events(60), division=0), "0x0000"),
    "film.mid": (midi_bytes(note_events(60), division=0xE728), "0xe728"),
    "status.mid": (midi_bytes([(0, [60, 64])]), "not a MIDI event"),
    "wait.mid": (midi_bytes([(1 << 40, [NOTE_ON, 60, 64])]), "not a MIDI event"),
    "system.mid": (midi_bytes([(0, [0xF4, 0, 0])]), "0xf4"),
    "velocity.mid": (midi_bytes(note_events(60, velocity=200)), "velocity 200"),
    "empty.mid": (midi_bytes([]), "no notes"),
    "headeronly.mid": (midi_bytes(), "no notes"),
    "drums.mid": (midi_bytes(note_events(38, channel=9)), "only percussion, 1 unpitched"),
    "text.musicxml": (b"not music at all", "text.musicxml"),
    "half.xml": (XML_HEAD.encode(), "damaged at line 2"),
    "text.mxl": (b"PKnot a zip file", "damaged or misnamed"),
    "text.krn": (b"not music at all", "text.krn"),
    "text.abc": (b"not music at all", "text.abc"),
    "rests.abc": (b"X:1\nM:4/4\nL:1/4\nK:C\nz4|\n", "no notes"),
    "book.abc": (b"X:1\nL:1/4\nK:C\nc4|\n\nX:2\nL:1/4\nK:C\nd4|\n", "2 pieces.*readers.read_scores"),
    "paper.pdf": (b"%PDF-1.4", "picture of music.*export them as MusicXML"),
    "picture.png": (b"\x89PNG", "picture of music.*export them as MusicXML"),
    "nosuffix": (GOOD, "formats that work"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(write, capsys, name):
    content, message = UNREADABLE[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing that music21 warns of may come through
        with pytest.raises(readers.UnreadableScore, match=message) as caught:
            readers.read_score(write(name, content))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_foreign_errors_are_chained(write):
    with pytest.raises(readers.UnreadableScore) as caught:
        readers.read_score(write("text.mxl", "PKnot a zip file"))
    assert caught.value.__cause__ is not None


def test_stream_errors():
    with pytest.raises(TypeError, match="not str; try read_score"):
        readers.score_from_music21("piece.mid")
    with pytest.raises(readers.UnreadableScore, match="no notes"):
        readers.score_from_music21(music21.stream.Score())
    with pytest.raises(readers.UnreadableScore, match="only percussion"):
        readers.score_from_music21(music21.stream.Part([music21.note.Unpitched()]))
    with pytest.raises(readers.UnreadableScore, match="1 pieces"):
        readers.score_from_music21(music21.stream.Opus([music21.stream.Score()]))


def test_importing_readers_imports_no_music21():
    code = "import sys, musiclib.readers; sys.exit('music21' in sys.modules or 'symusic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
