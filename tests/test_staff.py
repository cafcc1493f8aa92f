"""Staff notation: what is engraved, read from the MEI document and from Verovio's SVG."""

import io
import re
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores_by_chance import scores

from musiclib import plots
from musiclib.plots.palette import PALETTE
from musiclib.plots.printing import printed
from musiclib.plots.staff_notation import engraving
from musiclib.score import COLUMNS, Score
from musiclib.score.voices import VOICES
from musiclib.writers.rounding import rounded_with_index

MEI = "{http://www.music-encoding.org/ns/mei}"
SVG = "{http://www.w3.org/2000/svg}"
ID = "{http://www.w3.org/XML/1998/namespace}id"
STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
ALTERS = {"ff": -2, "f": -1, "n": 0, "s": 1, "x": 2}
SHARPS = "fcgdaeb"


class Reader:
    """Reads an MEI document as a musician does: accidentals by sight, ties joined, every layer counted."""

    def __init__(self, mei):
        root = ElementTree.fromstring(mei)
        self.score = root.find(f".//{MEI}score")
        self.notes = {}  # index to [onset, end, pitch, staff], in quarters
        self.lengths = []  # of the bars, in quarters
        self.beams, self.printed = [], []
        self.ties = {(tie.get("startid"), tie.get("endid")) for tie in root.iter(f"{MEI}tie")}
        staves = [*self.score.find(f"{MEI}scoreDef").iter(f"{MEI}staffDef")]
        self.fifths = {definition.get("n"): fifths(definition.find(f"{MEI}keySig")) for definition in staves}
        start = Fraction(0)
        for element in self.score.find(f"{MEI}section"):
            if element.tag == f"{MEI}scoreDef":
                for signature in element.iter(f"{MEI}keySig"):
                    self.fifths = dict.fromkeys(self.fifths, fifths(signature))
            else:
                start += self.bar(element, start)

    def bar(self, measure, start):
        lengths = set()
        for staff in measure.iter(f"{MEI}staff"):
            heads = []
            for layer in staff.iter(f"{MEI}layer"):
                if layer.find(f"{MEI}mRest") is None:
                    lengths.add(self.walk(layer, start, Fraction(1), heads) - start)
            self.sight(staff.get("n"), heads)
        assert len(lengths) <= 1, "layers of one bar differ in length"
        self.lengths.append(lengths.pop() if lengths else None)
        return self.lengths[-1] or self.full

    def walk(self, parent, now, factor, heads):
        for element in parent:
            kind = element.tag.removeprefix(MEI)
            if kind in ("beam", "tuplet"):
                if kind == "beam":
                    self.beams.append([child.get("dur") for child in element])
                now = self.walk(element, now, factor * Fraction(2, 3) if kind == "tuplet" else factor, heads)
            elif kind == "keySig":
                heads.append((now, "key", fifths(element), None))
            else:
                end = now + duration(element) * factor
                heads += [(now, "note", head, end) for head in element.iter(f"{MEI}note")]
                now = end
        return now

    def sight(self, staff, heads):
        valid = {}
        for now, kind, head, end in sorted(heads, key=lambda head: (head[0], head[1] == "note")):
            if kind == "key":
                self.fifths[staff], valid = head, {}
                continue
            _, index, piece = head.get(ID).split("-")
            index, piece, place = int(index), int(piece), (head.get("pname"), head.get("oct"))
            if piece:
                known = self.notes[index]
                assert known[1] == now and (f"#note-{index}-{piece - 1}", f"#note-{index}-{piece}") in self.ties
                assert head.get("accid") is None, "a tied note needs no accidental"
                known[1] = end
                continue
            if head.get("accid"):
                assert valid.get(place, usual(place[0], self.fifths[staff])) != ALTERS[head.get("accid")], "not needed"
                valid[place] = ALTERS[head.get("accid")]
                self.printed.append(head.get("accid"))
            alter = valid.get(place, usual(place[0], self.fifths[staff]))
            assert index not in self.notes
            self.notes[index] = [now, end, 12 * (int(place[1]) + 1) + STEPS[place[0]] + alter, staff]

    full = Fraction(4)


def fifths(signature):
    text = signature.get("sig")
    return int(text[:-1] or 0) * (1 if text.endswith("s") else -1)


