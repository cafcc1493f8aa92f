"""Numbered notation: signs against literal text, text and picture against the score, and what is refused."""

import itertools
import re
import time
import xml.etree.ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import check_refused, notes
from test_properties_writers import assert_same, changing
from test_properties_writers import scores as exact_scores

from musiclib import plots, readers
from musiclib.score import Score, keys
from musiclib.writers.readable import readable

MOLIHUA = """title=茉莉花
composer=江苏民歌
1=Eb 2/4 4=70
3 3_5_ | 6_1'_1'_6_ | 5 5_6_ | 5 - | % as people type it
L: 好一朵美丽的
H: 茉莉花,
"""


def read(text):
    return readers.read_jianpu(text)


def rows(text):
    """(onset, duration, pitch) of music typed in C and without a metre."""
    return notes(read(text))


def music(score, **options):
    """The lines of music of a score: without key, metre, tempo, title and names."""
    return plots.jianpu(score, **options).text.split("\n", 1)[1].strip()


def elements(sheet, tag):
    return list(xml.etree.ElementTree.fromstring(sheet.svg).iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


def drawn(sheet):
    """The texts of the picture, by the id of the note that they belong to."""
    groups = [group for group in elements(sheet, "g")]
    return {group.get("id"): [text.text for text in group.iter() if text.tag.endswith("text")] for group in groups}


# ---- reading -----------------------------------------------------------------------------------------------------


def test_a_song_as_people_type_it():
    score = read(MOLIHUA)
    assert notes(score)[:5] == [(0, 1, 67), (1, 0.5, 67), (1.5, 0.5, 70), (2, 0.5, 72), (2.5, 0.5, 75)]
    assert notes(score)[-1] == (6, 2, 70)
    assert (score.title, score.composer, score.tempos) == ("茉莉花", "江苏民歌", ((0, 70),))
    assert (score.time_signatures, score.key_signatures) == (((0, 2, 4),), ((0, -3, "major"),))
    assert readers.jianpu_lyrics(MOLIHUA) == ["好", "一", "朵", "美", "丽", "的", "茉", "莉", "花,"]


SIGNS = {
    "1 2 3 4 5 6 7 1'": [60, 62, 64, 65, 67, 69, 71, 72],
    "1, 7,, 1'' 5'": [48, 47, 84, 79],
    "#4 b7 ##1 bb3 4": [66, 70, 62, 62, 65],
    "♯4 ♭7’": [66, 82],
    "1=G 1 5,": [67, 62],
    "1=Bb 1 1=B 1": [70, 71],
    "6=A 6 6=C 6, 6": [69, 60, 72],
    "2=D 2 5=G 5": [62, 67],
}
LENGTHS = {
    "1_ 2__ 3___ 4": [0.5, 0.25, 0.125, 1],
    "q1 s2 d3 4": [0.5, 0.25, 0.125, 1],
    "1. 2_. 3..": [1.5, 0.75, 1.75],
    "1 - - 2 0 - 3 -": [3, 1, 2],
    "1_2_3": [0.5, 0.5, 1],
    "3[ 1_ 2_ 3_ ] 3[1 2_]": [1 / 3, 1 / 3, 1 / 3, 2 / 3, 1 / 3],
    "1 ~1_ 1 ~ 1 | ~1": [1.5, 3],
    "1 - | ~1 - ~1_": [4.5],
}


@pytest.mark.parametrize("text", SIGNS)
def test_pitches(text):
    assert read(text).pitch.tolist() == SIGNS[text]


@pytest.mark.parametrize("text", LENGTHS)
def test_durations(text):
    np.testing.assert_allclose(read(text).duration, LENGTHS[text])


def test_chords_are_tied_pitch_by_pitch():
    assert rows("135 ~13~5_ 0") == [(0, 1, 64), (0, 1.5, 60), (0, 1.5, 67), (1, 0.5, 64)]
    assert rows("135 ~ 135") == [(0, 2, 60), (0, 2, 64), (0, 2, 67)]
    assert rows("1#35'") == [(0, 1, 60), (0, 1, 65), (0, 1, 79)]


def test_parts_voices_upbeat_and_changes():
    score = read(
        "instrument=Flute\n4/4 1 | 1 2 3 4 | 3/4 1=D 4.=60 1 2 3 ||\n"
        "NextPart\ninstrument=Cello\n1, | 1, - - - | 1, ||\nNextVoice\n0 | 3 - - - ||"
    )
    assert score.part_names == ("Flute", "Cello")
    assert score.time_signatures == ((0, 1, 4), (1, 4, 4), (5, 3, 4))
    assert score.key_signatures == ((5, 2, "major"),) and score.tempos == ((0, 120), (5, 90))
    assert notes(score.select(1)) == [(0, 1, 48), (1, 4, 48), (1, 4, 64), (5, 1, 50)]


REFUSED = {
    "1 2 8 3": "line 1, column 5: '8' is no sign of jianpu",
    "1 2\n3 x4": "line 2, column 3: 'x' is no sign",
    "1=H 1 2": "line 1, column 1: 1=H is no key",
    "1=A# 1": "1=A# is a key of 10 sharps or flats, and 7 is the maximum",
    "4/4 1 2 3 4 | 1 2 3 | 1 2 3 4": "line 1: bar 2 lasts 3 quarter notes, and in 4/4 it lasts 4",
    "3/4 1 2 3 |\n1 2 3 4 |": "line 2: bar 2 lasts 4 quarter notes, and in 3/4 it lasts 3",
    "1 2 ~1": "column 5: '~1' is tied, but the same pitch does not end just before it",
    "1 | - 2": "column 5: a dash lengthens a note, and there is none before it",
    "3[ 1_ 2_ | 1": "column 10: the triplet before this bar line is not closed",
    "3[ 1_ 2_": "the triplet before this bar line is not closed",
    "4/4 1 3/4 2": "column 7: the metre 3/4 stands within a bar",
    "0/4 1": "0/4 is no metre",
    "1 4=0 1": "line 1, column 3: 4=0 is no tempo",
    "0=60 1": "0=60 is no tempo",
    "1''''''": "out of the range of MIDI",
    "4/4 1 2 3 4 |\nNextVoice\n1 2 3 4 | 1 ||": "line 3: bar 2 lasts 1 quarter notes, and in the first voice it lasts 0",
    "4/4 1 2 3 4 |\nNextVoice\n3/4 1 2 3 ||": "keys, metres and tempos change in the first voice",
    "0 0": "no notes",
    "": "no notes",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_wrong_sign_gets_one_sentence_with_its_place(text):
    with pytest.raises(ValueError, match=re.escape(REFUSED[text])) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_a_file(tmp_path):
    (tmp_path / "song.jianpu").write_text(MOLIHUA, encoding="utf-8")
    assert readers.read_score(tmp_path / "song.jianpu") == read(MOLIHUA)
    check_refused(tmp_path / "bad.jianpu", "1 9", "line 1, column 3: '9'")


@given(st.text("01234567#b',_.~-|[]3/=ABCGqs \n%LNextVoice:", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        read(text)
    except ValueError as error:
        assert "\n" not in str(error)


# ---- writing -----------------------------------------------------------------------------------------------------


def tune(*rows, meter=(4, 4), key=(0, 0, ""), **fields):
    """A Score of rows (duration, pitch), one after the other; a pitch of 0 is a rest."""
    onsets = np.cumsum([0, *(row[0] for row in rows)])
    found = [(onset, *row) for onset, row in zip(onsets, rows) if row[1]]
    return Score.from_notes(found, time_signatures=((0, *meter),), key_signatures=(key,), **fields)


def test_note_values():
    assert music(tune((2, 60), (0.5, 62), (0.25, 64), (0.25, 65), (1, 0))) == "1 - 2_ 3__ 4__ 0 ||"
    assert music(tune((4, 60), (3, 62), (1, 64))) == "1 - - - | 2 - - 3 ||"
    assert music(tune((1.5, 60), (0.5, 62), (0.75, 64), (0.25, 65))) == "1. 2_ 3_. 4__ 0 ||"
    assert music(tune((5, 60), meter=(5, 4))) == "1 - - - - ||"


def test_dashes_and_rests_begin_on_beats():
    assert music(tune((0.5, 60), (1, 62), (0.5, 64), (2, 0))) == "1_ 2 3_ 0 0 ||"  # a syncopation
    assert music(tune((0.5, 60), (2, 62), (1.5, 64))) == "1_ 2_ ~2. 3. ||"
    assert music(tune((0.5, 60), (1.5, 0), (2, 64))) == "1_ 0_ 0 3 - ||"
    assert music(tune((0.25, 60), (0.75, 62), (0.75, 64), (0.5, 65))) == "1__ 2_. 3_. 4__ ~4__ 0_. 0 ||"


def test_compound_metres_are_written_in_dotted_beats():
    assert music(tune((3, 60), (1, 62), (0.5, 64), (1.5, 0), meter=(6, 8))) == "1. ~1. | 2 3_ 0. ||"
    assert music(tune((2, 60), (1, 62), meter=(6, 8))) == "1. ~1_ 2 ||"


def test_triplets_over_beats_and_bar_lines_are_tied():
    third = 2 / 3
    score = tune((4, 60), *[(third, pitch) for pitch in (62, 64, 65)], meter=(5, 4))
    assert music(score) == "1 - - - 3[ 2 3_ ] | 3[ ~3_ 4 ] 0 0 0 0 ||"
    assert_same(read(plots.jianpu(score).text), score, "onset", "duration", "pitch")


def test_three_quarters_in_the_time_of_two():
    score = tune((2 / 3, 60), (2 / 3, 62), (2 / 3, 64), (4 / 3, 65), (2 / 3, 67))
    assert music(score) == "3[ 1 2 3 ] 3[ 4 - 5 ] ||"
    assert_same(read(plots.jianpu(score).text), score, "onset", "duration", "pitch")


def test_an_upbeat_is_the_end_of_a_bar():
    score = tune((0.75, 60), (0.75, 62), (3, 64), (1, 65)).replace(time_signatures=((0, 3, 8), (1.5, 3, 4)))
    assert music(score) == "1_ ~1__ 2_. | 3 - - | 4 0_ ||"  # which the last bar completes


def test_degrees_follow_the_key():
    assert music(tune((1, 69), (1, 71), (1, 68), (1, 66), key=(0, 0, "minor"))) == "6 7 #5 #4 ||"
    assert music(tune((1, 67), (1, 66), (1, 65), (1, 55), key=(0, 1, "major"))) == "1 7, b7, 1, ||"
    assert music(tune((1, 60), (1, 70), (1, 58), (1, 59), key=(0, -2, "major"))) == "2, 1 1, #1, ||"


def test_the_undotted_octave_begins_from_middle_c_in_every_key():
    for fifths in range(-7, 8):
        tonic = keys.tonic_pitch(fifths)
        assert 60 <= tonic <= 71 and keys.degree(tonic, fifths) == (1, 0, 0)
        for pitch in range(128):
            assert keys.degree_pitch(*keys.degree(pitch, fifths), fifths) == pitch


def test_the_header_names_the_key_the_metre_and_the_tempo():
    minor = plots.jianpu(tune((4, 69), key=(0, 2, "minor"), tempos=((0, 72.5),), title="A", composer="B"))
    assert minor.text.startswith("title=A\ncomposer=B\n6=B 4/4 4=72.5\n")
    shown = [text.text for text in elements(minor, "text")]
    assert {"A", "B", "1=D", "4", "♩=72"} <= set(shown)
    assert "1=♭B" in [text.text for text in elements(plots.jianpu(tune((4, 69), key=(0, -2, ""))), "text")]
    assert "♩.=80" in [text.text for text in elements(plots.jianpu(tune((3, 69), meter=(6, 8))), "text")]


MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")
FIELDS = ("onset", "duration", "pitch", "part", "part_names", "time_signatures", "tempos", "title", "composer")


@settings(max_examples=60)
@given(score=exact_scores(12, MODES, st.integers(24, 108)))
def test_what_is_written_reads_back(score):
    score = readable(score.replace(programs=[program % 128 for program in score.programs]))  # no drums
    sheet = plots.jianpu(score)
    again = read(sheet.text)
    assert_same(again, score, *FIELDS)
    stated = changing({onset: key for onset, *key in score.key_signatures})
    assert [key[1:] for key in again.key_signatures] == [key[1:] for key in stated]
    assert_picture_is_whole(sheet, score)


def assert_picture_is_whole(sheet, score):
    """Each note has its element, once, and its continuations are numbered without a gap."""
    found = [group.get("id") for group in elements(sheet, "g")]
    assert len(found) == len(set(found))
    names = [re.fullmatch(r"jianpu-(\d+)(?:-(\d+))?", name) for name in found]
    parts = {}
    for name in names:
        parts.setdefault(int(name[1]), []).append(int(name[2] or 0))
    assert sorted(parts) == list(range(len(score)))
    assert all(sorted(numbers) == list(range(len(numbers))) for numbers in parts.values())


@pytest.mark.parametrize("mode, read_as", [("", "major"), ("aeolian", "minor"), ("ionian", "major"), ("odd", "major")])
def test_other_modes_keep_their_sharps(mode, read_as):
    assert read(plots.jianpu(tune((4, 60), key=(0, 3, mode))).text).key_signatures == ((0, 3, read_as),)


def test_lyrics_come_back():
    sheet = plots.jianpu(read(MOLIHUA), readers.jianpu_lyrics(MOLIHUA))
    assert "\nL: 好 一 朵 美 丽 的 茉 莉 花,\n" in sheet.text
    assert tuple(readers.jianpu_lyrics(sheet.text)) == sheet.lyrics
    assert plots.jianpu(read(sheet.text), sheet.lyrics).text == sheet.text == str(sheet)
    held = tune((1, 60), (5, 62), (1, 64), (1, 65))
    sheet = plots.jianpu(held, "la _ lu mi-")  # no syllable at a held note, nor at _
    shown = [(text.text, float(text.get("x"))) for text in elements(sheet, "text")]
    places = {
        name: float(group.find("{*}text").get("x")) for group in elements(sheet, "g") for name in [group.get("id")]
    }
    assert [dict(shown)[word] for word in ("la", "lu", "mi-")] == [places[f"jianpu-{n}"] for n in (0, 2, 3)]
    assert "_" not in dict(shown)
    with pytest.raises(ValueError, match="the lyrics have 5 syllables, and the first voice has 4 notes"):
        plots.jianpu(held, "a b c d e")


# ---- the picture -------------------------------------------------------------------------------------------------


def test_accidentals_hold_to_the_bar_line():
    score = tune((1, 66), (1, 66), (1, 65), (1, 65), (1, 65), (1, 66), (2, 63), key=(0, 0, "major"))
    sheet = plots.jianpu(score)
    marks = ["".join(texts[1:]) for _, texts in sorted(drawn(sheet).items())]
    assert marks == ["♯", "", "♮", "", "", "♯", "♭"]
    assert music(score) == "#4 #4 4 4 | 4 #4 b3 - ||"
    held = plots.jianpu(tune((3, 60), (2, 66), (1, 66), (1, 65), key=(0, 0, "major")))
    marks = {name: "".join(texts[1:]) for name, texts in drawn(held).items()}
    assert marks == {"jianpu-0": "", "jianpu-1": "♯", "jianpu-1-1": "", "jianpu-2": "♯", "jianpu-3": "♮"}


def test_underlines_are_joined_by_beat():
    sheet = plots.jianpu(tune((0.5, 60), (0.5, 62), (0.75, 64), (0.25, 65), (0.5, 67), (0.5, 0), (1, 60)))
    lines = [re.fullmatch(r"M([\d.]+) ([\d.]+)H([\d.]+)", path.get("d")) for path in elements(sheet, "path")]
    spans = sorted((float(m[2]), float(m[1]), float(m[3])) for m in lines if m)
    x = [
        float(text.get("x"))
        for text in elements(sheet, "text")
        if (text.text or "").isdigit() and not text.get("font-size") != "20"
    ]
    (first, *_), *_, (second, *_) = spans
    assert second > first
    assert [(a, b) for y, a, b in spans if y == first] == [
        (x[0] - 6, x[1] + 6),
        (x[2] - 6, x[3] + 6),
        (x[4] - 6, x[5] + 6),
    ]
    assert [(a, b) for y, a, b in spans if y == second] == [(x[3] - 6, x[3] + 6)]


def test_columns_of_voices_are_aligned():
    score = Score.from_notes(
        [(0, 1, 72, 80, 0), (1, 1, 74, 80, 0), (2, 2, 76, 80, 0), (0, 2, 48, 80, 1), (2, 0.5, 50, 80, 1), (2.5, 1.5, 52, 80, 1)],
        time_signatures=((0, 4, 4),), part_names=("High", "Low & <deep>"),
    )  # fmt: skip
    sheet = plots.jianpu(score)
    places = {group.get("id"): group.find("{*}text").attrib for group in elements(sheet, "g")}
    for one, other in ((0, 1), (3, 4)):  # sorted by onset, then part
        assert places[f"jianpu-{one}"]["x"] == places[f"jianpu-{other}"]["x"]
    assert len({attributes["y"] for attributes in places.values()}) == 2
    assert "Low & <deep>" in [text.text for text in elements(sheet, "text")]


def test_a_chord_is_a_stack_and_octave_dots_lie_under_the_underlines():
    sheet = plots.jianpu(
        Score.from_notes([(0, 0.5, 48), (0, 0.5, 64), (0, 0.5, 79)], key_signatures=((0, 0, "major"),))
    )
    heights = [float(group.find("{*}text").get("y")) for group in elements(sheet, "g")]
    assert heights == sorted(heights, reverse=True) and heights[1] - heights[2] >= 15
    below, above = (float(circle.get("cy")) for circle in elements(sheet, "circle"))
    underline = max(
        float(re.search(r" ([\d.]+)H", path.get("d"))[1]) for path in elements(sheet, "path") if "H" in path.get("d")
    )
    assert below - 3 > underline > heights[0] and above < heights[2] - 15


def test_lines_break_and_ties_go_on():
    sheet = plots.jianpu(tune(*[(0.5, 60 + n % 12) for n in range(127)], (8, 72), (0.5, 60)))
    assert len({group.find("{*}text").get("y") for group in elements(sheet, "g")}) >= 4
    for text in elements(sheet, "text"):
        assert 0 < float(text.get("x")) < float(elements(sheet, "svg")[0].get("width"))


def test_ten_voices_do_not_overlap():
    generator = np.random.default_rng(0)
    rows = [(n / 4, 0.25, int(generator.integers(24, 108)), 80, part) for part in range(10) for n in range(32)]
    sheet = plots.jianpu(Score.from_notes(rows, time_signatures=((0, 4, 4),), key_signatures=((0, 0, "major"),)))
    places = sorted(
        (float(g.find("{*}text").get("y")), float(g.find("{*}text").get("x"))) for g in elements(sheet, "g")
    )
    for (y, left), (other, right) in itertools.pairwise(places):
        assert right - left >= 12 if y == other else other - y >= 20


def test_equal_notes_share_a_digit():
    sheet = plots.jianpu(Score.from_notes([(0, 1, 60), (0, 2, 60), (2, 1, 62)]))
    assert_picture_is_whole(sheet, range(3))


def test_saving_and_showing(tmp_path):
    sheet = plots.jianpu(tune((4, 60), title="B&C <1>\x00"))
    assert elements(sheet, "text")[0].text == "B&C <1>"
    assert sheet.save(tmp_path / "a" / "piece.svg").read_text(encoding="utf-8") == sheet.svg == sheet._repr_html_()
    assert sheet.save(tmp_path / "piece.txt").read_text(encoding="utf-8") == sheet.text
    assert readers.read_score(sheet.save(tmp_path / "piece.jianpu")).title == "B&C <1>\x00"
    assert repr(sheet) == "Jianpu(3 lines of text)"
    with pytest.raises(ValueError, match=r"give .svg, .png, .pdf, .txt or .jianpu, got"):
        sheet.save(tmp_path / "piece.gif")


BAD = {
    "no notes": (Score.from_notes([]), "no notes"),
    "two hours": (tune(*[(4, 60)] * 3600), "lasts 14400 quarter notes, and 4000 is the maximum of a sheet; take a part"),
    "too high": (tune((1, 127)), "pitch 127 is 5 octaves from the digits without dots, and 4 is the maximum"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_written_gets_one_sentence(case):
    score, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        plots.jianpu(score)
    assert "\n" not in str(caught.value)


def test_sixteen_bars_are_quick():
    score = tune(*[(0.5, 60 + n % 12) for n in range(128)])
    start = time.perf_counter()
    plots.jianpu(score)
    assert time.perf_counter() - start < 1  # 0.02 s on an idle core
