"""Generation: musiclib's compiled loop, against a call of ``predict`` for every note."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import music, textbook
from benchmarks.measure import Comparison, Row, Setting, seconds
from musiclib.encodings.vocabulary import RESERVED, Vocabulary

if TYPE_CHECKING:
    import keras

    from musiclib.models.stacked_lstm import StackedLSTM
    from musiclib.training import Run

LENGTH = 1000  # notes that musiclib generates
TEXTBOOK_LENGTH = 20  # notes that the loops of ``predict`` are timed over: each takes as long as the next
REACH = 1024  # tokens that the Transformer looks back on
AGREEING = 30  # notes that both have to choose alike before anything is timed


def textbook_lstm(size: int, units: tuple[int, int] = (512, 256), seed: int = 0) -> keras.Model:
    """Builds the textbook's network with weights that are the same in every process.

    The first layer listens to its input more than a fresh one does: otherwise the likeliest
    note would be the same for ever, and two loops that agree on it would show nothing.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = textbook.lstm(size, units)
    kernel, recurrent, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([kernel * 8, recurrent, bias])
    return model


def same_weights(model: keras.Model) -> StackedLSTM:
    """Copies the textbook's LSTM into musiclib's: its one-hot rows become the rows of an embedding."""
    from musiclib.models import stacked_lstm

    first, second, head = (model.layers[i] for i in (0, 2, 4))
    size, extra = head.units, len(RESERVED)
    ours = stacked_lstm(size + extra, [first.units, second.units], embedding_size=size, dropout=0.0)
    ours.embedding.set_weights([np.concatenate([np.zeros((extra, size)), np.eye(size)])])
    for mine, theirs in zip(ours.lstms, (first, second), strict=True):
        mine.set_weights(theirs.get_weights())
    kernel, bias = head.get_weights()
    # The reserved ids have no place in the textbook's vocabulary; sampling never chooses them.
    ours.head.set_weights([np.pad(kernel, ((0, 0), (extra, 0))), np.pad(bias, (extra, 0))])
    return ours


def as_run(model: keras.Model, vocabulary: Vocabulary) -> Run:
    """Wraps a network as a run, which is what sampling takes."""
    from musiclib import config, encodings
    from musiclib.training import run

    return run.Run(model, vocabulary, encodings.NoteChord(durations=False), config.Config(), {}, {})


def check_agreement(model: keras.Model, run: Run, primer: np.ndarray, count: int = AGREEING) -> list[int]:
    """Lets both choose the likeliest notes after a primer of the textbook's numbers, and returns them.

    Raises:
        ValueError: where they differ.
    """
    from musiclib import sampling

    theirs = textbook.compose(model, primer, len(run.vocabulary) - len(RESERVED), count)
    (ours,) = sampling.generate_ids(run, length=count, primer=primer + len(RESERVED), greedy=True)
    ours = (ours - len(RESERVED)).tolist()
    if ours != theirs:
        raise ValueError(f"with the same weights musiclib chose {ours} and the textbook {theirs}")
    return ours


def start(pieces: list[list[str]], window: int) -> tuple[np.ndarray, Vocabulary]:
    """Returns the first window of the music as the textbook's numbers, and the vocabulary."""
    vocabulary = music.vocabulary(pieces)
    return music.numbers(pieces, vocabulary)[:window], vocabulary


def _predict_loop(setting: Setting) -> Callable[[], float]:
    primer, vocabulary = start(music.names(setting), textbook.WINDOW)
    size = len(vocabulary) - len(RESERVED)
    model = textbook_lstm(size)
    textbook.compose(model, primer, size, 2)
    return lambda: TEXTBOOK_LENGTH / seconds(lambda: textbook.compose(model, primer, size, TEXTBOOK_LENGTH))


