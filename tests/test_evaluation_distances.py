"""Distances: the same sets, sets apart, and SciPy's densities."""

import numpy as np
import pytest

from musiclib.evaluation import distances
from musiclib.evaluation.distances import likeness

RNG = np.random.default_rng(0)
REAL = RNG.normal(3, 0.2, 60)


def test_music_of_the_same_kind_overlaps_and_other_music_does_not():
    same = likeness(REAL, RNG.normal(3, 0.2, 60))
    wider = likeness(REAL, RNG.normal(3, 0.6, 60))
    moved = likeness(REAL, RNG.normal(4, 0.2, 60))
    far = likeness(REAL, np.full(10, 50.0))
    assert same.overlap > 0.9 and same.divergence < 0.05
    assert same.overlap > wider.overlap > moved.overlap > far.overlap
    assert same.divergence < wider.divergence < moved.divergence < far.divergence
    assert far.overlap < 1e-6 and np.isfinite(far.divergence)


def test_the_average_piece_again_and_again_is_not_like_real_music():
    assert likeness(REAL, np.full(60, REAL.mean())).overlap < 0.9 < likeness(REAL, REAL).overlap


def test_by_hand():
    # Distances among 0, 1 and 3 are 1, 3 and 2; from 1 to each they are 1, 0 and 2. Densities and areas by SciPy.
    stats = pytest.importorskip("scipy.stats")
    p, q = stats.gaussian_kde([1, 3, 2]), stats.gaussian_kde([1, 0, 2])
    grid = np.linspace(-12, 15, 200_001)
    step = grid[1] - grid[0]
    result = likeness([0, 1, 3], [1])
    assert result.overlap == pytest.approx(np.minimum(p(grid), q(grid)).sum() * step, abs=2e-3)
    near = np.linspace(-2, 6, 20_001)
    divergence = np.sum(p(near) * np.log(p(near) / q(near))) * (near[1] - near[0])
    assert result.divergence == pytest.approx(divergence, rel=0.02)


def test_density_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    values, grid = RNG.gamma(2, 2, 9000), np.linspace(-1, 20, 50)
    ours = distances.density(values, grid, distances.bandwidth(values))
    np.testing.assert_allclose(ours, stats.gaussian_kde(values)(grid), rtol=1e-6)


def test_the_chance_of_an_overlap_is_how_it_varies_from_set_to_set():
    rng = np.random.default_rng(1)
    real = {name: rng.normal(size=40) for name in "ab"}
    sets = [{name: rng.normal(0.7, 1, 24) for name in "ab"} for _ in range(60)]
    overlaps = [np.mean([likeness(real[name], values[name]).overlap for name in "ab"]) for values in sets]
    told = [distances.chance_of_overlap(real, values) for values in sets]
    assert 0.6 < np.sqrt(np.mean(np.square(told))) / np.std(overlaps) < 1.6


def test_the_chance_of_an_overlap_where_there_is_too_little():
    assert np.isnan(distances.chance_of_overlap({"a": REAL}, {"a": np.array([1.0])}))
    assert np.isnan(distances.chance_of_overlap({"a": REAL}, {"a": np.array([np.nan, np.nan])}))
    assert distances.chance_of_overlap({"a": REAL}, {"a": np.full(9, 2.0)}) < 1e-3


def test_figures_that_never_differ():
    assert likeness(np.zeros(20), np.zeros(9)).overlap == pytest.approx(1)
    assert likeness(np.zeros(20), np.zeros(9)).divergence == pytest.approx(0)
    assert likeness(np.zeros(20), np.ones(9)).overlap < 1e-6
    # One piece of twenty that differs leaves most of the rest in common.
    assert likeness(np.zeros(20), [*np.zeros(19), 0.3]).overlap > 0.8


def test_what_has_no_figure_is_left_out_and_too_little_gives_none():
    assert likeness([*REAL, np.nan], [np.nan, *REAL]) == likeness(REAL, REAL)
    for real, generated in (([1, 2], [1]), (REAL, []), ([], []), (REAL, [np.nan])):
        assert np.isnan(likeness(real, generated).overlap)
