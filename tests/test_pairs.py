"""Pairs: sources and targets stay together, phrases are cut where bars begin, and batches hold every target once."""

import dataclasses

import numpy as np
import pytest

from musiclib import dataset
from musiclib.corpus import Corpus, Split
from musiclib.dataset import PairedPieces, PairWindows, Pieces
from musiclib.encodings import Chorale, NoteEvents
from musiclib.encodings.vocabulary import END, PADDING, START, UNKNOWN
from musiclib.evaluation import NGram
from musiclib.score import Score

MELODY, VOICES = Chorale(holds=True, voices="S"), Chorale(holds=True, voices="BAT")
EVENTS = NoteEvents(velocities=1)


def chorale(seed, quarters=8):
    """Four voices in quarter notes, none of which ever crosses another."""
    rng = np.random.default_rng(seed)
    rows = [
        (onset, 1, base + int(rng.integers(0, 5)), 80, part)
        for part, base in enumerate((72, 64, 57, 48))
        for onset in range(quarters)
    ]
    return Score.from_notes(rows, part_names=("Soprano", "Alto", "Tenor", "Bass"))


def tune(bars, seed=0, signature=(2, 4)):
    """Eighths throughout, so many bars long."""
    rng = np.random.default_rng(seed)
    quarters = bars * 4 * signature[0] / signature[1]
    rows = [(i / 2, 0.5, int(rng.integers(60, 80))) for i in range(round(quarters * 2))]
    return Score.from_notes(rows, time_signatures=((0, *signature),))


def split_of(make, sizes=(4, 2, 2)):
    names = iter(range(100))
    parts = [[next(names) for _ in range(size)] for size in sizes]
    return Split(*(Corpus(tuple(map(str, part)), tuple(make(i) for i in part)) for part in parts))


def prepared(transpositions=(0,), **options):
    options = {"minimum_count": 1, **options}
    return dataset.prepare_pairs(split_of(chorale), MELODY, VOICES, transpositions=transpositions, **options)


def test_source_and_target_are_those_of_one_piece():
    data = prepared()
    for part, name in ((data.train, "train"), (data.validation, "validation"), (data.test, "test")):
        for i, score in enumerate(getattr(split_of(chorale), name).scores):
            source, target = (data.vocabulary.to_ids(e.encode(score), allow_unknown=True) for e in (MELODY, VOICES))
            assert part.sources[i].tolist() == source.tolist() and len(source)
            assert part.targets[i].tolist() == [START, *target, END]


def test_only_training_pairs_are_transposed_and_their_versions_belong_together():
    data = prepared(transpositions=(-2, 0, 3))
    assert data.train.groups.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert data.validation.groups.tolist() == [0, 1] and len(data.test) == 2
    assert data.vocabulary.to_tokens(data.train.sources[5]) == MELODY.encode(chorale(1).transpose(3))
    assert data.vocabulary.to_tokens(data.train.targets[5]) == VOICES.encode(chorale(1).transpose(3))


def test_the_range_of_the_sources_is_kept():
    low, high = prepared(transpositions=(-2, 0, 3)).about["source_pitches"]
    sopranos = [chorale(i).select("Soprano").pitch for i in range(4)]
    assert (low, high) == (min(p.min() for p in sopranos) - 2, max(p.max() for p in sopranos) + 3)


def test_the_vocabulary_is_of_the_training_pairs_alone():
    split = split_of(chorale)
    high = chorale(9).transpose(24)
    split = Split(split.train, Corpus(("high",), (high,)), split.test)
    data = dataset.prepare_pairs(split, MELODY, VOICES, minimum_count=1)
    assert UNKNOWN in data.validation.sources[0]


def test_a_fingerprint_tells_what_changed():
    data = prepared()
    assert data.fingerprint == prepared().fingerprint
    regrouped = dataclasses.replace(data.train, groups=np.zeros(4, np.int64))
    others = [prepared(transpositions=(0, 1)), data.hidden(), dataclasses.replace(data, train=regrouped)]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_hidden_sources_say_nothing_but_how_long_they_are():
    data = prepared()
    hidden = data.hidden()
    assert set(hidden.train.sources.ids.tolist()) == {UNKNOWN}
    assert hidden.train.sources.offsets.tolist() == data.train.sources.offsets.tolist()
    assert hidden.train.targets is data.train.targets and hidden.vocabulary is data.vocabulary


