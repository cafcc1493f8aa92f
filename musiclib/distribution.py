"""Distribution: one training over all devices of a machine, or of several machines.

Every device holds the whole network and learns from its own rows of each batch; then the
gradients are joined, so that all of them go on with the same weights. ``batch_size`` stays
what it is on one device, the windows of a step over all of them: a configuration means the
same training wherever it runs.

``training.train`` takes all devices of a machine by itself: MirroredStrategy on TensorFlow,
Keras' DataParallel on JAX. TensorFlow clips the gradients of each device before they are
joined, JAX those of the whole batch; where none is clipped, the weights come out the same. For several machines
(or several processes of one) each calls ``start`` first; this needs the JAX backend.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import numpy as np

from musiclib.vocabulary import PADDING
from musiclib.windows import Windows


def start(
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    timeout: int = 300,
) -> None:
    """Joins this process to the others of a training; the first call in a program.

    Every process then makes the same calls with the same arguments up to the end of
    ``training.train``. Each has to find the dataset under its path, and reads only the
    windows that are its share. Process 0 alone prints, and writes the run.

    Args:
        coordinator: ``"host:port"`` of process 0, on which that one listens; the port is any
            free one. Where all three stay None, JAX asks Slurm, Open MPI or the TPU.
        processes: how many there are.
        process: which one this is, from 0.
        timeout: seconds to wait until all have come.

    Raises:
        ValueError: on another backend than JAX, or where the three arguments cannot be.
        RuntimeError: where the others do not come in time, or JAX was at work before.
    """
    if keras.backend.backend() != "jax":
        raise ValueError(
            f"training in several processes needs JAX, and Keras runs on {keras.backend.backend()}; start every process"
            " with the environment variable KERAS_BACKEND=jax"
        )
    given = (coordinator, processes, process)
    if any(value is None for value in given) and any(value is not None for value in given):
        raise ValueError(f"give coordinator, processes and process together, or none of them, got {given}")
    if coordinator is not None:
        host, _, port = coordinator.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"coordinator must be 'host:port', for example '10.0.0.1:1234', got {coordinator!r}")
        if not 0 <= process < processes:
            raise ValueError(f"process must lie between 0 and processes - 1, got process {process} of {processes}")
    import jax

    try:
        jax.distributed.initialize(coordinator, processes, process, initialization_timeout=timeout)
    except RuntimeError as error:
        raise RuntimeError(
            f"process {process} of {processes} could not join the others at {coordinator}: {error}; call start once,"
            " before any network is built, and start all processes within the timeout"
        ) from error


def is_main() -> bool:
    """Tells whether this is the process that prints and writes: the only one, or process 0."""
    return _place()[0] == 0


def scope() -> contextlib.AbstractContextManager:
    """Returns the context in which a network is to be built, compiled and trained."""
    devices = _devices()
    if len(devices) == 1:
        return contextlib.nullcontext()
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False).scope()
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices).scope()


def share(windows: Windows) -> keras.utils.PyDataset:
    """Returns what this process feeds of these windows; on one device they all.

    Raises:
        ValueError: where a batch cannot be dealt out evenly.
    """
    devices = len(_devices())
    if devices == 1:
        return windows
    if windows.batch_size % devices:
        raise ValueError(
            f"a batch of {windows.batch_size} windows cannot be dealt out evenly to {devices} devices; set batch_size"
            f" to a multiple of {devices}"
        )
    return _Share(windows, *_place())


def sum_over_devices(value):
    """Adds up a number over the devices that each compute a loss from rows of their own.

    MirroredStrategy adds the gradients of its devices, so each has to divide by the targets of
    the whole batch, not by those in its own rows. JAX computes one loss of the whole batch.
    """
    if keras.backend.backend() != "tensorflow":
        return value
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Makes the layers built inside compute in a precision; their weights are float32 in any.

    Args:
        name: ``"float32"``, ``"mixed_bfloat16"``, or ``"auto"``: the second where every device
            computes it natively (NVIDIA from compute capability 8.0, TPUs), otherwise the first.
    """
    if name == "auto":
        name = "mixed_bfloat16" if _has_bfloat16() else "float32"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class _Share(keras.utils.PyDataset):
    """The rows of every batch that one process feeds: equally many for each, in each batch.

    All processes cut and shuffle the windows with the same seed, so that together they feed
    the batches of a single process. The last batch is filled up with padding, which has no
    target that counts.
    """

    def __init__(self, windows: Windows, process: int, processes: int) -> None:
        super().__init__()
        self.windows, self.process = windows, process
        self.rows = windows.batch_size // processes

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        first = index * self.windows.batch_size + self.process * self.rows
        inputs, targets = self.windows.rows(first, first + self.rows)
        missing = ((0, self.rows - len(inputs)), (0, 0))
        return tuple(np.pad(part, missing, constant_values=PADDING) for part in (inputs, targets))

    def on_epoch_end(self) -> None:
        self.windows.on_epoch_end()


def _place() -> tuple[int, int]:
    """Returns which process this is, and how many there are."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def _devices() -> list[str]:
    """Names the devices to train on: the accelerators of all processes, or their processors where there are none."""
    backend = keras.backend.backend()
    if backend == "jax":
        return keras.distribution.list_devices()
    if backend != "tensorflow":
        return [backend]  # whichever Keras itself takes there
    import tensorflow as tf

    return [device.name for device in tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")]


def _has_bfloat16() -> bool:
    """Tells whether every device has units for bfloat16; older GPUs emulate it, slowly."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return all(
            device.platform == "tpu"
            or (device.platform == "gpu" and float(getattr(device, "compute_capability", 0)) >= 8)
            for device in jax.devices()
        )
    if backend != "tensorflow":
        return False
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return bool(gpus) and all(detail.get("compute_capability", (0, 0)) >= (8, 0) for detail in details)
