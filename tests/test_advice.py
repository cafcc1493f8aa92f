"""Advice: the figures of each encoding, in music where they are known, and which one is recommended."""

import numpy as np
import pytest

from musiclib import corpus, encodings
from musiclib.corpus import Corpus
from musiclib.encodings import Chorale, Frames, NoteChord, NoteEvents, Performance, Phrases, Spectra, advise
from musiclib.encodings.figures import percent
from musiclib.encodings.round_trip import Changes, changes
from musiclib.score import Score

SCALE = (0, 2, 4, 5, 7, 9, 11)


def made(piece, count=20):
    return Corpus(tuple(f"piece {i}" for i in range(count)), tuple(piece(i) for i in range(count)))


def tune(seed, notes=80):
    """One voice in eighths and quarters."""
    rng = np.random.default_rng(seed)
    lengths = rng.choice([0.5, 1], notes)
    pitches = 67 + np.array(SCALE)[rng.integers(0, 7, notes)]
    return Score.from_notes(zip(np.cumsum(lengths) - lengths, lengths, pitches))


def chorale(seed, beats=32):
    """Four voices in quarters and eighths, with repeated notes, the tenor and bass at times on one pitch."""
    rng = np.random.default_rng(seed)
    rows = []
    for part, low in enumerate((72, 65, 55, 50)):
        for beat in range(beats):
            for at in (0, 0.5) if rng.random() < 0.3 else (0,):
                rows.append((beat + at, 0.5 if at or (beat, 0.5) else 1, low + int(rng.choice(SCALE)), 80, part))
    return Score.from_notes(rows, part_names=("Soprano", "Alto", "Tenor", "Bass"))


def song(seed, bars=24, jitter=0.02):
    """Melody, bridge and piano in sixteenths, played to a click: off the grid by 20 ms, with dynamics."""
    rng = np.random.default_rng(seed)
    tempo, rows = float(rng.integers(70, 130)), []

    def play(at, length, pitch, part):
        at = max(at + rng.normal(0, jitter) * tempo / 60, 0)
        rows.append((at, length * rng.uniform(0.6, 1), pitch, int(rng.integers(40, 110)), part))

    for bar in range(bars):
        for at in np.flatnonzero(rng.random(16) < 0.4) / 4:
            play(4 * bar + at, 0.5, 67 + int(rng.choice(SCALE)), 0)
        play(4 * bar + 2, 2, 79 + int(rng.choice(SCALE)), 1)
        for at in range(4):
            for pitch in rng.choice(12, 3, replace=False):
                play(4 * bar + at, rng.uniform(0.5, 3), 40 + int(pitch), 2)
    return Score.from_notes(rows, tempos=((0, tempo),), part_names=("MELODY", "BRIDGE", "PIANO"))


def performance(seed, notes=400):
    """A piano performance, saved at MIDI's default tempo."""
    rng = np.random.default_rng(seed)
    onsets = np.cumsum(rng.choice([0, 0.3, 0.6], notes) * (1 + 0.2 * np.sin(np.arange(notes) / 9)))
    onsets += np.abs(rng.normal(0, 0.02, notes))
    columns = (onsets, rng.uniform(0.1, 2, notes), rng.integers(30, 90, notes), rng.integers(20, 110, notes))
    return Score.from_notes(zip(*columns))


@pytest.mark.parametrize(
    ("piece", "recommended", "reason"),
    [
        (tune, NoteChord(), "it takes 1.0 tokens a note, the fewest."),
        (chorale, Chorale(holds=True), "and keeps the parts"),
        (song, NoteEvents(), "music.quantized(1/4) moves the onsets onto it first"),
        (performance, Performance(), "100 % of the notes were played without regard to their tempo map"),
    ],
)
def test_the_encoding_that_suits_the_music_is_recommended(piece, recommended, reason):
    advice = advise(made(piece))
    assert advice.recommended == recommended
    assert reason in advice.reason
    assert advice.pieces == 20 and {type(row.encoding) for row in advice.rows} >= {NoteEvents, Performance, Frames}


def test_bach_is_recommended_four_voices():
    advice = advise(corpus.load("bach", limit=12, progress=False))
    assert advice.recommended == Chorale(holds=True)
    chords = next(row for row in advice.rows if row.encoding == NoteChord())
    assert chords.lost > 0.3 and chords.unknown > 0.02


def test_quantizing_first_brings_the_onsets_of_a_song_onto_the_grid():
    songs = made(song)
    before = advise(songs, [NoteEvents()]).rows[0]
    after = advise(songs.quantized(), [NoteEvents()])
    assert before.off_grid > 0.3 and after.rows[0].off_grid == 0
    assert "quantize" not in after.reason


def test_figures_of_a_round_trip_in_literal_numbers():
    """C major in two parts; a louder note 20 ms late; a long one that sounds on below the next."""
    rows = [(0, 1, 60, 79, 0), (0, 1, 64, 79, 0), (0, 1, 67, 79, 1), (1.04, 1, 72, 100, 0), (2, 3, 48, 79, 0),
            (3, 1, 60, 79, 0)]  # fmt: skip
    score = Score.from_notes(rows)
    found = {
        encoding.name: changes(score, encoding, encoding.encode(score))
        for encoding in (NoteChord("pitches"), NoteEvents(), Performance(), Frames(), Chorale(holds=True))
    }
    assert found["NoteChord"] == Changes(6, lost=0, moved=1, durations=1, velocities=1, parts=1)
    assert found["NoteEvents"] == Changes(6, lost=0, moved=1, durations=0, velocities=0, parts=1)
    assert found["Performance"] == Changes(6, lost=0, moved=0, durations=0, velocities=0, parts=1)
    assert found["Frames"].velocities == 1 and found["Frames"].moved == 2