def usual(step, count):
    place = SHARPS.index(step)
    return (count > place) - (count < place - 6)


def duration(element):
    value = Fraction(8) if element.get("dur") == "breve" else Fraction(4, int(element.get("dur")))
    return value * (Fraction(3, 2) if element.get("dots") else 1)


def drawn(svg):
    """The ids of the notes in an SVG."""
    return re.findall(r'<g id="(note-\d+-\d+)" class="note"', svg)


def expected(score):
    notes, index = rounded_with_index(score, 12)
    rows = zip(index.tolist(), notes["start"].tolist(), notes["end"].tolist(), notes["pitch"].tolist())
    return {i: (Fraction(start, 12), Fraction(end, 12), pitch) for i, start, end, pitch in rows}


signatures = st.sampled_from([(4, 4), (3, 4), (2, 4), (6, 8), (5, 8), (2, 2), (7, 16), (12, 8), (5, 4), (9, 8), (3, 8)])
keys_by_chance = st.lists(
    st.tuples(st.integers(0, 90).map(lambda step: step / 12), st.integers(-7, 7), st.just("")), max_size=3
)


@settings(deadline=None)
@given(score=scores(longest=20.0), meter=signatures, key=keys_by_chance, names=st.booleans(), closed=st.booleans())
def test_what_is_notated_is_what_was_given(score, meter, key, names, closed):
    """The notes, read by sight, have the pitches and times of the score; the layers fill their bars."""
    if not len(score):
        return
    score = score.replace(time_signatures=((0, *meter),), key_signatures=key)
    mode = "closed" if closed and len(score.part_names) == 4 else "auto"
    document = engraving.document_of(score, mode, None, None, "", names)
    Reader.full = Fraction(4 * meter[0], meter[1])
    reader = Reader(document)
    assert {i: tuple(note[:3]) for i, note in reader.notes.items()} == expected(score)
    assert {*reader.lengths} <= {None, Reader.full}
    assert all(len(beam) > 1 for beam in reader.beams)


@settings(deadline=None, max_examples=20)
@given(score=scores(longest=20.0))
def test_every_note_is_drawn_once(score):
    if len(score):
        sheet = plots.staff(score)
        ids = [name for page in sheet.pages for name in drawn(page)]
        assert len(ids) == len(set(ids)) and set(ids) == set(re.findall(r'xml:id="(note-\d+-\d+)"', sheet.mei))
        assert {int(name.split("-")[1]) for name in ids} == set(expected(score))


def chorale(bars=2):
    lines = ((72, 71, 72, 74), (67, 67, 67, 67), (64, 62, 64, 59), (48, 55, 60, 55))
    notes = [
        (4 * bar + i, 1, p, 80, v) for bar in range(bars) for v, line in enumerate(lines) for i, p in enumerate(line)
    ]
    return Score.from_notes(notes, part_names=VOICES, title="A chorale", composer="Nobody", tempos=((0, 96),))


def staves_of(sheet):
    """The clefs of the staves, from the top."""
    clefs = ElementTree.fromstring(sheet.mei).iter(f"{MEI}clef")
    return [clef.get("shape") + clef.get("dis", "") for clef in clefs]


def test_a_choir_is_written_on_two_staves_with_stems_up_and_down():
    sheet = plots.staff(chorale())
    assert staves_of(sheet) == ["G", "F"]
    stems = re.findall(r'stem\.dir="(\w+)"', sheet.mei)
    assert stems == (["up"] * 4 + ["down"] * 4) * 4
    assert staves_of(plots.staff(chorale(), staves="parts")) == ["G", "G", "G8", "F"]
    four = chorale().replace(part_names=("I", "II", "III", "IV"))
    assert len(staves_of(plots.staff(four))) == 4 and staves_of(plots.staff(four, staves="closed")) == ["G", "F"]
    for text in ("A chorale", "Nobody", "♩ = 96", "Soprano", "Bass"):
        assert f">{text}<" in sheet.pages[0]


