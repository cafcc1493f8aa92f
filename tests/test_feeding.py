"""What is fed is what the windows hold, epoch for epoch."""

import keras
import numpy as np
import pytest

from musiclib.dataset import Windows
from musiclib.training import callbacks, feeding

tf = pytest.importorskip("tensorflow")


@pytest.mark.parametrize("targets", ["all", "last"])
def test_feeding_changes_no_batch(distinct_pieces, targets):
    windows = Windows(distinct_pieces, 5, 3, targets, seed=1)
    fed = feeding.feed(windows)
    for _ in range(3):
        batches = [tuple(np.asarray(part) for part in batch) for batch in fed]
        assert len(batches) == len(windows) > 1
        for batch, expected in zip(batches, (windows[i] for i in range(len(windows))), strict=True):
            assert all(np.array_equal(*parts) for parts in zip(batch, expected, strict=True))
        windows.on_epoch_end()


def test_training_meets_the_windows_of_each_epoch_once(distinct_pieces):
    """A network that only writes down what it is given sees what the windows say, in their order."""
    seen, expected = [], []

    class Recorder(keras.Model):
        def begin_epoch(self, epoch):
            pass

        def train_step(self, data):
            tf.py_function(lambda x: seen.append(x.numpy()), [data[0]], [])
            return {"nothing": tf.constant(0.0)}

    windows, again = (Windows(distinct_pieces, 5, 3, seed=1) for _ in range(2))
    model = Recorder()
    model.compile()
    model.fit(feeding.feed(windows), epochs=3, verbose=0, shuffle=False, callbacks=[callbacks.NextEpoch(windows)])
    for _ in range(3):
        expected.extend(again[i][0] for i in range(len(again)))
        again.on_epoch_end()
    assert len(seen) == len(expected)
    assert all(np.array_equal(*pair) for pair in zip(seen, expected, strict=True))