def test_a_part_without_a_pair_is_refused():
    with pytest.raises(ValueError, match="the 2 validation pieces hold no pair"):
        upbeat = split_of(lambda i: tune(8, i) if i < 4 else tune(7, i))
        dataset.prepare_pairs(upbeat, EVENTS, EVENTS, dataset.phrases)


@pytest.mark.parametrize("signature", [(2, 4), (6, 8), (4, 4)])
def test_phrases_are_the_bars_before_and_the_bars_that_answer(signature):
    piece, quarters = tune(16, signature=signature), 16 * signature[0] / signature[1]
    found = dataset.phrases(piece)
    assert len(found) == 2
    assert all(one.end == other.end == quarters for one, other in found)
    joined = found[0][0].then(found[0][1], quarters).then(found[1][0], 2 * quarters).then(found[1][1], 3 * quarters)
    np.testing.assert_array_equal(joined.pitch, piece.pitch)
    np.testing.assert_allclose(joined.onset, piece.onset)


def test_phrases_take_a_length_that_is_stated():
    piece = tune(8).replace(time_signatures=())
    assert dataset.phrases(piece) == []
    assert [one.end for one, _ in dataset.phrases(piece, quarters=4)] == [4, 4]
    for bad in ({"bars": 0}, {"quarters": -1.0}):
        with pytest.raises(ValueError, match="a phrase must have a length above 0"):
            dataset.phrases(piece, **bad)


def test_phrases_of_a_piece_with_an_upbeat_begin_with_one():
    piece = tune(16, signature=(4, 4)).replace(time_signatures=((0, 1, 4), (1, 4, 4)))  # the last bar has three
    found = dataset.phrases(piece)
    assert [phrase.end for pair in found for phrase in pair] == [16] * 4
    assert all(phrase.time_signatures == ((0, 1, 4), (1, 4, 4)) for pair in found for phrase in pair)


def test_a_piece_that_counts_otherwise_has_no_phrases():
    assert dataset.phrases(tune(17)) == []
    assert dataset.phrases(tune(16).replace(time_signatures=((0, 2, 4), (8, 3, 4)))) == []


# Windows ------------------------------------------------------------------------------------------------------------


def aligned(sizes=(5, 13, 1, 8), pace=3, versions=1):
    """Pairs whose ids tell their piece and place: source 1000 p + i, targets 1000 p + 10 i + k."""
    sources, targets, groups = [], [], []
    for piece, size in enumerate(sizes, start=1):
        for version in range(versions):
            base = 1000 * piece + 100_000 * version
            sources.append(base + np.arange(size))
            places = [base + 10 * i + k for i in range(size) for k in range(pace)]
            targets.append(np.array([START, *places, END]))
            groups.append(piece)
    return PairedPieces(Pieces.from_lists(sources), Pieces.from_lists(targets), np.array(groups))


