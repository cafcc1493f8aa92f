"""The card: each figure is where it belongs, and comes from the music that the column names."""

import dataclasses
import json
import re

import keras
import numpy as np
import pytest

from musiclib import corpus, dataset, encodings, evaluation, models, sampling
from musiclib.config import Config
from musiclib.score import Score
from musiclib.training import Run

LENGTH = 30


def tune(seed):
    rng = np.random.default_rng(seed)
    pitches = rng.choice([60, 62, 64, 65, 67, 69, 71, 72], 40)
    return Score.from_notes([(i / 2, 0.5, int(p)) for i, p in enumerate(pitches)])


def corpus_of(seeds):
    names = tuple(f"tune {seed}" for seed in seeds)
    return corpus.Corpus(names, tuple(tune(seed) for seed in seeds))


SPLIT = corpus.Split(corpus_of(range(12)), corpus_of(range(12, 18)), corpus_of(range(18, 24)))


def run_of(encoding, **about):
    keras.utils.set_random_seed(0)
    data = dataset.prepare(SPLIT, encoding, (0, 2))
    model = models.build("stacked_lstm", len(data.vocabulary), units=[6], embedding_size=4)
    about = {"dataset": {"train_names": list(SPLIT.train.names), "transpositions": [0, 2], **about}}
    return Run(model, data.vocabulary, encoding, Config(), {}, about)


@pytest.fixture(scope="module")
def runs():
    return {"lstm": run_of(encodings.NoteChord()), "frames": run_of(encodings.Frames())}


@pytest.fixture(scope="module")
def card(runs):
    return evaluation.card(runs, SPLIT, count=4, length=LENGTH, seed=3, stop_at_end=False)


def test_each_encoding_has_its_own_yardstick_and_its_own_counting(card):
    assert [(column.name, column.kind, column.tokens) for column in card.columns] == [
        ("real music (NoteChord)", "real", "NoteChord"),
        ("counting (NoteChord)", "n-gram", "NoteChord"),
        ("lstm", "run", "NoteChord"),
        ("real music (Frames)", "real", "Frames"),
        ("counting (Frames)", "n-gram", "Frames"),
        ("frames", "run", "Frames"),
    ]


def test_surprise_stands_in_a_row_of_its_own_encoding_alone(card):
    rows = {name: cells for name, cells, _ in card.rows()}
    assert [cell == "–" for cell in rows["surprise, NoteChord tokens"]] == [True, False, False, True, True, True]
    assert [cell == "–" for cell in rows["surprise, Frames tokens"]] == [True, True, True, True, False, False]
    assert any("only within its own" in note for note in card.notes)


def test_nats_are_those_of_the_test_pieces(card, runs):
    run = runs["lstm"]
    data = dataset.prepare(SPLIT, run.encoding, (0, 2), vocabulary=run.vocabulary)
    assert card.columns[2].nats_per_token == pytest.approx(evaluation.nats_per_token(run, data.test), abs=1e-5)
    counted = evaluation.best_ngram(data.train, data.validation, len(run.vocabulary), range(2, 5))
    assert card.columns[1].nats_per_token == pytest.approx(counted.nats_per_token(data.test))
    assert card.columns[0].nats_per_token is None


def scores(run, pieces):
    return [run.encoding.decode(run.vocabulary.to_tokens(ids)) for ids in pieces]


def test_figures_are_those_of_the_music_in_each_column(card, runs):
    encoding = runs["lstm"].encoding
    cut = [encoding.decode(encoding.encode(score)[:LENGTH]) for score in SPLIT.test.scores]
    composed = scores(runs["lstm"], sampling.generate_ids(runs["lstm"], 4, LENGTH, seed=3, stop_at_end=False))
    originality = evaluation.Originality(SPLIT.train.scores, SPLIT.train.names)
    for column, pieces in ((card.columns[0], cut), (card.columns[2], composed)):
        for name, values in evaluation.measure(pieces).items():
            np.testing.assert_array_equal(column.statistics[name], values)
        assert column.seen == {n: originality.seen_share(pieces, n) for n in column.seen}
        assert column.longest == originality.longest(pieces)
    real, run = card.columns[0], card.columns[2]
    for name in evaluation.STATISTICS:
        expected = evaluation.likeness(real.statistics[name], run.statistics[name])
        assert run.likeness[name] == expected
    validation = [encoding.decode(encoding.encode(score)[:LENGTH]) for score in SPLIT.validation.scores]
    expected = evaluation.likeness(real.statistics["pitch_range"], evaluation.measure(validation)["pitch_range"])
    assert real.likeness["pitch_range"] == expected


