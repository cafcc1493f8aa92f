"""One of the processes that train one network together; notebook 14 starts two of them.

On a cluster, start it on every machine, with the address of the first one:

    python notebooks/14_worker.py DATASET RUN HOST:PORT PROCESSES PROCESS
"""

import hashlib
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from musiclib import config, dataset, training

data_folder, run_folder, coordinator, processes, process = sys.argv[1:]
training.distribution.start(coordinator, int(processes), int(process), timeout=120)
data = dataset.Dataset.load(data_folder)
run = training.train(data, config.preset().replace(epochs=2), run_folder)
digest = hashlib.sha256(b"".join(weights.tobytes() for weights in run.model.get_weights()))
print(f"process {process}: SHA-256 of the weights {digest.hexdigest()[:16]}")
