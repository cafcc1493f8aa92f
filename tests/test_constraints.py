"""Constraints of generated pieces: they hold for every encoding, whatever the network prefers, and cost what they cost."""

import itertools
import math

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import audio, encodings, models, sampling
from musiclib.config import Config
from musiclib.encodings.vocabulary import RESERVED, Vocabulary
from musiclib.models import AutoregressiveModel
from musiclib.sampling.choosing import in_key
from musiclib.score import Score, instruments, scales
from musiclib.training import Run

D_MINOR = {2, 4, 5, 7, 9, 10, 11, 0, 1}


class Fixed(AutoregressiveModel):
    """A network with the same logits at every step."""

    def __init__(self, logits):
        super().__init__(len(logits))
        self.logits = np.asarray(logits, np.float32)

    def initial_state(self, batch_size):
        return (ops.zeros((batch_size, 1)),)

    def step(self, ids, state):
        return ops.broadcast_to(ops.convert_to_tensor(self.logits), (ops.shape(ids)[0], len(self.logits))), state

    def call(self, ids, training=False):
        shape = ops.shape(ids)
        return ops.broadcast_to(ops.convert_to_tensor(self.logits), (shape[0], shape[1], len(self.logits)))


def chromatic():
    """Notes of every pitch class in several octaves and lengths, chords of D minor and others, and a rest."""
    lengths = itertools.cycle((0.25, 0.5, 1.0, 2.0))
    rows, now = [], 0.0
    for low in (48, 60, 72):
        for step in range(12):
            for interval in ((0,), (0, 3, 7), (0, 4, 7)):
                length = next(lengths)
                rows += [(now, length, low + step + up) for up in interval]
                now += length + (0.5 if step == 5 else 0)
    rows += [(now, length, 50 + up) for length in (2.0,) for up in (0, 3, 7)]
    rows += [(now + 4, 2.0, 50), (now + 7, 4.0, 62), (now + 12, 0.25, 69)]
    return Score.from_notes(rows, time_signatures=((0.0, 4, 4),))


def voices():
    """Four voices on a chromatic scale."""
    rows = [(16.0, 1.0, low, 80, voice) for voice, low in enumerate((69, 62, 57, 50))]
    for voice, low in enumerate((69, 62, 57, 45)):
        rows += [(i / 4, 0.25, low + i % 12, 80, voice) for i in range(64)]
    return Score.from_notes(rows, part_names=("Soprano", "Alto", "Tenor", "Bass"), time_signatures=((0.0, 4, 4),))


CASES = {
    "NoteChord": (encodings.NoteChord(), chromatic()),
    "pitches": (encodings.NoteChord(chords="pitches", steps_per_quarter=4), chromatic()),
    "without durations": (encodings.NoteChord(durations=False), chromatic()),
    "Frames": (encodings.Frames(), chromatic()),
    "NoteEvents": (encodings.NoteEvents(steps_per_quarter=4, velocities=2), chromatic()),
    "Performance": (encodings.Performance(), chromatic()),
    "Chorale": (encodings.Chorale(), voices()),
    "holds": (encodings.Chorale(holds=True), voices()),
    "melody": (encodings.Chorale(holds=True, voices="S"), voices()),
    "Phrases": (encodings.Phrases(bars=2, voices="SBAT"), voices()),
}


def run_of(name, seed=3):
    """A run of a network that finds some tokens likelier than others, by chance."""
    encoding, music = CASES[name]
    tokens = Vocabulary.build([encoding.encode(music)]).tokens
    if name == "Performance":  # passes a second here, and quiet tokens do not fill a piece
        tokens = tuple(t for t in tokens if not t.startswith("v:"))
    logits = np.random.default_rng(seed).normal(size=len(tokens))
    logits[[i for i, token in enumerate(tokens) if token.startswith("shift")]] += 2
    return Run(Fixed(logits), Vocabulary(tokens), encoding, Config(), {}, {})


def last_chord(piece):
    """Pitches that sound at the end, from low to high."""
    return sorted(piece.pitch[piece.onset + piece.duration >= piece.end - 1e-6].tolist())