def test_one_encoding_needs_no_brackets_and_two_vocabularies_do_not_compare(runs):
    alone = evaluation.card({"lstm": runs["lstm"]}, SPLIT, count=2, length=10)
    assert [column.name for column in alone.columns] == ["real music", "counting", "lstm"]
    other = dataset.prepare(SPLIT, encodings.NoteChord(), (0, 1, 2, 3))
    model = models.build("stacked_lstm", len(other.vocabulary), units=[4])
    wider = Run(model, other.vocabulary, encodings.NoteChord(), Config(), {}, {})
    both = evaluation.card({"lstm": runs["lstm"], "wider": wider}, SPLIT, count=2, length=10)
    assert [column.tokens for column in both.columns] == ["NoteChord"] * 3 + ["NoteChord 2"] * 3


def test_a_seed_makes_it_repeatable(card, runs):
    again = evaluation.card(runs, SPLIT, count=4, length=LENGTH, seed=3, stop_at_end=False)
    assert again.to_dict() == card.to_dict() and again.to_markdown() == card.to_markdown()
    other = evaluation.card({"lstm": runs["lstm"]}, SPLIT, count=4, length=LENGTH, seed=4, stop_at_end=False)
    assert other.columns[2].statistics["pitch_range"].tolist() != card.columns[2].statistics["pitch_range"].tolist()


def test_progress_is_shown_where_it_is_wanted(runs, capfd, monkeypatch):
    monkeypatch.setattr("musiclib.config.BAR_AFTER", 0)
    for progress in (True, False):
        evaluation.card({"lstm": runs["lstm"]}, SPLIT, count=2, length=10, progress=progress)
        assert ("3/3" in capfd.readouterr().err) == progress


def test_a_guard_is_handed_to_the_sampler(runs):
    run = runs["lstm"]
    guard = sampling.Guard(dataset.prepare(SPLIT, run.encoding, vocabulary=run.vocabulary).train, 2)
    options = {"count": 3, "length": 40, "seed": 0, "stop_at_end": False}
    guarded = evaluation.card({"lstm": run}, SPLIT, avoid_copying=guard, **options)
    assert "Guard(limit=2" in guarded.notes[0] and "Guard(limit=2" in guarded.about["avoid_copying"]
    assert guarded.columns[2].pieces == scores(run, sampling.generate_ids(run, avoid_copying=guard, **options))
    assert guarded.columns[2].pieces != scores(run, sampling.generate_ids(run, **options))


def test_too_few_real_pieces_have_no_overlap_and_that_is_said(runs):
    few = corpus.Split(SPLIT.train, SPLIT.validation, SPLIT.test.take([0]))
    told = evaluation.card({"lstm": runs["lstm"]}, few, count=2, length=10)
    assert dict((name, cells) for name, cells, _ in told.rows())["overlap with real music"] == ["–"] * 3
    assert "Overlaps and distances need three pieces of real music at least, and are left out." in told.notes


def test_an_overlap_comes_with_its_chance(card):
    cells = dict((name, cells) for name, cells, _ in card.rows())["overlap with real music"]
    assert all(re.fullmatch(r"[\d.]+% ± [\d.]+%", cell) for cell in cells)
    assert [column["chance"] for column in card.to_dict()["columns"]] == [column.chance for column in card.columns]


