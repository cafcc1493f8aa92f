"""Tests of the ABC reader: what each sign of the standard does to onset, duration, pitch, tempo, meter, key and part."""

import warnings

import pytest
from reading import CASES, check_refused, needs_shared, notes, right_notes
from second_readers import ABC2MIDI, abc, agreement

from musiclib import corpus, readers

HEAD = "X:1\nT:Tune\nM:4/4\nL:1/4\nK:C\n"


@pytest.fixture
def read(tmp_path):
    """Reads a tune in 4/4 with quarter notes as its unit, or a whole file that begins with X:."""

    def read(text, **options):
        path = tmp_path / "tune.abc"
        path.write_text(text if text.startswith("X:") else HEAD + text + "\n", encoding="utf-8")
        return readers.read_score(path, **options)

    return read


def pitches(score):
    return score.pitch.tolist()


# ---- pitch -------------------------------------------------------------------------------------------------------

PITCHES = {
    "octaves": ("C,, C, C c c' c''", [36, 48, 60, 72, 84, 96]),
    "accidentals": ("^C _D =E ^^F __G", [61, 61, 64, 67, 65]),
    "an accidental holds to the bar line": ("^F F f | F", [66, 66, 78, 65]),
    "and over it in a tied note alone": ("^F4- | F F", [66, 65]),
    "a signature holds in all octaves": ("[K:D] F f c' C", [66, 78, 85, 61]),
    "a key changes within a line": ("[K:D]F [K:C]F", [66, 65]),
    "explicit accidentals": ("[K:D exp _b _e ^f] B E F C", [70, 63, 66, 60]),
    "accidentals that change a key": ("[K:D =c] F C", [66, 60]),
    "music without bar lines": ("%%MIDI nobarlines\n^F F", [66, 65]),
    "no key": ("[K:none] F B", [65, 71]),
    "bagpipes": ("[K:HP] F C G", [66, 61, 67]),
    "microtones are rounded": ("^/C _/D", [60, 62]),
    "half a semitone to the written note": ("^/F _/E ^3/4C", [65, 64, 61]),
    "an accidental held in both overlays": ("^F4- & ^c4- | F4 & c4", [66, 73]),
    "an accidental held after a grace note": ("^F4- | {g}F4", [66]),
    "an option is no accidental": ("[K:E middle=d clef=C m=B] D C", [63, 61]),
    "t=": ("[K:C t=-2] C", [58]),
    "transposed by MIDI": ("%%MIDI transpose -2\nC\n%%MIDI transpose -2\nC", [58, 58]),
    "octave=": ("[K:C octave=-1] C c", [48, 60]),
    "transpose=": ("[K:C transpose=-2] C D", [58, 60]),
    "a clef an octave lower": ("[K:C clef=treble-8] C", [48]),
    "a bass clef": ("[K:C clef=bass] C", [60]),
}
KEYS = {
    "C": (0, "major"), "Gmaj": (1, "major"), "F#m": (3, "minor"), "Bb": (-2, "major"), "A minor": (0, "minor"),
    "D dor": (0, "dorian"), "Emix": (3, "mixolydian"), "APhr": (-1, "phrygian"), "G Lydian": (2, "lydian"),
    "Bloc": (0, "locrian"), "D exp ^f": (1, ""), "none": (0, ""), "Em clef=bass": (1, "minor"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PITCHES)
@pytest.mark.filterwarnings("ignore::musiclib.readers.RoundedPitches")
def test_pitches(read, kind):
    music, right = PITCHES[kind]
    assert pitches(read(music)) == right


@pytest.mark.parametrize("key", KEYS)
def test_key_signatures(read, key):
    assert read(f"X:1\nL:1/4\nK:{key}\nC4|\n").key_signatures == ((0.0, *KEYS[key]),)


def test_a_key_without_a_tonic_changes_nothing(read):
    assert read("[K:D] F [K:clef=bass] F").key_signatures == ((0.0, 2, "major"),)


def test_a_key_signature_sounds_transposed(read):
    assert read("X:1\nL:1/4\nK:C transpose=-2\nC4|\n").key_signatures == ((0.0, -2, "major"),)
    assert read("X:1\nL:1/4\nK:Em middle=d clef=C\nC4|\n").key_signatures == ((0.0, 1, "minor"),)


def test_the_program_is_that_of_the_first_note(read):
    assert read("%%MIDI program 10\nC\n%%MIDI program 20\nC").programs == (10,)


def test_microtones_are_told_of(read):
    with pytest.warns(readers.RoundedPitches, match="2 microtones"):
        read("^/C _/D")


# ---- time --------------------------------------------------------------------------------------------------------

TIMES = {
    "lengths": ("C2 C/ C// C3/2 C/4", [(0, 2), (2, 0.5), (2.5, 0.25), (2.75, 1.5), (4.25, 0.25)]),
    "rests": ("C z C x/ C", [(0, 1), (2, 1), (3.5, 1)]),
    "rests of whole bars": ("C4 | Z2 | C4", [(0, 4), (12, 4)]),
    "space on the page is no time": ("C y C", [(0, 1), (1, 1)]),
    "broken rhythm": ("C>C C<C", [(0, 1.5), (1.5, 0.5), (2, 0.5), (2.5, 1.5)]),
    "broken twice": ("C>>C", [(0, 1.75), (1.75, 0.25)]),
    "broken across a rest and a grace note": ("C>z {d}C>{d}C", [(0, 1.5), (2, 1.5), (3.5, 0.5)]),
    "broken where the second is short already": ("C>C/ C", [(0, 1.5), (1.5, 0.5), (2, 1)]),
    "a triplet": ("(3CCC C", [(0, 0.667), (0.667, 0.667), (1.333, 0.667), (2, 1)]),
    "a duplet in compound time": ("[M:6/8] (2CC C", [(0, 1.5), (1.5, 1.5), (3, 1)]),
    "five in the time of three": ("[M:6/8] (5CCCCC C", [*((0.6 * k, 0.6) for k in range(5)), (3, 1)]),
    "a tuplet in full": ("(3:2:2 C C2 C", [(0, 0.667), (0.667, 1.333), (2, 1)]),
    "a unit that changes": ("C [L:1/8] C C", [(0, 1), (1, 0.5), (1.5, 0.5)]),
    "a line that goes on": ("C \\\nC", [(0, 1), (1, 1)]),
    "a comment": ("C % C C\nC", [(0, 1), (1, 1)]),
    "broken rhythm across a bar line": ("C>|C C", [(0, 1.5), (1.5, 0.5), (2, 1)]),
    "a field that goes on": ("C\nw: la\n+: CDEFG\nC", [(0, 1), (1, 1)]),
    "typeset text": ("C\n%%begintext\nA word\n%%endtext\nC", [(0, 1), (1, 1)]),
    "a rest in a chord": ("[Cz] C", [(0, 1), (1, 1)]),
    "words in a decoration": ("C !D.C. al fine! C", [(0, 1), (1, 1)]),
    "ties across a bar line": ("C2- | C2 C2", [(0, 4), (4, 2)]),
}


@pytest.mark.parametrize("kind", TIMES)
def test_times(read, kind):
    music, right = TIMES[kind]
    score = read(music)
    got = list(zip(score.onset.tolist(), score.duration.tolist()))
    assert got == [pytest.approx(time, abs=1e-3) for time in right]


def test_chords(read):
    assert notes(read("[C2E2]G | [CE]2- [CE] | [C-E]C")) == [
        (0, 2, 60), (0, 2, 64), (2, 1, 67), (3, 3, 60), (3, 3, 64), (6, 1, 64), (6, 2, 60),
    ]  # fmt: skip


def test_a_chord_goes_on_in_the_next_line(read):
    assert notes(read("C[C\nE]")) == [(0, 1, 60), (1, 1, 60), (1, 1, 64)]


def test_a_chord_is_as_long_as_its_first_note(read):
    assert notes(read("[CE2]G")) == [(0, 1, 60), (0, 2, 64), (1, 1, 67)]


def test_overlays_go_back_to_the_bar_line(read):
    assert notes(read("c2 c2 & C4 | D4")) == [(0, 2, 72), (0, 4, 60), (2, 2, 72), (4, 4, 62)]


def test_only_line_ends_end_a_line(tmp_path):
    path = tmp_path / "title.abc"
    path.write_bytes(
        b"X:1\r\nT:Bah\x85 CDE\r\nL:1/4\r\nK:C\r\nC|\r\nw:la\x85 CDE\r\n"
    )  # an ellipsis in Windows' Latin-1
    assert notes(readers.read_score(path)) == [(0, 1, 60)]


def test_what_is_not_played(read):
    text = '"Am"C !trill!D .E ~F (G "^text"A) +fermata+B | w: no notes\nw:ABC\n'
    assert pitches(read(text.replace("w: no", "\nw: no"))) == [60, 62, 64, 65, 67, 69, 71]


def test_the_unit_follows_from_the_meter(read):
    assert read("X:1\nM:2/4\nK:C\nC|\n").duration.tolist() == [0.25]
    assert read("X:1\nM:3/4\nK:C\nC|\n").duration.tolist() == [0.5]
    assert read("X:1\nK:C\nC|\n").duration.tolist() == [0.5]


METERS = {
    "C": (4, 4),
    "C|": (2, 2),
    "3/4": (3, 4),
    "2+3/8": (5, 8),
    "(2+3+2)/8": (7, 8),
}


@pytest.mark.parametrize("meter", METERS)
def test_meters(read, meter):
    assert read(f"X:1\nM:{meter}\nL:1/1\nK:C\nC2|\n").time_signatures == ((0.0, *METERS[meter]),)


def test_free_meter_has_no_signature(read):
    assert read("X:1\nM:none\nK:C\nC2|\n").time_signatures == ()


def test_a_meter_changes_and_an_upbeat_is_a_short_bar(read):
    score = read("C | CCCC | [M:3/4] CCC |")
    assert score.time_signatures == ((0.0, 1, 4), (1.0, 4, 4), (5.0, 3, 4))


TEMPOS = {
    "1/4=100": 100,
    "3/8=60": 90,
    '"Allegro" 1/4=120': 120,
    "1/4 3/8=40": 100,
    "C3=40": 60,
    "90": 45,
    "1/4 = 72": 72,
    '"Slow"': 120,
}


@pytest.mark.parametrize("tempo", TEMPOS)
def test_tempos(read, tempo):
    assert read(f"X:1\nL:1/8\nQ:{tempo}\nK:C\nC8|\n").tempos == ((0.0, TEMPOS[tempo]),)


def test_a_tempo_changes_within_the_tune(read):
    assert read("C4 | C2 [Q:1/4=60] C2 |\nQ:1/4=90\nC4").tempos == ((0.0, 120.0), (6.0, 60.0), (8.0, 90.0))


# ---- voices and tunes --------------------------------------------------------------------------------------------

VOICES = """X:1
L:1/4
M:4/4
%%MIDI program 24
V:1 name="Soprano"
V:2 nm="Bass" clef=bass octave=-1
%%MIDI program 32
K:C
"""


@pytest.mark.parametrize(
    "body", ["V:1\ncdef|c4|\nV:2\nC4|G4|\n", "V:1\ncdef|\nV:2\nC4|\nV:1\nc4|\nV:2\nG4|\n", "[V:1]cdef|c4|[V:2]C4|G4|\n"]
)
def test_voices(read, body):
    score = read(VOICES + body)
    assert score.part_names == ("Soprano", "Bass") and score.programs == (24, 32)
    assert notes(score.select("Soprano")) == [(0, 1, 72), (1, 1, 74), (2, 1, 76), (3, 1, 77), (4, 4, 72)]
    assert notes(score.select("Bass")) == [(0, 4, 48), (4, 4, 55)]


def test_a_voice_keeps_its_own_accidentals_key_and_unit(read):
    score = read(VOICES + "[V:1]^F [V:2]F2 [V:1][K:D][L:1/8]F2 [V:2]F2 [V:1] F4|\n")
    assert notes(score.select(0)) == [(0, 1, 66), (1, 1, 66), (2, 2, 66)]
    assert pitches(score.select(1)) == [53, 53]


def test_a_short_bar_of_one_voice_stays_within_its_bar(read):
    with pytest.warns(readers.IrregularBars, match="Soprano: 1 too short"):
        score = read(VOICES + "V:1\ncde|c4|\nV:2\nC4|G4|\n")
    assert notes(score.select(0))[-1] == (4, 4, 72)


def test_percussion_is_left_out(read):
    score = read("X:1\nL:1/4\nV:1\nV:2\nK:C\nV:1\nC4|\nV:2\n%%MIDI channel 10\nD4|\n")
    assert pitches(score) == [60] and score.part_names == ("1",)


def test_a_composer_of_the_file_gives_way(tmp_path):
    (tmp_path / "book.abc").write_text("C:Book\n\nX:1\nC:Own\nK:C\nC|\n\nX:2\nK:C\nC|\n")
    assert [score.composer for score in readers.read_scores(tmp_path / "book.abc")] == ["Own", "Book"]


BOOK = "M:3/4\nL:1/4\n\nX:1\nT:First\nC:Someone\nK:C\ncde|\n\nsome text between\n\nX:2\nT:Second\nK:G\nF3|\n\nX:3\nK:C\nz|\n"


def test_a_tune_book(tmp_path):
    path = tmp_path / "book.abc"
    path.write_text(BOOK)
    with pytest.warns(readers.LostNotes, match="left out 1 of 3 pieces: #3: .*no notes"):
        first, second = readers.read_scores(path)
    assert (first.title, first.composer, second.title) == ("First", "Someone", "Second")
    assert first.time_signatures == second.time_signatures == ((0.0, 3, 4),)
    with pytest.raises(readers.UnreadableScore, match="3 pieces; read them with readers.read_scores"):
        readers.read_score(path)


def test_a_tune_book_in_a_corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "book.abc").write_text(BOOK)
    (tmp_path / "music" / "one.abc").write_text(HEAD + "C4|\n")
    for _ in range(2):  # parsed, then from the cache
        found = corpus.load(tmp_path / "music", progress=False)
        assert found.names == ("book#1 First", "book#2 Second", "one")
        assert [path for path, _ in found.skipped] == [str(tmp_path / "music" / "book.abc#3")]
    assert len(corpus.load(tmp_path / "music", limit=2, progress=False)) == 2
    assert corpus.load(tmp_path / "music" / "book.abc", progress=False).names == ("book#1 First", "book#2 Second")