def test_a_keyboard_part_has_a_staff_for_each_hand():
    wide = [(0, 1, 72), (0, 1, 76), (0, 1, 48), (0, 1, 55), (1, 1, 62), (1, 1, 77), (1, 1, 43), (2, 1, 52), (2, 1, 67)]
    sheet = plots.staff(Score.from_notes(wide, time_signatures=((0, 3, 4),)))
    assert staves_of(sheet) == ["G", "F"] and 'symbol="brace"' in sheet.mei
    hands = {note[2]: note[3] for note in Reader(sheet.mei).notes.values()}
    assert hands == {72: "1", 76: "1", 48: "2", 55: "2", 62: "1", 77: "1", 43: "2", 52: "2", 67: "1"}
    assert staves_of(plots.staff(Score.from_notes(wide, programs=(40,)))) == ["G"]
    assert staves_of(plots.staff(Score.from_notes(wide[:2]))) == ["G"]
    assert staves_of(plots.staff(Score.from_notes([(0, 1, 40), (1, 1, 45)]))) == ["F"]


def test_accidentals_hold_to_the_end_of_the_bar():
    pitches = [66, 66, 65, 65, 66, 78, 66, 65]
    score = Score.from_notes([(i, 1, p) for i, p in enumerate(pitches)], key_signatures=((0, 0, ""),))
    score = score.replace(time_signatures=((0, 4, 4),))
    notes = ElementTree.fromstring(plots.staff(score).mei).iter(f"{MEI}note")
    assert [note.get("accid") for note in notes] == ["s", None, "n", None, "s", "s", None, "n"]


def test_accidentals_hold_to_a_change_of_key():
    score = Score.from_notes([(i, 1, 66) for i in range(4)], key_signatures=((0, 0, ""), (2, -1, "")))
    document = plots.staff(score.replace(time_signatures=((0, 4, 4),))).mei
    notes = ElementTree.fromstring(document).iter(f"{MEI}note")
    assert [note.get("accid") for note in notes] == ["s", None, "s", None] and '<keySig sig="1f"' in document


def test_singers_see_their_rests():
    score = chorale(1)
    keep = (score.part != 1) | (score.onset != 1)
    columns = {name: getattr(score, name)[keep] for name in COLUMNS}
    document = plots.staff(score.replace(**columns, time_signatures=((0, 4, 4),))).mei
    assert document.count("<rest ") == 1 and "<space" not in document


def test_a_note_over_the_bar_line_needs_no_second_accidental():
    score = Score.from_notes([(3, 2, 66), (5, 1, 66)], key_signatures=((0, 0, ""),), time_signatures=((0, 4, 4),))
    notes = ElementTree.fromstring(plots.staff(score).mei).iter(f"{MEI}note")
    assert [note.get("accid") for note in notes] == ["s", None, "s"]


def beams(score):
    return Reader(plots.staff(score).mei).beams


def test_beams_show_the_beats():
    def running(length, count, meter):
        return Score.from_notes([(i * length, length, 72) for i in range(count)], time_signatures=((0, *meter),))

    assert beams(running(0.5, 8, (4, 4))) == [["8"] * 4] * 2
    assert beams(running(0.25, 8, (2, 4))) == [["16"] * 4] * 2
    assert beams(running(0.5, 6, (6, 8))) == [["8"] * 3] * 2
    assert beams(running(0.5, 6, (3, 4))) == [["8"] * 6]
    assert beams(running(0.5, 5, (5, 8))) == [["8"] * 2, ["8"] * 3]
    assert beams(running(1 / 3, 6, (2, 4))) == [["8"] * 3] * 2


@pytest.mark.parametrize(
    ("meter", "notes", "expected"),
    [
        ((4, 4), [(0, 2.5), (2.5, 1.5)], "2 8 4."),  # the middle of the bar is seen
        ((4, 4), [(0, 0.5), (0.5, 1), (1.5, 0.5), (2, 2)], "8 4 8 2"),  # a syncopation is one note
        ((4, 4), [(0, 1.5), (1.5, 1), (2.5, 1.5)], "4. 8 8 4."),
        ((4, 4), [(0, 1)], "4 r4 r2"),
        ((6, 8), [(0, 2), (2, 1)], "4. 8 4"),
        ((6, 8), [(0, 0.5)], "8 r8 r8 r4."),
        ((3, 4), [(0, 3)], "2."),
        ((9, 8), [(0, 4.5)], "2. 4."),
        ((2, 4), [(0, 2 / 3), (2 / 3, 2 / 3), (4 / 3, 2 / 3)], "4 4 4"),  # a triplet of quarters
    ],
)
def test_note_values_show_the_beats(meter, notes, expected):
    assert first_bar(notes, ((0, *meter),)) == expected


