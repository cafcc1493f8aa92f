"""Tests of the MusicXML reader: bars that do not fit, what does not sound, files in other forms, marks, repeats."""

import io
import pathlib
import warnings
import zipfile

import pytest
import second_readers
from reading import CASES, check_refused, needs_shared, notes, right_notes

from musiclib import readers
from musiclib.readers.parsed import IrregularBars

START = "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"


def note(pitch, quarters, more="", before=""):
    """A note such as C4, or a rest if the pitch is empty."""
    sounding = f"<pitch><step>{pitch[0]}</step><octave>{pitch[1]}</octave></pitch>" if pitch else "<rest/>"
    return f"<note>{before}{sounding}<duration>{round(2 * quarters)}</duration><voice>1</voice>{more}</note>"


def document(*parts, heads=(), before=""):
    """A partwise score; each part is a list of bars."""
    names = "".join(
        f'<score-part id="P{k}"><part-name>Part {k}</part-name>{heads[k - 1] if heads else ""}</score-part>'
        for k in range(1, len(parts) + 1)
    )
    body = "".join(
        f'<part id="P{k}">'
        + "".join(f'<measure number="{n}">{START if n == 1 else ""}{bar}</measure>' for n, bar in enumerate(bars, 1))
        + "</part>"
        for k, bars in enumerate(parts, 1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0">{before}<part-list>{names}</part-list>'
        f"{body}</score-partwise>"
    )


@pytest.fixture
def read(tmp_path):
    def read(content, name="piece.musicxml", **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return readers.read_score(path, **options)

    return read


# ---- bars --------------------------------------------------------------------------------------------------------

WORDS = "<direction><direction-type><words>rit.</words></direction-type>{}</direction>"
FORWARD = "<forward><duration>{}</duration></forward>"
OTHER = [note("C4", 4), note("D4", 4), note("E4", 4)]
RIGHT = [(0, 4, 60), (4, 4, 62), (8, 4, 64)]  # the other part, wherever the first one errs

# The bars of the first part, its notes, and what is said of it.
BARS = {
    "a rest is missing": (
        [note("C5", 4), note("D5", 2), note("E5", 4)],
        [(0, 4, 72), (4, 2, 74), (8, 4, 76)],
        "1 too short",
    ),
    "an offset past the bar": (
        [note("C5", 4) + WORDS.format("<offset>3</offset>"), note("D5", 4), note("E5", 4)],
        [(0, 4, 72), (4, 4, 74), (8, 4, 76)],
        None,
    ),
    "space at the end": (
        [note("C5", 2) + FORWARD.format(4), note("D5", 4), note("E5", 4)],
        [(0, 2, 72), (4, 4, 74), (8, 4, 76)],
        None,
    ),
    "space past the end": (
        [note("C5", 2) + FORWARD.format(12), note("D5", 4), note("E5", 4)],
        [(0, 2, 72), (4, 4, 74), (8, 4, 76)],
        None,
    ),
    "a bar without anything": ([note("C5", 4), "", note("E5", 4)], [(0, 4, 72), (8, 4, 76)], None),
}


@pytest.mark.parametrize("kind", BARS)
@pytest.mark.parametrize("swapped", [False, True])
def test_an_error_stays_within_its_bar(read, kind, swapped):
    bars, right, remark = BARS[kind]
    parts = [OTHER, bars] if swapped else [bars, OTHER]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        score = read(document(*parts))
    assert notes(score.select(int(swapped))) == right
    assert notes(score.select(int(not swapped))) == RIGHT
    said = [str(warning.message) for warning in caught]
    assert len(said) == (remark is not None)
    assert remark is None or (f"Part {1 + swapped}: {remark}" in said[0] and caught[0].category is IrregularBars)


def test_a_bar_that_is_too_long_moves_all_parts(read):
    with pytest.warns(IrregularBars, match="Part 1: 1 too long"):
        score = read(document([note("C5", 6), note("D5", 4)], [note("C4", 4), note("D4", 4)]))
    assert notes(score) == [(0, 4, 60), (0, 6, 72), (6, 4, 62), (6, 4, 74)]


def test_an_upbeat_that_a_part_lacks(read):
    score = read(document([note("C5", 1), note("D5", 4)], ["", note("D4", 4)]))
    assert notes(score) == [(0, 1, 72), (1, 4, 62), (1, 4, 74)]
    assert score.time_signatures == ((0.0, 1, 4), (1.0, 4, 4))


def test_a_part_that_lacks_bars_is_aligned_by_their_numbers(read):
    text = document([note("C5", 4), note("D5", 4), note("E5", 4)], [note("D4", 4), note("E4", 4)])
    first, second = text.split('<part id="P2">')
    second = second.replace('number="2"', 'number="3"').replace('number="1"', 'number="2"')
    assert notes(read(first + '<part id="P2">' + second)) == [
        (0, 4, 72), (4, 4, 62), (4, 4, 74), (8, 4, 64), (8, 4, 76),
    ]  # fmt: skip


def test_staves_and_voices_of_a_part_are_aligned_too(read):
    staff = "<staff>{}</staff>"
    bars = [
        note("C5", 4, staff.format(1)) + "<backup><duration>8</duration></backup>" + note("C3", 2, staff.format(2)),
        note("D5", 4, staff.format(1)) + "<backup><duration>8</duration></backup>" + note("D3", 4, staff.format(2)),
    ]
    bars[0] = "<attributes><staves>2</staves></attributes>" + bars[0]
    score = read(document(bars, OTHER[:2]))
    assert notes(score) == [(0, 2, 48), (0, 4, 60), (0, 4, 72), (4, 4, 50), (4, 4, 62), (4, 4, 74)]


# ---- what does not sound -----------------------------------------------------------------------------------------


def test_cue_notes_are_silent(read):
    cues = note("E5", 2, before="<cue/>") + note("G5", 2, before="<cue/><chord/>")
    assert notes(read(document([note("C5", 2) + cues, note("D5", 4)]))) == [(0, 2, 72), (4, 4, 74)]


def test_a_direction_between_the_notes_of_a_chord(read):
    chord = note("C5", 2) + WORDS.format("") + note("E5", 2, before="<chord/>") + note("D5", 2)
    assert notes(read(document([chord]))) == [(0, 2, 72), (0, 2, 76), (2, 2, 74)]


def test_chord_symbols_and_lyrics_are_silent(read):
    harmony = "<harmony><root><root-step>D</root-step></root><kind>minor</kind><offset>12</offset></harmony>"
    lyric = "<lyric><text>la</text></lyric>"
    score = read(document([harmony + note("C5", 4, lyric), note("D5", 4)], OTHER[:2]))
    assert notes(score.select(0)) == [(0, 4, 72), (4, 4, 74)] and notes(score.select(1)) == RIGHT[:2]


def test_pitches_on_the_drum_channel_are_percussion(read):
    drums = '<score-instrument id="I"><instrument-name>Drums</instrument-name></score-instrument>'
    drums += '<midi-instrument id="I"><midi-channel>10</midi-channel></midi-instrument>'
    score = read(document([note("C2", 4)], [note("C4", 4)], heads=(drums, "")))
    assert notes(score) == [(0, 4, 60)]


def test_quarter_tones_are_rounded_and_told_of(read):
    pitch = "<pitch><step>C</step><alter>0.5</alter><octave>4</octave></pitch>"
    with pytest.warns(readers.RoundedPitches, match="1 microtone"):
        assert read(document([f"<note>{pitch}<duration>8</duration></note>"])).pitch.tolist() in ([60], [61])


def test_grace_notes(read):
    grace = "<note><grace/><pitch><step>D</step><octave>5</octave></pitch><voice>1</voice></note>"
    text = document([note("C5", 2) + grace + grace + note("E5", 2), grace + note("F5", 4)])
    assert notes(read(text)) == [(0, 2, 72), (2, 2, 76), (4, 4, 77)]
    assert notes(read(text, grace_notes=True)) == [
        (0, 2, 72), (1.75, 0.125, 74), (1.875, 0.125, 74), (2, 2, 76), (3.875, 0.125, 74), (4, 4, 77),
    ]  # fmt: skip


def test_grace_notes_before_the_first_beat_have_no_room(read):
    grace = "<note><grace/><pitch><step>D</step><octave>5</octave></pitch><voice>1</voice></note>"
    with pytest.warns(readers.LostNotes, match="1 note before the first beat"):
        assert notes(read(document([grace + note("C5", 4)]), grace_notes=True)) == [(0, 4, 72)]


def transpose(semitones, more=""):
    return f"<attributes><transpose{more}><chromatic>{semitones}</chromatic></transpose></attributes>"


def test_transpositions_hold_from_where_they_stand(read):
    assert read(document([C, transpose(-2) + D])).pitch.tolist() == [72, 72]
    halves = transpose(-2) + note("D5", 2) + transpose(-9) + note("A5", 2)
    assert read(document([halves])).pitch.tolist() == [72, 72]
    staves = "<attributes><staves>2</staves></attributes>" + transpose(-2, ' number="1"') + transpose(0, ' number="2"')
    upper, lower = (note(pitch, 4, f"<staff>{staff}</staff>") for pitch, staff in (("D5", 1), ("C4", 2)))
    score = read(document([staves + upper + "<backup><duration>8</duration></backup>" + lower]))
    assert sorted(score.pitch.tolist()) == [60, 72]


def test_an_instrument_on_the_drum_channel_among_others(read):
    head = "".join(
        f'<score-instrument id="{name}"><instrument-name>x</instrument-name></score-instrument>' for name in "IJ"
    )
    head += '<midi-instrument id="I"><midi-channel>1</midi-channel></midi-instrument>'
    head += '<midi-instrument id="J"><midi-channel>10</midi-channel></midi-instrument>'
    bar = note("C4", 2, '<instrument id="I"/>') + note("C2", 2, '<instrument id="J"/>')
    assert notes(read(document([bar], heads=(head,)))) == [(0, 2, 60)]


# ---- marks -------------------------------------------------------------------------------------------------------


def metronome(text):
    return (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit>"
        f"<per-minute>{text}</per-minute></metronome></direction-type></direction>"
    )


@pytest.mark.parametrize(
    "text, tempo", {"66": 66, "c. 66": 66, "60-66": 63, "ca. 100 - 120": 110, "66,5": 66.5}.items()
)
def test_tempos_that_are_not_numbers(read, text, tempo):
    assert read(document([metronome(text) + note("C5", 4)])).tempos == ((0.0, tempo),)


def test_the_tempo_that_sounds(read):
    both = metronome("60").replace("</direction>", '<sound tempo="66.5"/></direction>')
    assert read(document([both + note("C5", 4)])).tempos == ((0.0, 66.5),)


def test_the_program_is_that_of_the_file(read):
    head = '<score-instrument id="I"><instrument-name>Clarinet in A</instrument-name></score-instrument>'
    head += '<midi-instrument id="I"><midi-program>5</midi-program></midi-instrument>'
    score = read(document([C], [C], heads=(head, "")))
    assert score.programs == (4, 0) and score.pitch.tolist() == [72, 72]


def test_a_time_signature_that_cuts_a_bar_counts_though_it_is_the_same(read):
    again = "<attributes><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    score = read(document([note("C5", 4), note("D5", 2), again + note("E5", 4), again + note("F5", 4)]))
    assert score.time_signatures == ((0.0, 4, 4), (6.0, 4, 4))


@pytest.mark.parametrize("name", ["bwv337.mxl", "my song.MID"])
def test_the_name_of_a_file_is_no_title(read, name):
    assert read(document([C], before=f"<work><work-title>{name}</work-title></work>")).title == ""
    assert read(document([C], before=f"<work><work-title>{name} sung</work-title></work>")).title == f"{name} sung"


def test_title_composer_and_keys(read):
    def key(fifths, mode=""):
        return f"<attributes><key><fifths>{fifths}</fifths>{mode}</key></attributes>"

    about = "<work><work-title>Piece,  A</work-title></work>"
    about += '<identification><creator type="composer">Nobody</creator></identification>'
    transpose = "<attributes><transpose><chromatic>-2</chromatic></transpose></attributes>"
    bars = [key(-3, "<mode>minor</mode>") + note("C5", 4), key(2) + note("D5", 4)]
    score = read(document(bars, before=about))
    assert (score.title, score.composer) == ("Piece, A", "Nobody")
    assert score.key_signatures == ((0.0, -3, "minor"), (4.0, 2, ""))
    clarinet = [key(2) + transpose + note("D5", 4)]
    assert read(document(clarinet)).key_signatures == ((0.0, 0, ""),)  # sounding, as its notes


def repeat(direction):
    location = "left" if direction == "forward" else "right"
    return f'<barline location="{location}"><repeat direction="{direction}"/></barline>'


def ending(number, kind):
    return f'<barline location="{"left" if kind == "start" else "right"}"><ending number="{number}" type="{kind}"/>{{}}</barline>'


def sign(name):
    return f"<direction><direction-type>{name}</direction-type></direction>"


C, D, E, F = (note(f"{step}5", 4) for step in "CDEF")
BACK = '<repeat direction="backward"/>'
REPEATS = {
    "a section": ([C, repeat("forward") + D + repeat("backward"), E], [72, 74, 74, 76]),
    "from the start": ([C, D + repeat("backward"), E], [72, 74, 72, 74, 76]),
    "endings": (
        [C, ending(1, "start").format("") + D + ending(1, "stop").format(BACK),
         ending(2, "start").format("") + E + ending(2, "stop").format(""), F],
        [72, 74, 72, 76, 77],
    ),
    "da capo": ([C, D, E + sign("<words>D.C.</words>")], [72, 74, 76] * 2),
    "da capo al fine": (
        [C + sign("<words>Fine</words>"), D, E + sign("<words>D.C. al Fine</words>")], [72, 74, 76, 72],
    ),
    "a minuet da capo": (
        [C, D + repeat("backward"), sign("<words>Trio.</words>") + E, F + sign("<words>Menuetto da capo.</words>")],
        [72, 74, 72, 74, 76, 77, 72, 74],
    ),
    "da capo that players are told of": (
        [C, D + '<direction><direction-type><dynamics><p/></dynamics></direction-type><sound dacapo="yes"/></direction>'],
        [72, 74] * 2,
    ),
    "sound in the bar itself": ([C, D + '<sound dacapo="yes"/>'], [72, 74] * 2),
    "no da capo": ([C, D + '<sound dacapo="no"/>'], [72, 74]),
    "sound beside other words": (
        [C + "<direction><direction-type><words>x</words></direction-type><sound fine='yes'/></direction>",
         D + "<direction><direction-type><words>y</words></direction-type><sound dacapo='yes'/></direction>"],
        [72, 74, 72],
    ),
    "sound without signs": ([C, '<sound segno="s"/>' + D, E + '<sound dalsegno="s"/>', F], [72, 74, 76, 74, 76, 77]),
    "a segno in a bar line": (
        [C, '<barline location="left"><segno/></barline>' + D, E + sign("<words>D.S.</words>")], [72, 74, 76, 74, 76],
    ),
    "the nearest segno": (
        [sign("<segno/>") + C, sign("<segno/>") + D, E + sign("<words>D.S.</words>")], [72, 74, 76, 74, 76],
    ),
    "dal segno al coda": (
        [C, sign("<segno/>") + D + sign("<words>To Coda</words>"), E + sign("<words>D.S. al Coda</words>"),
         sign("<coda/>") + F],
        [72, 74, 76, 74, 77],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REPEATS)
def test_repeats(read, kind):
    bars, right = REPEATS[kind]
    score = read(document(bars), repeats=True)
    assert score.pitch.tolist() == right and score.end == 4 * len(right)
    assert len(read(document(bars))) == len(bars)


# ---- files -------------------------------------------------------------------------------------------------------

TEXT = document([C, D])


def compressed(files, container="piece.xml"):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        if container:
            root = f'<container><rootfiles><rootfile full-path="{container}"/></rootfiles></container>'
            archive.writestr("META-INF/container.xml", root)
        for name, text in files.items():
            archive.writestr(name, text)
    return data.getvalue()


def timewise(text):
    bars = "".join(
        f'<measure number="{n}"><part id="P1">{START if n == 1 else ""}{bar}</part></measure>'
        for n, bar in enumerate([C, D], 1)
    )
    head = text[: text.index('<part id="P1">')]
    return head.replace("score-partwise", "score-timewise") + bars + "</score-timewise>"


FILES = {
    "timewise.musicxml": timewise(TEXT),
    "utf16.xml": TEXT.replace("UTF-8", "UTF-16").encode("utf-16"),
    "calls_itself_utf16.xml": TEXT.replace("UTF-8", "UTF-16"),
    "compressed.mxl": compressed({"piece.xml": TEXT}),
    "several.mxl": compressed({"a.xml": document([E]), "piece.xml": TEXT}),
    "without_container.mxl": compressed({"piece.musicxml": TEXT}, container=None),
    "compressed.xml": compressed({"piece.xml": TEXT}),
    "plain.mxl": TEXT,
}


@pytest.mark.parametrize("name", FILES)
def test_forms_of_files(read, name):
    assert notes(read(FILES[name], name)) == [(0, 4, 72), (4, 4, 74)]


def test_a_namespace(read):
    assert len(read(TEXT.replace("<score-partwise ", '<score-partwise xmlns="http://example.org" '))) == 2


def test_a_part_that_a_timewise_score_leaves_out(read):
    text = timewise(TEXT).replace('number="2"', 'number="1"')
    both = '<measure number="3"><part id="P1">' + E + '</part><part id="P2">' + START + F + "</part></measure>"
    text = text.replace("</score-timewise>", both + "</score-timewise>")
    text = text.replace("</part-list>", '<score-part id="P2"><part-name>B</part-name></score-part></part-list>')
    assert notes(read(text)) == [(0, 4, 72), (4, 4, 74), (8, 4, 76), (8, 4, 77)]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
BAD = {
    "empty.musicxml": ("", "damaged at line 1"),
    "cut.musicxml": (TEXT[:-40], "damaged at line 1"),
    "unclosed.musicxml": (TEXT.replace("</pitch>", "", 1).replace("><note>", ">\n<note>"), "damaged at line 2"),
    "bomb.musicxml": (TEXT.replace("?>", "?>" + BOMB, 1), "XML entities"),
    "outside.musicxml": (TEXT.replace("?>", "?>" + OUTSIDE, 1), "XML entities"),
    "other.xml": ("<html/>", "not a MusicXML score .<html>"),
    "empty.mxl": (compressed({}, container=None), "no score"),
    "cut.mxl": (compressed({"piece.xml": TEXT})[:-40], "damaged or misnamed"),
    "divisions.musicxml": (TEXT.replace("<divisions>2<", "<divisions>x<"), "damaged or misnamed"),
    "endings.musicxml": (document([ending("1-1000000000", "start").format("") + C]), "no sensible MusicXML"),
    "beats.musicxml": (TEXT.replace("<beats>4<", "<beats>1000000<"), "no sensible MusicXML"),
    "exponent.musicxml": (TEXT.replace("<duration>8<", "<duration>1e100000000<"), "no MusicXML number"),
    "pitch.musicxml": (TEXT.replace("<octave>5<", "<octave>50<"), "pitch"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(tmp_path, name):
    check_refused(tmp_path / name, *BAD[name])


# ---- against others ----------------------------------------------------------------------------------------------


@needs_shared
@pytest.mark.filterwarnings("ignore::musiclib.readers.IrregularBars")
@pytest.mark.parametrize("path", sorted([*CASES.glob("*.musicxml"), *CASES.glob("*.xml")]), ids=lambda path: path.name)
def test_reading_cases(path):
    if path.name == "xml_pitched_drums.musicxml":
        with pytest.raises(readers.UnreadableScore, match="only percussion, 3"):
            readers.read_score(path)
    elif path.name == "xml_quarter_tone.musicxml":
        with pytest.warns(readers.RoundedPitches):
            readers.read_score(path)
    else:
        assert notes(readers.read_score(path)) == right_notes(path)


EDITIONS = ["monteverdi/madrigal.5.1.mxl", "beethoven/opus18no1/movement3.mxl", "mozart/k80/movement4.mxl"]


@pytest.mark.filterwarnings("ignore::musiclib.readers.IrregularBars")
@pytest.mark.parametrize("name", EDITIONS)
def test_editions_with_irregular_bars(name):
    """music21 alone reads 8 to 77 % of these notes at the right time; tests/soak/compare_readers.py reads all files."""
    from music21.common import getCorpusFilePath

    path = pathlib.Path(getCorpusFilePath(), name)
    assert second_readers.agreement(notes(readers.read_score(path)), second_readers.musicxml(path)) >= 0.995
