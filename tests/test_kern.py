"""Tests of the kern reader: spines that split and merge, durations, marks, sections, bad input."""

import pytest
import second_readers
from reading import CASES, SHARED, check_refused, needs_shared, notes, right_notes

from musiclib import readers


@pytest.fixture
def read(tmp_path):
    """Reads lines whose columns are separated by spaces; chords are written as 4c+4e."""

    def read(text, **options):
        path = tmp_path / "piece.krn"
        lines = [
            line if line.startswith("!") else line.replace(" ", "\t").replace("+", " ") for line in text.split("\n")
        ]
        path.write_text("\n".join(lines), encoding="utf-8")
        return readers.read_score(path, **options)

    return read


def one(lines):
    return f"**kern\n{lines}\n*-\n"


def test_durations_and_pitches(read):
    tokens = ["4c", "8.dd", "16r", "2%3E-", "3GG##", "0a", "20%3.b", "00c"]
    score = read(one("\n".join(tokens)))
    lengths = [1, 0.75, 0.25, 6, 4 / 3, 8, 0.9, 16]
    assert score.duration.tolist() == pytest.approx([length for length in lengths if length != 0.25])
    assert score.pitch.tolist() == [60, 74, 51, 45, 69, 71, 60]


def test_a_chord_shares_its_length_and_each_of_its_notes_its_tie(read):
    score = read(one("2c+e\n=2\n[4c+4e\n4c]+4e"))
    assert notes(score) == [(0, 2, 60), (0, 2, 64), (2, 1, 64), (2, 2, 60), (3, 1, 64)]


SPLITS = {
    "a split within a split": (
        "**kern **kern\n* *^\n* *^ *\n2C 2cc 2g 2e\n* *v *v *v\n2D 2dd\n*- *-",
        [(0, 48), (0, 64), (0, 67), (0, 72), (2, 50), (2, 74)],
    ),
    "a split after a merge": (
        "**kern\n*^\n2c 2e\n*v *v\n*^\n2d 2f\n*v *v\n1g\n*-",
        [(0, 60), (0, 64), (2, 62), (2, 65), (4, 67)],
    ),
    "four merge at once": (
        "**kern\n*^\n* *^\n* * *^\n1C 1E 1G 1c\n*v *v *v *v\n1D\n*-",
        [(0, 48), (0, 52), (0, 55), (0, 60), (4, 50)],
    ),
    "two staves merge side by side": (
        "**kern **kern\n*^ *^\n1C 1E 1c 1e\n*v *v *v *v\n1D 1d\n*- *-",
        [(0, 48), (0, 52), (0, 60), (0, 64), (4, 50), (4, 62)],
    ),
    "an exchange": ("**kern **kern\n*x *x\n1C 1c\n*- *-", [(0, 48), (0, 60)]),
    "a longer note beside shorter ones": (
        "**kern **kern\n2C 4c\n. 4d\n*^ *\n4D 8E 4e\n. 8F .\n*v *v *\n*- *-",
        [(0, 48), (0, 60), (1, 62), (2, 50), (2, 52), (2, 64), (2.5, 53)],
    ),
}


@pytest.mark.parametrize("kind", SPLITS)
def test_spines(read, kind):
    text, right = SPLITS[kind]
    score = read(text)
    assert sorted(zip(score.onset.tolist(), score.pitch.tolist())) == right


def test_exchanged_spines_stay_with_their_parts(read):
    score = read("**kern **kern\n4C 4c\n*x *x\n4d 4D\n*- *-")
    assert score.select(0).pitch.tolist() == [60, 62] and score.select(1).pitch.tolist() == [48, 50]


def test_other_spines_are_no_music(read):
    assert notes(read("**text **kern **dynam\nla 4c p\n*- *- *-")) == [(0, 1, 60)]


def test_marks(read):
    score = read(
        "!!!COM: Nobody, N.\n!!!OTL@@EN: Piece\n"
        "**kern **kern\n*Ibass *I\"Flute\n*k[b-e-] *k[b-e-]\n*g: *g:\n*M3/4 *M3/4\n*MM90 *MM90\n"
        "=0- =0-\n4D 4d\n=1 =1\n2.G 2.g\n=2 =2\n*k[] *k[]\n*MM60 *MM60\n*M2/4 *M2/4\n2C 2c\n*- *-"
    )  # fmt: skip
    assert (score.title, score.composer) == ("Piece", "Nobody, N.")
    assert score.part_names == ("Flute", "Bass")
    assert score.key_signatures == ((0.0, -2, "minor"), (4.0, 0, ""))
    assert score.time_signatures == ((0.0, 1, 4), (1.0, 3, 4), (4.0, 2, 4))
    assert score.tempos == ((0.0, 90.0), (4.0, 60.0))


def test_grace_notes(read):
    text = one("4c\n8qd\n8qe+8qg\n4f")
    assert notes(read(text)) == [(0, 1, 60), (1, 1, 65)]
    assert notes(read(text, grace_notes=True)) == [
        (0, 1, 60), (0.75, 0.125, 62), (0.875, 0.125, 64), (0.875, 0.125, 67), (1, 1, 65),
    ]  # fmt: skip