def _sampling(count: int, first_call: bool = False) -> Callable[[Setting], Callable[[], float]]:
    """Returns the side that generates ``count`` pieces; on the first call, compiling counts."""

    def prepare(setting: Setting) -> Callable[[], float]:
        from musiclib import sampling

        primer, vocabulary = start(music.names(setting), textbook.WINDOW)
        model = textbook_lstm(len(vocabulary) - len(RESERVED))
        run = as_run(same_weights(model), vocabulary)
        check_agreement(model, run, primer)

        def generate(chosen: Run = run) -> None:
            sampling.generate_ids(chosen, count=count, length=LENGTH, primer=primer + len(RESERVED), seed=0)

        def measure() -> float:
            if first_call:
                fresh = as_run(same_weights(model), vocabulary)  # a network that no loop was compiled for
                return LENGTH / seconds(lambda: generate(fresh))
            return count * LENGTH / seconds(generate)

        if not first_call:
            generate()
        return measure

    return prepare


def _attention_predict_loop(setting: Setting) -> Callable[[], float]:
    window, vocabulary = start(music.frames(setting), textbook.ROLL_WINDOW)
    model = textbook.gru_attention(len(vocabulary) - len(RESERVED))
    textbook.compose_frames(model, window, 2)
    return lambda: TEXTBOOK_LENGTH / seconds(lambda: textbook.compose_frames(model, window, TEXTBOOK_LENGTH))


def _attention_sampling(setting: Setting) -> Callable[[], float]:
    import keras

    from musiclib import models, sampling

    window, vocabulary = start(music.frames(setting), textbook.ROLL_WINDOW)
    attention = "keras-self-attention" if keras.backend.backend() == "tensorflow" else "additive"
    run = as_run(models.build("gru_attention", len(vocabulary), attention=attention), vocabulary)

    def generate() -> None:
        sampling.generate_ids(run, length=LENGTH, primer=window + len(RESERVED), seed=0)

    generate()
    return lambda: LENGTH / seconds(generate)


def _transformer(cached: bool) -> Callable[[Setting], Callable[[], float]]:
    """Returns the side that samples the default Transformer, with its cache or from a window seen anew each time."""

    def prepare(setting: Setting) -> Callable[[], float]:
        import keras

        from musiclib import models, sampling

        vocabulary = music.vocabulary(music.names(setting))
        keras.utils.set_random_seed(0)
        model = models.build("transformer", len(vocabulary), context_length=REACH)
        if not cached:
            # What every network has without a ``step`` of its own.
            model.initial_state = types.MethodType(models.AutoregressiveModel.initial_state, model)
            model.step = types.MethodType(models.AutoregressiveModel.step, model)
        run, length = as_run(model, vocabulary), REACH if cached else TEXTBOOK_LENGTH

        def generate(length: int = length) -> None:
            sampling.generate_ids(run, length=length, seed=0)

        generate(1)  # compiles
        return lambda: length / seconds(generate)

    return prepare


COMPARISONS = (
    Comparison(
        rows=(
            Row("generate_one", f"LSTM, one piece of {LENGTH:,} notes, same weights", _sampling(1), 250),
            Row("generate_first", "the same, first call, with compiling", _sampling(1, first_call=True)),
            Row("generate_256", f"LSTM, 256 pieces of {LENGTH:,} notes at once, same weights", _sampling(256), 3000),
        ),
        unit="notes/s",
        against="a `predict` for each note",
        baseline=_predict_loop,
        more_is_better=True,
    ),
    Comparison(
        rows=(Row("generate_attention", f"GRU with attention, {LENGTH:,} frames", _attention_sampling, 50),),
        unit="frames/s",
        against="a `predict` for each frame",
        baseline=_attention_predict_loop,
        more_is_better=True,
    ),
    Comparison(
        rows=(Row("generate_transformer", f"Transformer, looking back on {REACH:,} tokens", _transformer(True), 10),),
        unit="tokens/s",
        against="its window seen anew for each token",
        baseline=_transformer(False),
        more_is_better=True,
    ),
)
