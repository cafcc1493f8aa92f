"""The long scripts of ``make soak`` run, on a small scale."""

import re

from soak import compare_readers, many_pieces


def test_many_pieces_goes_through_every_stage(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path))
    worst = many_pieces.run(tmp_path, 40)
    printed = capsys.readouterr().out
    stages = re.findall(r"^(.+?)  +([\d.]+) s +([\d.]+) GB$", printed, re.MULTILINE)
    assert [name.split(",")[0] for name, _, _ in stages] == [
        "make 40 MIDI files", "corpus.load", "corpus.load", "corpus.split", "dataset.prepare", "dataset.save and load",
        "training.train",
    ]  # fmt: skip
    assert 5e7 < worst < 2e10 and f"{worst / 1e9:.2f}" == max(gigabytes for _, _, gigabytes in stages)
    assert len(list(tmp_path.rglob("*.mid"))) == 40 and (tmp_path / "run" / "model.keras").is_file()


def test_memory_is_seen_while_a_stage_holds_it(capsys):
    stages = many_pieces.Stages()
    with stages.stage("nothing"):
        pass
    before = stages.worst
    with stages.stage("a block"):
        block = bytearray(b"x") * 300_000_000
        many_pieces.time.sleep(0.5)
        del block
    assert 2e8 < stages.worst - before < 1e9
    assert "a block" in capsys.readouterr().out


BOOK = "X:1\nL:1/4\nK:D\n(3ABc f|d4|]\n\nX:2\nM:6/8\nL:1/8\nK:C\nc>de f3|\n"
SPINES = "**kern\t**kern\n*^\t*\n2C\t4E\t[2c\n.\t4F\t.\n*v\t*v\t*\n2D\t2c]\n*-\t*-\n"


def test_readers_are_compared(tmp_path, monkeypatch, capsys):
    (tmp_path / "book.abc").write_text(BOOK)
    (tmp_path / "spines.krn").write_text(SPINES)
    (tmp_path / "damaged.xml").write_text("<score-partwise>")
    monkeypatch.setattr("sys.argv", ["compare_readers", str(tmp_path), "--all"])
    assert not compare_readers.main()
    printed, listed = capsys.readouterr()
    assert "| ABC | 1 | 2 | 2 (100.0%) |" in printed and "| kern | 1 | 1 | 1 (100.0%) |" in printed
    assert "damaged.xml: not compared (second reader: ParseError" in listed
    monkeypatch.setattr(compare_readers, "rows", lambda score: [])  # a reader that loses all notes is found
    assert compare_readers.main() and "spines.krn: 0.000" in capsys.readouterr().err