# ---- repeats and grace notes -------------------------------------------------------------------------------------

REPEATS = {
    "|: C4 | D4 :|": [60, 62, 60, 62],
    "C4 | D4 :|": [60, 62, 60, 62],
    "|: C4 |1 D4 :|2 E4 |]": [60, 62, 60, 64],
    "|: C4 | [1 D4 :| [2 E4 || F4 |]": [60, 62, 60, 64, 65],
    "|: C4 :: D4 :|": [60, 60, 62, 62],
    "|: C4 :|: D4 :| E4": [60, 60, 62, 62, 64],
    "|:: C4 ::| D4": [60, 60, 60, 62],
    "|: C4 |1,2 D4 :|3 E4 |]": [60, 62, 60, 62, 60, 64],
    "C4 !fine!| D4 !D.C.! |": [60, 62, 60],
    "C4 | !segno! D4 | E4 !D.S.! |": [60, 62, 64, 62, 64],
}


@pytest.mark.parametrize("music", REPEATS)
def test_repeats(read, music):
    assert pitches(read(music, repeats=True)) == REPEATS[music]
    assert pitches(read(music)) == sorted(set(REPEATS[music]))  # every bar once, as written


ORDERS = {"ABA": [60, 62, 62, 60], "A2(BA)2": [60, 60, 62, 62, 60, 62, 62, 60], "B A X": [62, 62, 60], "": [60, 62, 62]}


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_parts(read, order):
    text = f"X:1\nL:1/4\nP:{order}\nK:C\nP:A\nC4|\nP:B\n|:D4:|\n"
    assert pitches(read(text, repeats=True)) == ORDERS[order]
    assert pitches(read(text)) == [60, 62]


