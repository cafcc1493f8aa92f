"""Encodings: literal tokens, what survives the way there and back, and what is refused."""

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest

from musiclib.encodings import ENCODINGS, Frames, NoteChord, from_config, normal_order
from musiclib.score import Score, pitch_name, pitch_number

NOTE_CHORDS = [
    NoteChord(chords, durations, steps_per_quarter, step)
    for chords, durations, steps_per_quarter, step in itertools.product(
        ("normal_order", "pitches"), (True, False), (1, 4, 7, 12), (0.5, 1.0, 0.3)
    )
    if step * steps_per_quarter >= 1
]
SUSTAINED = [
    NoteChord(chords, durations, sustain=True) for chords in ("normal_order", "pitches") for durations in (True, False)
]
ALL = [*NOTE_CHORDS, *SUSTAINED, Frames(), Frames(fps=12.5), Frames(fps=1)]


def rows(score):
    """Notes as (onset, duration, pitch), rounded against the last bits."""
    columns = (score.onset.round(9), score.duration.round(9), score.pitch)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("encoding", "tokens"),
    [
        (NoteChord(), "C5:1 R:1/2 0.4.7:1/2 E4:1/2 E4:1/2 0:1 D4:1/3 E4:1/3 F4:1/3"),
        (NoteChord("pitches"), "C5:1 R:1/2 C4.E4.G4:1/2 E4:1/2 E4:1/2 C4.C5:1 D4:1/3 E4:1/3 F4:1/3"),
        (NoteChord(durations=False), "C5 0.4.7 E4 E4 0 D4 E4 F4"),
        (NoteChord("pitches", durations=False), "C5 C4.E4.G4 E4 E4 C4.C5 D4 E4 F4"),
        # On a grid of quarters: 1.5 falls to 2 (half to even) and meets the first E4, 2.5 goes to 2 as well.
        (NoteChord("pitches", steps_per_quarter=1), "C5:1 R:1 C4.E4.G4:1 C4.C5:1 D4.E4:1 F4:1"),
    ],
    ids=str,
)
def test_note_chord_tokens(encoding, tokens, song):
    assert encoding.encode(song) == tokens.split()


def test_note_chord_with_pitches_gives_the_song_back(song):
    assert rows(NoteChord("pitches").decode(NoteChord("pitches").encode(song))) == rows(song)


def test_note_chord_without_durations_gives_every_token_one_step():
    decoded = NoteChord("pitches", durations=False, step=0.25).decode(["C4", "E4.G4", "C4"])
    assert rows(decoded) == [(0, 0.25, 60), (0.25, 0.25, 64), (0.25, 0.25, 67), (0.5, 0.25, 60)]


def test_a_rest_at_the_start_and_a_long_silence_are_kept():
    score = Score.from_notes([(1.25, 0.5, 60), (9, 1, 62)])
    assert NoteChord().encode(score) == ["R:5/4", "C4:1/2", "R:29/4", "D4:1"]
    assert rows(NoteChord().decode(["R:5/4", "C4:1/2", "R:29/4", "D4:1"])) == rows(score)


def test_a_silence_longer_than_any_token_is_several_rests():
    """Such a token would be none that ``decode`` reads."""
    score = Score.from_notes([(1_000_000, 1, 60)])
    tokens = NoteChord().encode(score)
    assert tokens == ["R:3333333/4", "R:666667/4", "C4:1"]
    np.testing.assert_allclose(NoteChord().decode(tokens).onset, [1_000_000])


def test_a_note_longer_than_any_token_is_cut_to_the_longest():
    assert NoteChord().encode(Score.from_notes([(0, 900_000, 60)])) == ["C4:3333333/4"]
    between = NoteChord().encode(Score.from_notes([(0, 900_000, 60), (900_000, 1, 62)]))
    assert between == ["C4:3333333/4", "R:266667/4", "D4:1"]


@pytest.mark.parametrize(
    ("encoding", "time"), [(NoteChord(), 1e12), (NoteChord(), 1.7e308), (Frames(), 1e8), (Frames(), 1.7e308)], ids=str
)
def test_a_score_of_years_is_refused_before_it_fills_the_memory(encoding, time):
    for rows in ([(time, 1, 60)], [(0, time, 60)], [(time, time, 60)]):
        with pytest.raises(ValueError, match=r"this score (lasts|takes) .* score\.slice"):
            encoding.encode(Score.from_notes(rows))


