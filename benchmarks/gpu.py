"""GPU: tokens a second, and the share of the card's peak that they make."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import generation, pytorch
from benchmarks.measure import Comparison, Row, Setting, Unavailable, seconds

# Dense matrix products a second in bfloat16 (float16 where a card has no bfloat16), in TFLOP/s, by the makers'
# data sheets; the first name that the card's own holds counts.
_PEAKS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "V100": 125, "T4": 65}
_BATCH_SIZE = 1024


def card() -> str:
    """Returns the name of the GPU that Keras sees.

    Raises:
        Unavailable: where it sees none.
    """
    import keras

    if keras.backend.backend() == "jax":
        import jax

        names = [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    else:
        names = []
    if not names:
        raise Unavailable("Keras sees no GPU")
    return names[0]


def training_flops() -> float:
    """Returns the floating-point operations that training spends on one token of the default LSTM.

    Two for each weight of a matrix product, once forward and twice backward; looking up an
    embedding is none.
    """
    from musiclib import models

    model = models.build("stacked_lstm", pytorch.SIZE)
    matrices = [w for w in model.trainable_weights if len(w.shape) == 2 and "embeddings" not in w.path]
    return 6.0 * sum(w.shape[0] * w.shape[1] for w in matrices)


def _training(setting: Setting) -> Callable[[], tuple[float, str]]:
    import keras

    name = card()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    peak = next((peak for known, peak in _PEAKS.items() if known in name), None)

    def measure() -> tuple[float, str]:
        rate = pytorch.training_rate(_BATCH_SIZE)
        reached = rate * training_flops() / 1e12
        share = f", {reached / peak:.1%} of its peak of {peak} TFLOP/s" if peak else ""
        return rate, f"{name}, {keras.backend.backend()}, bfloat16: {reached:.1f} TFLOP/s{share}"

    return measure


def _sampling(setting: Setting) -> Callable[[], tuple[float, str]]:
    import keras

    from musiclib import models, sampling

    name, count = card(), 1024
    run = generation.as_run(models.build("stacked_lstm", pytorch.SIZE), pytorch.vocabulary())

    def generate() -> None:
        sampling.generate_ids(run, count=count, length=generation.LENGTH, seed=0)

    generate()
    return lambda: (count * generation.LENGTH / seconds(generate), f"{name}, {keras.backend.backend()}, float32")


COMPARISONS = (
    Comparison(
        rows=(
            Row("gpu_train", f"GPU: train the default LSTM, batches of {_BATCH_SIZE}", _training),
            Row("gpu_generate", "GPU: default LSTM, 1,024 pieces at once", _sampling),
        ),
        unit="tokens/s",
        more_is_better=True,
        on_gpu=True,
    ),
)
