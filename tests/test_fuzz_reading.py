"""Reading anything: bytes by chance, files changed by chance, and scores that are written and read again."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from midi_by_hand import midi_bytes, note_events
from test_broken_midi import check

from musiclib import readers, writers
from musiclib.score import COLUMNS, Score

pytestmark = pytest.mark.filterwarnings("ignore::musiclib.readers.LostNotes")
PIECE = midi_bytes([*note_events(60), *note_events(64, ticks=9000), *note_events(67, channel=9)], note_events(48))
HEAD = PIECE[:14]


def changed(data, changes):
    """A copy in which bytes were replaced, doubled or cut out, at places given as shares of the length."""
    data = bytearray(data)
    for share, value, kind in changes:
        place = int(share * (len(data) - 1))
        if kind == "replace":
            data[place] = value
        elif kind == "insert":
            data.insert(place, value)
        elif kind == "flip":
            data[place] ^= 1 << value % 8
        elif len(data) > 20:
            del data[place : place + value % 9 + 1]
    return bytes(data)


changes = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 255), st.sampled_from(["replace", "insert", "flip", "cut"])), max_size=6
)
any_file = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=200).map(lambda body: HEAD + b"MTrk" + len(body).to_bytes(4, "big") + body),
    changes.map(lambda listed: changed(PIECE, listed)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("reader", readers.READERS)
@given(data=any_file)
@example(data=b"")
@example(data=HEAD)
@example(data=HEAD + b"MTrk" + bytes([0xFF] * 12))
def test_any_bytes_give_a_score_or_one_clear_error(folder, reader, data):
    path = folder / "any.mid"
    path.write_bytes(data)
    try:
        check(readers.read_score(path, reader=reader))
    except readers.UnreadableScore as error:
        assert "any.mid" in str(error) and "\n" not in str(error)


XML = b"""<?xml version="1.0"?><score-partwise version="4.0"><part-list><score-part id="P1"><part-name>A</part-name>
</score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>2</divisions><key><fifths>-1</fifths>
</key><time><beats>3</beats><beat-type>4</beat-type></time><transpose><chromatic>-2</chromatic></transpose></attributes>
<direction><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>c. 66</per-minute></metronome>
</direction-type></direction><note><pitch><step>C</step><alter>1</alter><octave>4</octave></pitch><duration>4</duration>
<tie type="start"/></note><note><chord/><pitch><step>E</step><octave>4</octave></pitch><duration>4</duration></note>
<backup><duration>2</duration></backup><note><grace/><pitch><step>D</step><octave>5</octave></pitch></note><note><rest/>
<duration>2</duration></note><forward><duration>2</duration></forward></measure></part></score-partwise>"""
KERN = b"""!!!OTL: Piece
**kern\t**kern
*k[b-]\t*M3/4
*>[A,A]\t*>[A,A]
*>A\t*>A
*^\t*
4C 4E\t2.c\t20%3e
8qd\t.\t.
[4D\t.\t4.f#
=2\t=2\t=2
4D]\t4r\t8ee-
*v\t*v\t*
=:|!\t=:|!
*-\t*-
"""
ABC = b"""X:1
T:Piece
M:6/8
L:1/8
Q:1/4=90
V:1 transpose=-2
K:Dm exp ^c
|:"Am"c>^d [ce]2- (3efg|{d}c2 & z4 |1 !trill!A,2 :|2 [K:C] Z2 [M:2/4] x/ |]
V:2
C,,4 [Q:60] D4 |

X:2
K:C
c|
"""
NOTATION = {"any.musicxml": XML, "any.krn": KERN, "any.abc": ABC}
texts = st.lists(
    st.tuples(
        st.floats(0, 1), st.floats(0, 1), st.sampled_from(["cut", "copy", "end", "digit", "sign", "byte"]),
        st.integers(0, 255),
    ),
    max_size=5,
)  # fmt: skip


def damaged(data, changes):
    """A copy of a text in which spans were cut out or copied, and characters replaced."""
    for share, other, kind, value in changes:
        place, second = int(share * len(data)), int(other * len(data))
        if kind == "cut":
            data = data[:place] + data[place + 1 + value % 30 :]
        elif kind == "copy":
            data = data[:place] + data[second : second + 1 + value % 30] + data[place:]
        elif kind == "end":
            data = data[:place] if value < 64 else data
        else:
            new = {"digit": b"%d" % value, "sign": b'<>[]{}()|:/=*^_\t\n"%'[value % 21 :][:1], "byte": bytes([value])}
            data = data[:place] + new[kind] + data[place + 1 :]
    return data


@pytest.mark.parametrize("name", NOTATION)
@given(changes=texts, grace_notes=st.booleans(), repeats=st.booleans())
@example(changes=[], grace_notes=True, repeats=True)
@pytest.mark.filterwarnings("ignore::musiclib.readers.IrregularBars", "ignore::musiclib.readers.RoundedPitches")
def test_any_text_gives_scores_or_one_clear_error(folder, name, changes, grace_notes, repeats):
    path = folder / name
    path.write_bytes(damaged(NOTATION[name], changes))
    try:
        for score in readers.read_scores(path, grace_notes=grace_notes, repeats=repeats):
            check(score)
    except readers.UnreadableScore as error:
        assert name in str(error) and "\n" not in str(error)


notes = st.lists(
    st.tuples(
        st.integers(0, 480 * 40).map(lambda tick: tick / 480),
        st.integers(1, 480 * 8).map(lambda tick: tick / 480),
        st.integers(0, 127),
        st.integers(1, 127),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda note: note[2],  # a MIDI channel cannot hold one pitch twice at once
)


@given(rows=notes)
def test_a_score_on_the_grid_of_ticks_survives_its_file(folder, rows):
    onset, duration, pitch, velocity = zip(*sorted(rows), strict=True)
    score = Score(onset, duration, pitch, velocity, [0] * len(rows))
    writers.write_midi(score, folder / "written.mid")
    for reader in readers.READERS:
        read = readers.read_score(folder / "written.mid", reader=reader)
        for name in COLUMNS[:4]:
            assert getattr(read, name).tolist() == pytest.approx(getattr(score, name).tolist(), abs=1e-9), (
                reader,
                name,
            )
