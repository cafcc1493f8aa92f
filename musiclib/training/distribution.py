"""Distribution: data-parallel training over all devices of one or several machines.

Every device holds the whole network and computes the gradients of its own rows of each batch; the gradients are then
summed, so that all devices keep the same weights. ``batch_size`` counts the windows of a step over all devices, so a
configuration means the same training everywhere.

``training.train`` uses all devices of a machine by itself: MirroredStrategy on TensorFlow, Keras' DataParallel on JAX.
For several machines (or processes), each process calls ``start`` first; this needs JAX. The weights are as on one
device, except that each device draws its own dropout, and that TensorFlow clips the gradients of each device before
they are summed, JAX those of the whole batch.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np

from musiclib.dataset.batches import Batches
from musiclib.encodings.vocabulary import PADDING


def start(
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    timeout: int = 300,
) -> None:
    """Connects this process with the others of a training; must be the first call of a program.

    Every process then makes the same calls with the same arguments up to the end of ``training.train``. Each needs the
    dataset and reads only its share of the windows. Only process 0 prints and saves the run.

    Args:
        coordinator: ``"host:port"`` of process 0, with any free port. Where all three arguments are None, JAX asks
            Slurm, Open MPI or the TPU.
        processes: number of processes.
        process: index of this one, from 0.
        timeout: seconds to wait for the others.

    Raises:
        ValueError: on another backend than JAX, or at impossible arguments.
        TimeoutError: where process 0 cannot be reached in time. Where another one is missing, JAX itself ends the
            program and names it.
        RuntimeError: where JAX was used before.
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
        if process > 0:
            _wait_for(host, int(port), timeout)
    import jax

    try:
        jax.distributed.initialize(coordinator, processes, process, initialization_timeout=timeout)
    except RuntimeError as error:
        raise RuntimeError(
            f"process {process} of {processes} could not join the others at {coordinator}: {error}; call start once,"
            " before any network is built"
        ) from error


def is_main() -> bool:
    """Returns whether this is the process that prints and saves: the only one, or process 0."""
    return _place()[0] == 0


def scope() -> contextlib.AbstractContextManager:
    """Returns the context manager in which to build, compile and train a network."""
    devices = _devices()
    if len(devices) == 1:
        return contextlib.nullcontext()
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False).scope()
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices).scope()


def by_rows(model: keras.Model) -> None:
    """Makes each device run its own rows through a network, and sum its gradients with the others' once per step.

    Otherwise XLA on a CPU sums the gradient of a recurrent layer's weights after every position of the window: an
    epoch of two processes took 17 times as long.
    """
    if keras.backend.backend() != "jax" or len(_devices()) == 1:
        return
    import jax
    from jax.sharding import Mesh, PartitionSpec

    whole, rows = PartitionSpec(), PartitionSpec("rows")
    mesh = Mesh(np.array(jax.devices()), ("rows",))
    # Each device needs its own random numbers for dropout; their states are the only integers here.
    random = [keras.backend.is_int_dtype(variable.dtype) for variable in model.non_trainable_variables]
    call = model.stateless_call

    def stateless_call(trainable, others, ids, **options):
        def on_device(trainable, others, ids):
            apart = np.uint32([1, 0]) * jax.lax.axis_index("rows").astype("uint32")
            others = [value + apart if is_random else value for value, is_random in zip(others, random, strict=True)]
            outputs, others, *losses = call(trainable, others, ids, **options)
            others = [value - apart if is_random else value for value, is_random in zip(others, random, strict=True)]
            return outputs, others, *losses

        results = (rows, whole, whole) if options.get("return_losses") else (rows, whole)
        split = jax.shard_map(
            on_device, mesh=mesh, in_specs=(whole, whole, rows), out_specs=results, check_vma=False
        )  # with the check, XLA would sum the gradients in the loop again
        return split(trainable, others, ids)

    model.stateless_call = stateless_call


def share(batches: Batches) -> keras.utils.PyDataset:
    """Returns this process's share of each batch; on one device, the batches themselves.

    Raises:
        ValueError: where a batch cannot be divided evenly.
    """
    devices = len(_devices())
    if devices == 1:
        return batches
    if batches.batch_size % devices:
        raise ValueError(
            f"a batch of {batches.batch_size} windows cannot be divided evenly among {devices} devices; set batch_size"
            f" to a multiple of {devices}"
        )
    return _Share(batches, *_place())


def from_main(read: Callable[[], bytes]) -> bytes:
    """Reads something in process 0, whose files the others may not have, and broadcasts it to all processes.

    Args:
        read: called in process 0 only.

    Raises:
        ValueError: where ``read`` raised a ValueError or OSError; process 0 raises that error itself.
    """
    process, processes = _place()
    if processes == 1:
        return read()
    from jax.experimental.multihost_utils import broadcast_one_to_all

    data, failure = b"", None
    if process == 0:
        try:
            data = b"+" + read()
        except (ValueError, OSError) as error:
            data, failure = b"-" + str(error).encode(), error
    high, low = broadcast_one_to_all(np.array(divmod(len(data), 1 << 20), np.int32)).tolist()
    sent = np.frombuffer(data, np.uint8) if process == 0 else np.zeros((high << 20) + low, np.uint8)
    data = np.asarray(broadcast_one_to_all(sent)).astype(np.uint8).tobytes()
    if data[:1] == b"-":
        raise failure or ValueError(f"process 0 cannot train: {data[1:].decode()}")
    return data[1:]


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Sets the precision of the layers built inside; their weights are always float32.

    Args:
        name: ``"float32"``, ``"mixed_bfloat16"``, or ``"auto"``: the second where every device supports it (NVIDIA
            from compute capability 8.0, TPUs), otherwise the first.
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
    """The rows of every batch that belong to one process, always equally many.

    All processes cut and shuffle with the same seed, so that together they have the batches of a single process. The
    last batch is padded; padding does not count in the loss.
    """

    def __init__(self, batches: Batches, process: int, processes: int) -> None:
        super().__init__()
        self.batches, self.process = batches, process
        self.size = batches.batch_size // processes

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        first = index * self.batches.batch_size + self.process * self.size
        inputs, targets = self.batches.rows(first, first + self.size)
        missing = (0, self.size - len(targets))

        def padded(part: np.ndarray) -> np.ndarray:
            return np.pad(part, [missing, *[(0, 0)] * (part.ndim - 1)], constant_values=PADDING)

        return keras.tree.map_structure(padded, (inputs, targets))

    def on_epoch_end(self) -> None:
        self.batches.on_epoch_end()


def _wait_for(host: str, port: int, seconds: float) -> None:
    """Waits until a process listens there: JAX would end the program without naming the address."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"no process 0 at {host}:{port} within {seconds} seconds ({error}); start it there, and let the"
                    " other machines reach that port"
                ) from error
            time.sleep(0.2)


def _place() -> tuple[int, int]:
    """Returns the index of this process, and the number of processes."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def _devices() -> list[str]:
    """Returns the names of the devices to train on: the accelerators of all processes, or else their CPUs."""
    backend = keras.backend.backend()
    if backend == "jax":
        return keras.distribution.list_devices()
    if backend != "tensorflow":
        return [backend]  # Keras chooses the device itself
    import tensorflow as tf

    return [device.name for device in tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")]


def _has_bfloat16() -> bool:
    """Returns whether every device has hardware for bfloat16; older GPUs emulate it, slowly."""
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