@pytest.mark.parametrize("name", CASES)
def test_bars_key_and_cadence_hold_for_every_encoding(name):
    bars = 2 if name == "Phrases" else 4
    run = run_of(name)
    pieces = sampling.generate(run, 3, bars=bars, key="D minor", cadence=True, seed=5)
    for piece, costs in zip(pieces, pieces.costs):
        assert piece.end == pytest.approx(4 * bars)
        assert set((piece.pitch % 12).tolist()) <= D_MINOR
        final = last_chord(piece)
        assert {pitch % 12 for pitch in final} <= {2, 5, 6, 9} and 2 in {pitch % 12 for pitch in final}
        if name not in ("NoteChord", "without durations"):  # which know chords without octaves
            crossing = "voices" in str(run.encoding) and "S'" not in str(run.encoding)
            bass = piece.select("Bass").pitch[-1] if crossing else final[0]
            assert bass % 12 == 2
            ends = piece.onset + piece.duration >= piece.end - 1e-6
            assert piece.duration[ends].min() >= (1 if name == "pitches" else 1.9)  # held, and alone
        assert piece.time_signatures == ((0.0, 4, 4),) and piece.key_signatures == ((0.0, -1, "minor"),)
        assert set(costs) == {"key", "bars", "cadence"} and min(costs.values()) >= -1e-3
    assert [len(p) for p in sampling.generate(run, 3, bars=bars, key="D minor", cadence=True, seed=5)] == [
        *map(len, pieces)
    ]


@pytest.mark.parametrize("name", ["NoteChord", "Frames", "NoteEvents", "Performance", "Chorale"])
def test_bars_alone_end_every_piece_in_the_last_bar(name):
    upper = 4 if name == "Frames" else 3  # a bar of 3/4 is no whole number of frames
    for piece in sampling.generate(run_of(name), 4, bars=3, time_signature=f"{upper}/4", seed=1):
        assert 2 * upper < piece.end <= 3 * upper + 1e-6
        assert piece.time_signatures == ((0.0, upper, 4),)


def test_the_cost_of_a_key_is_the_probability_that_the_scale_had():
    run = run_of("NoteChord")
    open_ids = [i for i, token in enumerate(run.vocabulary.tokens) if i >= len(RESERVED)]
    readings = [run.encoding.reading(run.vocabulary.tokens[i]) for i in open_ids]
    inside = [{pitch % 12 for pitch in reading.pitches} <= D_MINOR for reading in readings]
    p = np.exp(run.model.logits[open_ids])
    expected = -math.log(p[inside].sum() / p.sum()) * 20
    pieces = sampling.generate(run, length=20, stop_at_end=False, scale=D_MINOR, seed=2)
    assert pieces.costs[0] == {"scale": pytest.approx(expected, abs=0.01)}
    assert sampling.generate(run, length=20, seed=2).costs == [{}]


def test_the_cost_of_bars_is_what_the_network_gave_to_other_lengths():
    """Two tokens, a quarter and a half note: of a bar of 2/4, the half note must come first or not at all."""
    vocabulary = Vocabulary((*RESERVED, "C4:1", "C4:2"))
    logits = [-1e9, -1e9, math.log(0.2), -1e9, math.log(0.5), math.log(0.3)]
    run = Run(Fixed(logits), vocabulary, encodings.NoteChord(), Config(), {}, {})
    for seed in range(6):
        pieces = sampling.generate(run, bars=1, time_signature="2/4", seed=seed)
        notes = pieces[0].duration.tolist()
        # Not to end at first, to end at last, and in the middle not to end nor to go on for too long.
        expected = -math.log(0.8) - math.log(0.2) - (math.log(0.5) if notes == [1, 1] else 0)
        assert notes in ([1, 1], [2]) and pieces.costs[0]["bars"] == pytest.approx(expected, abs=0.002)


def test_a_soft_scale_is_left_sometimes_and_less_the_more_it_costs():
    run = run_of("pitches")
    shares = []
    for penalty in (0.0, 2.0, 5.0):
        piece = sampling.generate(
            run, length=400, stop_at_end=False, scale="minor", key="D minor", scale_penalty=penalty, seed=4
        )[0]
        shares.append(np.mean(~np.isin(piece.pitch % 12, list(D_MINOR))))
    assert shares[0] > shares[1] > shares[2] > 0
    hard = sampling.generate(run, length=400, key="D minor", seed=4)[0]
    assert np.all(np.isin(hard.pitch % 12, list(D_MINOR)))


