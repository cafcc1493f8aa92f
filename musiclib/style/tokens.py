"""Style tokens and style vectors: what a trained network knows of its styles, and how to set it by hand.

A latent vector of a ``style_vae`` is the content of a phrase, followed by the scores of the style tokens. The scores
decide which tokens the decoder attends to; another style's scores change the style. The mean content of the phrases of
a style differs from style to style as well: that difference is the style vector of latent arithmetic.

Source: Yuxuan Wang et al., "Style Tokens" (2018); Tomas Mikolov et al., "Linguistic Regularities in Continuous Space
Word Representations" (2013), for the arithmetic; Adam Roberts et al., "A Hierarchical Latent Vector Model for Learning
Long-Term Structure in Music" (2018), for its use with phrases.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from keras import ops

from musiclib.models.style_vae import StyleVAE
from musiclib.sampling.primers import check_latents, check_run


def styles(run) -> tuple[str, ...]:
    """Returns the styles that a run knows; raises ValueError where it is not of a ``style_vae``."""
    check_run(run)
    if not isinstance(run.model, StyleVAE):
        raise ValueError(f"a {run.config.model.name} knows no styles; take a run of a style_vae, or style.learn one")
    return run.model.styles


def shares(run, style: str | Mapping[str, float]) -> np.ndarray:
    """Returns a style or a mixture of styles as shares that sum to 1, (styles,) in the order of ``styles``.

    Args:
        run: a trained run of a ``style_vae``.
        style: a name, or weights by name, such as ``{"Irish": 2, "Chinese": 1}``.

    Raises:
        ValueError: at an unknown style, or weights that are negative or all 0.
    """
    known = styles(run)
    wanted = style if isinstance(style, Mapping) else {style: 1.0}
    unknown = next((name for name in wanted if name not in known), None)
    if unknown is not None or not wanted:
        raise ValueError(f"unknown style {unknown!r}; this run knows {', '.join(known)}")
    values = np.array([float(wanted.get(name, 0.0)) for name in known])
    if not (np.all(np.isfinite(values)) and np.all(values >= 0) and values.sum() > 0):
        raise ValueError(f"the weights of styles must be at least 0 and not all 0, got {dict(wanted)}")
    return values / values.sum()


def scores(run, style: str | Mapping[str, float]) -> np.ndarray:
    """Returns the scores of the style tokens of a style or a mixture, (style tokens,)."""
    return shares(run, style) @ ops.convert_to_numpy(run.model.style_scores)


def vector(run, style: str | Mapping[str, float]) -> np.ndarray:
    """Returns the mean latent vector of a style or a mixture, (latent,): mean content and scores."""
    content = shares(run, style) @ ops.convert_to_numpy(run.model.style_means)
    return np.concatenate([content, scores(run, style)]).astype(np.float32)


def attention(run, z: np.ndarray) -> np.ndarray:
    """Returns which style tokens the decoder attends to at each position of phrases.

    Args:
        run: a trained run of a ``style_vae``.
        z: latent vectors, (phrases, latent).

    Returns:
        (phrases, length, style tokens), each position summing to 1.
    """
    styles(run)
    return ops.convert_to_numpy(run.model.attention(ops.convert_to_tensor(check_latents(run, z))))


def with_scores(run, z: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns latent vectors with the same content and other scores of the style tokens.

    Args:
        run: a trained run of a ``style_vae``.
        z: latent vectors, (phrases, latent).
        values: (style tokens,), from ``scores`` or set by hand; 0 is neutral, a high score attends to that token only.

    Raises:
        ValueError: at another number of scores.
    """
    styles(run)
    z, values = check_latents(run, z).copy(), np.asarray(values, np.float32)
    if values.shape != (run.model.style_tokens,) or not np.all(np.isfinite(values)):
        raise ValueError(f"this run has {run.model.style_tokens} style tokens, got scores {values.tolist()}")
    z[:, run.model.content_size :] = values
    return z