def test_what_is_saved(card, tmp_path):
    assert card.save(tmp_path / "card") == tmp_path / "card"
    text = (tmp_path / "card" / "card.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {len(card.columns) + 3}
    assert len(table) == len(card.rows()) + 2 and "![](card.png)" in text
    assert all(term in text for term in ("(pitch-class entropy, bits)", "(groove consistency)", "nats per token"))
    saved = json.loads((tmp_path / "card" / "card.json").read_text(encoding="utf-8"))
    assert saved == json.loads(json.dumps(card.to_dict()))
    assert saved["about"]["seed"] == 3 and saved["columns"][2]["statistics"].keys() == evaluation.STATISTICS.keys()
    assert (tmp_path / "card" / "card.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_has_a_panel_for_every_statistic_and_one_for_quotations(card):
    figure = card.figure()
    assert len(figure.axes) == len(evaluation.STATISTICS) + 1 == 9
    assert all(ax.get_title(loc="left") and ax.get_xlabel() for ax in figure.axes)
    figure.clear()


def test_a_run_that_knows_a_test_piece_is_refused(runs):
    cheat = Run(runs["lstm"].model, runs["lstm"].vocabulary, runs["lstm"].encoding, Config(), {},
                {"dataset": {"train_names": ["tune 0", "tune 20"]}})  # fmt: skip
    with pytest.raises(ValueError, match="'cheat' was trained on 1 of these 6 test pieces, such as 'tune 20'"):
        evaluation.card({"cheat": cheat}, SPLIT)


def test_a_run_that_learned_elsewhere_is_told_and_its_surprise_left_out():
    elsewhere = run_of(encodings.NoteChord(), train_names=["tune 0", "another"])
    told = evaluation.card({"elsewhere": elsewhere}, SPLIT, count=2, length=10)
    assert told.columns[2].nats_per_token is None and told.columns[1].nats_per_token > 0
    assert "elsewhere learned from 2 pieces, of which this corpus does not name 1" in told.notes[-1]


def test_a_run_that_learned_from_other_pieces_of_the_corpus_is_told():
    fewer = run_of(encodings.NoteChord(), train_names=["tune 0", "tune 13"])
    told = evaluation.card({"fewer": fewer}, SPLIT, count=2, length=10)
    assert told.columns[2].nats_per_token > 0
    assert "fewer learned from 2 pieces, and passages are looked up in the 12 training pieces" in told.notes[-1]


def test_a_run_that_answers_to_a_source_is_refused(runs):
    answering = dataclasses.replace(runs["lstm"], source_encoding=encodings.NoteChord())
    with pytest.raises(ValueError, match="'answering' is conditional"):
        evaluation.card({"answering": answering}, SPLIT)


def test_what_cannot_be_compared_is_refused(runs):
    nothing = corpus.Split(SPLIT.train, SPLIT.validation, corpus_of([]))
    for arguments, options, message in (
        (({}, SPLIT), {}, "a run and a test piece"),
        ((runs, nothing), {}, "a run and a test piece"),
        ((runs, SPLIT.test), {}, "takes a split corpus, and this is a corpus"),
        ((list(runs.values()), SPLIT), {}, "by name, got list"),
        ((runs, SPLIT), {"count": 0}, "count .* got 0"),
        ((runs, SPLIT), {"length": 1.5}, "length .* got 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluation.card(*arguments, **options)


def test_pieces_end_where_the_run_ends_them(runs):
    alone = evaluation.card({"lstm": runs["lstm"]}, SPLIT, count=5, length=200)
    assert alone.columns[2].pieces == scores(runs["lstm"], sampling.generate_ids(runs["lstm"], 5, 200, seed=0))


def test_a_run_is_sampled_by_its_own_rules_and_that_is_said(runs):
    run = dataclasses.replace(runs["lstm"], config=Config().replace(sampling={"temperature": 0.5}))
    told = evaluation.card({"lstm": run}, SPLIT, count=2, length=10)
    assert "(temperature 1; lstm by its own temperature 0.5)" in told.notes[0]


def test_the_name_of_a_run_is_no_run():
    with pytest.raises(ValueError, match="got 'models/bach_lstm'; load it first"):
        evaluation.card({"lstm": "models/bach_lstm"}, SPLIT)


def test_print_writes_the_table_in_aligned_columns_with_the_notes_below(card):
    text = str(card)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    for label, cells, _ in card.rows():
        assert label.split(",")[0][:20] in text
        assert all(word in text for cell in cells for word in cell.split())
    for name in ("real music", "counting", "lstm", "frames"):
        assert name in text
    assert all(note.split()[0] in text for note in card.notes)
    rule = next(i for i, line in enumerate(lines) if set(line) == {"-", " "})
    starts = [i for i, sign in enumerate(lines[rule]) if sign == "-" and (i == 0 or lines[rule][i - 1] == " ")]
    end = lines.index("", rule)
    for line in lines[rule + 1 : end]:  # no cell reaches into the gap before the next column
        assert all(line[start - 2 : start].strip() == "" for start in starts[1:])
    assert "|" in card.to_markdown() and "|" not in text
