"""A GAN of phrases in four voices, its builder and presets.

``network`` holds the generator, the critic and their training in turn, ``turns`` the loss of each, ``distance`` the
measure that selects the best epoch.
"""

from __future__ import annotations

from collections.abc import Sequence

from musiclib.config import TrainingConfig
from musiclib.models.gan.network import GAN
from musiclib.models.registry import Takes, register

__all__ = ["GAN", "gan"]


def gan(
    vocabulary_size: int,
    tokens: Sequence[str] | None = None,
    length: int = 130,
    latent_size: int = 64,
    voices: int = 4,
    units: int = 128,
    critic_units: int = 128,
    penalty: float = 10.0,
    critic_steps: int = 3,
    gumbel: float = 1.0,
) -> GAN:
    """Builds a Wasserstein GAN with gradient penalty for phrases of one length.

    Args:
        vocabulary_size: number of token ids.
        tokens: the tokens of the vocabulary, of a ``Phrases`` encoding with one time signature; ``training.train``
            gives them.
        length: ids of a phrase: time signature, voices times steps, ``<end>``.
        latent_size: size of the latent vector.
        voices: number of voices.
        units: size of the generator's layers.
        critic_units: size of the critic's layers.
        penalty: weight of the gradient penalty; 0 trains without one, which fails as the notebook shows.
        critic_steps: batches of the critic for each of the generator.
        gumbel: temperature of the Gumbel-softmax.

    Returns:
        A model from latent vectors (batch, latent) to logits (batch, length, vocabulary).

    Raises:
        ValueError: at an invalid option, or tokens that are not of such phrases.
    """
    options = (latent_size, voices, units, critic_units, penalty, critic_steps, gumbel)
    model = GAN(vocabulary_size, tokens, length, *options, name="gan")
    model.build()
    return model


register(
    "gan",
    gan,
    Takes(
        "Phrases of several voices and one time signature, such as Phrases(voices='SBAT', metres=['4/4'])",
        lambda encoding: encoding.name == "Phrases" and len(encoding.voices) > 1,
    ),
    quick=(
        {"units": 96, "critic_units": 96, "critic_steps": 2},
        TrainingConfig(130, 32, epochs=45, learning_rate=1e-3, halve_after=None, average=0.98, patience=45),
    ),
    full=(
        {},
        TrainingConfig(130, 64, epochs=200, learning_rate=3e-4, halve_after=None, average=0.999, patience=40),
    ),
)
