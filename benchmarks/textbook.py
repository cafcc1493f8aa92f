"""The recipes of the tutorials, written anew on today's Keras, and no slower than they have to be.

The LSTM: every file through music21, note and chord names in one list, every window as one-hot
rows in memory, two LSTM layers trained on the position after the window, and one call of
``model.predict`` on a rolling window for each new note.

The GRU: a piano roll sampled five times a second, windows of 50, an embedding and three
bidirectional GRU layers with self-attention between them, and the same loop of ``predict``.

Sources: Sigurður Skúli, "How to Generate Music using a LSTM Neural Network in Keras" (2017),
whose layers are here the 512 and 256 units, fed with one-hot rows, of those who followed it;
Haryo Akbarianto Wibowo, "Generate Piano Instrumental Music by Using Deep Learning" (2019).
Nothing here is imported from musiclib: it is what musiclib is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import music21

WINDOW = 100  # notes that the LSTM looks back on
BATCH_SIZE = 128
ROLL_WINDOW = 50  # frames that the GRU looks back on
FRAMES_PER_SECOND = 5


def parse(path: str) -> music21.stream.Score:
    """Reads one file with music21, and not from the pickle that music21 made when it read it before."""
    import music21

    return music21.converter.parse(path, forceSource=True)


def note_names(score: music21.stream.Score) -> list[str]:
    """Names the notes of the first instrument (``C4``) and its chords (``0.4.7``, in normal order)."""
    import music21

    parts = music21.instrument.partitionByInstrument(score)
    names = []
    for element in (parts.parts[0] if parts else score).recurse().notes:
        if isinstance(element, music21.note.Note):
            names.append(str(element.pitch))
        elif isinstance(element, music21.chord.Chord):
            names.append(".".join(str(number) for number in element.normalOrder))
    return names


def numbering(names: Sequence[str]) -> dict[str, int]:
    """Numbers the different names in alphabetical order."""
    return {name: number for number, name in enumerate(sorted(set(names)))}


def one_hot_windows(numbers: np.ndarray, size: int, window: int = WINDOW) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a list of numbers into every window and the number after it, as one-hot rows.

    The rows are set in place: nothing larger than the result is ever made.

    Args:
        numbers: (n,) from 0 to ``size - 1``.
        size: of the vocabulary.
        window: numbers in a window.

    Returns:
        X: float32, (n - window, window, size).
        y: float32, (n - window, size).
    """
    count = len(numbers) - window
    inputs = np.zeros((count, window, size), np.float32)
    targets = np.zeros((count, size), np.float32)
    rows = np.arange(count)
    for place in range(window):
        inputs[rows, place, numbers[place : place + count]] = 1
    targets[rows, numbers[window:]] = 1
    return inputs, targets


def lstm(size: int, units: tuple[int, int] = (512, 256), dropout: float = 0.3) -> keras.Sequential:
    """Builds and compiles the LSTM network, from one-hot rows to the probabilities of the next note."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((None, size)),
            keras.layers.LSTM(units[0], return_sequences=True),
            keras.layers.Dropout(dropout),
            keras.layers.LSTM(units[1]),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(size, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop")
    return model


def compose(model: keras.Model, numbers: Sequence[int], size: int, count: int) -> list[int]:
    """Composes with the LSTM: ``predict`` on the one-hot window, take the likeliest, roll the window on.

    Args:
        model: what ``lstm`` built.
        numbers: the window to go on from.
        size: of the vocabulary.
        count: notes to compose.
    """
    window = np.eye(size, dtype=np.float32)[np.asarray(numbers)][None]
    composed = []
    for _ in range(count):
        number = int(np.argmax(model.predict(window, verbose=0)))
        composed.append(number)
        window = np.roll(window, -1, axis=1)
        window[0, -1] = 0
        window[0, -1, number] = 1
    return composed


def piano_roll(path: str) -> list[str]:
    """Names what sounds in each frame of a MIDI file: ``60,64,67``, or ``e`` where nothing does."""
    import pretty_midi

    roll = pretty_midi.PrettyMIDI(path).get_piano_roll(fs=FRAMES_PER_SECOND)
    return [",".join(map(str, np.flatnonzero(frame))) or "e" for frame in roll.T]


def gru_attention(size: int, units: int = 128, embedding_size: int = 100, dropout: float = 0.3) -> keras.Model:
    """Builds and compiles the GRU network, from frame numbers to the probabilities of the next frame."""
    import keras
    from keras_self_attention import SeqSelfAttention

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((ROLL_WINDOW,), dtype="int32"),
            layers.Embedding(size, embedding_size),
            layers.Bidirectional(layers.GRU(units, return_sequences=True)),
            SeqSelfAttention(units=32, attention_activation="sigmoid", attention_width=ROLL_WINDOW),
            layers.Dropout(dropout),
            layers.Bidirectional(layers.GRU(units, return_sequences=True)),
            SeqSelfAttention(units=32, attention_activation="sigmoid", attention_width=ROLL_WINDOW),
            layers.Dropout(dropout),
            layers.Bidirectional(layers.GRU(units)),
            layers.Dropout(dropout),
            layers.Dense(64),
            layers.LeakyReLU(),
            layers.Dense(size, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="nadam")
    return model


def compose_frames(model: keras.Model, numbers: Sequence[int], count: int, seed: int = 0) -> list[int]:
    """Composes with the GRU: ``predict`` on the window, draw a frame by its probability, roll on.

    Args:
        model: what ``gru_attention`` built.
        numbers: the window of ``ROLL_WINDOW`` frames to go on from.
        count: frames to compose.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    window = np.array([numbers], np.int32)
    composed = []
    for _ in range(count):
        probabilities = model.predict(window, verbose=0)[0].astype(np.float64)
        number = int(rng.choice(len(probabilities), p=probabilities / probabilities.sum()))
        composed.append(number)
        window = np.roll(window, -1, axis=1)
        window[0, -1] = number
    return composed
