"""Spectral: how well frames are predicted, and whether generated ones move and sound like real ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from keras import ops

from musiclib.dataset import Dataset

ORDERS, PENALTIES = (1, 2, 4), (1.0, 10.0, 100.0, 1000.0)  # of the ridge regression, chosen on validation excerpts
_BATCH = 16  # excerpts that a network predicts at once


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The error of predicting the next frame.

    Args:
        mse: mean squared error; a frame's values go from -1 to 1.
        rmse_db: its root, in dB.
        skill: 1 - mse / mse of repeating the last frame; 0 is no better than that, 1 perfect.
    """

    mse: float
    rmse_db: float
    skill: float


def predictions(data: Dataset, runs: dict[str, object], seconds: float = 1.0) -> dict[str, Prediction]:
    """Measures the prediction of the next frame on the test excerpts, beside three baselines.

    The baselines are the last frame, the mean frame of training, and ridge autoregression: linear regression on the
    last frames, with the number of frames and the penalty chosen on the validation excerpts.

    Args:
        data: from ``dataset.prepare_sound``.
        runs: trained runs of a ``spectral_lstm`` by name; of a mixture, the mean is the prediction.
        seconds: context at the start of each excerpt that is not counted, the same for all.

    Returns:
        The baselines and the runs by name.

    Raises:
        ValueError: if a run has another encoding than the dataset, or the excerpts are too short.
    """
    other = [name for name, run in runs.items() if run.encoding != data.encoding]
    if other:
        raise ValueError(f"the run {other[0]!r} has another encoding than the dataset, {runs[other[0]].encoding}")
    shortest = int(np.diff(data.test.offsets).min()) / data.encoding.rate
    if shortest <= seconds:
        raise ValueError(f"the excerpts last {shortest:.1f} seconds, no more than the context, seconds={seconds:g}")
    skip = max(round(seconds * data.encoding.rate), max(ORDERS))
    targets = [frames[skip:] for frames in data.test]
    ridge = _ridge(data)
    found = {
        "last frame": [frames[skip - 1 : -1] for frames in data.test],
        "mean frame": [np.broadcast_to(data.train.ids.mean(axis=0), target.shape) for target in targets],
        "ridge": [ridge(frames)[skip - max(ORDERS) :] for frames in data.test],
    }
    for name, run in runs.items():
        found[name] = []
        for first in range(0, len(data.test), _BATCH):  # one by one, they would take many times as long
            batch = np.stack([data.test[i][:-1] for i in range(first, min(first + _BATCH, len(data.test)))])
            means = run.model.mean(run.model(batch, training=False))
            found[name] += list(ops.convert_to_numpy(means)[:, skip - 1 :])
    errors = {
        name: float(np.mean([np.mean((a - b) ** 2) for a, b in zip(targets, frames, strict=True)]))
        for name, frames in found.items()
    }
    return {name: Prediction(mse, 40 * mse**0.5, 1 - mse / errors["last frame"]) for name, mse in errors.items()}


def _ridge(data: Dataset):
    """Returns the best ridge autoregression: frames (time, bands) to those after the first ``max(ORDERS)``."""
    most = max(ORDERS)

    def features(frames: np.ndarray, order: int) -> np.ndarray:
        lags = [frames[most - 1 - lag : len(frames) - 1 - lag] for lag in range(order)]
        return np.concatenate([*lags, np.ones((len(frames) - most, 1), np.float32)], axis=1)

    def pairs(pieces: Iterable[np.ndarray], order: int) -> tuple[np.ndarray, np.ndarray]:
        pieces = list(pieces)
        inputs = np.concatenate([features(frames, order) for frames in pieces])
        return inputs, np.concatenate([frames[most:] for frames in pieces])

    candidates = []
    for order in ORDERS:
        inputs, targets = pairs(data.train, order)
        products, wanted = inputs.T @ inputs, inputs.T @ targets
        held_out, next_frames = pairs(data.validation, order)
        for penalty in PENALTIES:
            weights = np.linalg.solve(products + penalty * np.eye(len(products), dtype=np.float32), wanted)
            candidates.append((np.mean((held_out @ weights - next_frames) ** 2), order, weights))
    _, order, weights = min(candidates, key=lambda candidate: candidate[0])
    return lambda frames: features(frames, order) @ weights