def test_frames_of_a_piece_of_a_day_are_made_at_once():
    tokens = Frames(fps=5).encode(Score.from_notes([(0, 86_400 * 2, 60), (86_400, 2, 64)]))
    assert len(tokens) == 86_400 * 5 and tokens.count("60,64") == 5
    assert rows(Frames(fps=5).decode(tokens)) == [(0, 172_800, 60), (86_400, 2, 64)]


def test_a_token_lasts_as_its_longest_note_but_not_beyond_the_next_onset():
    score = Score.from_notes([(0, 1, 60), (0, 4, 64), (2, 8, 67), (2.5, 0.25, 72)])
    assert NoteChord("pitches").encode(score) == ["C4.E4:2", "G4:1/2", "C5:1/4"]


def test_one_of_two_equal_pitches_that_begin_together_is_dropped():
    score = Score.from_notes([(0, 1, 60, 80, 0), (0, 2, 60, 80, 1)])
    assert NoteChord().encode(score) == ["C4:2"]


def test_notes_shorter_than_the_grid_last_one_step():
    assert NoteChord(steps_per_quarter=4).encode(Score.from_notes([(0, 0.01, 60)])) == ["C4:1/4"]


def test_a_chord_in_normal_order_is_decoded_in_close_position_near_the_middle():
    decoded = NoteChord().decode(["0.4.7:1", "5.9.0:1", "0:1"])
    chords = [decoded.pitch[decoded.onset == onset] for onset in range(3)]
    assert [set((chord % 12).tolist()) for chord in chords] == [{0, 4, 7}, {0, 5, 9}, {0}]
    assert all(np.ptp(chord) < 12 for chord in chords[:2])
    assert np.ptp(chords[2]) == 12 and len(chords[2]) == 2
    assert all(48 <= chord.min() and chord.max() <= 84 for chord in chords)
    # Least movement: the common tone C stays where it was.
    assert len(set(chords[0].tolist()) & set(chords[1].tolist())) == 1


def test_a_sustained_chord_rings_until_the_next_chord_or_rest():
    tokens = "C3.G3:1 C4:1/2 G3:1/2 D4:1 R:1 E4:1 C3.A3:1 A4:1/2".split()
    assert rows(NoteChord("pitches", sustain=True).decode(tokens)) == [
        (0, 3, 48), (0, 1.5, 55), (1, 0.5, 60), (1.5, 0.5, 55), (2, 1, 62),  # G3 is struck again and no longer held
        (4, 1, 64), (5, 1.5, 48), (5, 1.5, 57), (6, 0.5, 69),
    ]  # fmt: skip
    plain = NoteChord("pitches").decode(tokens)
    assert plain.duration[plain.onset == 0].tolist() == [1, 1]


def test_long_progressions_stay_on_the_keyboard():
    rng = np.random.default_rng(0)
    sets = [normal_order(frozenset(rng.choice(12, rng.integers(1, 7), replace=False).tolist())) for _ in range(2000)]
    decoded = NoteChord().decode([".".join(map(str, chord)) + ":1" for chord in sets])
    assert 36 <= decoded.pitch.min() and decoded.pitch.max() <= 96


def test_frames_tokens():
    score = Score.from_notes([(0, 1, 60), (0.4, 0.2, 64), (1.4, 0.01, 67)], tempos=((0, 60),))
    assert Frames(fps=5).encode(score) == ["60", "60", "60,64", "60", "60", "e", "e", "67"]


def test_frames_follow_the_tempo_map():
    score = Score.from_notes([(0, 1, 60), (1, 1, 62)], tempos=((0, 60), (1, 300)))
    assert Frames(fps=5).encode(score) == ["60"] * 5 + ["62"]


def test_frames_decode():
    decoded = Frames(fps=5).decode(["60", "60", "60,64", "e", "60", "67,60"])
    # A frame of 0.2 s is 0.4 quarter lengths at 120; equal pitches in neighbouring frames are one note.
    assert rows(decoded) == [(0, 1.2, 60), (0.8, 0.4, 64), (1.6, 0.8, 60), (2.0, 0.4, 67)]
    assert decoded.tempos == ((0.0, 120.0),)


