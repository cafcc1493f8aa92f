"""A network and an encoding of one's own: defined in notebook cells, trained, saved, loaded elsewhere, sampled."""

import os
import pathlib
import subprocess
import sys

import nbclient
import nbformat

ROOT = pathlib.Path(__file__).resolve().parents[1]

ENCODING = """
import dataclasses
from musiclib import encodings
from musiclib.score import Score

@dataclasses.dataclass(frozen=True)
class Steps(encodings.Encoding):
    "Each note as its MIDI number, a quarter long."
    lowest: int = 0
    name = "Steps"

    def encode(self, score):
        return [str(pitch) for pitch in score.pitch.tolist()]

    def decode(self, tokens):
        return Score.from_notes([(i, 1, int(token)) for i, token in enumerate(tokens)])
"""
NETWORK = """
import keras
from keras import ops
from musiclib import models

class Counter(models.AutoregressiveModel):
    def __init__(self, vocabulary_size, context_length, **kwargs):
        super().__init__(vocabulary_size, **kwargs)
        self.context_length = context_length
        self.table = keras.layers.Embedding(vocabulary_size, vocabulary_size)

    def call(self, ids, training=False):
        return self.table(ids)

def counter(vocabulary_size, context_length=8):
    model = Counter(vocabulary_size, context_length)
    model.build((None, None))
    return model
"""
REGISTER_NETWORK, REGISTER_ENCODING = "models.register('counter', counter)", "encodings.register(Steps)"
TRAIN = """
from musiclib import config, corpus, dataset, training
from musiclib.corpus import Corpus

scores = tuple(Score.from_notes([(i, 1, 60 + (i * step) % 7) for i in range(40)]) for step in (1, 2, 3, 4))
parts = corpus.Split(*(Corpus(tuple(names), scores[:len(names)]) for names in ("ab", "c", "d")))
data = dataset.prepare(parts, Steps(lowest=1))
settings = config.preset("quick", "counter").replace(epochs=1, window=8, batch_size=2)
run = training.train(data, settings, folder, progress=False)
"""
USE = """
from musiclib import dataset, evaluation, sampling, training

run = training.load_run(folder)
piece = sampling.generate(run, length=12, stop_at_end=False, seed=1)[0]
pieces = dataset.Pieces.from_lists([[1, *run.vocabulary.to_ids(run.encoding.encode(piece)), 2]])
print(run.encoding, len(piece), round(evaluation.nats_per_token(run, pieces), 2) > 0)
"""


def use(folder, *code):
    """Runs code in a fresh process; returns what it printed and the last line of its error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    lines = "\n".join([f"folder = {str(folder)!r}", *code, USE])
    done = subprocess.run([sys.executable, "-c", lines], env=environment, capture_output=True, text=True)
    return done.stdout, done.stderr.strip().rpartition("\n")[2]


def test_what_a_notebook_registers_trains_and_loads_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "run"
    cells = [f"folder = {str(folder)!r}", ENCODING, NETWORK, REGISTER_NETWORK, REGISTER_ENCODING, TRAIN]
    # As somebody works: the cells are run once more, and a changed network is trained anew.
    again = [NETWORK, REGISTER_NETWORK, TRAIN, "first = run.about['code']"]
    changed = NETWORK.replace("return self.table(ids)", "return 2.0 * self.table(ids)")
    again += [changed, REGISTER_NETWORK, TRAIN, "assert run.about['code'] != first"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in [*cells, *again]])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()

    defined = [ENCODING, NETWORK]
    printed, _ = use(folder, *defined, REGISTER_NETWORK, REGISTER_ENCODING)
    assert printed == "Steps(lowest=1) 12 True\n"
    for lines, missing in (
        ([REGISTER_ENCODING], "models.register('counter', builder)"),
        ([REGISTER_NETWORK], "encodings.register(Steps)"),
    ):
        printed, error = use(folder, *defined, *lines)
        assert printed == "" and error.startswith(f"musiclib.training.run.NotRegistered: {folder} ")
        assert f"call {missing} first" in error
