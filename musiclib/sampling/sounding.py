"""Sounding: generates spectral frames one by one, each drawn from what the network predicts."""

from __future__ import annotations

import numpy as np
from keras import ops

from musiclib.models.compiling import compiled
from musiclib.sampling.primers import check_loaded
from musiclib.sampling.rules import check_whole

LONGEST_SECONDS = 600


def generate_frames(
    run,
    seconds: float = 10.0,
    count: int = 1,
    primer: np.ndarray | None = None,
    temperature: float = 0.9,
    noise: float = 0.3,
    seed: int | None = None,
) -> np.ndarray:
    """Generates frames of a spectrogram; ``run.encoding.decode`` turns them into audio.

    Args:
        run: a trained run of a ``spectral_lstm``.
        seconds: length of what is generated.
        count: number of pieces, generated as one batch.
        primer: (frames, bands) to continue, such as the first second of an excerpt; None for silence.
        temperature: of the choice of a component, where there are several; below 1, unlikely ones are rarer, such as a
            note that begins off the beat.
        noise: factor of the standard deviations of the mixture: 0 takes the mean of the component that is drawn, 1
            samples the density, in which each band has noise of its own, and sounds hoarse.
        seed: makes the pieces repeatable.

    Returns:
        (count, frames, bands) float32, without the primer.

    Raises:
        ValueError: at an invalid option, or a run of another network.
    """
    check_loaded(run)
    if not hasattr(run.model, "bands"):
        raise ValueError(f"generate_frames needs a run of a spectral_lstm, got {run.config.model.name}")
    check_whole("count", count, 1)
    frames = round(seconds * run.encoding.rate)
    if not 1 <= frames <= LONGEST_SECONDS * run.encoding.rate:
        raise ValueError(f"seconds must make at least one frame, and at most {LONGEST_SECONDS}, got {seconds}")
    if not (0 <= noise <= 2 and 0.01 <= temperature <= 10):
        raise ValueError(
            f"noise must lie between 0 and 2, got {noise}, and temperature between 0.01 and 10, got {temperature}"
        )
    bands = run.model.bands
    silence = np.zeros(run.encoding.window, np.float32)
    primer = run.encoding.encode(silence)[:1] if primer is None else np.asarray(primer, np.float32)
    if primer.ndim != 2 or primer.shape[1] != bands or not len(primer):
        raise ValueError(f"a primer must have the shape (frames, {bands}), got {primer.shape}")
    rng = np.random.default_rng(seed)
    given = np.pad(primer, ((0, frames - 1), (0, 0)))
    forced = np.arange(len(given)) < len(primer)
    uniforms = rng.random((len(given), count), dtype=np.float32)
    normals = np.float32(noise) * rng.standard_normal((len(given), count, bands), dtype=np.float32)
    loop = compiled(run.model, ("frames", given.shape, count), _loop, count)
    found = ops.convert_to_numpy(loop(given, forced, uniforms, normals, np.float32(temperature)))
    return np.moveaxis(found[len(primer) - 1 :], 0, 1)


def _loop(model_reference, count: int, given, forced, uniforms, normals, temperature):
    """Returns the frame that follows each step, (steps, count, bands)."""
    model = model_reference()

    def step(i, frames, written, state):
        frames = ops.where(ops.take(forced, i), ops.take(given, i, axis=0)[None], frames)
        outputs, state = model.step(frames, state)
        frames = model.choose(outputs, ops.take(uniforms, i, axis=0), ops.take(normals, i, axis=0), temperature)
        # The network may leave the range of a spectrogram, and would then be far from all that it was trained on.
        frames = ops.clip(frames, -1.0, 1.1)
        return i + 1, frames, ops.slice_update(written, (i, 0, 0), frames[None]), state

    steps = given.shape[0]
    start = (0, ops.zeros((count, model.bands)), ops.zeros((steps, count, model.bands)), model.initial_state(count))
    return ops.while_loop(lambda i, *_: i < steps, step, start)[2]
