"""Spectral LSTM: predicts the next frame of a spectrogram, by squared error or as a mixture of Gaussians.

Sources: Matt Vitelli and Aran Nayebi, "GRUV: Algorithmic Music Generation using Recurrent Neural Networks" (2015), for
the squared error; Christopher Bishop, "Mixture Density Networks" (1994); Samy Bengio et al., "Scheduled Sampling for
Sequence Prediction with Recurrent Neural Networks" (2015), here in parallel: the network's own predictions of a first
pass replace some inputs of the second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from musiclib.config import TrainingConfig
from musiclib.dataset import FrameWindows, Pieces
from musiclib.encodings.vocabulary import PADDING
from musiclib.models.autoregressive import AutoregressiveModel
from musiclib.models.layers import lstm
from musiclib.models.losses import sum_over_devices
from musiclib.models.registry import Takes, register

HEADS = ("mixture", "squared")
_SCALES = (math.log(0.05), math.log(1.0))  # log standard deviations; below it, silence would dominate the loss
_RAMP = 8  # epochs in which scheduled sampling rises to its share


def _scaled(frames):
    """Returns frames with a mean near 0 and a standard deviation near 1, for the recurrent layers."""
    return 2.5 * (frames + 0.6)


@keras.saving.register_keras_serializable("musiclib")
class SpectralLSTM(AutoregressiveModel):
    """See ``spectral_lstm``. Frames of ``bands`` values stand in the place of ids."""

    has_likelihood = False

    def __init__(
        self, bands: int, units: Sequence[int], head: str, components: int, dropout: float, noise: float,
        own_inputs: float, **kwargs,
    ) -> None:  # fmt: skip
        super().__init__(bands, **kwargs)
        if head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
        if head == "mixture" and components < 1:
            raise ValueError(f"a mixture needs at least 1 component, got components={components}")
        self.bands, self.head = bands, head
        self.components = components if head == "mixture" else 1
        self.options = {
            "units": list(units), "head": head, "components": components, "dropout": dropout, "noise": noise,
            "own_inputs": own_inputs,
        }  # fmt: skip
        self.noise, self.own_inputs = noise, own_inputs
        self.unit = "nats per value" if head == "mixture" else "squared error"
        self.lstms = [
            keras.layers.LSTM(size, return_sequences=True, name=f"lstm_{i}") for i, size in enumerate(units, 1)
        ]
        self.dropouts = [keras.layers.Dropout(dropout) for _ in units]
        width = components * (2 + 2 * bands) if head == "mixture" else bands
        self.outputs_layer = keras.layers.Dense(width, dtype="float32", name="head")
        self.chance = keras.random.SeedGenerator()
        self.share = self.add_weight(shape=(), initializer="zeros", trainable=False, name="share")

    def build(self, input_shape=None) -> None:
        size = self.bands
        for layer in self.lstms:
            layer.build((None, None, size))
            size = layer.units
        self.outputs_layer.build((None, None, size))
        self.built = True

    def call(self, frames, training=False):
        if training and self.noise:
            # As strong in all of a window, and differently in each: real frames must be predicted sharply, and those
            # of the network, which are not quite real, robustly.
            level = keras.random.uniform((ops.shape(frames)[0], 1, 1), 0.0, self.noise, seed=self.chance)
            frames = frames + level * keras.random.normal(ops.shape(frames), seed=self.chance)
        if training and self.own_inputs:
            own = ops.stop_gradient(self._draw(self._outputs(frames, True)))
            own = ops.concatenate([frames[:, :1], own[:, :-1]], axis=1)
            chosen = keras.random.uniform(ops.shape(frames)[:2], seed=self.chance) < self.share
            frames = ops.where(chosen[..., None], own, frames)
        return self._outputs(frames, training)

    def _outputs(self, frames, training=False):
        """Returns the parameters of the next frames, (batch, time, width)."""
        return self._parameters(lstm.stacked(self.lstms, self.dropouts, _scaled(frames), training), frames)

    def _parameters(self, x, frames):
        """Applies the head; each component of a mixture keeps a share of the last frame."""
        outputs = self.outputs_layer(x)
        if self.head == "squared":
            return outputs
        shares, size = ops.sigmoid(outputs[..., -self.components :, None]), self.components * self.bands
        kept = ops.reshape(shares * ops.cast(frames, "float32")[..., None, :], (*ops.shape(outputs)[:-1], size))
        return ops.concatenate([outputs[..., :size] + kept, outputs[..., size : -self.components]], axis=-1)

    def split(self, outputs):
        """Returns the mixture of the next frame; with the squared error, one component of standard deviation 0.

        Returns:
            means and log standard deviations (..., components, bands), and log weights (..., components).
        """
        if self.head == "squared":
            means = outputs[..., None, :]
            return means, ops.full_like(means, -math.inf), ops.zeros_like(outputs[..., :1])
        shape = (*ops.shape(outputs)[:-1], self.components, self.bands)
        size = self.components * self.bands
        means = ops.reshape(outputs[..., :size], shape)
        scales = ops.clip(ops.reshape(outputs[..., size : 2 * size], shape), *_SCALES)
        return means, scales, ops.log_softmax(outputs[..., 2 * size :])

    def mean(self, outputs):
        """Returns the expected next frame, (..., bands)."""
        means, _, weights = self.split(outputs)
        return ops.sum(ops.exp(weights)[..., None] * means, axis=-2)

    def choose(self, outputs, uniforms, normals, temperature=1.0):
        """Draws the next frame: a component by a uniform number (...), then normal noise (..., bands) of its width."""
        means, scales, weights = self.split(outputs)
        weights = ops.log_softmax(weights / temperature)
        passed = ops.cumsum(ops.exp(weights), axis=-1) < uniforms[..., None]
        index = ops.minimum(ops.sum(ops.cast(passed, "int32"), axis=-1), weights.shape[-1] - 1)
        chosen = ops.one_hot(index, weights.shape[-1], dtype=means.dtype)[..., None]
        return ops.sum(chosen * (means + normals[..., None, :] * ops.exp(scales)), axis=-2)

    def _draw(self, outputs):
        shape = ops.shape(outputs)[:-1]
        uniforms = keras.random.uniform(shape, seed=self.chance)
        normals = keras.random.normal((*shape, self.bands), seed=self.chance)
        return self.choose(outputs, uniforms, normals)

    def initial_state(self, batch_size: int, condition=None):
        return lstm.initial_state(self.lstms, batch_size, self.compute_dtype)

    def step(self, ids, state):
        x, state = lstm.step(self.lstms, _scaled(ids), state)
        return self._parameters(x, ids), state

    def batches(self, data, settings, seed, epoch):
        if not isinstance(data, Pieces) or np.ndim(data.ids) != 2:
            raise ValueError("a spectral_lstm is trained on frames, from dataset.prepare_sound")
        return FrameWindows(data, settings.window, settings.batch_size, seed, epoch)

    def objective(self):
        return None, None

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        counted = ops.cast(ops.any(y != PADDING, axis=-1), "float32")  # windows that fill up a batch are padding
        return ops.sum(self.error(y, y_pred) * counted) / ops.maximum(sum_over_devices(ops.sum(counted)), 1.0)

    def begin_epoch(self, epoch: int) -> None:
        self.share.assign(self.own_inputs * min(epoch / _RAMP, 1.0))

    def error(self, targets, outputs):
        """Returns the loss of each frame, (batch, time): nats per value, or the mean squared error."""
        if self.head == "squared":
            return ops.mean((outputs - targets) ** 2, axis=-1)
        means, scales, weights = self.split(outputs)
        squares = ((targets[..., None, :] - means) / ops.exp(scales)) ** 2
        logs = -ops.sum(0.5 * squares + scales + 0.5 * math.log(2 * math.pi), axis=-1) + weights
        return -ops.logsumexp(logs, axis=-1) / self.bands

    def get_config(self) -> dict:
        config = {name: value for name, value in super().get_config().items() if name != "vocabulary_size"}
        return {**config, "bands": self.bands, **self.options}


def spectral_lstm(
    bands: int,
    units: Sequence[int] = (512, 512),
    head: str = "mixture",
    components: int = 16,
    dropout: float = 0.1,
    noise: float = 0.15,
    own_inputs: float = 0.3,
) -> SpectralLSTM:
    """Builds stacked LSTM layers that predict the next frame of a spectrogram.

    Args:
        bands: values of a frame.
        units: size of each LSTM layer.
        head: ``"mixture"``: a mixture of Gaussians, trained by its likelihood; ``"squared"``: the frame itself, trained
            by the squared error, as in textbooks.
        components: Gaussians of the mixture, each over a whole frame, with diagonal covariance.
        dropout: dropout rate of each layer's outputs.
        noise: largest standard deviation of the noise added to the inputs in training; a frame's values go from -1 to
            1.
        own_inputs: share of the inputs that scheduled sampling replaces, after 8 epochs.

    Returns:
        A model from frames (batch, time, bands) to the parameters of the next frames.

    Raises:
        ValueError: at an unknown head, or a mixture of no component.
    """
    model = SpectralLSTM(bands, units, head, components, dropout, noise, own_inputs, name="spectral_lstm")
    model.build()
    return model


register(
    "spectral_lstm",
    spectral_lstm,
    Takes("Spectra", lambda encoding: bool(encoding.bands)),
    quick=(
        {"units": [128, 128], "components": 8},
        TrainingConfig(window=96, batch_size=16, epochs=12, learning_rate=2e-3),
    ),
    full=({}, TrainingConfig(window=192, batch_size=32, epochs=100, learning_rate=1e-3, patience=10)),
)