def test_a_piece_in_a_key_is_estimated_to_be_in_it():
    pieces = sampling.generate(run_of("pitches"), 10, bars=8, key="D minor", cadence=True, seed=0)
    loose = sampling.generate(run_of("pitches"), 10, length=60, scale=D_MINOR, seed=0)
    assert sum(in_key(piece, "D minor") for piece in pieces) > sum(in_key(piece, "D minor") for piece in loose)


@pytest.mark.parametrize("name", ["NoteChord", "NoteEvents", "Chorale"])
def test_bars_count_a_primer_that_is_part_of_the_piece_and_no_other(name):
    run = run_of(name)
    primer = run.encoding.decode(run.encoding.encode(CASES[name][1].slice(0, 4)))
    whole = sampling.generate(run, primer=primer, bars=3, seed=0)[0]
    assert whole.end <= 12 + 1e-6 and whole.slice(0, 1).pitch.tolist() == primer.slice(0, 1).pitch.tolist()
    assert 8 < sampling.generate(run, primer=primer, include_primer=False, bars=3, seed=0)[0].end <= 12 + 1e-6
    with pytest.raises(ValueError, match="the primer lasts .* quarter lengths.* ask for more bars"):
        sampling.generate(run, primer=primer, bars=1, time_signature="2/4")


def test_a_copy_guard_yields_where_the_constraints_leave_one_token():
    """The only note of the scale would be copied: the piece stays in the scale."""
    from musiclib.dataset import Pieces

    vocabulary = Vocabulary((*RESERVED, "C4:1", "C#4:1"))
    run = Run(Fixed([0.0] * 6), vocabulary, encodings.NoteChord(), Config(), {}, {})
    guard = sampling.Guard(Pieces.from_lists([[4] * 30]), 2)
    piece = sampling.generate(run, bars=4, scale=["C"], avoid_copying=guard, seed=0)[0]
    assert piece.pitch.tolist() == [60] * 16


def test_tempo_and_instrument():
    piece = sampling.generate(run_of("NoteChord"), length=5, tempo=90, instrument="violin", seed=0)[0]
    assert piece.tempos == ((0.0, 90.0),) and piece.programs == (40,) and piece.part_names == ("Violin",)
    piece = sampling.generate(run_of("Chorale"), length=64, instrument=52, seed=0)[0]
    assert piece.programs == (52,) * 4 and piece.part_names[0] == "Soprano"


def test_a_loop_is_the_candidate_after_which_its_beginning_is_likeliest():
    keras.utils.set_random_seed(1)
    vocabulary = run_of("NoteChord").vocabulary
    model = models.build("stacked_lstm", len(vocabulary), units=[32], embedding_size=16)
    run = Run(model, vocabulary, encodings.NoteChord(), Config(), {}, {})
    piece = sampling.generate(run, bars=2, loop=True, seed=2)
    candidates = sampling.generate_ids(run, 8, bars=2, seed=2)

    def nats_of_return(ids):
        """-log P of the first bar after the end, by the network's own logits, less that at the beginning."""
        music = [run.encoding.reading(token).moves for token in run.vocabulary.to_tokens(ids)]
        first = next(n for n in range(len(ids) + 1) if sum(music[:n]) >= 4)

        def losses(whole):
            logits = np.asarray(model(np.array([whole[:-1]], np.int32))[0], np.float64)
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            return -np.log(p / p.sum(axis=1, keepdims=True))[np.arange(len(whole) - 1), whole[1:]]

        after = losses([1, *ids, *ids[:first]])[-first:].sum()
        return after - losses([1, *ids[:first]]).sum()

    found = [nats_of_return(ids) for ids in candidates]
    assert piece.costs[0]["loop"] == pytest.approx(min(found), abs=0.01)
    best = run.encoding.decode(run.vocabulary.to_tokens(candidates[int(np.argmin(found))]))
    assert np.array_equal(piece[0].pitch, best.pitch) and max(found) > min(found) + 0.1