def energy(frames: np.ndarray, rate: float) -> np.ndarray:
    """Returns the level of each second: the mean over all bands, (seconds,); a frame's values go from -1 to 1."""
    return _each_second(frames, rate).mean(axis=(1, 2))


def flux(frames: np.ndarray, rate: float) -> np.ndarray:
    """Returns the spectral flux of each second: the mean rise of a band from frame to frame, (seconds,)."""
    return np.maximum(np.diff(_each_second(frames, rate), axis=1), 0).mean(axis=(1, 2))


@dataclasses.dataclass(frozen=True)
class FreeRunning:
    """How generated excerpts compare with real ones.

    Args:
        energy_within: fraction of seconds whose energy is within the 5th to 95th percentile of held-out seconds; of
            all these it is 0.9.
        flux_within: the same of the spectral flux.
        excerpts_energy_within: fraction of whole excerpts whose mean energy is within the percentiles of held-out ones.
        excerpts_flux_within: the same of the spectral flux.
        tones: number of different bands that are the loudest of a frame, the mean of the excerpts: a drone has one.
        nearest_copy_db: distance of the window of 2 seconds that is most like one of training, the median of the
            excerpts, in dB.
        energy: mean energy of each second.
        flux: mean flux of each second.
    """

    energy_within: float
    flux_within: float
    excerpts_energy_within: float
    excerpts_flux_within: float
    tones: float
    nearest_copy_db: float
    energy: tuple[float, ...]
    flux: tuple[float, ...]


def free_running(excerpts: Sequence[np.ndarray], data: Dataset) -> FreeRunning:
    """Compares excerpts (frames, bands) with the validation and test excerpts of a dataset, and looks for copies."""
    rate = data.encoding.rate
    held_out = [*data.validation, *data.test]
    energies, fluxes = ([measure(frames, rate) for frames in excerpts] for measure in (energy, flux))
    real_energies, real_fluxes = ([measure(frames, rate) for frames in held_out] for measure in (energy, flux))
    return FreeRunning(
        within(energies, real_energies),
        within(fluxes, real_fluxes),
        within(_means(energies), _means(real_energies)),
        within(_means(fluxes), _means(real_fluxes)),
        float(np.mean([len(np.unique(np.argmax(frames, axis=1))) for frames in excerpts])),
        float(np.median([nearest_copy(frames, data.train, round(2 * rate)) for frames in excerpts])),
        tuple(np.mean(energies, axis=0).tolist()),
        tuple(np.mean(fluxes, axis=0).tolist()),
    )


def _means(values: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [value.mean(keepdims=True) for value in values]


def _each_second(frames: np.ndarray, rate: float) -> np.ndarray:
    size = round(rate)
    return np.reshape(frames[: len(frames) // size * size], (-1, size, frames.shape[-1]))


def within(values: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> float:
    """Returns the fraction of values within the 5th to 95th percentile of the real ones."""
    low, high = np.quantile(np.concatenate(real), [0.05, 0.95])
    values = np.concatenate(values)
    return float(np.mean((values >= low) & (values <= high)))


def nearest_copy(frames: np.ndarray, pieces: Iterable[np.ndarray], length: int) -> float:
    """Returns the distance in dB of the window of ``length`` frames that is most like one in ``pieces``.

    Args:
        frames: (time, bands), at least ``length`` frames.
        pieces: the training excerpts.
        length: frames of the windows that are compared.
    """
    best = np.inf
    for piece in pieces:
        squares = (frames**2).sum(axis=1)[:, None] + (piece**2).sum(axis=1) - 2 * frames @ piece.T
        rows, columns = len(frames) - length + 1, len(piece) - length + 1
        if columns > 0:  # the distance of two windows is the sum along a diagonal
            best = min(best, sum(squares[i : i + rows, i : i + columns] for i in range(length)).min())
    return float(40 * np.sqrt(max(best, 0) / (length * frames.shape[1])))
