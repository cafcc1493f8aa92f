"""The long scripts of ``make soak`` run, on a small scale."""

import re

from soak import many_pieces


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
