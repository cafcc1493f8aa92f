"""Percussion: parts of their own in a Score, kept on request, played, drawn and written as drums, and never as pitches."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from midi_by_hand import midi_bytes, name_event, note_events

from musiclib import audio, corpus, dataset, encodings, evaluation, plots, readers, writers
from musiclib.audio import soundfont
from musiclib.corpus import Corpus, Split
from musiclib.encodings import registry
from musiclib.readers import LostNotes
from musiclib.score import Score, estimates, inheritance, melody, voices
from musiclib.score.instruments import DRUM_KIT, DRUMS, drum_name
from musiclib.score.voice_leading import parallels

KICK, SNARE, HAT = 36, 38, 42
KEYS = [(i, 1, pitch, 70, 0) for i, pitch in enumerate([60, 64, 67, 72] * 4)]
BASS = [(i, 1, pitch, 80, 1) for i, pitch in enumerate([36, 43] * 8)]
BEATS = [(i, 0.25, (KICK, HAT, SNARE, HAT)[i % 4], 90, 2) for i in range(16)]
FIELDS = {"time_signatures": ((0, 4, 4),), "key_signatures": ((0, 0, "major"),)}


def song(order=("Keys", "Bass", "Drums")):
    """Sixteen notes each of keys, bass and drums, the parts in any order."""
    whole = Score.from_notes(
        KEYS + BASS + BEATS, part_names=("Keys", "Bass", "Drums"), programs=(0, 33, DRUM_KIT), **FIELDS
    )
    return whole.select(list(order))


@pytest.fixture
def midi(tmp_path):
    return writers.write_midi(song(), tmp_path / "music" / "song.mid")


# ---- reading and writing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", readers.READERS)
@pytest.mark.parametrize("order", [("Keys", "Bass", "Drums"), ("Drums", "Keys", "Bass"), ("Drums",)])
def test_drums_are_read_on_request_and_written_on_channel_ten(tmp_path, reader, order):
    path = writers.write_midi(song(order), tmp_path / "song.mid")
    assert readers.read_score(path, reader=reader, percussion=True) == song(order)
    if len(order) > 1:
        assert readers.read_score(path, reader=reader) == song(order).pitched() == song(order).select(["keys", "bass"])


def test_only_drums_are_on_channel_ten(tmp_path):
    from music21 import midi

    count = 20
    notes = [(0, 1, 40 + i, 80, i) for i in range(count)]
    drums = (3, 11)
    score = Score.from_notes(notes, programs=[DRUM_KIT if i in drums else i for i in range(count)])
    file = midi.MidiFile()
    file.readstr(writers.write_midi(score, tmp_path / "many.mid").read_bytes())
    channels = {event.pitch - 40: event.channel for track in file.tracks for event in track.events if event.isNoteOn()}
    assert {i for i, channel in channels.items() if channel == 10} == set(drums) and len(channels) == count


def test_music_xml_has_drums(tmp_path):
    score = song(("Keys", "Drums"))
    score = score.replace(part_names=(*score.part_names, "Silent"), programs=(*score.programs, DRUM_KIT))
    path = writers.write_musicxml(score, tmp_path / "song.musicxml")
    assert readers.read_score(path, percussion=True) == score
    assert readers.read_score(path) == score.pitched()
    text = path.read_text()
    assert text.count("<midi-unpitched>") == 3 and "Acoustic Snare" in text and "percussion</sign>" in text
    assert text.count("<unpitched>") == 16 and text.count("<pitch>") == 16


def test_unpitched_notes_without_a_drum_are_counted(tmp_path):
    path = writers.write_musicxml(song(("Keys", "Drums")), tmp_path / "song.musicxml")
    path.write_text(path.read_text().replace("<midi-unpitched>39</midi-unpitched>", ""))  # the snare
    for options, count, left_out in (
        ({}, 16, {"percussion notes": 12, "unpitched notes of no known drum": 4}),
        ({"percussion": True}, 28, {"unpitched notes of no known drum": 4}),
    ):
        (piece,) = readers.read_pieces(readers.find_reader("music21", **options), path)
        assert len(piece.music) == count and piece.left_out == left_out


def test_drums_of_abc(tmp_path):
    path = tmp_path / "tune.abc"
    path.write_text("X:1\nL:1/4\nV:1\nV:2\nK:C\nV:1\nC4|\nV:2\n%%MIDI channel 10\nD,,2D,,2|\n")
    score = readers.read_score(path, percussion=True)
    assert (score.programs, score.pitch.tolist()) == ((0, DRUM_KIT), [60, 38, 38])


@pytest.mark.parametrize("reader", readers.READERS)
def test_drums_do_not_change_the_names_of_other_parts(tmp_path, reader):
    one = [*note_events(60, channel=0), *note_events(38, channel=9), *note_events(64, channel=11)]
    path = tmp_path / "one.mid"
    for first, names in ([name_event("Song")], ("Song", "Song 3", "Song 2")), ([], ("Part 1", "Drums", "Part 2")):
        path.write_bytes(midi_bytes([*first, *one]))
        score = readers.read_score(path, reader=reader, percussion=True)
        assert score.part_names == names and score.programs == (0, DRUM_KIT, 0)
        assert score.pitched() == readers.read_score(path, reader=reader)


@pytest.mark.parametrize("reader", readers.READERS)
def test_drums_without_a_length_or_an_end_are_told_of_where_drums_are_kept(tmp_path, reader):
    path = tmp_path / "odd.mid"
    ends = [(0, [0x99, 40, 64]), *note_events(41, ticks=0, channel=9)]
    path.write_bytes(midi_bytes([*note_events(60), *note_events(38, channel=9), *ends]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(readers.read_score(path, reader=reader)) == 1
    with pytest.warns(LostNotes, match="1 note that never ends and 1 note without a length"):
        assert readers.read_score(path, reader=reader, percussion=True).pitch.tolist() == [60, 38]


@pytest.mark.parametrize("reader", readers.READERS)
def test_a_file_of_drums_alone_says_how_they_are_kept(tmp_path, reader):
    path = writers.write_midi(song(["Drums"]), tmp_path / "drums.mid")
    with pytest.raises(readers.UnreadableScore, match="only percussion, 16 unpitched notes.*percussion=True"):
        readers.read_score(path, reader=reader)


# ---- the Score ---------------------------------------------------------------------------------------------------


def test_drums_are_not_transposed():
    moved = song().transpose(40)
    assert moved.select("Drums") == song().select("Drums").replace(key_signatures=moved.key_signatures)
    assert moved.select("Keys").pitch.tolist() == [pitch + 40 for _, _, pitch, _, _ in KEYS]
    assert song().can_transpose(-36) and not song().can_transpose(-37)
    with pytest.raises(ValueError, match="36 to 72"):
        song().transpose(-37)


def test_a_score_without_drums_is_its_own_pitched_part():
    score = song(["Keys"])
    assert score.pitched() is score and not score.is_percussion.any()
    assert len(song(["Drums"]).pitched()) == 0 and song(["Drums"]).pitched().part_names == ()
    assert len(Score.from_notes([]).is_percussion) == 0
    assert song().is_percussion.sum() == 16


def test_drums_do_not_become_notes_of_another_part():
    with pytest.raises(ValueError, match="part 0 is percussion in one"):
        song(["Drums"]).then(song(["Keys"]))
    assert len(song().then(song())) == 96


def test_drums_have_the_names_of_general_midi():
    assert [drum_name(pitch) for pitch in (35, 38, 42, 81)] == [
        "Acoustic Bass Drum", "Acoustic Snare", "Closed Hi-Hat", "Open Triangle",
    ]  # fmt: skip
    assert (drum_name(34), drum_name(82), len(set(DRUMS))) == ("Drum 34", "Drum 82", 47)


@pytest.mark.parametrize(
    "measure",
    [
        estimates.key, estimates.time_signature, parallels, inheritance.whole, inheritance.ending,
        *evaluation.statistics.STATISTICS.values(),
        lambda score: inheritance.typical([score]), lambda score: melody.top_pitches(score).tolist(), melody.top_line,
        lambda score: np.append(score.pitch, -1)[voices.notes_at_steps(score)].tolist(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", [("Keys", "Bass", "Drums"), ("Drums", "Keys", "Bass")])
def test_what_is_measured_of_pitches_is_measured_without_drums(measure, order):
    assert measure(song(order)) == measure(song(order).pitched())


# ---- encodings and data ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in registry.ENCODINGS if name != "Spectra"])
def test_encodings_are_of_the_pitched_parts(name):
    encoding = registry.ENCODINGS[name]()
    for score in (song(), song(("Drums", "Keys", "Bass"))):
        assert encoding.encode(score) == encoding.encode(score.pitched()) != []
        assert encoding.examples(score) == encoding.examples(score.pitched())


def test_columns_and_passages_are_of_the_pitched_parts():
    assert encodings.NoteEvents().columns(song()) == encodings.NoteEvents().columns(song().pitched())
    assert encodings.Phrases().passages(song()) == encodings.Phrases().passages(song().pitched())


def test_an_encoding_of_your_own_gets_drums_if_it_knows_them():
    class Pitches(encodings.Encoding):
        def encode(self, score):
            return score.pitch.tolist()

    class Everything(Pitches):
        percussion = True

        def encode(self, score):
            return score.pitch.tolist()

    assert len(Pitches().encode(song())) == 32 and len(Pitches().examples(song())[0]) == 32
    assert len(Everything().encode(song())) == 48


def test_a_dataset_says_once_what_its_encoding_leaves_out():
    pieces = [Corpus(("a", "b"), (song(), song())), *(Corpus(("c",), (song(),)) for _ in range(2))]
    with pytest.warns(LostNotes, match="NoteChord represents pitches only: 64 percussion notes in 4 pieces") as caught:
        data = dataset.prepare(Split(*pieces), encodings.NoteChord(), transpositions=(0, 2))
    assert len(caught) == 1
    bare = Split(*(Corpus(part.names, tuple(s.pitched() for s in part.scores)) for part in pieces))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = dataset.prepare(bare, encodings.NoteChord(), transpositions=(0, 2))
    assert data.vocabulary.tokens == same.vocabulary.tokens and np.array_equal(data.train.ids, same.train.ids)
    soprano, bass = encodings.Chorale(voices="S"), encodings.Chorale(voices="B")
    with pytest.warns(LostNotes, match="Chorale represents pitches only: 64 percussion notes"):
        dataset.prepare_pairs(Split(*pieces), soprano, bass)


def test_gaps_are_not_composed_in_drums():
    from musiclib.sampling.gaps import open_gap

    assert open_gap(song(("Drums", "Keys")), 1, 1, None).parts == (1,)
    with pytest.raises(ValueError, match="'Drums' is percussion"):
        open_gap(song(), 1, 1, "Drums")


# ---- sound, pictures and notation --------------------------------------------------------------------------------


def test_drums_sound_as_drums():
    drums, piano = song(["Drums"]), song(["Drums"]).replace(programs=(0,))
    one, other = audio.synthesize(drums, 22050), audio.synthesize(piano, 22050)
    assert np.abs(one).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert np.sqrt(np.mean(one**2)) > 0.02

    def brightness(samples):  # mean frequency, in Hz
        share = np.abs(np.fft.rfft(samples.mean(axis=1)))
        return np.sum(share * np.fft.rfftfreq(len(samples), 1 / 22050)) / share.sum()

    assert brightness(one) > 3 * brightness(other)


def test_a_font_without_drums_plays_the_rest_and_says_so(monkeypatch):
    monkeypatch.setattr(soundfont, "DRUM_BANK", 99)
    with pytest.warns(UserWarning, match="no drum kit"):
        sound = audio.synthesize(song(), 22050)
    assert np.array_equal(sound, audio.synthesize(song().pitched(), 22050))


def test_a_piano_roll_names_the_drums_below_the_pitches():
    ax = plots.piano_roll(song())
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[-3:] == ["Bass Drum 1", "Acoustic Snare", "Closed Hi-Hat"] and "C4" in names
    places = dict(zip(names, ax.get_yticks(), strict=True))
    assert places["Bass Drum 1"] < places["Acoustic Snare"] < places["Closed Hi-Hat"] < 35
    boxes = [path.get_extents() for path in ax.collections[0].get_paths()]
    beats = [box for box, drum in zip(boxes, song().is_percussion, strict=True) if drum]
    assert {round((box.y0 + box.y1) / 2, 6) for box in beats} == {round(float(p), 6) for p in ax.get_yticks()[-3:]}
    assert ax.get_ylim()[0] < places["Bass Drum 1"] and ax.get_ylabel() == "drums and pitch"
    plt.close("all")


def test_drums_alone_are_drawn_without_pitches():
    ax = plots.piano_roll(song(["Drums"]))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Bass Drum 1", "Acoustic Snare", "Closed Hi-Hat"]
    plt.close("all")


def test_compared_rolls_have_the_same_drums():
    upper, lower = plots.compare(song(), song(["Keys"]))
    assert upper.get_ylim() == lower.get_ylim() and upper.get_yticks().tolist() == lower.get_yticks().tolist()
    plt.close("all")


@pytest.mark.parametrize("draw", [plots.staff, plots.jianpu])
def test_notation_leaves_drums_out_and_says_so(draw):
    with pytest.warns(LostNotes, match="16 percussion notes are not in this notation"):
        drawn = draw(song())
    assert str(drawn) == str(draw(song().pitched()))
    with pytest.raises(ValueError, match="no notes|no pitched notes"), pytest.warns(LostNotes):
        draw(song(["Drums"]))


def test_values_and_a_player_are_of_the_pitched_notes():
    score = song(("Drums", "Keys"))
    with pytest.warns(LostNotes):
        coloured = plots.staff(score, values=np.arange(32.0))
    own = np.arange(32.0)[~score.is_percussion]
    assert coloured.mei == plots.staff(score.pitched(), values=own).mei
    with pytest.warns(LostNotes):
        page = plots.follow(score).page
    assert page.count('id="roll-') == 16


# ---- a corpus ----------------------------------------------------------------------------------------------------


def test_a_corpus_keeps_drums_on_request(midi, capsys):
    assert len(corpus.load(midi.parent).scores[0]) == 32
    said = "left out: 16 percussion notes in 1 piece (percussion=True keeps them)\n"
    assert capsys.readouterr().out == said
    kept = corpus.load(midi.parent, percussion=True, progress=False)
    assert kept.scores == (song(),) and kept.left_out == ()
