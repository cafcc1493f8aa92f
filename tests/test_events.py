"""NoteEvents and Performance: literal tokens, what is kept and what is not, and what any order of tokens becomes."""

import itertools

import numpy as np
import pytest

from musiclib.encodings import NoteEvents, Performance, from_config
from musiclib.encodings.velocities import classes, to_class
from musiclib.score import Score

ALL = [
    NoteEvents(),
    NoteEvents(steps_per_quarter=1, longest=1, velocities=1),
    NoteEvents(7, 3, 128),
    Performance(),
]


def rows(score):
    columns = (score.onset.round(9), score.duration.round(9), score.pitch, score.velocity)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def on_the_keys(score):
    return score.replace(pitch=np.clip(score.pitch, 21, 108))


def test_note_events_tokens():
    score = Score.from_notes([(0.25, 1.5, 67, 64), (0.25, 0.5, 60, 1), (1, 1 / 3, 61, 127)])
    tokens = "t:1/4 d:1/2 C4 v:3 t:0 d:3/2 G4 v:63 t:3/4 d:1/3 C#4 v:127"
    assert NoteEvents().encode(score) == tokens.split()
    assert rows(NoteEvents().decode(tokens.split())) == [
        (0.25, 0.5, 60, 3), (0.25, 1.5, 67, 63), (1, round(1 / 3, 9), 61, 127),
    ]  # fmt: skip


def test_note_events_as_four_lists():
    score = Score.from_notes([(0.25, 1.5, 67, 64), (0.25, 0.01, 60, 1), (40, 40, 61, 127)])
    times, durations, pitches, velocities = NoteEvents().columns(score)
    assert times == [0.25, 0, 8] and durations == [1 / 12, 1.5, 8]
    assert pitches == [60, 67, 61] and velocities == [3, 63, 127]
    assert NoteEvents().columns(Score.from_notes([])) == ([], [], [], [])


def test_note_events_keep_overlaps_and_equal_notes_and_join_parts():
    score = Score.from_notes([(0, 4, 60, 63, 1), (0, 4, 60, 63, 0), (1, 1, 60, 63), (1, 1, 62, 63)])
    assert rows(NoteEvents().decode(NoteEvents().encode(score))) == sorted(rows(score))


def test_note_events_sort_by_the_grid():
    """Rounding brings the later note to the place of the earlier; then the lower comes first."""
    assert NoteEvents(4).encode(Score.from_notes([(0.98, 1, 64), (1.02, 1, 60)]))[2::4] == ["C4", "E4"]


def test_note_events_in_any_order():
    decoded = NoteEvents().decode("v:3 C4 t:1/2 t:1 d:2 E4 v:3 v:127 d:4 G4 t:7 d:1".split())
    assert rows(decoded) == [(0, 1, 60, 80), (1.5, 2, 64, 127), (1.5, 4, 67, 80)]


def test_performance_has_308_events():
    alphabet = Performance().alphabet
    kinds = {kind: len(list(group)) for kind, group in itertools.groupby(alphabet, lambda token: token.split(":")[0])}
    assert kinds == {"on": 88, "off": 88, "shift": 100, "v": 32}
    assert len(set(alphabet)) == len(alphabet) == 308 and "308" in Performance.__doc__
    Performance().decode(alphabet)


def test_performance_tokens():
    # Quarter lengths of half a second; the last note begins 2.53 s after the end of those before.
    score = Score.from_notes([(0, 1, 60, 64), (0, 1, 64, 62), (1, 0.5, 60, 80), (6.56, 0.001, 62, 80)])
    tokens = (
        "v:63 on:C4 on:E4 shift:500 off:C4 off:E4 v:79 on:C4 shift:250 off:C4"
        " shift:1000 shift:1000 shift:530 on:D4 shift:10 off:D4"
    )
    assert Performance().encode(score) == tokens.split()


def test_performance_follows_the_tempo_map():
    score = Score.from_notes([(0, 1, 60), (1, 1, 62)], tempos=((0, 60), (1, 300)))
    shifts = [token for token in Performance().encode(score) if token.startswith("shift")]
    assert shifts == ["shift:1000", "shift:200"]


