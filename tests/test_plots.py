"""Plots: what is drawn, read from the axes."""

import itertools
import time

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection

from musiclib import plots
from musiclib.plots import attention_maps
from musiclib.score import Score


@pytest.fixture
def score():
    """A chord, a rest, a repeated note, two parts, a change of tempo, bars of three quarters."""
    notes = [(0, 1, 60, 127), (0, 1, 64, 10), (2, 0.5, 66), (2.5, 0.5, 66), (0, 6, 48, 90, 1)]
    return Score.from_notes(
        notes, tempos=((0, 120), (2, 60)), time_signatures=((0, 3, 4),), part_names=("Flute", "Cello")
    )


@pytest.fixture(autouse=True)
def close_figures(monkeypatch):
    def show(*_, **__):
        raise AssertionError("a plot called show()")

    monkeypatch.setattr(plt, "show", show)
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    plt.close("all")


def bars(ax):
    """(left, right, middle) of each note drawn."""
    (notes,) = (c for c in ax.collections if isinstance(c, PolyCollection))
    corners = [path.vertices[:4] for path in notes.get_paths()]
    return [(c[:, 0].min(), c[:, 0].max(), c[:, 1].mean()) for c in corners], notes


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_piano_roll_draws_each_note(score):
    ax = plots.piano_roll(score, title="a title")
    drawn, notes = bars(ax)
    expected = np.column_stack([score.onset, score.onset + score.duration, score.pitch])
    np.testing.assert_allclose(drawn, expected)
    colours = notes.get_facecolors()
    assert len({tuple(colour[:3]) for colour in colours}) == 2  # one a part
    assert np.array_equal(np.argsort(colours[:, 3]), np.argsort(score.velocity))
    assert ax.get_title() == "a title"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Flute", "Cello"]


def test_piano_roll_in_seconds(score):
    drawn, _ = bars(plots.piano_roll(score, seconds=True))
    np.testing.assert_allclose(np.array(drawn)[:, :2], np.column_stack(score.seconds()))


def test_bar_lines(score):
    for seconds, expected in ((False, [0, 3]), (True, [0, 2])):
        ax = plots.piano_roll(score, seconds=seconds)
        (lines,) = (c for c in ax.collections if type(c) is LineCollection)
        assert [segment[0][0] for segment in lines.get_segments()] == expected
    without = plots.piano_roll(score.replace(time_signatures=()))
    assert not any(type(c) is LineCollection for c in without.collections)


def test_pitch_names(score):
    assert {"F#4", "C4", "C3"} - set(labels(plots.piano_roll(score).yaxis)) == {"F#4"}  # wide: no sharps
    assert {"F#4", "C4"} <= set(labels(plots.piano_roll(score.select(0)).yaxis))
    extremes = labels(plots.piano_roll(Score.from_notes([(0, 1, 0), (0, 1, 127)])).yaxis)
    assert extremes[0] == "C-1" and extremes[-1] == "C9"


def test_pitch_names_follow_the_key():
    score = Score.from_notes([(0, 1, 60), (1, 1, 70)])
    assert {"A#4", "D#4"} <= set(labels(plots.piano_roll(score).yaxis))  # without a key
    minor = score.replace(key_signatures=((0, -3, "minor"), (1, 4, "major")))
    names = labels(plots.piano_roll(minor).yaxis)
    assert {"C4", "E♭4", "A♭4", "B♭4"} <= set(names) and not any("#" in name or "♯" in name for name in names)
    sharps = labels(plots.piano_roll(score.replace(key_signatures=((0, 7, ""),))).yaxis)
    assert {"B♯3", "E♯4", "A♯4", "G4"} <= set(sharps)  # not F double sharp
    others = labels(plots.piano_roll(score.replace(key_signatures=((0, 5, ""),))).yaxis)
    assert {"C4", "A♯4"} <= set(others)  # C is none of the notes of B major
    _, axes = plt.subplots(2, figsize=(8, 10))
    plots.compare(score, minor, ax=axes)
    assert "A#4" in labels(axes[0].yaxis) and "B♭4" in labels(axes[1].yaxis)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("semitones", [3, 12, 17, 25, 40, 88, 127])
def test_pitch_names_do_not_overlap_and_are_several(rows, semitones):
    figure, axes = plt.subplots(rows, figsize=(8, 3.0 * rows), layout="constrained", squeeze=False)
    for ax in axes.flat:
        plots.piano_roll(Score.from_notes([(0, 1, 0), (1, 1, semitones)]), ax=ax)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes[-1, 0].get_yticklabels()]
    assert len(boxes) >= 3
    assert all(below.y1 <= above.y0 + 1 for below, above in itertools.pairwise(boxes))


def test_legend_lies_beside_the_notes(score):
    ax = plots.piano_roll(score)
    ax.figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    assert legend.x0 >= ax.get_window_extent().x1
    assert legend.x1 <= ax.figure.bbox.x1


def test_piano_roll_on_given_axes(score):
    _, ax = plt.subplots()
    assert plots.piano_roll(score, ax) is ax
    assert len(plt.get_fignums()) == 1


def test_piano_roll_of_nothing():
    assert not plots.piano_roll(Score.from_notes([])).collections


def test_many_notes_are_quick():
    generator = np.random.default_rng(0)
    score = Score.from_notes(
        np.column_stack([generator.uniform(0, 3000, 10_000), np.ones(10_000), generator.integers(21, 109, 10_000)]),
        time_signatures=((0, 4, 4),),
    )
    start = time.perf_counter()
    plots.piano_roll(score).figure.canvas.draw()
    assert time.perf_counter() - start < 5  # a patch a note would take longer