def test_a_loop_is_rendered_without_a_click():
    piece = sampling.generate(run_of("NoteChord"), bars=4, key="D minor", seed=1, tempo=150)[0]
    rate = 22050
    sound = audio.synthesize_loop(piece, rate)
    assert len(sound) == round(16 * 60 / 150 * rate)

    def flux(samples, step):
        """Of the changes of the spectrum every ``step`` samples, the share that is smaller than that at the seam."""
        thrice, places = np.tile(samples.mean(axis=1), 3), range(len(samples), 2 * len(samples), step)
        pairs = np.array([[thrice[i - 768 : i - 256], thrice[i - 256 : i + 256]] for i in places])  # first at the seam
        spectra = np.log1p(1000 * np.abs(np.fft.rfft(pairs * np.hanning(512))))
        change = np.maximum(np.diff(spectra, axis=1), 0).sum(axis=(1, 2))
        return np.mean(change < change[0])

    assert flux(sound, len(sound) // 64) < 0.95  # among sixteenths, since the first bar begins with a note as others do
    assert np.abs(np.diff(np.concatenate([sound[-2:], sound[:2]]).mean(axis=1))).max() < 0.02
    # Of a piece that begins with a rest, so that no onset hides the seam: and of what is merely cut at the bar line.
    rest = Score.from_notes([(1.0, 0.5, 62), (2.0, 2.0, 69)], time_signatures=((0.0, 4, 4),))
    smooth, cut = audio.synthesize_loop(rest, rate), audio.synthesize(rest, rate)[: 2 * rate]
    assert flux(smooth, 441) < 0.95 < flux(cut, 441)


BAD = {
    "bars=0": ({"bars": 0}, "bars must be a whole number of at least 1, got 0"),
    "metre": ({"bars": 2, "time_signature": "5/5"}, "time_signature must be such as '4/4' or '6/8', got '5/5'"),
    "key": ({"key": "H minor"}, "there is no key 'H minor'; a key is a note and a mode, such as 'D minor'"),
    "mode": ({"key": "D happy"}, "there is no key 'D happy'"),
    "scale name": ({"key": "D minor", "scale": "sad"}, "there is no scale 'sad'; the scales are major"),
    "scale without a tonic": ({"scale": "blues"}, "the scale 'blues' needs a tonic; give a key too"),
    "scale of nothing": ({"scale": []}, "a scale is a name or its notes"),
    "penalty": ({"key": "C", "scale_penalty": -1}, "scale_penalty must be a number of nats, 0 or more, got -1"),
    "penalty alone": ({"scale_penalty": 1}, "scale_penalty needs a key or a scale"),
    "cadence alone": ({"cadence": True}, "cadence=True needs bars and key; give bars= too"),
    "loop alone": ({"loop": True}, "loop=True needs bars; give bars= too"),
    "no bool": ({"cadence": "no", "bars": 2, "key": "C"}, "cadence must be True or False, got 'no'"),
    "half a pitch": ({"scale": [0.5]}, "a scale is a name or its notes"),
    "tempo": ({"tempo": 0}, "tempo must be from 1 to 1000 quarter notes per minute, got 0"),
    "instrument": ({"instrument": "kazoo choir"}, "there is no instrument 'kazoo choir'"),
    "too many bars": ({"bars": 10**6}, "too many for this run; ask for fewer"),
    "unknown": ({"bar": 4}, "there is no option 'bar' here; the options are temperature"),
}


@pytest.mark.parametrize("options, message", BAD.values(), ids=BAD)
def test_bad_input_gets_one_sentence(options, message):
    with pytest.raises((ValueError, TypeError)) as error:
        sampling.generate(run_of("NoteChord"), **options)
    assert message in str(error.value)


def test_a_held_chord_ends_where_the_last_note_begins():
    """An encoding that sustains chords under single notes ends on the tonic alone."""
    vocabulary = Vocabulary((*RESERVED, "C3.E3.A#3:1", "C4:1", "C4:2"))
    encoding = encodings.NoteChord(chords="pitches", sustain=True)
    run = Run(Fixed([0.0] * 4 + [2.0, -4.0, 0.0]), vocabulary, encoding, Config(), {}, {})
    for seed in range(4):
        piece = sampling.generate(run, bars=2, scale="mixolydian", key="C", cadence=True, seed=seed)[0]
        assert last_chord(piece) == [60] and piece.end == 8


def test_the_rules_do_not_open_what_the_constraints_bar():
    """A penalty far below 1 makes barred logits likely again, but for those of the constraints."""
    for seed in range(3):
        piece = sampling.generate(run_of("NoteChord"), bars=2, repetition_penalty=1e-9, seed=seed)[0]
        assert piece.end <= 8


def test_numbers_and_notes_of_numpy_and_iterators():
    run = run_of("pitches")
    options = {"tempo": np.float32(90), "scale_penalty": np.int64(2), "key": "C", "seed": 0}
    scales = np.array([0, 4, 7]), iter([0, 4, 7]), {0, 4, 7}, ("C", "E", "G")
    pieces = [sampling.generate(run, length=20, scale=scale, **options)[0] for scale in scales]
    assert all(piece == pieces[0] for piece in pieces) and pieces[0].tempos == ((0.0, 90.0),)


def test_a_primer_must_leave_room_and_have_the_metre_of_the_bars():
    run = run_of("pitches")
    with pytest.raises(ValueError, match="2 bars leave no room for an ending in D minor; ask for more bars"):
        sampling.generate(run, bars=2, key="D minor", cadence=True, primer=["R:1/2"] * 15)
    tokens = (*run_of("Phrases").vocabulary.tokens, "3/4")
    run = Run(Fixed([0.0] * len(tokens)), Vocabulary(tokens), encodings.Phrases(voices="SBAT"), Config(), {}, {})
    with pytest.raises(ValueError, match="the primer is in 3/4, and the bars in 4/4; give time_signature='3/4'"):
        sampling.generate(run, bars=2, primer="3/4")


def test_what_the_tokens_cannot_fulfil_is_said():
    vocabulary = Vocabulary((*RESERVED, "C4:1", "C4:2"))
    run = Run(Fixed([0.0] * 6), vocabulary, encodings.NoteChord(), Config(), {}, {})
    with pytest.raises(ValueError, match="no note of this run lies in the scale C# D#; choose another key or scale"):
        sampling.generate(run, scale=["C#", "Eb"])
    with pytest.raises(ValueError, match="this run has no chord that begins or ends a piece in G major"):
        sampling.generate(run, bars=2, key="G major", cadence=True)
    with pytest.raises(ValueError, match="no whole number of the steps of NoteChord.*1 each"):
        sampling.generate(run, bars=1, time_signature="3/8")
    run = Run(Fixed([0.0] * 5), Vocabulary((*RESERVED, "C4:2")), encodings.NoteChord(), Config(), {}, {})
    with pytest.raises(ValueError, match="no whole number of the steps"):
        sampling.generate(run, bars=1, time_signature="3/4")
    with pytest.raises(ValueError, match="phrases of 2 bars in 4/4: give bars=2"):
        sampling.generate(run_of("Phrases"), bars=4)


def test_an_encoding_that_does_not_say_its_times_takes_a_scale_and_no_bars():
    class Bare(encodings.NoteChord):
        reading = encodings.Encoding.reading

    run = run_of("pitches")
    run = Run(run.model, run.vocabulary, Bare(chords="pitches", steps_per_quarter=4), Config(), {}, {})
    assert set((sampling.generate(run, length=50, key="D minor", seed=0)[0].pitch % 12).tolist()) <= D_MINOR
    with pytest.raises(ValueError, match="Bare does not say how long its tokens are"):
        sampling.generate(run, bars=2)


@pytest.mark.parametrize(
    "name, expected",
    [("D minor", (2, -1, "minor")), ("Bb major", (10, -2, "major")), ("F# dorian", (6, 4, "dorian")), ("g", (7, 1, "major")),
     ("A flat major", (8, -4, "major")), ("G# major", (8, -4, "major")), ("e  Phrygian", (4, 0, "phrygian"))],
)  # fmt: skip
def test_names_of_keys(name, expected):
    assert scales.key(name) == expected


def test_names_of_instruments():
    assert len(instruments.INSTRUMENTS) == 128 and instruments.program("Violin") == 40
    assert instruments.program("organ") == 16 and instruments.program(127) == 127
    assert instruments.program("steel drums") == 114
    for wrong in ("", 129, -1, True, 3.5):
        with pytest.raises(ValueError, match="there is no instrument"):
            instruments.program(wrong)
    for kit in ("Drums", "drum kit", " Percussion", instruments.DRUM_KIT):
        with pytest.raises(ValueError, match=f"^{kit!r} has no pitches; take a pitched instrument such as 'Steel"):
            instruments.program(kit)