def test_an_upbeat_is_the_end_of_a_bar():
    assert first_bar([(0, 0.5), (0.5, 1), (1.5, 1.5), (3, 4)], ((0, 3, 4), (3, 4, 4))) == "8 8 8 4."


def first_bar(notes, meters):
    """The note values of the first bar."""
    score = Score.from_notes([(*note, 72) for note in notes], time_signatures=meters)
    layer = ElementTree.fromstring(plots.staff(score).mei).find(f".//{MEI}layer")
    values = [
        "r" * (element.tag == f"{MEI}rest") + element.get("dur") + "." * bool(element.get("dots"))
        for element in layer.iter()
        if element.get("dur")
    ]
    return " ".join(values)


def test_five_quarters_with_triplets_over_the_bar_line():
    score = Score.from_notes([(4 / 3 * i, 4 / 3, 72 - i) for i in range(8)], time_signatures=((0, 5, 4),))
    document = plots.staff(score).mei
    Reader.full = Fraction(5)
    reader = Reader(document)
    assert {i: tuple(note[:3]) for i, note in reader.notes.items()} == expected(score)
    assert reader.lengths == [5, 5, 5] and document.count("<tuplet ") == 6 and ("#note-3-0", "#note-3-1") in reader.ties


def test_an_upbeat_is_completed_by_the_last_bar():
    notes = [(0, 1, 67), (1, 2, 72), (3, 2, 71), (5, 3, 72)]
    score = Score.from_notes(notes, time_signatures=((0, 1, 4), (1, 4, 4)))
    document = plots.staff(score).mei
    assert Reader(document).lengths == [1, 4, 3]
    assert re.findall(r'<measure n="(\d)"', document) == ["0", "1", "2"]


def test_colours_of_parts_and_values():
    score = chorale(1)
    coloured = plots.staff(score, color="parts")
    for note, part in enumerate(score.part.tolist()):
        assert re.search(f'<g id="note-{note}-0" class="note"[^>]*fill="{PALETTE[part]}"', coloured.pages[0])
    values = np.linspace(0.5, 8, len(score))
    values[3] = np.nan
    sheet = plots.staff(score, values=values, label="nats per note")
    fills = {
        int(i): fill for i, fill in re.findall(r'<g id="note-(\d+)-0" class="note"[^>]*fill="(#\w+)"', sheet.pages[0])
    }
    assert fills[3] == "#000000" and len(set(fills.values())) == len(score)
    luminance = [sum(int(fills[i][k : k + 2], 16) * w for k, w in ((1, 0.3), (3, 0.6), (5, 0.1))) for i in fills]
    assert max(luminance) < 200 and luminance[-1] > luminance[0]
    assert "nats per note" in sheet.pages[0] and ">\u00a08<" in sheet.pages[0]
    assert "fill=" not in plots.staff(score).pages[0]


def test_names_of_notes():
    score = Score.from_notes([(0, 1, 60), (0, 1, 66), (1, 1, 70), (2, 1, 71)], key_signatures=((0, -2, ""),))
    texts = [syllable.text for syllable in ElementTree.fromstring(plots.staff(score, names=True).mei).iter(f"{MEI}syl")]
    assert texts == ["F♯", "B♭", "B"]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"staves": "two"}, "staves must be .*got 'two'"),
        ({}, {"color": "red"}, "color must be .*got 'red'"),
        ({}, {"values": [1.0, 2.0]}, r"one number per note, shape \(32,\), got \(2,\)"),
        ({"onset": np.linspace(0, 7200, 32)}, {}, "too long to engrave.*use score.slice"),
        (
            {"onset": np.linspace(0, 1500, 32), "time_signatures": ((0, 1, 8),)},
            {},
            "bars are too many.*use score.slice",
        ),
        (
            {"part": np.arange(32) % 3, "part_names": tuple("abc"), "programs": (0,) * 3},
            {"staves": "closed"},
            "needs four parts",
        ),
    ],
)
def test_what_cannot_be_engraved_is_named(change, options, message):
    with pytest.raises(ValueError, match=message):
        plots.staff(chorale().replace(**change), **options)