def test_repeats_by_signs_and_by_sections(read):
    assert read(one("4c\n=:|!\n4d\n=!|:\n4e\n=:|!"), repeats=True).pitch.tolist() == [60, 60, 62, 64, 64]
    text = one("*>[A,A1,A,A2]\n*>norep[A,A2]\n*>A\n4c\n=\n*>A1\n4d\n=:|!\n*>A2\n4e\n==")
    assert read(text, repeats=True).pitch.tolist() == [60, 62, 60, 64]
    assert read(text).pitch.tolist() == [60, 62, 64]


def test_a_bar_that_is_too_short_in_one_spine_stays_within_its_bar(read):
    with pytest.warns(readers.IrregularBars, match="Part 1: 1 too short"):
        score = read("**kern **kern\n2C 4c\n=2 =2\n4D 4d\n*- *-")
    assert notes(score)[-2:] == [(2, 1, 50), (2, 1, 62)]


def test_marks_under_a_long_note(read):
    score = read(
        "**kern **kern\n*M4/4 *M4/4\n*MM120 *MM120\n1C 4c\n* *MM60\n. 4d\n* *k[f#]\n. 4e\n. 4f\n=2 =2\n1C 1c\n*- *-"
    )
    assert score.tempos == ((0.0, 120.0), (1.0, 60.0)) and score.key_signatures == ((2.0, 1, ""),)


def test_marks_in_other_forms(read):
    assert read(one("*M3/3%2\n0c")).time_signatures == ((0.0, 2, 1),)
    assert read(one("*a:\n*k[]\n4c")).key_signatures == ((0.0, 0, "minor"),)


def test_grace_notes_of_one_line_sound_together(read):
    score = read("**kern\n4c\n*^\n8qd 8qf\n4e 4g\n*v *v\n4c\n*-", grace_notes=True)
    assert (0.875, 0.125, 62) in notes(score) and (0.875, 0.125, 65) in notes(score)


def test_only_line_ends_end_a_line(tmp_path):
    path = tmp_path / "text.krn"
    path.write_text("**kern\t**text\r\n4c\tla\u2028\x0cx\r\n*-\t*-\r\n", encoding="utf-8", newline="")
    assert notes(readers.read_score(path)) == [(0, 1, 60)]


def test_several_pieces_in_one_file(tmp_path):
    path = tmp_path / "two.krn"
    path.write_text("!!!COM: A\n!!!OTL: One\n**kern\n4c\n*-\n!!!OTL: Two\n**kern\n4d\n*-\n!!!COM: B\n")
    scores = readers.read_scores(path)
    assert [score.pitch.tolist() for score in scores] == [[60], [62]]
    assert [(score.title, score.composer) for score in scores] == [("One", "A"), ("Two", "B")]


def test_an_order_of_one_section(read):
    text = one("*>[B]\n*>A\n4c\n=\n*>B\n4d\n==")
    assert read(text, repeats=True).pitch.tolist() == [62] and len(read(text)) == 2


HOSTILE = {
    "repeats that multiply": one("*>[" + ",".join("A" * 20_000) + "]\n*>A\n" + "4c\n" * 5_000),
    "lengths without a common measure": one("\n".join(f"{2 * k + 1}%{2 * k + 3}c" for k in range(4_000))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_input(read, kind):
    with pytest.raises(readers.UnreadableScore):
        read(HOSTILE[kind], repeats=True)


BAD = {
    "cut between lines": ("**kern\t**kern\n4c\t4e\n", "ends at line 2 without"),
    "cut within a line": ("**kern\t**kern\n4c\t4e\n4d", "line 3 has 1 columns, not 2"),
    "a spine is missing": ("**kern\t**kern\n4c\n*-\t*-\n", "line 2 has 1 columns, not 2"),
    "no kern": ("**text\nla\n*-\n", "no .*kern spine, only"),
    "empty": ("", "no .*kern spine"),
    "text": ("not music at all", "line 1 is not kern"),
    "after the end": ("**kern\n4c\n*-\n4d\n", "line 4 is not kern"),
    "a pitch out of range": ("**kern\n4" + "c" * 12 + "\n*-\n", "line 2 is not kern"),
    "a meter of zero": ("**kern\n*M3/0\n4c\n*-\n", "line 2 is not kern"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input(tmp_path, kind):
    check_refused(tmp_path / "bad.krn", *BAD[kind])


@needs_shared
@pytest.mark.parametrize("path", sorted(CASES.glob("*.krn")), ids=lambda path: path.name)
def test_reading_cases(path):
    assert notes(readers.read_score(path)) == right_notes(path)


@needs_shared
@pytest.mark.parametrize("path", sorted(SHARED.glob("kern/*.krn")), ids=lambda path: path.name)
def test_movements(path):
    score = readers.read_score(path)
    assert second_readers.agreement(notes(score), second_readers.kern(path)) >= 0.995
    assert len(score.key_signatures) and score.title
    assert readers.read_score(path, repeats=True).end >= score.end