def test_grace_notes(read):
    music = "C2 {de}F2 | {/^g}A4"
    assert notes(read(music)) == [(0, 2, 60), (2, 2, 65), (4, 4, 69)]
    assert notes(read(music, grace_notes=True)) == [
        (0, 2, 60), (1.75, 0.125, 74), (1.875, 0.125, 76), (2, 2, 65), (3.875, 0.125, 80), (4, 4, 69),
    ]  # fmt: skip


# ---- bad input ---------------------------------------------------------------------------------------------------

BAD = {
    "empty": (b"", "no tune"),
    "text": (b"not music at all", "no tune"),
    "binary": (b"X:1\nK:C\n\x00\x01\x02\xff", "line 3: not ABC"),
    "a chord that is not closed": (HEAD.encode() + b"C[CE | F", "line 6: a chord is not closed"),
    "a chord that ends with the file": (HEAD.encode() + b"C D [CE", "line 6: a chord is not closed"),
    "a chord in a chord": (HEAD.encode() + b"C [C[E]", "line 6: a chord is not closed"),
    "a text that is not closed": (HEAD.encode() + b'C "Am C', "line 6: not ABC"),
    "a length of zero": (HEAD.encode() + b"C/0", "line 6: a note length with a zero"),
    "a meter of zero": (HEAD.encode() + b"[M:4/0]C", "line 6: the meter"),
    "a unit of zero": (HEAD.encode() + b"[L:0/4]C", "line 6: the unit note length"),
    "an endless note": (HEAD.encode() + b"C999999999999", "hours"),
    "many long rests": (HEAD.encode() + b"Z9999 " * 100_000 + b"C", "line 6: a rest of"),
    "a unit with an exponent": (b"X:1\nL:1e9999999\nK:C\nC", "line 2: the unit note length"),
    "a note length of many digits": (HEAD.encode() + b"C" + b"9" * 4000, "line 6: a note length of 4000"),
    "an enormous meter": (HEAD.encode() + b"[M:9999999999/8]C", "line 6: the meter"),
    "many fields that are not closed": (HEAD.encode() + b"[A:" * 100_000, "line 6: a chord is not closed"),
    "stray digits": (HEAD.encode() + b"9" * 100_000, "no notes"),
    "endless rests": (HEAD.encode() + b"Z999999999999 | C", "line 6: a rest of"),
    "a number of a million digits": (HEAD.encode() + b"C" + b"9" * 1_000_000, "line 6"),
    "a pitch out of range": (HEAD.encode() + b"c''''''''", "line 6: the pitch 168"),
    "a tuplet of no notes": (HEAD.encode() + b"(0C", "line 6: a tuplet of 0 notes"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input(tmp_path, kind):
    check_refused(tmp_path / "bad.abc", *BAD[kind])


# ---- against others ----------------------------------------------------------------------------------------------


@needs_shared
@pytest.mark.filterwarnings("ignore::musiclib.readers.RoundedPitches")
@pytest.mark.parametrize("path", sorted(CASES.glob("*.abc")), ids=lambda path: path.name)
def test_reading_cases(path):
    if isinstance(right_notes(path), str):
        assert [pitches(score) for score in readers.read_scores(path)] == [[72, 74, 76, 77, 72], [67, 69, 71, 67]]
    else:
        assert notes(readers.read_score(path)) == right_notes(path)


@pytest.mark.skipif(ABC2MIDI is None, reason="symusic has no abc2midi for this system")
def test_folk_songs_agree_with_abc2midi():
    """Twenty songs with upbeats, meters that change, tuplets; tests/soak/compare_readers.py compares all of them."""
    from music21 import corpus as music21_corpus

    path = next(path for path in music21_corpus.getComposer("essenFolksong") if path.name == "altdeu10.abc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", readers.IrregularBars)
        scores = readers.read_scores(path)[:20]
    tunes = ["X:" + tune for tune in path.read_text().split("X:")[1:21]]
    assert [agreement(notes(score), abc(tune)) for score, tune in zip(scores, tunes)] == [1.0] * 20
