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
