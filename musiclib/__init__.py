"""musiclib: music generation with Keras, from MIDI files to sampled music.

The rooms in the order of the pipeline; each imports only from those before it::

    score -> readers, writers, audio, plots -> corpus -> encodings -> dataset
    models -> training -> sampling -> evaluation -> style, recommend -> studio

``from musiclib import corpus, encodings, training`` takes what a notebook needs; ``import musiclib`` alone loads no
room, and each on first use (``musiclib.corpus.load("bach")``).
"""

import contextlib
import importlib
import importlib.abc
import os
import re
import sys
import tempfile

__version__ = "0.2.0"

ROOMS = tuple(
    "config score readers writers audio plots corpus encodings dataset models training sampling evaluation"
    " style recommend studio".split()
)
# Where the modules of version 0.1 went, by what to import from now.
_MOVED = {
    old: new
    for new, names in {
        "score": "meter",
        "score.melody": "melodies",
        "_atomic": "files",
        "readers": "midi_file midi_music21 midi_symusic",
        "readers (read_score)": "pedal",
        "readers.parsed": "draft",
        "readers.music21_stream": "notation",
        "corpus": "cache jsb",
        "corpus.music21_corpus": "bundled",
        "corpus.download": "downloads",
        "corpus.parallel": "reading",
        "encodings (Vocabulary)": "vocabulary",
        "dataset (Pieces)": "pieces",
        "dataset (Windows, one_hot)": "windows",
        "dataset (prepare_pairs, phrases, Pairs, PairWindows)": "pairs pair_windows",
        "models.losses": "losses",
        "training": "callbacks checkpoint distribution feeding",
        "training (Run, load_run)": "runs",
        "training.provenance": "versions",
        "evaluation (NGram, best_ngram)": "ngram",
    }.items()
    for old in names.split()
}

# Silences TensorFlow's start-up log, where musiclib is imported before it and nobody has set another level.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def __getattr__(name: str):
    if name in ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _ImportHook(importlib.abc.MetaPathFinder):
    """Says where a module of version 0.1 went, and imports TensorFlow without its start-up log."""

    def find_spec(self, fullname, path=None, target=None):
        package, _, name = fullname.rpartition(".")
        if package == __name__ and name in _MOVED:
            raise ImportError(f"{fullname} moved in version 0.2: import it from musiclib.{_MOVED[name]}")
        if fullname != "tensorflow":
            return None
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, found), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def without_log(module):
                with _without_startup_log():
                    execute(module)

            spec.loader.exec_module = without_log
        return spec


@contextlib.contextmanager
def _without_startup_log():
    """Holds back what is written to the error stream, also by C++, and passes on all but TensorFlow's log lines.

    No environment variable silences what TensorFlow logs while it is imported, before its log level applies.
    """
    try:
        held, errors = tempfile.TemporaryFile(), os.dup(2)
    except OSError:  # a process without an error stream, or a disk without room
        yield
        return
    os.dup2(held.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(errors, 2)
        os.close(errors)
        held.seek(0)
        for line in held:
            if not _LOG_LINE.match(line):
                sys.stderr.write(line.decode(errors="replace"))
        held.close()


# A letter and a date, or a date and a letter, and the lines that belong to such.
_LOG_LINE = re.compile(
    rb"[IWE]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IWE] |WARNING: All log messages before absl|To enable the following instr"
)
sys.meta_path.insert(0, _ImportHook())