def batches(windows):
    return [windows[i] for i in range(len(windows))]


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
@pytest.mark.parametrize("length", [1, 4, 8, 13, 20])
def test_every_target_is_met_once_beside_its_source(seed, length):
    pairs_, met = aligned(), []
    windows = PairWindows(pairs_, length, 2, pace=3, seed=seed)
    for (source, inputs), targets in batches(windows):
        assert source.shape[1] == length and inputs.shape == targets.shape == (len(source), 3 * length)
        for one, before, after in zip(source, inputs, targets, strict=True):
            steps = np.flatnonzero(after)
            assert steps.tolist() == list(range(len(steps))) and np.count_nonzero(before) == len(steps)
            np.testing.assert_array_equal(before[1 : len(steps)], after[: len(steps) - 1])
            for i in steps:
                if after[i] == END:
                    met.append((END, before[i]))
                    continue
                met.append(after[i])
                place, piece = after[i] % 1000 // 10, after[i] // 1000
                assert after[i] % 10 == i % 3 and one[i // 3] == 1000 * piece + place
            assert (before[0] == START) == (after[0] % 1000 == 0)
    expected = [i for piece in pairs_.targets for i in piece[1:-1]]
    ends = [(END, piece[-2]) for piece in pairs_.targets]
    assert sorted(map(str, met)) == sorted(map(str, expected + ends))
    assert windows.target_count == len(met)


def test_crops_begin_at_multiples_and_elsewhere_in_another_epoch():
    windows = PairWindows(aligned((40,)), 12, 8, pace=3, align=4, seed=0)
    begins = []
    for _ in range(6):
        found = sorted({int(row[0] % 1000) for (source, _), _ in batches(windows) for row in source if row[0]})
        assert found[0] == 0 and all(begin % 4 == 0 for begin in found)
        begins.append(tuple(found))
        windows.on_epoch_end()
    assert len(set(begins)) > 1


def test_an_epoch_meets_each_pair_in_one_key_and_draws_another():
    windows, seen = PairWindows(aligned(versions=5), 8, 4, pace=3, seed=0), set()
    count = len(windows)
    for _ in range(4):
        drawn = {}
        for (source, _), _ in batches(windows):
            for row in source[source[:, 0] > 0]:
                drawn.setdefault(row[0] % 100_000 // 1000, set()).add(row[0] // 100_000)
        assert set(drawn) == {1, 2, 3, 4} and all(len(versions) == 1 for versions in drawn.values())
        seen.add(str(sorted(drawn.items())))
        windows.on_epoch_end()
        assert len(windows) == count
    assert len(seen) > 1


def test_an_epoch_is_the_same_again_where_training_goes_on():
    def rows(windows):
        return np.concatenate([np.concatenate([source, *both], axis=1) for (source, both0), both1 in batches(windows)
                               for both in [(both0, both1)]])  # fmt: skip

    windows = PairWindows(aligned(versions=3), 8, 4, pace=3, seed=5)
    windows.on_epoch_end()
    windows.on_epoch_end()
    np.testing.assert_array_equal(rows(windows), rows(PairWindows(aligned(versions=3), 8, 4, pace=3, seed=5, epoch=2)))


def test_without_a_pace_a_window_is_a_whole_pair():
    sources, targets = [[5, 6, 7], [8]], [[START, 9, END], [START, 4, 5, 6, 7, END]]
    made = PairedPieces(Pieces.from_lists(sources), Pieces.from_lists(targets), np.arange(2))
    (source, inputs), following = PairWindows(made, 5, 2)[0]
    assert source.tolist() == [[5, 6, 7, 0, 0], [8, 0, 0, 0, 0]]
    assert inputs.tolist() == [[START, 9, 0, 0, 0], [START, 4, 5, 6, 7]]
    assert following.tolist() == [[9, END, 0, 0, 0], [4, 5, 6, 7, END]]
    with pytest.raises(ValueError, match="a pair has 5 tokens on one side and a window holds 4; set window=5"):
        PairWindows(made, 4, 2)


def test_what_cannot_be_cut_is_named():
    with pytest.raises(ValueError, match="pace=2 asks for .* pair 0 has 15 for 5"):
        PairWindows(aligned(), 8, 2, pace=2)
    with pytest.raises(ValueError, match="crops are aligned only with a pace"):
        PairWindows(aligned(), 40, 2, align=4)
    with pytest.raises(ValueError, match="got align=3 and length=8"):
        PairWindows(aligned(), 8, 2, pace=3, align=3)
    with pytest.raises(ValueError, match="there is no pair"):
        PairWindows(PairedPieces(Pieces.from_lists([]), Pieces.from_lists([]), np.zeros(0, int)), 8, 2)
    with pytest.raises(ValueError, match="got 0 and 2"):
        PairWindows(aligned(), 0, 2, pace=3)


def test_an_empty_source_is_padding():
    made = PairedPieces(Pieces.from_lists([[]]), Pieces.from_lists([[START, 9, END]]), np.arange(1))
    (source, _), targets = PairWindows(made, 3, 1)[0]
    assert source.tolist() == [[PADDING] * 3] and targets.tolist() == [[9, END, 0]]


def test_counting_takes_the_targets():
    data = prepared()
    assert NGram(data.train.targets, len(data.vocabulary), 2).nats_per_token(data.train.targets) > 0