def test_frames_keep_starts_and_ends_to_half_a_frame():
    rng = np.random.default_rng(1)
    starts = np.arange(40) * 3 + rng.uniform(0, 1, 40)
    lengths = rng.uniform(0.3, 1.5, 40)
    score = Score(starts, lengths, 40 + np.arange(40), [80] * 40, [0] * 40, tempos=((0, 75),))
    decoded = Frames(fps=5).decode(Frames(fps=5).encode(score))
    assert decoded.pitch.tolist() == score.pitch.tolist()
    for was, now in zip(score.seconds(), decoded.seconds(), strict=True):
        assert np.abs(was - now).max() <= 0.1 + 1e-9


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_no_notes_are_no_tokens(encoding):
    assert encoding.encode(Score.from_notes([])) == []
    assert len(encoding.decode([])) == 0


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_encoding_what_was_decoded_gives_the_same_tokens(encoding, song, random_score):
    for score in (song, *(random_score(seed) for seed in range(6))):
        tokens = encoding.encode(score)
        assert encoding.encode(encoding.decode(tokens)) == tokens


@pytest.mark.parametrize("encoding", NOTE_CHORDS, ids=str)
def test_note_chord_keeps_what_its_docstring_says(encoding, random_score):
    for seed in range(4):
        score = random_score(seed)
        grid = encoding.steps_per_quarter
        groups: dict[int, list] = {}
        for onset, duration, pitch in rows(score):
            groups.setdefault(int(np.round(onset * grid)), []).append((max(1, int(np.round(duration * grid))), pitch))
        expected = []
        for i, start in enumerate(sorted(groups)):
            longest = max(length for length, _ in groups[start])
            later = [other - start for other in groups if other > start]
            length = min([longest, *later]) / grid
            onset = start / grid
            if not encoding.durations:
                onset, length = i * encoding.step, encoding.step
            expected.append((onset, length, sorted({pitch for _, pitch in groups[start]})))
        decoded = encoding.decode(encoding.encode(score))
        found = []
        for onset in np.unique(decoded.onset):
            here = decoded.onset == onset
            assert len(set(decoded.duration[here].tolist())) == 1
            found.append((onset, decoded.duration[here][0], decoded.pitch[here].tolist()))
        np.testing.assert_allclose([f[:2] for f in found], [e[:2] for e in expected], atol=1e-9)
        for (*_, pitches), (*_, wanted) in zip(found, expected, strict=True):
            if encoding.chords == "pitches" or len(wanted) == 1:
                assert pitches == wanted
            else:
                assert {pitch % 12 for pitch in pitches} == {pitch % 12 for pitch in wanted}


def random_tokens(encoding, rng, count=300):
    """Draws tokens evenly from an encoding's alphabet, as an untrained network would."""
    tokens = []
    for _ in range(count):
        size = rng.integers(0, 7)
        if isinstance(encoding, Frames):
            tokens.append(",".join(str(p) for p in sorted(rng.choice(128, size, replace=False))) or "e")
            continue
        if size == 0:
            text = "R" if encoding.durations else "C4"
        elif size == 1:
            text = pitch_name(int(rng.integers(128)))
        elif encoding.chords == "pitches":
            text = ".".join(pitch_name(int(p)) for p in sorted(rng.choice(128, size, replace=False)))
        else:
            chord = frozenset(rng.choice(12, size - 1, replace=False).tolist())
            text = ".".join(map(str, normal_order(chord)))
        length = Fraction(int(rng.integers(1, 60)), encoding.steps_per_quarter)
        tokens.append(f"{text}:{length}" if encoding.durations else text)
    return tokens


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_any_sequence_of_the_alphabet_decodes(encoding):
    rng = np.random.default_rng(7)
    for _ in range(5):
        score = encoding.decode(random_tokens(encoding, rng))
        assert len(score)
        tokens = encoding.encode(score)
        assert encoding.encode(encoding.decode(tokens)) == tokens


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_sequences_without_double_rests_come_back_as_they_were(encoding):
    """Two rests in a row are one silence, and one at the end is none; all else survives."""
    tokens = random_tokens(encoding, np.random.default_rng(8))
    if isinstance(encoding, NoteChord):
        tokens = [t for i, t in enumerate(tokens) if not (t[0] == "R" and i and tokens[i - 1][0] == "R")]
    while tokens[-1][0] in "Re":
        tokens.pop()
    assert encoding.encode(encoding.decode(tokens)) == tokens


