"""Pedal: notes ring on while it is down, and no further."""

import numpy as np

from musiclib import readers
from musiclib.readers import sustain_pedal
from musiclib.score import Score


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
    assert ends(readers.read_score(path)) == [1, 2, 3]
    assert ends(sustain_pedal.read_sustained(path)) == [2.5, 2.5, 3]