def test_each_note_returns_once():
    score = Score.from_notes([(0, 1, 60), (0, 1, 60), (2, 1, 60)])
    events = NoteEvents()
    assert changes(score, events, events.encode(score)).lost == 0
    assert changes(score, events, events.encode(score)[:4]).lost == 2
    assert changes(score, events, []).lost == 3


def test_repeated_notes_are_lost_without_holds():
    score = Score.from_notes([(beat, 1, 60) for beat in range(4)])
    lost = [changes(score, each, each.encode(score)).lost for each in (Chorale(), Chorale(holds=True))]
    assert lost == [3, 0]


def test_an_upbeat_does_not_displace_phrases():
    score = Score.from_notes([(i, 1, 60 + i) for i in range(9)], time_signatures=((0, 1, 4), (1, 4, 4)))
    assert changes(score, Phrases(), Phrases().encode(score)).lost == 1


def test_unknown_tokens_are_those_of_held_out_pieces():
    """Every piece has a pitch of its own, which no training piece has."""
    pieces = made(lambda i: Score.from_notes([(0, 1, 60), (1, 1, 60), (2, 1, 60), (3, 1, 70 + i)]), 20)
    row = advise(pieces, [NoteChord()]).rows[0]
    assert (row.unknown, row.vocabulary, row.tokens_per_note) == (0.25, 1, 1.0)


def test_a_piece_alone_has_no_held_out_tokens():
    score = song(0)
    advice = advise(score)
    assert advice.pieces == 1 and all(row.unknown is None for row in advice.rows)
    assert advice.recommended == NoteEvents()
    assert advise([score]) == advice
    assert "–" in str(advice)


def test_an_encoding_that_knows_no_note_is_not_recommended():
    events = NoteEvents()
    finest = NoteChord("pitches", steps_per_quarter=9999)
    advice = advise(made(performance), [finest, Performance()])
    assert advice.recommended == Performance() and advice.rows[0].unknown > 0.9
    alone = advise(made(song), [finest])
    assert alone.recommended == finest and alone.reason.startswith("None of these keeps this music")
    assert advise(made(song), [finest, events]).recommended == events


def test_it_is_printed_as_a_table():
    advice = advise(made(tune), [NoteEvents(velocities=1), Frames()])
    lines = repr(advice).splitlines()
    assert lines[0].split("  ")[0] == "encoding" and lines[1].startswith("NoteEvents(velocities=1)")
    assert lines[-1] == f"Recommended: NoteEvents(velocities=1). {advice.reason} Measured on 20 pieces."
    assert str(advice) == repr(advice)
    assert advice.to_markdown() == advice._repr_markdown_()
    assert (
        "| `Frames()` |" in advice.to_markdown()
        and "**Recommended: `NoteEvents(velocities=1)`.**" in advice.to_markdown()
    )


def test_shares_are_printed_short():
    assert [percent(share) for share in (None, 0, 0.0001, 0.0217, 0.38, 1)] == [
        "–", "0 %", "<0.1 %", "2.2 %", "38 %", "100 %"
    ]  # fmt: skip


def test_it_is_repeatable_and_cuts_what_is_long():
    long = made(lambda i: performance(i, 3000), 3)
    assert advise(long, [Performance()], seed=1) == advise(long, [Performance()], seed=1)
    assert advise(long, [Performance()]).rows[0].lost < 0.01


def test_a_damaged_piece_is_lost_and_stops_nothing():
    damaged = Score.from_notes([(0, 1, 60), (1e300, 1, 62), (1.7e308, 1.7e308, 64)])
    advice = advise([*made(tune).scores, damaged])
    assert advice.recommended == NoteChord() and all(0 < row.lost < 0.2 for row in advice.rows)


@pytest.mark.parametrize(
    ("music", "options", "named"),
    [
        (Corpus((), ()), {}, "none of these 0 pieces has a pitched note"),
        ([], {}, "none of these 0 pieces has a pitched note"),
        (Score.from_notes([]), {}, "none of these 1 pieces has a pitched note"),
        ("bach", {}, "advise takes a corpus, a Score or a list of them, got str; load one with corpus.load"),
        (["bach"], {}, "got list"),
        (corpus.Split(*[Corpus((), ())] * 3), {}, "got Split"),
        (tune(0), {"encodings": []}, "such as \\[encodings.NoteChord\\(\\)\\], got \\[\\]"),
        (tune(0), {"encodings": [Spectra()]}, "got \\[Spectra"),
        (tune(0), {"encodings": [NoteChord]}, "got \\[<class"),
        (tune(0), {"encodings": NoteChord()}, "got NoteChord"),
    ],
)
def test_bad_input_is_named(music, options, named):
    with pytest.raises(ValueError, match=named):
        encodings.advise(music, **options)


def test_times_in_seconds_keep_the_tempo():
    """A generated piece inherits no tempo then; twice the tempo, half as many frames."""
    score = Score.from_notes([(beat, 1, 60 + beat) for beat in range(8)])
    fast = score.replace(tempos=((0, 240),))
    for encoding in (Frames(), Performance(), NoteEvents(), NoteChord(), Chorale()):
        assert encoding.in_seconds == (encoding.encode(score) != encoding.encode(fast)) == ("tempo" in encoding.keeps)
