"""Chorale GRU: a GRU with one step per grid step of a four-part chorale; its builders and presets.

``network`` holds the model, ``features`` its input features; ``infilling`` the model that fills in, and ``future`` what
it sees ahead.
"""

from __future__ import annotations

from collections.abc import Sequence

from musiclib.config import TrainingConfig
from musiclib.encodings import Encoding, Vocabulary
from musiclib.models.chorale_gru.features import pitches_of
from musiclib.models.chorale_gru.infilling import ChoraleInfill
from musiclib.models.chorale_gru.network import ChoraleGRU
from musiclib.models.registry import Takes, register

__all__ = ["ChoraleGRU", "ChoraleInfill", "chorale_gru", "chorale_infill", "pitches_of"]


def chorale_gru(
    vocabulary_size: int,
    tokens: Sequence[str] | None = None,
    pitches: Sequence[int | None] | None = None,
    units: int = 192,
    head: int = 144,
    heads: int = 4,
    keys: int = 2,
    memory: int = 256,
    dropout: float = 0.5,
) -> ChoraleGRU:
    """Builds a GRU with attention over the steps of a chorale, and an output head for each voice.

    Args:
        vocabulary_size: number of token ids.
        tokens: the tokens of the vocabulary, of a ``Chorale(holds=False)`` encoding; ``training.train`` gives them.
        pitches: the pitch of each id, in place of the tokens; older runs have saved it.
        units: size of the GRU and of its input; a multiple of ``heads``.
        head: size of each voice's output head.
        heads: attention heads.
        keys: number of musical keys that the network infers at once.
        memory: number of past steps that are attended to.
        dropout: dropout rate of the GRU and the output heads; half of it elsewhere.

    Returns:
        A model from ids (batch, time) to logits (batch, time, vocabulary).

    Raises:
        ValueError: where ``tokens`` are not those of a chorale, or ``pitches`` does not fit the vocabulary.
    """
    if pitches is None:
        pitches = pitches_of(Vocabulary(tokens)) if tokens else []
    model = ChoraleGRU(vocabulary_size, pitches, units, head, heads, keys, memory, dropout, name="chorale_gru")
    model.build((None, None))
    return model


def chorale_infill(
    vocabulary_size: int,
    tokens: Sequence[str] | None = None,
    units: int = 192,
    head: int = 144,
    heads: int = 4,
    keys: int = 2,
    memory: int = 256,
    dropout: float = 0.5,
    reading: int = 56,
) -> ChoraleInfill:
    """Builds a chorale GRU that fills in: it also sees what is known ahead. See ``chorale_gru`` for the other options.

    Args:
        vocabulary_size: number of token ids.
        tokens: the tokens of the vocabulary, of a ``Chorale(holds=False)`` encoding; ``training.train`` gives them.
        units: size of the GRU and of its input; a multiple of ``heads``.
        head: size of each voice's output head.
        heads: attention heads.
        keys: number of musical keys that the network infers at once.
        memory: number of past steps that are attended to.
        dropout: dropout rate of the GRU and the output heads; half of it elsewhere.
        reading: size of the GRU that reads the known notes from the end.

    Returns:
        A model from a condition and ids, each (batch, time), to logits (batch, time, vocabulary).

    Raises:
        ValueError: where ``tokens`` are not those of a chorale.
    """
    pitches = pitches_of(Vocabulary(tokens)) if tokens else []
    options = (pitches, units, head, heads, keys, memory, dropout)
    model = ChoraleInfill(vocabulary_size, *options, reading=reading, name="chorale_infill")
    model.build([(None, None), (None, None)])
    return model


def _fits(encoding: Encoding) -> bool:
    return encoding.name == "Chorale" and not encoding.holds and encoding.voices == "SBAT"


_VOICES = Takes("Chorale(holds=False, voices='SBAT')", _fits)
# Eight epochs of full reach its best, in ten minutes of one core; then it needs regularization, not size.
_REGULARIZED = {"learning_rate": 2e-3, "weight_decay": 0.05, "average": 0.998, "patience": 6}
register(
    "chorale_gru",
    chorale_gru,
    _VOICES,
    {"temperature": 0.9, "top_p": 0.95},  # nine of ten pieces then end on a triad (benchmarks/endings.py)
    quick=(
        {"units": 64, "head": 48, "heads": 2, "dropout": 0.2},
        TrainingConfig(window=512, batch_size=16, epochs=4, learning_rate=5e-3, average=0.95, align=64),
    ),
    full=({}, TrainingConfig(window=512, batch_size=16, align=64, **_REGULARIZED)),
)
register(
    "chorale_infill",
    chorale_infill,
    _VOICES,
    quick=(
        {"units": 64, "head": 48, "heads": 2, "dropout": 0.2, "reading": 32},
        TrainingConfig(window=512, batch_size=16, epochs=4, learning_rate=5e-3, average=0.95, align=64),
    ),
    full=({}, TrainingConfig(window=1024, batch_size=8, align=64, **_REGULARIZED)),
)
