"""The fast MIDI reader: the Score that music21's reader gives, and where it is another one."""

import pathlib

import numpy as np
import pytest
from midi_by_hand import NOTE_OFF, NOTE_ON, PROGRAM, midi_bytes, name_event, note_events

from musiclib import readers
from musiclib.encodings import NoteChord
from musiclib.score import Score

SHARED = pathlib.Path(__file__).parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data, which is not in the repository")

on, off = (
    (lambda pitch, wait=0, channel=0, velocity=64: (wait, [NOTE_ON | channel, pitch, velocity])),
    (lambda pitch, wait=0, channel=0: (wait, [NOTE_OFF | channel, pitch, 0])),
)


def program(number, channel=0):
    return 0, [PROGRAM | channel, number]


def both(tmp_path, data, name="piece.mid"):
    """What music21's reader and symusic's make of the same bytes."""
    (tmp_path / name).write_bytes(data)
    return [readers.read_score(tmp_path / name, reader=reader) for reader in ("music21", "symusic")]


def tempo(microseconds):
    return 0, bytes([0xFF, 0x51, 3]) + microseconds.to_bytes(3, "big")


SAME = {
    "repeated pitch that overlaps": [[on(60), on(60, 100, velocity=90), off(60, 120), off(60, 120)]],
    "two of a pitch at once": [[on(60, velocity=90), on(60, velocity=30), off(60, 120), off(60)]],
    "no length": [[on(60), off(60), on(60, 480), off(60, 480)], [on(62), off(62)]],
    "no end": [[*note_events(62), on(64)]],
    "an end alone": [[off(62), *note_events(62)]],
    "a tempo map": [[tempo(545454), on(60), tempo(0), off(60, 7), tempo(333333), tempo(600001)], note_events(64)],
    "time signatures": [[(0, [0xFF, 0x58, 4, 3, 2, 24, 8]), *note_events(60), (0, [0xFF, 0x58, 4, 4, 255, 24, 8])]],
    "a name": [[name_event("Flute"), *note_events(60)], [*note_events(62), name_event("Oboe")], note_events(64)],
    "one name twice": [[name_event("Piano"), *note_events(60)], [name_event("Piano"), *note_events(62)]],
    "a name, then another": [[name_event("first"), name_event("second"), *note_events(60)]],
    "a name of another encoding": [[(0, b"\xff\x03\x05\xe9t\xe9\x07\x00"), *note_events(60)]],
    "channels of one program": [[*note_events(60, channel=3), *note_events(62, channel=1), *note_events(64, channel=3)]],
    "programs that rise with the channels": [[program(5, 1), *note_events(60), *note_events(62, channel=1)]],
    "a change while a note sounds": [[program(1), on(60), (10, program(7)[1]), off(60, 10), *note_events(62)]],
    "a change of program": [[*note_events(60), program(5), *note_events(62), program(2), *note_events(64)]],
    "a pitch twice at once by two programs": [[program(5), on(60), program(2), on(60), off(60, 10), off(60, 10)]],
    "changes on several channels": [
        [program(9, 4), *note_events(50, channel=4), program(2), *note_events(60), program(1, 4),
         *note_events(52, channel=4), program(3), *note_events(61), *note_events(38, channel=9)]
    ],
    "drums": [[*note_events(38, channel=9), *note_events(60)]],
    "running status": [[on(60), (240, [60, 0]), (0, [0xFF, 1, 1, 65]), (0, [62, 64]), (240, [62, 0])]],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::musiclib.readers.LostNotes")
@pytest.mark.parametrize("name", SAME)
def test_same_score(name, tmp_path):
    score, fast = both(tmp_path, midi_bytes(*SAME[name]))
    assert fast == score and len(score)


@pytest.mark.filterwarnings("ignore::musiclib.readers.LostNotes")
@pytest.mark.parametrize("seed", range(3))
def test_same_score_of_notes_anywhere(seed, tmp_path):
    """Every channel, programs at any time, pitches that repeat and overlap."""
    rng = np.random.default_rng(seed)
    tracks = []
    for _ in range(3):
        events = []
        for kind, channel, pitch, wait in rng.integers((0, 0, 60, 0), (5, 16, 63, 200), (400, 4)).tolist():
            events.append(program(pitch, channel) if kind == 4 else (on, off)[kind % 2](pitch, wait, channel))
        # The program is in force before the first note, as both readers then agree on it.
        tracks.append([program(int(rng.integers(100)), channel) for channel in range(16)] + events)
    score, fast = both(tmp_path, midi_bytes(*tracks))
    assert len(score.part_names) == 45 and len(score) > 200
    assert fast.replace(programs=()) == score.replace(programs=())


@pytest.mark.parametrize("division", [1, 96, 480, 960, 32767])
def test_times_are_ticks_by_division(division, tmp_path):
    score, fast = both(tmp_path, midi_bytes([on(60, 7), off(60, 3)], division=division))
    assert fast == score and (fast.onset[0], fast.duration[0]) == (7 / division, 3 / division)


# ---- where they differ -------------------------------------------------------------------------------------------


def test_a_program_that_another_track_sets_is_not_seen(tmp_path):
    """symusic begins every track with program 0 on every channel."""
    score, fast = both(tmp_path, midi_bytes([program(42)], note_events(60)))
    assert (score.programs, fast.programs) == ((42,), (0,))


def test_a_program_that_follows_the_first_note_on_its_tick_is_not_seen(tmp_path):
    """symusic goes by the order of the events, music21's reader by their ticks."""
    score, fast = both(tmp_path, midi_bytes([program(1), on(60), program(7), off(60, 10)]))
    assert (score.programs, fast.programs) == ((7,), (1,))


def test_the_last_of_several_names_holds_where_none_begins_the_track(tmp_path):
    """symusic keeps one name a track, and overwrites it."""
    score, fast = both(tmp_path, midi_bytes([program(0), name_event("first"), name_event("last"), *note_events(60)]))
    assert (score.part_names, fast.part_names) == (("first",), ("last",))


def test_a_tempo_of_two_bytes_counts(tmp_path):
    """symusic takes the byte that follows for the third; music21's reader passes it over."""
    score, fast = both(tmp_path, midi_bytes([(0, [0xFF, 0x51, 2, 7, 0]), *note_events(60)]))
    assert score.tempos == ((0.0, 120.0),)
    assert fast.tempos != score.tempos and fast.replace(tempos=score.tempos) == score


# ---- errors ------------------------------------------------------------------------------------------------------

REFUSED = {
    "text": (b"not music at all", "does not begin as a MIDI file"),
    "short": (midi_bytes(note_events(60))[:-3], "ends 3 bytes too early"),
    "sequences": (midi_bytes(note_events(60), kind=2), "format 2"),
    "film": (midi_bytes(note_events(60), division=0xE728), "0xe728"),
    "status": (midi_bytes([(0, [60, 64])]), "damaged.*running status"),
    "velocity": (midi_bytes(note_events(60, velocity=200)), "velocity 200"),
    "pitch": (midi_bytes([on(200), off(200, 9)]), "damaged"),
    "empty": (midi_bytes([]), "no notes"),
    "drums": (midi_bytes(note_events(38, channel=9)), "only percussion, 1 unpitched"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, tmp_path):
    data, message = REFUSED[name]
    path = tmp_path / f"{name}.mid"
    path.write_bytes(data)
    with pytest.raises(readers.UnreadableScore, match=message) as caught:
        readers.read_score(path, reader="symusic")
    assert path.name in str(caught.value) and "\n" not in str(caught.value)


def test_notation_is_left_to_music21(tmp_path):
    (tmp_path / "tune.abc").write_text("X:1\nL:1/4\nK:C\nc|\n")
    with pytest.raises(readers.UnreadableScore, match=r"'symusic' takes MIDI.*'\.abc'.*reader='music21'"):
        readers.read_score(tmp_path / "tune.abc", reader="symusic")


# ---- on the files people use -------------------------------------------------------------------------------------


def agreement(first: Score, second: Score) -> float:
    """The share of NoteChord tokens that stand at the same place."""
    tokens = [NoteChord().encode(score) for score in (first, second)]
    return sum(a == b for a, b in zip(*tokens)) / max(map(len, tokens))


@needs_shared
@pytest.mark.filterwarnings("ignore::musiclib.readers.LostNotes")
@pytest.mark.parametrize(("pattern", "count"), [("classical_piano_92/*.mid", 92), ("maestro_small/*/*.mid*", 12)])
def test_real_files_give_equal_scores(pattern, count, capsys):
    """All of the 92; of the performances, which are long, every ninth."""
    paths = sorted(SHARED.glob(pattern))
    paths = paths[:: len(paths) // count]
    scores = [[readers.read_score(path, reader=reader) for reader in ("music21", "symusic")] for path in paths]
    unequal = [path.name for path, (score, fast) in zip(paths, scores, strict=True) if score != fast]
    shares = [agreement(*pair) for pair in scores]
    with capsys.disabled():
        print(f"\n{pattern}: tokens agree by {np.mean(shares):.2%} on average, {min(shares):.2%} at worst")
    assert len(paths) >= count and np.median(shares) >= 0.99
    assert unequal == []
