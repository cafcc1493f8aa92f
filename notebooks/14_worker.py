"""One of several processes that train one network together; notebook 14 starts two of them.

On a cluster, start it on every host with the address of the first one:

    python notebooks/14_worker.py DATASET RUN HOST:PORT PROCESSES PROCESS
"""

import hashlib
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from musiclib import config, dataset, distribution, training

folder, run_folder, coordinator, processes, process = sys.argv[1:]
distribution.start(coordinator, int(processes), int(process), timeout=60)
data = dataset.Dataset.load(folder)
settings = config.preset("quick").replace(epochs=2)
run = training.train(data, settings, run_folder)
digest = hashlib.sha256(b"".join(weights.tobytes() for weights in run.model.get_weights())).hexdigest()
print(f"process {process}: weights {digest[:16]}")