def test_no_notes():
    with pytest.raises(ValueError, match="no notes to engrave; give one with notes"):
        plots.staff(Score.from_notes([]))


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(0.0004, 4.7441, ("0", "4.74")), (1000.21, 1000.94, ("1000.21", "1000.94")), (2, 2, ("2", "2"))],
)
def test_a_legend_names_the_ends_of_its_range(low, high, ends):
    score = chorale()
    mei = plots.staff(score, values=np.linspace(low, high, len(score)), label="nats").mei
    texts = [rend.text for rend in ElementTree.fromstring(mei).find(f".//{MEI}pgHead").iter(f"{MEI}rend") if rend.text]
    assert f"nats {ends[0]}\u00a0" in texts and f"\u00a0{ends[1]}" in texts


def test_tempos_stand_above_the_names():
    """The first bar is low and the second high: names stand in one row above both, and tempos above that."""
    notes = [(i, 1, 60 + i + 20 * (i >= 4)) for i in range(8)]
    score = Score.from_notes(notes, tempos=((0, 90), (4, 120)), time_signatures=((0, 4, 4),))
    (page,) = plots.staff(score, names=True).pages
    heights = {
        kind: [
            min(int(text.get("y")) for text in element.iter(f"{SVG}text") if text.get("y"))
            for element in ElementTree.fromstring(page).iter(f"{SVG}g")
            if element.get("class", "").split(" ")[0] == kind
        ]
        for kind in ("harm", "syl")
    }
    assert [len(found) for found in heights.values()] == [2, 8]
    assert max(heights["harm"]) + 250 < min(heights["syl"])


def test_a_png_keeps_every_row_and_column():
    bars = "".join(
        f'<rect x="{at}" width="20" height="30"/><rect y="{at}" width="30" height="20"/>' for at in range(40, 700, 40)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 801 749">{bars}</svg>'
    picture = matplotlib.image.imread(io.BytesIO(printed([svg], "png")))[:, :, :3].mean(axis=2)
    assert picture.shape == (2 * 749, 2 * 801)
    for line in (picture[10, 70:], picture[70:, 10]):
        assert set(np.diff(np.flatnonzero(np.diff(line < 0.5)))) == {40}


def test_saved_files(tmp_path):
    sheet = plots.staff(chorale(), color="parts")
    assert sheet.save(tmp_path / "new" / "piece.svg").read_text(encoding="utf-8") == sheet.pages[0]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["piece.svg"]
    several = engraving.Staff(sheet.pages * 2, sheet.mei)
    several.save(tmp_path / "two.svg")
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == ["two-2.svg", "two.svg"]
    data = sheet.save(tmp_path / "piece.pdf").read_bytes()
    assert data.startswith(b"%PDF") and pages_of(data) == 1
    assert pages_of(printed(sheet.pages * 2)) == 2
    assert sheet.save(tmp_path / "piece.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="saved as .svg, .png or .pdf, got 'piece.gif'"):
        sheet.save(tmp_path / "piece.gif")


def pages_of(data):
    return len(re.findall(rb"/Type ?/Page\b(?!s)", data))


def test_without_typst_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(ImportError, match="to save notation as pdf, run pip install typst; .svg needs no package"):
        plots.staff(chorale()).save(tmp_path / "piece.pdf")
    assert not list(tmp_path.iterdir())


def test_notebooks_show_it_on_white():
    sheet = plots.staff(chorale())
    html = sheet._repr_html_()
    assert "background: white" in html and sheet.pages[0] in html and "width=" not in sheet.pages[0].split(">")[0]
    assert repr(sheet) == "Staff(1 page)"


def test_the_same_score_gives_the_same_page_silently(capfd):
    assert plots.staff(chorale()) == plots.staff(chorale())
    out, err = capfd.readouterr()
    assert out == err == ""


def test_speed():
    score = chorale(16)
    plots.staff(score)
    start = time.perf_counter()
    plots.staff(score)
    assert time.perf_counter() - start < 2  # 0.15 s on two cores


def test_every_thread_engraves():
    score = Score.from_notes([(i, 1, 60 + i) for i in range(4)])
    pages = plots.staff(score).pages
    for _ in range(3):
        with ThreadPoolExecutor(1) as pool:  # a thread that Verovio was not imported in
            assert pool.submit(plots.staff, score).result().pages == pages