def test_performance_keeps_starts_and_ends_to_five_milliseconds():
    rng = np.random.default_rng(3)
    onsets = np.sort(rng.uniform(0, 60, 200))
    score = Score(onsets, rng.uniform(0.05, 3, 200), 21 + np.arange(200) % 88, rng.integers(1, 128, 200), [0] * 200)
    score = score.replace(tempos=((0, 77), (20, 131)), duration=np.minimum(score.duration, 3))
    decoded = Performance().decode(Performance().encode(score))
    order = np.lexsort((score.pitch, np.round(score.seconds()[0] * 100)))
    assert decoded.pitch.tolist() == score.pitch[order].tolist()
    assert np.abs(decoded.velocity - score.velocity[order]).max() <= 2
    for was, now in zip(score.seconds(), decoded.seconds(), strict=True):
        assert np.abs(was[order] - now).max() <= 0.005 + 1e-9


def test_a_pitch_that_begins_again_ends_the_note_before():
    score = Score.from_notes([(0, 4, 60, 63), (1, 4, 60, 63), (1, 2, 60, 127)])
    decoded = Performance().decode(Performance().encode(score))
    assert rows(decoded) == [(0, 1, 60, 63), (1, 4, 60, 127)]


def test_performance_in_any_order():
    tokens = "off:C4 on:C4 on:C4 shift:500 v:3 on:C4 on:E4 shift:1000 off:C4 off:C4 v:127 on:G4 on:A4 off:A4".split()
    assert rows(Performance().decode(tokens)) == [(0, 1, 60, 80), (1, 2, 60, 3), (1, 2, 64, 3)]


def test_notes_beyond_the_piano_are_moved_onto_it_and_that_is_said():
    score = Score.from_notes([(i, 1, pitch) for i, pitch in enumerate((0, 9, 20, 21, 108, 109, 120, 127))])
    with pytest.warns(UserWarning, match="notes outside A0 to C8, the 88 keys, are moved by octaves"):
        decoded = Performance().decode(Performance().encode(score))
    assert decoded.pitch.tolist() == [24, 21, 32, 21, 108, 97, 108, 103]


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_encoding_what_was_decoded_gives_the_same_tokens(encoding, song, random_score):
    for score in (song, Score.from_notes([]), *(on_the_keys(random_score(seed)) for seed in range(6))):
        tokens = encoding.encode(score)
        assert set(tokens) <= set(encoding.alphabet)
        assert encoding.encode(encoding.decode(tokens)) == tokens
        assert bool(tokens) == bool(len(score))


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_any_sequence_of_the_alphabet_decodes(encoding):
    rng = np.random.default_rng(7)
    for size in (1, 2, 3, 5, 400):
        tokens = encoding.encode(encoding.decode(rng.choice(encoding.alphabet, size).tolist()))
        assert encoding.encode(encoding.decode(tokens)) == tokens
    assert tokens


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_options_go_through_json(encoding):
    assert from_config(encoding.to_config()) == encoding


@pytest.mark.parametrize(
    ("encoding", "token"),
    [
        *((NoteEvents(), token) for token in ("", "t:9", "t:2/4", "t:-1", "d:0", "d:1/7", "v:64", "v:0", "c4", "R")),
        *((Performance(), token) for token in ("", "on:G#0", "off:C#8", "shift:0", "shift:15", "shift:1010", "v:64", "C4")),
    ],
)  # fmt: skip
def test_a_foreign_token_is_named(encoding, token):
    with pytest.raises(ValueError) as error:
        encoding.decode([token])
    assert repr(token) in str(error.value) and encoding.name in str(error.value)


@pytest.mark.parametrize(
    "options",
    [{"steps_per_quarter": 0}, {"steps_per_quarter": 2.5}, {"longest": 0}, {"velocities": 33}, {"velocities": 256}],
    ids=str,
)
def test_bad_options_are_named(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name}.* {value}"):
        NoteEvents(**options)


def test_music_of_more_than_a_day_is_refused():
    with pytest.raises(ValueError, match="slice"):
        Performance().encode(Score.from_notes([(0, 1, 60), (1e6, 1, 60)]))


@pytest.mark.parametrize("count", [1, 2, 32, 128])
def test_each_class_of_velocity_holds_its_own_middle(count):
    velocities = np.arange(1, 128)
    found = to_class(velocities, count)
    assert sorted(set(found.tolist())) == classes(count)[: len(set(found.tolist()))]
    assert to_class(found, count).tolist() == found.tolist()
    assert np.abs(found - velocities).max() <= 64 // count
    assert np.all(np.diff(found) >= 0)
