"""Models: the networks, one file each with its presets, and the registry of their names.

Every builder takes the vocabulary size and options, and returns a ``keras.Model`` that outputs logits. ``register``
adds your own.
"""

from musiclib.models.autoregressive import AutoregressiveModel
from musiclib.models.chorale_gru import chorale_gru, chorale_infill
from musiclib.models.gan import gan
from musiclib.models.gru_attention import gru_attention
from musiclib.models.gru_infill import gru_infill
from musiclib.models.registry import (
    BUILDERS,
    PRESETS,
    TAKES,
    Takes,
    all_options,
    build,
    build_for,
    check_encoding,
    find,
    register,
)
from musiclib.models.seq2seq import seq2seq
from musiclib.models.spectral_lstm import spectral_lstm
from musiclib.models.stacked_lstm import stacked_lstm
from musiclib.models.style_vae import style_vae
from musiclib.models.transformer import transformer
from musiclib.models.vae import vae

__all__ = [
    "BUILDERS", "PRESETS", "TAKES", "AutoregressiveModel", "Takes", "all_options", "build", "build_for",
    "check_encoding", "chorale_gru", "chorale_infill", "find", "gan", "gru_attention", "gru_infill", "register",
    "seq2seq", "spectral_lstm", "stacked_lstm", "style_vae", "transformer", "vae",
]  # fmt: skip
