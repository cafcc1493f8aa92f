"""Properties of the writers: what is written and read again equals what was written."""

import itertools
import xml.etree.ElementTree

import numpy as np
import pytest
import second_readers
from hypothesis import given
from hypothesis import strategies as st

from musiclib import readers, writers
from musiclib.score import COLUMNS, Score, keys, meter
from musiclib.writers.notation import VOICES
from musiclib.writers.rounding import rounded

PITCHES = st.integers(0, 127)
LAST = 20.0  # onset of the last note: marks after the last bar are not written
texts = st.text("aÄß &<>\"'.,-1♭音", max_size=8).map(lambda text: " ".join(text.split()))
upbeats = st.sampled_from([((0.0, 1, 4), (1.0, 3, 4)), ((0.0, 1, 8), (0.5, 6, 8)), ((0.0, 3, 16), (0.75, 4, 4))])
signatures = st.sampled_from([(4, 4), (3, 4), (2, 4), (6, 8), (5, 8), (2, 2), (7, 16), (12, 8)])
beginnings = upbeats | signatures.map(lambda signature: ((0.0, *signature),))
changes = st.lists(st.tuples(st.integers(1, 80).map(lambda step: step / 4), signatures), max_size=3)  # also within bars


def onsets(steps):
    """Onsets on a grid, in quarter lengths, up to 16."""
    return st.integers(0, 16 * steps).map(lambda step: step / steps)


@st.composite
def scores(draw, steps, modes, pitches=PITCHES):
    """Scores as a file with this grid holds them: no overlapping notes of one pitch, no mark that changes nothing."""
    count = draw(st.integers(1, 3))
    row = st.tuples(onsets(steps), onsets(steps).filter(bool), pitches, st.integers(1, 127))
    rows = [(*note, part) for part in range(count) for note in draw(st.lists(row, min_size=1, max_size=8))]
    notes = rounded(Score.from_notes([*rows, (LAST, 1, 60, 80, 0)]), steps)
    onset, duration = notes["start"] / steps, (notes["end"] - notes["start"]) / steps
    meters = {onset: tuple(signature) for onset, *signature in draw(beginnings)} | dict(draw(changes))
    rates = st.integers(2000, 30000).map(lambda rate: (rate / 100,))
    key = st.tuples(onsets(steps), st.integers(-7, 7), st.sampled_from(modes))
    return Score(
        *(onset, duration, notes["pitch"], notes["velocity"], notes["part"]),
        tempos=changing({0.0: (120.0,)} | dict(draw(st.lists(st.tuples(onsets(steps), rates), max_size=3)))),
        time_signatures=upbeat_stated(changing(meters)),
        part_names=draw(st.lists(texts.filter(bool), min_size=count, max_size=count, unique=True)),
        programs=draw(st.lists(st.integers(0, 127) | st.just(128), min_size=count, max_size=count)),
        key_signatures=changing({onset: tuple(values) for onset, *values in draw(st.lists(key, max_size=4))}),
        title=draw(texts),
        composer=draw(texts),
    )


def changing(marks):
    """Marks by onset, without those that are the same as the one before."""
    groups = itertools.groupby(sorted(marks.items()), key=lambda mark: mark[1])
    return tuple((onset, *values) for onset, values in (next(group) for _, group in groups))


def upbeat_stated(marks):
    """Time signatures in which a first bar that is cut short has its own signature, as an upbeat has."""
    if len(marks) < 2 or marks[1][0] > 4 * marks[0][1] / marks[0][2]:
        return marks
    length, later = marks[1][0], {onset: tuple(signature) for onset, *signature in marks[1:]}
    stated = changing({0.0: meter.short_bar(length, marks[0][2])} | later)
    if meter.upbeat(stated):  # only its length is written, which is read in the unit of the next bar
        return changing({0.0: meter.short_bar(length, marks[1][2])} | later)
    return stated


def assert_same(again, score, *fields):
    assert len(again) == len(score)
    for name in fields:
        got, expected = getattr(again, name), getattr(score, name)
        if isinstance(expected, np.ndarray):
            np.testing.assert_allclose(got, expected, atol=1e-6, err_msg=name)
        elif name in ("tempos", "time_signatures", "key_signatures"):
            assert [mark[1:] for mark in got] == [mark[1:] for mark in expected], name
            np.testing.assert_allclose([mark[0] for mark in got], [mark[0] for mark in expected], atol=1e-6)
        else:
            assert got == expected, name


def with_rounded_tempos(score):
    return score.replace(tempos=tuple((onset, round(rate, 2)) for onset, rate in score.tempos))


def chord_velocities(score):
    """The velocities of MusicXML: the notes of a chord share the highest; None in a part with too many voices."""
    events = list(zip(score.part.tolist(), score.onset.tolist(), (score.onset + score.duration).round(6).tolist()))
    loudest = {}
    for event, velocity in zip(events, score.velocity.tolist()):
        loudest[event] = max(loudest.get(event, 0), velocity)
    crowded = {
        part for part, now, _ in events if len({e for e in events if e[0] == part and e[1] <= now < e[2]}) > VOICES
    }
    return [None if event[0] in crowded else loudest[event] for event in events]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


FIELDS = ("part_names", "programs", "tempos", "time_signatures", "key_signatures")


@given(score=scores(12, ("", *keys.MODES)))
def test_musicxml_reads_back_as_it_was(folder, score):
    path = writers.write_musicxml(score, folder / "piece.musicxml")
    again = readers.read_score(path, percussion=True)
    assert_same(with_rounded_tempos(again), score, *FIELDS, "onset", "duration", "pitch", "part", "title", "composer")
    velocities = zip(again.velocity.tolist(), chord_velocities(score))
    assert all(expected in (None, got) for got, expected in velocities)
    pitched = score.pitched()
    rows = np.column_stack([pitched.onset, pitched.duration, pitched.pitch])
    np.testing.assert_allclose(sorted(second_readers.notes(path)), sorted(rows.tolist()), atol=2e-3)


@given(score=scores(12, ("",)))
def test_musicxml_bars_are_as_long_as_they_should_be(folder, score):
    root = xml.etree.ElementTree.parse(writers.write_musicxml(score, folder / "piece.musicxml")).getroot()
    lines = meter.bar_lines(score.time_signatures, score.end)
    for part in root.iter("part"):
        lengths = [fill(bar) for bar in part.findall("measure")]
        starts = np.cumsum([0, *lengths])
        np.testing.assert_allclose(starts[:-1], lines, atol=1e-6)
        assert starts[-1] >= score.end - 1e-6


def fill(bar):
    """The length of a bar in quarter lengths; every voice has to fill it."""
    position, ends = 0, set()
    for element in bar:
        if element.tag == "backup":
            ends.add(position)
            position -= int(element.find("duration").text)
            assert position == 0
        elif element.tag == "note" and element.find("chord") is None:
            position += int(element.find("duration").text)
        assert element.tag != "forward"
    (length,) = ends | {position}
    return length / 10080


@pytest.mark.parametrize("reader", readers.READERS)
@given(score=scores(1920, ("major", "minor")))
def test_midi_reads_back_as_it_was(folder, reader, score):
    path = writers.write_midi(score, folder / "piece.mid")
    again = readers.read_score(path, reader=reader, percussion=True)
    assert_same(with_rounded_tempos(again), score, *FIELDS, *COLUMNS, "title")