@pytest.mark.parametrize(
    ("encoding", "token"),
    [
        *((NoteChord(), token) for token in (
            "", "C5", "C5:", ":1", "C5:0", "C5:-1", "C5:1/0", "C5:x", "C5:nan", "C5:inf", "H4:1", "E#4:1", "C10:1",
            "A9:1", "C-2:1", "c4:1", "C:1", "12:1", "0.12:1", "0.C4:1", "0..4:1", "-1:1", "r:1", "<start>", "60,64",
            "C5:1e400", "C5:1e-400",
        )),
        *((NoteChord(durations=False), token) for token in ("", "R", "C5:1", "R:1", "12", "e", "C4.")),
        (NoteChord("pitches"), "0.4.7:1"),
        (NoteChord("pitches"), "0:1"),
        *((Frames(), token) for token in ("", "128", "60,", ",60", "60,128", "-1", "E", "C4", "60.64", "6 0", "<end>")),
    ],
    ids=str,
)  # fmt: skip
def test_a_foreign_token_is_named(encoding, token):
    good = "60" if isinstance(encoding, Frames) else "C4:1" if encoding.durations else "C4"
    with pytest.raises(ValueError) as error:
        encoding.decode([good, token, good])
    assert repr(token) in str(error.value)


def test_normal_order_of_known_chords():
    assert normal_order(frozenset({0, 4, 7})) == (0, 4, 7)
    assert normal_order(frozenset({0, 3, 8})) == (8, 0, 3)
    assert normal_order(frozenset({2, 5, 7, 11})) == (11, 2, 5, 7)
    assert normal_order(frozenset({9})) == (9,)


def test_normal_order_is_that_of_music21():
    """On sets drawn at random, and on all that repeat within the octave, whose ties only the last rule breaks.

    (It holds for all 4095 sets; music21 takes half a minute over them.)
    """
    from music21 import chord

    repeating = [half << 6 | half for half in range(1, 64)]
    drawn = np.random.default_rng(0).integers(1, 4096, 150).tolist()
    for bits in repeating + drawn:
        members = [i for i in range(12) if bits >> i & 1]
        assert normal_order(frozenset(members)) == tuple(chord.Chord(members).normalOrder), members


@pytest.mark.parametrize("pitch", range(128))
def test_pitch_names_go_both_ways(pitch):
    assert pitch_number(pitch_name(pitch)) == pitch


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_options_go_through_json(encoding):
    again = from_config(json.loads(json.dumps(encoding.to_config())))
    assert again == encoding and type(again) is type(encoding)


def test_every_encoding_is_known_by_its_name():
    names = ("NoteChord", "Frames", "NoteEvents", "Performance", "Chorale", "Phrases", "Spectra")
    assert {name: encoding.name for name, encoding in ENCODINGS.items()} == {n: n for n in names}


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: NoteChord(chords="jazz"), "jazz"),
        (lambda: NoteChord(steps_per_quarter=0), "0"),
        (lambda: NoteChord(steps_per_quarter=2.5), "2.5"),
        (lambda: NoteChord(step=0), "0"),
        (lambda: NoteChord(step=-1.5), "-1.5"),
        (lambda: NoteChord(step=float("nan")), "nan"),
        (lambda: NoteChord(step=float("inf")), "inf"),
        # A step below the grid would let two tokens fall on one onset, and encode(decode(...)) lose one.
        (lambda: NoteChord(durations=False, step=0.01), "0.01"),
        (lambda: NoteChord(steps_per_quarter=10_000), "10000"),  # its lengths would be no tokens of its own
        (lambda: NoteChord(step=1e300), "1e[+]300"),
        (lambda: Frames(fps=0), "0"),
        (lambda: Frames(fps=1e-300), "1e-300"),
        (lambda: Frames(fps=1e300), "1e[+]300"),
        (lambda: Frames(fps=-3), "-3"),
        (lambda: Frames(fps=float("inf")), "inf"),
        (lambda: Frames(fps=float("nan")), "nan"),
        (lambda: from_config({"name": "Kazoo"}), "Kazoo"),
        (lambda: from_config({}), "NoteChord"),
        (lambda: from_config({"name": "Frames", "speed": 3}), "speed"),
    ],
)
def test_bad_options_are_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()
