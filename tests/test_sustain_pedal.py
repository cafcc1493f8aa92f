"""Pedal: notes ring on while it is down, and no further."""

import pathlib

import numpy as np
import pytest
from midi_by_hand import midi_bytes, note_events

from musiclib import readers
from musiclib.readers import sustain_pedal
from musiclib.score import Score
from musiclib.score.instruments import DRUM_KIT

MAESTRO = sorted((pathlib.Path(__file__).parents[2] / "shared" / "data" / "maestro_small").glob("*/*.mid*"))
DOWN, UP = [0xB0, 64, 127], [0xB0, 64, 0]


def ends(score):
    return (score.onset + score.duration).tolist()


def test_notes_that_end_while_the_pedal_is_down_ring_until_it_comes_up():
    score = Score.from_notes([(0, 1, 60), (0, 2, 62), (0, 5, 64), (0, 0.5, 65)])
    assert ends(sustain_pedal.sustain(score, np.array([[1.0, 4.0]]))) == [4, 4, 5, 0.5]


def test_a_note_ends_where_its_pitch_begins_again():
    score = Score.from_notes([(0, 1, 60), (2, 1, 60), (2, 1, 61), (0, 1, 60, 80, 1), (0, 3.5, 67), (3, 0.25, 67)])
    held = sustain_pedal.sustain(score, np.array([[0.5, 4.0]]))
    assert dict(zip(zip(score.onset.tolist(), score.part.tolist(), score.pitch.tolist()), ends(held))) == {
        (0, 0, 60): 2, (2, 0, 60): 4, (2, 0, 61): 4, (0, 1, 60): 4,  # another part's note is another string
        (0, 0, 67): 3.5,  # which overlapped before already
        (3, 0, 67): 4,
    }  # fmt: skip


def test_without_a_pedal_nothing_changes(random_score):
    score = random_score(1)
    assert sustain_pedal.sustain(score, np.zeros((0, 2))) == score
    assert len(sustain_pedal.sustain(Score.from_notes([]), np.array([[0.0, 1.0]]))) == 0


def test_a_file_is_read_with_its_pedal(tmp_path, write_midi):
    import symusic

    path = write_midi(tmp_path / "song.mid", [60, 62, 64])
    music = symusic.Score(str(path))
    music.tracks[0].controls.append(symusic.ControlChange(time=240, number=64, value=127))
    music.tracks[0].controls.append(symusic.ControlChange(time=1200, number=64, value=0))
    music.dump_midi(str(path))
    for reader in readers.READERS:
        assert ends(readers.read_score(path, reader=reader)) == [1, 2, 3]
        assert ends(readers.read_score(path, reader=reader, pedal=True)) == [2.5, 2.5, 3]


def test_of_two_pedals_that_overlap_one_is_enough():
    score = Score.from_notes([(0, 1.5, 60), (0, 6.5, 62), (0, 8, 64)])
    pedals = np.array([[3.0, 6.0], [1.0, 4.0], [6.0, 7.0], [8.0, 9.0]])
    assert ends(sustain_pedal.sustain(score, pedals)) == [6, 7, 9]  # released at 6, and pressed again


def test_drums_have_no_pedal():
    score = Score.from_notes([(0, 1, 60), (0, 1, 38, 80, 1)], programs=(0, DRUM_KIT))
    assert ends(sustain_pedal.sustain(score, np.array([[0.5, 4.0]]))) == [4, 1]


EVENTS = {  # the tracks, and the ends of the notes
    "half down": ([[(0, [0xB0, 64, 63]), *note_events(60), (480, UP)]], [1]),
    "values of a pedal": ([[(0, [0xB0, 64, 64]), (9, [0xB0, 64, 90]), *note_events(60, ticks=471), (480, UP)]], [2]),
    "released without being pressed": ([[(0, UP), *note_events(60), (480, UP)]], [1]),
    "never released": ([[(0, DOWN), *note_events(60), (480, [0xB0, 7, 0])]], [1]),
    "another controller": ([[(0, [0xB0, 66, 127]), *note_events(60), (480, [0xB0, 66, 0])]], [1]),
    "channel without notes": ([[(0, [0xB3, 64, 127]), *note_events(60), (480, [0xB3, 64, 0])]], [2]),
    "channel with another program": ([[(0, [0xC3, 9]), (0, [0xB3, 64, 127]), *note_events(60), (480, [0xB3, 64, 0])]], [2]),
    "track without notes": ([[(0, DOWN), (960, UP)], note_events(60)], [2]),
    "pedal of the drums": ([[(0, [0xB9, 64, 127]), *note_events(60), (480, [0xB9, 64, 0])]], [1]),
    "programs with running status": ([[(0, DOWN), (0, [0xC0, 5]), (0, [9]), *note_events(60), (0, [0xC0, 3]), (480, UP), *note_events(61)]], [2, 3]),
    "running status": ([[(0, DOWN), *note_events(60), (480, [0xB0, 7, 64]), (480, [64, 0])]], [3]),
}  # fmt: skip


@pytest.mark.parametrize("reader", readers.READERS)
@pytest.mark.parametrize("case", EVENTS)
def test_the_events_of_a_pedal(tmp_path, reader, case):
    tracks, expected = EVENTS[case]
    path = tmp_path / "piece.mid"
    path.write_bytes(midi_bytes(*tracks))
    assert ends(readers.read_score(path, reader=reader, pedal=True)) == expected


@pytest.mark.filterwarnings("ignore::musiclib.readers.LostNotes")
@pytest.mark.skipif(not MAESTRO, reason="needs ../shared/data/maestro_small, which is not in the repository")
def test_performances_have_the_same_pedal_in_both_readers():
    for path in MAESTRO[::4]:
        ((plain, _, left_out),) = readers.read_pieces(readers.find_reader("symusic"), path)
        one, other = (readers.read_score(path, reader=reader, pedal=True) for reader in readers.READERS)
        assert one == other and left_out["pedal events"] > 100
        assert np.all(one.duration >= plain.duration) and np.any(one.duration > plain.duration)