def test_compare_has_the_same_scales(score):
    other = score.slice(0, 2).transpose(24)
    axes = plots.compare(score, other, titles=("above", "below"))
    assert axes.shape == (2,)
    assert axes[0].get_xlim() == axes[1].get_xlim() == (0, 6)
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert axes[0].get_ylim()[0] < 48 and axes[0].get_ylim()[1] > 88
    assert [ax.get_title() for ax in axes] == ["above", "below"]
    assert [len(bars(ax)[0]) for ax in axes] == [len(score), len(other)]


def test_a_grid_of_piano_rolls_has_one_scale_and_no_legend_if_not_wanted(score):
    two = Score.from_notes([(0, 1, 60, 80, 0), (0, 1, 72, 80, 1)])
    _, axes = plt.subplots(2, 2)
    drawn = plots.piano_rolls([score, two, score.transpose(12), two], axes.flat, list("abcd"), legend=False)
    assert len({ax.get_ylim() for ax in drawn}) == len({ax.get_xlim() for ax in drawn}) == 1
    assert [ax.get_title() for ax in drawn] == list("abcd") and not any(ax.get_legend() for ax in drawn)
    with pytest.raises(ValueError, match="2 scores need as many axes and titles, got 4 and 1"):
        plots.piano_rolls([score, two], axes.flat, ["a"])


def test_compare_on_given_axes(score):
    _, pair = plt.subplots(2)
    assert list(plots.compare(score, Score.from_notes([]), ax=pair)) == list(pair)
    with pytest.raises(ValueError, match="two Axes, got 1"):
        plots.compare(score, score, ax=pair[0])
    with pytest.raises(ValueError, match="two Axes, got 3"):
        plots.compare(score, score, ax=plt.subplots(3)[1])
    with pytest.raises(ValueError, match="titles must be two"):
        plots.compare(score, score, titles=("one",))


@pytest.mark.parametrize("count", [1, 12, 41, 300])
def test_attention_names_tokens_without_overlap(count):
    weights = np.tril(np.ones((count, count)))
    weights /= weights.sum(axis=1, keepdims=True)
    ax = plots.attention(weights, [f"token {i}" for i in range(count)])
    np.testing.assert_array_equal(ax.images[0].get_array(), weights)
    assert labels(ax.xaxis) == labels(ax.yaxis) == [f"token {round(place)}" for place in ax.get_xticks()]
    assert len(ax.get_xticks()) <= attention_maps.MOST_LABELS
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("position attended to", "position being predicted from")
    assert len(ax.figure.axes) == 2  # the colour bar
    ax.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(below.y1 <= above.y0 + 1 for above, below in itertools.pairwise(boxes))
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(left.x1 <= right.x0 + 1 for left, right in itertools.pairwise(boxes))


@pytest.mark.parametrize("shape", [(3, 4), (4, 4), (1, 3, 3), (3,)])
def test_attention_of_the_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"3 tokens.*shape \(3, 3\)"):
        plots.attention(np.zeros(shape), ["a", "b", "c"])
    with pytest.raises(ValueError, match="at least one"):
        plots.attention(np.zeros((0, 0)), [])


def test_history_marks_the_best_epoch():
    ax = plots.history({"loss": [3, 2, 1, 0.5], "val_loss": [3, 2.5, 2.6, 2.7], "accuracy": [0, 0, 0, 1]})
    training, validation, best = ax.lines
    assert training.get_xdata().tolist() == [1, 2, 3, 4] and training.get_ydata().tolist() == [3, 2, 1, 0.5]
    assert validation.get_ydata().tolist() == [3, 2.5, 2.6, 2.7]
    assert (list(best.get_xdata()), list(best.get_ydata())) == ([2], [2.5])
    assert "nats" in ax.get_ylabel()


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_history_has_whole_epochs(epochs):
    ax = plots.history({"loss": list(range(epochs, 0, -1))})
    ax.figure.canvas.draw()
    ticks = ax.get_xticks()
    assert np.array_equal(ticks, np.round(ticks))
    assert list(ax.lines[-1].get_xdata()) == [epochs]  # without validation, the training loss decides


@pytest.mark.parametrize("record", [{}, {"loss": []}, {"accuracy": [1]}, {"loss": [float("nan")]}])
def test_history_of_nothing(record):
    with pytest.raises(ValueError, match="train at least one epoch"):
        plots.history(record)


def test_spreads_draws_a_dot_for_each_piece_and_the_middle_of_the_first_set():
    values = {"real": np.array([*range(11), np.nan]), "run": [3.0, 4.0, 8.0], "nothing": []}
    ax = plots.spreads(values, title="range", label="semitones", remarks=("97%", "80%", "–"))
    dots = [c for c in ax.collections if not isinstance(c, (LineCollection, PolyCollection))]
    assert [len(c.get_offsets()) for c in dots] == [11, 3]
    assert sorted(dots[1].get_offsets()[:, 0]) == [3, 4, 8]
    assert all(abs(c.get_offsets()[:, 1] - row).max() < 0.3 for row, c in enumerate(dots))
    medians = [c.get_segments()[0][0][0] for c in ax.collections if isinstance(c, LineCollection)]
    assert medians == [5, 4]
    (band,) = ax.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (1, 9)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["real", "run", "nothing"]
    assert [text.get_text() for text in ax.texts] == ["97%", "80%", "–"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first set is on top
    ax.figure.canvas.draw()
    assert not any("%" in label.get_text() for label in ax.get_xticklabels())
    ax = plots.spreads({"real": [0.5, 0.9]}, percent=True)
    ax.figure.canvas.draw()
    assert {"60%", "70%", "80%"} <= {label.get_text() for label in ax.get_xticklabels()}
